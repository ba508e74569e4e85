//! The setgid gate, really installed: a file system of its own makes room for the compiled-in path, and a
//! user without privileges starts the wrapper. Needs root and mount namespaces.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use pat_wire::error::{ErrorCode, REFUSAL_TEXT};
use world::broker::{Broker, refusal};
use world::installed::{GATE, Installed, USER, inside_namespace, is_musl, mount};
use world::{eventually, stderr, stdout};

#[test]
fn the_gate_is_shown_at_connect_and_nowhere_else() {
    inside_namespace("the_gate_is_shown_at_connect_and_nowhere_else", || {
        let world = Installed::new();

        let output = world.run(&["sh", "-c", "grep ^Gid /proc/self/status; stat -c %g $SNOWFLAKE_HOME $SNOWFLAKE_HOME/connections.toml; echo new > $SNOWFLAKE_HOME/made; read _"]);

        let own = USER.to_string();
        let text = stdout(&output);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0].split_whitespace().skip(1).collect::<Vec<_>>(),
            [&own; 4],
            "{}",
            stderr(&output)
        );
        assert_eq!(lines[1..], [&own, &own]);
        // The hand-out, and the helper's watch if it came to that.
        assert!(matches!(world.shown()[..], [GATE] | [GATE, GATE]), "{:?}", world.shown());
        eventually("the home is gone", || world.homes() == 0);
        let made = std::fs::metadata("/run/home/.snowflake/made").unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::gid(&made), USER);
    });
}

#[test]
fn the_helper_shows_the_gate_again_when_it_refreshes() {
    inside_namespace("the_helper_shows_the_gate_again_when_it_refreshes", || {
        let world = Installed::new();
        let mut talk = world::Talk::start(&mut world.command(&[
            "sh",
            "-c",
            "echo ready; read _; cat $SNOWFLAKE_HOME/connections.toml",
        ]));
        eventually("the helper watches", || world.broker.asked("/v1/watch").len() == 1);
        world.broker.rotate("simpat_generation_2");
        eventually("the helper watches the next", || world.broker.asked("/v1/watch").len() == 2);

        talk.say("");

        let mut text = String::new();
        while !text.contains("password") {
            text = talk.hear();
        }
        assert_eq!(text, "password = \"simpat_generation_2\"");
        talk.end();
        // The first hand-out, its watch, the second hand-out, its watch.
        assert_eq!(world.shown(), [GATE; 4]);
    });
}

#[test]
fn a_socket_of_the_callers_choice_is_never_shown_the_gate() {
    inside_namespace("a_socket_of_the_callers_choice_is_never_shown_the_gate", || {
        let world = Installed::new();
        let own = Broker::start(Path::new("/run/own.sock"));
        std::fs::set_permissions("/run/own.sock", Permissions::from_mode(0o666)).unwrap();

        let output = world.run(&["--socket", "/run/own.sock", "true"]);

        assert!(output.status.success(), "{}", stderr(&output));
        eventually("the home is gone", || world.homes() == 0);
        assert!(own.peers().iter().all(|peer| *peer == USER), "{:?}", own.peers());
    });
}

#[test]
fn a_listener_that_is_not_roots_is_told_nothing() {
    inside_namespace("a_listener_that_is_not_roots_is_told_nothing", || {
        let world = Installed::new();
        std::fs::set_permissions("/run/patd", Permissions::from_mode(0o777)).unwrap();

        let output = world.run(&["true"]);

        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains("writable by others"), "{}", stderr(&output));
        assert!(world.shown().is_empty());
    });
}

#[test]
fn a_refused_caller_without_the_gate_is_told_why_there_is_none() {
    inside_namespace("a_refused_caller_without_the_gate_is_told_why_there_is_none", || {
        let world = Installed::new();
        world.broker.state().refusal = Some(refusal(ErrorCode::Refused, REFUSAL_TEXT));

        let gated = world.run(&["true"]);
        let sandboxed = world.run_under(&["setpriv", "--no-new-privs"], &["true"]);
        mount(&["-o", "remount,nosuid", "/run"]);
        let nosuid = world.run(&["true"]);

        assert_eq!(stderr(&gated), format!("pat-exec: {REFUSAL_TEXT}\n"));
        for (output, named) in [(sandboxed, "no_new_privs is set"), (nosuid, "mounted nosuid")] {
            let text = stderr(&output);
            assert!(text.contains("ran ungated") && text.contains(named), "{text}");
        }
        assert_eq!(world.shown(), [GATE, USER, USER]);
    });
}

