//! A power cut: the daemon is ended at a call of its life, its state folder becomes what a disk would show, and
//! Snowflake is what it was at that moment; then the machine starts anew.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use e2e::{append_to_entry, live, removed};
use snowflake_sim::engine::CredentialId;
use snowflake_sim::engine::StatementKind::{AddPat, RemovePat, RotatePat, ShowPats};
use snowflake_sim::{Fault, On, Saved, Simulator};
use world::{CONNECTION, World, eventually, wait_at_most};

use crate::disk::{self, Disk, Image, Loss};
use crate::house::log_in;
use crate::journal;
use crate::shim::{Act, Call, Page, library};

/// What the daemon is led through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The very first start, until somebody has logged in.
    FirstIssue,
    /// A rotation that a person orders, until the old token is gone and somebody has logged in.
    Rotation,
    /// A revocation, until Snowflake has no token.
    Revocation,
}

/// How the daemon gets another secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// A token under a new name, then the old one goes.
    Add,
    /// Another secret under the name that stays.
    Rotate,
}

/// A world in which lives are led again and again, each from the same beginning.
pub struct Bench {
    pub(crate) world: World,
    page: Page,
    journal: PathBuf,
    pub(crate) client: &'static Path,
    strategy: Strategy,
    never_started: Moment,
    pub(crate) serving: Moment,
}

/// The account and the state folder at one moment.
pub(crate) struct Moment {
    pub(crate) snowflake: Saved,
    pub(crate) state: Image,
}

/// A life that was cut off, or not.
struct Led {
    disk: Disk,
    is_cut: bool,
    /// The token that somebody logged in with last.
    handed_out: Option<u64>,
    /// Somebody was told that the slot is revoked.
    is_told_revoked: bool,
}

impl Led {
    /// Whether somebody has a token that is still there.
    fn has_served(&self, there: &[u64]) -> bool {
        self.handed_out.is_some_and(|id| there.contains(&id))
    }
}

/// What one power cut came to.
#[derive(Debug, Default)]
pub struct Cut {
    /// Folders that a disk may show after it, each different.
    pub folders: usize,
    /// Those of them that lack something.
    pub with_loss: usize,
    /// What starts that found the store damaged said of it.
    pub repairs: Vec<String>,
    /// From the start to the first secret, at the longest.
    pub without_service: Duration,
}

impl Bench {
    /// Makes the world and its two beginnings; `client` logs in once.
    pub fn new(client: &'static Path, strategy: Strategy) -> Self {
        let mut world = World::new();
        // A login then shows by its token's id which secret it was made with.
        world
            .sim
            .switches(|switches| switches.rotate_credential_id = CredentialId::MovesWithSecret);
        let lines = "[token]\ndrain_min_seconds = 1\ndrain_max_seconds = 3";
        let word = if strategy == Strategy::Rotate { "rotate" } else { "add" };
        append_to_entry(&world, CONNECTION, &format!("{lines}\nstrategy = \"{word}\""));
        let never_started = Moment::of(&world);
        world.start();
        log_in(&world, client).expect("a first secret");
        world.stop();
        // The database takes a snapshot of itself at its next opening.
        world.start();
        world.stop();
        let serving = Moment::of(&world);
        std::fs::write(world.folder().join(BOOT), OTHER_BOOT).expect("the id of another boot");
        let (page, journal) = (Page::create(world.folder()), world.folder().join("journal"));
        Self { world, page, journal, client, strategy, never_started, serving }
    }

    /// Leads a whole life and returns its calls.
    pub fn record(&mut self, life: Life) -> Vec<String> {
        let led = self.lead(life, None);
        assert!(!led.is_cut, "the daemon ended by itself in its {life:?}");
        self.world.kill();
        self.page.calls()
    }

    /// Cuts the power before a call of a life, and demands of each way of losing what was not synced that the next
    /// start puts things right. None if the call was not met.
    pub fn cut(&mut self, life: Life, call: &Call, losses: &[Loss]) -> Option<Cut> {
        let led = self.lead(life, Some(call));
        let is_hit = self.page.is_hit();
        self.page.disarm();
        self.world.kill();
        is_hit.then(|| self.after(life, &led, losses))
    }

