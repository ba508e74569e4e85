//! Every definite no of Snowflake's, at each thing the daemon asks of it, printed as a table: the name it has in the
//! status while it lasts, the tokens that are left and the time nobody could log in once its cause is gone.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crash::log_in;
use e2e::{append_to_entry, live, most_alive_ever};
use serde_json::Value;
use snowflake_sim::engine::StatementKind::{AddPat, RemovePat, ShowPats};
use snowflake_sim::{Act, Fault, On};
use world::{CONNECTION, World, eventually, wait_at_most};

#[test]
fn a_definite_no_during_a_rotation_is_named_costs_nobody_a_secret_and_leaves_one_token() {
    let rows = table(
        "a rotation",
        Life::Rotation,
        &[Point::Issue, Point::Probe, Point::Remove, Point::Show],
    );

    let told: Vec<_> = rows.iter().filter(|row| !row.told.is_empty()).collect();
    assert!(told.is_empty(), "the old secret was valid, and yet: {told:#?}");
}

#[test]
fn a_definite_no_during_a_first_issue_is_named_and_once_its_cause_is_gone_a_secret_is_served() {
    table("a first issue", Life::FirstIssue, &[Point::Issue, Point::Probe, Point::Show]);
}

/// What the slot is about when it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    FirstIssue,
    Rotation,
}

/// What is asked of Snowflake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    Issue,
    Probe,
    Remove,
    Show,
}

/// A no: what it is about, how a statement is told, how a login is told, and the name each has in the status. A login
/// is never refused for want of a privilege or of room.
struct No {
    about: &'static str,
    statement: (Act, &'static str),
    login: Option<(Act, &'static str)>,
}

/// What one no at one point came to.
#[derive(Debug)]
struct Row {
    point: Point,
    about: &'static str,
    named: String,
    next_step: String,
    tokens: usize,
    without_service: Duration,
    /// What somebody was told who could not log in.
    told: Vec<String>,
}

/// Codes and texts are those of the simulator's rules; where Snowflake publishes no code, the words decide.
fn refusals() -> Vec<No> {
    let sql =
        |code: &str, message: &str| Act::SqlError { code: code.into(), message: message.into() };
    let no = |about, statement, login| No { about, statement, login };
    let user = "User 'MIGUEL_CLI'";
    vec![
        no(
            "limit",
            (
                sql(
                    "399003",
                    &format!(
                        "{user} already has the maximum number of 15 programmatic access tokens."
                    ),
                ),
                "token-limit",
            ),
            None,
        ),
        no(
            "privilege",
            (
                sql(
                    "003001",
                    "SQL access control error:\nInsufficient privileges to operate on user 'MIGUEL_CLI'.",
                ),
                "privilege-missing",
            ),
            None,
        ),
        no(
            "policy",
            (
                sql(
                    "399012",
                    "Programmatic access tokens are not allowed by the authentication policy.",
                ),
                "policy-forbids",
            ),
            Some((sql("390202", "AUTHN_POLICY_AUTHN_ATTEMPT_REJECTED"), "probe-refused")),
        ),
        no(
            "network policy",
            (
                sql(
                    "399011",
                    &format!(
                        "{user} must be subject to a network policy to have programmatic access tokens."
                    ),
                ),
                "policy-forbids",
            ),
            Some((sql("390432", "Network policy is required."), "probe-network-policy")),
        ),
        no(
            "role not granted",
            (
                sql(
                    "399006",
                    "Role 'MIGUEL_CLI_ROLE' does not exist or is not granted to user 'MIGUEL_CLI'.",
                ),
                "role-not-granted",
            ),
            Some((
                sql(
                    "390189",
                    "Role 'MIGUEL_CLI_ROLE' specified in the connect string does not exist or not authorized.",
                ),
                "probe-refused",
            )),
        ),
        no(
            "user disabled",
            (sql("399099", &format!("{user} is disabled.")), "user-disabled"),
            Some((
                sql("390101", "User access disabled. Contact your local system administrator."),
                "probe-refused",
            )),
        ),
        no(
            "expiry above maximum",
            (sql("399008", "DAYS_TO_EXPIRY 7 is out of range: 1 to 1."), "expiry-too-long"),
            Some((sql("394400", "Programmatic access token is invalid."), "probe-refused")),
        ),
        no(
            "address",
            (
                sql(
                    "390422",
                    "Incoming request with IP/Token 192.0.2.7 is not allowed to access Snowflake.",
                ),
                "admin-network-refused",
            ),
            Some((
                sql(
                    "390422",
                    "Incoming request with IP/Token 192.0.2.7 is not allowed to access Snowflake.",
                ),
                "probe-network-policy",
            )),
        ),
        no(
            "syntax (422 with a code)",
            (sql("001003", "SQL compilation error:\nsyntax error"), "refused"),
            None,
        ),
        no("400", (Act::Status(400), "refused"), Some((Act::Status(400), ANY))),
        no("401", (Act::Status(401), "admin-login-refused"), Some((Act::Status(401), ANY))),
        no("403", (Act::Status(403), "refused"), Some((Act::Status(403), ANY))),
        // Without a word of Snowflake's nothing is definite: SHOW decides.
        no("404", (Act::Status(404), ANY), Some((Act::Status(404), ANY))),
        no("422 without a code", (Act::Status(422), ANY), Some((Act::Status(422), ANY))),
        no("429", (Act::Status(429), ANY), Some((Act::Status(429), ANY))),
    ]
}

fn table(title: &str, life: Life, points: &[Point]) -> Vec<Row> {
    let refusals = refusals();
    let cells = cells(&refusals, points);
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((point, no)) = cells.get(next.fetch_add(1, SeqCst)) {
            let row = row(life, *point, no);
            rows.lock().expect("nobody panicked with it").push(row);
        }
    };
    std::thread::scope(|scope| {
        // Mostly waiting.
        (0..AT_ONCE).for_each(|_| {
            scope.spawn(work);
        });
    });
    let mut rows = rows.into_inner().expect("nobody panicked with it");
    rows.sort_by_key(|row| {
        let is_of = |(point, no): &(Point, &No)| *point == row.point && no.about == row.about;
        cells.iter().position(is_of)
    });
    println!(
        "{title}: asked for | refused for | tokens left | without service | state and name | way out"
    );
    rows.iter().for_each(|row| println!("{}", row.line()));
    rows
}

fn cells<'a>(refusals: &'a [No], points: &[Point]) -> Vec<(Point, &'a No)> {
    let pairs = points.iter().flat_map(|point| refusals.iter().map(move |no| (*point, no)));
    let meant = pairs.filter(|(point, no)| *point != Point::Probe || no.login.is_some());
    meant.collect()
}

