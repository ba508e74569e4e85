//! Why a request of a uid is or would be refused, as policy itself says it.

use std::ffi::CString;
use std::sync::Arc;

use nix::unistd::{Gid, Uid, User, getgrouplist};
use pat_wire::admin::{ExplainRequest, Explanation};
use pat_wire::error::ErrorCode;
use patd_core::names::Connection;
use patd_core::policy::{Claim, Decision, Grant, Selector, decide, explain};

use super::refusing::{Refusal, no};
use crate::api::Reply;
use crate::house::House;

/// Answers for a uid as it would log in now: its groups are looked up, a unit cannot be known.
pub(super) async fn answer(house: &Arc<House>, asked: ExplainRequest) -> Result<Reply, Refusal> {
    let uid = asked.uid;
    let selectors = tokio::task::spawn_blocking(move || selectors(uid)).await.map_err(|_| {
        no(ErrorCode::Internal, "the user could not be looked up", "see: journalctl -u patd")
    })?;
    Reply::plain(&explanation(house, &asked, &selectors))
}

fn explanation(house: &House, asked: &ExplainRequest, selectors: &[Selector]) -> Explanation {
    let trust = house.trust.load();
    let entries = &trust.config.entries;
    let claim =
        Claim { connection: asked.connection.as_deref().map(Connection::new), deliver: None };
    let mut gated = selectors.to_vec();
    gated.push(Selector::Gate);
    let (allowed, reason, next_step) = match decide(selectors, &claim, entries) {
        Decision::Allow(grant) => allowed(house, &grant, ""),
        Decision::Deny(_) if let Decision::Allow(grant) = decide(&gated, &claim, entries) => {
            allowed(house, &grant, ", through the installed pat-exec only")
        }
        Decision::Deny(reason) => (false, reason.to_string(), reason.next_step().to_owned()),
    };
    Explanation {
        allowed,
        reason,
        next_step,
        selectors: selectors.iter().map(Selector::to_string).collect(),
        entries: explain(&gated, &claim, entries),
    }
}

/// Policy says yes; whether there is a secret is another question, and the answer may be no.
fn allowed(house: &House, grant: &Grant, how: &str) -> (bool, String, String) {
    let said = format!("{} is allowed{how}", grant.connection());
    let view = house.slots.find(grant.slot()).map(|handle| handle.view());
    match view.as_ref().map(|view| view.may_hand_out(house.clock.now())) {
        Some(Ok(_)) => (true, said, String::new()),
        Some(Err(why)) => (
            true,
            format!("{said}, but no secret can be handed out: {why}"),
            "see: patctl status".into(),
        ),
        None => (true, format!("{said}, but its slot is not running"), "patctl status".into()),
    }
}

/// The user database may ask the network: never on a thread that serves.
fn selectors(uid: u32) -> Vec<Selector> {
    let mut found = vec![Selector::Uid(uid)];
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else { return found };
    let groups = CString::new(user.name).map(|name| getgrouplist(&name, user.gid));
    let groups: Vec<Gid> = groups.ok().and_then(Result::ok).unwrap_or_else(|| vec![user.gid]);
    found.extend(groups.into_iter().map(|gid| Selector::Gid(gid.as_raw())));
    found
}
