//! The end of a short-lived host: the tokens of every slot with `retire_at_exit` are removed, if Snowflake answers in
//! time. What is left is said, and goes when the daemon serves again on the same state.

use std::sync::Arc;
use std::time::Duration;

use patd_core::lifecycle::Standing;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::house::House;
use crate::slots::{Command, Handle, View};

/// Retires the slots whose configuration says so, all at once, and returns after [`PATIENCE`] at the latest.
pub(crate) async fn retire(house: &House) {
    let until = Instant::now() + PATIENCE;
    let mut retiring = JoinSet::new();
    for handle in meant(house) {
        retiring.spawn(async move {
            let is_retired = timeout_at(until, is_retired(&handle)).await.unwrap_or(false);
            (handle, is_retired)
        });
    }
    while let Some(Ok((handle, is_retired))) = retiring.join_next().await {
        match is_retired {
            true => tracing::info!(slot = %handle.id, "Retired: none of its tokens is left"),
            false => tracing::warn!(
                slot = %handle.id,
                next_step = "start patd once more on this state, or look: patctl audit tokens",
                "Not retired in time: tokens of it may live until they expire"
            ),
        }
    }
}

fn meant(house: &House) -> Vec<Arc<Handle>> {
    let trust = house.trust.load();
    let slots = trust.config.slots.iter().filter(|(_, slot)| slot.retire_at_exit);
    slots.filter_map(|(id, _)| house.slots.find(id)).collect()
}

/// Returns whether Snowflake confirmed that nothing is left. Never ends while it does not answer.
async fn is_retired(handle: &Handle) -> bool {
    let mut follow = handle.follow();
    handle.command(Command::Retire).await
        && follow.wait_for(is_over).await.is_ok_and(|view| is_confirmed(&view))
}

/// A fenced slot is left alone: its lineage is written by someone else.
fn is_over(view: &View) -> bool {
    is_confirmed(view) || matches!(view.slot.standing, Standing::Fenced { .. })
}

fn is_confirmed(view: &View) -> bool {
    matches!(view.slot.standing, Standing::Tombstoned { confirmed: true, .. })
}

/// Together with the requests in progress below the unit's TimeoutStopSec.
const PATIENCE: Duration = Duration::from_secs(12);
