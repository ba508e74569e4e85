//! `patctl leases` and `patctl lease end`: who holds which token, and a holder that is to count as gone.

use pat_wire::admin::{EndLeaseRequest, EndedLease, LeaseHolder, LeaseList, LeaseRow, Status};
use serde_json::json;

use crate::answer::{self, Answer, Exit, Failure};
use crate::cli::{Cli, EndLeaseArgs, LeasesArgs};
use crate::table::{self, Cell};
use crate::text::{Colour, plain};
use crate::{accounts, daemon, time};

/// Shows the open leases.
pub(crate) fn run(cli: &Cli, args: &LeasesArgs) -> Result<Answer, Failure> {
    let mut list: LeaseList = daemon::ask(cli, "GET", "/v1/leases")?;
    if let Some(connection) = &args.connection {
        list.leases.retain(|row| row.connection.as_ref() == Some(connection));
    }
    let mut text = text_of(&list.leases, time::now(), answer::in_colour());
    if let (Some(connection), true) = (&args.connection, list.leases.is_empty()) {
        refuse_unknown(cli, connection)?;
        text = format!("nobody holds a token of {}\n", plain(connection));
    }
    Ok(Answer::ok(text, json!(list)))
}

/// A name that is misspelt has no leases either, and that would be believed.
fn refuse_unknown(cli: &Cli, connection: &String) -> Result<(), Failure> {
    let status: Status = daemon::ask(cli, "GET", "/v1/status")?;
    if status.slots.iter().any(|slot| slot.connections.contains(connection)) {
        return Ok(());
    }
    let what = format!("no entry names connection {connection:?}");
    Err(Failure::new(Exit::Failed, what, "see: patctl status"))
}

/// Ends one.
pub(crate) fn end(cli: &Cli, args: &EndLeaseArgs) -> Result<Answer, Failure> {
    let order = EndLeaseRequest { lease: args.lease.clone() };
    let ended: EndedLease = daemon::question(cli, "/v1/end-lease", &order)?;
    Ok(Answer::ok(end_text(&ended), json!(ended)))
}

fn text_of(rows: &[LeaseRow], now: i64, in_colour: bool) -> String {
    if rows.is_empty() {
        return "nobody holds a token\n".to_owned();
    }
    let heading =
        ["LEASE", "CONNECTION", "TOKEN", "USER", "PID", "PROGRAM", "UNIT", "SINCE", "GATE"];
    let rows: Vec<Vec<Cell>> = rows.iter().map(|row| cells(row, now)).collect();
    table::render(&heading, &rows, in_colour)
}

fn cells(row: &LeaseRow, now: i64) -> Vec<Cell> {
    let or_none = |text: Option<String>| cell(text.map_or_else(none, |text| plain(&text)));
    let holder = row.holder.as_ref();
    vec![
        cell(plain(&row.lease).chars().take(SHOWN).collect()),
        or_none(row.connection.clone().or_else(|| Some(row.slot.clone()))),
        token(row),
        (holder.map_or_else(|| "unknown".to_owned(), user), colour(holder)),
        or_none(holder.map(|holder| holder.pid.to_string())),
        or_none(holder.and_then(|holder| holder.program.clone())),
        or_none(holder.and_then(|holder| holder.unit.clone())),
        cell(row.since.map_or_else(none, |since| time::from_now(since, now))),
        cell(row.gated.map_or_else(none, |gated| if gated { "yes" } else { "no" }.to_owned())),
    ]
}

fn token(row: &LeaseRow) -> Cell {
    match row.is_current {
        true => (row.generation.to_string(), Colour::Plain),
        false => (format!("{} (older)", row.generation), Colour::Moving),
    }
}

fn user(holder: &LeaseHolder) -> String {
    accounts::name(holder.uid).map_or_else(|| holder.uid.to_string(), |name| plain(&name))
}

fn colour(holder: Option<&LeaseHolder>) -> Colour {
    if holder.is_some() { Colour::Plain } else { Colour::Moving }
}

fn end_text(ended: &EndedLease) -> String {
    let EndedLease { ended: row, left } = ended;
    let whose = match &row.holder {
        Some(holder) => format!("pid {} of {}", holder.pid, user(holder)),
        None => "an unknown holder".to_owned(),
    };
    let (lease, slot) = (plain(&row.lease), plain(&row.slot));
    let connection = row.connection.as_deref().map_or_else(|| "CONNECTION".to_owned(), plain);
    let left = match (row.is_current, left) {
        (true, _) => String::new(),
        (false, 0) => {
            "nobody else holds this older token: it is removed after its drain\n".to_owned()
        }
        (false, left) => {
            format!("this older token has {left} more leases, and stays until they end\n")
        }
    };
    format!(
        "lease {lease} of {whose} ended: token {} of {slot}\n{left}\
         The process keeps the secret it has, and may ask for another. To take it back:\n  \
         patctl rotate {connection} --taint TEXT   a new token for all others, and this one removed\n  \
         patctl revoke {connection}                no token for anybody\n",
        row.generation
    )
}

fn cell(text: String) -> Cell {
    (text, Colour::Plain)
}

fn none() -> String {
    "-".to_owned()
}

/// Digits of a lease that are shown; eight are enough to name one.
const SHOWN: usize = 12;
