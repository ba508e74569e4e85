//! Everything the simulated server knows, behind one lock. The lock is never held across I/O.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::chance::Chance;
use crate::clock::Clock;
use crate::driver::browser::SignIns;
use crate::driver::sessions::Sessions;
use crate::engine::{Engine, Millis};
use crate::fault::FaultBook;
use crate::http::request::Request;
use crate::sqlapi::statements::Statements;
use crate::switches::HttpSwitches;

/// The server's whole state.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    pub(crate) faults: FaultBook,
    pub(crate) chance: Chance,
    pub(crate) http: HttpSwitches,
    pub(crate) statements: Statements,
    pub(crate) sessions: Sessions,
    pub(crate) sign_ins: SignIns,
    /// Whether clients reach it over TLS.
    pub(crate) has_tls: bool,
    /// What the server believes clients' addresses are, instead of the real ones.
    pub(crate) client_address: Option<IpAddr>,
    /// While set, the protocols answer nothing; the control API goes on.
    pub(crate) unplugged: bool,
}

impl World {
    pub(crate) fn now(&self) -> Millis {
        Millis(self.clock.now().as_millisecond())
    }

    pub(crate) fn client_ip(&self, request: &Request) -> IpAddr {
        self.client_address.unwrap_or(request.peer)
    }
}

/// The world, shared between the owner and the listening thread.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(world: World) -> Shared {
        Shared(Arc::new(Mutex::new(world)))
    }

    /// The world, locked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("no request and no switch closure panicked before")
    }
}
