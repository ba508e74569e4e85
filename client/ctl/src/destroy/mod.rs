//! `patctl destroy`: takes a service user down, or everything of PAT Broker's in an account. First the daemon of this
//! host stops handing out, then the statements run in an order in which nobody is ever less bound than before.

mod record;

use std::collections::BTreeSet;

use pat_wire::admin::{RevokeRequest, Revoked};
use patd_config::Config;
use patd_core::names::{Account, Connection, SlotId, User};
use patd_core::pattern::plan::{self, Plan};
use patd_snowflake::provision::fingerprint;
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, DestroyArgs};
use crate::confirm::consent;
use crate::errand::{self, Words};
use crate::plan::{answer, not_made, shown};
use crate::plan_file::is_rest;
use crate::runner::{self, Session};
use crate::stops::refuse_what_stops;
use crate::target::Target;
use crate::{daemon, text};

use record::{Keeper, Subject};

pub(crate) fn run(cli: &Cli, args: &DestroyArgs) -> Result<Answer, Failure> {
    runner::needs_an_admin(&args.session)?;
    let (target, doomed) = Doomed::find(cli, args)?;
    let mut session = runner::open(cli, &args.session, &target)?;
    let plan = doomed.plan(session.as_mut(), &target)?;
    if args.only.plan || args.only.sql {
        return Ok(answer(&plan, args.only.sql));
    }
    let mut keeper = Keeper::open(&cli.config, doomed.subject(&target.account.name))?;
    if plan.steps.is_empty() {
        return nothing_left(&plan, &mut keeper);
    }
    errand::say(&shown(&plan));
    let consent = consent(&plan, &args.consent)?;
    let tombstones = tombstones(cli, args, &doomed)?;
    let rest = doomed.plan(session.as_mut(), &target)?;
    refuse_more_than(&plan, &rest)?;
    keeper.begin(&rest, tombstones)?;
    let words = Words { again: "patctl destroy", next: doomed.next(!args.without_daemon) };
    let record = format!("record: {}", keeper.path().display());
    let done = errand::carry_out(session.as_mut(), &rest, &consent, &words, &mut keeper);
    let mut answer = done.map_err(|failure| failure.with_lines([record.clone()]))?;
    keeper.finish()?;
    answer.text.push_str(&format!("{record}\n"));
    Ok(answer)
}

/// What is to go.
struct Doomed {
    all: bool,
    users: Vec<User>,
    /// Every connection of these users on this host.
    connections: Vec<Connection>,
    /// One connection a user, by which the daemon is told.
    told: Vec<Connection>,
}

impl Doomed {
    fn find(cli: &Cli, args: &DestroyArgs) -> Result<(Target, Self), Failure> {
        let config = patd_config::load(&cli.config)?;
        let slot = args.name.as_deref().map(|name| slot(&config, name)).transpose()?;
        let named = args.session.account.as_deref();
        let account = slot.as_ref().map(|slot| slot.account.as_str().to_owned());
        let target = Target::of_config(cli, config, account.as_deref().or(named))?;
        refuse_another_account(slot.as_ref(), named)?;
        let doomed = Self::of(&target, slot.as_ref());
        Ok((target, doomed))
    }

    /// Returns the user of this slot, or everybody of the account.
    fn of(target: &Target, slot: Option<&SlotId>) -> Self {
        let dies = |user: &SlotId| match slot {
            Some(slot) => slot == user,
            None => user.account == target.account.name,
        };
        let mut known = BTreeSet::new();
        let (mut connections, mut told) = (Vec::new(), Vec::new());
        for (name, of) in target.config.connections.iter().filter(|(_, of)| dies(&of.slot)) {
            connections.push(name.clone());
            if known.insert(of.slot.user.clone()) {
                told.push(name.clone());
            }
        }
        Self { all: slot.is_none(), users: known.into_iter().collect(), connections, told }
    }

    fn plan(&self, session: &mut dyn Session, target: &Target) -> Result<Plan, Failure> {
        let observed = session.observe(&target.desired)?;
        let doomed =
            if self.all { plan::Doomed::Everything } else { plan::Doomed::Users(&self.users) };
        let seen = fingerprint(&observed);
        plan::destroy(&target.desired, &observed, seen, doomed).map_err(not_made)
    }

