//! `--via snow -c NAME`: the admin's own `snow` session, whatever it logs in with. Each start of `snow` is a
//! login, perhaps in a browser, so statements go in batches; it stops at the first that fails.

mod output;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};

use patd_core::pattern::desired::Desired;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::Step;
use patd_core::pattern::reading::{Breadth, Denied, Question, Reading, Rows, Unreadable};
use patd_core::sql::Statement;
use patd_snowflake::chain::chain;
use patd_snowflake::mask::masked;

use crate::answer::{Exit, Failure};
use crate::cli::SessionArgs;
use crate::confirm::Consent;
use crate::progress::Eyes;
use crate::runner::{Session, Undone};
use crate::text::plain;

use output::{Complaint, complaint, results};

/// `snow sql`, as a connection of the user who runs this program.
pub(super) struct Snow {
    program: &'static str,
    connection: Option<String>,
    role: Option<String>,
    eyes: Eyes,
}

/// What one start of `snow` brought: the results up to the first failure, and the failure.
struct Brought {
    results: Vec<Rows>,
    end: Result<(), Undone>,
}

impl Snow {
    /// Returns the session of a connection, or of the user's default one. Asks nobody yet.
    pub(super) fn of(args: &SessionArgs, eyes: Eyes) -> Self {
        let (connection, role) = (args.connection.clone(), args.role.clone());
        // It may ask at the terminal, and what it says is passed on.
        Self { program: SNOW, connection, role, eyes: eyes.beside_another() }
    }

    /// Runs as many statements as fit in one start; `printed` hears how many results there are so far.
    fn run_all(
        &self,
        statements: &[&str],
        printed: &mut dyn FnMut(usize),
    ) -> Result<Brought, Undone> {
        if let Some(odd) = statements.iter().find(|text| text.contains(r#"\""#)) {
            return Err(refused(format!(
                r#"snow takes \" for the end of no name and would send something else: {odd}"#
            )));
        }
        let count = statements.len();
        let mut heard = |text: &str| printed(results(text, count).unwrap_or_default().len());
        let (status, out, err) =
            self.start(&statements.join(";\n"), &mut heard).map_err(refused)?;
        let results = results(&out, count);
        if status.success() {
            let results = results.map_err(Undone::Unclear)?;
            return match results.len() == count {
                true => Ok(Brought { results, end: Ok(()) }),
                false => Err(Undone::Unclear("snow printed fewer results than statements".into())),
            };
        }
        let end = match complaint(&err) {
            Complaint::Statement(Denied { code, message }) => Undone::Refused { code, message },
            Complaint::Login(why) => {
                return Err(refused(format!("snow could not log in: {why}")));
            }
            Complaint::Other(why) => Undone::Unclear(format!("snow: {why}")),
        };
        Ok(Brought { results: results.unwrap_or_default(), end: Err(end) })
    }

    /// Starts `snow` and returns how it ended and what it printed. The terminal stays its own: it may have to ask
    /// the person something to log in.
    fn start(
        &self,
        sql: &str,
        heard: &mut dyn FnMut(&str),
    ) -> Result<(ExitStatus, String, String), String> {
        let mut child = self.command(sql).spawn().map_err(|error| not_started(&error))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let complaints = std::thread::spawn(move || err.map(read_to_end).unwrap_or_default());
        let out = out.map(|out| printed(out, heard)).transpose().map_err(|error| error.to_string());
        let status = child.wait().map_err(|error| error.to_string())?;
        let err = complaints.join().unwrap_or_default();
        Ok((status, out?.unwrap_or_default(), err))
    }

    fn command(&self, sql: &str) -> Command {
        let mut command = Command::new(self.program);
        command.args(["sql", "--format", "json", "--enable-templating", "NONE"]);
        if let Some(connection) = &self.connection {
            command.arg("--connection").arg(connection);
        }
        if let Some(role) = &self.role {
            command.arg("--role").arg(quoted(role));
        }
        // Its complaints come in a box as wide as the terminal; this one cuts no message in two.
        command.env("COLUMNS", "4000").env("NO_COLOR", "1");
        // Else Python keeps results back until there are some KiB of them.
        command.env("PYTHONUNBUFFERED", "1");
        command.arg("--query").arg(sql).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Asks as many questions as fit in one start, and tells the reading what came of them.
    fn put(&self, reading: &mut Reading, questions: &[Question]) -> Result<usize, Failure> {
        let texts: Vec<&str> = questions.iter().map(|one| one.statement.text.as_str()).collect();
        let Brought { results, end } = self.run_all(batch(&texts), &mut |_| {})?;
        let mut answers: Vec<_> = results.into_iter().map(Ok).collect();
        match end {
            Err(Undone::Refused { code, message }) => answers.push(Err(Denied { code, message })),
            Err(unclear) => return Err(unclear.into()),
            Ok(()) => {}
        }
        let answered = answers.len();
        for (question, answer) in questions.iter().zip(answers) {
            reading.answer(question, answer).map_err(unreadable)?;
        }
        Ok(answered)
    }
}

impl Session for Snow {
    fn observe(&mut self, desired: &Desired) -> Result<Observed, Failure> {
        let mut reading = Reading::new(desired, Breadth::Whole)
            .map_err(|error| Failure::new(Exit::Failed, error.to_string(), ""))?;
        loop {
            let questions = reading.next();
            if questions.is_empty() {
                return reading.finish().map_err(unreadable);
            }
            let mut left = questions.as_slice();
            while !left.is_empty() {
                let answered = self.put(&mut reading, left)?;
                left = left.get(answered..).unwrap_or_default();
            }
        }
    }

    fn run(&mut self, steps: &[Step], _: &Consent, done: &mut dyn FnMut()) -> Result<(), Undone> {
        let texts: Vec<&str> = steps.iter().map(|step| step.statement.as_str()).collect();
        let mut left = texts.as_slice();
        while !left.is_empty() {
            let batch = batch(left);
            let mut said = 0_usize;
            let mut up_to = |count: usize| {
                (said..count).for_each(|_| done());
                said = said.max(count);
            };
            let brought = self.run_all(batch, &mut up_to)?;
            up_to(brought.results.len());
            brought.end?;
            left = left.get(batch.len()..).unwrap_or_default();
        }
        Ok(())
    }

    fn ask(&mut self, statement: &Statement) -> Result<Rows, Undone> {
        let Brought { mut results, end } = self.run_all(&[&statement.text], &mut |_| {})?;
        end?;
        results.pop().ok_or_else(|| Undone::Unclear("snow printed no result".to_owned()))
    }

    fn eyes(&self) -> Eyes {
        self.eyes
    }
}

fn not_started(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        let next_step = "install snowflake-cli, or use --as USER --key-file FILE";
        return format!("there is no snow on PATH; {next_step}");
    }
    format!("snow cannot be started ({error})")
}

/// The first statements, as many as fit into one argument of a program.
fn batch<'b, 's>(statements: &'b [&'s str]) -> &'b [&'s str] {
    let mut bytes = 0_usize;
    let fits = |text: &&&str| {
        bytes = bytes.saturating_add(text.len()).saturating_add(2);
        bytes <= MOST_BYTES
    };
    let count = statements.iter().take_while(fits).count().max(1);
    statements.get(..count).unwrap_or(statements)
}

