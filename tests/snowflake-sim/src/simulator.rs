//! The simulator as its owner holds it: a thread that serves, and methods that look and meddle.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc as sync;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::chance::Chance;
use crate::clock::Clock;
use crate::driver::browser::SignIns;
use crate::driver::sessions::Sessions;
use crate::engine::{
    AccountIdentity, Engine, LoginRecord, QueryRecord, ResultTable, SqlError, Switches, TokenView,
};
use crate::fault::{Fault, FaultBook};
use crate::http::listener::{self, Answer, Order, Port};
use crate::operate;
use crate::router;
use crate::sqlapi::statements::Statements;
use crate::switches::HttpSwitches;
use crate::tls;
use crate::world::{Shared, World};

/// How a simulator starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Every secret, token and handle follows from it.
    pub seed: u64,
    /// Whether it speaks https with a certificate of its own CA.
    pub tls: bool,
    /// Names that its certificate is good for besides `localhost` and `127.0.0.1`.
    pub tls_names: Vec<String>,
    /// What the server believes clients' addresses are; `None` for the real ones.
    pub client_address: Option<IpAddr>,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether `/control/*` is answered over HTTP (to loopback only).
    pub control: bool,
    /// The names of the simulated account.
    pub account: AccountIdentity,
    /// Undocumented behaviours of the account.
    pub switches: Switches,
    /// Undocumented behaviours of the protocols.
    pub http_switches: HttpSwitches,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 1,
            tls: false,
            tls_names: Vec::new(),
            client_address: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            control: false,
            account: AccountIdentity::default(),
            switches: Switches::default(),
            http_switches: HttpSwitches::default(),
        }
    }
}

/// Why a simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port could not be had.
    #[error("could not listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificates could not be made.
    #[error("could not make the certificates of the simulator's CA")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The serving thread could not be started.
    #[error("could not start the serving thread")]
    Thread(#[source] io::Error),
}

