//! The Cortex skill, block by block in its order, as it is typed: each command does what the skill says it is for.

use std::process::Output;

use e2e::{Admin, root, said};
use world::{World, own_name};

#[test]
fn each_command_of_the_skill_works_as_it_is_typed() {
    let world = World::running();
    let admin = Admin::of(&world);
    world.sim.admin_script(MADE_BY_HAND).unwrap();
    let text = std::fs::read_to_string(root().join("packaging/skill/SKILL.md")).unwrap();
    let mut typed = 0;
    for command in text.split("```").skip(1).step_by(2).flat_map(str::lines) {
        let Some(command) = command.strip_prefix("patctl ") else { continue };

        let output = types(&world, &admin, command);

        let expected = exit_of(command);
        assert!(expected.contains(&output.status.code().unwrap()), "{command}: {}", said(&output));
        if command.starts_with("adopt NAME --user") {
            let applied = types(&world, &admin, "apply --via snow -c ADMIN");
            assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
        }
        typed += 1;
    }
    assert!(typed > 15, "{typed}");
}

/// How each may end. What only looks ends with 2 where there is something to see or to do.
fn exit_of(command: &str) -> &'static [i32] {
    let looks = [
        "plan ",
        "verify ",
        "drift",
        "status",
        "audit tokens",
        "manifest replay FILE --account ACCOUNT --plan",
    ];
    match command {
        command if looks.iter().any(|look| command.starts_with(look)) => &[0, 2],
        command if command.contains(" --plan ") => &[2],
        // It is taken over, and a plan remains.
        command if command.starts_with("adopt NAME --user") => &[2],
        // There is no such manifest, and no settings of Cortex.
        command if command.contains(" --manifest ") || command.ends_with("--check") => &[1],
        _ => &[0],
    }
}

/// As the admin of the skill: with a key in the place of `snow`, and the yes that the person at the keyboard gives.
fn types(world: &World, admin: &Admin, command: &str) -> Output {
    let has_session = command.contains(" --via snow -c ADMIN");
    let command = command.replace(" --via snow -c ADMIN", "");
    let changes = ["apply", "destroy", "manifest replay"];
    let is_asked =
        changes.iter().any(|verb| command.starts_with(verb)) && !command.contains(" --plan");
    let (name, user, role) = match command.starts_with("adopt") {
        true => ("by_hand", "BY_HAND_CLI", "BY_HAND_ROLE"),
        false => ("skilled", "SKILLED_CLI", "SKILLED_ROLE"),
    };
    let names = [
        ("NAME", name.to_owned()),
        ("LOCALUSER", own_name()),
        ("USER", user.to_owned()),
        ("ROLE", role.to_owned()),
        ("ACCOUNT", "MYORG-MYACCOUNT".to_owned()),
        ("FILE", world.folder().join("manifest.toml").display().to_string()),
    ];
    let mut words: Vec<String> = Vec::new();
    for (at, piece) in command.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(piece.to_owned());
            continue;
        }
        for word in piece.split_whitespace() {
            let meant = names.iter().find(|(name, _)| *name == word);
            words.push(meant.map_or_else(|| word.to_owned(), |(_, meant)| meant.clone()));
        }
    }
    if is_asked {
        words.extend(
            ["--yes", "--confirm", "account-policies,replace-policy,drop"].map(String::from),
        );
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match has_session {
        true => admin.patctl(world, &words),
        false => world.patctl(&words).output().unwrap(),
    }
}

const MADE_BY_HAND: &str = "CREATE ROLE BY_HAND_ROLE; \
    CREATE USER BY_HAND_CLI TYPE = SERVICE DEFAULT_ROLE = BY_HAND_ROLE; \
    GRANT ROLE BY_HAND_ROLE TO USER BY_HAND_CLI";
