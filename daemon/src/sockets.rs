//! The two listening sockets: passed by the service manager, or bound here with the right mode from birth.
//! Path sockets only. Nothing is read from them here.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::socket::{
    AddressFamily, SockType, SockaddrLike as _, UnixAddr, getsockname, getsockopt, sockopt,
};
use nix::sys::stat::{Mode, umask};
use pat_wire::places::Places;
use pat_wire::trust;

use crate::peer::{self, PassedFiles};

/// The sockets, listening and non-blocking.
pub struct Sockets {
    /// Anyone may connect; policy decides.
    pub hand_out: UnixListener,
    /// Root, the daemon's own uid, and the admin group.
    pub admin: UnixListener,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another daemon answers there.
    #[error("another daemon already serves {}; stop it first: systemctl stop patd", .0.display())]
    InUse(PathBuf),
    /// Something that is no socket has the name.
    #[error("{} is in the way and is not a socket; remove it", .0.display())]
    InTheWay(PathBuf),
    /// Somebody else could put a socket of theirs in the place of ours.
    #[error("the folder of a socket cannot be trusted")]
    Folder(#[source] trust::Untrusted),
    /// The service manager passed something else than the two sockets.
    #[error(
        "the service manager passed {what}; check FileDescriptorName= and ListenStream= of patd.socket and patd-admin.socket, then restart both"
    )]
    Inherited {
        /// What it passed.
        what: String,
    },
    /// The system refused.
    #[error("{} cannot be {doing}; check the folder and its owner: namei -l {}", path.display(), path.display())]
    Io {
        /// The socket or its folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl Sockets {
    /// Takes the inherited sockets, or binds both in their places. Called once, before any thread is started.
    ///
    /// # Errors
    /// If what was passed is not exactly what is expected, or if a live daemon has the sockets.
    pub fn open(places: &Places, admin_group: Option<u32>) -> Result<Self, SocketError> {
        let inherited = sd_notify::listen_fds_with_names().map_err(|_| SocketError::Inherited {
            what: "descriptors without a name each".into(),
        })?;
        let inherited: Vec<_> = inherited.collect();
        if inherited.is_empty() {
            return Self::bind(places, admin_group);
        }
        let mut found = Vec::new();
        for (fd, name) in inherited {
            let socket = crate::os::adopt(fd).map_err(|source| SocketError::Io {
                path: places.hand_out.clone(),
                doing: "taken over from the service manager",
                source,
            })?;
            found.push((name, socket));
        }
        Self::from_inherited(places, found)
    }

    fn from_inherited(places: &Places, found: Vec<(String, OwnedFd)>) -> Result<Self, SocketError> {
        let (mut hand_out, mut admin) = (None, None);
        for (name, socket) in found {
            let (place, path) = match name.as_str() {
                "hand-out" => (&mut hand_out, &places.hand_out),
                "admin" => (&mut admin, &places.admin),
                _ => {
                    return Err(SocketError::Inherited {
                        what: format!("an unknown socket \"{name}\""),
                    });
                }
            };
            if place.is_some() {
                return Err(SocketError::Inherited { what: format!("two sockets \"{name}\"") });
            }
            *place = Some(checked(&name, socket, path)?);
        }
        match (hand_out, admin) {
            (Some(hand_out), Some(admin)) => Ok(Self { hand_out, admin }),
            (None, _) => Err(SocketError::Inherited { what: "no socket \"hand-out\"".into() }),
            (_, None) => Err(SocketError::Inherited { what: "no socket \"admin\"".into() }),
        }
    }

    fn bind(places: &Places, admin_group: Option<u32>) -> Result<Self, SocketError> {
        for socket in [&places.hand_out, &places.admin] {
            let folder = socket.parent().unwrap_or(Path::new("/"));
            made_for_everyone(folder)?;
            trust::check_dir(folder, &[crate::os::own_uid()]).map_err(SocketError::Folder)?;
        }
        let hand_out = bound(&places.hand_out, 0o666)?;
        let admin = bound(&places.admin, 0o600)?;
        if let Some(group) = admin_group {
            open_to_group(&places.admin, group)?;
        }
        Ok(Self { hand_out, admin })
    }
}

/// A folder of our own making is open to everyone, whatever the umask; one that is there stays as it is. Who may
/// administer, the mode of the admin socket says: its folder keeps apart what is given away as a whole.
fn made_for_everyone(folder: &Path) -> Result<(), SocketError> {
    let io = |source| SocketError::Io { path: folder.to_owned(), doing: "made", source };
    if folder.exists() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(io)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o755)).map_err(io)
}

/// A socket is believed to be the expected one by what the kernel says of it, not by its name.
fn checked(name: &str, socket: OwnedFd, path: &Path) -> Result<UnixListener, SocketError> {
    let refuse = |what: &str| SocketError::Inherited { what: format!("\"{name}\", which {what}") };
    let address: UnixAddr = getsockname(std::os::fd::AsRawFd::as_raw_fd(&socket))
        .map_err(|_| refuse("is not a Unix socket"))?;
    if address.family() != Some(AddressFamily::Unix) {
        return Err(refuse("is not a Unix socket"));
    }
    if address.path() != Some(path) {
        return Err(refuse(&format!("is not bound to {}", path.display())));
    }
    let is_stream = getsockopt(&socket, sockopt::SockType) == Ok(SockType::Stream);
    if !is_stream || getsockopt(&socket, sockopt::AcceptConn) != Ok(true) {
        return Err(refuse("does not listen for streams"));
    }
    ready(UnixListener::from(socket), path)
}

