//! The user loses nothing: what a run made, replaced or added is in the real directory afterwards, and
//! nothing that somebody else changed meanwhile is overwritten. The token is in none of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's world that cannot be built fails the test"
)]

mod world;

use std::os::unix::fs::PermissionsExt;

use world::{World, eventually, helpers, stderr};

/// As `snow connection add` writes it.
const ADD: &str =
    "printf '\\n[new]\\naccount = \"a\"\\nuser = \"n\"\\n' >> $SNOWFLAKE_HOME/connections.toml";

#[test]
fn new_files_and_directories_are_in_the_real_directory_afterwards() {
    let world = World::new();

    let output = world.run(
        "cd $SNOWFLAKE_HOME; echo c > .cli_version.cache; mkdir -p deep/er; echo f > deep/er/file; \
         chmod 640 deep/er/file; ln -s file deep/er/link; ln -s $SNOWFLAKE_HOME/deep absolute; \
         mkfifo pipe",
    );

    world.cleaned_up();
    assert_eq!(stderr(&output), "");
    assert_eq!(world.read(".cli_version.cache"), "c\n");
    assert_eq!(world.read("deep/er/link"), "f\n");
    assert_eq!(world.read("absolute/er/file"), "f\n");
    let mode = world.real().join("deep/er/file").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
    assert!(!world.real().join("pipe").exists());
    assert!(!world.real().join("connections.toml").exists());
    demand_no_leftovers(&world);
}

/// As `snow` makes it at its first run.
const CONFIG: &str =
    "printf '[cli.logs]\\npath = \"%s/logs\"\\n' $SNOWFLAKE_HOME > $SNOWFLAKE_HOME/config.toml";

#[test]
fn a_configuration_that_names_the_private_home_names_the_real_directory_afterwards() {
    let world = World::new();
    let expected = format!("[cli.logs]\npath = \"{}/logs\"\n", world.real().display());
    let [mut one, mut other] =
        [(); 2].map(|()| world.talk(&format!("{CONFIG}; echo done; read _")));
    assert_eq!([one.hear(), other.hear()], ["done", "done"]);

    // Both made one: they are the same by now, so none is put aside.
    assert_eq!([one.end(), other.end()], ["", ""]);

    world.cleaned_up();
    assert_eq!(world.read("config.toml"), expected);
    assert!(!world.real().join("config.toml.from-pat-exec").exists());
}

#[test]
fn a_link_that_was_replaced_by_a_file_replaces_its_target() {
    let world = World::new();
    world.write("config.toml", "old = 1\n");

    let output = world.run("cd $SNOWFLAKE_HOME; echo 'new = 1' > t; mv t config.toml");

    world.cleaned_up();
    assert_eq!(world.read("config.toml"), "new = 1\n");
    assert_eq!(stderr(&output), "");
    demand_no_leftovers(&world);
}

#[test]
fn a_linked_real_file_stays_a_link() {
    let world = World::new();
    let dotfiles = world.scratch("dotfiles.toml");
    std::fs::write(&dotfiles, "old = 1\n").unwrap();
    std::fs::create_dir(world.real()).unwrap();
    std::os::unix::fs::symlink(&dotfiles, world.real().join("config.toml")).unwrap();

    world.run("cd $SNOWFLAKE_HOME; echo 'new = 1' > t; mv t config.toml");

    world.cleaned_up();
    assert_eq!(std::fs::read_to_string(&dotfiles).unwrap(), "new = 1\n");
    assert!(world.real().join("config.toml").is_symlink());
}

