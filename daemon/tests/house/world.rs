//! A simulator, a bootstrapped account, a configuration, and the daemon in this process, on a clock that
//! tests move.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pat_wire::admin::{LeaseList, LeaseRow, SlotStatus, Status};
use pat_wire::connection::{Broker, BrokerError, Server};
use pat_wire::limits;
use pat_wire::message::{HandOut, HandOutRequest, WatchEvent, WatchReply, WatchRequest};
use pat_wire::places::{self, Places};
use patd::clock::Clock;
use patd::fault::Fault;
use patd::flags::Flags;
use patd::house::House;
use patd::leases::LeaseId;
use patd::serving;
use patd_config::BrokerKey;
use patd_core::names::{Account, Role, User};
use patd_core::pattern::desired::{Desired, Network, ServiceUser, Source};
use patd_core::pattern::plan::{offline, render};
use patd_keys::RootKey;
use patd_snowflake::key::SigningKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use snowflake_sim::{Options, Simulator};
use tempfile::TempDir;
use tokio::sync::oneshot;

pub(crate) const CONNECTION: &str = "miguel_cli";
pub(crate) const USER: &str = "MIGUEL_CLI";
pub(crate) const ROLE: &str = "MIGUEL_CLI_ROLE";

/// The world of one test.
pub(crate) struct World {
    pub(crate) sim: Simulator,
    pub(crate) clock: Arc<Clock>,
    pub(crate) folder: TempDir,
    running: Option<Running>,
}

struct Running {
    house: Arc<House>,
    end: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), Fault>>,
}

impl World {
    /// A world whose daemon serves `miguel_cli` to the uid of this test.
    pub(crate) fn running() -> Self {
        let mut world = Self::prepared();
        world.start();
        world
    }

    /// The same, with the daemon not started yet.
    pub(crate) fn prepared() -> Self {
        Self::prepared_with("")
    }

    /// The same, with more at the end of the configuration.
    pub(crate) fn prepared_with(more: &str) -> Self {
        let _umask = UMASK.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let sim = Simulator::start(Options::default()).unwrap();
        let wall = jiff::Timestamp::now().as_second();
        let world = Self { sim, clock: Arc::new(Clock::manual(wall)), folder, running: None };
        for name in ["etc", "etc/users.d", "state"] {
            let path = world.path(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        let (key, pem) = SigningKey::generate().unwrap();
        world.write("admin-key.pem", pem.expose());
        world.write("root-key", RootKey::generate().unwrap().to_text().expose());
        world.write("etc/patd.toml", &format!("{}{more}", world.main_file()));
        world.entry(CONNECTION, USER, ROLE, own_uid());
        world.bootstrap(&key);
        patd_keys::state_dir::mark_new(&world.path("state")).unwrap();
        world
    }

    /// Writes the entry of a connection, for one uid.
    pub(crate) fn entry(&self, connection: &str, user: &str, role: &str, uid: u32) {
        let text = format!(
            "connection = \"{connection}\"\nuser = \"{user}\"\nrole = \"{role}\"\n\
             [token]\ndrain_min_seconds = 60\n\
             [access]\nusers = [{uid}]\ndeliver = [\"home\", \"env\"]\n"
        );
        self.write(&format!("etc/users.d/{connection}.toml"), &text);
    }

    /// Writes a private file below the world's folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets the file of the only slot not be written again: where it is written aside is a folder, until it is removed.
    pub(crate) fn block_slot_file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.path("state/slots")).unwrap();
        let block = files.next().unwrap().unwrap().path().with_added_extension("tmp");
        fs::create_dir(&block).unwrap();
        block
    }

    pub(crate) fn flags(&self) -> Flags {
        Flags {
            config: self.path("etc"),
            state: self.path("state"),
            run: self.places(),
            check: false,
        }
    }

    /// Where the sockets are.
    pub(crate) fn places(&self) -> Places {
        Places::of_run(&self.path("run")).unwrap()
    }

    fn main_file(&self) -> String {
        format!(
            "[account]\nname = \"{}\"\nhost = \"{}\"\nport = {}\nprotocol = \"http\"\n\
             [admin]\nuser = \"PATD_HOST1\"\nrole = \"PATD_HOST1_ROLE\"\nkey = \"file:{}\"\n\
             [store]\nroot_key = \"file:{}\"\n",
            self.sim.account(),
            self.sim.host(),
            self.sim.port(),
            self.path("admin-key.pem").display(),
            self.path("root-key").display()
        )
    }

