//! Too much: a flood of one uid, connections that never end their request, more connections than the daemon may have
//! descriptors (SECURITY.md: any number of uids; limits before the first byte).

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use attacks::{
    Attempt, CONNECTION, Ground, OTHER, OWNER, SECOND, SOCKET, Table, as_uid, body, program, script,
};
use world::{World, own_name};

pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    echo_at(ECHO);
    let idle = Times::of(&times(OWNER, SOCKET).output().expect("it ends"));
    println!("          without any attack: {idle}");
    for (uid, who) in [(OTHER, "a uid that no entry names"), (SECOND, "a uid that an entry names")]
    {
        flood(ground, table, uid, who);
    }
    slow(table);
    descriptors(table);
}

/// Ten thousand requests a second of one uid, while another one and the administrator ask.
fn flood(ground: &Ground, table: &mut Table, uid: u32, who: &str) {
    let asked = body(CONNECTION[0]);
    let mut flood = as_uid(uid, program("load"));
    flood.args(["flood", SOCKET, &asked, SECONDS, RATE, "8"]);
    let flood = flood.stdout(Stdio::piped()).spawn().expect("it starts");
    let [served, echo, own] = [times(OWNER, SOCKET), echo_times(), times(uid, SOCKET)]
        .map(|mut command| command.stdout(Stdio::piped()).spawn().expect("it starts"));
    let admin = admin_asks(ground);
    let [served, echo, own] = [served, echo, own].map(|child| Times::of(&ended(child)));
    let counts = String::from_utf8(ended(flood).stdout).expect("numbers");
    let (own_turned_away, own_all) = (own.turned_away(), own.all.len());
    let of_flooder = Attempt::new(
        own_turned_away > own_all / 2,
        format!(
            "{own_turned_away} of {own_all} honest requests of the flooding uid are turned away"
        ),
    );
    let starved = !served.is_prompt_beside(&echo);
    table.defended(
        &format!("10,000 requests a second by {who}: another uid waits ({})", counts.trim()),
        Attempt::new(starved, format!("it has {served}; an echo beside it {echo}")),
        of_flooder.clone(),
    );
    let slowest = admin.iter().flatten().max().copied().unwrap_or_default();
    let lost = admin.iter().filter(|time| time.is_none()).count();
    table.defended(
        &format!("10,000 requests a second by {who}: the administrator is not answered"),
        Attempt::new(
            lost > 0 || slowest > PATIENCE_OF_ADMIN,
            format!(
                "{} of {} answered, the slowest in {} ms",
                admin.len() - lost,
                admin.len(),
                slowest.as_millis()
            ),
        ),
        of_flooder,
    );
}

/// Runs of patctl while the flood lasts, with what each took; none if it failed.
fn admin_asks(ground: &Ground) -> Vec<Option<Duration>> {
    (0..5)
        .map(|_| {
            let start = Instant::now();
            let output = ground.world.patctl(["log", "-n", "1"]).output().expect("patctl starts");
            thread::park_timeout(Duration::from_millis(300));
            output.status.success().then(|| start.elapsed())
        })
        .collect()
}

/// A thousand connections that send a byte now and then.
fn slow(table: &mut Table) {
    let held = |path: &str| {
        let mut hold = as_uid(OTHER, program("load"));
        hold.args(["hold", path, "1000", "4"]).stdout(Stdio::piped()).spawn().expect("it starts")
    };
    let attacker = held(SOCKET);
    let [served, echo] = [times(OWNER, SOCKET), echo_times()]
        .map(|mut command| command.stdout(Stdio::piped()).spawn().expect("it starts"))
        .map(|child| Times::of(&ended(child)));
    let said = String::from_utf8(ended(attacker).stdout).expect("text");
    let said = said.lines().last().unwrap_or_default();
    let left = said.rsplit(' ').next().is_some_and(|left| left != "0");
    patient_at(PATIENT);
    let of_patient = String::from_utf8(ended(held(PATIENT)).stdout).expect("text");
    let of_patient = of_patient.lines().last().unwrap_or_default().to_owned();
    table.defended(
        "slowloris: 1,000 connections that send a byte every tenth of a second, for 4 seconds",
        Attempt::new(
            left || !served.is_prompt_beside(&echo),
            format!("{said}; another uid has {served}"),
        ),
        Attempt::new(
            !of_patient.ends_with(" 0"),
            format!("a server without deadlines: {of_patient}"),
        ),
    );
}

