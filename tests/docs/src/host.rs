//! A host of its own for what a document tells: mounts and a network that only this thread and what it starts can see.
//! The programs are real and where they belong; Snowflake is simulated, at its real names, on port 443, over TLS.
//! Stand-ins (`stand-ins/`): systemd's commands, and the clients of Snowflake.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use patd_snowflake::key::SigningKey;
use snowflake_sim::engine::AccountIdentity;
use snowflake_sim::{Options, Simulator};
use tempfile::TempDir;
use world::Binaries;

use crate::proxy::Proxy;
use crate::{root, side_door};

/// The host.
pub struct Host {
    accounts: Vec<Account>,
    proxy: Option<Proxy>,
    ground: TempDir,
}

/// An account, and where it is.
struct Account {
    host: String,
    at: SocketAddr,
    sim: Arc<Simulator>,
}

/// The users besides root: who is to have tokens, and an admin of the account who also works here.
const USERS: [(&str, u32); 3] = [("miguel", 48_801), ("ana", 48_802), ("lucia", 48_803)];
/// The group of the wrapper's setgid bit.
const GATE: u32 = 48_810;
const PUBLIC_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
const PATH: &str = "/run/programs:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether one can be made here; else says on behalf of `test` why not.
pub fn can_be_made(test: &str) -> bool {
    if !nix::unistd::geteuid().is_root() {
        world::skip(test, "a host with mounts and a network of its own needs root");
        return false;
    }
    let apart = ["--mount", "--net", "--", "ip", "link", "set", "lo", "up"];
    let can = Command::new("unshare").args(apart).output();
    let can = can.is_ok_and(|output| output.status.success());
    if !can {
        world::skip(test, "no namespaces, or no ip (iproute2), to make a host of its own with");
    }
    can
}

impl Host {
    /// Makes the host around this thread.
    pub fn new() -> Self {
        let ground = tempfile::tempdir().expect("a folder");
        let programs = Binaries::find();
        let apart = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS;
        unshare(apart).expect("namespaces");
        fs::write("/proc/sys/kernel/hostname", "host1").expect("a name of its own");
        must("mount", &["--make-rprivate", "/"]);
        must("ip", &["link", "set", "lo", "up"]);
        must("mount", &["-t", "tmpfs", "-o", "mode=0755", "tmpfs", text(ground.path())]);
        let place = |name: &str| ground.path().join(name);
        must("cp", &["-a", "/etc", text(&place("etc"))]);
        name_users(&place("etc"));
        fs::write(place("public-roots"), "").expect("it is written");
        let _ = fs::copy(PUBLIC_ROOTS, place("public-roots"));
        let mut folders = vec![("var/lib", 0o755), ("root", 0o700), ("dev/shm", 0o1777)];
        folders.extend([("home", 0o755), ("run", 0o755)]);
        for (folder, mode) in folders {
            fs::create_dir_all(place(folder)).expect("a folder");
            set_mode(&place(folder), mode);
        }
        install(&programs, &place("run/programs"));
        for folder in ["etc", "var/lib", "root", "dev/shm", "home", "run"] {
            must("mount", &["--rbind", text(&place(folder)), &format!("/{folder}")]);
        }
        for (name, uid) in USERS {
            let home = PathBuf::from("/home").join(name);
            fs::create_dir(&home).expect("a home");
            chown(&home, Some(uid), Some(uid)).expect("a home is given away");
        }
        Self { accounts: Vec::new(), proxy: None, ground }
    }