#[test]
fn the_environment_of_the_command_is_the_callers_in_spite_of_the_gate() {
    inside_namespace("the_environment_of_the_command_is_the_callers_in_spite_of_the_gate", || {
        let world = Installed::new();

        let mut command = world.command(&["env"]);
        command.env("LD_LIBRARY_PATH", "/kept").env("TMPDIR", "/kept-too");
        let output = command.output().unwrap();

        let text = stdout(&output);
        if is_musl() {
            assert!(
                text.contains("LD_LIBRARY_PATH=/kept\n") && text.contains("TMPDIR=/kept-too\n"),
                "{text}"
            );
        } else {
            // glibc takes them from any setgid process: why the package ships a musl binary.
            assert!(!text.contains("LD_LIBRARY_PATH"), "{text}");
        }
    });
}

#[test]
fn only_the_programs_that_the_entry_names_run_and_by_their_own_file() {
    inside_namespace("only_the_programs_that_the_entry_names_run_and_by_their_own_file", || {
        let world = Installed::new();
        let tool = world.program_of_root("/run/tools/tool", "/bin/cat");
        world.broker.state().terms.targets = vec!["/no/such/tool".into(), tool.clone()];
        // A look-alike of the user's comes first on the PATH, a link to the real one last.
        world.program_of_root("/run/home/tool", "/bin/false");
        std::os::unix::fs::symlink(&tool, "/run/home/link").unwrap();

        let told = |program: &str| {
            let mut command = world.command(&[program, "/proc/self/comm"]);
            let output = command.env("PATH", "/run/home:/bin").output().unwrap();
            (output.status.code(), stdout(&output), stderr(&output))
        };

        for program in ["tool", tool.as_str(), "link", "/run/home/link", "/run/home/../tools/tool"]
        {
            let (code, out, err) = told(program);
            assert_eq!((code, out.as_str()), (Some(0), "tool\n"), "{program}: {err}");
        }
        for program in ["/run/home/tool", "cat", "/bin/cat"] {
            let (code, out, err) = told(program);
            assert_eq!((code, out.as_str()), (Some(126), ""), "{program}: {err}");
            assert!(err.contains(&format!("runs only /no/such/tool, {tool}; next: ")), "{err}");
        }
        eventually("no home is left", || world.homes() == 0);
    });
}

#[test]
fn a_named_program_that_others_could_have_changed_or_a_script_is_not_run() {
    inside_namespace(
        "a_named_program_that_others_could_have_changed_or_a_script_is_not_run",
        || {
            let world = Installed::new();
            let tool = world.program_of_root("/run/tools/tool", "/bin/true");
            world.broker.state().terms.targets = vec![tool.clone()];
            let refused = |named: &str| {
                for program in ["tool", tool.as_str()] {
                    let output = world.run(&[program]);
                    assert_eq!(output.status.code(), Some(126), "{named}: {}", stderr(&output));
                    assert!(stderr(&output).contains(named), "{named}: {}", stderr(&output));
                }
            };
            assert!(world.run(&["tool"]).status.success());

            std::fs::set_permissions(&tool, Permissions::from_mode(0o775)).unwrap();
            refused("chmod go-w /run/tools/tool");
            std::fs::set_permissions(&tool, Permissions::from_mode(0o755)).unwrap();
            std::fs::set_permissions("/run/tools", Permissions::from_mode(0o777)).unwrap();
            refused("chmod go-w /run/tools");
            std::fs::set_permissions("/run/tools", Permissions::from_mode(0o755)).unwrap();
            chown(&tool, Some(USER), None).unwrap();
            refused("belongs to uid 60124");
            chown(&tool, Some(0), None).unwrap();
            std::fs::write(&tool, "#!/bin/sh\necho $SNOWFLAKE_HOME\n").unwrap();
            refused("is a script");
            std::fs::remove_file(&tool).unwrap();
            std::os::unix::fs::symlink("/bin/true", &tool).unwrap();
            refused("readlink -f");
        },
    );
}

#[test]
fn a_named_program_is_brought_no_code_by_variables_and_may_be_unreadable() {
    inside_namespace(
        "a_named_program_is_brought_no_code_by_variables_and_may_be_unreadable",
        || {
            let world = Installed::new();
            let tool = world.program_of_root("/run/tools/tool", "/usr/bin/env");
            std::fs::set_permissions(&tool, Permissions::from_mode(0o711)).unwrap();
            world.broker.state().terms.targets = vec![tool];

            let mut command = world.command(&["tool"]);
            command.env("NODE_OPTIONS", "-r /run/home/x.js").env("BASH_ENV", "/run/home/x");
            let output = command.env("EDITOR", "vi").output().unwrap();

            let text = stdout(&output);
            assert!(text.contains("EDITOR=vi\n") && text.contains("SNOWFLAKE_HOME="), "{text}");
            assert!(!text.contains("NODE_OPTIONS") && !text.contains("BASH_ENV"), "{text}");
        },
    );
}