    /// What `patctl bootstrap` prints for the configuration, and the same for ANA_CLI, run by a security admin.
    fn bootstrap(&self, key: &SigningKey) {
        let mut wanted = self.desired(key);
        wanted.network = Network::Allow {
            policy: "PATD_HOST1_NETWORK".into(),
            sources: vec![Source::Range("127.0.0.0/8".into())],
        };
        wanted.scopes.bar_persons = false;
        wanted.scopes.admit_services = false;
        let ana = ServiceUser {
            user: User::new("ANA_CLI"),
            role: Role::new("ANA_CLI_ROLE"),
            ..wanted.users[0].clone()
        };
        wanted.users.push(ana);
        self.sim.admin_script(&render::sql(&offline(&wanted).unwrap())).unwrap();
    }

    fn desired(&self, key: &SigningKey) -> Desired {
        let config =
            patd_config::load(&self.path("etc")).unwrap_or_else(|faults| panic!("{faults}"));
        let key = BrokerKey { body: key.public_key_body(), fingerprint: key.fingerprint() };
        config.desired(&Account::new(self.sim.account()), Some(key)).unwrap()
    }

    /// Starts the daemon and returns once it serves.
    pub(crate) fn start(&mut self) {
        let _umask = UMASK.lock().unwrap_or_else(PoisonError::into_inner);
        let config =
            patd_config::load(&self.path("etc")).unwrap_or_else(|faults| panic!("{faults}"));
        let (flags, clock) = (self.flags(), self.clock.clone());
        let (furnished, ready) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let furniture = serving::furnish(&flags, config, clock)?;
            let runtime = serving::runtime().unwrap();
            runtime.block_on(serving::serve(furniture, async |house| {
                furnished.send(house.clone()).unwrap();
                house.slots.begin();
                let _ended = ended.await;
                Ok(())
            }))
        });
        match ready.recv() {
            Ok(house) => self.running = Some(Running { house, end, thread }),
            Err(_) => panic!("{:?}", thread.join().unwrap()),
        }
    }

    /// Tells the daemon to end; the returned thread tells how it went.
    pub(crate) fn end(&mut self) -> JoinHandle<Result<(), Fault>> {
        let Running { end, thread, house } = self.running.take().unwrap();
        drop(house);
        end.send(()).unwrap();
        thread
    }

    /// Ends the daemon in order.
    pub(crate) fn stop(&mut self) {
        self.end().join().unwrap().unwrap();
    }

    pub(crate) fn house(&self) -> &Arc<House> {
        &self.running.as_ref().unwrap().house
    }

    /// Moves both Snowflake's time and the daemon's, and lets every slot look.
    pub(crate) fn advance(&self, by: Duration) {
        self.sim.advance(by);
        self.clock.advance(by);
        self.house().slots.tick();
    }

    pub(crate) fn hand_out(&self, connection: &str) -> Result<HandOut, BrokerError> {
        self.ask_for(&HandOutRequest {
            connection: Some(connection.into()),
            deliver: None,
            replaces: None,
        })
    }

    pub(crate) fn ask_for(&self, request: &HandOutRequest) -> Result<HandOut, BrokerError> {
        self.knock("patd.sock").hand_out(request)
    }

    /// Asks without demanding that anyone is there; the generation, if a secret was handed out.
    pub(crate) fn hand_out_over_a_new_connection(&self, connection: &str) -> Option<u64> {
        let socket = self.places().hand_out;
        let broker = Broker::connect(&socket, Server::Chosen, PATIENCE).ok()?;
        let request =
            HandOutRequest { connection: Some(connection.into()), deliver: None, replaces: None };
        broker.hand_out(&request).ok().map(|handed| handed.terms.generation)
    }

    /// Asks the admin socket without demanding that anyone is there.
    #[cfg(feature = "crash-points")]
    pub(crate) fn admin_over_a_new_connection<R: DeserializeOwned>(
        &self,
        verb: &str,
        question: &impl Serialize,
    ) -> Option<R> {
        let socket = self.places().admin;
        let broker = Broker::connect(&socket, Server::Chosen, PATIENCE).ok()?;
        broker.ask("POST", &format!("/v1/{verb}"), question, limits::ADMIN_REPLY_BYTES).ok()
    }

    /// Watches a lease on a thread of its own.
    pub(crate) fn watch(&self, lease: &str) -> JoinHandle<Result<WatchEvent, BrokerError>> {
        let broker = self.knock("patd.sock");
        let question = WatchRequest { lease: lease.into() };
        std::thread::spawn(move || {
            let reply = broker.ask("POST", "/v1/watch", &question, limits::BODY_BYTES)?;
            let WatchReply { event } = reply;
            Ok(event)
        })
    }

    /// Returns once the daemon knows that an open lease is watched.
    pub(crate) fn watching(&self, lease: &str) -> JoinHandle<Result<WatchEvent, BrokerError>> {
        let watch = self.watch(lease);
        let id = LeaseId::claimed(lease);
        eventually("the lease is watched", || self.house().leases.is_watched(&id).then_some(()));
        watch
    }

    pub(crate) fn admin<R: DeserializeOwned>(
        &self,
        verb: &str,
        question: &impl Serialize,
    ) -> Result<R, BrokerError> {
        let path = format!("/v1/{verb}");
        self.knock("admin.sock").ask("POST", &path, question, limits::ADMIN_REPLY_BYTES)
    }

    pub(crate) fn status(&self) -> Status {
        let broker = self.knock("admin.sock");
        broker.ask_plainly("GET", "/v1/status", limits::ADMIN_REPLY_BYTES).unwrap()
    }

    /// The status, if anyone is there already.
    pub(crate) fn try_status(&self) -> Option<Status> {
        let socket = self.places().admin;
        let broker = Broker::connect(&socket, Server::Chosen, PATIENCE).ok()?;
        broker.ask_plainly("GET", "/v1/status", limits::ADMIN_REPLY_BYTES).ok()
    }

    pub(crate) fn slot(&self, user: &str) -> SlotStatus {
        let slots = self.status().slots;
        slots.into_iter().find(|slot| slot.slot.ends_with(user)).unwrap()
    }

    /// Names of the live tokens of a user at Snowflake.
    pub(crate) fn live(&self, user: &str) -> Vec<String> {
        let tokens = self.sim.tokens(user).into_iter();
        tokens.filter(|token| token.status != "EXPIRED").map(|token| token.name).collect()
    }

    pub(crate) fn knock(&self, socket: &str) -> Broker {
        Broker::connect(&self.socket(socket), Server::Chosen, PATIENCE).unwrap()
    }

    /// Sends bytes to a socket and returns all that comes back.
    pub(crate) fn raw(&self, socket: &str, request: &[u8]) -> Vec<u8> {
        raw(&self.socket(socket), request)
    }

    /// The path of a socket, by its file name.
    fn socket(&self, name: &str) -> PathBuf {
        match name {
            places::HAND_OUT => self.places().hand_out,
            places::ADMIN => self.places().admin,
            other => panic!("no socket is called {other}"),
        }
    }

    /// The first record of the audit log that is not as it was written.
    pub(crate) fn fault(&self) -> Option<patd_audit::Fault> {
        patd_audit::Log::open(&self.path("state/audit")).unwrap().prove(&[]).unwrap().fault
    }

    pub(crate) fn leases(&self) -> Vec<LeaseRow> {
        let broker = self.knock("admin.sock");
        let list: LeaseList =
            broker.ask_plainly("GET", "/v1/leases", limits::ADMIN_REPLY_BYTES).unwrap();
        list.leases
    }

    /// The audit log as it is on the disk.
    pub(crate) fn audit(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.path("state/audit/audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.running.is_some() {
            let _ended = self.end().join();
        }
    }
}

pub(crate) fn raw(socket: &Path, request: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    reply
}

/// A whole POST request.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: patd\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

pub(crate) fn own_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Waits until the question has an answer; panics with `what` after a while.
pub(crate) fn eventually<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The umask belongs to the process, and a daemon that binds its sockets sets it for a moment.
static UMASK: Mutex<()> = Mutex::new(());
