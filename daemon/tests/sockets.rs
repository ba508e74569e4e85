//! The sockets' modes. A binary of its own: the umask belongs to the process, and other tests change it.

#![expect(clippy::unwrap_used, reason = "the lint looks at test functions only")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use pat_wire::places::Places;
use patd::sockets::Sockets;

#[test]
fn the_sockets_are_born_with_their_modes_and_the_admin_group_gets_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::of_run(&folder.path().join("run")).unwrap();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    drop(Sockets::open(&places, None).unwrap());
    for socket in [&places.hand_out, &places.admin] {
        assert_eq!(mode(socket.parent().unwrap()), 0o755);
    }
    assert_eq!(mode(&places.hand_out), 0o666);
    assert_eq!(mode(&places.admin), 0o600);

    let own_gid = nix::unistd::getegid().as_raw();
    let _sockets = Sockets::open(&places, Some(own_gid)).unwrap();
    assert_eq!(mode(&places.admin), 0o660);
    assert_eq!(std::fs::metadata(&places.admin).unwrap().gid(), own_gid);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
