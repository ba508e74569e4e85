//! How the descriptors that the process may open are shared out: to requests, watches, leases and those who are turned
//! away. Whoever takes all that is theirs to take leaves the rest its own.

use pat_wire::limits;

/// The most there may be of each, over all peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Requests in progress.
    pub requests: usize,
    /// Watches.
    pub watches: usize,
    /// Open leases.
    pub leases: usize,
    /// Peers that are told "busy" at one time; more are just closed.
    pub shed: usize,
}

impl Room {
    /// What there is room for under the unit's LimitNOFILE.
    pub const FULL: Self = Self {
        requests: limits::REQUESTS_TOTAL,
        watches: limits::WATCHES_TOTAL,
        leases: 8_192,
        shed: 128,
    };

    /// Returns what there is room for with so many descriptors: the least of each, and of what is left its share.
    pub fn within(descriptors: u64) -> Self {
        let (full, least) = (Self::FULL, Self::LEAST);
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let above_least = full.descriptors() - least.descriptors();
        let spare = descriptors.saturating_sub(OWN + least.descriptors()).min(above_least);
        // Products below 2^31: no number of descriptors makes them overflow.
        let share =
            |most: usize, least: usize| least + most.saturating_sub(least) * spare / above_least;
        Self {
            requests: share(full.requests, least.requests),
            watches: share(full.watches, least.watches),
            leases: share(full.leases, least.leases),
            shed: share(full.shed, least.shed),
        }
    }

    /// A request has its connection and a pidfd of its peer, a lease a pidfd of its holder.
    const fn descriptors(self) -> usize {
        self.requests * 2 + self.watches + self.leases + self.shed
    }

    const LEAST: Self = Self { requests: 8, watches: 4, leases: 8, shed: 4 };
}

/// The daemon's own files, its connections to Snowflake, and the admin door.
const OWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leases;

    #[test]
    fn the_units_limit_has_room_for_everything() {
        assert_eq!(Room::within(16_384), Room::FULL);
        assert_eq!(Room::within(u64::MAX), Room::FULL);
    }

    #[test]
    fn the_manual_says_each_limit_as_it_is() {
        let manual = include_str!("../../packaging/man/patd.8");
        let (_, said) = manual.split_once(".SH LIMITS").unwrap();
        let said = said.split(".SH ").next().unwrap().replace(['\n', ','], " ");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ").replace("1 024", "1024");
        let said = said.replace("8 192", "8192").replace("4 096", "4096");
        let full = Room::FULL;
        for (most, of) in [
            (leases::PER_PROCESS, "open leases."),
            (leases::PER_UID, "open leases; "),
            (limits::WATCHES_PER_UID, "watches ("),
            (limits::REQUESTS_PER_UID, "requests in progress;"),
            (usize::try_from(limits::BURST_PER_UID).unwrap(), "requests in one go"),
            (usize::try_from(limits::RATE_PER_UID).unwrap(), "a second."),
            (full.leases, "open leases "),
            (full.watches, "watches "),
            (full.requests, "requests in progress "),
            (limits::REQUESTS_PER_UID, "places of its own"),
        ] {
            assert!(said.contains(&format!("{most} {of}")), "{most} {of}: {said}");
        }
    }

    #[test]
    fn whatever_the_limit_is_all_of_it_together_stays_below() {
        for descriptors in 96..20_000 {
            let room = Room::within(descriptors);
            let free = usize::try_from(descriptors).unwrap() - OWN;
            assert!(room.descriptors() <= free, "{descriptors}: {room:?}");
        }
        assert_eq!(Room::within(96), Room::LEAST);
        assert_eq!(Room::within(0), Room::LEAST);
    }
}