    fn after(&mut self, life: Life, led: &Led, losses: &[Loss]) -> Cut {
        let snowflake = quiet(&self.world.sim);
        let whole = disk::image_of(&self.world.state());
        let (mut cut, mut seen) = (Cut::default(), BTreeSet::new());
        for loss in losses {
            let state = led.disk.after_a_cut(*loss);
            if !seen.insert(state.clone()) {
                continue;
            }
            let _named = Named(*loss);
            cut.folders += 1;
            cut.with_loss += usize::from(state != whole);
            self.world.sim.restore(&snowflake);
            disk::put(&state, &self.world.state());
            File::create(self.world.log()).expect("an empty log");
            let there: Vec<u64> = live(&self.world.sim).iter().map(|token| token.id).collect();
            if life != Life::Revocation && led.has_served(&there) {
                // No other secret can be made until somebody has one of those that were there.
                let nothing =
                    Fault::always(On::Statement(ShowPats), snowflake_sim::Act::Status(503));
                self.world.sim.fault(nothing);
            }
            self.start_after_a_cut();
            match life {
                Life::FirstIssue | Life::Rotation => self.serves_on(led, &there, &mut cut),
                Life::Revocation => self.stays_revoked_or_serves(led),
            }
            cut.repairs.extend(self.repair());
            self.world.kill();
        }
        cut
    }

    /// Leads a life from its beginning, up to the call where there is one.
    fn lead(&mut self, life: Life, until: Option<&Call>) -> Led {
        let begin = if life == Life::FirstIssue { &self.never_started } else { &self.serving };
        self.world.sim.restore(&begin.snowflake);
        disk::put(&begin.state, &self.world.state());
        let disk = Disk::of(&self.world.state());
        File::create(&self.journal).expect("an empty journal");
        let until = until.map(|call| (call, Act::KillBefore));
        self.page.disarm();
        if life == Life::FirstIssue {
            self.page.arm(until);
        }
        self.start_above_the_shim();
        let mut led = Led { disk, is_cut: false, handed_out: None, is_told_revoked: false };
        led.handed_out = self.log_in_or_end();
        if life != Life::FirstIssue && led.handed_out.is_some() {
            self.is_at_rest(|_| true);
            self.page.arm(until);
            self.go_on(life, &mut led);
        }
        led.is_cut = led.handed_out.is_none()
            || !self.is_at_rest(|world| is_over(world, life, led.handed_out));
        led.disk.replay(journal::read(&self.journal));
        led
    }

    fn go_on(&mut self, life: Life, led: &mut Led) {
        let verb = if life == Life::Rotation { "rotate" } else { "revoke" };
        let told = self.world.patctl([verb, CONNECTION]).output().expect("patctl starts");
        if life == Life::Revocation {
            // 2: the tombstone is there, Snowflake did not confirm yet.
            led.is_told_revoked = matches!(told.status.code(), Some(0 | 2));
        } else if told.status.success() {
            led.handed_out = self.log_in_or_end().or(led.handed_out);
        }
    }

    fn start_above_the_shim(&mut self) {
        let text = |path: &Path| path.to_str().expect("a path is text").to_owned();
        let mut variables = self.page.variables(self.world.folder()).to_vec();
        variables.push(("CRASH_JOURNAL", text(&self.journal)));
        variables.push(("CRASH_STATE", text(&self.world.state())));
        self.spawn(&variables);
    }

    /// The machine started anew: processes of before are none, and the kernel says another boot.
    fn start_after_a_cut(&mut self) {
        let text = |path: &Path| path.to_str().expect("a path is text").to_owned();
        let boot = self.world.folder().join(BOOT);
        self.spawn(&[("LD_PRELOAD", text(library())), ("CRASH_BOOT", text(&boot))]);
    }

