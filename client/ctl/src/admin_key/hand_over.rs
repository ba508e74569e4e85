//! The running daemon gets the new key, and shows that it logs in with it: before that, the old one is not ended.

use std::process::Command;

use nix::unistd::geteuid;
use pat_wire::admin::Status;
use pat_wire::provision::ObserveRequest;
use patd_config::{AccountConfig, KeySource};
use serde_json::Value;

use crate::answer::{Exit, Failure};
use crate::cli::Cli;
use crate::text::plain;
use crate::{crash, daemon};

/// Who logs in with the new key by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The daemon has.
    LoggedIn,
    /// No daemon runs here.
    NotRunning,
}

impl Heard {
    pub(super) fn said(self) -> &'static str {
        match self {
            Self::LoggedIn => "the running daemon has logged in with it",
            Self::NotRunning => "no daemon answers here: it is read at the next start",
        }
    }
}

/// Brings the key into force in the daemon, and has it look at its own user at Snowflake.
pub(super) fn hand_over(cli: &Cli, account: &AccountConfig, key: &str) -> Result<Heard, Failure> {
    match in_use(cli, account)? {
        None => return Ok(Heard::NotRunning),
        Some(used) if used == key => {}
        Some(_) => {
            crash::between(|| read_again(cli, &account.admin.key))?;
            if in_use(cli, account)?.as_deref() != Some(key) {
                return Err(not_taken());
            }
        }
    }
    let account = Some(account.name.to_string());
    let look = ObserveRequest { account, whole: false, without: Vec::new() };
    let _seen: Value = daemon::provisioning(&cli.socket, "/v1/observe", &look)?;
    Ok(Heard::LoggedIn)
}

/// Returns the fingerprint of the key the daemon uses, empty if it says none; none if no daemon runs.
fn in_use(cli: &Cli, account: &AccountConfig) -> Result<Option<String>, Failure> {
    let Some(status) = daemon::ask_if_running::<Status>(cli, "GET", "/v1/status")? else {
        return Ok(None);
    };
    let name = account.name.as_str();
    let row = status.watched.into_iter().find(|row| row.account == name);
    Ok(Some(row.and_then(|row| row.admin_key).unwrap_or_default()))
}

/// A credential is unsealed by systemd, and only when the unit starts.
fn read_again(cli: &Cli, source: &KeySource) -> Result<(), Failure> {
    match source {
        KeySource::SystemdCredential(_) => restart(),
        KeySource::File(_) | KeySource::Keyring(_) => daemon::reload(cli).map(drop),
    }
}

fn restart() -> Result<(), Failure> {
    let mut systemctl = Command::new("systemctl");
    let mut next_step = "start it (journalctl -u patd says why it does not), then run this again";
    if !geteuid().is_root() {
        systemctl.arg("--user");
        next_step =
            "start it (journalctl --user -u patd says why it does not), then run this again";
    }
    let ended = systemctl.args(["restart", "patd.service"]).output().map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot run systemctl ({error})"), next_step)
    })?;
    if ended.status.success() {
        return Ok(());
    }
    let said = plain(String::from_utf8_lossy(&ended.stderr).trim());
    Err(Failure::new(Exit::Failed, format!("the daemon was not restarted: {said}"), next_step))
}

fn not_taken() -> Failure {
    let what = "the daemon still uses another key";
    Failure::new(Exit::Failed, what, "restart it, then run this again: systemctl restart patd")
}
