//! When the slots and the watch are told to look whether something is due. The ticks decide nothing: due times are data,
//! and looking too often or twice at once is harmless.

use std::sync::Arc;
use std::time::Duration;

use patd_core::lifecycle::Alarm;
use tokio::time::MissedTickBehavior;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::api::Admission;
use crate::clock::{Clock, Reading};
use crate::house::House;
use crate::watching;

/// Starts both sources of ticks; they end with `stop`.
///
/// # Errors
/// If the scheduler does not start.
pub async fn start(
    house: Arc<House>,
    doors: Vec<Arc<Admission>>,
    stop: CancellationToken,
) -> Result<(), JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    let ticking = house.clone();
    let tick = move |_, _| {
        ticking.slots.tick();
        ticking.watching.ring();
    };
    scheduler.add(Job::new(EVERY_30_SECONDS, tick)?).await?;
    scheduler.start().await?;
    tokio::spawn(watching::watch(house.clone(), stop.clone()));
    tokio::spawn(watch_over(house, doors, stop, scheduler));
    Ok(())
}

/// The scheduler compares wall clock times and falls silent when the clock is set back: this one does not.
async fn watch_over(
    house: Arc<House>,
    doors: Vec<Arc<Admission>>,
    stop: CancellationToken,
    mut scheduler: JobScheduler,
) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = house.clock.read();
    loop {
        tokio::select! {
            _ = rounds.tick() => {}
            () = stop.cancelled() => break,
        }
        before = note_jump(&house.clock, before);
        house.disk.look(&house.alarms);
        house.slots.tick();
        house.watching.ring();
        doors.iter().for_each(|door| door.forget_idle());
        house.trust.load().rates.forget_idle();
        house.refusals.forget_idle();
        house.refusals.tell();
        tell_of_repairs(&house);
        tell_of_history(&house);
        tell_of_meddling(&house);
    }
    // Sets a flag; a job that runs just now only nudges.
    let _ended = scheduler.shutdown().await;
}

fn note_jump(clock: &Clock, before: Reading) -> Reading {
    let now = clock.read();
    let jump = jumped_by(before, now);
    if jump.abs() > TOLERATED_JUMP {
        tracing::warn!(seconds = jump, "Wall clock was set");
    }
    now
}

/// Returns by how much the wall clock moved beside the boot clock.
fn jumped_by(before: Reading, now: Reading) -> i64 {
    let passed = now.boot.saturating_sub(before.boot).as_secs();
    now.wall.saturating_sub(before.wall).saturating_sub_unsigned(passed)
}

fn tell_of_repairs(house: &House) {
    for repair in house.store.repairs() {
        tracing::warn!(repair = %repair, "Store repaired itself");
        if repair.is_damage() {
            house.alarms.raise("store", &damage(repair.to_string()));
        }
    }
}

/// Records that go before a person can have read them are evidence lost.
fn tell_of_history(house: &House) {
    match house.audit.thrown_away().map(short_history) {
        Some(Some(alarm)) => house.alarms.raise("audit", &alarm),
        Some(None) => house.alarms.clear("audit", HISTORY_SHORT),
        None => {}
    }
}

/// Whoever changes the log hides something, or does not know better: a person must look.
fn tell_of_meddling(house: &House) {
    if let Some(what) = house.audit.meddling() {
        let message = format!("audit log: {what}");
        let next_step = "find out who did it: patctl audit verify, journalctl -u patd; the alarm goes with the next start".to_owned();
        house.alarms.raise("audit", &Alarm { id: "audit-log-changed", message, next_step });
    }
}

fn short_history(age_thrown_away: i64) -> Option<Alarm> {
    let hours = age_thrown_away.max(0) / 3_600;
    let message = format!("the audit log threw records of {hours} hours ago away to make room");
    let next_step =
        "find out who fills it: patctl log; and copy the log away more often".to_owned();
    (age_thrown_away < HISTORY).then_some(Alarm { id: HISTORY_SHORT, message, next_step })
}

/// Returns the alarm about damage that the store has put right by itself.
pub fn damage(message: String) -> Alarm {
    let next_step =
        "look at the disk: journalctl -k, smartctl; the alarm goes with the next start".to_owned();
    Alarm { id: "store-repaired", message, next_step }
}

const EVERY_30_SECONDS: &str = "*/30 * * * * *";
/// Seconds that the audit log should reach back.
const HISTORY: i64 = 7 * 86_400;
const HISTORY_SHORT: &str = "audit-history-short";
const ROUND: Duration = Duration::from_secs(60);
const TOLERATED_JUMP: i64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_of_less_than_a_week_is_an_alarm() {
        assert!(short_history(7 * 86_400).is_none());
        let alarm = short_history(2 * 86_400 + 60).unwrap();
        assert!(alarm.message.contains("48 hours"), "{alarm:?}");
        assert!(short_history(-5).is_some(), "the clock went back: nobody knows");
    }

    #[test]
    fn a_suspend_is_no_jump_and_a_set_clock_is() {
        let at = |wall, boot| Reading { wall, boot: Duration::from_secs(boot) };
        assert_eq!(jumped_by(at(1_000, 10), at(4_600, 3_610)), 0);
        assert_eq!(jumped_by(at(1_000, 10), at(4_600, 10)), 3_600);
        assert_eq!(jumped_by(at(1_000, 10), at(400, 70)), -660);
    }
}
