//! `patctl apply`: makes the plan anew, asks, and runs it in order. It stops at the first statement that fails;
//! run again, it looks first, so that what is done is done once.

use crate::answer::{Answer, Failure};
use crate::cli::{ApplyArgs, Cli};
use crate::confirm::consent;
use crate::errand::{self, Nobody, Words};
use crate::plan::{look, shown};
use crate::plan_file::{Begun, PlanFile};
use crate::runner;
use crate::target::Target;

pub(crate) fn run(cli: &Cli, args: &ApplyArgs) -> Result<Answer, Failure> {
    let file = args.file.as_deref().map(|path| PlanFile::read(path).map(|file| (path, file)));
    let file = file.transpose()?;
    let without = file.as_ref().map_or_else(|| args.without.clone(), |(_, file)| file.without());
    let mut target = Target::find(cli, args.session.account.as_deref())?;
    target.leave_out(&without);
    let mut session = runner::open(cli, &args.session, &target)?;
    let (plan, observed) = look(session.as_mut(), &target)?;
    if let Some((path, file)) = &file {
        file.still_fits(path, &plan, &observed)?;
    }
    if plan.steps.is_empty() {
        let answer = errand::nothing_to_do(&plan)?;
        file.map_or(Ok(()), |(path, file)| Begun::forget(path, &file.plan))?;
        return Ok(answer);
    }
    if file.is_none() {
        errand::say(&shown(&plan));
    }
    let consent = consent(&plan, &args.consent)?;
    let begun = file.as_ref().map(|(path, file)| Begun::mark(path, &file.plan)).transpose()?;
    let words = Words { again: "patctl apply", next: "patctl verify".to_owned() };
    let answer = errand::carry_out(session.as_mut(), &plan, &consent, &words, &mut Nobody)?;
    begun.map_or(Ok(()), Begun::finish)?;
    Ok(answer)
}
