//! `patctl enrol`: lifts a tombstone, quarantine or fence, and issues again.

use pat_wire::admin::{EnrolRequest, Enrolled};
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::cli::{Cli, ConnectionArgs};
use crate::daemon;
use crate::text::plain;

pub(crate) fn run(cli: &Cli, args: &ConnectionArgs) -> Result<Answer, Failure> {
    let request = EnrolRequest { connection: args.connection.clone() };
    let enrolled: Enrolled = daemon::order(cli, "/v1/enrol", &request)?;
    let text = format!("{}: generation {} is served\n", plain(&enrolled.slot), enrolled.generation);
    Ok(Answer::ok(text, json!(enrolled)))
}
