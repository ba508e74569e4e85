//! The record of a destruction: what was to go, who ran it, and what became of each statement. Written before and
//! after every one of them, kept for ever; a run that was cut off is taken up in the same record.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use pat_wire::admin::Revoked;
use patd_core::pattern::plan::Plan;
use serde::{Deserialize, Serialize};

use crate::answer::{Exit, Failure};
use crate::errand::Witness;
use crate::files;
use crate::runner::Undone;
use crate::time;

/// What is destroyed. Two runs with the same subject are one destruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subject {
    /// The account.
    pub(super) account: String,
    /// Everything of PAT Broker's there, or only these users.
    pub(super) everything: bool,
    /// The service users.
    pub(super) users: Vec<String>,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: u32,
    subject: Subject,
    runs: Vec<Run>,
}

/// One run of the verb.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    began_at: String,
    by: By,
    /// What the daemon of this host did first; none where none runs.
    tombstones: Option<Revoked>,
    fingerprint: String,
    /// Left over by the run before, and found to be gone.
    found_gone: Vec<String>,
    steps: Vec<Step>,
    /// When the last step was done. None: it was stopped or cut off.
    ended_at: Option<String>,
}

/// Who ran it: at Snowflake and here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct By {
    user: String,
    role: String,
    local_uid: u32,
}

/// A statement and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    statement: String,
    object: String,
    why: String,
    outcome: Outcome,
    at: Option<String>,
}

/// What became of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// It was not reached.
    NotBegun,
    /// It was about to be sent; whether it was is told by the next run.
    Begun,
    /// Done.
    Done,
    /// Refused, or not clear: in Snowflake's words.
    Failed(String),
}

/// The record of one destruction, open for writing.
pub(super) struct Keeper {
    path: PathBuf,
    record: Record,
}

impl Keeper {
    /// Opens the record of a destruction that was not finished, or a new one. Nothing is written yet.
    pub(super) fn open(config: &Path, subject: Subject) -> Result<Self, Failure> {
        let dir = config.join(RECORDS);
        files::directory(&dir, 0o700)?;
        match unfinished(&dir, &subject)? {
            Some(found) => Ok(found),
            None => {
                let path = dir.join(file_name(&subject, time::now()));
                Ok(Self { path, record: Record { format: FORMAT, subject, runs: Vec::new() } })
            }
        }
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether there was a run that did not come to its end.
    pub(super) fn is_resumed(&self) -> bool {
        !self.record.runs.is_empty()
    }

    /// Begins a run, durably.
    pub(super) fn begin(
        &mut self,
        plan: &Plan,
        tombstones: Option<Revoked>,
    ) -> Result<(), Failure> {
        let step = |step: &patd_core::pattern::plan::Step| Step {
            statement: step.statement.clone(),
            object: step.object.clone(),
            why: step.why.clone(),
            outcome: Outcome::NotBegun,
            at: None,
        };
        let run = Run {
            began_at: time::utc(time::now()),
            by: By {
                user: plan.acting_user.clone(),
                role: plan.acting_role.clone(),
                local_uid: nix::unistd::getuid().as_raw(),
            },
            tombstones,
            fingerprint: plan.fingerprint.clone(),
            found_gone: self.gone(plan),
            steps: plan.steps.iter().map(step).collect(),
            ended_at: None,
        };
        self.record.runs.push(run);
        self.save()
    }

    /// Ends the run: nothing is left.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        if let Some(run) = self.record.runs.last_mut() {
            run.ended_at = Some(time::utc(time::now()));
        }
        self.save()
    }

    /// What an earlier run left open and this one need not do.
    fn gone(&self, plan: &Plan) -> Vec<String> {
        let before = self.record.runs.iter().flat_map(|run| &run.steps);
        let open = before.filter(|step| step.outcome != Outcome::Done);
        let mut gone: Vec<String> = Vec::new();
        for step in open {
            let is_left = plan.steps.iter().any(|left| left.statement == step.statement);
            if !is_left
                && !gone.contains(&step.statement)
                && !self.is_accounted_for(&step.statement)
            {
                gone.push(step.statement.clone());
            }
        }
        gone
    }

    fn is_accounted_for(&self, statement: &str) -> bool {
        self.record.runs.iter().any(|run| {
            let mut steps = run.steps.iter();
            let is_done =
                steps.any(|step| step.statement == statement && step.outcome == Outcome::Done);
            is_done || run.found_gone.iter().any(|gone| gone == statement)
        })
    }

    fn mark(&mut self, step: usize, outcome: Outcome) -> Result<(), Failure> {
        let run = self.record.runs.last_mut();
        if let Some(step) = run.and_then(|run| run.steps.get_mut(step)) {
            step.outcome = outcome;
            step.at = Some(time::utc(time::now()));
        }
        self.save()
    }

    fn save(&self) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&self.record).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot write the record ({error})"), "")
        })?;
        files::replace_private(&self.path, &(text + "\n"))
    }
}

impl Witness for Keeper {
    fn before(&mut self, step: usize) -> Result<(), Failure> {
        self.mark(step, Outcome::Begun)
    }

