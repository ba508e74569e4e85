//! An administrator looks at an account, and has the plan run that follows from it: the daemon's own plan, step by
//! step. No SQL is taken from the socket; what is run was written down before.

use std::sync::Arc;
use std::time::Duration;

use pat_wire::error::ErrorCode;
use pat_wire::limits::ADMIN_REPLY_BYTES;
use pat_wire::provision::{ObserveRequest, ProvisionRequest, Provisioned, Without};
use patd_core::lifecycle::Failure;
use patd_core::names::Account;
use patd_core::pattern::desired::Desired;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::plan;
use patd_core::pattern::reading::Breadth;
use patd_snowflake::provision::{fingerprint, observe as look, run};

use super::refusing::{Refusal, no};
use crate::api::Reply;
use crate::audit::{Event, statement};
use crate::house::{House, Trust};
use crate::peer::Peer;
use crate::provisioning::{Asked, Kept, NotNow};
use crate::upstream::Snowflake;

/// Answers with what is there, and keeps the plan that follows.
pub(super) async fn observe(house: &Arc<House>, asked: &ObserveRequest) -> Result<Reply, Refusal> {
    let trust = house.trust.load_full();
    let (account, snowflake) = account(&trust, asked.account.as_deref())?;
    let desired = desired(&trust, &account, &snowflake, &asked.without)?;
    let _one_at_a_time = house.provisioning.looks.try_acquire().map_err(|_| busy())?;
    house.provisioning.drop_plan(&account);
    let breadth = if asked.whole { Breadth::Whole } else { Breadth::Resident };
    let looking = Box::pin(look(snowflake.sql_api(), &desired, breadth));
    let observed = tokio::time::timeout(PATIENCE, looking).await.map_err(|_| too_slow())?;
    let observed = observed.map_err(|failure| upstream(&failure))?;
    keep(house, &trust, &account, &desired, &observed);
    let reply = Reply::plain(&observed)?;
    match &reply {
        Reply::Plain(json) if json.len() > ADMIN_REPLY_BYTES => Err(too_large(json.len())),
        Reply::Plain(_) | Reply::Text { .. } | Reply::HandOut(_) => Ok(reply),
    }
}

/// What cannot be planned, patctl finds out as well: it plans from the same look.
fn keep(
    house: &House,
    trust: &Arc<Trust>,
    account: &Account,
    desired: &Desired,
    observed: &Observed,
) {
    match plan(desired, observed, fingerprint(observed)) {
        Ok(plan) => house.provisioning.keep(account, plan, trust, house.clock.read().boot),
        Err(error) => tracing::warn!(%account, %error, "No plan made"),
    }
}

/// Runs one step of the kept plan, if it is the next one.
pub(super) async fn provision(
    house: &Arc<House>,
    peer: Peer,
    asked: ProvisionRequest,
) -> Result<Reply, Refusal> {
    let trust = house.trust.load_full();
    let (account, snowflake) = account(&trust, asked.account.as_deref())?;
    let wanted = Asked {
        fingerprint: &asked.fingerprint,
        statement: &asked.statement,
        confirmed: &asked.confirmed,
    };
    let now = house.clock.read().boot;
    let kept = match house.provisioning.take(&account, wanted, &trust, now) {
        Ok(kept) => kept,
        Err(not_now) => {
            let event = event(&peer, &account, &asked.statement, format!("not run: {not_now}"));
            house.audit.note(house.clock.read().wall, &event);
            return Err(refused(&not_now));
        }
    };
    let begun = event(&peer, &account, &asked.statement, "begun".to_owned());
    if house.audit.write(house.clock.read().wall, &begun).is_err() {
        return Err(not_written());
    }
    let step = Run { house: house.clone(), snowflake, peer, account, statement: asked.statement };
    // A task of its own: whoever asked may go, the step that was sent is still carried to its end, and written down.
    match tokio::spawn(step.carry_out(kept)).await {
        Ok(Ok(())) => Reply::plain(&Provisioned {}),
        Ok(Err(failure)) => Err(upstream(&failure)),
        Err(_) => Err(broke_off()),
    }
}

/// A step on its way.
struct Run {
    house: Arc<House>,
    snowflake: Arc<Snowflake>,
    peer: Peer,
    account: Account,
    statement: String,
}

