//! The same seed and the same calls give the same account.

use super::*;

fn played(seed: u64) -> (String, String) {
    let engine = Engine::new(seed, AccountIdentity::default(), Switches::default());
    let mut world = World { engine, now: START };
    world.script(SETUP);
    let secret = world.mint_cli();
    world.login(&secret).unwrap();
    let snapshot = serde_json::to_string(&world.engine.snapshot(world.now)).unwrap();
    let history = serde_json::to_string(world.engine.queries()).unwrap();
    assert_eq!(world.engine.secrets(), std::slice::from_ref(&secret));
    (secret, snapshot + &history)
}

#[test]
fn the_same_seed_and_calls_give_the_same_secrets_and_history() {
    assert_eq!(played(7), played(7));
    assert_ne!(played(7).0, played(8).0);
}

#[test]
fn switches_travel_as_json_and_unknown_ones_are_refused() {
    let text = serde_json::to_string(&Switches::default()).unwrap();
    let back: Switches = serde_json::from_str(&text).unwrap();
    assert_eq!(format!("{back:?}"), format!("{:?}", Switches::default()));
    assert!(serde_json::from_str::<Switches>(r#"{"colour": true}"#).is_err());
    let one: Switches = serde_json::from_str(r#"{"expired_rows_days": 7}"#).unwrap();
    assert_eq!(one.expired_rows_days, 7);
}
