//! P4: who is refused, that no refusal tells a stranger anything, and that the log has the cause.

use pat_wire::admin::{ExplainRequest, Explanation, RotateRequest, Rotated};
use pat_wire::connection::BrokerError;
use pat_wire::error::ErrorCode;
use pat_wire::message::HandOutRequest;

use crate::world::{CONNECTION, World, own_uid, post};

#[test]
fn every_refusal_of_policy_is_the_same_to_the_byte() {
    let mut world = World::prepared();
    world.entry(CONNECTION, "MIGUEL_CLI", "MIGUEL_CLI_ROLE", own_uid() + 1);
    world.entry("gated", "ANA_CLI", "ANA_CLI_ROLE", own_uid());
    let gated = std::fs::read_to_string(world.path("etc/users.d/gated.toml")).unwrap();
    world.write("etc/users.d/gated.toml", &format!("{gated}gate = \"required\"\n"));
    let main = main_file(&world);
    world.write("etc/patd.toml", &format!("gate_group = \"{}\"\n{main}", another_group()));
    world.start();

    let of = |body: &str| world.raw("patd.sock", &post("/v1/hand-out", body));
    let another_uids = of(&format!("{{\"connection\":\"{CONNECTION}\"}}"));
    let unknown = of("{\"connection\":\"no_such_connection_at_all\"}");
    let without_gate = of("{\"connection\":\"gated\"}");
    let with_delivery = of("{\"connection\":\"nobody\",\"deliver\":\"env\"}");

    assert!(another_uids.starts_with(b"HTTP/1.1 403"));
    assert_eq!(another_uids, unknown);
    assert_eq!(another_uids, without_gate);
    assert_eq!(another_uids, with_delivery);
    let reasons: Vec<_> = world
        .audit()
        .into_iter()
        .filter(|record| record["event"] == "deny")
        .map(|record| record["reason"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(reasons.len(), 4);
    assert!(reasons[2].contains("gate") && !reasons[0].contains("gate"), "{reasons:?}");
}

#[test]
fn an_allowed_peer_is_told_what_to_change_in_its_request() {
    let mut world = World::prepared();
    world.entry("ana_cli", "ANA_CLI", "ANA_CLI_ROLE", own_uid());
    world.start();
    let reply = world.raw("patd.sock", &post("/v1/hand-out", "{}"));
    let reply = String::from_utf8(reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 409") && reply.contains("\"which-connection\""), "{reply}");
    assert!(reply.contains("\"connections\":[\"ana_cli\",\"miguel_cli\"]"), "{reply}");
}

#[test]
fn whoever_has_more_connections_than_an_answer_holds_is_told_of_some_and_where_the_others_are() {
    let mut world = World::prepared();
    for number in 0..MANY {
        let name = format!("{number:0>64}");
        world.entry(&name, "ANA_CLI", "ANA_CLI_ROLE", own_uid());
    }
    world.start();
    let any = HandOutRequest { connection: None, deliver: None, replaces: None };

    let refused = world.ask_for(&any).err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::WhichConnection), "{refused}");
    let BrokerError::Answered(reply) = &refused else { panic!("{refused}") };
    let more = format!("({} more: pat-exec --list)", MANY + 1 - reply.connections.len());
    assert!(reply.next_step.ends_with(&more) && reply.connections.len() > 90, "{reply:?}");
}

#[test]
fn a_lease_of_another_time_or_uid_cannot_be_watched() {
    let world = World::running();
    let refused = world.watch("00000000000000000000000000000000").join().unwrap().err().unwrap();
    assert_eq!(refused.code(), Some(ErrorCode::UnknownLease));
}

#[test]
fn an_administrator_learns_why() {
    let world = World::running();
    let explain = |uid: u32, connection: &str| -> Explanation {
        let question = ExplainRequest { uid, connection: Some(connection.into()) };
        world.admin("explain", &question).unwrap()
    };

    let own = explain(own_uid(), CONNECTION);
    let other = explain(own_uid() + 1, CONNECTION);

    assert!(own.allowed, "{own:?}");
    assert!(!other.allowed && !other.next_step.is_empty(), "{other:?}");
    assert!(other.entries[0].contains(&format!("unix:uid:{}", own_uid())), "{other:?}");
}

#[test]
fn a_flood_of_refusals_leaves_the_log_its_room_and_is_counted() {
    let mut world = World::prepared();
    world.entry(CONNECTION, "MIGUEL_CLI", "MIGUEL_CLI_ROLE", own_uid() + 1);
    world.start();
    let question = post("/v1/hand-out", &format!("{{\"connection\":\"{CONNECTION}\"}}"));
    let refuse = || assert!(world.raw("patd.sock", &question).starts_with(b"HTTP/1.1 403"));

    (0..100).for_each(|_| refuse());
    assert_eq!(records(&world, "deny").len(), 60);
    world.clock.advance(std::time::Duration::from_secs(60));
    refuse();

    let told = records(&world, "refusals-left-out");
    assert_eq!((told.len(), &told[0]["count"]), (1, &40.into()), "{told:?}");
    (0..5).for_each(|_| refuse());
    world.stop();
    let told = records(&world, "refusals-left-out");
    assert_eq!(told[1]["uids"][own_uid().to_string()], 5, "told at the end: {told:?}");
    assert_eq!(records(&world, "deny").len(), 61);
}

