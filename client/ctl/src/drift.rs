//! `patctl drift`: what the daemon's own hourly look found different from the pattern, as far as its role can see.

use patd_core::pattern::verify::Check;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure, in_colour};
use crate::cli::{Cli, DriftArgs};
use crate::text::plain;
use crate::{checks, daemon, time};

pub(crate) fn run(cli: &Cli, args: &DriftArgs) -> Result<Answer, Failure> {
    let question = Question { account: args.account.clone() };
    let drift: Drift = daemon::question(cli, "/v1/drift", &question)?;
    let never = drift.accounts.iter().any(|found| found.looked_at.is_none());
    let all: Vec<Check> = drift.accounts.iter().flat_map(|found| found.checks.clone()).collect();
    let found = checks::exit(&all);
    let exit = if found == Exit::Ok && never { Exit::Alarms } else { found };
    let now = time::now();
    let text = drift.accounts.iter().map(|found| text_of(found, now)).collect::<Vec<_>>();
    Ok(Answer { text: text.join("\n"), json: json!(drift), exit })
}

fn text_of(found: &Found, now: i64) -> String {
    let account = plain(&found.account);
    let Some(at) = found.looked_at else {
        return format!(
            "{account}: not looked at yet; the daemon looks a minute after its start\n"
        );
    };
    let when = time::from_now(at, now);
    if found.checks.is_empty() {
        return format!("{account}: as it should be, seen {when}\n");
    }
    let (shown, counts) =
        (checks::shown(&found.checks, in_colour()), checks::counts(&found.checks));
    format!("{account}, seen {when}\n\n{shown}\n{counts}")
}

#[derive(Serialize)]
struct Question {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Drift {
    accounts: Vec<Found>,
}

/// The newest look at one account: what does not hold, and what could not be checked.
#[derive(Debug, Deserialize, Serialize)]
struct Found {
    account: String,
    looked_at: Option<i64>,
    checks: Vec<Check>,
}
