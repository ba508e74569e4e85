//! What people, strangers, clones and clocks do to a world.

use patd_core::lifecycle::{Asked, Effect, Event, Slot, Strategy, Work, lineage, step};
use patd_core::names::Role;

use super::{DAY, HOST, World};
use crate::server::{Maker, Token};

impl World {
    /// The watch has looked, and these checks do not hold.
    pub(crate) fn judge(&mut self, failed: &[&str]) {
        let failed = failed.iter().map(|id| (*id).to_owned()).collect();
        self.take(&Event::Judged { failed });
    }

    pub(crate) fn rotate(&mut self, taint: Option<&str>) {
        let fresh = self.fresh();
        self.take(&Event::Rotate { taint: taint.map(str::to_owned), fresh });
    }

    pub(crate) fn enrol(&mut self) {
        let fresh = self.fresh();
        self.revoked = false;
        self.take(&Event::Enrol { fresh });
    }

    /// The user is dropped at Snowflake, and a person says so here; again, if that failed or the daemon died of it.
    pub(crate) fn user_is_gone(&mut self) {
        self.server.tokens.clear();
        self.server.late.clear();
        self.take(&Event::Gone);
        while self.dead || !self.slot.is_blank() {
            if self.dead {
                self.start();
            }
            self.take(&Event::Gone);
        }
    }

    /// A request finds no secret, or thinks so. Returns what the daemon is to do.
    pub(crate) fn want(&mut self) -> Vec<Effect> {
        let event = Event::Wanted { fresh: self.fresh() };
        let (_, effects) = step(&self.slot, &event, self.now(), &self.rules);
        self.take(&event);
        effects
    }

    /// Hands out the current secret, if it may be.
    pub(crate) fn lease(&mut self) -> bool {
        let granted = self.slot.may_hand_out(self.now(), &self.rules).map(|held| held.generation);
        granted.map(|generation| self.leases.insert(generation)).is_ok()
    }

    /// Strangers' tokens appear.
    pub(crate) fn strangers(&mut self, count: usize) {
        for _ in 0..count.min(15 - self.server.live(&[Maker::Us, Maker::Clone, Maker::Stranger])) {
            self.ids += 1;
            let name = format!("STRANGER{}", self.ids);
            self.server.plant(&name, Maker::Stranger, self.clock.plus(300 * DAY));
        }
    }

    /// A clone of this host writes a generation of its own.
    pub(crate) fn clone_writes(&mut self) {
        self.ids += 1;
        let generation = self.on_disk().last_generation.0.max(self.slot.last_generation.0) + 2;
        let name = format!("PATD_{HOST}_G{generation}_{:06X}", 0xC0_0000 + self.ids);
        self.server.plant(&name, Maker::Clone, self.clock.plus(7 * DAY));
    }

    /// A clone of this host, or a person, gives the token in use another secret. In the very moment in which we look
    /// and do, nobody could tell whose it is.
    pub(crate) fn someone_rotates(&mut self) {
        let unclear = |slot: &Slot| {
            let intends = matches!(&slot.work, Work::Issuing(intent) if intent.overlap.is_some());
            intends || slot.doubts.iter().any(|doubt| doubt.rotates)
        };
        let Some(held) = self.slot.current() else { return };
        let name = lineage::rotated_from(&held.name).unwrap_or_else(|| held.name.clone());
        let on_its_way = matches!(self.slot.flight.asked, Some(Asked::List | Asked::Rotate));
        if !on_its_way && !unclear(&self.slot) && !unclear(&self.on_disk()) {
            self.server.rotate_for(Maker::Clone, &name, self.clock);
        }
    }

    /// The configuration names the other strategy.
    pub(crate) fn change_strategy(&mut self) {
        self.rules.strategy = match self.rules.strategy {
            Strategy::Add => Strategy::Rotate,
            Strategy::Rotate => Strategy::Add,
        };
    }

    /// A person changes the served token at Snowflake, or removes it.
    pub(crate) fn change_served(&mut self, change: impl Fn(Token) -> Option<Token>) {
        let Some(name) = self.slot.current().map(|held| held.name.clone()) else { return };
        let tokens = std::mem::take(&mut self.server.tokens).into_iter();
        self.server.tokens = tokens
            .filter_map(|token| if token.row.name == name { change(token) } else { Some(token) })
            .collect();
    }

    /// The local clock jumps, but not over an ADD that is still on its way.
    pub(crate) fn jump(&mut self, seconds: i64) {
        if self.server.late.is_empty() {
            self.skew = seconds;
            self.unseen = 0;
        }
    }

    /// The configuration names another role.
    pub(crate) fn restate(&mut self) {
        let other = if self.rules.role.as_str() == "ROLE" { "OTHER_ROLE" } else { "ROLE" };
        self.rules.role = Role::new(other);
    }
}
