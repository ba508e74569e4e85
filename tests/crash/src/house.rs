//! A world with the shim below its daemon, the one rotation it is led through again and again, and what must hold
//! after whatever happened to it.

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use e2e::{append_to_entry, live, most_alive_ever, said};
use world::{CONNECTION, USER, World, eventually, wait_at_most};

use crate::{Act, Call, Page};

/// A world whose daemon runs above the shim and serves.
pub struct House {
    /// The world.
    pub world: World,
    page: Page,
    client: &'static Path,
}

/// What one rotation came to.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The named call was met.
    pub is_hit: bool,
    /// The daemon died of it.
    pub has_died: bool,
    /// The rotation went to its end all the same, before any restart.
    pub is_done: bool,
    /// From the start after it to the first secret that was handed out.
    pub without_service: Duration,
}

impl House {
    /// Returns a world that serves; `client` logs in once.
    pub fn new(client: &'static Path) -> Self {
        let world = World::new();
        append_to_entry(&world, CONNECTION, "[token]\ndrain_min_seconds = 1");
        let page = Page::create(world.folder());
        let mut house = Self { world, page, client };
        house.start();
        house.settles();
        house
    }

    /// Leads the daemon through one rotation, from the order until the old token is gone, and returns its calls.
    pub fn record(&mut self) -> Vec<String> {
        let old = self.only_token();
        self.page.arm(None);
        assert!(self.rotate().success());
        assert!(self.rotation_ends(old, PATIENCE), "a rotation without any fault did not end");
        self.page.disarm();
        let calls = self.page.calls();
        self.settles();
        calls
    }

    /// Leads the daemon through one rotation with a fault in it, starts it anew, and demands that it recovered. None
    /// if it would not begin the rotation: after an ADD that may still land it keeps the room free for it a while.
    pub fn suffer(&mut self, call: &Call, act: Act) -> Option<Outcome> {
        let old = self.only_token();
        self.page.arm(Some((call, act)));
        let is_refused = self.rotate().code() == Some(REFUSED);
        if is_refused && !self.page.is_hit() {
            self.page.disarm();
            return None;
        }
        let patience = if matches!(act, Act::Fail(_)) { PATIENCE_WITH_A_FAILURE } else { PATIENCE };
        let is_done = !is_refused && self.rotation_ends(old, patience);
        let (is_hit, has_died) = (self.page.is_hit(), self.has_ended());
        self.page.disarm();
        self.world.kill();
        self.start();
        let without_service = self.settles();
        Some(Outcome { is_hit, has_died, is_done, without_service })
    }

    fn start(&mut self) {
        let program = self.world.programs.patd();
        let variables = self.page.variables(self.world.folder());
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.world.spawn_program(&program, &variables);
        self.world.wait_until_ready();
    }

    /// The answer may never come: then the daemon is dead.
    fn rotate(&self) -> ExitStatus {
        self.world.patctl(["rotate", CONNECTION]).output().expect("patctl starts").status
    }

    /// Waits until another token is the only one and nothing is written any more. False if it died or did not get
    /// there.
    fn rotation_ends(&mut self, old: u64, patience: Duration) -> bool {
        let mut last = (0, Instant::now());
        let over = wait_at_most(patience, || {
            if self.has_ended() {
                return Some(false);
            }
            let count = self.page.count();
            if count != last.0 {
                last = (count, Instant::now());
            }
            let is_new = matches!(live(&self.world.sim)[..], [ref only] if only.id != old);
            (is_new && last.1.elapsed() > QUIET).then_some(true)
        });
        over.unwrap_or(false)
    }

    fn has_ended(&mut self) -> bool {
        self.world.daemon().ended().is_some()
    }

    /// Demands what must hold after anything: a secret is handed out that logs in, Snowflake has no token but that
    /// one, and never had more than three. Returns how long the first hand-out took.
    fn settles(&self) -> Duration {
        let begin = Instant::now();
        eventually("a secret is handed out that logs in", || log_in(&self.world, self.client).ok());
        let without_service = begin.elapsed();
        // An order that was on disk is carried out now: the token may change once more before it is the only one.
        eventually("the one token left is the one that is handed out", || {
            let used = log_in(&self.world, self.client).ok()?;
            matches!(live(&self.world.sim)[..], [ref only] if only.id == used).then_some(())
        });
        let most = most_alive_ever(&self.world.sim);
        assert!(most <= 3, "{most} tokens were alive at once");
        without_service
    }

    fn only_token(&self) -> u64 {
        eventually("one token is there", || match live(&self.world.sim)[..] {
            [ref only] => Some(only.id),
            _ => None,
        })
    }
}

/// Logs in once through the wrapper, and returns the id of the token that Snowflake saw.
///
/// # Errors
/// What the wrapper or the client said instead.
pub fn log_in(world: &World, client: &Path) -> Result<u64, String> {
    let mut wrapper = world.pat_exec(["-c", CONNECTION, "--"]);
    let output = wrapper.arg(client).output().expect("pat-exec starts");
    if !output.status.success() {
        return Err(said(&output));
    }
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), USER);
    let logins = world.sim.logins();
    let ours = logins.iter().rfind(|login| login.client_type == world::driver::CLIENT_NAME);
    ours.and_then(|login| login.first_factor_id).ok_or("no login was seen".to_owned())
}

/// How patctl ends when the daemon lives and says no.
const REFUSED: i32 = 1;
/// The drain takes a second, then the removal.
const PATIENCE: Duration = Duration::from_secs(20);
/// A failed rotation is tried again in its own time; the restart afterwards is what is asked about.
const PATIENCE_WITH_A_FAILURE: Duration = Duration::from_secs(6);
/// Longer than the pause between any two calls of a rotation, once the old token is gone.
const QUIET: Duration = Duration::from_millis(400);
