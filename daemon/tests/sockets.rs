//! The sockets' modes. A binary of its own: the umask belongs to the process, and other tests change it.

#![expect(clippy::unwrap_used, reason = "the lint looks at test functions only")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use patd::sockets::{ADMIN, HAND_OUT, Sockets};

#[test]
fn the_sockets_are_born_with_their_modes_and_the_admin_group_gets_its_own() {
    let run = tempfile::tempdir().unwrap();
    drop(Sockets::open(run.path(), None).unwrap());
    assert_eq!(mode(&run.path().join(HAND_OUT)), 0o666);
    assert_eq!(mode(&run.path().join(ADMIN)), 0o600);

    let own_gid = nix::unistd::getegid().as_raw();
    let _sockets = Sockets::open(run.path(), Some(own_gid)).unwrap();
    assert_eq!(mode(&run.path().join(ADMIN)), 0o660);
    assert_eq!(std::fs::metadata(run.path().join(ADMIN)).unwrap().gid(), own_gid);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
