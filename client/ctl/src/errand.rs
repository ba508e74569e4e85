//! Runs a plan in order, for every verb that changes an account: says each step as it goes, stops at the first that
//! fails, and then says what is done, what is left, and how to go on.

use std::io::{self, Write};

use patd_core::pattern::plan::{Note, Plan, Step};
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure};
use crate::confirm::Consent;
use crate::progress::Progress;
use crate::runner::{Session, Undone};
use crate::stops::refuse_what_stops;
use crate::text::{counted, plain};

/// What a verb says of its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// How to run it again: `patctl apply`.
    pub(crate) again: &'static str,
    /// What comes after a run that came to its end.
    pub(crate) next: String,
}

/// Who writes down what happens. A step that could not be written down is not run.
pub(crate) trait Witness {
    /// A step is about to be run.
    fn before(&mut self, step: usize) -> Result<(), Failure>;

    /// A step has ended.
    fn after(&mut self, step: usize, outcome: &Result<(), Undone>) -> Result<(), Failure>;

    /// Whether there must be a word between two steps; if not, a session may run several at once.
    fn minds_each_step(&self) -> bool {
        true
    }
}

/// Nobody writes it down: the account itself is the record.
pub(crate) struct Nobody;

impl Witness for Nobody {
    fn before(&mut self, _: usize) -> Result<(), Failure> {
        Ok(())
    }

    fn after(&mut self, _: usize, _: &Result<(), Undone>) -> Result<(), Failure> {
        Ok(())
    }

    fn minds_each_step(&self) -> bool {
        false
    }
}

/// Runs a plan in order, saying each step as it goes.
///
/// # Errors
/// At the first statement that fails: what is done, what is left, and the next step.
pub(crate) fn carry_out(
    session: &mut dyn Session,
    plan: &Plan,
    consent: &Consent,
    words: &Words,
    witness: &mut dyn Witness,
) -> Result<Answer, Failure> {
    if !plan.steps.iter().all(|step| consent.covers(step)) {
        return Err(stopped(plan, 0, &unconfirmed(), words));
    }
    let at_once = if witness.minds_each_step() { 1 } else { plan.steps.len().max(1) };
    let bar = Progress::through(session.eyes(), plan.steps.len());
    let mut done = 0_usize;
    for steps in plan.steps.chunks(at_once) {
        let first = done;
        witness.before(first)?;
        bar.begins(said(done, plan));
        let outcome = session.run(steps, consent, &mut || {
            bar.ends("done");
            done = done.saturating_add(1);
            if done < first.saturating_add(steps.len()) {
                bar.begins(said(done, plan));
            }
        });
        if outcome.is_err() {
            bar.ends("failed");
        }
        let written = witness.after(first, &outcome);
        if let Err(undone) = outcome {
            return Err(stopped(plan, done, &undone, words));
        }
        written?;
    }
    drop(bar);
    let count = counted(plan.steps.len(), "statement");
    let account = plain(&plan.account);
    let text = format!("{count} done at {account}\n{}{}", notes(plan), next(words));
    Ok(Answer::ok(text, report(plan, plan.steps.len())))
}

/// Says that an account is as wanted already, if nothing stands in the way of saying so.
pub(crate) fn nothing_to_do(plan: &Plan) -> Result<Answer, Failure> {
    refuse_what_stops(plan)?;
    let text = format!("nothing to do: {} is as wanted\n{}", plain(&plan.account), notes(plan));
    Ok(Answer::ok(text, report(plan, 0)))
}

/// Returns the notes of a plan as lines.
pub(crate) fn notes(plan: &Plan) -> String {
    let line = |note: &Note| plain(&format!("note: {}: {}", note.object, note.text)) + "\n";
    plan.notes.iter().map(line).collect()
}

/// Returns what was done and what is left.
pub(crate) fn report(plan: &Plan, done: usize) -> Value {
    let texts =
        |steps: &[Step]| steps.iter().map(|step| step.statement.clone()).collect::<Vec<_>>();
    let (before, after) = plan.steps.split_at_checked(done).unwrap_or((&plan.steps, &[]));
    json!({ "account": plan.account, "done": texts(before), "left": texts(after), "notes": plan.notes })
}

/// What is said before a question is no answer: it goes to standard error, and whoever closed that wants none.
pub(crate) fn say(text: &str) {
    let mut to = io::stderr();
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

fn next(words: &Words) -> String {
    if words.next.is_empty() { String::new() } else { format!("next: {}\n", words.next) }
}

/// Returns the step after so many, in words.
fn said(done: usize, plan: &Plan) -> String {
    let Some(step) = plan.steps.get(done) else { return String::new() };
    format!("{} {}", step.sign.as_char(), plain(&step.statement))
}

fn stopped(plan: &Plan, done: usize, undone: &Undone, words: &Words) -> Failure {
    let step = plan.steps.get(done);
    let about = step.map(|step| format!("{} (needs {})", step.object, step.needs));
    let about = plain(&about.unwrap_or_default());
    let left = plan.steps.len().saturating_sub(done);
    let what = format!("{about}: {}; {done} done, {left} left", undone.said());
    let again = words.again;
    let next_step = match undone {
        Undone::Refused { .. } => {
            format!("mend the cause, then run {again} again: what is done is done")
        }
        Undone::Unclear(_) => format!("run {again} again: it looks first what became of it"),
    };
    let left =
        plan.steps.iter().skip(done).map(|step| plain(&format!("  left: {}", step.statement)));
    let failure = Failure::new(Exit::Failed, what, next_step).with_lines(left);
    failure.with_json("progress", report(plan, done))
}

fn unconfirmed() -> Undone {
    let message = "this change was not confirmed".to_owned();
    Undone::Refused { code: String::new(), message }
}
