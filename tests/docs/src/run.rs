//! A part of a document, carried out on a host of its own: its files are written, its commands typed, its output compared.
//!
//! Marks: `world: NAME` begins it, the next heading ends it. `snowflake: ORGANISATION ACCOUNT LOCATOR at HOST` is an account,
//! `proxy: HOST:PORT` a proxy that alone knows the way, `address: A` where Snowflake sees us from now on, `sql: STATEMENTS`
//! and `sql of FILE` what an admin runs there (`at HOST` where there are several), `trusted by FILE` a certificate authority of
//! the site's own, `unseen: COMMAND` what root has typed before, `tokens of USER: N` how many of
//! them live at Snowflake, `as USER` who types what has no prompt (else root) or the prompt `$ ` (else miguel).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use snowflake_sim::engine::AccountIdentity;
use world::{eventually, wait_at_most};

use crate::document::{Block, Document, Item};
use crate::host::Host;
use crate::shown::is_shown_by;

/// A part of a document that is to be carried out.
pub struct Run {
    /// Its name, for messages.
    pub name: String,
    document: String,
    items: Vec<Item>,
}

/// What came of it.
pub struct Carried {
    /// The host as it is afterwards.
    pub host: Host,
    /// How many commands were typed.
    pub commands: usize,
    /// How long they took.
    pub took: Duration,
}

/// Returns what a document has of them.
pub fn runs(document: &Document) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut is_open = false;
    for item in &document.items {
        match (item, runs.last_mut()) {
            (Item::Mark(mark), _) if mark.starts_with("world: ") => {
                is_open = true;
                let name = mark["world: ".len()..].to_owned();
                runs.push(Run { name, document: document.name.clone(), items: Vec::new() });
            }
            (Item::Heading(_), _) => is_open = false,
            (_, Some(run)) if is_open => run.items.push(item.clone()),
            _ => {}
        }
    }
    runs
}

impl Run {
    /// Returns whether a block is part of it.
    pub fn holds(&self, block: &Block) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Block(one) if one == block))
    }

    /// Returns every command that is typed in it.
    pub fn commands(&self) -> Vec<String> {
        let blocks = self.items.iter().filter_map(|item| match item {
            Item::Block(block) if !is_file(block) => Some(commands(block, None)),
            Item::Block(_) | Item::Heading(_) | Item::Mark(_) => None,
        });
        blocks.flatten().map(|(_, command, _)| command).collect()
    }

    /// Carries it out; panics where the document is wrong.
    pub fn carry_out(&self) -> Carried {
        let mut carried = Carried { host: Host::new(), commands: 0, took: Duration::ZERO };
        let mut typist = None;
        for item in &self.items {
            match item {
                Item::Mark(mark) => self.obey(mark, &mut carried.host, &mut typist),
                Item::Block(block) => self.carry_out_block(block, &mut carried, typist.as_deref()),
                Item::Heading(_) => {}
            }
        }
        carried
    }

    fn obey(&self, mark: &str, host: &mut Host, typist: &mut Option<String>) {
        let (verb, rest) = mark.split_once(' ').unwrap_or((mark, ""));
        let (said, at) = match rest.rsplit_once(" at ") {
            Some((said, at)) if verb.starts_with("s") => (said, Some(at)),
            Some(_) | None => (rest, None),
        };
        match verb {
            "snowflake:" => host.account(identity(said), at.expect("a host")),
            "proxy:" => host.proxy(rest),
            "address:" => host.move_to(rest.parse().expect("an address")),
            "sql:" => host.at_snowflake(at, said),
            "sql" => {
                let file = said.strip_prefix("of ").expect("sql of FILE");
                let sql =
                    fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
                host.at_snowflake(at, &sql);
            }
            "trusted" => host.trust_by(rest.strip_prefix("by ").expect("trusted by FILE")),
            "unseen:" => {
                let output = host.run("root", &format!("set -e; {rest}"));
                let said = String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success(), "{}: {rest}\n{said}", self.name);
            }
            "tokens" => {
                let (user, number) = rest
                    .strip_prefix("of ")
                    .and_then(|rest| rest.split_once(": "))
                    .expect("tokens of USER: NUMBER");
                let number: usize = number.parse().expect("a number");
                eventually(mark, || (host.live_tokens(user) == number).then_some(()));
            }
            "as" => *typist = Some(rest.to_owned()),
            _ => panic!("{}, {}: a mark that nobody knows: {mark}", self.document, self.name),
        }
    }

    fn carry_out_block(&self, block: &Block, carried: &mut Carried, typist: Option<&str>) {
        let place = format!("{}:{}, {}", self.document, block.line, self.name);
        match block.language.as_str() {
            _ if is_file(block) => write_file(block),
            "sql" => carried.host.at_snowflake(None, &block.text),
            _ => {
                for (user, command, shown) in commands(block, typist) {
                    carried.commands += 1;
                    let begun = Instant::now();
                    demand(&carried.host, &place, &user, &command, shown.as_deref());
                    carried.took += begun.elapsed();
                }
            }
        }
    }
}

