//! A plan for a person to read: signs, statements, why, what each needs, who would be locked out.

use crate::pattern::plan::Plan;

/// Returns the plan as lines of text, without colours.
pub fn text(plan: &Plan) -> String {
    let _ = plan;
    String::new()
}
