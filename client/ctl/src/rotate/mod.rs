//! `patctl rotate`: a new secret now, proven before anyone gets it; of one connection, or of all.

mod all;

use pat_wire::admin::{RotateRequest, Rotated};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, RotateArgs};
use crate::daemon;
use crate::progress::{Eyes, Progress};
use crate::text::{counted, plain};

pub(crate) fn run(cli: &Cli, args: &RotateArgs) -> Result<Answer, Failure> {
    match (&args.connection, args.all) {
        (Some(connection), false) => one(cli, connection, args.taint.as_deref()),
        (None, true) => all::run(cli, args.taint.as_deref()),
        // The command line has one of them.
        (_, _) => {
            let next_step = "name a connection, or --all";
            Err(Failure::new(Exit::Usage, "what is to be rotated is not clear", next_step))
        }
    }
}

fn one(cli: &Cli, connection: &str, taint: Option<&str>) -> Result<Answer, Failure> {
    let shown = Progress::waiting(Eyes::of(cli), format!("rotating {}", plain(connection)));
    let rotated = rotated(cli, connection, taint);
    drop(shown);
    let rotated = rotated?;
    Ok(Answer::ok(text_of(&rotated, taint.is_some()), json!(rotated)))
}

fn rotated(cli: &Cli, connection: &str, taint: Option<&str>) -> Result<Rotated, Failure> {
    let (connection, taint) = (connection.to_owned(), taint.map(str::to_owned));
    daemon::order(cli, "/v1/rotate", &RotateRequest { connection, taint })
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
