//! Where requests are decided and carried out: the half of the daemon that holds the keys. It sees typed
//! requests and kernel facts only, never bytes of a peer.

mod act;
mod admin;
mod deciding;
mod explain;
mod hand_out;
mod leases;
mod list;
mod metrics;
mod proof;
mod provision;
mod refusing;
mod retire;
mod status;
mod terms;
mod watch;

use std::sync::Arc;

use crate::api::{Door, Reply, Request};
use crate::house::House;
use crate::peer::{Caller, Unattested};
use refusing::Refusal;

/// Answers one request.
///
/// # Errors
/// What the peer is told instead.
pub async fn answer(
    house: &Arc<House>,
    door: Door,
    caller: Result<Caller, Unattested>,
    request: Request,
) -> Result<Reply, Refusal> {
    let caller = match caller {
        Ok(caller) => caller,
        Err(unattested) => return Err(refusing::nobody(house, request.verb(), &unattested)),
    };
    match door {
        Door::HandOut => at_the_hand_out(house, caller, request).await,
        Door::Admin => admin::answer(house, caller, request).await,
    }
}

async fn at_the_hand_out(
    house: &Arc<House>,
    caller: Caller,
    request: Request,
) -> Result<Reply, Refusal> {
    match request {
        Request::HandOut(asked) => hand_out::answer(house, caller, asked)
            .await
            .map(|hand_out| Reply::HandOut(Box::new(hand_out))),
        Request::List => list::answer(house, caller),
        Request::Watch(asked) => {
            let uid = caller.uid;
            // The descriptor that pins its process would be kept for hours, and for nothing.
            drop(caller);
            watch::answer(house, uid, &asked).await
        }
        // The parser lets none of these through here.
        Request::Status
        | Request::Metrics
        | Request::Scrape
        | Request::Rotate(_)
        | Request::Revoke(_)
        | Request::Enrol(_)
        | Request::Explain(_)
        | Request::Log(_)
        | Request::Leases
        | Request::EndLease(_)
        | Request::Reload
        | Request::Observe(_)
        | Request::Provision(_)
        | Request::Evidence(_)
        | Request::Drift(_)
        | Request::Retire(_) => Err(refusing::plain()),
    }
}
