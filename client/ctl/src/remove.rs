//! `patctl remove`: deletes an entry. The token is another matter: it is revoked by name, or expires.

use std::time::Duration;

use pat_wire::admin::Status;
use patd_config::{Config, Sources};
use patd_core::names::{Connection, SlotId};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, ConnectionArgs};
use crate::{daemon, files};

pub(crate) fn run(cli: &Cli, args: &ConnectionArgs) -> Result<Answer, Failure> {
    let sources = Sources::read(&cli.config);
    let path = sources.entry_of(&args.connection).ok_or_else(|| unknown(&args.connection))?;
    // Whatever else is wrong: taking access away must not wait for it.
    let slot = sources.check().ok().and_then(|config| slot_of(&config, &args.connection));
    let rest = sources.without_entry(&path).check();
    files::remove(&path)?;
    // Asked before the reload: a slot without a token is forgotten there.
    let token = slot.as_ref().map_or(Token::Unknown, |slot| Token::seen(cli, slot));
    let removed = format!("{} is removed", path.display());
    let reload = daemon::reload(cli).map_err(|failure| failure.after(&removed))?;
    let shared =
        rest.ok().zip(slot.as_ref()).is_some_and(|(rest, slot)| rest.slots.contains_key(slot));
    let text =
        format!("{removed}; {}\n{}", reload.said(), about_token(slot.as_ref(), shared, token));
    let slot = slot.map(|slot| slot.to_string());
    Ok(Answer::ok(text, json!({ "removed": path, "slot": slot, "slot_still_used": shared })))
}

fn slot_of(config: &Config, connection: &str) -> Option<SlotId> {
    config.connections.get(&Connection::new(connection)).map(|connection| connection.slot.clone())
}

/// What is known of the token before the entry goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// There is none.
    None,
    /// There is one.
    Kept,
    /// It was revoked, and is being removed or gone.
    Revoked,
    /// No daemon told.
    Unknown,
}

impl Token {
    /// Taking access away does not wait long for an answer.
    fn seen(cli: &Cli, slot: &SlotId) -> Self {
        let status = daemon::ask_within::<Status>(cli, "/v1/status", PATIENCE);
        let slots = status.map(|status| status.slots).unwrap_or_default();
        let found = slots.iter().find(|found| found.slot == slot.to_string());
        found.map_or(Self::Unknown, |found| Self::of(&found.state, found.generation))
    }

    fn of(state: &str, generation: Option<u64>) -> Self {
        match (state, generation) {
            ("revoked" | "revoking", _) => Self::Revoked,
            (_, Some(_)) => Self::Kept,
            ("empty", None) => Self::None,
            (_, None) => Self::Unknown,
        }
    }
}

fn about_token(slot: Option<&SlotId>, shared: bool, token: Token) -> String {
    let Some(slot) = slot else {
        return "its token, if it has one, is kept; next, to remove it now: patctl revoke --user USER\n"
            .to_owned();
    };
    let user = &slot.user;
    match token {
        _ if shared => format!("its token ({slot}) is kept: another connection uses it\n"),
        Token::None => format!("{slot} has no token\n"),
        Token::Revoked => format!(
            "{slot} stays revoked; if there is no such user any more: patctl revoke --user {user} --gone\n"
        ),
        Token::Kept => format!(
            "its token ({slot}) is kept until it expires; next, to remove it now: patctl revoke --user {user}\n"
        ),
        Token::Unknown => format!(
            "its token ({slot}), if it has one, is kept until it expires; next, to remove it now: patctl revoke --user {user}\n"
        ),
    }
}

fn unknown(connection: &str) -> Failure {
    let what = format!("no entry names connection {connection:?}");
    Failure::new(Exit::Failed, what, "see: patctl validate --json")
}

const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use patd_core::names::{Account, User};

    use super::*;

    #[test]
    fn what_is_said_of_a_token_is_true() {
        let slot = SlotId { account: Account::new("A"), user: User::new("U") };
        for (state, generation, said) in [
            ("empty", None, "A/U has no token\n"),
            ("serving", Some(4), "its token (A/U) is kept until it expires; "),
            ("proving", None, "its token (A/U), if it has one, is kept until it expires; "),
            ("quarantined", Some(1), "its token (A/U) is kept until it expires; "),
            ("revoked", None, "A/U stays revoked; "),
            ("revoking", None, "A/U stays revoked; "),
        ] {
            let text = about_token(Some(&slot), false, Token::of(state, generation));

            assert!(text.starts_with(said), "{state}: {text}");
        }
        let shared = about_token(Some(&slot), true, Token::Kept);
        assert_eq!(shared, "its token (A/U) is kept: another connection uses it\n");
    }
}
