//! `patctl remove`: deletes an entry. The token is another matter: it is revoked by name, or expires.

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
    let removed = format!("{} is removed", path.display());
    let reload = daemon::reload(cli).map_err(|failure| failure.after(&removed))?;
    let shared =
        rest.ok().zip(slot.as_ref()).is_some_and(|(rest, slot)| rest.slots.contains_key(slot));
    let text = format!("{removed}; {}\n{}", reload.said(), about_token(slot.as_ref(), shared));
    let slot = slot.map(|slot| slot.to_string());
    Ok(Answer::ok(text, json!({ "removed": path, "slot": slot, "slot_still_used": shared })))
}

fn slot_of(config: &Config, connection: &str) -> Option<SlotId> {
    config.connections.get(&Connection::new(connection)).map(|connection| connection.slot.clone())
}

fn about_token(slot: Option<&SlotId>, shared: bool) -> String {
    match slot {
        Some(slot) if shared => format!("its token ({slot}) is kept: another connection uses it\n"),
        Some(slot) => format!(
            "its token ({slot}) is kept until it expires; next, to remove it now: patctl revoke --user {}\n",
            slot.user
        ),
        None => {
            "its token, if it has one, is kept; next, to remove it now: patctl revoke --user USER\n"
                .to_owned()
        }
    }
}

fn unknown(connection: &str) -> Failure {
    let what = format!("no entry names connection {connection:?}");
    Failure::new(Exit::Failed, what, "see: patctl validate --json")
}