/// A running simulator. Dropping it stops it and frees its port.
pub struct Simulator {
    address: SocketAddr,
    ca_pem: Option<String>,
    shared: Shared,
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// An account as it was at one moment, for tests that lead it into several futures.
pub struct Saved(Box<World>);

impl Simulator {
    /// Starts a simulator on a thread of its own; when this returns, it answers.
    ///
    /// # Errors
    /// When the port cannot be had, or the certificates or the thread cannot be made.
    pub fn start(options: Options) -> Result<Simulator, StartError> {
        let identity = match options.tls {
            true => Some(tls::identity(&options.tls_names).map_err(StartError::Certificates)?),
            false => None,
        };
        let acceptor = identity.as_ref().map(|made| TlsAcceptor::from(Arc::clone(&made.server)));
        let shared = Shared::new(world(&options));
        let answer = answering(shared.clone(), options.control);
        let (orders, received) = mpsc::unbounded_channel();
        let (ready, started) = sync::channel();
        let listen = options.listen;
        let thread = std::thread::Builder::new()
            .name("snowflake-sim".to_owned())
            .spawn(move || run(listen, acceptor, answer, received, &ready))
            .map_err(StartError::Thread)?;
        let address = started
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the serving thread ended")))
            .map_err(|source| StartError::Listen { address: listen, source })?;
        Ok(Simulator {
            address,
            ca_pem: identity.map(|made| made.ca_pem),
            shared,
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// The host clients connect to.
    pub fn host(&self) -> String {
        self.address.ip().to_string()
    }

    /// The port clients connect to; it stays the same over stop and resume.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate of the CA that signed the server's, when it speaks TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The account identifier clients put into their configuration.
    pub fn account(&self) -> String {
        self.shared.lock().engine.account().identifier()
    }

    /// Runs statements as user ADMIN, role ACCOUNTADMIN; `USE ROLE` inside works.
    ///
    /// # Errors
    /// The first statement's that fails; those before it stay done.
    pub fn admin_script(&self, sql: &str) -> Result<Vec<ResultTable>, SqlError> {
        operate::admin_script(&mut self.shared.lock(), sql)
    }

    /// What the server believes the time is.
    pub fn clock(&self) -> Timestamp {
        self.shared.lock().clock.now()
    }

    /// Stops the clock at a moment.
    pub fn set_clock(&self, at: Timestamp) {
        self.shared.lock().clock = Clock::Frozen(at);
    }

    /// Stops the clock where it is.
    pub fn freeze_clock(&self) {
        let mut world = self.shared.lock();
        world.clock = Clock::Frozen(world.clock.now());
    }

    /// Moves the clock forward, whether it stands or goes.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.shared.lock().clock.advance(by);
    }

    /// Lets the clock go with real time again, without any offset.
    pub fn follow_real_time(&self) {
        self.shared.lock().clock = Clock::REAL;
    }

    /// Plants a fault.
    pub fn fault(&self, fault: Fault) {
        self.shared.lock().faults.plant(fault);
    }

    /// Takes every planted fault away.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// The planted faults that are not used up.
    pub fn faults_left(&self) -> Vec<Fault> {
        self.shared.lock().faults.left().to_vec()
    }

    /// Snowflake down: breaks every connection and refuses new ones; the state is kept.
    ///
    /// # Errors
    /// When the serving thread is gone.
    pub fn stop_answering(&self) -> io::Result<()> {
        self.order(Order::Shut)
    }

    /// Snowflake up again, on the same port.
    ///
    /// # Errors
    /// When the port cannot be listened on again.
    pub fn resume_answering(&self) -> io::Result<()> {
        self.order(Order::Open)
    }

    fn order(&self, order: impl FnOnce(sync::Sender<io::Result<()>>) -> Order) -> io::Result<()> {
        let gone = || io::Error::other("the serving thread ended");
        let (done, answered) = sync::channel();
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send(order(done)).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }

    /// Sets what the server believes clients' addresses are; `None` for the real ones.
    pub fn set_client_address(&self, address: Option<IpAddr>) {
        self.shared.lock().client_address = address;
    }

    /// The tokens of a user, expired ones included.
    pub fn tokens(&self, user: &str) -> Vec<TokenView> {
        let world = self.shared.lock();
        world.engine.tokens(user, world.now())
    }

    /// Every login, failed or not, oldest first.
    pub fn logins(&self) -> Vec<LoginRecord> {
        self.shared.lock().engine.logins().to_vec()
    }

    /// Every statement, failed or not, oldest first.
    pub fn queries(&self) -> Vec<QueryRecord> {
        self.shared.lock().engine.queries().to_vec()
    }

    /// Returns the whole account as it is now, with its history, clock and planted faults.
    pub fn save(&self) -> Saved {
        Saved(Box::new(self.shared.lock().clone()))
    }

    /// Puts the account back to what it was then. What is being answered meanwhile may still come after.
    pub fn restore(&self, saved: &Saved) {
        *self.shared.lock() = World::clone(&saved.0);
    }

    /// How many driver sessions were opened and not ended.
    pub fn open_sessions(&self) -> usize {
        self.shared.lock().sessions.count()
    }

    /// The whole account as JSON.
    pub fn snapshot_json(&self) -> Value {
        operate::snapshot(&self.shared.lock())
    }

    /// Every PAT, session token and master token ever made, for leak scans.
    pub fn secrets(&self) -> Vec<String> {
        operate::secrets(&self.shared.lock())
    }

    /// Changes undocumented behaviours of the account.
    pub fn switches(&self, change: impl FnOnce(&mut Switches)) {
        change(self.shared.lock().engine.switches_mut());
    }

    /// Changes undocumented behaviours of the protocols.
    pub fn http_switches(&self, change: impl FnOnce(&mut HttpSwitches)) {
        change(&mut self.shared.lock().http);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // The serving loop ends when nobody can send it orders.
        self.orders.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the serving thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

fn world(options: &Options) -> World {
    World {
        engine: Engine::new(options.seed, options.account.clone(), options.switches.clone()),
        clock: Clock::REAL,
        faults: FaultBook::default(),
        chance: Chance::new(options.seed),
        http: options.http_switches.clone(),
        statements: Statements::default(),
        sessions: Sessions::default(),
        sign_ins: SignIns::default(),
        has_tls: options.tls,
        client_address: options.client_address,
        unplugged: false,
    }
}

fn answering(shared: Shared, control: bool) -> Arc<Answer> {
    Arc::new(move |request| router::answer(&shared, request, control))
}

/// The serving thread: takes the port, says so, serves until the owner is gone.
fn run(
    listen: SocketAddr,
    tls: Option<TlsAcceptor>,
    answer: Arc<Answer>,
    orders: mpsc::UnboundedReceiver<Order>,
    ready: &sync::Sender<io::Result<SocketAddr>>,
) {
    let outcome = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match outcome {
        Ok(runtime) => runtime,
        Err(error) => return tell(ready, Err(error)),
    };
    runtime.block_on(async {
        match Port::take(listen).and_then(|port| Ok((port.listen()?, port))) {
            Err(error) => tell(ready, Err(error)),
            Ok((first, port)) => {
                tell(ready, Ok(port.address()));
                listener::serve(port, first, tls, answer, orders).await;
            }
        }
    });
}

fn tell(ready: &sync::Sender<io::Result<SocketAddr>>, outcome: io::Result<SocketAddr>) {
    // The starter waits for exactly this; if it is gone, so is the need.
    let _ = ready.send(outcome);
}