    fn after(&mut self, step: usize, outcome: &Result<(), Undone>) -> Result<(), Failure> {
        let outcome = match outcome {
            Ok(()) => Outcome::Done,
            Err(undone) => Outcome::Failed(undone.said()),
        };
        self.mark(step, outcome)
    }
}

/// Returns the newest record of this subject that was not finished.
fn unfinished(dir: &Path, subject: &Subject) -> Result<Option<Keeper>, Failure> {
    let entries = std::fs::read_dir(dir).map_err(|error| Failure::io("read", dir, &error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::io("read", dir, &error))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    for path in paths.into_iter().rev() {
        let record = read(&path)?;
        let is_open = record.runs.last().is_some_and(|run| run.ended_at.is_none());
        if record.subject == *subject && is_open {
            return Ok(Some(Keeper { path, record }));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Record, Failure> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
        .map_err(|error| Failure::io("read", path, &error))?;
    let record: Result<Record, _> = serde_json::from_str(&text);
    record.ok().filter(|record| record.format == FORMAT).ok_or_else(|| {
        let what = format!("{} is no record of this version", path.display());
        Failure::new(Exit::Failed, what, "move it out of that folder")
    })
}

/// Names of users may hold anything; names of files here do not.
fn file_name(subject: &Subject, now: i64) -> String {
    let what = if subject.everything { "everything".to_owned() } else { subject.users.join("-") };
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let name: String =
        format!("{}-{what}", subject.account).chars().map(safe).take(LONGEST).collect();
    let when: String = time::utc(now).chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{PREFIX}{when}-{name}{SUFFIX}")
}

const RECORDS: &str = "records";
const PREFIX: &str = "destroy-";
const SUFFIX: &str = ".json";
const FORMAT: u32 = 1;
const LONGEST: usize = 120;
const MOST_BYTES: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use patd_core::pattern::plan::{Held, Sign, Step as Planned};

    use super::*;

    fn plan(statements: &[&str]) -> Plan {
        let text = |text: &str| text.to_owned();
        let step = |statement: &&str| Planned {
            statement: text(statement),
            sign: Sign::Remove,
            object: text("user U"),
            why: text("why"),
            needs: text("OWNERSHIP ON USER U"),
            held: Held::Yes,
            danger: None,
        };
        Plan {
            format: 1,
            account: text("A"),
            acting_user: text("ADMIN"),
            acting_role: text("R"),
            fingerprint: text("f"),
            steps: statements.iter().map(step).collect(),
            notes: Vec::new(),
        }
    }

    fn subject(user: &str) -> Subject {
        Subject { account: "A/B".into(), everything: false, users: vec![user.into()] }
    }

    #[test]
    fn what_was_cut_off_is_taken_up_in_the_same_record() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = Keeper::open(dir.path(), subject("U")).unwrap();
        first.begin(&plan(&["ONE", "TWO", "THREE"]), None).unwrap();
        first.before(0).unwrap();
        first.after(0, &Ok(())).unwrap();
        first.before(1).unwrap();
        drop(first);

        let mut second = Keeper::open(dir.path(), subject("U")).unwrap();
        assert!(second.is_resumed());
        second.begin(&plan(&["THREE"]), None).unwrap();
        second.before(0).unwrap();
        second.after(0, &Ok(())).unwrap();
        second.finish().unwrap();

        let record = read(second.path()).unwrap();
        let outcomes = |run: usize| {
            record.runs[run].steps.iter().map(|step| &step.outcome).collect::<Vec<_>>()
        };
        assert_eq!(outcomes(0), [&Outcome::Done, &Outcome::Begun, &Outcome::NotBegun]);
        assert_eq!(record.runs[1].found_gone, ["TWO"], "it was sent after all");
        assert_eq!(outcomes(1), [&Outcome::Done]);
        assert!(!Keeper::open(dir.path(), subject("U")).unwrap().is_resumed(), "it is finished");
    }

    #[test]
    fn a_record_of_another_destruction_is_not_taken_up() {
        let dir = tempfile::tempdir().unwrap();
        Keeper::open(dir.path(), subject("U")).unwrap().begin(&plan(&["ONE"]), None).unwrap();

        assert!(!Keeper::open(dir.path(), subject("V")).unwrap().is_resumed());
        assert!(Keeper::open(dir.path(), subject("U")).unwrap().is_resumed());
    }

    #[test]
    fn a_record_is_nobody_elses_to_read_and_its_name_leads_nowhere() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let mut kept = Keeper::open(dir.path(), subject("../../U\u{7}")).unwrap();
        kept.begin(&plan(&["ONE"]), None).unwrap();

        assert_eq!(kept.path().parent().unwrap(), dir.path().join("records"));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(kept.path()), mode(&dir.path().join("records"))), (0o600, 0o700));
    }

    #[test]
    fn a_record_that_cannot_be_read_stops_everything() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("records")).unwrap();
        std::fs::write(dir.path().join("records/destroy-x.json"), "{}").unwrap();

        assert!(Keeper::open(dir.path(), subject("U")).is_err());
    }
}
