//! What one attempt came to, in a few words.

use std::process::Output;

use serde_json::Value;
use world::World;

/// An attempt that is over.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// It got what it was after.
    pub has_succeeded: bool,
    /// What it got, in words.
    pub got: String,
}

impl Attempt {
    /// Returns an attempt as it was seen.
    pub fn new(has_succeeded: bool, got: impl Into<String>) -> Self {
        Self { has_succeeded, got: got.into() }
    }

    /// Returns an attempt at a secret of this world, by everything that the attacker printed.
    pub fn at_secret(world: &World, printed: &[u8]) -> Self {
        let text = String::from_utf8_lossy(printed);
        if world.sim.secrets().iter().any(|secret| text.contains(secret)) {
            return Self::new(true, "the secret");
        }
        Self::new(false, in_words(&text))
    }

    /// Returns an attempt at a secret of this world, by how a program ended.
    pub fn of_program(world: &World, output: &Output) -> Self {
        Self::at_secret(world, &[&output.stdout[..], &output.stderr[..]].concat())
    }
}

/// The status and the code of an answer; else the last line, which is where programs say what went wrong.
fn in_words(text: &str) -> String {
    let is_answer = text.starts_with("HTTP/1.1 ");
    if let (true, Some((head, body))) = (is_answer, text.split_once("\r\n\r\n")) {
        let status = head.split_whitespace().nth(1).unwrap_or("?");
        let code = serde_json::from_str::<Value>(body).ok();
        let code = code.and_then(|reply| reply["code"].as_str().map(str::to_owned));
        return format!("{status} {}", code.unwrap_or_default()).trim_end().to_owned();
    }
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or("nothing".to_owned(), |line| line.chars().take(MOST).collect())
}

const MOST: usize = 120;
