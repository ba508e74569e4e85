//! `patctl rebuild`: sets a store that cannot be used aside. What was revoked is no longer known then, so a
//! person has to say yes, and afterwards, of every connection, whether it may have tokens again.

use std::collections::BTreeSet;
use std::path::Path;

use pat_wire::admin::LogFilter;
use patd_audit::Log;
use patd_core::lifecycle::lineage::{self, Lineage};
use patd_core::names::{HostId, TokenName};
use patd_keys::state_dir::{self, StateDirError};
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, RebuildArgs};
use crate::text::plain;

pub(crate) fn run(cli: &Cli, args: &RebuildArgs) -> Result<Answer, Failure> {
    let shown = args.state.display();
    if !args.yes {
        let what = format!("the store in {shown} would be set aside, and with it what was revoked");
        let next_step = "nothing is issued then before patctl enrol says so, for each connection; if that is right, add --yes";
        return Err(Failure::new(Exit::Usage, what, next_step));
    }
    let aside = state_dir::set_aside(&args.state).map_err(failure)?;
    let (connections, host) = (connections(&cli.config), last_host(&args.state.join("audit")));
    let text = format!(
        "the old store is in {}; a new one is made at the next start\n\
         what was revoked is not known any more: no connection gets a token before it is enrolled\n\
         next: systemctl start patd\n{}{}",
        aside.display(),
        enrolments(&connections),
        left_behind(host.as_ref())
    );
    let host = host.as_ref().map(HostId::as_str);
    Ok(Answer::ok(text, json!({ "set_aside": aside, "connections": connections, "host_id": host })))
}

/// Returns one connection of every slot; none where the configuration cannot be read, which is no reason not to go on.
fn connections(config: &Path) -> Vec<String> {
    let Ok(config) = patd_config::load(config) else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let of_slot = config.connections.iter().filter(|(_, found)| seen.insert(found.slot.clone()));
    of_slot.map(|(name, _)| name.as_str().to_owned()).collect()
}

fn enrolments(connections: &[String]) -> String {
    let commands: String = match connections {
        [] => "  patctl enrol CONNECTION\n".to_owned(),
        names => names.iter().map(|name| format!("  patctl enrol {}\n", plain(name))).collect(),
    };
    format!("then, for what may have tokens again, and for nothing that was revoked:\n{commands}")
}

/// Tokens of the old store go on working, and the new one has another id: nobody looks after them any more.
fn left_behind(host: Option<&HostId>) -> String {
    let id = host.map_or_else(|| "ID".to_owned(), |host| plain(host.as_str()));
    let whose = host.map_or_else(String::new, |host| format!(" (host {})", plain(host.as_str())));
    format!(
        "the old store's tokens{whose} live at Snowflake until they expire, and the new one does not look after them\n  \
         see them: patctl audit tokens\n  \
         remove them: patctl retire --host {id} --as USER --key-file FILE\n"
    )
}

/// Returns the id of the store that was set aside, as the audit log has it: every token is announced there by its name.
fn last_host(audit: &Path) -> Option<HostId> {
    let picks = LogFilter { kinds: vec!["intent".to_owned()], ..LogFilter::default() };
    let newest = Log::open(audit).ok()?.newest(&picks, 1).ok()?;
    let record: Value = serde_json::from_str(newest.last()?).ok()?;
    let token = TokenName::new(record.get("token")?.as_str()?);
    lineage::of(&token).map(|Lineage { host, .. }| host)
}

/// Returns the failure behind a state folder that cannot be used.
pub(crate) fn failure(error: StateDirError) -> Failure {
    let denied = matches!(&error, StateDirError::Io { source, .. }
        if source.kind() == std::io::ErrorKind::PermissionDenied);
    let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})"));
    let exit = if denied { Exit::NotPermitted } else { Exit::Failed };
    Failure::new(exit, format!("{error}{}", cause.unwrap_or_default()), "")
}