/// Leads a slot to the point, refuses it there until it is named, lifts the cause, and waits for the end.
fn row(life: Life, point: Point, no: &No) -> Row {
    let _named = Named(format!("{life:?} {point:?} {}", no.about));
    let mut world = World::new();
    append_to_entry(&world, CONNECTION, "[token]\ndrain_min_seconds = 1");
    let (act, name) = match (point, &no.login) {
        (Point::Probe, Some(login)) => login,
        _ => &no.statement,
    };
    let mut service = Service::of(life);
    let old = service.first_secret(&mut world, life);
    world.sim.fault(Fault { on: on(point), after: 0, times: times(point, name), act: act.clone() });
    begin(&mut world, life);

    let (named, next_step) = seen(&world, point, name, &mut service, old.is_some());
    world.sim.clear_faults();
    service.lifted();
    let end = wait_at_most(PATIENCE, || {
        let used = service.log_in(&world)?;
        let is_alone = matches!(live(&world.sim)[..], [ref only] if only.id == used);
        (is_alone && Some(used) != old).then_some(())
    });
    assert!(end.is_some(), "no new token alone and in use: {}", world.status());
    let (tokens, most) = (live(&world.sim).len(), most_alive_ever(&world.sim));
    assert!(most <= 3, "{most} tokens at once");
    let Service { longest_gap: without_service, told, .. } = service;
    Row { point, about: no.about, named, next_step, tokens, without_service, told }
}

fn begin(world: &mut World, life: Life) {
    match life {
        Life::FirstIssue => world.start(),
        // Refused or not: what is asked about is what follows.
        Life::Rotation => {
            drop(world.patctl(["rotate", CONNECTION]).output().expect("patctl starts"))
        }
    }
}

