//! Makes the test data of the present format, byte for byte as the daemon writes it: when a format is about to change,
//! and not again for that format. `PAT_BROKER_STATE_OUT=FOLDER cargo test -p patd --lib making -- --ignored`

use patd_core::lifecycle::Standing;

use super::*;
use crate::audit::{Audit, Event};

/// Far from the tests' lives: what is served is served as it is, and no rotation is due.
const EXPIRES: Timestamp = Timestamp(4_900_000_000);
const DUE: Timestamp = Timestamp(4_800_000_000);
const BOOT: &str = "0123456789abcdef0123456789abcdef";
const LEASES: &str = r#"{"boot":"0123456789abcdef0123456789abcdef"}
{"opened":{"id":"0f0e0d0c0b0a09080706050403020100","account":"MYORG-MYACCOUNT","user":"MIGUEL_CLI","generation":5,"uid":1000,"pid":4242,"start_time":77,"terms":{"connection":"miguel_cli","since":1800000000,"since_boot":60,"gated":true}}}
"#;

#[test]
#[ignore = "writes test data; see the head of the file"]
fn makes_the_data_of_this_format() {
    let out = PathBuf::from(std::env::var("PAT_BROKER_STATE_OUT").expect("where to put it"));
    let world = World::marked();
    let store = world.open();
    let lasting = |generation| Held {
        name: TokenName::new(format!("PATD_{}_{generation}", store.host())),
        expires_at: EXPIRES,
        ..held(generation)
    };
    let mut served = Slot::new(store.host().clone());
    for generation in [5, 6] {
        served.draining = served
            .serving
            .take()
            .map(|held| Draining { held, since: NOW, released_at: None, tainted: false })
            .into_iter()
            .collect();
        served.serving = Some(lasting(generation));
        served.last_generation = Generation(generation);
        served.due_at = Some(DUE);
        put(&store, &slot("MIGUEL_CLI"), &served, generation);
    }
    let revoked = Slot {
        last_generation: Generation(2),
        standing: Standing::Tombstoned { at: NOW, confirmed: false },
        ..Slot::new(store.host().clone())
    };
    store.put(&slot("ETL_CLI"), &revoked, None).unwrap();
    drop(store);
    let audit = Audit::open(&world.dir().join("audit"), BOOT, false, NOW.0).unwrap();
    audit.write(NOW.0, &Event::ConfigLoaded { entries: 2, slots: 2 }).unwrap();
    audit.write(NOW.0, &Event::Stop).unwrap();
    drop(audit);
    fs::write(world.dir().join("leases.jsonl"), LEASES).unwrap();

    copy_tree(&world.dir(), &out);
}