    /// Adds an account, reached by its name; a security admin of it has a key in `/root/SEC_ADMIN.p8`.
    pub fn account(&mut self, identity: AccountIdentity, host: &str) {
        let number = u8::try_from(self.accounts.len() + 1).expect("a few accounts");
        let at = SocketAddr::from(([127, 0, 0, number], 443));
        let options = Options {
            tls: true,
            tls_names: vec![host.to_owned()],
            listen: at,
            account: identity,
            ..Options::default()
        };
        let sim = Arc::new(Simulator::start(options).expect("the simulator starts"));
        append(PUBLIC_ROOTS, sim.ca_pem().expect("it speaks TLS"));
        append("/etc/hosts", &format!("{} {host}\n", at.ip()));
        let admin = admin_of(number);
        sim.admin_script(&format!("CREATE WAREHOUSE WH; {admin}")).expect("the account is made");
        if number == 1 {
            side_door::open(Arc::clone(&sim));
        }
        self.accounts.push(Account { host: host.to_owned(), at, sim });
    }

    /// Has the accounts' certificates signed by an authority of the site's own, which nobody knows but this file.
    pub fn trust_by(&self, file: &str) {
        let authorities = self.accounts.iter().filter_map(|account| account.sim.ca_pem());
        fs::create_dir_all(Path::new(file).parent().expect("a folder")).expect("a folder");
        fs::write(file, authorities.collect::<String>()).expect("it is written");
        must("cp", &[text(&self.ground.path().join("public-roots")), PUBLIC_ROOTS]);
    }

    /// Puts a proxy at this address, and takes the accounts' names away from the host: only the proxy knows them.
    pub fn proxy(&mut self, address: &str) {
        let (name, port) = address.rsplit_once(':').expect("HOST:PORT");
        let at = SocketAddr::from(([127, 0, 0, 100], port.parse().expect("a port")));
        let places =
            self.accounts.iter().map(|account| (account.host.clone() + ":443", account.at));
        self.proxy = Some(Proxy::start(at, places.collect::<BTreeMap<_, _>>()));
        fs::write("/etc/hosts", format!("127.0.0.1 localhost\n{} {name}\n", at.ip()))
            .expect("names are written");
    }

    /// Returns what the proxy was asked for.
    pub fn proxied(&self) -> Vec<String> {
        self.proxy.as_ref().map(Proxy::asked).unwrap_or_default()
    }

    /// Has Snowflake see this host at another address.
    pub fn move_to(&self, address: IpAddr) {
        self.accounts.iter().for_each(|account| account.sim.set_client_address(Some(address)));
    }

    /// Has an admin of an account run statements: of the account at this host, or of the only one.
    pub fn at_snowflake(&self, host: Option<&str>, sql: &str) {
        let is_meant = |account: &&Account| host.is_none_or(|host| account.host == host);
        let account = self.accounts.iter().find(is_meant).expect("such an account");
        account.sim.admin_script(sql).unwrap_or_else(|error| panic!("{error}:\n{sql}"));
    }

    /// Returns how many tokens of a user live, in the first account.
    pub fn live_tokens(&self, user: &str) -> usize {
        let tokens = self.accounts[0].sim.tokens(user);
        tokens.iter().filter(|token| token.status == "ACTIVE").count()
    }

    /// Returns the account at this place in the order they were added.
    pub fn simulator(&self, number: usize) -> &Simulator {
        &self.accounts[number].sim
    }

    /// Runs a command line as a user would: in a shell, at home. Both streams come as one.
    pub fn run(&self, user: &str, line: &str) -> Output {
        self.shell(user, line).output().expect("a shell starts")
    }

    /// Returns that shell, not yet started.
    pub fn shell(&self, user: &str, line: &str) -> Command {
        let mut shell = Command::new("/bin/bash");
        shell.args(["-c", &format!("exec 2>&1; {line}")]);
        shell.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").env("USER", user);
        let home = match user {
            "root" => "/root".to_owned(),
            _ => format!("/home/{user}"),
        };
        shell.current_dir(&home).env("HOME", home);
        if let Some((_, uid)) = USERS.iter().find(|(name, _)| *name == user) {
            shell.uid(*uid).gid(*uid);
        }
        shell
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.run("root", "systemctl stop patd");
        // Gone for this thread too, so that the folder below it can be removed.
        let _ = Command::new("umount").arg("--lazy").arg(self.ground.path()).status();
        if thread::panicking() {
            let log = fs::read_to_string("/run/patd.log").unwrap_or_default();
            eprintln!("the daemon's log:\n{log}");
        }
    }
}

