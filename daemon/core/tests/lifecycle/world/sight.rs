//! What can be seen of a world: on disk, at the server, of its health.

use patd_core::lifecycle::{Effect, Slot, TokenStatus, Work, lineage};
use patd_core::names::{HostId, TokenName};

use super::{HOST, World};
use crate::server::{Maker, Token};

impl World {
    pub(crate) fn on_disk(&self) -> Slot {
        self.disk.slot().cloned().unwrap_or_else(|| Slot::new(HostId::new(HOST)))
    }

    pub(crate) fn ours(&self) -> usize {
        self.server.live(&[Maker::Us])
    }

    /// The slot serves a secret that the server accepts, nothing is pending, nobody is needed.
    pub(crate) fn is_healthy(&self) -> bool {
        let Ok(held) = self.slot.may_hand_out(self.now(), &self.rules) else { return false };
        let accepted = self
            .disk
            .secrets()
            .get(&held.generation)
            .is_some_and(|secret| self.server.accepts(*secret));
        accepted
            && self.slot.work == Work::Idle
            && self.slot.trouble.is_none()
            && self.alarms.is_empty()
    }

    /// Live tokens with our host id, whoever made them.
    pub(crate) fn all_of_our_host(&self) -> usize {
        self.server.live(&[Maker::Us, Maker::Clone])
    }

    /// Live tokens of ours but for those that a lifted fence left alone.
    pub(crate) fn ours_beyond_fences(&self) -> usize {
        let left_alone = |token: &&Token| {
            let lineage = lineage::of(&token.row.name);
            lineage.is_some_and(|lineage| lineage.generation <= self.slot.base)
                && self.slot.held().all(|held| held.name != token.row.name)
        };
        let live = |token: &&Token| {
            token.maker == Maker::Us
                && token.row.status != TokenStatus::Expired
                && !left_alone(token)
        };
        self.server.tokens.iter().filter(live).count()
    }

    /// The listed tokens under names that we gave.
    pub(super) fn given_names(&self) -> Vec<TokenName> {
        let ours = |lineage: &lineage::Lineage| {
            lineage.host.as_str() == HOST && lineage.generation <= self.slot.last_generation
        };
        let names = self.server.tokens.iter().map(|token| &token.row.name);
        names.filter(|name| lineage::of(name).as_ref().is_some_and(ours)).cloned().collect()
    }

    /// The calls so far, each in a word.
    pub(crate) fn call_words(&self) -> Vec<&'static str> {
        let word = |effect: &Effect| match effect {
            Effect::Add => "add",
            Effect::Rotate => "rotate",
            Effect::List => "list",
            Effect::Probe(_) => "probe",
            Effect::Remove(_) => "remove",
            Effect::Store
            | Effect::Forget
            | Effect::Publish
            | Effect::EndLeases
            | Effect::Alarm(_)
            | Effect::Clear(_)
            | Effect::WakeAt(_) => "not a call",
        };
        self.calls.iter().map(|(_, effect)| word(effect)).collect()
    }
}
