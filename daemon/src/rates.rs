//! How often a uid may ask for the secret of one connection, where its entry limits that: a token bucket for each uid and
//! connection. A reload fills them again.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use patd_config::Config;
use patd_core::names::Connection;

/// The buckets of all connections that have a limit.
#[derive(Default)]
pub struct Rates(BTreeMap<Connection, Buckets>);

struct Buckets {
    per_minute: NonZeroU32,
    by_uid: RateLimiter<u32, HashMapStateStore<u32>, DefaultClock>,
}

/// The bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {per_minute} secrets of this connection in a minute")]
pub struct TooMany {
    per_minute: NonZeroU32,
    /// Seconds until there is something in it again.
    pub wait: u64,
}

impl Rates {
    /// Returns full buckets for the connections of a configuration.
    pub fn new(config: &Config) -> Self {
        let buckets = config.connections.iter().filter_map(|(name, connection)| {
            let per_minute = connection.rate_per_minute.and_then(NonZeroU32::new)?;
            Some((name.clone(), Buckets::new(per_minute)))
        });
        Self(buckets.collect())
    }

    /// Takes one secret of this connection out of the bucket of this uid.
    ///
    /// # Errors
    /// There is none left for now.
    pub fn take(&self, connection: &Connection, uid: u32) -> Result<(), TooMany> {
        self.0.get(connection).map_or(Ok(()), |buckets| buckets.take(uid))
    }

    /// Forgets uids that have not asked for a while.
    pub fn forget_idle(&self) {
        self.0.values().for_each(|buckets| buckets.by_uid.retain_recent());
    }
}

impl Buckets {
    fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, by_uid: RateLimiter::hashmap(Quota::per_minute(per_minute)) }
    }

    fn take(&self, uid: u32) -> Result<(), TooMany> {
        self.by_uid.check_key(&uid).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.by_uid.clock().now());
            TooMany { per_minute: self.per_minute, wait: wait.as_secs().saturating_add(1) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_of_a_uid_and_connection_is_its_own() {
        let (limited, free) = (Connection::new("limited"), Connection::new("free"));
        let buckets = Buckets::new(NonZeroU32::new(3).unwrap());
        let rates = Rates(BTreeMap::from([(limited.clone(), buckets)]));

        for _ in 0..3 {
            assert_eq!(rates.take(&limited, 1), Ok(()));
        }

        let too_many = rates.take(&limited, 1).unwrap_err();
        assert_eq!(too_many.to_string(), "more than 3 secrets of this connection in a minute");
        assert!((1..=21).contains(&too_many.wait), "{}", too_many.wait);
        assert_eq!(rates.take(&limited, 2), Ok(()));
        assert!((0..100).all(|_| rates.take(&free, 1).is_ok()));
    }
}
