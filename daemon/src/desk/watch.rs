//! The long poll of a holder: one answer when its generation is not the current one any more.

use pat_wire::error::ErrorCode;
use pat_wire::message::{WatchEvent, WatchReply, WatchRequest};

use super::refusing::{Refusal, no};
use crate::api::Reply;
use crate::house::House;
use crate::leases::LeaseId;
use crate::slots::View;

/// Waits until the lease is over or another generation is served. Carries no secret, ever.
pub(super) async fn answer(
    house: &House,
    uid: u32,
    asked: &WatchRequest,
) -> Result<Reply, Refusal> {
    let id = LeaseId::claimed(&asked.lease);
    // Another uid's lease is as unknown as none.
    let (lease, mut ended) = house.leases.of_uid(&id, uid).ok_or_else(unknown)?;
    let handle = house.slots.find(&lease.slot).ok_or_else(unknown)?;
    let mut follow = handle.follow();
    let is_newer = |view: &View| {
        view.slot.current().is_some_and(|current| current.generation > lease.generation)
    };
    let event = tokio::select! {
        biased;
        _closed = ended.changed() => WatchEvent::LeaseEnded,
        newer = follow.wait_for(is_newer) => match newer {
            Ok(_) => WatchEvent::GenerationChanged,
            Err(_) => return Err(unknown()),
        },
    };
    Reply::plain(&WatchReply { event })
}

fn unknown() -> Refusal {
    no(ErrorCode::UnknownLease, "no such lease", "ask for a new hand-out")
}
