//! Who holds what, with the real wrapper: its command is the holder, and outlives the end of its lease.

use serde_json::Value;
use world::{CONNECTION, World, eventually};

#[test]
fn the_command_under_the_wrapper_is_the_holder_and_lives_on_when_its_lease_is_ended() {
    let world = World::running();
    let mut command = world.pat_exec(["-c", CONNECTION, "--", "sleep", "600"]).spawn().unwrap();
    let held = || leases(&world).into_iter().find(|row| row["holder"]["program"] == "sleep");
    let lease = eventually("the command holds its token", held);
    assert_eq!(lease["holder"]["pid"], command.id());
    assert_eq!((&lease["connection"], &lease["is_current"]), (&CONNECTION.into(), &true.into()));
    let table = world.patctl_ok(&["leases"]);
    assert!(table.contains("sleep") && table.contains(&command.id().to_string()), "{table}");

    let id = lease["lease"].as_str().unwrap();
    let told = world.patctl_ok(&["lease", "end", &id[..8]]);

    assert!(told.contains("The process keeps the secret it has"), "{told}");
    eventually("the wrapper's helper has asked again", || {
        leases(&world).into_iter().find(|row| row["lease"] != id)
    });
    assert!(leases(&world).iter().all(|row| row["lease"] != id));
    assert!(command.try_wait().unwrap().is_none(), "the command lives on");

    command.kill().unwrap();
    command.wait().unwrap();
    eventually("nobody holds anything", || leases(&world).is_empty().then_some(()));
    assert_eq!(
        world.patctl_ok(&["leases", CONNECTION]),
        format!("nobody holds a token of {CONNECTION}\n")
    );
    let misspelt = world.patctl(["leases", "migul_cli"]).output().unwrap();
    assert_eq!(misspelt.status.code(), Some(1));
    let said = String::from_utf8_lossy(&misspelt.stderr);
    assert!(said.contains("no entry names connection \"migul_cli\""), "{said}");
    let shown = world.patctl_ok(&["audit", "show", "--json", "--kind", "lease-ended,admin"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let reasons: Vec<&str> = shown["records"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|record| record["reason"].as_str())
        .collect();
    assert_eq!(reasons, ["ended-by-admin", "holder-ended"], "{shown}");
}

fn leases(world: &World) -> Vec<Value> {
    let list: Value = serde_json::from_str(&world.patctl_ok(&["leases", "--json"])).unwrap();
    list["leases"].as_array().unwrap().clone()
}