/// A role for the login: as SHOW spells it, quoted where Snowflake would read it otherwise.
fn quoted(role: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    match role.bytes().all(plain) {
        true => role.to_owned(),
        false => format!("\"{}\"", role.replace('"', "\"\"")),
    }
}

/// Returns what was printed from the first line of JSON on, and lets `heard` hear it grow; what comes before is
/// for the person.
fn printed(from: impl Read, heard: &mut dyn FnMut(&str)) -> io::Result<String> {
    let mut lines = BufReader::new(from.take(MOST_OUTPUT));
    let mut text = String::new();
    while lines.read_line(&mut text)? > 0 {
        if text.starts_with('[') {
            if is_end_of_result(&text) {
                heard(&text);
            }
            continue;
        }
        let said = plain(&masked(text.trim(), &[]));
        if !said.is_empty() {
            // Nobody reads it if standard error is closed.
            let _ = writeln!(io::stderr(), "snow: {said}");
        }
        text.clear();
    }
    Ok(text)
}

/// Whether the last line may close a result: to read all of it again after every line would take for ever.
fn is_end_of_result(text: &str) -> bool {
    let end = text.trim_end();
    end.ends_with("],") || end.ends_with(']')
}

fn read_to_end(from: impl Read) -> String {
    let mut bytes = Vec::new();
    // What was read before it broke is what there is to show.
    let _ = from.take(MOST_COMPLAINTS).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn refused(message: String) -> Undone {
    Undone::Refused { code: String::new(), message }
}

fn unreadable(error: Unreadable) -> Failure {
    let next_step = match error {
        Unreadable::AnotherAccount { .. } => {
            "nothing was changed; name a snow connection of the configured account with -c, or \
             another account of this host with --account"
        }
        Unreadable::Answer { .. } | Unreadable::Unfinished(_) => {
            "is this snow of a version that prints --format json?"
        }
    };
    Failure::new(Exit::Failed, chain(&error), next_step)
}

const SNOW: &str = "snow";
/// Linux takes 128 KiB for one argument.
const MOST_BYTES: usize = 60 * 1024;
const MOST_OUTPUT: u64 = 64 * 1024 * 1024;
const MOST_COMPLAINTS: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_quoted_where_it_would_be_read_otherwise() {
        assert_eq!(quoted("ACCOUNTADMIN"), "ACCOUNTADMIN");
        assert_eq!(quoted("my \"role\""), "\"my \"\"role\"\"\"");
    }

    #[test]
    fn what_snow_would_split_wrongly_is_not_sent() {
        let snow = Snow { program: "/nonexistent", connection: None, role: None, eyes: Eyes::Log };

        let sent = snow.run_all(&["SHOW GRANTS TO ROLE \"A\\\""], &mut |_| {}).err();

        assert!(matches!(sent, Some(Undone::Refused { message, .. }) if message.contains(r#"\""#)));
    }

    #[test]
    fn each_result_is_heard_when_it_ends() {
        let mut heard = Vec::new();

        printed(&b"[\n  [\n    {}\n  ],\n  [],\n  [ {"[..], &mut |text| heard.push(text.len()))
            .unwrap();

        assert_eq!(heard, [18, 24]);
    }

    #[test]
    fn what_is_said_before_the_json_is_no_part_of_it() {
        let said = "Initiating login request\n\n[\n  {}\n]\n";

        assert_eq!(printed(said.as_bytes(), &mut |_| {}).unwrap(), "[\n  {}\n]\n");
        assert_eq!(printed(&b"nothing"[..], &mut |_| {}).unwrap(), "");
    }
}