    fn subject(&self, account: &Account) -> Subject {
        let users = self.users.iter().map(ToString::to_string).collect();
        Subject { account: account.to_string(), everything: self.all, users }
    }

    /// What is still configured is made anew by the next `apply`.
    fn next(&self, was_told: bool) -> String {
        let remove = |name: &Connection| format!("patctl remove {}", text::plain(name.as_str()));
        let mut lines: Vec<String> = self.connections.iter().map(remove).collect();
        if was_told && !self.all {
            // The daemon goes on asking about its tombstones, and nobody answers for a user that was dropped.
            let gone =
                |user: &User| format!("patctl revoke --user {} --gone", text::plain(user.as_str()));
            lines.extend(self.users.iter().map(gone));
        }
        if self.all {
            lines.push(format!("systemctl disable --now {UNITS}"));
        }
        lines.join("\n      ")
    }
}

fn slot(config: &Config, connection: &str) -> Result<SlotId, Failure> {
    let found = config.connections.get(&Connection::new(connection));
    found.map(|found| found.slot.clone()).ok_or_else(|| {
        let what = format!("no entry names connection {connection:?}");
        Failure::new(Exit::Failed, what, "see: patctl validate --json")
    })
}

fn refuse_another_account(slot: Option<&SlotId>, named: Option<&str>) -> Result<(), Failure> {
    let other =
        slot.zip(named).filter(|(slot, named)| !named.eq_ignore_ascii_case(slot.account.as_str()));
    match other {
        None => Ok(()),
        Some((slot, _)) => {
            let what = format!("that connection is of account {}", slot.account);
            Err(Failure::new(Exit::Usage, what, "leave out --account"))
        }
    }
}

/// The tombstones come first, or the daemon would make new tokens for what is being taken down.
fn tombstones(cli: &Cli, args: &DestroyArgs, doomed: &Doomed) -> Result<Option<Revoked>, Failure> {
    let mut all = Revoked { confirmed: Vec::new(), pending: Vec::new() };
    for connection in &doomed.told {
        let order = RevokeRequest::Connection(connection.to_string());
        match daemon::order_if_running::<_, Revoked>(cli, "/v1/revoke", &order)? {
            Some(revoked) => {
                all.confirmed.extend(revoked.confirmed);
                all.pending.extend(revoked.pending);
            }
            None if args.without_daemon => return Ok(None),
            None => return Err(no_daemon()),
        }
    }
    Ok(Some(all))
}

fn no_daemon() -> Failure {
    let what =
        "nothing was destroyed: no daemon answers, and one that starts later would make new tokens";
    let next_step = "start it (systemctl start patd), or say with --without-daemon that none keeps these tokens";
    Failure::new(Exit::NoDaemon, what, next_step)
}

/// What nobody was shown is not run.
fn refuse_more_than(shown: &Plan, rest: &Plan) -> Result<(), Failure> {
    if is_rest(rest, shown) && rest.notes.iter().all(|note| !note.stops_apply) {
        return Ok(());
    }
    let what = "nothing was destroyed at Snowflake: the account has moved since it was shown; hand-out is stopped";
    Err(Failure::new(Exit::Failed, what, "run patctl destroy again and look at it"))
}

fn nothing_left(plan: &Plan, keeper: &mut Keeper) -> Result<Answer, Failure> {
    refuse_what_stops(plan)?;
    let mut text = format!("nothing is left to destroy\n{}", errand::notes(plan));
    if keeper.is_resumed() {
        keeper.begin(plan, None)?;
        keeper.finish()?;
        text.push_str(&format!("record: {}\n", keeper.path().display()));
    }
    Ok(Answer::ok(text, json!({ "done": [], "left": [], "notes": plan.notes })))
}

/// All that starts something of ours.
const UNITS: &str = "patd.socket patd-admin.socket patd-admin-key.timer patd-metrics.timer \
                     patd-sleep.service patd.service";
