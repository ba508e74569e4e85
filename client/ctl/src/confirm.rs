//! Before a plan is run: what stops it, who would be locked out, and whether a person wants it all the same. Asks
//! on a terminal; where there is none, only flags say yes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, IsTerminal, Write};

use patd_core::pattern::plan::{Confirmation, Danger, Held, Plan, Step};

use crate::answer::{Exit, Failure};
use crate::cli::{ConsentArgs, word};
use crate::stops::refuse_what_stops;
use crate::text::{counted, plain};

/// A person's yes to a plan. Made here and nowhere else.
#[derive(Debug)]
pub(crate) struct Consent {
    confirmed: BTreeSet<Confirmation>,
}

impl Consent {
    /// Returns whether a step may run.
    pub(crate) fn covers(&self, step: &Step) -> bool {
        step.danger.as_ref().is_none_or(|danger| self.confirmed.contains(&danger.confirm))
    }

    /// Returns the words of what was confirmed.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        self.confirmed.iter().map(|confirmation| word(*confirmation)).collect()
    }
}

/// Returns the consent to a plan: each danger is listed by name first, whoever confirmed it already.
pub(crate) fn consent(plan: &Plan, args: &ConsentArgs) -> Result<Consent, Failure> {
    refuse_what_stops(plan)?;
    if !args.anyway {
        refuse_what_lacks_a_privilege(plan)?;
    }
    let mut asking = Asking::of_this_process();
    let mut confirmed: BTreeSet<Confirmation> = args.confirm.iter().copied().collect();
    for (confirmation, dangers) in dangers(plan) {
        asking.say(&named(confirmation, &dangers));
        if !confirmed.contains(&confirmation) {
            asking.type_word(confirmation)?;
            confirmed.insert(confirmation);
        }
    }
    if !args.yes {
        asking.begin(plan)?;
    }
    Ok(Consent { confirmed })
}

/// Asks a question that only a yes answers.
pub(crate) fn agree(question: &str, yes: bool) -> Result<(), Failure> {
    let mut asking = Asking::of_this_process();
    if yes {
        return Ok(());
    }
    if !asking.on_terminal {
        let what = format!("nothing was done: there is no terminal to ask {question:?}");
        return Err(Failure::new(Exit::Usage, what, "add --yes"));
    }
    asking.yes(&format!("{question} [y/N] "))
}

fn refuse_what_lacks_a_privilege(plan: &Plan) -> Result<(), Failure> {
    let missing: BTreeSet<&str> = plan
        .steps
        .iter()
        .filter(|step| step.held == Held::No)
        .map(|step| step.needs.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = missing.into_iter().map(plain).collect();
    let role = plain(&plan.acting_role);
    let what = format!("nothing was run: role {role} lacks {}", missing.join(", "));
    let next_step = "act as a role that has it (--as USER --key-file FILE, --via snow, --role ROLE), or try with --anyway";
    Err(Failure::new(Exit::NotPermitted, what, next_step))
}

/// The dangers of a plan by what must be confirmed, in order of their steps.
fn dangers(plan: &Plan) -> Vec<(Confirmation, Vec<(&Step, &Danger)>)> {
    let mut order = Vec::new();
    let mut by_kind: BTreeMap<Confirmation, Vec<(&Step, &Danger)>> = BTreeMap::new();
    for step in &plan.steps {
        let Some(danger) = &step.danger else { continue };
        if !by_kind.contains_key(&danger.confirm) {
            order.push(danger.confirm);
        }
        by_kind.entry(danger.confirm).or_default().push((step, danger));
    }
    let kinds = order.into_iter();
    kinds.filter_map(|kind| by_kind.remove(&kind).map(|found| (kind, found))).collect()
}

/// Returns the lines that say what is dangerous, who would be locked out, and what could not be seen.
fn named(confirmation: Confirmation, dangers: &[(&Step, &Danger)]) -> String {
    let mut lines = vec![format!("! {}:", word(confirmation))];
    lines.extend(dangers.iter().map(|(step, _)| format!("    {}", plain(&step.statement))));
    let mut out = BTreeSet::new();
    let mut unseen = BTreeSet::new();
    for (_, danger) in dangers {
        out.extend(danger.locked_out.iter().map(|one| (&one.user, &one.why)));
        unseen.extend(&danger.unseen);
    }
    if !out.is_empty() {
        lines.push("  would be locked out:".to_owned());
        lines.extend(out.iter().map(|(user, why)| plain(&format!("    {user}: {why}"))));
    }
    if !unseen.is_empty() {
        lines.push("  could not be seen, and may hide more of them:".to_owned());
        lines.extend(unseen.iter().map(|one| plain(&format!("    {one}"))));
    }
    if out.is_empty() && unseen.is_empty() && confirmation != Confirmation::Drop {
        lines.push("  nobody would be locked out".to_owned());
    }
    lines.join("\n") + "\n"
}

/// The person at the terminal, if there is one.
struct Asking {
    on_terminal: bool,
}

impl Asking {
    fn of_this_process() -> Self {
        Self { on_terminal: io::stdin().is_terminal() && io::stderr().is_terminal() }
    }

    /// Says something that is no answer.
    fn say(&self, text: &str) {
        // Whoever closed standard error wants to hear nothing.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    fn type_word(&mut self, confirmation: Confirmation) -> Result<(), Failure> {
        let word = word(confirmation);
        if !self.on_terminal {
            let what = format!("nothing was run: {word} needs a confirmation of its own");
            return Err(Failure::new(Exit::Usage, what, format!("add --confirm {word}")));
        }
        match self.ask(&format!("Type {word} to confirm: "))? == word {
            true => Ok(()),
            false => Err(not_wanted()),
        }
    }

    fn begin(&mut self, plan: &Plan) -> Result<(), Failure> {
        let steps = counted(plan.steps.len(), "statement");
        let (account, role) = (plain(&plan.account), plain(&plan.acting_role));
        if !self.on_terminal {
            let what = format!("nothing was run: there is no terminal to ask about {steps}");
            return Err(Failure::new(Exit::Usage, what, "see patctl plan, then add --yes"));
        }
        self.yes(&format!("Run {steps} at {account} as {role}? [y/N] "))
    }

    fn yes(&mut self, question: &str) -> Result<(), Failure> {
        let answer = self.ask(question)?;
        match answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes") {
            true => Ok(()),
            false => Err(not_wanted()),
        }
    }

    fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let mut answer = String::new();
        let asked = io::stderr()
            .write_all(question.as_bytes())
            .and_then(|()| io::stdin().lock().read_line(&mut answer));
        asked.map_err(|error| {
            let what = format!("nothing was run: cannot ask ({error})");
            Failure::new(Exit::Failed, what, "use --yes and --confirm")
        })?;
        Ok(answer.trim().to_owned())
    }
}

