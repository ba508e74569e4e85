//! The owner record of a private home: whose it is, what it stands for, and how its helper reaches the
//! broker. No secret. Fields are separated by NUL, which no path contains.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::files::{self, Side};
use crate::process::Identity;

/// What the helper and the next start need to know of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) owner: Identity,
    /// The user's real directory.
    pub(crate) real: PathBuf,
    pub(crate) connection: String,
    /// The lease of the first hand-out.
    pub(crate) lease: String,
    /// The broker's socket, if it is not the system's.
    pub(crate) socket: Option<PathBuf>,
}

impl Record {
    /// Writes the record of a new home, readable by its owner only; there is none or a whole one.
    pub(crate) fn write(&self, private: &Path) -> io::Result<()> {
        let socket = self.socket.clone().unwrap_or_default();
        let pid = self.owner.pid.to_string();
        let fields: [&[u8]; FIELDS] = [
            VERSION,
            pid.as_bytes(),
            self.owner.started.as_bytes(),
            self.owner.boot.as_bytes(),
            self.owner.namespace.as_bytes(),
            self.real.as_os_str().as_bytes(),
            self.connection.as_bytes(),
            self.lease.as_bytes(),
            socket.as_os_str().as_bytes(),
        ];
        let mut bytes = fields.join(&0);
        bytes.push(END);
        files::replace(&path(private), &bytes)
    }

    /// Reads the record of a home.
    pub(crate) fn read(private: &Path) -> io::Result<Self> {
        let bytes = files::read(&path(private), Side::Private)?;
        Self::parse(&bytes).ok_or_else(|| ErrorKind::InvalidData.into())
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(&[END])?;
        let fields: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
        let [version, pid, started, boot, namespace, real, connection, lease, socket] =
            <[&[u8]; FIELDS]>::try_from(fields).ok()?;
        let text = |field: &[u8]| String::from_utf8(field.to_vec()).ok();
        let path = |field: &[u8]| PathBuf::from(OsString::from_vec(field.to_vec()));
        if version != VERSION {
            return None;
        }
        let owner = Identity {
            pid: text(pid)?.parse().ok()?,
            started: text(started)?,
            boot: text(boot)?,
            namespace: text(namespace)?,
        };
        Some(Self {
            owner,
            real: Some(path(real)).filter(|real| real.is_absolute())?,
            connection: text(connection)?,
            lease: text(lease)?,
            socket: Some(path(socket)).filter(|socket| !socket.as_os_str().is_empty()),
        })
    }
}

/// Returns the path of a home's record.
pub(crate) fn path(private: &Path) -> PathBuf {
    private.join("owner")
}

const VERSION: &[u8] = b"pat-exec home 1";
const FIELDS: usize = 9;
/// After the last field: without it something is missing.
const END: u8 = 0;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        for socket in [None, Some(PathBuf::from("/tmp/new\nline/patd.sock"))] {
            let record = Record { socket, ..record() };

            record.write(dir.path()).unwrap();

            assert_eq!(Record::read(dir.path()).unwrap(), record);
            std::fs::remove_file(path(dir.path())).unwrap();
        }
    }

    #[test]
    fn a_damaged_record_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let record = Record { socket: Some("/run/own.sock".into()), ..record() };
        record.write(dir.path()).unwrap();
        let good = std::fs::read(path(dir.path())).unwrap();

        for cut in 0..good.len() {
            assert_eq!(Record::parse(&good[..cut]), None, "{cut}");
        }
        assert_eq!(Record::parse(b"another\0format"), None);
    }

    pub(crate) fn record() -> Record {
        Record {
            owner: Identity {
                pid: 12,
                started: "345".into(),
                boot: "b".into(),
                namespace: "pid:[1]".into(),
            },
            real: "/home/miguel/.snowflake".into(),
            connection: "miguel_cli".into(),
            lease: "0123456789abcdef0123456789abcdef".into(),
            socket: None,
        }
    }
}
