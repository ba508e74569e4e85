//! `patctl retire`: ends what a host has at Snowflake. This host ends its own tokens through its daemon; those of a
//! lost one are ended by an admin from elsewhere. Answers are scripts: what only a security admin can do is SQL, and
//! all the rest is comment.

mod found;
mod host;

use pat_wire::provision::{RetireRequest, Retired};
use patd_config::Config;
use patd_core::pattern::plan::{self, render};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, RetireArgs};
use crate::confirm::agree;
use crate::daemon;
use crate::plan::not_made;
use crate::target::Target;
use crate::text::plain;

pub(crate) fn run(cli: &Cli, args: &RetireArgs) -> Result<Answer, Failure> {
    match &args.host {
        Some(id) => host::run(cli, args, id),
        None => this_host(cli, args),
    }
}

fn this_host(cli: &Cli, args: &RetireArgs) -> Result<Answer, Failure> {
    if args.session.user.is_some() || args.session.via.is_some() {
        let what = "this host is retired by its own daemon";
        return Err(Failure::new(Exit::Usage, what, "leave out --as and --via, or add --host ID"));
    }
    let named = args.session.account.as_deref();
    let script = script(cli, patd_config::load(&cli.config)?, named)?;
    agree(
        "Retire this host: stop hand-out for good and remove its tokens at Snowflake?",
        args.consent.yes,
    )?;
    let account = named.map(str::to_owned);
    let retired: Retired = daemon::order(cli, "/v1/retire", &RetireRequest { account })?;
    let exit = if retired.pending.is_empty() { Exit::Ok } else { Exit::Alarms };
    let text = format!("{}{}{script}{}", said(&retired), comment(ADMIN), comment(after(&retired)));
    Ok(Answer { text, json: json!({ "retired": retired, "sql": script }), exit })
}

/// Returns the statements that end the brokers of this host, one account after the other.
fn script(cli: &Cli, config: Config, named: Option<&str>) -> Result<String, Failure> {
    let accounts: Vec<String> = match named {
        Some(named) => vec![named.to_owned()],
        None => config.accounts.keys().map(ToString::to_string).collect(),
    };
    let one = |account: &String| {
        let target = Target::of_config(cli, config.clone(), Some(account))?;
        plan::retire(&target.desired).map(|plan| render::sql(&plan)).map_err(not_made)
    };
    accounts.iter().map(one).collect()
}

fn said(retired: &Retired) -> String {
    let mut text =
        comment(&format!("host {} is retired: nothing is handed out any more", retired.host_id));
    for slot in &retired.confirmed {
        text.push_str(&comment(&format!("{slot}: Snowflake has none of its tokens")));
    }
    for slot in &retired.pending {
        text.push_str(&comment(&format!("{slot}: its tokens are not yet confirmed gone")));
    }
    text
}

fn after(retired: &Retired) -> &'static str {
    match retired.pending.is_empty() {
        true => "next: run the above at Snowflake, then remove the package from this host",
        false => {
            "next: run the above only when patctl status has nothing pending: it is the broker who removes the tokens"
        }
    }
}

/// Returns a line that no name can break out of.
fn comment(text: &str) -> String {
    format!("-- {}\n", plain(text))
}

const ADMIN: &str = "what only a security admin can do:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_comment() {
        assert_eq!(comment("a\nDROP USER B;\r--"), "-- a\u{fffd}DROP USER B;\u{fffd}--\n");
    }

    #[test]
    fn the_broker_is_not_dropped_before_its_tokens_are_gone() {
        let mut retired = Retired {
            host_id: "0A1B2C3D".to_owned(),
            confirmed: vec!["A/U".to_owned()],
            pending: Vec::new(),
            brokers: Vec::new(),
        };
        assert!(after(&retired).contains("remove the package"));

        retired.pending.push("A/V".to_owned());

        assert!(after(&retired).contains("only when"));
        assert!(said(&retired).contains("A/V: its tokens are not yet confirmed gone"));
    }
}