#[test]
fn a_log_that_throws_away_what_is_a_day_old_is_an_alarm() {
    let mut world = World::prepared();
    let yesterday = jiff::Timestamp::from_second(world.clock.read().wall - 86_400).unwrap();
    std::fs::create_dir(world.path("state/audit")).unwrap();
    let record = format!("\n{{\"seq\":1,\"at\":\"{yesterday}\",\"event\":\"stop\"}}\n");
    (1..=8).for_each(|number| world.write(&format!("state/audit/audit.jsonl.{number}"), &record));
    let full = std::fs::File::create(world.path("state/audit/audit.jsonl")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&full, record.as_bytes(), 16 << 20).unwrap();

    world.start();

    let alarm = crate::world::eventually("the alarm stands", || {
        world.status().alarms.into_iter().find(|alarm| alarm.id == "audit-history-short")
    });
    assert!(alarm.message.contains(" 24 hours ago") && !alarm.next_step.is_empty(), "{alarm:?}");
}

#[test]
fn an_entry_that_names_programs_gives_nothing_to_an_ungated_peer() {
    let mut world = World::prepared();
    append(&world, "gate = \"required\"\ntargets = [\"/opt/cortex/bin/cortex\"]\n");
    world.write(
        "etc/patd.toml",
        &format!("gate_group = \"{}\"\n{}", another_group(), main_file(&world)),
    );
    world.start();

    let refused = world.hand_out(CONNECTION).err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::Refused));
    assert!(
        world.status().inert.iter().any(|entry| entry.message.contains("/opt")),
        "{:?}",
        world.status().inert
    );
}

#[test]
fn a_gated_peer_is_told_which_programs_may_run() {
    let mut world = World::prepared();
    append(&world, "gate = \"required\"\ntargets = [\"/opt/cortex/bin/cortex\"]\n");
    let own_group = nix::unistd::Group::from_gid(nix::unistd::getegid()).unwrap().unwrap().name;
    world.write("etc/patd.toml", &format!("gate_group = \"{own_group}\"\n{}", main_file(&world)));
    world.start();

    let handed = world.hand_out(CONNECTION).unwrap();

    assert_eq!(handed.terms.targets, ["/opt/cortex/bin/cortex"]);
}

#[test]
fn beyond_the_rate_of_its_entry_a_uid_waits_but_every_holder_is_refreshed() {
    let mut world = World::prepared();
    append(&world, "rate_per_minute = 3\n");
    world.start();
    let leases: Vec<_> = (0..3).map(|_| world.hand_out(CONNECTION).unwrap().terms.lease).collect();

    let refused = world.hand_out(CONNECTION).err().unwrap();

    assert_eq!(refused.code(), Some(ErrorCode::Busy));
    assert!(refused.to_string().contains("try again in "), "{refused}");
    let deny = records(&world, "deny").pop().unwrap();
    assert!(deny["reason"].as_str().unwrap().starts_with("more than 3 "), "{deny}");
    let refresh = |lease: &String| {
        let request = HandOutRequest {
            connection: Some(CONNECTION.into()),
            deliver: None,
            replaces: Some(lease.clone()),
        };
        world.ask_for(&request)
    };
    assert!(refresh(&leases[0]).is_err(), "nothing newer to fetch: that is no refresh");
    let request = RotateRequest { connection: CONNECTION.into(), taint: None };
    world.admin::<Rotated>("rotate", &request).unwrap();
    assert!(leases.iter().all(|lease| refresh(lease).is_ok()));
}

fn append(world: &World, lines: &str) {
    let entry = format!("etc/users.d/{CONNECTION}.toml");
    let text = std::fs::read_to_string(world.path(&entry)).unwrap();
    world.write(&entry, &format!("{text}{lines}"));
}

fn records(world: &World, event: &str) -> Vec<serde_json::Value> {
    world.audit().into_iter().filter(|record| record["event"] == event).collect()
}

fn main_file(world: &World) -> String {
    std::fs::read_to_string(world.path("etc/patd.toml")).unwrap()
}

/// A group that this process is not in by its effective gid.
fn another_group() -> String {
    let groups = std::fs::read_to_string("/etc/group").unwrap();
    let own = nix::unistd::getegid().as_raw().to_string();
    let mut rows = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    rows.find(|row| row.get(2).is_some_and(|gid| *gid != own)).unwrap()[0].to_owned()
}

const MANY: usize = 150;
