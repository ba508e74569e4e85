//! Everything that is logged, at the level where most is logged, while secrets are made, used and refused.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use patd_core::names::{TokenName, User};
use patd_snowflake::probe::{Form, probe};
use snowflake_sim::engine::StatementKind;
use snowflake_sim::{Act, Fault, On};
use tracing_subscriber::filter::LevelFilter;

use crate::world::{USER, World, added, expected, token};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);

    let world = World::new();
    let secret = world.secret("T1").await;
    for form in [Form::Password, Form::Token] {
        let _ = probe(&world.client(), &secret, &expected(), form).await;
    }
    let authority = world.authority();
    for act in [Act::TruncateAt(300), Act::WrongColumns, Act::OtherTokenName] {
        world.sim.fault(Fault::next(On::Statement(StatementKind::AddPat), act));
        let _ = added(&authority, &token("T2")).await;
        let _ = authority.remove(&User::new(USER), &TokenName::new("T2")).await;
    }
    let _ = authority.remove(&User::new(USER), &TokenName::new("T1")).await;
    let _ = probe(&world.client(), &secret, &expected(), Form::Token).await;
    drop(logging);

    let logged = log.0.lock().expect("lock").clone();
    let logged = String::from_utf8_lossy(&logged);
    assert!(logged.contains("The SQL API answered"), "the log was not captured: {logged}");
    let secrets = world.sim.secrets();
    assert!(secrets.len() > 3);
    for known in secrets {
        assert!(!logged.contains(&known));
    }
    for token_start in ["eyJ", "simpat_", "simsess_", "Bearer"] {
        assert!(!logged.contains(token_start), "{token_start}");
    }
}
