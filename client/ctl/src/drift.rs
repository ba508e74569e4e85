//! `patctl drift`: what the daemon's own hourly look found different from the pattern, as far as its role can see.

use pat_wire::provision::{AccountDrift, Drift, DriftRequest};
use patd_core::pattern::verify::Check;
use serde_json::json;

use crate::answer::{Answer, Exit, Failure, in_colour};
use crate::cli::{Cli, DriftArgs};
use crate::text::plain;
use crate::{checks, daemon, time};

pub(crate) fn run(cli: &Cli, args: &DriftArgs) -> Result<Answer, Failure> {
    let question = DriftRequest { account: args.account.clone(), look: args.look };
    let drift: Drift = match args.look {
        true => daemon::provisioning(&cli.socket, "/v1/drift", &question)?,
        false => daemon::question(cli, "/v1/drift", &question)?,
    };
    let found = drift.accounts.iter().map(Found::read).collect::<Result<Vec<_>, _>>()?;
    let (in_colour, now) = (in_colour(), time::now());
    let text: Vec<String> = found.iter().map(|found| found.text(now, in_colour)).collect();
    Ok(Answer { text: text.join("\n"), json: json!(drift), exit: exit(&found) })
}

/// What does not hold is worse than what nobody has seen.
fn exit(found: &[Found<'_>]) -> Exit {
    let all: Vec<Check> = found.iter().flat_map(|found| found.checks.clone()).collect();
    let unseen = found.iter().any(|f| f.of.looked_at.is_none() || f.of.failure.is_some());
    let exit = checks::exit(&all);
    if exit == Exit::Ok && unseen { Exit::Alarms } else { exit }
}

/// The newest look at one account.
struct Found<'a> {
    of: &'a AccountDrift,
    checks: Vec<Check>,
}

impl<'a> Found<'a> {
    fn read(of: &'a AccountDrift) -> Result<Self, Failure> {
        let checks = serde_json::from_value(of.checks.clone()).map_err(|_| {
            let what = "cannot understand the checks the daemon sent";
            Failure::new(Exit::Failed, what, "see whether both are of the same version")
        })?;
        Ok(Self { of, checks })
    }

    fn text(&self, now: i64, in_colour: bool) -> String {
        let account = plain(&self.of.account);
        let mut text = match self.of.looked_at {
            None => format!("{account}: not looked at since the daemon started\n"),
            Some(at) if self.checks.is_empty() => {
                format!("{account}: as it should be, seen {}\n", time::from_now(at, now))
            }
            Some(at) => {
                let shown = checks::shown(&self.checks, in_colour);
                let counts = checks::counts(&self.checks);
                format!("{account}, seen {}\n\n{shown}\n{counts}", time::from_now(at, now))
            }
        };
        if let Some(why) = &self.of.failure {
            text.push_str(&format!("the last look brought nothing: {}\n", plain(why)));
        }
        for held in &self.of.held_back {
            let why = match held.checks.as_slice() {
                [] => "it was not looked at yet".to_owned(),
                checks => plain(&checks.join(", ")),
            };
            text.push_str(&format!("held back: {}: {why}\n", plain(&held.slot)));
        }
        text
    }
}
