//! The `home` delivery as the child sees it, and what is left of it afterwards: nothing.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;

use pat_wire::message::EntryForm;
use world::{World, stderr, stdout};

#[test]
fn the_child_finds_its_entry_in_a_private_home() {
    let world = World::new();

    let output = world.run(
        "cat $SNOWFLAKE_HOME/connections.toml; stat -c '%a %F' $SNOWFLAKE_HOME \
         $SNOWFLAKE_HOME/connections.toml $SNOWFLAKE_HOME/..; \
         echo $SNOWFLAKE_DEFAULT_CONNECTION_NAME $SNOWFLAKE_CONNECTION",
    );

    let expected = "[miguel_cli]\naccount = \"MYORG-MYACCOUNT\"\nuser = \"MIGUEL_CLI\"\n\
                    role = \"MIGUEL_CLI_ROLE\"\nwarehouse = \"WH\"\n\
                    password = \"simpat_generation_1\"\n700 directory\n600 regular file\n\
                    700 directory\nmiguel_cli miguel_cli\n";
    let (_note, rest) =
        stdout(&output).split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(rest, expected);
    assert_eq!(stderr(&output), "");
    world.cleaned_up();
}

#[test]
fn the_token_form_is_delivered_where_the_entry_says_so() {
    let world = World::new();
    world.broker.state().terms.entry_form = EntryForm::Token;

    let output = world.run("grep -E 'auth|token|password' $SNOWFLAKE_HOME/connections.toml");

    let expected =
        "authenticator = \"PROGRAMMATIC_ACCESS_TOKEN\"\ntoken = \"simpat_generation_1\"\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn an_empty_home_works_and_the_clients_directories_end_up_in_the_real_one() {
    let world = World::new();

    let output = world
        .run("echo s > $SNOWFLAKE_HOME/cortex/settings.json; echo l > $SNOWFLAKE_HOME/logs/a.log");

    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(world.read("cortex/settings.json"), "s\n");
    assert_eq!(world.read("logs/a.log"), "l\n");
    let mode = world.real().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
    world.cleaned_up();
}

