//! What the README shows of a client of your own, with the real `snow`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_quickstart_runs_a_client_of_your_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, block) = readme.split_once("```\n$ cargo quickstart -- ").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let (arguments, shown) = block.split_once('\n').unwrap();
    let clients = PathBuf::from(env::var_os("PAT_BROKER_CLIENTS").expect("tests/run --clients"));
    let cargo = PathBuf::from(env::var_os("CARGO").expect("cargo runs the tests"));
    let folders = [clients.join("python/bin"), cargo.parent().unwrap().to_owned()];
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(folders.into_iter().chain(env::split_paths(&path))).unwrap();

    // It uses the Snowflake folder of whoever types it: not the tester's own, but cargo finds what it has.
    let home = tempfile::tempdir().unwrap();
    let own = || PathBuf::from(env::var_os("HOME").expect("a home")).join(".cargo");
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(own, PathBuf::from);

    let typed = format!("cargo quickstart -- {arguments}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &typed]).current_dir(root).env("PATH", path);
    let said = shell.env("HOME", home.path()).env("CARGO_HOME", cargo_home).output().unwrap();

    let printed = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{printed}{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(lines(&printed), lines(shown));
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect()
}
