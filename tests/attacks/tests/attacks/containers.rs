//! Out of a container that has the host's uids and the folder of hand-out: as an engine of root makes them, whose root is
//! uid 0 and has the capabilities that the engine leaves it (SECURITY.md: containers).

use std::process::Command;

use attacks::{
    ADMIN_SOCKET, Attempt, CONNECTION, GATE, Ground, OWNER, SOCKET, Table, body, program,
};

pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    let knock = program("knock").display().to_string();
    let status = format!(
        "printf 'GET /v1/status HTTP/1.1\\r\\nhost: patd\\r\\n\\r\\n' | {knock} raw {ADMIN_SOCKET}"
    );
    table.defended(
        "root of a container that has the folder of hand-out asks for administration",
        is_answered(&inside(LEFT, HAND_OUT_ALONE, &status)),
        is_answered(&inside(LEFT, "", &status)),
    );
    let [connection, gated, ..] = CONNECTION;
    let as_owner = format!("setpriv --reuid={OWNER} --regid={OWNER} --clear-groups");
    let in_gate = format!("setpriv --reuid={OWNER} --regid={GATE} --clear-groups");
    let ask =
        |whom: &str, connection| format!("{whom} {knock} ask {SOCKET} '{}'", body(connection));
    let wrapper = format!("{as_owner} {}", ground.wrapper(gated).join(" "));
    for (name, line) in [
        ("becomes the uid that an entry names", ask(&as_owner, connection)),
        ("becomes that uid, through the gate", wrapper),
        ("becomes that uid and takes the gate's group", ask(&in_gate, gated)),
    ] {
        let got = |capabilities| {
            let printed = inside(capabilities, HAND_OUT_ALONE, &line);
            Attempt::at_secret(&ground.world, &printed)
        };
        table.not_defended(
            &format!("root of a container, with the capabilities of its engine, {name}"),
            got(LEFT),
            got("-all"),
        );
    }
}

/// Runs a line as root with these capabilities at the most, where this was done before; returns all that it printed.
fn inside(capabilities: &str, before: &str, line: &str) -> Vec<u8> {
    let bounds = format!("--inh-caps=-all --bounding-set={capabilities}");
    let text = format!("{before} exec setpriv {bounds} sh -c '{}'", line.replace('\'', "'\\''"));
    let mut container = Command::new("unshare");
    container.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", &text]);
    let container = container.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    let container = container.env("HOME", format!("/run/home/{OWNER}"));
    let output = container.env("XDG_RUNTIME_DIR", format!("/run/user/{OWNER}")).output();
    let output = output.expect("a container starts");
    [output.stdout, output.stderr].concat()
}

fn is_answered(printed: &[u8]) -> Attempt {
    let reply = String::from_utf8_lossy(printed).into_owned();
    let first = reply.lines().next().unwrap_or("nothing").to_owned();
    Attempt::new(first.starts_with("HTTP/1.1 200"), first)
}

/// What is not mounted into a container is not there.
const HAND_OUT_ALONE: &str = "mount -t tmpfs tmpfs /run/patd-admin &&";
/// What docker leaves the root of a container.
const LEFT: &str = "-all,+audit_write,+chown,+dac_override,+fowner,+fsetid,+kill,+mknod,+net_bind_service,+net_raw,\
                    +setfcap,+setgid,+setpcap,+setuid,+sys_chroot";
