//! In the daemon's place: a client tells a squatter nothing, and the daemon takes no socket that somebody else made
//! (SECURITY.md: a local user who squats on the socket's path).

use std::fs;
use std::io::Read;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use attacks::{
    Attempt, CONNECTION, Ground, OTHER, OWNER, PROGRAMS, SOCKET, Table, as_uid, body, listening,
    mount, program, script, set_mode,
};
use world::{Daemon, World, own_name, wait_at_most};

pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    squatters(ground, table);
    inherited_sockets(table);
    squatted_before_the_start(table);
    table.defended(
        "the daemon in a user namespace, where every stranger is the same uid",
        started("userns", "exec unshare --user --map-root-user \"$0\" \"$@\"", None),
        started("plain", "exec \"$0\" \"$@\"", None),
    );
}

/// The folder of the socket as another uid left it, mounted at the compiled-in path.
fn squatters(ground: &Ground, table: &mut Table) {
    type Lay = fn(&Path);
    let ways: [(&str, Lay); 3] = [
        ("in a folder of its own", |folder| {
            chown(folder, Some(OTHER), Some(OTHER)).expect("given")
        }),
        ("in a folder that everybody may write", |folder| set_mode(folder, 0o777)),
        ("behind a symbolic link in root's folder", |folder| {
            symlink("/run/meet/squatted.sock", folder.join("patd.sock")).expect("a link");
        }),
    ];
    for (name, lay) in ways {
        let (wrapper, honest) = squatted(ground, lay);
        table.defended(
            &format!("another uid's socket at the wrapper's path, {name}"),
            wrapper,
            honest,
        );
    }
    let honest = ground.try_as(OWNER, &[], &ground.wrapper(CONNECTION[1]));
    assert!(honest.has_succeeded, "the way to the daemon is not as it was: {honest:?}");
}

/// What a squatter hears of the wrapper, and of a client that does not look.
fn squatted(ground: &Ground, lay: fn(&Path)) -> (Attempt, Attempt) {
    mount(&["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run/patd"]);
    let folder = Path::new("/run/patd");
    lay(folder);
    let is_linked = fs::symlink_metadata(folder.join("patd.sock")).is_ok();
    let at = if is_linked { "/run/meet/squatted.sock" } else { "/run/patd/patd.sock" };
    let heard_of = |visit: &mut dyn FnMut()| {
        let _ = fs::remove_file(at);
        let (mut squatter, mut hear) =
            listening(as_uid(OTHER, program("knock")).args(["squat", at]));
        visit();
        // A visitor that never came is replaced by one who says nothing.
        drop(std::os::unix::net::UnixStream::connect(at));
        let mut said = String::new();
        hear.read_to_string(&mut said).expect("it says");
        squatter.wait().expect("it ends");
        Attempt::new(said.trim() != "heard 0 bytes", format!("the squatter {}", said.trim()))
    };
    let mut told = String::new();
    let of_wrapper = heard_of(&mut || {
        let output = ground.run_as(OWNER, &[], &ground.wrapper(CONNECTION[0]));
        assert_eq!(output.status.code(), Some(125), "{output:?}");
        told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    });
    let careless = heard_of(&mut || {
        let mut knock = as_uid(OWNER, "/usr/bin/timeout");
        let asked = body(CONNECTION[0]);
        knock.args(["1", &format!("{PROGRAMS}/knock"), "ask", SOCKET, &asked]);
        knock.output().expect("it starts");
    });
    let status = Command::new("umount").arg("/run/patd").status().expect("umount starts");
    assert!(status.success(), "{status}");
    let got = format!("{}; the wrapper says: {told}", of_wrapper.got);
    (Attempt::new(of_wrapper.has_succeeded, got), careless)
}

/// Forged LISTEN_FDS: the numbers and names are right, the sockets are somebody else's.
fn inherited_sockets(table: &mut Table) {
    let activate = |folder: &str| {
        let sockets = format!("{folder}/patd.sock {folder}-admin/admin.sock");
        format!("exec {PROGRAMS}/activate 0 {sockets} \"$0\" \"$@\"")
    };
    let together = "$RUN/patd.sock $RUN/admin.sock";
    table.defended(
        "forged LISTEN_FDS: sockets that are bound in another folder",
        started("forged", &activate("/run/meet"), None),
        started("passed", &activate("$RUN"), None),
    );
    table.defended(
        "an admin socket that is passed in the folder of hand-out, which containers are given",
        started("beside", &format!("exec {PROGRAMS}/activate 0 {together} \"$0\" \"$@\""), None),
        started("passed", &activate("$RUN"), None),
    );
    table.defended(
        "forged LISTEN_FDS: descriptors that are no sockets",
        started("files", "export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=hand-out:admin; exec \"$0\" \"$@\" 3</dev/null 4</dev/null", None),
        started("passed", &activate("$RUN"), None),
    );
}

fn squatted_before_the_start(table: &mut Table) {
    table.defended(
        "a socket bound at the daemon's path before it starts, in a folder that everybody may write",
        started("open", "exec \"$0\" \"$@\"", Some(&|run| set_mode(run, 0o777))),
        started("plain", "exec \"$0\" \"$@\"", None),
    );
    let of_admin: &dyn Fn(&Path) = &|run| set_mode(&run.with_file_name("run-admin"), 0o777);
    table.defended(
        "the same in the folder of the admin socket",
        started("open", "exec \"$0\" \"$@\"", Some(of_admin)),
        started("plain", "exec \"$0\" \"$@\"", None),
    );
    let alive: &dyn Fn(&Path) = &|run| {
        // Kept: it answers for as long as this program runs.
        let kept = UnixListener::bind(run.join("patd.sock")).expect("a socket");
        std::mem::forget(kept);
    };
    table.defended(
        "a socket bound at the daemon's path before it starts, that somebody answers on",
        started("squatted", "exec \"$0\" \"$@\"", Some(alive)),
        started("plain", "exec \"$0\" \"$@\"", None),
    );
}

/// Starts a daemon by a script ($0 is the program, $RUN its folder of sockets), and returns whether it serves.
fn started(name: &str, text: &str, before: Option<&dyn Fn(&Path)>) -> Attempt {
    let mut world = World::builder().local_user(&own_name()).build();
    let (patd, run) = (world.programs.patd(), world.run());
    if let Some(before) = before {
        before(&run);
    }
    let text = format!(
        "#!/bin/sh\nexport RUN={}\nexec /bin/sh -c '{text}' {} \"$@\"\n",
        run.display(),
        patd.display()
    );
    world.spawn_program(&script(&format!("start-{name}"), &text), &[]);
    let socket = world.socket();
    wait_at_most(Duration::from_secs(20), || {
        if let Some(status) = world.daemon().ended() {
            let why = why_not(world.daemon());
            return Some(Attempt::new(false, format!("{status}: {why}")));
        }
        answers(&socket).then(|| Attempt::new(true, "it serves"))
    })
    .unwrap_or_else(|| Attempt::new(true, "it runs, and answers nobody"))
}

/// Whether it is the daemon that answers; a squatter might not answer at all.
fn answers(socket: &Path) -> bool {
    let mut knock = Command::new("/usr/bin/timeout");
    knock.arg("2").arg(program("knock")).arg("ask").arg(socket).arg(body("no_such"));
    knock.output().is_ok_and(|output| output.stdout.starts_with(b"HTTP/1.1 403"))
}

fn why_not(daemon: &Daemon) -> String {
    let text = daemon.log_text();
    let line = text.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
    line.split_once("error=").map_or(line, |(_, cause)| cause).chars().take(MOST).collect()
}

const MOST: usize = 150;