/// Runs a command and compares. What needs a moment (a reload, a rotation in the background) is asked again, if asking
/// changes nothing.
fn demand(host: &Host, place: &str, user: &str, command: &str, shown: Option<&str>) {
    let is_plan = command.starts_with("patctl plan ");
    let attempt = || {
        let output = host.run(user, command);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if std::env::var_os("DOCUMENTS_SAY").is_some() {
            eprintln!("{user}: {command}\n{printed}");
        }
        // A plan ends with 2 where there is something to do.
        let is_done = output.status.success() || is_plan && output.status.code() == Some(2);
        let is_right = match shown {
            // Where nothing is shown of what failed, it is not to fail.
            Some(shown) => is_shown_by(&printed, shown) && (is_done || shown.trim() != "…"),
            None => is_done,
        };
        (is_right, format!("{place}\n{user}: {command}\n{}\n{printed}", output.status))
    };
    let (is_right, mut said) = attempt();
    if is_right {
        return;
    }
    let asks = ["status", "drift", "explain", "log", "--list"];
    let only_asks = command.split_whitespace().any(|word| asks.contains(&word));
    let again = || {
        let (is_right, now) = attempt();
        said = now;
        is_right.then_some(())
    };
    let later = if only_asks { wait_at_most(Duration::from_secs(20), again) } else { None };
    assert!(later.is_some(), "{said}\nwanted:\n{}", shown.unwrap_or("success"));
}

fn is_file(block: &Block) -> bool {
    matches!(block.language.as_str(), "toml" | "json" | "ini")
}

/// The first line names the file.
fn write_file(block: &Block) {
    let (first, _) = block.text.split_once('\n').expect("a file has lines");
    let path = Path::new(first.trim_start_matches(['#', ' ']));
    assert!(path.is_absolute(), "line {}: its first line names no file", block.line);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
    fs::write(path, &block.text).expect("it is written");
}

/// Who types what, and what is then shown; nothing is demanded of the output where none is shown.
fn commands(block: &Block, typist: Option<&str>) -> Vec<(String, String, Option<String>)> {
    let mut found: Vec<(String, String, Option<String>)> = Vec::new();
    // Elsewhere a line that begins so is a comment.
    let has_root = block.language == "console";
    let prompted = |line: &str| match line.starts_with("# ") && !has_root {
        true => None,
        false => prompted(line, typist),
    };
    let has_prompts = block.text.lines().any(|line| prompted(line).is_some());
    let mut lines = block.text.lines();
    while let Some(line) = lines.next() {
        let typed = match has_prompts {
            true => prompted(line),
            false if line.trim().is_empty() || line.starts_with('#') => None,
            false => Some((typist.unwrap_or("root").to_owned(), line.to_owned())),
        };
        match (typed, found.last_mut()) {
            (Some((user, mut command)), _) => {
                while let Some(begun) = command.strip_suffix('\\') {
                    command = begun.to_owned() + lines.next().expect("the rest of the command");
                }
                found.push((user, command, None));
            }
            (None, Some((_, _, shown))) if has_prompts => {
                *shown.get_or_insert_default() += &format!("{line}\n");
            }
            (None, _) => {}
        }
    }
    found
}

/// `# ` is root's prompt, `$ ` the typist's, `NAME$ ` is NAME's.
fn prompted(line: &str, typist: Option<&str>) -> Option<(String, String)> {
    // A comment in a file that is shown begins as a sentence does.
    let is_command = |line: &&str| line.starts_with(|first: char| first.is_ascii_lowercase());
    if let Some(command) = line.strip_prefix("# ").filter(is_command) {
        return Some(("root".to_owned(), command.to_owned()));
    }
    let (name, command) = line.split_once("$ ")?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase());
    let user = if name.is_empty() { typist.unwrap_or("miguel") } else { name };
    is_name.then(|| (user.to_owned(), command.to_owned()))
}

/// ORGANISATION ACCOUNT LOCATOR
fn identity(said: &str) -> AccountIdentity {
    let words: Vec<&str> = said.split_whitespace().collect();
    let [organization, name, locator] = words[..] else {
        panic!("ORGANISATION ACCOUNT LOCATOR, not {said:?}");
    };
    AccountIdentity {
        organization: organization.to_owned(),
        name: name.to_owned(),
        locator: locator.to_owned(),
        ..AccountIdentity::default()
    }
}
