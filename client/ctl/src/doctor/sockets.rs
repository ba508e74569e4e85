//! Facts about the sockets and their folder.

use std::path::Path;

use nix::unistd::Group;
use pat_wire::connection::{ADMIN_SOCKET, HAND_OUT_SOCKET};
use pat_wire::trust;
use patd_checks::socket::{Expected, Units, admin, folder, hand_out};
use patd_checks::{Fact, Finding};
use patd_config::{Config, host};

use super::Caller;

/// Returns what is to be said of the sockets beside this one.
pub(super) fn findings(socket: &Path, config: &Fact<Config>, caller: &Caller) -> [Finding; 3] {
    let run = socket.parent().unwrap_or(Path::new("/"));
    let is_packaged = socket == Path::new(ADMIN_SOCKET);
    let own = if is_packaged { vec![] } else { vec![caller.uid] };
    let fault = trust::check_dir(run, &own).err().map(|fault| told(run, fault));
    let units = if is_packaged { Units::System } else { Units::User };
    let expected = Expected { owners: own, admin_group: admin_group(config), units };
    let beside = run.join(Path::new(HAND_OUT_SOCKET).file_name().unwrap_or_default());
    [
        folder(&run.display().to_string(), fault),
        hand_out(&beside.display().to_string(), host::socket(&beside), &expected),
        admin(&socket.display().to_string(), host::socket(socket), &expected),
    ]
}

fn told(run: &Path, fault: trust::Untrusted) -> (String, String) {
    let is_not_made = fault.fault == trust::Fault::Missing && fault.path == run;
    let made = "install the package, or as root: systemd-tmpfiles --create; a daemon that runs without systemd makes it";
    let next_step = if is_not_made { made.to_owned() } else { fault.next_step };
    (format!("{}: {}", fault.path.display(), fault.fault), next_step)
}

/// As configured, else the one of the package.
fn admin_group(config: &Fact<Config>) -> Option<u32> {
    let configured = config.as_ref().ok().and_then(|config| config.admin_group);
    configured.or_else(|| Some(Group::from_name("patd-admin").ok()??.gid.as_raw()))
}