/// The socket has its mode from its first moment: the umask is set around bind, never chmod after it.
fn bound(path: &Path, mode: u32) -> Result<UnixListener, SocketError> {
    clear_stale(path)?;
    let narrow = Mode::from_bits_truncate(0o777 & !mode);
    let before = umask(narrow);
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener.map_err(|source| SocketError::Io {
        path: path.to_owned(),
        doing: "bound",
        source,
    })?;
    // std listens with a backlog of 128; a second listen(2) only widens it.
    let wider = nix::sys::socket::Backlog::new(BACKLOG)
        .and_then(|backlog| nix::sys::socket::listen(&listener.as_fd(), backlog));
    wider.map_err(|errno| SocketError::Io {
        path: path.to_owned(),
        doing: "listened on",
        source: errno.into(),
    })?;
    ready(listener, path)
}

/// Every connection inherits what the listener refuses.
fn ready(listener: UnixListener, path: &Path) -> Result<UnixListener, SocketError> {
    if peer::passed_files() == PassedFiles::Refused {
        crate::os::refuse_passed_files(&listener).map_err(|source| SocketError::Io {
            path: path.to_owned(),
            doing: "kept from taking passed files",
            source,
        })?;
    }
    listener.set_nonblocking(true).map_err(|source| SocketError::Io {
        path: path.to_owned(),
        doing: "made non-blocking",
        source,
    })?;
    Ok(listener)
}

/// A socket nobody answers on belongs to a dead daemon. Whoever answers is left alone.
fn clear_stale(path: &Path) -> Result<(), SocketError> {
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(SocketError::InTheWay(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| SocketError::Io {
                path: path.to_owned(),
                doing: "replaced",
                source,
            })
        }
        Ok(_) | Err(_) => Err(SocketError::InUse(path.to_owned())),
    }
}

/// The group is given before the mode opens to it, so that no other group ever has it.
fn open_to_group(path: &Path, group: u32) -> Result<(), SocketError> {
    let io = |doing, source| SocketError::Io { path: path.to_owned(), doing, source };
    std::os::unix::fs::chown(path, None, Some(group))
        .map_err(|source| io("given to the admin group", source))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o660))
        .map_err(|source| io("opened to the admin group", source))
}

const BACKLOG: i32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// The places below a folder for one test.
    fn places(folder: &tempfile::TempDir) -> Places {
        Places::of_run(&folder.path().join("run")).unwrap()
    }

    #[test]
    fn a_dead_daemons_socket_is_replaced_and_a_live_ones_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        drop(Sockets::bind(&places, None).unwrap());

        let _alive = Sockets::bind(&places, None).unwrap();

        assert!(matches!(Sockets::bind(&places, None), Err(SocketError::InUse(_))));
    }

    #[test]
    fn a_folder_that_others_may_change_gets_no_socket() {
        for open in ["run", "run-admin", "."] {
            for (mode, is_closed) in [(0o755, true), (0o775, false), (0o757, false)] {
                let folder = tempfile::tempdir().unwrap();
                let open = folder.path().join(open);
                DirBuilder::new().recursive(true).create(&open).unwrap();
                std::fs::set_permissions(&open, Permissions::from_mode(mode)).unwrap();
                let outcome = Sockets::bind(&places(&folder), None).map(drop);
                let is_refused = matches!(outcome, Err(SocketError::Folder(_)));
                assert_eq!(is_refused, !is_closed, "{mode:o} {}: {outcome:?}", open.display());
                let bound = [places(&folder).hand_out, places(&folder).admin];
                assert_eq!(bound.map(|socket| socket.exists()), [is_closed; 2], "{mode:o}");
            }
        }
    }

    #[test]
    fn a_file_in_the_way_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let hand_out = places(&folder).hand_out;
        std::fs::create_dir(hand_out.parent().unwrap()).unwrap();
        std::fs::write(&hand_out, "precious").unwrap();
        assert!(matches!(Sockets::bind(&places(&folder), None), Err(SocketError::InTheWay(_))));
        assert_eq!(std::fs::read_to_string(&hand_out).unwrap(), "precious");
    }

    #[test]
    fn inherited_sockets_are_taken_only_by_name_path_and_kind() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        let listener = |path: &Path| {
            DirBuilder::new().recursive(true).create(path.parent().unwrap()).unwrap();
            OwnedFd::from(UnixListener::bind(path).unwrap())
        };
        let named = |name: &str, fd: OwnedFd| (name.to_owned(), fd);

        let hand_out = listener(&places.hand_out);
        let good = vec![named("hand-out", hand_out), named("admin", listener(&places.admin))];
        assert!(Sockets::from_inherited(&places, good).is_ok());

        let elsewhere =
            vec![named("hand-out", listener(&places.hand_out.with_file_name("other.sock")))];
        // As units had it in which one folder was for both.
        let together =
            vec![named("admin", listener(&places.hand_out.with_file_name("admin.sock")))];
        let (pair, _other) = UnixStream::pair().unwrap();
        let unbound = vec![named("admin", OwnedFd::from(pair))];
        let file = vec![named("admin", OwnedFd::from(std::fs::File::open("/dev/null").unwrap()))];
        let stranger = vec![named("api", listener(&folder.path().join("third.sock")))];
        for bad in [elsewhere, together, unbound, file, stranger, Vec::new()] {
            assert!(matches!(
                Sockets::from_inherited(&places, bad),
                Err(SocketError::Inherited { .. })
            ));
        }
    }
}
