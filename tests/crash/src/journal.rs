//! What the shim wrote down: each change of a file below the state folder, each sync, in their order. The layout is
//! that of `shim/journal.h`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One call that went well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Bytes at a place of a file.
    Wrote { inode: u64, at: usize, bytes: Vec<u8> },
    /// fsync or fdatasync of a file, or fsync of a folder.
    Synced { inode: u64 },
    /// A file has this length now.
    CutTo { inode: u64, size: usize },
    /// An open that may make a file; it was not there before if it is new.
    Made { path: PathBuf, inode: u64, is_new: bool },
    /// A new folder.
    MadeFolder { path: PathBuf, inode: u64 },
    /// A rename.
    Moved { from: PathBuf, to: PathBuf },
    /// A name was taken away.
    Gone { path: PathBuf },
    /// Everything was synced.
    SyncedAll,
}

/// Reads a journal.
pub fn read(path: &Path) -> Vec<Op> {
    let bytes = std::fs::read(path).expect("a journal");
    let (mut rest, mut ops) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        ops.push(take(&mut rest).expect("a whole record"));
    }
    ops
}

fn take(rest: &mut &[u8]) -> Option<Op> {
    let [kind, first, second, _unused] = [(); 4].map(|()| number::<4>(rest));
    let (inode, at) = (number::<8>(rest)?, number::<8>(rest)?);
    let place = usize::try_from(at).ok()?;
    let (first, second) = (bytes(rest, first?)?, bytes(rest, second?)?);
    let path = |bytes: Vec<u8>| PathBuf::from(OsString::from_vec(bytes));
    Some(match kind? {
        1 => Op::Wrote { inode, at: place, bytes: first },
        2 => Op::Synced { inode },
        3 => Op::CutTo { inode, size: place },
        4 => Op::Made { path: path(first), inode, is_new: at == 1 },
        5 => Op::Moved { from: path(first), to: path(second) },
        6 => Op::Gone { path: path(first) },
        7 => Op::SyncedAll,
        8 => Op::MadeFolder { path: path(first), inode },
        _ => return None,
    })
}

fn number<const N: usize>(rest: &mut &[u8]) -> Option<u64> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    let mut whole = [0; 8];
    whole[..N].copy_from_slice(taken);
    Some(u64::from_le_bytes(whole))
}

fn bytes(rest: &mut &[u8], count: u64) -> Option<Vec<u8>> {
    let (taken, left) = rest.split_at_checked(usize::try_from(count).ok()?)?;
    *rest = left;
    Some(taken.to_vec())
}
