//! The first hour on an account, as README and walkthrough have it: every command typed, counted and timed, from `patctl init`
//! to the first `pat-exec`. A person also reads and decides; what the machine takes and how much is typed is measured here.

use std::thread;
use std::time::Duration;

use documents::{Document, Run, can_be_made, root, runs};

#[test]
fn the_first_hour_by_the_readme_is_as_short_as_it_says() {
    first_hour("README.md", "first hour");
}

#[test]
fn the_first_hour_by_a_script_is_as_short_as_the_walkthrough_says() {
    first_hour("docs/walkthrough.md", "first hour");
}

/// Demands that the page says how many commands there are, and that a machine is never what takes the time.
fn first_hour(page: &str, name: &str) {
    let document = Document::read(page);
    let runs = runs(&document);
    let run = runs.iter().find(|run| run.name == name).expect("the page has a first hour");
    let commands = up_to_first_pat_exec(run);
    let says = format!("{} commands", in_words(commands));
    let text = std::fs::read_to_string(root().join(page)).unwrap().to_lowercase();
    assert!(text.contains(&says), "{page} does not say {says:?}");
    if !can_be_made("documents") {
        return;
    }

    let took = thread::scope(|scope| scope.spawn(|| run.carry_out().took).join()).unwrap();

    println!(
        "{page}: {commands} commands to the first pat-exec; {} ms with all that follows",
        took.as_millis()
    );
    assert!(took < Duration::from_secs(60), "{took:?}");
}

fn up_to_first_pat_exec(run: &Run) -> usize {
    let commands = run.commands();
    let first = commands.iter().position(|command| command.starts_with("pat-exec "));
    first.expect("pat-exec is typed") + 1
}

fn in_words(number: usize) -> &'static str {
    ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][number]
}
