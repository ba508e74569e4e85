//! Who holds what, and ending a lease by hand: its holder then counts as gone, and keeps the secret it has.

use pat_wire::admin::{EndLeaseRequest, EndedLease, LeaseHolder, LeaseList, LeaseRow};
use pat_wire::error::ErrorCode;

use super::refusing::{Refusal, no};
use crate::api::Reply;
use crate::audit::EndReason;
use crate::house::House;
use crate::leases::{Holder, Meant, Open};
use crate::peer;

/// Answers with every open lease.
pub(super) fn list(house: &House) -> Result<Reply, Refusal> {
    let mut leases: Vec<LeaseRow> =
        house.leases.all().iter().map(|open| row(house, open)).collect();
    leases.sort_by(|one, other| {
        let order = |row: &LeaseRow| {
            (row.connection.clone(), row.slot.clone(), row.since, row.lease.clone())
        };
        order(one).cmp(&order(other))
    });
    Reply::plain(&LeaseList { leases })
}

/// Ends the lease that is meant.
pub(super) fn end(house: &House, asked: &EndLeaseRequest) -> Result<Reply, Refusal> {
    if asked.lease.len() < SHORTEST {
        let step = "see: patctl leases";
        return Err(no(ErrorCode::UnknownLease, "eight digits of a lease are the least", step));
    }
    let open = match house.leases.meant_by(&asked.lease) {
        Meant::One(open) => open,
        Meant::None => return Err(unknown()),
        Meant::Several => {
            let step = "name more digits of it: patctl leases --json";
            return Err(no(ErrorCode::UnknownLease, "several leases begin so", step));
        }
    };
    let ended = row(house, &open);
    // It may have ended by itself meanwhile.
    house.leases.end(&open.lease.id, EndReason::EndedByAdmin).ok_or_else(unknown)?;
    let held = house.leases.held(&open.lease.slot);
    let left = held.get(&open.lease.generation).copied().unwrap_or(0);
    Reply::plain(&EndedLease { ended, left })
}

fn unknown() -> Refusal {
    no(ErrorCode::UnknownLease, "no open lease begins so", "see: patctl leases")
}

fn row(house: &House, open: &Open) -> LeaseRow {
    let Open { lease, holder, is_watched } = open;
    let view = house.slots.find(&lease.slot).map(|handle| handle.view());
    let current = view.and_then(|view| view.slot.current().map(|held| held.generation));
    let terms = lease.terms.as_ref();
    LeaseRow {
        lease: lease.id.as_str().to_owned(),
        connection: terms.map(|terms| terms.connection.as_str().to_owned()),
        slot: lease.slot.to_string(),
        generation: lease.generation.0,
        is_current: current == Some(lease.generation),
        holder: holder.map(|holder| seen(lease.uid, holder)),
        since: terms.map(|terms| terms.since),
        gated: terms.map(|terms| terms.gated),
        watched: *is_watched,
    }
}

/// What is seen of the process now, if it is still that process after the look.
fn seen(uid: u32, holder: Holder) -> LeaseHolder {
    let Holder { pid, start_time } = holder;
    let (unit, program) = (peer::unit_of(pid), peer::program(pid));
    let is_the_same = start_time.is_some() && peer::start_time(pid) == start_time;
    let (unit, program) = if is_the_same { (unit, program) } else { (None, None) };
    LeaseHolder { uid, pid, unit, program }
}

const SHORTEST: usize = 8;
