//! What the README shows is what happens: the output of its first command, its configuration, its first hour without a host
//! of its own. All other blocks, of all documents: tests/docs.

use std::fs;
use std::process::Command;

use e2e::{Admin, quickstart, root, said};
use world::{Binaries, World, own_name};

#[test]
fn the_quickstart_prints_what_the_readme_shows() {
    let readme = document("README.md");
    let (_, shown) = readme.split_once("```\n$ cargo quickstart\n").unwrap();
    let (shown, _) = shown.split_once("\n```\n").unwrap();
    let temporary = tempfile::tempdir().unwrap();

    let output = quickstart(temporary.path()).output().unwrap();

    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(shape(&printed), shape(shown), "{printed}");
}

#[test]
fn the_configuration_in_the_readme_is_good() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("users.d")).unwrap();
    let readme = document("README.md");
    let blocks: Vec<_> = readme.split("```toml\n# /etc/patd/").skip(1).collect();
    for block in &blocks {
        let (block, _) = block.split_once("```").unwrap();
        let (name, text) = block.split_once('\n').unwrap();
        fs::write(folder.path().join(name), text).unwrap();
    }

    let mut patctl = Command::new(Binaries::find().patctl());
    let output = patctl.arg("--config").arg(folder.path()).arg("validate").output().unwrap();

    assert_eq!((output.status.code(), blocks.len()), (Some(0), 2), "{}", said(&output));
}

#[test]
fn the_first_hour_on_an_account_goes_as_the_readme_shows() {
    let readme = document("README.md");
    let (_, shown) = readme.split_once("```\n$ patctl plan").unwrap();
    let (shown, _) = shown.split_once("\n```\n").unwrap();
    let mut world = World::builder().prepare();
    world.sim.admin_script("CREATE WAREHOUSE WH").unwrap();
    let of_wh = ["--warehouse", "WH"].map(String::from);
    world.initialise().and_then(|()| world.register(&own_name(), &of_wh)).unwrap();
    let _sec_admin = Admin::of(&world);

    for shown in format!(" plan{shown}").split("\n$ ") {
        let (command, output) = shown.split_once('\n').unwrap_or((shown, ""));
        if command.starts_with("systemctl") {
            world.start();
            e2e::log_in(&world);
            continue;
        }
        let arguments: Vec<_> = command.trim_start_matches("patctl").split_whitespace().collect();
        let said = world.patctl(&arguments).current_dir(world.keys()).output().unwrap();
        let printed = String::from_utf8([said.stderr, said.stdout].concat()).unwrap();
        assert!(is_shown_by(&lines(&printed), &lines(output)), "$ {command}\n{printed}");
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty()).collect()
}

/// Whether these lines are what was printed; "…" stands for lines that were left out.
fn is_shown_by(printed: &[&str], shown: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => {
            (0..=printed.len()).any(|left_out| is_shown_by(&printed[left_out..], rest))
        }
        Some((first, rest)) => printed.first() == Some(first) && is_shown_by(&printed[1..], rest),
    }
}

/// What stays the same from run to run and host to host: lines without their numbers, names and paths.
fn shape(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.filter(|words| !words.is_empty()).map(|words| shape_of(&words)).collect()
}

fn shape_of(words: &[&str]) -> String {
    // Whose configuration, and what this kernel offers.
    if words[0] == "configuration:" {
        return words[0].to_owned();
    }
    // Whether the running client has moved before the answer or after it.
    if words.join(" ").ends_with(MOVED[0]) || words.join(" ") == MOVED[1] {
        return MOVED[0].to_owned();
    }
    let kept = words.iter().filter(|word| !varies(word) && !UNITS.contains(word));
    kept.copied().collect::<Vec<_>>().join(" ")
}

fn varies(word: &str) -> bool {
    let is_host_id = word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_host_id || word.starts_with('/') || word.contains(|letter: char| letter.is_ascii_digit())
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// What is said of leases on the old token, by how many there still are.
const MOVED: [&str; 2] = [
    "lease on older ones: their token goes when the holders have moved",
    "nobody holds an older one: its token goes shortly",
];
/// Of lengths of time: "in 7 d" may be "in 6 d 23 h".
const UNITS: [&str; 5] = ["d", "h", "min", "s", "s,"];
