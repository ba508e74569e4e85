//! `patctl apply`: makes the plan anew, asks, and runs it in order. It stops at the first statement that fails;
//! run again, it looks first, so that what is done is done once.

use std::io::{self, Write};

use patd_core::pattern::plan::{Plan, Sign, Step};
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{ApplyArgs, Cli};
use crate::confirm::{Consent, consent};
use crate::plan::{leave_out, look, shown};
use crate::plan_file::{Begun, PlanFile};
use crate::runner::{self, Session, Undone};
use crate::target::Target;
use crate::text::{counted, plain};

pub(crate) fn run(cli: &Cli, args: &ApplyArgs) -> Result<Answer, Failure> {
    let file = args.file.as_deref().map(|path| PlanFile::read(path).map(|file| (path, file)));
    let file = file.transpose()?;
    let without = file.as_ref().map_or_else(|| args.without.clone(), |(_, file)| file.without());
    let mut target = Target::find(cli, args.session.account.as_deref())?;
    leave_out(&mut target, &without);
    let mut session = runner::open(cli, &args.session, &target)?;
    let (plan, observed) = look(session.as_mut(), &target)?;
    if let Some((path, file)) = &file {
        file.still_fits(path, &plan, &observed)?;
    }
    if plan.steps.is_empty() {
        return nothing_to_do(&plan);
    }
    if file.is_none() {
        say(&shown(&plan));
    }
    let consent = consent(&plan, &args.consent)?;
    let begun = file.as_ref().map(|(path, file)| Begun::mark(path, &file.plan)).transpose()?;
    let answer = carry_out(session.as_mut(), &plan, &consent)?;
    begun.map_or(Ok(()), Begun::finish)?;
    Ok(answer)
}

/// Runs a plan in order, saying each step as it goes.
///
/// # Errors
/// At the first statement that fails: what is done, what is left, and the next step.
pub(crate) fn carry_out(
    session: &mut dyn Session,
    plan: &Plan,
    consent: &Consent,
) -> Result<Answer, Failure> {
    for (done, step) in plan.steps.iter().enumerate() {
        say(&progress(done, plan, step));
        let outcome =
            if consent.covers(step) { session.run(step, consent) } else { Err(unconfirmed()) };
        if let Err(undone) = outcome {
            say("failed\n");
            return Err(stopped(plan, done, &undone));
        }
        say("done\n");
    }
    let count = counted(plan.steps.len(), "statement");
    let account = plain(&plan.account);
    let text = format!("{count} done at {account}\n{}next: patctl verify\n", notes(plan));
    Ok(Answer::ok(text, report(plan, plan.steps.len())))
}

/// Returns the sign that stands before a step.
pub(crate) fn sign(sign: Sign) -> char {
    match sign {
        Sign::Add => '+',
        Sign::Change => '~',
        Sign::Remove => '-',
        Sign::Danger => '!',
    }
}

fn nothing_to_do(plan: &Plan) -> Result<Answer, Failure> {
    if let Some(note) = plan.notes.iter().find(|note| note.stops_apply) {
        let what = plain(&format!("{}: {}", note.object, note.text));
        return Err(Failure::new(Exit::Failed, what, ""));
    }
    let text = format!("nothing to do: {} is as wanted\n{}", plain(&plan.account), notes(plan));
    Ok(Answer::ok(text, report(plan, 0)))
}

fn notes(plan: &Plan) -> String {
    let line = |note: &patd_core::pattern::plan::Note| {
        plain(&format!("note: {}: {}", note.object, note.text)) + "\n"
    };
    plan.notes.iter().map(line).collect()
}

fn progress(done: usize, plan: &Plan, step: &Step) -> String {
    let (number, all) = (done.saturating_add(1), plan.steps.len());
    format!("[{number}/{all}] {} {} … ", sign(step.sign), plain(&step.statement))
}

fn stopped(plan: &Plan, done: usize, undone: &Undone) -> Failure {
    let step = plan.steps.get(done);
    let about = step.map(|step| format!("{} (needs {})", step.object, step.needs));
    let about = plain(&about.unwrap_or_default());
    let left = plan.steps.len().saturating_sub(done);
    let what = format!("{about}: {}; {done} done, {left} left", undone.said());
    let next_step = match undone {
        Undone::Refused { .. } => {
            "mend the cause, then run patctl apply again: what is done is done"
        }
        Undone::Unclear(_) => "run patctl apply again: it looks first what became of it",
    };
    let left =
        plan.steps.iter().skip(done).map(|step| plain(&format!("  left: {}", step.statement)));
    let failure = Failure::new(Exit::Failed, what, next_step).with_lines(left);
    failure.with_json("progress", report(plan, done))
}

fn report(plan: &Plan, done: usize) -> Value {
    let texts =
        |steps: &[Step]| steps.iter().map(|step| step.statement.clone()).collect::<Vec<_>>();
    let (before, after) = plan.steps.split_at_checked(done).unwrap_or((&plan.steps, &[]));
    json!({ "account": plan.account, "done": texts(before), "left": texts(after), "notes": plan.notes })
}

fn unconfirmed() -> Undone {
    let message = "this change was not confirmed".to_owned();
    Undone::Refused { code: String::new(), message }
}

/// Progress is no answer: it goes to standard error, and whoever closed that wants none.
fn say(text: &str) {
    let mut to = io::stderr();
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
