//! A plan for a person to read: signs, statements exactly as they run, why, what each needs, who would be locked out.

use super::said::said;
use crate::pattern::plan::{Danger, Held, Note, Plan, Sign, Step};

/// Returns the plan as lines of text, without colours.
pub fn text(plan: &Plan) -> String {
    let mut text = head(plan);
    for step in &plan.steps {
        text.push('\n');
        text.push_str(&one_step(step));
    }
    if !plan.notes.is_empty() {
        text.push('\n');
    }
    for note in &plan.notes {
        text.push_str(&one_note(note));
    }
    text.push('\n');
    text.push_str(&sum(plan));
    text
}

fn head(plan: &Plan) -> String {
    let who = match plan.acting_user.as_str() {
        "" => format!("for an empty account, run as role {}", said(&plan.acting_role)),
        user => format!("as {} with role {}", said(user), said(&plan.acting_role)),
    };
    let mut head = format!("account {}, {who}\n", said(&plan.account));
    if !plan.fingerprint.is_empty() {
        head.push_str(&format!("observed {}\n", said(&plan.fingerprint)));
    }
    head
}

fn one_step(step: &Step) -> String {
    let mut lines = format!("{} {}\n", step.sign.as_char(), said(&step.object));
    lines.push_str(&format!("    {};\n", step.statement));
    lines.push_str(&format!("    why    {}\n", said(&step.why)));
    lines.push_str(&format!("    needs  {} ({})\n", said(&step.needs), held(step.held)));
    if let Some(danger) = &step.danger {
        lines.push_str(&one_danger(danger));
    }
    lines
}

fn one_danger(danger: &Danger) -> String {
    let mut lines = format!(
        "    confirm with --confirm {}: {}\n",
        danger.confirm.as_str(),
        danger.confirm.meaning()
    );
    if danger.locked_out.is_empty() {
        lines.push_str("    locked out  nobody that was seen\n");
    }
    for out in &danger.locked_out {
        lines.push_str(&format!("    locked out  {}: {}\n", said(&out.user), said(&out.why)));
    }
    for unseen in &danger.unseen {
        lines.push_str(&format!("    not seen    {}\n", said(unseen)));
    }
    lines
}

fn one_note(note: &Note) -> String {
    let stops = if note.stops_apply { " (stops apply)" } else { "" };
    format!("* {}: {} [{}]{stops}\n", said(&note.object), said(&note.text), said(&note.id))
}

fn sum(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return match plan.notes.is_empty() {
            true => "nothing to do\n".to_owned(),
            false => "no statement to run; see the notes\n".to_owned(),
        };
    }
    let count = |sign| plan.steps.iter().filter(|step| step.sign == sign).count();
    let signs = [Sign::Add, Sign::Change, Sign::Remove, Sign::Danger];
    let parts = signs.map(|sign| (sign, count(sign)));
    let said: Vec<String> = parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(sign, count)| format!("{count} {}", sign.as_verb()))
        .collect();
    format!("{} to run: {}\n", plan.steps.len(), said.join(", "))
}

fn held(held: Held) -> &'static str {
    match held {
        Held::Yes => "held",
        Held::No => "NOT held",
        Held::Unknown => "not known whether held",
    }
}
