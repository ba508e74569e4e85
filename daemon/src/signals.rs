//! Signals in, readiness and liveness out: what the service manager and the daemon tell each other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::house::House;
use crate::reload;

/// Says that the sockets serve, lets the slots begin, then waits for the signal to end. SIGHUP reloads meanwhile.
///
/// # Errors
/// If signals cannot be heard.
pub async fn until_told_to_end(house: &Arc<House>) -> io::Result<()> {
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    say(&[NotifyState::Ready, NotifyState::Status(&status(house))]);
    tracing::info!(slots = house.slots.all().len(), "Ready");
    house.slots.begin();
    let alive = tokio::spawn(tell_while_alive(house.clone()));
    wait(house, terminate, interrupt, hangup).await;
    alive.abort();
    Ok(())
}

async fn wait(
    house: &Arc<House>,
    mut terminate: Signal,
    mut interrupt: Signal,
    mut hangup: Signal,
) {
    loop {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            _ = hangup.recv() => reload_aside(house),
        }
    }
}

/// A task of its own, on the threads that serve: when these hang, or a door has ended, the watchdog hears nothing and
/// the manager starts the daemon anew.
async fn tell_while_alive(house: Arc<House>) {
    let mut tick = tokio::time::interval(sign_of_life());
    loop {
        tick.tick().await;
        if !house.pulse.beats() {
            break;
        }
        say(&[NotifyState::Watchdog, NotifyState::Status(&status(&house))]);
    }
    tracing::error!("A loop of the daemon has ended; the service manager is to start it anew");
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

/// A third of what the manager waits, or a minute where nobody waits.
fn sign_of_life() -> Duration {
    sd_notify::watchdog_enabled().map_or(Duration::from_secs(60), |all| all / 3)
}

/// Without a manager there is nobody to tell.
fn say(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::debug!(error = %error, "Service manager not told");
    }
}
