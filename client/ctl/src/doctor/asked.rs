//! What the running daemon says, where it serves the caller: its tier, its memory, its alarms, what Snowflake refused
//! it, and its last look at each account.

use pat_wire::admin::{Problem, Status};
use pat_wire::provision::{Drift, DriftRequest};
use patd_checks::host::Memory;
use patd_checks::network::{Login, Refused};
use patd_checks::{Fact, Finding, Id, Needs, socket};
use patd_config::host;

use super::{Caller, privileges};
use crate::cli::Cli;
use crate::daemon;
use crate::text::counted;

const SUBJECT: &str = "patd";

/// What came of asking.
#[derive(Debug)]
pub(super) enum Asked {
    /// The admin socket is not for this caller, who did not ask.
    NotServed,
    /// No answer, and why.
    Silent(String),
    /// Its answers.
    Answered(Box<Answers>),
}

/// The daemon's answers.
#[derive(Debug)]
pub(super) struct Answers {
    status: Status,
    drift: Drift,
}

impl Asked {
    /// Asks, if the socket is for this caller.
    pub(super) fn of(cli: &Cli, caller: &Caller) -> Self {
        let served = host::socket(&cli.socket)
            .is_ok_and(|found| socket::may_ask(found, caller.uid, &caller.gids));
        if !served {
            return Self::NotServed;
        }
        let question = DriftRequest { account: None, look: false };
        let status = daemon::ask(cli, "GET", "/v1/status");
        match status.and_then(|status| Ok((status, daemon::question(cli, "/v1/drift", &question)?)))
        {
            Ok((status, drift)) => Self::Answered(Box::new(Answers { status, drift })),
            Err(failure) => Self::Silent(failure.said()),
        }
    }

    /// Returns what is to be said of the daemon itself.
    pub(super) fn findings(&self) -> Vec<Finding> {
        match self {
            Self::NotServed => vec![Finding::unseen(Id::Daemon, SUBJECT, &not_served())],
            Self::Silent(why) => vec![Finding::failed(
                Id::Daemon,
                SUBJECT,
                why,
                "systemctl status patd.service; journalctl -u patd has the cause and the next step",
            )],
            Self::Answered(answers) => {
                let Status { daemon, alarms, self_check, .. } = &answers.status;
                let mut findings = vec![stands(&daemon.version, alarms)];
                findings.extend(self_check.iter().map(by_itself));
                findings
            }
        }
    }

    /// Returns tier and passed files, as the daemon found out.
    pub(super) fn tier(&self) -> Option<(&str, &str)> {
        let daemon = &self.answers().ok()?.status.daemon;
        Some((&daemon.peer_tier, &daemon.passed_files))
    }

    /// Returns what becomes of the daemon's memory.
    pub(super) fn memory(&self) -> Memory {
        let said = self.answers().map(|answers| answers.status.daemon.memory.as_str());
        match said {
            Ok("locked") => Memory::Locked,
            // A daemon before this version does not say.
            Ok("") | Err(_) => Memory::Unknown,
            Ok(said) => Memory::NotLocked(said.trim_start_matches("not locked: ").to_owned()),
        }
    }

    /// Returns what Snowflake refused the daemon in an account.
    pub(super) fn refused(&self, account: &str) -> Fact<Vec<Refused>> {
        let Answers { status, drift } = self.answers()?;
        let whom = |subject: &str| {
            let is_ours =
                subject == account || subject.split_once('/').is_some_and(|(of, _)| of == account);
            is_ours.then(|| subject.to_owned())
        };
        let troubles = status.slots.iter().filter_map(|slot| slot.problem.as_ref());
        let problems = troubles.chain(&status.alarms);
        let problems = problems.filter_map(|problem| {
            let login = match problem.id == PROBE {
                true => Login::Token,
                false => Login::Broker,
            };
            Some(Refused { whom: whom(&problem.subject)?, text: problem.message.clone(), login })
        });
        let looks = drift.accounts.iter().filter(|drift| drift.account == account);
        let looks = looks.filter_map(|drift| {
            let (whom, login) = ("the hourly look".to_owned(), Login::Broker);
            Some(Refused { whom, text: drift.failure.clone()?, login })
        });
        Ok(problems.chain(looks).collect())
    }

    /// Returns how the privileges of an account's broker stand.
    pub(super) fn privileges(&self, subject: &str, account: &str) -> Finding {
        let look = self.answers().and_then(|answers| {
            let mut looks = answers.drift.accounts.iter();
            let found = looks.find(|drift| drift.account == account);
            found.ok_or_else(|| {
                Needs::new("a daemon that has this account in force: systemctl reload patd")
            })
        });
        privileges::judged(subject, look)
    }

    fn answers(&self) -> Fact<&Answers> {
        match self {
            Self::NotServed => Err(not_served()),
            Self::Silent(_) => Err(Needs::new("a daemon that answers")),
            Self::Answered(answers) => Ok(answers),
        }
    }
}

fn stands(version: &str, alarms: &[Problem]) -> Finding {
    let said: Vec<String> =
        alarms.iter().map(|alarm| format!("{} ({})", alarm.id, alarm.subject)).collect();
    match said.as_slice() {
        [] => Finding::ok(Id::Daemon, SUBJECT, format!("{version} answers, without an alarm")),
        alarms => Finding::failed(
            Id::Daemon,
            SUBJECT,
            format!("{}: {}", counted(alarms.len(), "alarm"), alarms.join(", ")),
            "patctl status shows each with its next step",
        ),
    }
}

/// What failed when the daemon looked at itself, at its start.
fn by_itself(problem: &Problem) -> Finding {
    let Problem { id, subject, message, next_step } = problem;
    let what = format!("its own check at the start: {id} ({subject}): {message}");
    Finding::failed(Id::Daemon, SUBJECT, what, next_step)
}

fn not_served() -> Needs {
    Needs::new("root, or the group patd-admin")
}

/// The problem of a slot whose new token was refused when it was tried.
const PROBE: &str = "probe-network-policy";
