//! `patctl doctor`: this host, the way to each account, and the caller's own files, one line a check with the fix. Facts
//! are gathered here, by whoever runs it and with what that user may see; what they mean is `patd-checks`'s to say.
//! Changes nothing, and asks the admin socket only where it serves the caller.

mod accounts;
mod asked;
mod cortex;
mod host;
mod keys;
mod own_files;
mod privileges;
mod sockets;
mod wrapper;

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use nix::unistd::{getegid, geteuid, getgroups};
use patd_checks::{Fact, Finding, Id, Needs, Outcome};
use patd_config::{ACCOUNTS_DIR, Config, MAIN_FILE, USERS_DIR};
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure, in_colour};
use crate::checks::{Line, Word, lines};
use crate::cli::Cli;
use crate::text::counted;
use asked::Asked;

pub(crate) fn run(cli: &Cli) -> Result<Answer, Failure> {
    let caller = Caller::of_this_process();
    let (config, of_config) = configuration(&cli.config);
    let asked = Asked::of(cli, &caller);
    let mut findings = vec![of_config];
    findings.extend(asked.findings());
    findings.extend(host::findings(&asked));
    findings.extend(keys::findings(&cli.config, &config));
    findings.extend(sockets::findings(&cli.socket, &config, &caller));
    findings.extend(wrapper::findings(&config));
    findings.extend(accounts::findings(&config, &asked)?);
    findings.extend(own_files::findings(&config));
    findings.extend(cortex::findings(&config));
    Ok(answer(&findings))
}

/// Who runs this.
#[derive(Debug)]
struct Caller {
    uid: u32,
    gids: Vec<u32>,
}

impl Caller {
    fn of_this_process() -> Self {
        let others = getgroups().unwrap_or_default().into_iter();
        let gids = others.chain([getegid()]).map(nix::unistd::Gid::as_raw).collect();
        Self { uid: geteuid().as_raw(), gids }
    }
}

/// The configuration as far as this user may read it, and the line about it.
fn configuration(dir: &Path) -> (Fact<Config>, Finding) {
    const SUBJECT: &str = "patd";
    let shown = dir.display();
    if is_hidden(dir) {
        let needs = Needs::new(format!("to read {shown} (root)"));
        let finding = Finding::unseen(Id::Configuration, SUBJECT, &needs);
        return (Err(needs), finding);
    }
    match patd_config::load(dir) {
        Ok(config) => {
            let seen = format!(
                "{shown}: {}, {}",
                counted(config.accounts.len(), "account"),
                counted(config.connections.len(), "connection")
            );
            (Ok(config), Finding::ok(Id::Configuration, SUBJECT, seen))
        }
        Err(errors) => {
            let first = errors.lines().into_iter().next().unwrap_or_default();
            let what = format!("{}, the first: {first}", counted(errors.faults.len(), "fault"));
            let next = "patctl validate shows all of them; without a configuration: patctl init";
            let finding = Finding::failed(Id::Configuration, SUBJECT, what, next);
            (Err(Needs::new("a configuration without faults")), finding)
        }
    }
}

/// Whether a file is there that this user may not read: such a one is no fault.
fn is_hidden(dir: &Path) -> bool {
    let denied = |error: std::io::Error| error.kind() == ErrorKind::PermissionDenied;
    let listed = [ACCOUNTS_DIR, USERS_DIR].map(|name| std::fs::read_dir(dir.join(name)));
    let mut is_hidden = File::open(dir.join(MAIN_FILE)).is_err_and(denied);
    for folder in listed {
        match folder {
            Err(error) => is_hidden |= denied(error),
            Ok(entries) => {
                is_hidden |=
                    entries.flatten().any(|entry| File::open(entry.path()).is_err_and(denied));
            }
        }
    }
    is_hidden
}

fn answer(findings: &[Finding]) -> Answer {
    let shown = lines(&findings.iter().map(line).collect::<Vec<_>>(), in_colour());
    let [ok, warned, failed, unseen] = count(findings);
    let warnings = counted(warned, "warning");
    let counts = format!(
        "{}: {ok} ok, {warnings}, {failed} failed, {unseen} not checked\n",
        counted(findings.len(), "check")
    );
    let json: Value = json!({
        "checks": findings,
        "counts": { "ok": ok, "warning": warned, "failed": failed, "not_checked": unseen },
    });
    Answer { text: format!("{shown}\n{counts}"), json, exit: exit(findings) }
}

/// What cannot be seen from here may be in order.
fn exit(findings: &[Finding]) -> Exit {
    match count(findings) {
        [_, 0, 0, _] => Exit::Ok,
        [_, _, 0, _] => Exit::Alarms,
        [_, _, _, _] => Exit::Failed,
    }
}

fn count(findings: &[Finding]) -> [usize; 4] {
    let of = |wanted: fn(&Outcome) -> bool| findings.iter().filter(|f| wanted(&f.outcome)).count();
    [
        of(|outcome| matches!(outcome, Outcome::Ok)),
        of(|outcome| matches!(outcome, Outcome::Warning)),
        of(|outcome| matches!(outcome, Outcome::Failed)),
        of(|outcome| matches!(outcome, Outcome::NotChecked { .. })),
    ]
}

fn line(finding: &Finding) -> Line<'_> {
    let Finding { id, subject, outcome, evidence, next_step } = finding;
    let word = match outcome {
        Outcome::Ok => Word::Holds,
        Outcome::Warning => Word::Warns,
        Outcome::Failed => Word::Fails,
        Outcome::NotChecked { needs } => Word::Unseen(needs),
    };
    Line { subject, id: id.as_str(), word, said: evidence, next_step }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Finding; 4] {
        let subject = "this host";
        [
            Finding::ok(Id::Swap, subject, "no swap"),
            Finding::unseen(Id::Daemon, subject, &Needs::new("root")),
            Finding::warning(Id::CoreFiles, subject, "kept", "ulimit -c 0"),
            Finding::failed(Id::Wrapper, "wrapper", "gone", "install it"),
        ]
    }

    #[test]
    fn each_finding_is_a_line_with_its_fix() {
        let text = "\
this host
  ok    swap        no swap
  ?     daemon      not checked (needs root)
  warn  core-files  kept
        next: ulimit -c 0

wrapper
  FAIL  wrapper     gone
        next: install it

4 checks: 1 ok, 1 warning, 1 failed, 1 not checked
";
        assert_eq!(answer(&all()).text, text);
    }

    #[test]
    fn how_it_ends_tells_warnings_from_failures_and_forgives_what_is_unseen() {
        let all = all();
        assert_eq!(exit(&all), Exit::Failed);
        assert_eq!(exit(&all[..3]), Exit::Alarms);
        assert_eq!(exit(&all[..2]), Exit::Ok);
        assert_eq!(exit(&[]), Exit::Ok);
    }
}
