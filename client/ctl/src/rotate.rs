//! `patctl rotate`: a new secret now, proven before anyone gets it.

use pat_wire::admin::{RotateRequest, Rotated};
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::cli::{Cli, RotateArgs};
use crate::daemon;
use crate::text::{counted, plain};

pub(crate) fn run(cli: &Cli, args: &RotateArgs) -> Result<Answer, Failure> {
    let request = RotateRequest { connection: args.connection.clone(), taint: args.taint.clone() };
    let rotated: Rotated = daemon::order(cli, "/v1/rotate", &request)?;
    Ok(Answer::ok(text_of(&rotated, args.taint.is_some()), json!(rotated)))
}

fn text_of(rotated: &Rotated, tainted: bool) -> String {
    let slot = plain(&rotated.slot);
    let from = rotated.from.map(|from| format!(" in place of {from}")).unwrap_or_default();
    let mut text = format!("{slot}: generation {} is served{from}\n", rotated.to);
    let holders = usize::try_from(rotated.leases_on_older).unwrap_or(usize::MAX);
    match (holders, tainted, rotated.from) {
        (_, _, None) => {}
        (0, false, Some(_)) => text.push_str("nobody holds an older one: its token goes shortly\n"),
        (_, true, Some(_)) => {
            text.push_str("the tainted token is removed at once, whoever holds it\n")
        }
        (_, false, Some(_)) => {
            let holders = counted(holders, "lease");
            text.push_str(&format!(
                "{holders} on older ones: their token goes when the holders have moved\n"
            ));
        }
    }
    text
}
