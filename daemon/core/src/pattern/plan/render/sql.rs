//! A plan as a script for a security admin's own session. The only place where a statement gets a semicolon.

use super::said::said;
use crate::pattern::plan::{Danger, Note, Plan, Step};
use crate::sql::Ident;

/// Returns the statements as a script under the role the plan is for, each below a comment that says why.
pub fn sql(plan: &Plan) -> String {
    let mut blocks = vec![head(plan)];
    blocks.extend(plan.notes.iter().map(note));
    match Ident::new("role", &plan.acting_role) {
        Ok(_) if plan.steps.is_empty() => {}
        Ok(role) => {
            blocks.push(format!("USE ROLE {role};\n"));
            blocks.extend(plan.steps.iter().map(step));
        }
        // Without its role a script would run as whatever the session is.
        Err(error) => blocks.push(format!("-- nothing here can be run: {error}\n")),
    }
    blocks.join("\n")
}

fn head(plan: &Plan) -> String {
    let count = match plan.steps.len() {
        0 => "nothing to do".to_owned(),
        1 => "1 statement".to_owned(),
        count => format!("{count} statements"),
    };
    format!("-- PAT Broker at {}: {count}\n", said(&plan.account))
}

fn note(note: &Note) -> String {
    let weight = if note.stops_apply { "stops here" } else { "note" };
    format!("-- {weight} ({}): {}: {}\n", note.id, said(&note.object), said(&note.text))
}

fn step(step: &Step) -> String {
    let danger = step.danger.as_ref().map(danger).unwrap_or_default();
    format!("-- {}\n{danger}{};\n", said(&step.why), step.statement)
}

fn danger(danger: &Danger) -> String {
    let mut lines = format!("-- ! think first: {}\n", danger.confirm.meaning());
    for out in &danger.locked_out {
        lines.push_str(&format!("-- ! {}: {}\n", said(&out.user), said(&out.why)));
    }
    for unseen in &danger.unseen {
        lines.push_str(&format!("-- ! not seen: {}\n", said(unseen)));
    }
    lines
}