/// Waits until the status has the name, and returns the state with it and the way out.
fn seen(
    world: &World,
    point: Point,
    name: &str,
    service: &mut Service,
    has_old: bool,
) -> (String, String) {
    eventually(&format!("the status names {name}"), || {
        let status = world.status();
        if has_old && point != Point::Probe {
            service.log_in(world);
        }
        let slot = &status["slots"][0];
        // A removal that is refused holds up nothing: it is an alarm beside the slot's state. One that is not clearly
        // refused is tried again before anybody is told.
        let problem = match point {
            Point::Remove if name == ANY => {
                let is_met = world.sim.faults_left().is_empty();
                return is_met.then(|| (word(slot), "(tried again)".to_owned()));
            }
            Point::Remove => alarm(&status, "remove-refused")?,
            Point::Issue | Point::Probe | Point::Show => slot["problem"].clone(),
        };
        let id = problem["id"].as_str()?;
        let is_named = name == ANY || point == Point::Remove || id == name;
        let next_step = problem["next_step"].as_str().filter(|step| !step.is_empty())?;
        is_named.then(|| (format!("{} ({id})", word(slot)), next_step.to_owned()))
    })
}

fn word(slot: &Value) -> String {
    slot["state"].as_str().expect("a slot has a state").to_owned()
}

fn alarm(status: &Value, id: &str) -> Option<Value> {
    status["alarms"].as_array()?.iter().find(|alarm| alarm["id"] == id).cloned()
}

fn on(point: Point) -> On {
    match point {
        Point::Issue => On::Statement(AddPat),
        Point::Remove => On::Statement(RemovePat),
        Point::Show => On::Statement(ShowPats),
        Point::Probe => On::Login,
    }
}

/// Clients log in too: only the probe is to be refused, and it comes first. What is tried again without a word is
/// seen by its being used up.
fn times(point: Point, name: &str) -> u32 {
    match point {
        Point::Probe => 1,
        Point::Remove if name == ANY => 1,
        Point::Issue | Point::Remove | Point::Show => u32::MAX,
    }
}

/// Whether clients can log in, as they try again and again.
struct Service {
    refused_since: Option<Instant>,
    longest_gap: Duration,
    told: Vec<String>,
}

impl Service {
    fn of(life: Life) -> Self {
        let refused_since = (life == Life::FirstIssue).then(Instant::now);
        Self { refused_since, longest_gap: Duration::ZERO, told: Vec::new() }
    }

    fn first_secret(&mut self, world: &mut World, life: Life) -> Option<u64> {
        if life == Life::FirstIssue {
            return None;
        }
        world.start();
        Some(log_in(world, client()).expect("a first secret"))
    }

    /// Where nobody had a secret, what counts is the time from here.
    fn lifted(&mut self) {
        if let Some(since) = &mut self.refused_since {
            *since = Instant::now();
        }
    }

    fn log_in(&mut self, world: &World) -> Option<u64> {
        let asked = Instant::now();
        let used = log_in(world, client()).map_err(|said| self.told.push(said)).ok();
        if used.is_none() {
            self.refused_since.get_or_insert(asked);
        } else if let Some(since) = self.refused_since.take() {
            self.longest_gap = self.longest_gap.max(since.elapsed());
        }
        used
    }
}

impl Row {
    fn line(&self) -> String {
        let Self { about, named, next_step, tokens, without_service, .. } = self;
        let (point, seconds) =
            (format!("{:?}", self.point).to_lowercase(), without_service.as_secs_f32());
        format!("  {point:6} | {about:24} | {tokens} | {seconds:5.1} s | {named} | {next_step:.60}")
    }
}

/// Says what was tried when it goes wrong: a failed demand knows only the demand.
struct Named(String);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("that was {}", self.0);
        }
    }
}

fn client() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crash-client"))
}

/// Which name it has is not what is asked about, only that it has one.
const ANY: &str = "any problem";
/// What was refused several times is waited for longer.
const PATIENCE: Duration = Duration::from_secs(90);
const AT_ONCE: usize = 10;
