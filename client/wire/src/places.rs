//! Where the two sockets of a daemon are. Each is in a folder of its own, so that whoever is given the folder of
//! hand-out, as a container is by a mount, is not given administration with it. Paths only; nothing is looked at.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The paths of both sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The hand-out socket.
    pub hand_out: PathBuf,
    /// The admin socket.
    pub admin: PathBuf,
}

impl Places {
    /// Returns those of `patd --run FOLDER`; none where its last word is no name, as in `/` or `..`.
    #[must_use]
    pub fn of_run(run: &Path) -> Option<Self> {
        let mut beside = run.file_name()?.to_owned();
        beside.push(BESIDE);
        Some(Self { hand_out: run.join(HAND_OUT), admin: run.with_file_name(beside).join(ADMIN) })
    }

    /// Returns those of which this is the admin socket; none where its folder is not called as the daemon calls it.
    #[must_use]
    pub fn of_admin(socket: &Path) -> Option<Self> {
        let folder = socket.parent()?;
        let name = folder.file_name()?.as_bytes().strip_suffix(BESIDE.as_bytes())?;
        let run = folder.with_file_name(OsString::from_vec(name.to_vec()));
        Self::of_run(&run).filter(|places| places.admin == socket)
    }
}

/// The file name of the hand-out socket.
pub const HAND_OUT: &str = "patd.sock";
/// The file name of the admin socket.
pub const ADMIN: &str = "admin.sock";
/// What the name of the admin socket's folder has behind that of the other.
const BESIDE: &str = "-admin";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{ADMIN_SOCKET, HAND_OUT_SOCKET};

    #[test]
    fn the_packaged_sockets_are_where_a_daemon_of_the_packaged_folder_has_them() {
        let packaged = Places { hand_out: HAND_OUT_SOCKET.into(), admin: ADMIN_SOCKET.into() };
        assert_eq!(Places::of_run(Path::new("/run/patd")), Some(packaged.clone()));
        assert_eq!(Places::of_admin(Path::new(ADMIN_SOCKET)), Some(packaged));
    }

    #[test]
    fn the_admin_socket_is_never_below_the_folder_of_hand_out() {
        for run in ["/run/patd", "/run/patd/", "/run/patd/.", "patd", "./patd", "/a/patd-admin"] {
            let places = Places::of_run(Path::new(run)).unwrap();
            let folder = places.hand_out.parent().unwrap();
            assert!(!places.admin.starts_with(folder), "{run}: {places:?}");
            let back = Places::of_admin(&places.admin).unwrap();
            assert_eq!(back.hand_out, places.hand_out, "{run}");
        }
    }

    #[test]
    fn a_folder_without_a_name_has_none_beside_it() {
        for run in ["", "/", "..", "/run/.."] {
            assert_eq!(Places::of_run(Path::new(run)), None, "{run}");
        }
    }

    #[test]
    fn a_socket_that_no_daemon_would_call_so_has_no_other() {
        for socket in [
            "admin.sock",
            "/admin.sock",
            "/run/patd/admin.sock",
            "/run/-admin/admin.sock",
            "/run/patd-admin/other.sock",
        ] {
            assert_eq!(Places::of_admin(Path::new(socket)), None, "{socket}");
        }
    }
}
