//! What this host shows of keys, sockets, the group of the gate and the kernel, as whoever asks may see it: facts for
//! `patd-checks`, gathered in one place for daemon and `patctl`. Nothing is judged here, and no key is read.

use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::sys::utsname::uname;
use nix::unistd::{Gid, Group as Known};
use pat_wire::trust::{self, Fault, Owners, Untrusted};
use patd_checks::key::Kept;
use patd_checks::socket::Found;
use patd_checks::wrapper::{Group, primary_of};
use patd_checks::{Fact, Needs};

/// Returns `uname -r`.
pub fn release() -> String {
    let named = uname().ok();
    let release = named.as_ref().and_then(|named| named.release().to_str());
    release.unwrap_or_default().to_owned()
}

/// Returns what has this name.
///
/// # Errors
/// It cannot be looked at.
pub fn socket(path: &Path) -> Fact<Found> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            let (mode, uid, gid) = (found.mode() & 0o7777, found.uid(), found.gid());
            Ok(Found::Socket { mode, uid, gid })
        }
        Ok(_) => Ok(Found::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Missing),
        Err(error) => Err(unseen("look at", path, &error)),
    }
}

/// Returns the group of the gate: the configured one, else the packaged one.
///
/// # Errors
/// The system does not say who is in it.
pub fn gate_group(configured: Option<u32>) -> Fact<Option<Group>> {
    let found = match configured {
        Some(gid) => Known::from_gid(Gid::from_raw(gid)),
        None => Known::from_name("patclient"),
    };
    let found =
        found.map_err(|errno| Needs::new(format!("an answer about local groups ({errno})")))?;
    found.map(of_everybody).transpose()
}

fn of_everybody(found: Known) -> Fact<Group> {
    let users = Path::new("/etc/passwd");
    let text = std::fs::read_to_string(users).map_err(|error| unseen("read", users, &error))?;
    let gid = found.gid.as_raw();
    Ok(Group { name: found.name, gid, members: found.mem, primary_of: primary_of(&text, gid) })
}

/// Returns how a key file is kept, with the fault for which a daemon of this uid refuses it. Without a uid the file's
/// owner is taken for the daemon.
///
/// # Errors
/// It, or a folder above it, cannot be looked at.
pub fn key_file(path: &Path, daemon: Option<u32>) -> Fact<Kept> {
    let shown = path.display().to_string();
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Kept::Missing(shown)),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(Needs::new("root"));
        }
        Err(error) => return Err(unseen("look at", path, &error)),
    };
    let daemon = daemon.unwrap_or(found.uid());
    let private = trust::private_file(path, &found, Owners::UidOrRoot(daemon));
    let fault = match private.and_then(|()| trust::check_parents(path, &[daemon])) {
        // No file but one of its own is open to the daemon: 0600 is the most it may have.
        Ok(()) if found.uid() != daemon => Some((
            format!("{shown} belongs to uid {}, and the daemon runs as uid {daemon}", found.uid()),
            format!("look at what it is, then: chown {daemon} {shown}"),
        )),
        Ok(()) => None,
        Err(Untrusted { fault: Fault::System(_), .. }) => return Err(Needs::new("root")),
        Err(fault) => Some((format!("{}: {}", fault.path.display(), fault.fault), fault.next_step)),
    };
    Ok(Kept::File { path: shown, mode: found.mode() & 0o7777, fault })
}

fn unseen(what: &str, path: &Path, error: &Error) -> Needs {
    Needs::new(format!("to {what} {} ({error})", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::{hard_link, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use nix::unistd::{Uid, chown, geteuid};

    use super::*;

    /// A key in a folder of this user's, and what is wrong with it for a daemon of this uid.
    fn fault(daemon: u32, make: impl FnOnce(&Path)) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        write(&key, "hush").unwrap();
        set_permissions(&key, PermissionsExt::from_mode(0o400)).unwrap();
        make(&key);
        let kept = key_file(&key, Some(daemon)).unwrap();
        let Kept::File { fault, .. } = kept else { panic!("{kept:?}") };
        fault.map(|(what, _)| what)
    }

    #[test]
    fn a_key_file_is_judged_as_the_daemon_judges_it() {
        let own = geteuid().as_raw();
        assert_eq!(fault(own, |_| {}), None);
        let linked = fault(own, |key| hard_link(key, key.with_extension("two")).unwrap()).unwrap();
        assert!(linked.contains("second name"), "{linked}");
        let open = fault(own, |key| {
            set_permissions(key.parent().unwrap(), PermissionsExt::from_mode(0o777)).unwrap();
        });
        assert!(open.unwrap().contains("writable by others"));
        let link = fault(own, |key| {
            std::fs::rename(key, key.with_extension("real")).unwrap();
            symlink(key.with_extension("real"), key).unwrap();
        });
        assert!(link.is_some());
    }

    #[test]
    fn a_key_file_of_another_user_is_of_no_use_to_the_daemon() {
        if !geteuid().is_root() {
            return;
        }
        let others = fault(0, |key| chown(key, Some(Uid::from_raw(1001)), None).unwrap()).unwrap();
        assert!(others.contains("belongs to uid 1001"), "{others}");
        let roots = fault(1001, |_| {}).unwrap();
        assert!(roots.contains("belongs to uid 0, and the daemon runs as uid 1001"), "{roots}");
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert_eq!(key_file(&path, None), Ok(Kept::Missing(path.display().to_string())));
        assert_eq!(socket(&path), Ok(Found::Missing));
        write(&path, "").unwrap();
        assert_eq!(socket(&path), Ok(Found::Other));
        assert_eq!(socket(&path.join("below")).map_err(|_| ()), Err(()));
    }
}
