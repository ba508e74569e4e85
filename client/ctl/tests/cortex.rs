//! `cortex-settings`: what is written is what is shipped as an example and passes its own check; what breaks the
//! private home is found.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

mod world;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use world::{World, mode};

/// A file as root would install it.
fn install(world: &World, text: &str) -> PathBuf {
    let file = world.path("managed-settings.json");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    file
}

fn check(world: &World, file: &Path) -> (i32, Value) {
    let shown = world.patctl(&["--json", "cortex-settings", "--check", file.to_str().unwrap()]);
    (shown.exit, shown.json())
}

fn ids(found: &Value) -> Vec<&str> {
    found["findings"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[test]
fn the_settings_are_those_of_the_shipped_example() {
    let world = World::with_config();

    let shown = world.patctl(&["cortex-settings", "--minimum-version", "1.1.0"]);

    let example = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../packaging/examples/cortex/managed-settings.json");
    assert_eq!((shown.exit, shown.err.as_str()), (0, ""));
    assert_eq!(shown.out, fs::read_to_string(example).unwrap());
    let settings = shown.json();
    assert_eq!(settings["permissions"]["onlyAllow"], json!(["account(MYORG-MYACCOUNT)"]));
    assert_eq!(settings["permissions"]["dangerouslyAllowAll"], json!(false));
    assert_eq!(settings["ui"]["hideDangerousOptions"], json!(true));
    assert_eq!(settings["files"], Value::Null);
}

#[test]
fn what_is_written_passes_its_own_check() {
    let world = World::with_config();
    let written = world.patctl(&["cortex-settings"]);
    let file = install(&world, &written.out);

    let shown = world.patctl(&["cortex-settings", "--check", file.to_str().unwrap()]);

    assert_eq!((shown.exit, shown.err.as_str()), (0, ""), "{shown:?}");
    assert!(shown.out.contains("good"), "{}", shown.out);
    assert_eq!(world.patctl(&["--json", "cortex-settings"]).json(), written.json());
}

#[test]
fn a_file_that_breaks_the_private_home_is_told_so() {
    let world = World::with_config();
    let mut settings = world.patctl(&["--json", "cortex-settings"]).json();
    settings["files"] = json!({ "connectionsFile": "/etc/cortex/connections.toml" });
    settings["permissions"]["dangerouslyAllowAll"] = json!(true);
    let file = install(&world, &settings.to_string());
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();

    let (exit, found) = check(&world, &file);

    assert_eq!(exit, 1);
    assert_eq!(ids(&found), ["connections-file", "dangerously-allow-all", "writable"]);
}

#[test]
fn a_file_that_cortex_would_not_read_is_told_so() {
    let world = World::with_config();
    for text in ["", "{}", r#"{"version":"1.0","permission":{}}"#, "not json \u{1b}[2J"] {
        let file = install(&world, text);

        let (exit, found) = check(&world, &file);

        assert_eq!((exit, ids(&found)), (1, vec!["schema"]), "{text}");
    }
    let gone = world.path("gone.json");
    let shown = world.patctl(&["cortex-settings", "--check", gone.to_str().unwrap()]);
    assert_eq!(shown.exit, 1);
    assert!(shown.err.contains("runs unmanaged"), "{}", shown.err);
}

#[test]
fn a_version_that_is_none_is_refused() {
    let world = World::with_config();

    let shown = world.patctl(&["cortex-settings", "--minimum-version", "latest"]);

    assert_eq!((shown.exit, shown.out.as_str()), (64, ""));
    assert!(shown.err.contains("\"latest\" is not a version like 1.2.3"), "{}", shown.err);
}

#[test]
fn a_file_is_made_with_its_folder_and_a_good_one_is_replaced_whole() {
    let world = World::with_config();
    let file = world.path("cortex/managed-settings.json");
    let out = ["cortex-settings", "--out", file.to_str().unwrap()];

    let made = world.patctl(&out);
    let again = world.patctl(&[&out[..], &["--minimum-version", "1.1.0"]].concat());
    let before = fs::read(&file).unwrap();
    let refused = world.patctl(&[&out[..], &["--minimum-version", "none"]].concat());

    assert_eq!((made.exit, again.exit, refused.exit), (0, 0, 64), "{made:?} {again:?} {refused:?}");
    assert_eq!(mode(&file), 0o644);
    assert_eq!(mode(file.parent().unwrap()), 0o755);
    assert!(String::from_utf8(before.clone()).unwrap().contains("1.1.0"), "the newest is there");
    assert_eq!(fs::read(&file).unwrap(), before, "what fails empties no file");
    assert_eq!(
        fs::read_dir(file.parent().unwrap()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    assert_eq!(check(&world, &file).0, 0);
}

#[test]
fn nothing_is_written_where_others_may_write() {
    let world = World::with_config();
    for others in ["folder", "file"] {
        let folder = world.path(others);
        let file = folder.join("managed-settings.json");
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "{}").unwrap();
        let open = if others == "folder" { &folder } else { &file };
        fs::set_permissions(open, Permissions::from_mode(0o777)).unwrap();

        let shown = world.patctl(&["cortex-settings", "--out", file.to_str().unwrap()]);

        assert_eq!(shown.exit, 1, "{shown:?}");
        assert!(shown.err.contains("nothing was written: "), "{}", shown.err);
        assert!(shown.err.contains(&format!("chmod go-w {}", open.display())), "{}", shown.err);
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
    }
}
