//! Past the gate: the group that the kernel shows for the installed wrapper, by code that is not the wrapper's, or in
//! places where setgid means nothing (SECURITY.md: a sandboxed program of the same user).

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;

use attacks::{
    Attempt, CONNECTION, GATE, Ground, OWNER, SOCKET, TARGET, Table, as_uid, body, mount, program,
    set_mode, setgid,
};
use world::Binaries;

pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    let gated = CONNECTION[1];
    let installed = || ground.try_as(OWNER, &[], &ground.wrapper(gated));
    let below = |programs: &[&str]| ground.try_as(OWNER, programs, &ground.wrapper(gated));
    let dynamic = program("pat-exec-dynamic");
    fs::copy(Binaries::find().pat_exec(), &dynamic).expect("a copy");
    for variable in ["LD_PRELOAD", "LD_AUDIT"] {
        let of = |wrapper: &Path| loaded_into(ground, variable, wrapper);
        table.defended(
            &format!("{variable} on the installed wrapper: code of the caller's in it"),
            of(&program("pat-exec")),
            of(&dynamic),
        );
    }
    table.defended(
        "the installed wrapper in a sandbox with no_new_privs",
        below(&["/usr/bin/setpriv", "--no-new-privs"]),
        installed(),
    );
    table.defended(
        "the installed wrapper in a user namespace",
        below(&["/usr/bin/unshare", "--user", "--map-root-user"]),
        installed(),
    );
    let pry = program("pry");
    table.defended(
        "the installed wrapper under a tracer from its start",
        below(&[pry.to_str().expect("text"), "traced"]),
        installed(),
    );
    let copied = program("pat-exec-copied");
    table.defended(
        "a copy of the wrapper without its setgid bit",
        ground.try_as(OWNER, &[], &ground.wrapper_at(&copied, gated)),
        installed(),
    );
    table.defended(
        "the wrapper, setgid, on a file system without setgid (nosuid)",
        on_nosuid(ground),
        installed(),
    );
    exec_after_connect(ground, table);
    chosen_socket(ground, table);
    named_program(ground, table);
}

/// An entry that names a program: who may ask is not yet who may have it.
fn named_program(ground: &Ground, table: &mut Table) {
    let place = Path::new(TARGET);
    let asked = CONNECTION[3];
    let start = |program: &str| {
        let mut line = ground.wrapper(asked);
        *line.last_mut().expect("a command") = program.to_owned();
        ground.try_as(OWNER, &[], &line)
    };
    let put = |lay: &dyn Fn()| {
        let _ = fs::remove_file(place);
        fs::copy("/usr/bin/env", place).expect("a copy");
        lay();
        start(TARGET)
    };
    let honest = || put(&|| set_mode(place, 0o755));
    table.defended(
        "an entry for one program: another program, by the wrapper",
        start("/usr/bin/env"),
        honest(),
    );
    table.defended(
        "an entry for one program: the caller itself, without the wrapper",
        ground.ask(OWNER, asked),
        honest(),
    );
    let own = |uid| chown(place, Some(uid), Some(uid)).expect("it is given away");
    table.defended(
        "an entry for one program, which belongs to its user",
        put(&|| own(OWNER)),
        honest(),
    );
    table.defended(
        "an entry for one program, which everybody may write",
        put(&|| set_mode(place, 0o777)),
        honest(),
    );
    let link = || {
        fs::remove_file(place).expect("it was there");
        symlink("/run/meet/target", place).expect("a link");
        fs::copy("/usr/bin/env", "/run/meet/target").expect("a copy");
    };
    table.defended(
        "an entry for one program, which is a link to a place where everybody may put one",
        put(&link),
        honest(),
    );
}

/// Runs a wrapper with the attackers' library, and returns whether it was loaded. The command that the wrapper becomes
/// loads it as it would without a wrapper: that counts for nothing.
fn loaded_into(ground: &Ground, variable: &str, wrapper: &Path) -> Attempt {
    let mark = Path::new("/run/meet/mark");
    let line = ground.wrapper_at(wrapper, CONNECTION[0]);
    let mut command = as_uid(OWNER, &line[0]);
    command.args(&line[1..]).env(variable, program("preload.so")).env("LOADED_MARK", mark);
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let loaded = fs::read_to_string(mark).expect("the command loads it");
    fs::remove_file(mark).expect("it was there");
    let is_loaded = loaded.lines().any(|name| Path::new(name) == wrapper);
    Attempt::new(is_loaded, if is_loaded { "loaded into it" } else { "not loaded into it" })
}

fn on_nosuid(ground: &Ground) -> Attempt {
    let folder = Path::new("/run/nosuid");
    fs::create_dir(folder).expect("a folder");
    mount(&["-t", "tmpfs", "-o", "nosuid,mode=755", "tmpfs", "/run/nosuid"]);
    let path = folder.join("pat-exec");
    setgid(&program("pat-exec"), &path, GATE);
    ground.try_as(OWNER, &[], &ground.wrapper_at(&path, CONNECTION[1]))
}

/// The gate is what the kernel noted at connect: neither gained nor lent afterwards.
fn exec_after_connect(ground: &Ground, table: &mut Table) {
    let (asked, knock) = (body(CONNECTION[1]), program("knock-with-gate"));
    setgid(&program("knock"), &knock, GATE);
    let knock = knock.to_str().expect("text");
    table.defended(
        "exec after connect: connects without the gate, then becomes a program that has it",
        ground.knock(OWNER, &["exec", SOCKET, &asked, knock]),
        ground.seen(as_uid(OWNER, knock).args(["ask", SOCKET, &asked])),
    );
    fs::remove_file(knock).expect("it was there");
}

/// Whoever chooses the socket is shown no gate: it could be lent to anybody.
fn chosen_socket(ground: &Ground, table: &mut Table) {
    let chosen = |path: &str| {
        let mut line = ground.wrapper(CONNECTION[1]);
        line.splice(1..1, ["--socket".to_owned(), path.to_owned()]);
        ground.try_as(OWNER, &[], &line)
    };
    table.defended(
        "the installed wrapper pointed at the daemon by a path of the caller's choice",
        chosen(SOCKET),
        ground.try_as(OWNER, &[], &ground.wrapper(CONNECTION[1])),
    );
}
