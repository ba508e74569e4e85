//! What the tour looks like: one line a step, colours only on a terminal.

use std::io::{IsTerminal, Write, stdout};
use std::time::Instant;

/// Says what is being done, does it, and says how long it took.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let start = Instant::now();
    print!("  {what:<58}");
    let _ = stdout().flush();
    match work() {
        Ok(answer) => {
            println!("{} {:>5.1} s", green("done"), start.elapsed().as_secs_f64());
            Ok(answer)
        }
        Err(problem) => {
            println!("{}", red("failed"));
            Err(problem)
        }
    }
}

/// A command line, as a person would type it.
pub fn command(line: &str) {
    println!("\n$ {line}");
}

/// A line below a command.
pub fn line(text: &str) {
    println!("  {text}");
}

/// A paragraph that explains.
pub fn paragraph(text: &str) {
    println!("\n{text}");
}

/// What a program printed, indented.
pub fn output(text: &str) {
    for line in text.trim_end().lines() {
        println!("{}", format!("  {line}").trim_end());
    }
}

/// Why it ended.
pub fn problem(text: &str) {
    eprintln!("\n{} {text}", red("quickstart failed:"));
}

fn green(text: &str) -> String {
    coloured("32", text)
}

fn red(text: &str) -> String {
    coloured("31", text)
}

fn coloured(colour: &str, text: &str) -> String {
    let wanted = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if wanted { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_string() }
}
