//! The life of a slot's tokens as a pure state machine: `step(slot, event, now, rules) -> (slot, effects)`.
//!
//! ```text
//!                    due · forced · role changed · lost        (standing: Enrolled)
//!   Idle ────────────────────────────────► List
//!    ▲  ▲                                   │ orphan of ours ─► Discarding ─► Remove ─► Idle
//!    │  │                                   │ three alive ────► Remove the oldest draining ─► List
//!    │  │                                   │ 13 alive, or an earlier ADD may still land ─► Trouble, later
//!    │  │                                   ▼ room
//!    │  │  definite refusal: Trouble    Issuing(intent)  [stored] ─► Add
//!    │  ├───────────────────────────────────┤
//!    │  │  absent: Doubt, Trouble           ├─ no usable answer, crash ─► List
//!    │  ├───────────────────────────────────┤     present without its secret ─► Discarding
//!    │  │                                   ▼ minted
//!    │  │                               Proving(staged)  [stored with the secret] ─► List ─► Probe
//!    │  │  gone: Doubt, Trouble             │    │
//!    │  ├───────────────────────────────────┤    ├─ refused here, no answer: stays, later again
//!    │  └── Discarding ◄── secret refused ──┤    └─ wrong user or role ─► Discarding, Quarantined
//!    │                                      ▼ proved
//!    └────────────── serving = staged, old one draining  [one store] ─► Publish
//!
//!   draining ─ drain_min after its last holder, at the latest drain_max; at once when tainted ─► Remove
//!   any ─ revoke ─► Tombstoned [stored] ─► EndLeases ─► List ─► Remove … ─► List shows none: confirmed
//!   Enrolled ─ retire (the daemon of a short-lived host ends) ─► Tombstoned, until the daemon serves again
//!   Enrolled, not configured any more ─ nothing held, nothing in doubt ─► Forget; else its trouble is over
//!   any, not configured any more ─ a person says that the user is gone ─► Forget
//!   a slot of a rebuilt store begins Tombstoned: what the lost one knew is not known
//!   any ─ SHOW lists our host id with a generation or intent we did not write ─► Fenced: nothing is touched
//!   Quarantined, Tombstoned, Fenced ─ enrol ─► Enrolled; after a fence beside the foreign tokens, above them
//! ```
//!
//! The strategy `rotate` (rules) has one more way from List, to the same Proving; the name stays, and so does the diagram beside it:
//!
//! ```text
//!   List ─► the token that serves is listed, alive, of our role and life ─► its name gets another secret:
//!    │        its secret is served, six hours are left ─► overlap = all of them, needs two places of three
//!    │        its secret was lost, what is served was rotated away ────► overlap = 0, needs no place
//!    │      else ─► Add, as above
//!    ▼ room, and no ROTATE that may still be carried out
//!   Issuing(intent, overlap)  [stored] ─► Rotate
//!    ├─ definite refusal: Trouble
//!    ├─ no usable answer, crash ─► List: what is served is under NAME_ROTATED_time now, or still under NAME
//!    │                              ─► Doubt until it cannot be carried out any more, Trouble, then List again
//!    ▼ minted
//!   Proving(staged under NAME, serving under NAME_ROTATED_time)  [stored with the secret] ─► as above
//!
//!   any List ─ a NAME_ROTATED_time that no ROTATE of ours explains ─► Fenced
//! ```
//!
//! What a crash after each durable write finds, and what happens without a human:
//!
//! | last stored | Snowflake may have | at the next start |
//! |---|---|---|
//! | Idle, serving g | g | nothing; a start implies no rotation |
//! | Issuing g+1 | g, perhaps g+1, perhaps later | List: present → removed, its secret is lost; absent → doubted until it cannot land any more, a fresh intent |
//! | Issuing g+1 by ROTATE | g under NAME, or under NAME_ROTATED_time with NAME lost, perhaps later | List tells where g is, and g is served; when nothing can land any more NAME gets g+2, and what was lost ends |
//! | Proving g+1 | g, g+1 | List and Probe again |
//! | Discarding | the token or not | List: present → removed |
//! | serving g+1, draining g | g+1, perhaps g | the drain goes on; removing what is gone is no failure |
//! | Tombstoned | anything of ours | EndLeases and List until none is left |
//! | Tombstoned, retired | anything of ours | enrolled again; what is left is an orphan and removed |
//! | Fenced | anything | the alarm again |
//!
//! Beside all that stands whether the pattern at Snowflake holds: `drift`, as it was last looked at. It changes nothing
//! about issuing and removing; a check of `freeze_on` that does not hold stops hand-out, also across restarts.
//!
//! Every answer is taken once: what nobody asked for (late, doubled) changes nothing.

mod advance;
mod drain;
mod due;
mod effect;
mod event;
mod issue;
mod leave;
pub mod lineage;
mod prove;
mod reconcile;
mod revoke;
mod rotate;
mod rules;
mod state;
mod trouble;
mod turn;
mod view;

use crate::time::Timestamp;

use self::turn::Turn;

pub use effect::{Alarm, Effect};
pub use event::{
    AddOutcome, Event, Failure, ProbeOutcome, Refusal, RefusalKind, RemoveOutcome, RotateOutcome,
    TokenRow, TokenStatus,
};
pub use rules::{MOST_OF_OURS, NO_ADD_FROM, Rules, Strategy};
pub use state::{
    Asked, Doubt, Draining, Flight, Held, Intent, Slot, Standing, Trouble, Wishes, Work,
};
pub use view::{WISH_PAUSE, Why};

/// Returns the state after an event, and what the daemon must do, in order.
#[must_use]
pub fn step(slot: &Slot, event: &Event, now: Timestamp, rules: &Rules) -> (Slot, Vec<Effect>) {
    let mut turn = Turn::new(slot, now, rules);
    if !take(&mut turn, event) {
        return (slot.clone(), Vec::new());
    }
    if let Event::Unconfigured | Event::Gone = event {
        // Nothing follows from these by itself.
        return turn.finish_at_rest();
    }
    turn.advance();
    turn.finish()
}

/// Takes one event over. False: an answer that nobody waits for.
fn take(turn: &mut Turn<'_>, event: &Event) -> bool {
    if !turn.awaits(event) {
        return false;
    }
    match event {
        Event::Started => turn.started(),
        Event::Tick { held, fresh } => {
            turn.offer(fresh);
            turn.note_holders(held);
            turn.heed_new_window();
        }
        Event::Room { is_enough } => turn.slot.flight.is_cramped = !is_enough,
        Event::Wanted { fresh } => {
            turn.offer(fresh);
            turn.wanted();
        }
        Event::Rotate { taint, fresh } => {
            turn.offer(fresh);
            turn.rotate(taint.as_ref());
        }
        Event::Revoke => turn.revoke_for_good(),
        Event::Retire => turn.retire(),
        Event::Enrol { fresh } => {
            turn.offer(fresh);
            turn.enrol();
        }
        Event::Judged { failed } => turn.slot.drift = Some(failed.clone()),
        Event::Unconfigured => turn.unconfigured(),
        Event::Gone => turn.user_is_gone(),
        Event::Added(outcome) => turn.added(outcome),
        Event::Rotated(outcome) => turn.rotated(outcome),
        Event::Listed(answer) => turn.listed(answer),
        Event::Probed(outcome) => turn.probed(outcome),
        Event::Removed { name, outcome } => turn.removed(name, outcome),
    }
    true
}
