//! The daemon's look at itself and its host at its start: kernel, memory, keys, sockets, gate, as far as its sandbox
//! lets it see. The judgements are `patd-checks`'s, the same as in `patctl doctor`. It keeps nothing from starting, and
//! asks nobody on the network.

mod facts;

use std::path::Path;

use pat_wire::admin::Problem;
use pat_wire::connection::ADMIN_SOCKET;
use patd_checks::socket::{Expected, Units};
use patd_checks::wrapper::{Gate, wrapper};
use patd_checks::{Finding, Id, Outcome, host, kernel, key, socket};
use patd_config::{Config, host as seen};
use patd_core::policy;

use crate::sockets::{ADMIN, HAND_OUT};
use crate::{os, peer};

/// Logs what is not as it should be, and returns what failed. `run` is the folder of the sockets.
pub fn run(config: &Config, run: &Path) -> Vec<Problem> {
    let findings = findings(config, run);
    findings.iter().for_each(tell);
    findings.into_iter().filter(has_failed).map(problem).collect()
}

fn findings(config: &Config, run: &Path) -> Vec<Finding> {
    let found_out = (peer::tier().as_str(), peer::passed_files().as_str());
    let release = seen::release();
    let mut findings = vec![
        kernel::peer_tier(&kernel::Kernel { release: &release, found_out: Some(found_out) }),
        host::swap(facts::swaps(), &facts::memory()),
        key::kept(Id::RootKey, "root key", facts::kept(&config.root_key)),
    ];
    findings.extend(config.accounts.values().map(|account| {
        let whose = format!("admin key of {}", account.name);
        key::kept(Id::AdminKey, &whose, facts::kept(&account.admin.key))
    }));
    findings.extend(sockets(config.admin_group, run));
    findings.extend(gate(config));
    findings
}

fn sockets(admin_group: Option<u32>, run: &Path) -> [Finding; 3] {
    let [shown, hand_out, admin] = [run.to_owned(), run.join(HAND_OUT), run.join(ADMIN)];
    let is_packaged = admin == Path::new(ADMIN_SOCKET);
    let units = if is_packaged { Units::System } else { Units::User };
    let expected = Expected { owners: vec![os::own_uid()], admin_group, units };
    [
        socket::folder(&shown.display().to_string(), facts::fault_of(run)),
        socket::hand_out(&hand_out.display().to_string(), seen::socket(&hand_out), &expected),
        socket::admin(&admin.display().to_string(), seen::socket(&admin), &expected),
    ]
}

/// Looked at only where an entry demands it, and where this host has the wrapper: it may be in another container.
fn gate(config: &Config) -> Vec<Finding> {
    let is_demanded = config.entries.iter().any(|entry| entry.gate == policy::Gate::Required);
    let program = facts::wrapper().filter(|_| is_demanded);
    match program {
        None => Vec::new(),
        Some(program) => wrapper(Some(&program), seen::gate_group(config.gate_gid), Gate::Required),
    }
}

fn tell(finding: &Finding) {
    let Finding { id, subject, outcome, evidence, next_step } = finding;
    let check = id.as_str();
    match outcome {
        Outcome::Failed => {
            tracing::warn!(check, subject, what = evidence, next_step, "Self-check failed");
        }
        Outcome::Warning => {
            tracing::info!(check, subject, what = evidence, next_step, "Self-check")
        }
        Outcome::Ok | Outcome::NotChecked { .. } => {
            tracing::debug!(check, subject, what = evidence, "Self-check");
        }
    }
}

fn has_failed(finding: &Finding) -> bool {
    finding.outcome == Outcome::Failed
}

fn problem(finding: Finding) -> Problem {
    let Finding { id, subject, evidence, next_step, .. } = finding;
    Problem { id: id.as_str().to_owned(), subject, message: evidence, next_step }
}

#[cfg(test)]
mod tests {
    use std::fs::set_permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_that_were_passed_with_a_wrong_mode_are_found() {
        let run = tempfile::tempdir().unwrap();
        let _listening =
            [HAND_OUT, ADMIN].map(|name| UnixListener::bind(run.path().join(name)).unwrap());
        let outcomes = |hand_out, admin| {
            for (name, mode) in [(HAND_OUT, hand_out), (ADMIN, admin)] {
                set_permissions(run.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
            }
            sockets(None, run.path()).map(|finding| finding.outcome)
        };

        assert_eq!(outcomes(0o666, 0o600), [Outcome::Ok, Outcome::Ok, Outcome::Ok]);
        assert_eq!(outcomes(0o660, 0o666), [Outcome::Ok, Outcome::Warning, Outcome::Failed]);
    }

    #[test]
    fn only_what_failed_is_shown_to_administrators() {
        let findings = [
            Finding::ok(Id::Swap, "this host", "no swap"),
            Finding::warning(Id::RootKey, "keys", "a file", "seal it"),
            Finding::failed(Id::AdminSocket, "sockets", "open to all", "narrow it"),
        ];
        let failed: Vec<Problem> = findings.into_iter().filter(has_failed).map(problem).collect();
        let [only] = failed.as_slice() else { panic!("{failed:?}") };
        assert_eq!((only.id.as_str(), only.subject.as_str()), ("admin-socket", "sockets"));
        assert_eq!((only.message.as_str(), only.next_step.as_str()), ("open to all", "narrow it"));
    }
}
