//! The status as a person reads it. Slots stand in the daemon's order, by name: a row keeps its place from look to
//! look, and colour says which are bad. What is wrong follows in words, the worst last, where the eye is when the
//! prompt is back.

use pat_wire::admin::{DaemonStatus, Problem, SlotStatus, Status};
use pat_wire::provision::Watched;

use crate::table::{self, Cell};
use crate::text::{Colour, counted, plain};
use crate::time;

/// Returns the status of a daemon as lines.
pub(super) fn text(status: &Status, now: i64, in_colour: bool) -> String {
    let mut parts = vec![daemon_lines(&status.daemon, now), slots(&status.slots, now, in_colour)];
    parts.extend(counts(status, in_colour));
    parts.extend(watched(&status.watched, now));
    let troubles = status.slots.iter().filter_map(|slot| slot.problem.as_ref());
    let troubles: Vec<&Problem> =
        troubles.filter(|problem| !status.alarms.contains(problem)).collect();
    let troubles: Vec<&Problem> = status.held_up.iter().chain(troubles).collect();
    parts.extend(section("Problems", Colour::Moving, &troubles, in_colour));
    let inert: Vec<&Problem> = status.inert.iter().collect();
    parts.extend(section("Not serving yet", Colour::Moving, &inert, in_colour));
    let own: Vec<&Problem> = status.self_check.iter().collect();
    parts.extend(section("Found by the daemon at its start", Colour::Bad, &own, in_colour));
    let alarms: Vec<&Problem> = status.alarms.iter().collect();
    parts.extend(section("Alarms", Colour::Bad, &alarms, in_colour));
    parts.join("\n")
}

/// Returns which lines of that text are rows of slots: what may be left out where there is no room.
pub(super) fn rows(status: &Status, now: i64) -> std::ops::Range<usize> {
    // An empty line and the heading.
    let first = daemon_lines(&status.daemon, now).lines().count().saturating_add(2);
    first..first.saturating_add(status.slots.len())
}

fn daemon_lines(daemon: &DaemonStatus, now: i64) -> String {
    let up = time::span(now.saturating_sub(daemon.started_at).max(0));
    format!(
        "patd {}, pid {}, up {up}, host {}\nroot key: {}\nconfiguration: owned by {}; peers identified by {}{}{}\n",
        plain(&daemon.version),
        daemon.pid,
        plain(&daemon.host_id),
        plain(&daemon.root_key),
        plain(&daemon.config_owner),
        plain(&daemon.peer_tier),
        also(", passed files ", &daemon.passed_files),
        also("; memory ", &daemon.memory),
    )
}

/// A daemon before this version does not say.
fn also(what: &str, said: &str) -> String {
    if said.is_empty() { String::new() } else { format!("{what}{}", plain(said)) }
}

fn slots(slots: &[SlotStatus], now: i64, in_colour: bool) -> String {
    if slots.is_empty() {
        return "no connections; make one: patctl add NAME --user USER --role ROLE --for LOCALUSER\n"
            .to_owned();
    }
    let heading =
        ["CONNECTION", "SLOT", "ROLE", "STATE", "GEN", "EXPIRES", "NEXT ROTATION", "LEASES"];
    let rows: Vec<Vec<Cell>> = slots.iter().map(|slot| row(slot, now)).collect();
    table::render(&heading, &rows, in_colour)
}

/// One line for those who do not want to count rows: how many slots are in which state. One row counts itself.
fn counts(status: &Status, in_colour: bool) -> Option<String> {
    let slots = &status.slots;
    let mut states: Vec<(&str, usize)> = Vec::new();
    for slot in slots {
        match states.iter_mut().find(|(state, _)| *state == slot.state) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => states.push((&slot.state, 1)),
        }
    }
    // The state of most first; states of the same count as they came.
    states.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let state = |(state, count): &(&str, usize)| {
        colour_of(state).paint(&format!("{count} {}", plain(state)), in_colour)
    };
    let states: Vec<String> = states.iter().map(state).collect();
    let line = format!("{}: {}\n", counted(slots.len(), "slot"), states.join(", "));
    (slots.len() > 1).then_some(line)
}

/// How the pattern stands, once it was looked at.
fn watched(accounts: &[Watched], now: i64) -> Option<String> {
    let line = |account: &Watched| {
        let seen = time::from_now(account.looked_at?, now);
        let (name, Watched { failed, not_checked, .. }) = (plain(&account.account), account);
        Some(format!(
            "pattern of {name}: seen {seen}, {failed} failed, {not_checked} not checked (patctl drift)\n"
        ))
    };
    let lines: String = accounts.iter().filter_map(line).collect();
    (!lines.is_empty()).then_some(lines)
}

fn row(slot: &SlotStatus, now: i64) -> Vec<Cell> {
    let generation = slot.generation.map_or_else(none, |generation| generation.to_string());
    let cell = |text: String| (text, Colour::Plain);
    let connections = match slot.connections.is_empty() {
        true => none(),
        false => plain(&slot.connections.join(", ")),
    };
    vec![
        cell(connections),
        cell(plain(&slot.slot)),
        cell(plain(&slot.role)),
        (plain(&slot.state), colour_of(&slot.state)),
        cell(generation),
        moment(slot.expires_at, now, Colour::Bad),
        moment(slot.due_at, now, Colour::Moving),
        cell(leases(slot)),
    ]
}

/// A moment that is over is worth a colour: a secret that expired, a rotation that is late.
fn moment(at: Option<i64>, now: i64, when_over: Colour) -> Cell {
    let Some(at) = at else { return (none(), Colour::Plain) };
    (time::from_now(at, now), if at <= now { when_over } else { Colour::Plain })
}

fn leases(slot: &SlotStatus) -> String {
    match slot.leases_on_older {
        0 => slot.leases.to_string(),
        older => format!("{} ({older} on older tokens)", slot.leases),
    }
}

fn none() -> String {
    "-".to_owned()
}

fn colour_of(state: &str) -> Colour {
    match state {
        "serving" => Colour::Good,
        "quarantined" | "revoked" | "fenced" | "unenrolled" => Colour::Bad,
        _ => Colour::Moving,
    }
}

fn section(title: &str, colour: Colour, problems: &[&Problem], in_colour: bool) -> Option<String> {
    let lines: String = problems.iter().map(|problem| said(problem)).collect();
    let title = colour.paint(title, in_colour);
    (!problems.is_empty()).then(|| format!("{title}\n{lines}"))
}

fn said(problem: &Problem) -> String {
    let Problem { id, subject, message, next_step } = problem;
    let (subject, message) = (plain(subject), plain(message));
    let mut lines = format!("  {subject}: {message} [{}]\n", plain(id));
    if !next_step.is_empty() {
        lines.push_str(&format!("    next: {}\n", plain(next_step)));
    }
    lines
}

#[cfg(test)]
mod tests;
