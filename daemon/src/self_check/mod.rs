//! The daemon's look at itself and its host at its start: kernel, memory, keys, sockets, gate, as far as its sandbox
//! lets it see. The judgements are `patd-checks`'s, the same as in `patctl doctor`. It keeps nothing from starting, and
//! asks nobody on the network.

mod facts;

use std::path::Path;

use pat_wire::admin::Problem;
use pat_wire::connection::ADMIN_SOCKET;
use pat_wire::places::Places;
use patd_checks::socket::{Expected, Units};
use patd_checks::wrapper::{Gate, wrapper};
use patd_checks::{Finding, Id, Outcome, host, kernel, key, socket};
use patd_config::{Config, host as seen};
use patd_core::policy;

use crate::{os, peer};

/// Logs what is not as it should be, and returns what failed. `places` are those of the sockets.
pub fn run(config: &Config, places: &Places) -> Vec<Problem> {
    let findings = findings(config, places);
    findings.iter().for_each(tell);
    findings.into_iter().filter(has_failed).map(problem).collect()
}

fn findings(config: &Config, places: &Places) -> Vec<Finding> {
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
    findings.extend(sockets(config.admin_group, places));
    findings.extend(gate(config));
    findings
}

fn sockets(admin_group: Option<u32>, places: &Places) -> [Finding; 4] {
    let Places { hand_out, admin } = places;
    let is_packaged = admin == Path::new(ADMIN_SOCKET);
    let units = if is_packaged { Units::System } else { Units::User };
    let expected = Expected { owners: vec![os::own_uid()], admin_group, units };
    [
        folder(Id::SocketFolder, hand_out),
        folder(Id::AdminFolder, admin),
        socket::hand_out(&hand_out.display().to_string(), seen::socket(hand_out), &expected),
        socket::admin(&admin.display().to_string(), seen::socket(admin), &expected),
    ]
}

fn folder(id: Id, socket: &Path) -> Finding {
    let folder = socket.parent().unwrap_or(Path::new("/"));
    socket::folder(id, &folder.display().to_string(), facts::fault_of(folder))
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
        let (_folder, places) = laid_out();
        let outcomes = |hand_out, admin| {
            for (socket, mode) in [(&places.hand_out, hand_out), (&places.admin, admin)] {
                set_permissions(socket, PermissionsExt::from_mode(mode)).unwrap();
            }
            sockets(None, &places).map(|finding| finding.outcome)
        };

        let ok = Outcome::Ok;
        assert_eq!(outcomes(0o666, 0o600), [const { Outcome::Ok }; 4]);
        assert_eq!(outcomes(0o660, 0o666), [ok.clone(), ok, Outcome::Warning, Outcome::Failed]);
    }

    #[test]
    fn each_socket_has_its_folder_judged() {
        let (_folder, places) = laid_out();
        for (socket, id) in [(&places.hand_out, "socket-folder"), (&places.admin, "admin-folder")] {
            let folder = socket.parent().unwrap();
            set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
            let findings = sockets(None, &places);
            set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();

            let failed = findings.iter().find(|finding| finding.outcome == Outcome::Failed);
            let failed = failed.map(|finding| (finding.id.as_str(), finding.evidence.as_str()));
            let evidence = format!("{}: is writable by others", folder.display());
            assert!(
                failed.is_some_and(|(found, said)| found == id && said.starts_with(&evidence)),
                "{failed:?}"
            );
        }
    }

    /// Both sockets where a daemon leaves them.
    fn laid_out() -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::of_run(&folder.path().join("run")).unwrap();
        for socket in [&places.hand_out, &places.admin] {
            std::fs::create_dir(socket.parent().unwrap()).unwrap();
            drop(UnixListener::bind(socket).unwrap());
        }
        (folder, places)
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
