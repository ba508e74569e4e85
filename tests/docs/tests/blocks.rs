//! Every block of the documents is accounted for. The mark before it says how:
//!
//! - `world: NAME` begins a part that is carried out, up to the next heading (tests/recipes.rs, carried_out below);
//! - `typed again in NAME`: its commands are typed in that part, too;
//! - `configuration`: files, which patd and patctl would take (`configurations_are_good`);
//! - `in tests/system`: its commands are run by the system suite, as they stand;
//! - `tried by FILE: TEST`: another suite's test, in Rust or a shell, reads it.
//!
//! One without a mark is in not_tried.txt, with the reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use documents::{Block, Document, can_be_made, root, runs};
use world::Binaries;

#[test]
fn every_block_is_tried_or_says_why_not() {
    let not_tried = not_tried();
    let mut unused: Vec<&str> = not_tried.iter().map(|line| line.block.as_str()).collect();
    for document in documents() {
        let runs = runs(&document);
        for (marks, block) in document.blocks() {
            if block.text.trim().is_empty() || runs.iter().any(|run| run.holds(block)) {
                continue;
            }
            let place = format!("{}:{}", document.name, block.line);
            let is_accounted = match marks.as_slice() {
                [] => {
                    let first = block.text.lines().next().unwrap_or_default();
                    unused.retain(|line| *line != first);
                    not_tried.iter().any(|line| line.file == document.name && line.block == first)
                }
                [mark] => holds(&document, mark, block),
                _ => false,
            };
            assert!(is_accounted, "{place} is not tried: {marks:?}\n{}", block.text);
        }
    }
    assert!(unused.is_empty(), "not_tried.txt is stale: {unused:?}");
}

#[test]
fn each_reason_not_to_try_something_is_one() {
    for line in not_tried() {
        assert!(line.reason.len() > 20, "{}: {}", line.file, line.block);
    }
}

#[test]
fn configurations_are_good() {
    let mut files_read = 0;
    for document in documents() {
        let blocks = document.blocks();
        let of_files = blocks.iter().filter(|(marks, _)| marks.contains(&"configuration"));
        let text: String = of_files.map(|(_, block)| block.text.as_str()).collect();
        if text.is_empty() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        for (name, file) in files_below(&text, "# /etc/patd/") {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
            files_read += 1;
        }
        let config = patd_config::load(folder.path());
        let config = config.unwrap_or_else(|faults| panic!("{}: {faults}", document.name));
        assert!(!config.connections.is_empty(), "{}", document.name);
    }
    assert!(files_read >= 4, "{files_read}");
}

#[test]
fn what_manuals_and_walkthrough_show_goes_as_it_is_written() {
    if !can_be_made("documents") {
        return;
    }
    let documents = documents();
    let mut tried = 0;
    for document in documents
        .iter()
        .filter(|document| !HAVE_TESTS_OF_THEIR_OWN.contains(&document.name.as_str()))
    {
        for run in runs(document) {
            eprintln!("{}: {}", document.name, run.name);
            std::thread::scope(|scope| scope.spawn(|| drop(run.carry_out())).join()).unwrap();
            tried += 1;
        }
    }
    assert!(tried >= 3, "{tried}");
}

#[test]
fn a_link_of_a_document_leads_somewhere() {
    for document in documents() {
        let path = root().join(&document.name);
        let text = fs::read_to_string(&path).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, section) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            assert!(target.exists(), "{} links to {link}", document.name);
            let is_there = section.is_empty() || sections(&target).iter().any(|one| one == section);
            assert!(is_there, "{} links to {link}", document.name);
        }
    }
}

/// What a package has is below one folder, and there `packaging/examples` is `examples`, as README.md says.
#[test]
fn what_an_installed_page_links_to_is_installed_too() {
    let recipe = fs::read_to_string(root().join("daemon/Cargo.toml")).unwrap();
    let (deb, rpm) = recipe.split_once("[package.metadata.generate-rpm]").unwrap();
    for (package, assets) in [("deb", deb), ("rpm", rpm)] {
        let sources: Vec<&str> =
            assets.split("\"../").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let is_installed = |path: &str| {
            let mut stems = sources.iter().map(|source| source.trim_end_matches("**/*"));
            stems.any(|stem| {
                let in_folder =
                    stem.strip_suffix("*.md").is_some_and(|folder| path.starts_with(folder));
                path == stem
                    || path.trim_end_matches('/') == stem.trim_end_matches('/')
                    || in_folder
            })
        };
        let mut followed = 0;
        for document in documents().iter().filter(|document| is_installed(&document.name)) {
            let text = fs::read_to_string(root().join(&document.name)).unwrap();
            let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
            for link in links.filter(|link| !link.contains("://") && !link.is_empty()) {
                let path = match (document.name.strip_prefix("docs/"), link.strip_prefix("../")) {
                    (Some(_), Some(above)) => above.to_owned(),
                    (Some(_), None) => format!("docs/{link}"),
                    (None, _) => link.to_owned(),
                };
                assert!(is_installed(&path), "{package}: {} links to {link}", document.name);
                followed += 1;
            }
        }
        assert!(followed > 10, "{package}: {followed}");
    }
}

