//! `patctl revoke`: no more hand-outs, leases ended, tokens removed at Snowflake; sticky until `enrol`.

use pat_wire::admin::{RevokeRequest, Revoked};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, RevokeArgs};
use crate::daemon;
use crate::text::plain;

pub(crate) fn run(cli: &Cli, args: &RevokeArgs) -> Result<Answer, Failure> {
    let revoked: Revoked = daemon::order(cli, "/v1/revoke", &request(args)?)?;
    let exit = if revoked.pending.is_empty() { Exit::Ok } else { Exit::Alarms };
    let text = if args.gone { forgotten(&revoked) } else { text_of(&revoked) };
    Ok(Answer { text, json: json!(revoked), exit })
}

fn request(args: &RevokeArgs) -> Result<RevokeRequest, Failure> {
    let what = &args.what;
    match (&what.connection, &what.user, what.all, args.gone) {
        (Some(connection), None, false, false) => Ok(RevokeRequest::Connection(connection.clone())),
        (None, Some(user), false, true) => Ok(RevokeRequest::Gone(user.clone())),
        (None, Some(user), false, false) => Ok(RevokeRequest::User(user.clone())),
        (None, None, true, false) => Ok(RevokeRequest::All),
        (_, _, _, _) => {
            let next_step = "name a connection, or --user USER (with --gone if need be), or --all";
            Err(Failure::new(Exit::Usage, "what is to be revoked is not clear", next_step))
        }
    }
}

fn forgotten(revoked: &Revoked) -> String {
    let one = |slot: &String| format!("{}: forgotten; Snowflake was not asked\n", plain(slot));
    revoked.confirmed.iter().map(one).collect()
}

fn text_of(revoked: &Revoked) -> String {
    let mut text = String::new();
    for slot in &revoked.confirmed {
        text.push_str(&format!("{}: revoked; Snowflake has none of its tokens\n", plain(slot)));
    }
    for slot in &revoked.pending {
        let slot = plain(slot);
        text.push_str(&format!(
            "{slot}: revoked here; its tokens are not yet confirmed gone at Snowflake\n"
        ));
    }
    match (revoked.confirmed.is_empty(), revoked.pending.is_empty()) {
        (true, true) => text.push_str("there was nothing to revoke\n"),
        (_, true) => text.push_str("next: patctl enrol CONNECTION, when it may be issued again\n"),
        (_, false) => text.push_str(
            "removal is retried for ever; next: patctl status, or disable the user at Snowflake now: \
             ALTER USER … SET DISABLED = TRUE\n",
        ),
    }
    text
}