fn not_wanted() -> Failure {
    Failure::new(Exit::Failed, "nothing was run: it was not confirmed", "")
}

#[cfg(test)]
mod tests {
    use patd_core::pattern::plan::{LockedOut, Note, Sign};

    use super::*;

    fn step(statement: &str, held: Held, confirm: Option<Confirmation>) -> Step {
        let locked_out = LockedOut { user: "ANA".to_owned(), why: "has 2 live tokens".to_owned() };
        let unseen = vec!["users of type SERVICE".to_owned()];
        Step {
            statement: statement.to_owned(),
            sign: Sign::Add,
            object: "role R".to_owned(),
            why: "why".to_owned(),
            needs: "CREATE ROLE ON ACCOUNT".to_owned(),
            held,
            danger: confirm.map(|confirm| Danger { confirm, locked_out: vec![locked_out], unseen }),
        }
    }

    fn plan(steps: Vec<Step>, notes: Vec<Note>) -> Plan {
        let text = |text: &str| text.to_owned();
        Plan {
            format: 1,
            account: text("A"),
            acting_user: text("U"),
            acting_role: text("R"),
            fingerprint: text("f"),
            steps,
            notes,
        }
    }

    fn args(yes: bool, confirm: &[Confirmation]) -> ConsentArgs {
        ConsentArgs { yes, confirm: confirm.to_vec(), anyway: false }
    }

    #[test]
    fn who_would_be_locked_out_is_listed_by_name_with_what_could_not_be_seen() {
        let step = step("ALTER ACCOUNT X", Held::Yes, Some(Confirmation::AccountPolicies));
        let plan = plan(vec![step.clone(), step], Vec::new());

        let dangers = dangers(&plan);

        let [(confirmation, found)] = &dangers[..] else { panic!("not one kind") };
        let said = named(*confirmation, found);
        assert_eq!(said.matches("ANA: has 2 live tokens").count(), 1, "{said}");
        assert!(said.contains("users of type SERVICE") && said.contains("ALTER ACCOUNT X"));
    }

    #[test]
    fn yes_alone_confirms_no_danger() {
        let step = step("DROP USER U", Held::Yes, Some(Confirmation::Drop));
        let plan = plan(vec![step.clone()], Vec::new());

        // Tests have no terminal to ask on.
        let refused = consent(&plan, &args(true, &[Confirmation::AccountPolicies]));
        let given = consent(&plan, &args(true, &[Confirmation::Drop])).unwrap();

        assert!(format!("{:?}", refused.unwrap_err()).contains("--confirm drop"));
        assert!(given.covers(&step));
        assert_eq!(given.words(), ["drop"]);
    }

    #[test]
    fn without_a_terminal_only_a_flag_says_yes() {
        let plan = plan(vec![step("CREATE ROLE R", Held::Yes, None)], Vec::new());

        assert!(format!("{:?}", consent(&plan, &args(false, &[])).unwrap_err()).contains("--yes"));
        assert!(consent(&plan, &args(true, &[])).is_ok());
    }

    #[test]
    fn a_note_that_stops_stops_whatever_the_flags_say() {
        let text = |text: &str| text.to_owned();
        let note = |stops_apply| Note {
            id: text("wrong-type"),
            object: text("user U"),
            text: text("is a person"),
            stops_apply,
        };
        let steps = || vec![step("CREATE ROLE R", Held::Yes, None)];

        let stopped = consent(&plan(steps(), vec![note(true)]), &args(true, &[]));
        let harmless = consent(&plan(steps(), vec![note(false)]), &args(true, &[]));

        assert!(format!("{:?}", stopped.unwrap_err()).contains("user U: is a person"));
        assert!(harmless.is_ok());
    }

    #[test]
    fn a_missing_privilege_is_named_before_anything_is_run() {
        let plan = plan(vec![step("CREATE ROLE R", Held::No, None)], Vec::new());

        let refused = consent(&plan, &args(true, &[]));
        let anyway = consent(&plan, &ConsentArgs { anyway: true, ..args(true, &[]) });

        assert!(format!("{:?}", refused.unwrap_err()).contains("lacks CREATE ROLE ON ACCOUNT"));
        assert!(anyway.is_ok());
    }
}