#[test]
fn what_somebody_else_changed_meanwhile_is_not_overwritten() {
    let world = World::new();
    world.write("config.toml", "old = 1\n");
    let mut talk = world.talk(
        "cd $SNOWFLAKE_HOME; echo 'mine = 1' > t; mv t config.toml; echo made > made; \
         mkdir dir; echo in > dir/in; echo done; read _",
    );
    assert_eq!(talk.hear(), "done");
    world.write("config.toml", "theirs = 22\n");
    world.write("made", "theirs\n");
    world.write("dir", "a file\n");

    let said = talk.end();

    world.cleaned_up();
    assert_eq!(world.read("config.toml"), "theirs = 22\n");
    assert_eq!(world.read("config.toml.from-pat-exec"), "mine = 1\n");
    assert_eq!(world.read("made"), "theirs\n");
    assert_eq!(world.read("made.from-pat-exec"), "made\n");
    assert_eq!(world.read("dir.from-pat-exec/in"), "in\n");
    for name in ["config.toml", "made", "dir"] {
        let aside = world.real().join(format!("{name}.from-pat-exec"));
        assert!(
            said.contains(&format!("the version of this run is {}", aside.display())),
            "{said}"
        );
    }
}

#[test]
fn an_earlier_version_put_aside_is_not_overwritten_either() {
    let world = World::new();
    world.write("config.toml", "old = 1\n");
    world.write("config.toml.from-pat-exec", "earlier\n");
    let mut talk =
        world.talk("cd $SNOWFLAKE_HOME; echo mine > t; mv t config.toml; echo done; read _");
    assert_eq!(talk.hear(), "done");
    world.write("config.toml", "theirs = 22\n");

    talk.end();

    world.cleaned_up();
    assert_eq!(world.read("config.toml.from-pat-exec"), "earlier\n");
    assert_eq!(world.read("config.toml.from-pat-exec.2"), "mine\n");
}

#[test]
fn the_same_content_twice_is_no_clash() {
    let world = World::new();
    let mut talk = world.talk("echo same > $SNOWFLAKE_HOME/made; echo done; read _");
    assert_eq!(talk.hear(), "done");
    world.write("made", "same\n");

    assert_eq!(talk.end(), "");

    world.cleaned_up();
    assert!(!world.real().join("made.from-pat-exec").exists());
}

#[test]
fn an_added_connection_goes_to_the_users_own_file() {
    let world = World::new();
    world.write("connections.toml", "[other]\nuser = \"o\"");

    let output = world.run(ADD);

    world.cleaned_up();
    let expected = "[other]\nuser = \"o\"\n[new]\naccount = \"a\"\nuser = \"n\"\n";
    assert_eq!(world.read("connections.toml"), expected);
    assert!(!stderr(&output).contains("new"), "{}", stderr(&output));
}

#[test]
fn the_first_connection_of_a_user_makes_a_private_file() {
    let world = World::new();

    world.run(ADD);

    world.cleaned_up();
    assert_eq!(world.read("connections.toml"), "\n[new]\naccount = \"a\"\nuser = \"n\"\n");
    let metadata = world.real().join("connections.toml").metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
}

#[test]
fn an_added_connection_does_not_hide_those_of_the_users_config() {
    let world = World::new();
    world.write("config.toml", "[connections.other]\nuser = \"o\"\n");

    world.run(ADD);

    world.cleaned_up();
    assert!(!world.real().join("connections.toml").exists());
    let expected =
        "[connections.other]\nuser = \"o\"\n\n[connections.new]\naccount = \"a\"\nuser = \"n\"\n";
    assert_eq!(world.read("config.toml"), expected);
}

#[test]
fn a_config_that_no_text_can_be_appended_to_is_left_as_it_is() {
    let world = World::new();
    let config = "connections = { other = { user = \"o\" } }\n";
    world.write("config.toml", config);

    let output = world.run(ADD);

    world.cleaned_up();
    assert_eq!(world.read("config.toml"), config);
    let aside = world.read("config.toml.from-pat-exec");
    assert_eq!(aside, "\n[new]\naccount = \"a\"\nuser = \"n\"\n");
    assert!(stderr(&output).contains("config.toml.from-pat-exec"), "{}", stderr(&output));
}