impl Run {
    async fn carry_out(self, kept: Kept) -> Result<(), Failure> {
        let outcome = Box::pin(run(self.snowflake.sql_api(), &self.statement)).await.map(drop);
        let said = match &outcome {
            Ok(()) => "done".to_owned(),
            Err(failure) => said(failure),
        };
        let event = event(&self.peer, &self.account, &self.statement, said);
        self.house.audit.note(self.house.clock.read().wall, &event);
        if outcome.is_ok() {
            let now = self.house.clock.read().boot;
            self.house.provisioning.put_back(&self.account, kept, now);
            self.house.watching.ring();
        }
        outcome
    }
}

/// Returns an account by its name, or the only one.
pub(super) fn account(
    trust: &Trust,
    named: Option<&str>,
) -> Result<(Account, Arc<Snowflake>), Refusal> {
    let found = match named {
        // Snowflake does not distinguish the case of account identifiers.
        Some(named) => {
            trust.accounts.iter().find(|(name, _)| name.as_str().eq_ignore_ascii_case(named))
        }
        None => trust.accounts.iter().next().filter(|_| trust.accounts.len() == 1),
    };
    let found = found.map(|(name, snowflake)| (name.clone(), snowflake.clone()));
    found.ok_or_else(|| unknown(trust))
}

fn unknown(trust: &Trust) -> Refusal {
    let names: Vec<&str> = trust.accounts.keys().map(Account::as_str).collect();
    let next_step = format!("name one of: {}", names.join(", "));
    no(ErrorCode::UnknownAccount, "which account is meant is not clear", next_step)
}

fn desired(
    trust: &Trust,
    account: &Account,
    snowflake: &Snowflake,
    without: &[Without],
) -> Result<Desired, Refusal> {
    let desired = trust.config.desired(account, Some(snowflake.broker_key().clone()));
    let mut desired = desired.ok_or_else(|| unknown(trust))?;
    for without in without {
        match without {
            Without::AccountPolicies => {
                desired.scopes.bar_persons = false;
                desired.scopes.admit_services = false;
            }
        }
    }
    Ok(desired)
}

fn event<'a>(peer: &'a Peer, account: &Account, text: &str, outcome: String) -> Event<'a> {
    let (account, statement) = (account.to_string(), statement(text));
    Event::Provision { subject: peer.subject(), account, statement, outcome }
}

/// Returns what Snowflake made of it, in words.
fn said(failure: &Failure) -> String {
    match failure {
        Failure::Refused(refusal) if refusal.code.is_empty() => {
            format!("refused: {}", refusal.message)
        }
        Failure::Refused(refusal) => format!("refused: {} {}", refusal.code, refusal.message),
        Failure::Unclear(why) => format!("unclear: {why}"),
    }
}

pub(super) fn upstream(failure: &Failure) -> Refusal {
    let code = match failure {
        Failure::Refused(_) => ErrorCode::Upstream,
        Failure::Unclear(_) => ErrorCode::Unclear,
    };
    no(code, said(failure), "")
}

fn refused(not_now: &NotNow) -> Refusal {
    no(ErrorCode::OtherPlan, not_now.to_string(), not_now.next_step())
}

fn not_written() -> Refusal {
    let next_step = "see: patctl status, df -h, journalctl -u patd; then run patctl apply again";
    no(
        ErrorCode::AuditUnavailable,
        "the audit log cannot be written, so nothing was run",
        next_step,
    )
}

fn broke_off() -> Refusal {
    let message = "the step broke off inside the daemon; it is not clear whether it was done";
    no(ErrorCode::Unclear, message, "see: journalctl -u patd")
}

fn busy() -> Refusal {
    let message = "the daemon is looking at an account for another administrator";
    no(ErrorCode::Busy, message, "try again when that is done")
}

fn too_slow() -> Refusal {
    let message = format!("looking took more than {} minutes", PATIENCE.as_secs() / 60);
    no(ErrorCode::Upstream, message, OTHER_RUNNER)
}

fn too_large(bytes: usize) -> Refusal {
    let message = format!("what was seen is too large for one answer ({bytes} bytes)");
    no(ErrorCode::TooLarge, message, OTHER_RUNNER)
}

const OTHER_RUNNER: &str = "look without the daemon: --as USER --key-file FILE, or --via snow";
/// Below the patience of patctl.
const PATIENCE: Duration = Duration::from_secs(1_740);
