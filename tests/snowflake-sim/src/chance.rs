//! Unguessable-looking names drawn from the seed: the same seed gives the same tokens and handles.

use aws_lc_rs::digest::{SHA256, digest};
use uuid::Uuid;

/// A stream of names that depends on nothing but the seed and how many were drawn.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance { seed, drawn: 0 }
    }

    /// A session or master token, recognisable so that leaks of it can be searched for.
    pub(crate) fn session_token(&mut self) -> String {
        let bytes = self.draw("session");
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("simsess_{text}")
    }

    /// A statement handle, query id or request id.
    pub(crate) fn handle(&mut self) -> Uuid {
        let bytes = self.draw("handle");
        let half = std::array::from_fn(|at| bytes[at]);
        uuid::Builder::from_random_bytes(half).into_uuid()
    }

    fn draw(&mut self, what: &str) -> [u8; 32] {
        self.drawn += 1;
        let text = format!("snowflake-sim/{what}/{}/{}", self.seed, self.drawn);
        let hash = digest(&SHA256, text.as_bytes());
        std::array::from_fn(|at| hash.as_ref()[at])
    }
}
