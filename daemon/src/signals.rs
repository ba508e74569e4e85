//! Signals in, readiness and liveness out: what the service manager and the daemon tell each other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::house::House;
use crate::reload;

/// Says that the sockets serve, lets the slots begin, then waits for the signal to end. SIGHUP reloads meanwhile.
///
/// # Errors
/// If signals cannot be heard.
pub async fn until_told_to_end(house: &Arc<House>) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut alive = tokio::time::interval(sign_of_life());
    say(&[NotifyState::Ready, NotifyState::Status(&status(house))]);
    tracing::info!(slots = house.slots.all().len(), "Ready");
    house.slots.begin();
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => reload_aside(house),
            _ = alive.tick() => {
                say(&[NotifyState::Watchdog, NotifyState::Status(&status(house))]);
            }
        }
    }
}

/// Says that the end has begun.
pub fn say_stopping() {
    tracing::info!("Stopping");
    say(&[NotifyState::Stopping, NotifyState::Status("Finishing what is in flight")]);
}

fn reload_aside(house: &Arc<House>) {
    let house = house.clone();
    tokio::spawn(async move { reload::reload(&house).await });
}

fn status(house: &House) -> String {
    let alarms = house.alarms.standing_now().len();
    let slots = house.slots.all().len();
    format!("Serving {slots} slots, {alarms} alarms")
}

/// Half of what the manager waits, or a minute where nobody waits.
fn sign_of_life() -> Duration {
    sd_notify::watchdog_enabled().map_or(Duration::from_secs(60), |all| all / 2)
}

/// Without a manager there is nobody to tell.
fn say(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::debug!(error = %error, "Service manager not told");
    }
}