fn install(programs: &Binaries, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for (program, name) in [(programs.patd(), "patd"), (programs.patctl(), "patctl")] {
        File::create(to.join(name)).expect("a place");
        must("mount", &["--bind", text(&program), text(&to.join(name))]);
    }
    must("cp", &[text(&programs.pat_exec()), text(&to.join("pat-exec"))]);
    chown(to.join("pat-exec"), Some(0), Some(GATE)).expect("it is given away");
    set_mode(&to.join("pat-exec"), 0o2755);
    let stand_ins = ["systemctl", "journalctl", "systemd-creds", "docker"];
    for name in stand_ins {
        must("cp", &[text(&root().join("tests/docs/stand-ins").join(name)), text(&to.join(name))]);
        set_mode(&to.join(name), 0o755);
    }
    must("cp", &[text(&to.join("docker")), text(&to.join("podman"))]);
    let units = root().join("systemd");
    must("cp", &["-r", text(&units), text(&to.with_file_name("units"))]);
    for name in ["snow", "cortex"] {
        must("cp", &[text(&client_program()), text(&to.join(name))]);
    }
}

fn client_program() -> PathBuf {
    // Cargo puts the binaries of a package beside the folder of its tests.
    let this = std::env::current_exe().expect("this program has a path");
    let folder = this.parent().and_then(Path::parent).expect("a target folder");
    folder.join("documents-client")
}

/// The users of the documents, and none of a package that is installed on this machine.
fn name_users(etc: &Path) {
    let without = |file: &str| {
        let lines = fs::read_to_string(etc.join(file)).expect("it is there");
        let ours = |line: &&str| line.starts_with("patd") || line.starts_with("patclient:");
        let kept = lines.lines().filter(|line| !ours(line));
        let named =
            |line: &str| USERS.iter().any(|(name, _)| line.starts_with(&format!("{name}:")));
        kept.filter(|line| !named(line)).map(|line| format!("{line}\n")).collect::<String>()
    };
    let mut passwd = without("passwd");
    let mut group = without("group") + &format!("patclient:x:{GATE}:\n");
    for (name, uid) in USERS {
        passwd += &format!("{name}:x:{uid}:{uid}::/home/{name}:/bin/bash\n");
        group += &format!("{name}:x:{uid}:\n");
    }
    fs::write(etc.join("passwd"), passwd).expect("users are written");
    fs::write(etc.join("group"), group).expect("groups are written");
    fs::write(etc.join("hosts"), "127.0.0.1 localhost\n").expect("names are written");
    for mine in ["patd", "snowflake"] {
        let _ = fs::remove_dir_all(etc.join(mine));
    }
}

/// The statements that make a security admin; the first account's key is in the file that the README names.
fn admin_of(number: u8) -> String {
    let (key, pem) = SigningKey::generate().expect("a key");
    let path = match number {
        1 => "/root/SEC_ADMIN.p8".to_owned(),
        more => format!("/root/SEC_ADMIN.{more}.p8"),
    };
    let mut file = OpenOptions::new();
    let mut file = file.write(true).create_new(true).mode(0o600).open(path).expect("a file");
    file.write_all(pem.expose().as_bytes()).expect("the key is written");
    format!(
        "CREATE USER SEC_ADMIN TYPE = PERSON DEFAULT_ROLE = ACCOUNTADMIN RSA_PUBLIC_KEY = '{}'; \
         GRANT ROLE ACCOUNTADMIN TO USER SEC_ADMIN",
        key.public_key_body()
    )
}

fn append(path: &str, text: &str) {
    if let Some(folder) = Path::new(path).parent() {
        fs::create_dir_all(folder).expect("a folder");
    }
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("it opens");
    file.write_all(text.as_bytes()).expect("it is written");
}

fn must(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().expect("a program starts");
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode is set");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}