/// A daemon that may open few descriptors, and somebody who takes all of them.
fn descriptors(table: &mut Table) {
    let mut world =
        World::builder().local_user(&own_name()).add_options(&["--deliver", "env"]).build();
    let text = format!(
        "#!/bin/sh\nulimit -n {DESCRIPTORS}\nexec {} \"$@\"\n",
        world.programs.patd().display()
    );
    world.start_program(&script("patd-of-few", &text));
    let socket = world.socket();
    let path = socket.to_str().expect("text");
    let ask = |world: &World| {
        let mut knock = Command::new("/usr/bin/timeout");
        knock.arg("5").arg(program("knock")).args(["ask", path, &body(CONNECTION[0])]);
        Attempt::of_program(world, &knock.output().expect("it starts"))
    };
    let before = ask(&world);
    let mut holder = as_uid(OTHER, program("load"))
        .args(["hold", path, "200", "4"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut hear = BufReader::new(holder.stdout.take().expect("asked"));
    hear.read_line(&mut String::new()).expect("it holds");
    let log = |world: &World| {
        world.patctl(["log", "-n", "1"]).output().expect("it starts").status.success()
    };
    let during: Vec<bool> = (0..20).map(|_| ask(&world).has_succeeded).collect();
    let admin: Vec<bool> = (0..5).map(|_| log(&world)).collect();
    let mut said = String::new();
    hear.read_to_string(&mut said).expect("it says");
    holder.wait().expect("it ends");
    let after = ask(&world);
    let count = |answers: &[bool]| answers.iter().filter(|is_good| **is_good).count();
    table.defended(
        &format!("200 connections to a daemon that may open {DESCRIPTORS} descriptors: others are not served"),
        Attempt::new(
            world.daemon().ended().is_some() || !after.has_succeeded || count(&during) < during.len() || count(&admin) < admin.len(),
            format!(
                "meanwhile {} of {} requests and {} of {} of the administrator's, afterwards {} ({})",
                count(&during), during.len(), count(&admin), admin.len(), after.got, said.trim()
            ),
        ),
        before,
    );
}

/// Milliseconds and status of honest requests.
struct Times {
    all: Vec<(f64, u16)>,
}

impl Times {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        let pair = |line: &str| {
            let (time, status) = line.split_once(' ')?;
            Some((time.parse().ok()?, status.parse().ok()?))
        };
        let mut all: Vec<(f64, u16)> = text.lines().filter_map(pair).collect();
        assert!(!all.is_empty(), "nothing was measured: {text}");
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self { all }
    }

    fn turned_away(&self) -> usize {
        self.all.iter().filter(|(_, status)| *status == 429 || *status == 0).count()
    }

    fn quantile(&self, share: f64) -> f64 {
        let index = ((self.all.len() as f64 - 1.0) * share).round() as usize;
        self.all[index].0
    }

    /// The promise is 100 ms; what an echo needs beside it on the same machine is not the daemon's. Nine of ten must keep
    /// it, so that a moment in which the machine was elsewhere is no failure; the hundredth is printed.
    fn is_prompt_beside(&self, echo: &Self) -> bool {
        let all_served = self.all.iter().all(|(_, status)| *status == 200);
        let in_time = |share: f64, of_echo: f64| {
            self.quantile(share) < PROMISED_MS + 3.0 * echo.quantile(of_echo)
        };
        all_served && in_time(0.5, 0.5) && in_time(0.9, 0.99)
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let served = self.all.iter().filter(|(_, status)| *status == 200).count();
        let [median, p99] = [0.5, 0.99].map(|share| self.quantile(share));
        write!(f, "{served} of {} served, median {median:.1} ms, p99 {p99:.1} ms", self.all.len())
    }
}

fn echo_times() -> Command {
    times(OWNER, ECHO)
}

/// As many as one process may hold leases.
fn times(uid: u32, path: &str) -> Command {
    let mut load = as_uid(uid, program("load"));
    load.args(["timed", path, &body(CONNECTION[0]), "40", "50"]);
    load
}

fn ended(child: Child) -> Output {
    child.wait_with_output().expect("it ends")
}

/// A server that does nothing but answer.
fn echo_at(path: &str) {
    let listener = UnixListener::bind(path).expect("a socket");
    attacks::set_mode(path.as_ref(), 0o777);
    thread::spawn(move || {
        for mut visitor in listener.incoming().flatten() {
            let _ = visitor.read(&mut [0; 4096]);
            let _ = visitor.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
}

/// A server that waits for whatever comes, for ever.
fn patient_at(path: &str) {
    let listener = UnixListener::bind(path).expect("a socket");
    attacks::set_mode(path.as_ref(), 0o777);
    thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
}

const ECHO: &str = "/run/meet/echo";
const PATIENT: &str = "/run/meet/patient";
const SECONDS: &str = "3";
const RATE: &str = "10000";
const PROMISED_MS: f64 = 100.0;
/// patctl is a program that is started for each; a loaded machine takes its time for that.
const PATIENCE_OF_ADMIN: Duration = Duration::from_secs(3);
const DESCRIPTORS: usize = 96;
