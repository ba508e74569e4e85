//! Takes this host out of service: every slot gets its tombstone, and the answer says what is left at Snowflake.

use std::sync::Arc;

use pat_wire::provision::{RetireRequest, Retired, RetiredBroker};
use patd_core::names::Account;

use super::admin::revoke_all;
use super::provision::account;
use super::refusing::Refusal;
use crate::api::Reply;
use crate::house::{House, Trust};

/// Revokes every slot of an account, or of all, those included that only the store knows.
pub(super) async fn answer(house: &Arc<House>, asked: &RetireRequest) -> Result<Reply, Refusal> {
    let trust = house.trust.load_full();
    let only = asked.account.as_deref().map(|named| account(&trust, Some(named))).transpose()?;
    let only = only.map(|(account, _)| account);
    let is_meant = |account: &Account| only.as_ref().is_none_or(|only| only == account);
    let slots = house.slots.all().into_iter().filter(|slot| is_meant(&slot.id.account)).collect();
    let revoked = revoke_all(slots).await?;
    Reply::plain(&Retired {
        host_id: house.store.host().as_str().to_owned(),
        confirmed: revoked.confirmed,
        pending: revoked.pending,
        brokers: brokers(&trust, is_meant),
    })
}

fn brokers(trust: &Trust, is_meant: impl Fn(&Account) -> bool) -> Vec<RetiredBroker> {
    let accounts = trust.config.accounts.iter().filter(|(name, _)| is_meant(name));
    let broker = |(name, account): (&Account, &patd_config::AccountConfig)| RetiredBroker {
        account: name.to_string(),
        user: account.admin.user.to_string(),
        role: account.admin.role.to_string(),
    };
    accounts.map(broker).collect()
}