#[test]
fn everything_of_the_real_directory_is_there_but_its_connections() {
    let world = World::new();
    world.write("config.toml", "[cli.logs]\nlevel = \"info\"\n");
    world.write("connections.toml", "[other]\npassword = \"mine\"\n");

    let output = world.run(
        "cat $SNOWFLAKE_HOME/config.toml; echo 'x = 1' >> $SNOWFLAKE_HOME/config.toml; \
         grep -c mine $SNOWFLAKE_HOME/connections.toml",
    );

    assert_eq!(stdout(&output), "[cli.logs]\nlevel = \"info\"\n0\n");
    assert_eq!(world.read("config.toml"), "[cli.logs]\nlevel = \"info\"\nx = 1\n");
    let said = stderr(&output);
    assert!(
        said.contains("left out") && said.contains("other") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn connections_that_cortex_finds_all_the_same_are_not_said_to_be_left_out_for_it() {
    let world = World::new();
    world.write("config.toml", "[connections.other]\nuser = 'o'\n");

    let said = stderr(&world.run("true"));

    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("are left out of this run: other ("), "{said}");
    assert!(lines[1].contains("/config.toml still has other, which cortex reads"), "{said}");
    assert!(lines[1].contains("next: move them to connections.toml"), "{said}");
}

#[test]
fn other_connections_are_kept_where_the_entry_says_so() {
    let world = World::new();
    world.broker.state().terms.keep_connections = true;
    world.write("config.toml", "[connections.other]\nuser = 'o'\n");

    let output = world.run("cat $SNOWFLAKE_HOME/connections.toml");

    assert!(stdout(&output).ends_with("\n\n[other]\nuser = 'o'\n"), "{}", stdout(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_connection_of_the_same_name_in_the_users_config_is_refused() {
    let world = World::new();
    world.write("config.toml", "[connections.miguel_cli]\nuser = 'me'\n");

    let output = world.run("echo ran");

    assert_eq!(output.status.code(), Some(125));
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("[connections.miguel_cli]"), "{}", stderr(&output));
    assert_eq!(world.homes(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn conflicting_variables_do_not_reach_the_child() {
    let world = World::new();

    let output = world
        .wrapper()
        .env("SNOWFLAKE_HOME", world.real())
        .env("SNOWFLAKE_PASSWORD", "mine")
        .env("SNOWFLAKE_CONNECTIONS_MIGUEL_CLI_AUTHENTICATOR", "externalbrowser")
        .env("SNOWFLAKE_WAREHOUSE", "MINE")
        .env("UNRELATED", "kept")
        .args(["env"])
        .output()
        .unwrap();

    let mut names: Vec<String> =
        stdout(&output).lines().map(|line| line.split('=').next().unwrap().to_owned()).collect();
    names.sort();
    let expected = [
        "HOME",
        "PATH",
        "SNOWFLAKE_CONNECTION",
        "SNOWFLAKE_DEFAULT_CONNECTION_NAME",
        "SNOWFLAKE_HOME",
        "UNRELATED",
        "XDG_RUNTIME_DIR",
    ];
    assert_eq!(names, expected);
}

#[test]
fn exit_codes_and_signals_are_the_commands_own() {
    let world = World::new();

    assert_eq!(world.run("exit 7").status.code(), Some(7));
    assert_eq!(world.run("kill -TERM $$").status.signal(), Some(15));
    assert_eq!(world.run("kill -KILL $$").status.signal(), Some(9));
    // A broken pipe ends the command as it would without the wrapper.
    assert_eq!(world.run("kill -PIPE $$").status.signal(), Some(13));
    world.cleaned_up();
}

#[test]
fn a_command_that_cannot_be_run_leaves_no_home_and_says_why() {
    let world = World::new();
    let plain = world.scratch("plain");
    std::fs::write(&plain, "").unwrap();
    let no_interpreter = world.scratch("no-interpreter");
    std::fs::write(&no_interpreter, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&no_interpreter, PermissionsExt::from_mode(0o755)).unwrap();

    let missing = world.wrapper().arg("no-such-command").output().unwrap();
    let plain = world.wrapper().arg(plain).output().unwrap();
    let no_interpreter = world.wrapper().arg(no_interpreter).output().unwrap();

    assert_eq!(missing.status.code(), Some(127));
    assert!(stderr(&missing).contains("no-such-command: command not found"));
    assert_eq!(plain.status.code(), Some(126));
    assert!(stderr(&plain).contains("permission denied"));
    assert_eq!(no_interpreter.status.code(), Some(126));
    assert!(stderr(&no_interpreter).contains("cannot run"));
    world.cleaned_up();
}

#[test]
fn a_script_without_an_interpreter_line_is_the_shells() {
    let world = World::new();
    let script = world.scratch("script");
    std::fs::write(&script, "echo \"$0 $1\"\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();

    let output = world.wrapper().arg(&script).arg("argument").output().unwrap();

    assert_eq!(stdout(&output), format!("{} argument\n", script.display()));
}

#[test]
fn the_command_has_the_callers_pid_and_no_child() {
    let world = World::new();

    let output = from_shell(&world, "echo $$;", "sh -c 'echo $$; cat /proc/$$/task/$$/children'");

    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], lines[1]);
    // Its only child is the `cat` that prints.
    assert_eq!(lines[2].split_whitespace().count(), 1, "{text}");
    world.cleaned_up();
}

#[test]
fn descriptors_of_the_caller_are_passed_on_and_none_of_ours() {
    let world = World::new();
    let file = world.scratch("passed");
    std::fs::write(&file, "").unwrap();

    let open = format!("exec 7<{};", file.display());
    let without = std::process::Command::new("sh")
        .args(["-c", &format!("{open} exec ls /proc/self/fd")])
        .output()
        .unwrap();
    let output = from_shell(&world, &open, "ls /proc/self/fd");

    let fds = stdout(&output);
    assert_eq!(fds, stdout(&without));
    assert!(fds.lines().any(|fd| fd == "7"), "{fds}");
}

/// A shell that prepares something and then becomes the wrapper.
fn from_shell(world: &World, before: &str, command: &str) -> std::process::Output {
    let script = format!(
        "{before} exec {} --socket {} {command}",
        env!("CARGO_BIN_EXE_pat-exec"),
        world.broker.socket.display()
    );
    std::process::Command::new("sh")
        .args(["-c", &script])
        .env("HOME", world.user())
        .env("XDG_RUNTIME_DIR", world.runtime())
        .output()
        .unwrap()
}

#[test]
fn without_a_place_in_memory_of_its_own_the_shared_one_is_used() {
    let world = World::new();

    let output = world
        .wrapper()
        .env_remove("XDG_RUNTIME_DIR")
        .args(["sh", "-c", "echo $SNOWFLAKE_HOME"])
        .output()
        .unwrap();

    let uid = nix::unistd::getuid();
    let home = stdout(&output);
    assert!(home.starts_with(&format!("/dev/shm/pat-exec-{uid}-")), "{home}");
    let private = std::path::Path::new(home.trim()).parent().unwrap().to_owned();
    world::eventually("the home is gone", || !private.exists());
}

#[test]
fn a_command_inside_of_a_command_gives_back_to_the_users_own_directory() {
    let world = World::new();
    let inner = format!(
        "{} --socket {} sh -c 'echo inner > $SNOWFLAKE_HOME/new; echo $SNOWFLAKE_HOME'; echo $SNOWFLAKE_HOME",
        env!("CARGO_BIN_EXE_pat-exec"),
        world.broker.socket.display()
    );

    let output = world.run(&inner);

    let text = stdout(&output);
    let homes: Vec<&str> = text.lines().collect();
    assert_ne!(homes[0], homes[1], "{}", stderr(&output));
    world.cleaned_up();
    assert_eq!(world.read("new"), "inner\n");
}

#[test]
fn a_hangup_that_is_ignored_is_answered_with_what_it_takes() {
    let world = World::new();

    let output = from_shell(&world, "trap '' HUP;", "true");

    assert!(stderr(&output).contains("enable-linger"), "{}", stderr(&output));
}
