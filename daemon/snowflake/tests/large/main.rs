//! A large account: seen whole, with as many statements as are written down and in little memory. A process of its own,
//! so that the memory is that of this look (and of the simulator, which keeps every statement it ran).

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "../simulated/house.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod house;
#[path = "../simulated/world.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod world;

use std::time::Instant;

use house::{House, known};

const PERSONS: usize = 1_600;
const SERVICES: usize = 400;

/// Peak memory of this process, in KiB, since it was last reset.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Makes the present memory the peak (proc_pid_clear_refs(5)).
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("clear_refs");
}

fn populated() -> House {
    let house = House::new();
    let person =
        |n| format!("CREATE USER P{n:04} TYPE = PERSON PASSWORD = 'x' COMMENT = 'one of many'");
    let service = |n| format!("CREATE USER S{n:04} TYPE = SERVICE");
    let made: Vec<String> = (0..PERSONS).map(person).chain((0..SERVICES).map(service)).collect();
    for part in made.chunks(200) {
        house.admin(&part.join(";"));
    }
    house.admin("ALTER USER P1234 ADD PAT FORGOTTEN");
    // A page of users comes in four partitions.
    house.sim.http_switches(|switches| switches.rows_per_partition = 300);
    house
}

#[tokio::test]
async fn two_thousand_users_are_seen_with_the_statements_that_are_written_down() {
    let house = populated();
    let before = house.sim.queries().len();
    reset_peak();
    let (start, memory) = (Instant::now(), peak());

    let seen = house.seen_by_admin().await;

    let (took, grown) = (start.elapsed(), peak() - memory);
    let asked = house.sim.queries().len() - before;
    let size = serde_json::to_vec(&seen).expect("JSON").len();
    println!(
        "{PERSONS} persons, {SERVICES} services: {asked} statements in {took:?}, \
         memory + {grown} KiB, an observation of {} KiB",
        size / 1024
    );
    let persons = known(&seen.persons);
    // The administrator and SEC, who looks, are persons too; BROKER and MIGUEL_CLI are ours.
    assert_eq!(persons.len(), PERSONS + 2);
    assert_eq!(known(&seen.other_services).len(), SERVICES);
    let live = persons.iter().filter(|(_, person)| !known(&person.live_tokens).is_empty());
    assert_eq!(live.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["P1234"]);

    let pages = 3;
    let by_user = 2 * (PERSONS + 2) + SERVICES + 2;
    let rest = asked - by_user - pages;
    assert!(
        (20..60).contains(&rest),
        "{asked} statements: {by_user} for users, {rest} for the rest"
    );
    assert!(grown < 48 << 10, "{grown} KiB");
}