#[test]
fn a_connection_or_file_with_the_token_in_it_is_not_kept() {
    let world = World::new();

    let output = world.run(
        "cd $SNOWFLAKE_HOME; cp connections.toml backup.toml; mkdir dir; \
         grep password connections.toml > dir/copy; \
         printf '[leak]\\ntoken = \"simpat_generation_1\"\\n[fine]\\nuser = \"f\"\\n' >> connections.toml",
    );

    world.cleaned_up();
    let said = stderr(&output);
    for name in ["backup.toml", "dir/copy", "connection leak"] {
        assert!(said.contains(&format!("{name} holds the token and was not kept")), "{said}");
    }
    assert_eq!(world.read("connections.toml"), "\n[fine]\nuser = \"f\"\n");
    demand_no_token(&world);
}

#[test]
fn earlier_tokens_are_recognised_too() {
    let world = World::new();
    let mut talk =
        world.talk("cd $SNOWFLAKE_HOME; cp connections.toml old.toml; echo done; read _");
    assert_eq!(talk.hear(), "done");
    world.broker.rotate("simpat_generation_2");
    let file = world.home().join("connections.toml");
    eventually("the rotation arrived", || {
        std::fs::read_to_string(&file).unwrap().contains("simpat_generation_2")
    });

    let said = talk.end();

    world.cleaned_up();
    assert_eq!(said.matches("old.toml holds the token").count(), 1, "{said}");
    demand_no_token(&world);
}

#[test]
fn a_refresh_gives_back_and_keeps_what_the_child_added() {
    let world = World::new();
    world.write("connections.toml", "");
    let mut talk = world.talk(&format!("{ADD}; echo v1 > $SNOWFLAKE_HOME/made; echo done; read _; echo v2 > $SNOWFLAKE_HOME/made; read _"));
    assert_eq!(talk.hear(), "done");
    for generation in 2..4 {
        world.broker.rotate(&format!("simpat_generation_{generation}"));
        let file = world.home().join("connections.toml");
        eventually("the rotation arrived", || {
            std::fs::read_to_string(&file).unwrap().contains(&format!("generation_{generation}"))
        });
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.ends_with("\n[new]\naccount = \"a\"\nuser = \"n\"\n"), "{text}");
        assert_eq!(world.read("connections.toml").matches("[new]").count(), 1);
        assert_eq!(world.read("made"), "v1\n");
    }

    talk.say("");
    assert_eq!(talk.end(), "");

    world.cleaned_up();
    assert_eq!(world.read("connections.toml"), "\n[new]\naccount = \"a\"\nuser = \"n\"\n");
    assert_eq!(world.read("made"), "v2\n");
    demand_no_leftovers(&world);
}

#[test]
fn a_connection_that_appeared_meanwhile_under_the_same_name_is_not_touched() {
    let world = World::new();
    let mut talk = world.talk(&format!("{ADD}; echo done; read _"));
    assert_eq!(talk.hear(), "done");
    world.write("connections.toml", "[new]\nuser = \"theirs\"\n");

    let said = talk.end();

    world.cleaned_up();
    assert_eq!(world.read("connections.toml"), "[new]\nuser = \"theirs\"\n");
    assert!(world.read("connections.toml.from-pat-exec").contains("user = \"n\""));
    assert!(said.contains("connections.toml.from-pat-exec"), "{said}");
}

#[test]
fn what_was_put_aside_at_a_refresh_is_not_put_aside_again() {
    let world = World::new();
    let mut talk = world.talk(&format!("{ADD}; echo done; read _"));
    assert_eq!(talk.hear(), "done");
    world.write("connections.toml", "[new]\nuser = \"theirs\"\n");
    for generation in 2..4 {
        world.broker.rotate(&format!("simpat_generation_{generation}"));
        let file = world.home().join("connections.toml");
        eventually("the rotation arrived", || {
            std::fs::read_to_string(&file).unwrap().contains(&format!("generation_{generation}"))
        });
    }

    let said = talk.end();

    world.cleaned_up();
    assert_eq!(said.matches("from-pat-exec").count(), 1, "{said}");
    assert!(!world.real().join("connections.toml.from-pat-exec.2").exists());
}

