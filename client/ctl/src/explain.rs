//! `patctl explain`: the cause of a refusal, which the refused are never told.

mod refused;

use pat_wire::admin::{ExplainRequest, Explanation};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, ExplainArgs};
use crate::text::plain;
use crate::{accounts, daemon};

pub(crate) fn run(cli: &Cli, args: &ExplainArgs) -> Result<Answer, Failure> {
    let Some(uid) = &args.uid else { return refused::of_late(cli, args.connection.clone()) };
    let uid = accounts::uid(uid)?;
    let request = ExplainRequest { uid, connection: args.connection.clone() };
    let explanation: Explanation = daemon::question(cli, "/v1/explain", &request)?;
    let exit = if explanation.allowed { Exit::Ok } else { Exit::Failed };
    let text = text_of(uid, args.connection.as_deref(), &explanation);
    Ok(Answer { text, json: json!(explanation), exit })
}

fn text_of(uid: u32, connection: Option<&str>, explanation: &Explanation) -> String {
    let name = accounts::name(uid).map(|name| format!(" ({name})"));
    let who = format!("uid {uid}{}", name.unwrap_or_default());
    let what = connection.map_or_else(|| "its only connection".to_owned(), plain);
    let verdict = if explanation.allowed { "would be allowed" } else { "would be refused" };
    let mut text = format!("{who}, {what}: {verdict}\n  {}\n", plain(&explanation.reason));
    if !explanation.next_step.is_empty() {
        text.push_str(&format!("  next: {}\n", plain(&explanation.next_step)));
    }
    text.push_str(&format!("\nselectors: {}\n", plain(&explanation.selectors.join(", "))));
    for entry in &explanation.entries {
        text.push_str(&format!("entry {}\n", plain(entry)));
    }
    text
}
