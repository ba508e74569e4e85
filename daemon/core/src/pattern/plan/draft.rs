//! A plan while it is written: steps in order, each once, with its privilege looked up; and notes.

use super::privilege::{Need, Rights};
use super::step::{Danger, Note, Plan, Sign, Step};
use crate::pattern::desired::Desired;
use crate::pattern::observed::Observed;

/// How statements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// For exactly what was observed: what was absent is created and fails if it is there by now.
    Exact,
    /// For whatever is there: IF NOT EXISTS and then SET.
    Rerunnable,
}

/// A plan while it is written.
pub(super) struct Draft<'a> {
    /// What is wanted.
    pub(super) desired: &'a Desired,
    /// What is there.
    pub(super) observed: &'a Observed,
    /// How statements are written.
    pub(super) manner: Manner,
    /// What the acting role may do.
    pub(super) rights: Rights,
    steps: Vec<Step>,
    notes: Vec<Note>,
}

/// A step before its privilege was looked up.
pub(super) struct Change {
    /// The statement.
    pub(super) statement: String,
    /// What it is about.
    pub(super) object: String,
    /// Why.
    pub(super) why: String,
    /// What it needs.
    pub(super) need: Need,
}

impl<'a> Draft<'a> {
    /// Begins a plan.
    pub(super) fn new(desired: &'a Desired, observed: &'a Observed, manner: Manner) -> Self {
        let rights = Rights::of(desired, observed);
        Self { desired, observed, manner, rights, steps: Vec::new(), notes: Vec::new() }
    }

    /// Adds a step. A statement that is there already is not repeated: users may share a role.
    pub(super) fn step(&mut self, sign: Sign, change: Change, danger: Option<Danger>) {
        if self.steps.iter().any(|step| step.statement == change.statement) {
            return;
        }
        self.steps.push(Step {
            statement: change.statement,
            sign: if danger.is_some() { Sign::Danger } else { sign },
            object: change.object,
            why: change.why,
            needs: change.need.to_string(),
            held: self.rights.held(&change.need),
            danger,
        });
    }

    /// Returns how many steps there are so far.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Adds something new.
    pub(super) fn add(&mut self, change: Change) {
        self.step(Sign::Add, change, None);
    }

    /// Changes something that is there.
    pub(super) fn change(&mut self, change: Change) {
        self.step(Sign::Change, change, None);
    }

    /// Tells something that is no statement.
    pub(super) fn note(&mut self, id: &str, object: &str, text: String, stops_apply: bool) {
        let note = Note { id: id.to_owned(), object: object.to_owned(), text, stops_apply };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Tells that something needed could not be seen: nothing is planned for it, and the rest may lean on it.
    pub(super) fn hidden(&mut self, object: &str, what: &str, needs: &str) {
        let text =
            format!("{what} could not be seen, so nothing is planned for that; it needs {needs}");
        self.note("hidden", object, text, true);
    }

    /// Tells that an object which is to be changed is somebody else's.
    pub(super) fn foreign(&mut self, object: &str, owner: &str) {
        if self.rights.acts_as(owner) {
            return;
        }
        let acting = &self.observed.acting.role;
        let text = format!(
            "it belongs to role {owner}, which {acting} does not inherit: run as a role that owns it, or have its \
             ownership granted"
        );
        self.note("foreign-owner", object, text, true);
    }

    /// Returns `CREATE kind`, with IF NOT EXISTS where it must be possible to run it again.
    pub(super) fn create(&self, kind: &str) -> String {
        match self.manner {
            Manner::Exact => format!("CREATE {kind}"),
            Manner::Rerunnable => format!("CREATE {kind} IF NOT EXISTS"),
        }
    }

    /// Returns whether statements must be fit to be run again.
    pub(super) fn reruns(&self) -> bool {
        self.manner == Manner::Rerunnable
    }

    /// Ends the plan.
    pub(super) fn plan(self, fingerprint: String) -> Plan {
        Plan {
            format: 1,
            account: self.desired.account.as_str().to_owned(),
            acting_user: self.observed.acting.user.clone(),
            acting_role: self.observed.acting.role.clone(),
            fingerprint,
            steps: self.steps,
            notes: self.notes,
        }
    }
}

/// Returns a value as it was found, short enough for a line.
pub(super) fn was(what: &str, value: &str) -> String {
    let shown: String = value.chars().take(LONGEST_VALUE).collect();
    match (shown.is_empty(), shown.len() < value.len()) {
        (true, _) => format!("{what} is empty"),
        (false, true) => format!("{what} is {shown}…"),
        (false, false) => format!("{what} is {shown}"),
    }
}

const LONGEST_VALUE: usize = 160;