#[test]
fn a_kept_connection_that_the_child_edited_is_put_aside() {
    let world = World::new();
    world.broker.state().terms.keep_connections = true;
    world.write("connections.toml", "[other]\nuser = \"o\"\n");

    world.run("sed -i 's/\"o\"/\"edited\"/' $SNOWFLAKE_HOME/connections.toml");

    world.cleaned_up();
    assert_eq!(world.read("connections.toml"), "[other]\nuser = \"o\"\n");
    assert_eq!(world.read("connections.toml.from-pat-exec"), "\n[other]\nuser = \"edited\"\n");
}

#[test]
fn connections_that_the_child_broke_are_put_aside_without_the_token() {
    let world = World::new();

    let output = world.run("echo 'not toml' >> $SNOWFLAKE_HOME/connections.toml");

    world.cleaned_up();
    let aside = world.read("connections.toml.from-pat-exec");
    assert!(aside.contains("not toml") && aside.contains("<token removed"), "{aside}");
    assert!(stderr(&output).contains("not TOML"), "{}", stderr(&output));
    demand_no_token(&world);
}

#[test]
fn what_cannot_be_given_back_waits_without_its_token_for_the_next_start() {
    let world = World::new();
    world.write("connections.toml", "[other]\nuser = \"o\"\n");
    // A directory in the place of the file: nothing can be appended to it.
    let mut talk = world.talk(&format!(
        "{ADD}; cp $SNOWFLAKE_HOME/connections.toml $SNOWFLAKE_HOME/leak; echo done; read _"
    ));
    assert_eq!(talk.hear(), "done");
    let own = world.real().join("connections.toml");
    std::fs::rename(&own, world.scratch("saved")).unwrap();
    std::fs::create_dir(&own).unwrap();
    let said = talk.end();

    eventually("the helper is gone", || helpers(world.runtime()).is_empty());
    assert!(said.contains("could not keep the added connections"), "{said}");
    assert!(said.contains("the next pat-exec tries again"), "{said}");
    let left = world.homes();
    assert_eq!(left.len(), 1);
    assert!(grep(&left[0], b"simpat_generation_1").is_empty());

    std::fs::remove_dir(&own).unwrap();
    std::fs::rename(world.scratch("saved"), &own).unwrap();
    world.run("true");
    world.cleaned_up();
    assert!(world.read("connections.toml").ends_with("[new]\naccount = \"a\"\nuser = \"n\"\n"));
    demand_no_token(&world);
}

#[test]
fn the_home_goes_though_children_of_the_child_still_write_to_it() {
    let world = World::new();

    let go = world.scratch("go");
    std::fs::write(&go, "").unwrap();

    world.run(&format!(
        "(while [ -e '{}' ] && mkdir -p $SNOWFLAKE_HOME/busy 2>/dev/null && : > $SNOWFLAKE_HOME/busy/$((i=i+1)); \
         do :; done) >/dev/null 2>&1 & sleep 0.1",
        go.display()
    ));

    eventually("the home is gone", || {
        world.homes().iter().all(|home| !home.join("home/connections.toml").exists())
    });
    eventually("the helper is gone", || helpers(world.runtime()).is_empty());
    std::fs::remove_file(go).unwrap();
}

fn demand_no_leftovers(world: &World) {
    let names = std::fs::read_dir(world.real()).unwrap();
    for name in names.map(|entry| entry.unwrap().file_name()) {
        let name = name.to_string_lossy().into_owned();
        assert!(!name.starts_with(".pat-exec-") && !name.contains("from-pat-exec"), "{name}");
    }
}

fn demand_no_token(world: &World) {
    assert_eq!(grep(&world.user(), b"simpat_generation_"), Vec::<String>::new());
}

fn grep(dir: &std::path::Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(grep(&path, wanted));
        } else if std::fs::read(&path).unwrap().windows(wanted.len()).any(|part| part == wanted) {
            found.push(path.display().to_string());
        }
    }
    found
}