/// The headings of a page, as links name them.
fn sections(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let named = headings.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-').collect()
    });
    named.collect()
}

#[test]
fn patctl_knows_each_verb_and_option_that_running_text_names() {
    let patctl = Binaries::find().patctl();
    let help = |verbs: &[&str]| {
        let output = Command::new(&patctl).args(verbs).arg("--help").output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    };
    let mut named = BTreeSet::new();
    for document in documents().iter().filter(|document| document.name.ends_with(".md")) {
        let text = fs::read_to_string(root().join(&document.name)).unwrap();
        let outside = text.split("```").step_by(2).collect::<String>();
        let code = outside.split('`').skip(1).step_by(2).filter(|code| code.starts_with("patctl "));
        named.extend(code.map(|code| (document.name.clone(), code.to_owned())));
    }
    assert!(named.len() > 60, "{}", named.len());
    for (document, command) in named {
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let is_verb = |word: &&&str| word.starts_with(|first: char| first.is_ascii_lowercase());
        let mut verbs: Vec<&str> = words.iter().take_while(is_verb).take(2).copied().collect();
        if verbs.is_empty() {
            // Of the sessions of an admin, which several verbs take.
            verbs.push("plan");
        }
        let known = help(&verbs).or_else(|| help(verbs.get(..1)?));
        let known = known.unwrap_or_else(|| panic!("{document}: {command}"));
        for option in words.iter().filter(|word| word.starts_with("--")) {
            let option = option.split('=').next().unwrap();
            assert!(known.contains(option), "{document}: {command}: {option}");
        }
    }
}

fn holds(document: &Document, mark: &str, block: &Block) -> bool {
    if mark == "configuration" {
        return block.text.contains("# /etc/patd/");
    }
    if mark == "in tests/system" {
        return commands(block).all(is_in_system);
    }
    if let Some(name) = mark.strip_prefix("typed again in ") {
        let runs = runs(document);
        let typed = runs.iter().find(|run| run.name == name).map(|run| run.commands());
        let typed = typed.unwrap_or_default();
        return commands(block).all(|command| typed.iter().any(|typed| typed == command));
    }
    let tried_by = mark.strip_prefix("tried by ").and_then(|rest| rest.split_once(": "));
    tried_by.is_some_and(|(file, test)| {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        [format!("\nfn {test}("), format!("\n{test}() {{")].iter().any(|named| text.contains(named))
    })
}

/// Without prompts, comments and what only the reader needs.
fn commands(block: &Block) -> impl Iterator<Item = &str> {
    let lines = block.text.lines().map(|line| line.trim_start_matches("$ ").trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether a line that is run in tests/system holds this command.
fn is_in_system(command: &str) -> bool {
    let mut folders = vec![root().join("tests/system")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_run_in(&path, command) {
                return true;
            }
        }
    }
    false
}

fn is_run_in(script: &Path, command: &str) -> bool {
    let text = fs::read_to_string(script).unwrap_or_default();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.any(|line| {
        // The rest of a longer command would be another one.
        line.match_indices(command).any(|(at, _)| {
            let after = line[at + command.len()..].chars().next();
            after.is_none_or(|next| matches!(next, '\'' | ';' | ')' | '&' | ' '))
        })
    })
}

/// The pages that say what to type or to write.
fn documents() -> Vec<Document> {
    let mut names: Vec<String> =
        ["README.md", "SECURITY.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(String::from).into();
    for folder in ["docs", "packaging/man"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let mut paths: Vec<PathBuf> = paths.collect();
        paths.sort();
        let name =
            |path: &PathBuf| format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
        names.extend(paths.iter().map(name));
    }
    names.iter().map(|name| Document::read(name)).collect()
}

struct NotTried {
    file: String,
    block: String,
    reason: String,
}

/// Lines of `FILE | first line of the block | reason`.
fn not_tried() -> Vec<NotTried> {
    let text = fs::read_to_string(root().join("tests/docs/not_tried.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let parts = lines.map(|line| line.splitn(3, " | ").map(str::to_owned).collect::<Vec<_>>());
    let read = parts.map(|parts| match <[String; 3]>::try_from(parts) {
        Ok([file, block, reason]) => NotTried { file, block, reason },
        Err(parts) => panic!("FILE | first line | reason, not {parts:?}"),
    });
    read.collect()
}

/// The files of a text, each below a line with its path.
fn files_below<'t>(text: &'t str, before: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.split(before).skip(1).map(|file| file.split_once('\n').unwrap())
}

/// recipes.rs and first_hour.rs carry these out.
const HAVE_TESTS_OF_THEIR_OWN: [&str; 3] = ["docs/recipes.md", "README.md", "docs/walkthrough.md"];
