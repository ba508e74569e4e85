//! Facts about the sockets and their folders.

use std::path::Path;

use nix::unistd::Group;
use pat_wire::connection::ADMIN_SOCKET;
use pat_wire::places::Places;
use pat_wire::trust;
use patd_checks::socket::{Expected, SUBJECT, Units, admin, folder, hand_out};
use patd_checks::{Fact, Finding, Id, Needs};
use patd_config::{Config, host};

use super::Caller;

/// Returns what is to be said of this admin socket and of the hand-out socket that goes with it.
pub(super) fn findings(socket: &Path, config: &Fact<Config>, caller: &Caller) -> Vec<Finding> {
    let is_packaged = socket == Path::new(ADMIN_SOCKET);
    let own = if is_packaged { vec![] } else { vec![caller.uid] };
    let units = if is_packaged { Units::System } else { Units::User };
    let expected = Expected { owners: own, admin_group: admin_group(config), units };
    let mut findings = match Places::of_admin(socket) {
        Some(Places { hand_out: beside, .. }) => vec![
            folder_of(Id::SocketFolder, &beside, &expected.owners),
            hand_out(&beside.display().to_string(), host::socket(&beside), &expected),
        ],
        None => [Id::SocketFolder, Id::HandOutSocket]
            .map(|id| Finding::unseen(id, SUBJECT, &unknown()))
            .into(),
    };
    findings.insert(1, folder_of(Id::AdminFolder, socket, &expected.owners));
    findings.push(admin(&socket.display().to_string(), host::socket(socket), &expected));
    findings
}

/// Of a socket that lies elsewhere than a daemon puts it, nothing tells the other.
fn unknown() -> Needs {
    Needs::new("--socket DIR-admin/admin.sock, as a daemon has it whose hand-out is DIR/patd.sock")
}

fn folder_of(id: Id, socket: &Path, owners: &[u32]) -> Finding {
    let of = socket.parent().unwrap_or(Path::new("/"));
    let fault = trust::check_dir(of, owners).err().map(|fault| told(of, fault));
    folder(id, &of.display().to_string(), fault)
}

fn told(folder: &Path, fault: trust::Untrusted) -> (String, String) {
    let is_not_made = fault.fault == trust::Fault::Missing && fault.path == folder;
    let made = "install the package, or as root: systemd-tmpfiles --create; a daemon that runs without systemd makes it";
    let next_step = if is_not_made { made.to_owned() } else { fault.next_step };
    (format!("{}: {}", fault.path.display(), fault.fault), next_step)
}

/// As configured, else the one of the package.
fn admin_group(config: &Fact<Config>) -> Option<u32> {
    let configured = config.as_ref().ok().and_then(|config| config.admin_group);
    configured.or_else(|| Some(Group::from_name("patd-admin").ok()??.gid.as_raw()))
}
