//! Who asks: the uid, the groups and the process are what the kernel says of whoever connected, whatever happens to the
//! process or to the connection afterwards (SECURITY.md: another local user; any number of uids).

use std::fs;
use std::process::Command;

use attacks::{
    ADMIN_SOCKET, Attempt, CONNECTION, GROUP, Ground, MEMBER, OTHER, OWNER, SOCKET, Table, as_uid,
    body, in_group, program, script, send, setgid,
};
use world::{World, own_name};

pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    other_users(ground, table);
    user_namespaces(ground, table);
    the_process_behind_a_connection(ground, table);
    table.defended(
        "an entitled user, from another pid namespace (the daemon sees pid 0)",
        from_another_pid_namespace(&["--pid", "--fork", "--kill-child"]),
        from_another_pid_namespace(&[]),
    );
}

fn other_users(ground: &Ground, table: &mut Table) {
    let [connection, gated, by_group, _] = CONNECTION;
    for (name, asked) in [("by name", connection), ("for the one of a group", by_group)] {
        let control = match asked == by_group {
            true => member(ground, &["ask", SOCKET, &body(by_group)]),
            false => ground.ask(OWNER, asked),
        };
        table.defended(&format!("another uid asks {name}"), ground.ask(OTHER, asked), control);
    }
    let anything = |uid| ground.knock(uid, &["ask", SOCKET, "{}"]);
    table.defended(
        "another uid asks for whatever it may have",
        anything(OTHER),
        ground.ask(OWNER, connection),
    );
    table.defended(
        "uid 65534, which stands for everybody unknown",
        ground.ask(65_534, connection),
        ground.ask(OWNER, connection),
    );
    table.defended(
        "an entitled uid asks without the gate where it is required",
        ground.ask(OWNER, gated),
        ground.try_as(OWNER, &[], &ground.wrapper(gated)),
    );
    let status = "GET /v1/status HTTP/1.1\r\nhost: patd\r\ncontent-length: 0\r\n\r\n";
    table.defended(
        "another uid at the admin socket",
        answered(OTHER, ADMIN_SOCKET, status),
        answered(0, ADMIN_SOCKET, status),
    );
    table.defended(
        "an administrator's request at the socket for everybody",
        answered(OWNER, SOCKET, status),
        answered(0, ADMIN_SOCKET, status),
    );
}

fn user_namespaces(ground: &Ground, table: &mut Table) {
    let [connection, gated, ..] = CONNECTION;
    let knock = program("knock").display().to_string();
    let line: Vec<String> = [&knock, "ask", SOCKET, &body(connection)].map(str::to_owned).to_vec();
    for (name, map) in [
        ("root", "--map-root-user".to_owned()),
        ("the entitled uid", format!("--map-user={OWNER}")),
    ] {
        table.defended(
            &format!("another uid that is {name} in a user namespace of its own"),
            ground.try_as(OTHER, &["/usr/bin/unshare", "--user", &map], &line),
            ground.try_as(OWNER, &["/usr/bin/unshare", "--user", "--map-root-user"], &line),
        );
    }
    let over = format!(
        "mount --bind {knock} {0} && exec {0} ask {1} '{2}'",
        program("pat-exec").display(),
        SOCKET,
        body(gated)
    );
    let look_alike = |uid| {
        let line = ["/bin/sh".to_owned(), "-c".to_owned(), over.clone()];
        ground.try_as(uid, &["/usr/bin/unshare", "--user", "--map-root-user", "--mount"], &line)
    };
    table.defended(
        "a program mounted over the wrapper's path, by the entitled uid",
        look_alike(OWNER),
        ground.try_as(OWNER, &[], &ground.wrapper(gated)),
    );
}

/// A connection says who connected; what its process is by now counts for nothing, or against it.
fn the_process_behind_a_connection(ground: &Ground, table: &mut Table) {
    let (socket, asked) = (SOCKET, body(CONNECTION[0]));
    let fork = |how| ground.knock(OWNER, &["fork", socket, &asked, how]);
    table.defended(
        "connect, fork and exit: the child asks on the connection of a process that is gone",
        fork("leave"),
        fork("stay"),
    );
    let setuid = program("knock-of-owner");
    fs::copy(program("knock"), &setuid).expect("a copy");
    std::os::unix::fs::chown(&setuid, Some(OWNER), Some(OWNER)).expect("it is given away");
    attacks::set_mode(&setuid, 0o4755);
    let setuid = setuid.to_str().expect("text");
    table.defended(
        "exec after connect: another uid connects, then becomes a setuid program of the entitled one",
        ground.knock(OTHER, &["exec", socket, &asked, setuid]),
        ground.seen(as_uid(OTHER, setuid).args(["ask", socket, &asked])),
    );
    let with_group = program("knock-with-group");
    setgid(&program("knock"), &with_group, GROUP);
    let (with_group, asked) = (with_group.to_str().expect("text"), body(CONNECTION[2]));
    table.defended(
        "exec after connect: a user connects, then becomes a setgid program of the group that is named",
        ground.knock(MEMBER, &["exec", socket, &asked, with_group]),
        ground.seen(as_uid(MEMBER, with_group).args(["ask", socket, &asked])),
    );
}

/// A daemon in these namespaces of its own, asked by the uid that its entry names.
fn from_another_pid_namespace(options: &[&str]) -> Attempt {
    let mut world =
        World::builder().local_user(&own_name()).add_options(&["--deliver", "env"]).build();
    let patd = world.programs.patd();
    let start = script(
        "patd-elsewhere",
        &format!("#!/bin/sh\nexec unshare {} {} \"$@\"\n", options.join(" "), patd.display()),
    );
    world.start_program(&start);
    let asked = body(CONNECTION[0]);
    let mut knock = Command::new(program("knock"));
    let knock = knock.arg("ask").arg(world.socket()).arg(&asked);
    Attempt::of_program(&world, &knock.output().expect("it starts"))
}

fn member(ground: &Ground, arguments: &[&str]) -> Attempt {
    ground.seen(in_group(program("knock").to_str().expect("text")).args(arguments))
}

/// At the admin socket there is no secret to get: being answered is the aim.
fn answered(uid: u32, socket: &str, request: &str) -> Attempt {
    let reply = String::from_utf8_lossy(&send(uid, socket, request.as_bytes())).into_owned();
    let first = reply.lines().next().unwrap_or("nothing");
    Attempt::new(first.starts_with("HTTP/1.1 200"), first)
}
