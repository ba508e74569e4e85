//! What a verb ends with: a text for people, the same as JSON, and the exit code. Printed here and nowhere else.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use pat_wire::connection::BrokerError;
use pat_wire::error::{ErrorCode, ErrorReply};
use patd_config::ConfigErrors;
use patd_keys::KeyError;
use serde_json::{Value, json};

use crate::text;

/// How the program ends. The table is in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok = 0,
    Failed = 1,
    Alarms = 2,
    Usage = 64,
    NoDaemon = 69,
    NotPermitted = 77,
    BadConfig = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What a verb found or did.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Whole lines.
    pub(crate) text: String,
    pub(crate) json: Value,
    pub(crate) exit: Exit,
}

impl Answer {
    pub(crate) fn ok(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, exit: Exit::Ok }
    }
}

/// Why a verb could not do what it was asked: each line says what, where, and the next step.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    lines: Vec<String>,
    json: Value,
}

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>, next_step: impl Into<String>) -> Self {
        let (what, next_step) = (what.into(), next_step.into());
        let line = match next_step.is_empty() {
            true => format!("patctl: {what}"),
            false => format!("patctl: {what}; {next_step}"),
        };
        Self { exit, lines: vec![line], json: json!({ "error": what, "next_step": next_step }) }
    }

    pub(crate) fn io(doing: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let denied = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
        let exit = if denied.contains(&error.kind()) { Exit::NotPermitted } else { Exit::Failed };
        let shown = path.display();
        Self::new(
            exit,
            format!("cannot {doing} {shown} ({error})"),
            format!("see: namei -l {shown}"),
        )
    }

    /// Returns how a verb ends with it.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns its lines.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Returns it as JSON.
    pub(crate) fn json(&self) -> &Value {
        &self.json
    }

    /// Adds lines below.
    #[must_use]
    pub(crate) fn with_lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// Returns what it says, for an answer that goes on without it.
    pub(crate) fn said(&self) -> String {
        let lines = self.lines.iter().map(|line| line.strip_prefix("patctl: ").unwrap_or(line));
        lines.collect::<Vec<_>>().join("; ")
    }

    /// Adds a value to the JSON.
    #[must_use]
    pub(crate) fn with_json(mut self, key: &str, value: Value) -> Self {
        if let Value::Object(object) = &mut self.json {
            object.insert(key.to_owned(), value);
        }
        self
    }

    /// Adds what went wrong besides.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.lines.extend(other.lines);
        self.with_json("and", other.json)
    }

    /// Says what was done before this went wrong.
    #[must_use]
    pub(crate) fn after(mut self, done: &str) -> Self {
        self.lines.insert(0, format!("patctl: {done}, but:"));
        self
    }
}

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        let exit = match &error {
            BrokerError::NoBroker(_) | BrokerError::TimedOut(_) | BrokerError::Closed(_) => {
                Exit::NoDaemon
            }
            BrokerError::NotAllowed(_)
            | BrokerError::NotTheSocket { .. }
            | BrokerError::WrongListener { .. } => Exit::NotPermitted,
            BrokerError::Answered(reply) => return Self::from(reply),
            BrokerError::NotUnderstood(_) | BrokerError::System { .. } => Exit::Failed,
        };
        let text = error.to_string();
        let (what, next_step) = text.split_once("; ").unwrap_or((&text, ""));
        Self::new(exit, what, next_step)
    }
}

impl From<&ErrorReply> for Failure {
    fn from(reply: &ErrorReply) -> Self {
        let refused = reply.code == ErrorCode::Refused;
        let exit = if refused { Exit::NotPermitted } else { Exit::Failed };
        let next_step = match refused {
            true => "the admin socket serves root and the members of its group (patd-admin)",
            false => reply.next_step.as_str(),
        };
        let mut failure = Self::new(exit, text::plain(&reply.message), text::plain(next_step));
        if let Value::Object(object) = &mut failure.json {
            object.insert("code".to_owned(), json!(reply.code));
        }
        failure
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        let fault = |fault: &patd_config::Fault| json!({ "file": fault.file, "line": fault.line, "what": fault.what, "next_step": fault.next_step });
        let faults: Vec<Value> = errors.faults.iter().map(fault).collect();
        Self {
            exit: Exit::BadConfig,
            lines: errors.lines(),
            json: json!({ "valid": false, "faults": faults }),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let denied = |source: &io::Error| source.kind() == io::ErrorKind::PermissionDenied;
        let exit = match error.source.as_ref().is_some_and(denied) {
            true => Exit::NotPermitted,
            false => Exit::Failed,
        };
        let cause = error.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
        Self::new(exit, format!("{}{cause}", error.what), error.next_step)
    }
}

/// Prints an answer on standard output, or a failure on standard error; with `as_json`, one document on
/// standard output either way.
pub(crate) fn print(as_json: bool, outcome: Result<Answer, Failure>) -> ExitCode {
    let (exit, written) = match outcome {
        Ok(answer) if as_json => (answer.exit, write_line(io::stdout(), &harmless(&answer.json))),
        Ok(answer) => (answer.exit, write_line(io::stdout(), answer.text.trim_end())),
        Err(failure) if as_json => {
            (failure.exit, write_line(io::stdout(), &harmless(&failure.json)))
        }
        Err(failure) => (failure.exit, write_line(io::stderr(), &failure.lines.join("\n"))),
    };
    match written {
        // Whoever reads no further (a pager, head) has what it wanted.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _nowhere_left = write_line(
                io::stderr(),
                &format!("patctl: the answer could not be written ({error})"),
            );
            ExitCode::from(Exit::Failed)
        }
        Ok(()) | Err(_) => ExitCode::from(exit),
    }
}

/// Whether texts may have colours: on a terminal that has any, and nobody said NO_COLOR (no-color.org).
pub(crate) fn in_colour() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !unwanted && !is_dumb
}

/// Returns the same JSON, without what steers a terminal: JSON itself escapes only the controls below U+0020, and
/// others occur nowhere but in texts.
fn harmless(json: &Value) -> String {
    let mut shown = String::new();
    for c in json.to_string().chars() {
        match text::steers(c) {
            true => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|half| shown.push_str(&format!("\\u{half:04x}"))),
            false => shown.push(c),
        }
    }
    shown
}

fn write_line(mut to: impl Write, text: &str) -> io::Result<()> {
    writeln!(to, "{text}")?;
    to.flush()
}
