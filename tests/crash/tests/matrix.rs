//! Everything the simulator can do to an answer, at each thing the daemon asks of Snowflake, printed as a table: the
//! states that were reached, the tokens that are left, the time nobody could log in.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crash::{is_long, log_in};
use e2e::{append_to_entry, live, most_alive_ever};
use snowflake_sim::engine::StatementKind::{AddPat, RemovePat, ShowPats};
use snowflake_sim::{Act, Fault, On};
use world::{CONNECTION, World};

#[test]
fn whatever_snowflake_answers_during_a_rotation_nobody_is_without_a_secret_and_one_token_is_left() {
    let rows = table("a rotation", &["issue", "probe", "remove", "show"], |world, fault, row| {
        world.start();
        log_in(world, client()).expect("a first secret");
        world.sim.fault(fault);
        // Refused or not: what is asked about is what follows.
        world.patctl(["rotate", CONNECTION]).output().expect("patctl starts");
        row.watch(world, None);
    });

    let without: Vec<_> = rows.iter().filter(|row| !row.without_service.is_zero()).collect();
    assert!(without.is_empty(), "the old secret was valid, and yet: {without:#?}");
}

#[test]
fn whatever_snowflake_answers_during_a_first_issue_a_secret_is_served_and_one_token_is_left() {
    table("a first issue", &["issue", "probe", "show"], |world, fault, row| {
        world.sim.fault(fault);
        world.start();
        row.watch(world, Some(Instant::now()));
    });
}

/// What one fault at one point came to.
#[derive(Debug)]
struct Row {
    point: &'static str,
    act: Act,
    states: BTreeSet<String>,
    tokens: usize,
    most_tokens: usize,
    without_service: Duration,
    has_ended: bool,
}

impl Row {
    /// Logs in again and again until the fault was met and all is well, and keeps what is seen on the way; `since`
    /// is when nobody had a secret yet.
    fn watch(&mut self, world: &World, since: Option<Instant>) {
        let begin = Instant::now();
        let mut refused_since = since;
        while begin.elapsed() < PATIENCE && !self.has_ended {
            let asked = Instant::now();
            let used = log_in(world, client()).ok();
            self.note(used, asked, &mut refused_since);
            self.states.insert(state(world));
            let is_alone = matches!(live(&world.sim)[..], [ref only] if Some(only.id) == used);
            self.has_ended = is_alone && world.sim.faults_left().is_empty();
        }
        self.tokens = live(&world.sim).len();
        self.most_tokens = most_alive_ever(&world.sim);
    }

    fn note(&mut self, used: Option<u64>, asked: Instant, refused_since: &mut Option<Instant>) {
        if used.is_none() {
            refused_since.get_or_insert(asked);
        } else if let Some(since) = refused_since.take() {
            self.without_service = self.without_service.max(since.elapsed());
        }
    }

    fn line(&self) -> String {
        let states: Vec<_> = self.states.iter().map(String::as_str).collect();
        let (point, act) = (self.point, format!("{:?}", self.act));
        format!(
            "  {point:6} | {act:60.60} | {:1} | {:5.1} s | {}",
            self.tokens,
            self.without_service.as_secs_f32(),
            states.join(", ")
        )
    }
}

/// Tries each fault at each point in a world of its own, prints the table, and demands that every row ended well.
fn table(
    title: &str,
    points: &[&'static str],
    life: impl Fn(&mut World, Fault, &mut Row) + Sync,
) -> Vec<Row> {
    let (cells, next) = (cells(points), AtomicUsize::new(0));
    let rows = Mutex::new(Vec::new());
    let work = || {
        while let Some((point, act)) = cells.get(next.fetch_add(1, SeqCst)) {
            let row = row(point, act, &life);
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
    rows.sort_by_key(|row| points.iter().position(|point| *point == row.point));
    println!("{title}: asked for | fault | tokens left | without service | states seen");
    rows.iter().for_each(|row| println!("{}", row.line()));
    let bad: Vec<_> = rows.iter().filter(|row| !row.has_ended || row.most_tokens > 3).collect();
    assert!(bad.is_empty(), "not one token that works, or more than three on the way: {bad:#?}");
    rows
}

fn row(point: &'static str, act: &Act, life: impl Fn(&mut World, Fault, &mut Row)) -> Row {
    let mut world = World::new();
    append_to_entry(&world, CONNECTION, "[token]\ndrain_min_seconds = 1");
    let mut row = Row {
        point,
        act: act.clone(),
        states: BTreeSet::new(),
        tokens: 0,
        most_tokens: 0,
        without_service: Duration::ZERO,
        has_ended: false,
    };
    life(&mut world, Fault::next(on(point), act.clone()), &mut row);
    row
}

fn cells(points: &[&'static str]) -> Vec<(&'static str, Act)> {
    let mut acts = quick_acts();
    if is_long() {
        acts.extend(slow_acts());
    }
    let cells =
        acts.into_iter().flat_map(|act| points.iter().map(move |point| (*point, act.clone())));
    cells.filter(|(point, act)| *point != "probe" || is_for_logins(act)).collect()
}

fn quick_acts() -> Vec<Act> {
    let refusal =
        |code: &str, message: &str| Act::SqlError { code: code.into(), message: message.into() };
    vec![
        Act::Status(429),
        Act::Status(500),
        Act::Status(503),
        refusal("000603", "SQL execution internal error"),
        Act::DropBeforeCommit,
        Act::DropAfterCommit,
        Act::TruncateAt(0),
        Act::TruncateAt(120),
        Act::WrongColumns,
        Act::SwapColumns,
        Act::NoRows,
        Act::ExtraColumn,
        Act::OtherTokenName,
        Act::DuplicateRow,
    ]
}

/// These take the daemon's own deadlines to come out.
fn slow_acts() -> Vec<Act> {
    vec![
        Act::Delay(Duration::from_secs(5)),
        Act::Delay(Duration::from_secs(40)),
        Act::NeverEnding202,
        Act::Hang,
    ]
}

/// A login has no columns, and is never accepted for later.
fn is_for_logins(act: &Act) -> bool {
    matches!(
        act,
        Act::Status(_)
            | Act::SqlError { .. }
            | Act::Delay(_)
            | Act::DropBeforeCommit
            | Act::DropAfterCommit
            | Act::TruncateAt(_)
            | Act::Hang
    )
}

fn on(point: &str) -> On {
    match point {
        "issue" => On::Statement(AddPat),
        "remove" => On::Statement(RemovePat),
        "show" => On::Statement(ShowPats),
        _ => On::Login,
    }
}

/// The state in a word, with the id of what is wrong.
fn state(world: &World) -> String {
    let slot = &world.status()["slots"][0];
    let state = slot["state"].as_str().expect("a slot has a state");
    match slot["problem"]["id"].as_str() {
        Some(problem) => format!("{state} ({problem})"),
        None => state.to_owned(),
    }
}

fn client() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crash-client"))
}

/// A removal that failed is tried again with a later look.
const PATIENCE: Duration = Duration::from_secs(150);
const AT_ONCE: usize = 8;
