//! The peer's own connections, and whether each is ready.

use std::collections::BTreeMap;

use pat_wire::message::{List, Listed};
use patd_core::names::Connection;
use patd_core::policy::{Entry, visible};

use super::refusing::{Refusal, deny, plain};
use super::terms::delivery;
use crate::api::Reply;
use crate::house::{House, Trust};
use crate::peer::Caller;

/// Answers with what this peer may have. A stranger gets an empty list.
pub(super) fn answer(house: &House, caller: Caller) -> Result<Reply, Refusal> {
    let trust = house.trust.load();
    let subject = caller.subject();
    let peer = caller.attest(trust.wanted).map_err(|why| {
        deny(house, subject, "list", None, why.to_string());
        plain()
    })?;
    let selectors = peer.selectors(trust.config.gate_gid);
    let mut own: BTreeMap<Connection, Listed> = BTreeMap::new();
    for entry in visible(&selectors, &trust.config.entries) {
        let Some(listed) = listed(house, &trust, entry) else { continue };
        let known = own.entry(entry.connection.clone()).or_insert(listed);
        for deliver in entry.deliver.iter().copied().map(delivery) {
            if !known.deliver.contains(&deliver) {
                known.deliver.push(deliver);
            }
        }
    }
    Reply::plain(&List { connections: own.into_values().collect() })
}

fn listed(house: &House, trust: &Trust, entry: &Entry) -> Option<Listed> {
    let slot = trust.config.slots.get(&entry.slot)?;
    let view = house.slots.find(&entry.slot).map(|handle| handle.view());
    Some(Listed {
        connection: entry.connection.as_str().to_owned(),
        user: entry.slot.user.as_str().to_owned(),
        role: slot.role.as_str().to_owned(),
        deliver: entry.deliver.iter().copied().map(delivery).collect(),
        ready: view.is_some_and(|view| view.may_hand_out(house.clock.now()).is_ok()),
    })
}
