//! `patctl explain`: the cause of a refusal, which the refused are never told.

use nix::unistd::{Uid, User};
use pat_wire::admin::{ExplainRequest, Explanation};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, ExplainArgs};
use crate::daemon;
use crate::text::plain;

pub(crate) fn run(cli: &Cli, args: &ExplainArgs) -> Result<Answer, Failure> {
    let uid = uid(&args.uid)?;
    let request = ExplainRequest { uid, connection: args.connection.clone() };
    let explanation: Explanation = daemon::question(cli, "/v1/explain", &request)?;
    let exit = if explanation.allowed { Exit::Ok } else { Exit::Failed };
    let text = text_of(uid, args.connection.as_deref(), &explanation);
    Ok(Answer { text, json: json!(explanation), exit })
}

fn uid(named: &str) -> Result<u32, Failure> {
    if let Ok(uid) = named.parse() {
        return Ok(uid);
    }
    match User::from_name(named) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) | Err(_) => {
            let what = format!("there is no local user {named:?}");
            Err(Failure::new(Exit::Usage, what, format!("check: getent passwd {named}")))
        }
    }
}

fn text_of(uid: u32, connection: Option<&str>, explanation: &Explanation) -> String {
    let name =
        User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| format!(" ({})", user.name));
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