    pub(crate) fn spawn(&mut self, variables: &[(&'static str, String)]) {
        let program = self.world.programs.patd();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.world.spawn_program(&program, &variables);
    }

    /// Returns the token somebody logged in with, or nothing if the daemon ended first.
    pub(crate) fn log_in_or_end(&mut self) -> Option<u64> {
        eventually("a secret or an end", || {
            let used = log_in(&self.world, self.client).ok();
            (used.is_some() || self.has_ended()).then_some(used)
        })
    }

    /// Waits until it is over and nothing is written any more; false if the daemon ends first.
    fn is_at_rest(&mut self, is_over: impl Fn(&World) -> bool) -> bool {
        let mut last = (0, Instant::now());
        eventually("rest, or an end", || {
            let size = std::fs::metadata(&self.journal).expect("a journal").len()
                + u64::from(self.page.count());
            if size != last.0 {
                last = (size, Instant::now());
            }
            let is_quiet = last.1.elapsed() > QUIET && is_over(&self.world);
            (is_quiet || self.has_ended()).then(|| !self.has_ended())
        })
    }

    fn has_ended(&mut self) -> bool {
        self.world.daemon().ended().is_some()
    }

    /// What was handed out and what was sent are not forgotten: nobody is asked for help, and in the end Snowflake has
    /// the one token that is in use.
    fn serves_on(&mut self, led: &Led, there: &[u64], cut: &mut Cut) {
        let start = Instant::now();
        let first = self.log_in_or_end();
        let first = first.unwrap_or_else(|| panic!("it did not start: {}", self.told()));
        cut.without_service = cut.without_service.max(start.elapsed());
        assert!(
            !led.has_served(there) || there.contains(&first),
            "a secret that was handed out is forgotten"
        );
        self.world.sim.clear_faults();
        let is_clean = wait_at_most(PATIENCE, || {
            self.pass_the_time();
            let used = log_in(&self.world, self.client).ok()?;
            matches!(live(&self.world.sim)[..], [ref only] if only.id == used).then_some(())
        });
        assert!(is_clean.is_some(), "not one token that is handed out: {}", self.told());
        let most = most_alive(&self.world.sim);
        assert!(most <= 3, "{most} tokens were alive at once");
    }

    /// A tombstone that was announced to anybody is there for ever; one that was not may be there or not.
    fn stays_revoked_or_serves(&mut self, led: &Led) {
        let is_announced = led.is_told_revoked || removed(&self.world.sim) > 0;
        let is_revoked = eventually("a state", || {
            assert!(!self.has_ended(), "it did not start: {}", self.world.daemon().log_text());
            let answer = self.world.patctl(["status", "--json"]).output().expect("patctl starts");
            let status: serde_json::Value = serde_json::from_slice(&answer.stdout).ok()?;
            Some(status["slots"][0]["state"].as_str()?.starts_with("revok"))
        });
        assert!(is_revoked || !is_announced, "a revocation is forgotten");
        assert_eq!(log_in(&self.world, self.client).is_err(), is_revoked);
        if is_revoked {
            eventually("no token is left", || live(&self.world.sim).is_empty().then_some(()));
            assert!(log_in(&self.world, self.client).is_err());
        }
    }

    /// A ROTATE without an answer is waited for until it cannot land any more: some minutes, by Snowflake's clock.
    fn pass_the_time(&self) {
        if self.strategy == Strategy::Rotate {
            let problem = self.world.status()["slots"][0]["problem"]["id"].clone();
            if problem == "waiting-for-room" {
                self.world.sim.advance(Duration::from_secs(60));
            }
        }
    }

    /// For the text of a failed demand.
    fn told(&self) -> String {
        let log = std::fs::read_to_string(self.world.log()).unwrap_or_default();
        let tokens: Vec<_> = live(&self.world.sim).into_iter().map(|token| token.name).collect();
        format!("{}\n{tokens:?}\n{log}", self.world.status())
    }

    /// What a person is told of the store, without where it is.
    pub(crate) fn repair(&self) -> Option<String> {
        let status = self.world.status();
        let alarms = status["alarms"].as_array().expect("a list");
        let repaired = alarms.iter().find(|alarm| alarm["id"] == "store-repaired")?;
        repaired["message"].as_str()?.split(';').next().map(str::to_owned)
    }
}

impl Moment {
    fn of(world: &World) -> Self {
        Self { snowflake: quiet(&world.sim), state: disk::image_of(&world.state()) }
    }
}

fn is_over(world: &World, life: Life, handed_out: Option<u64>) -> bool {
    let alive = live(&world.sim);
    match life {
        Life::FirstIssue | Life::Rotation => {
            matches!(alive[..], [ref only] if Some(only.id) == handed_out)
        }
        Life::Revocation => alive.is_empty(),
    }
}

/// Returns the largest number of tokens that were there at once, by the statements carried out. A ROTATE leaves two.
fn most_alive(sim: &Simulator) -> i32 {
    let done = sim.queries().into_iter().filter(|query| query.error.is_none());
    let change = done.map(|query| match query.kind {
        AddPat | RotatePat => 1,
        RemovePat => -1,
        _ => 0,
    });
    change
        .scan(0, |alive, by| {
            *alive += by;
            Some(*alive)
        })
        .max()
        .unwrap_or(0)
}

/// Returns the account once nothing that was sent before is still being carried out.
fn quiet(sim: &Simulator) -> Saved {
    let counts = || (sim.queries().len(), sim.logins().len());
    let mut last = (counts(), Instant::now());
    let is_quiet = wait_at_most(Duration::from_secs(10), || {
        if counts() != last.0 {
            last = (counts(), Instant::now());
        }
        (last.1.elapsed() > IN_FLIGHT).then_some(())
    });
    assert!(is_quiet.is_some(), "Snowflake is asked again and again, by nobody");
    sim.save()
}

/// Says what was tried when it goes wrong.
struct Named(Loss);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("that was with the loss of {:?}", self.0);
        }
    }
}

const BOOT: &str = "another-boot";
const OTHER_BOOT: &str = "00000000-0000-4000-8000-000000000002\n";
/// A removal that failed is tried again with a later look.
const PATIENCE: Duration = Duration::from_secs(40);
/// Longer than the pause between any two calls of a life, once it is over.
const QUIET: Duration = Duration::from_millis(300);
/// A request on loopback is carried out in less.
const IN_FLIGHT: Duration = Duration::from_millis(60);
