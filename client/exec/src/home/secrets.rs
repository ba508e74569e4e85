//! Every secret that a home has held, to recognise it in what the child leaves behind. Kept in the private
//! directory, beside the connections that hold it anyway, so that a sweep knows them too.

use std::io::{self, Read};
use std::path::Path;

use pat_wire::secret::Zeroizing;

use super::files::{self, Side};

/// The secrets of one home.
pub(crate) struct Secrets(Vec<Zeroizing<Vec<u8>>>);

impl Secrets {
    /// Adds one to those of a home.
    pub(crate) fn remember(private: &Path, secret: &str) -> io::Result<()> {
        // Sized once: a buffer that grows leaves copies of what it held.
        let mut line = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        line.extend_from_slice(secret.as_bytes());
        line.push(0);
        files::append(&private.join(FILE), Side::Private, &line).map(drop)
    }

    /// Reads those of a home.
    pub(crate) fn read(private: &Path) -> io::Result<Self> {
        let bytes = match files::read(&private.join(FILE), Side::Private) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Zeroizing::default(),
            Err(error) => return Err(error),
        };
        let secrets = bytes.split(|byte| *byte == 0).filter(|secret| !secret.is_empty());
        Ok(Self(secrets.map(|secret| Zeroizing::new(secret.to_vec())).collect()))
    }

    /// Forgets those of a home.
    pub(crate) fn forget(private: &Path) -> io::Result<()> {
        match std::fs::remove_file(private.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns whether these bytes hold one.
    pub(crate) fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == &***secret))
    }

    /// Returns whether what can be read from here holds one.
    pub(crate) fn are_in_file(&self, mut file: impl Read) -> io::Result<bool> {
        let overlap = self.0.iter().map(|secret| secret.len()).max().unwrap_or_default();
        let mut window = Zeroizing::new(Vec::with_capacity(CHUNK + overlap));
        loop {
            let read = (&mut file).take(CHUNK as u64).read_to_end(&mut window)?;
            if self.are_in(&window) {
                return Ok(true);
            }
            if read == 0 {
                return Ok(false);
            }
            let seen = window.len().saturating_sub(overlap);
            window.drain(..seen);
        }
    }

    /// Returns the text with every secret blanked.
    pub(crate) fn blanked(&self, text: &str) -> Zeroizing<String> {
        let text = Zeroizing::new(text.to_owned());
        self.0.iter().fold(text, |text, secret| match std::str::from_utf8(secret) {
            Ok(secret) => Zeroizing::new(text.replace(secret, "<token removed by pat-exec>")),
            Err(_) => text,
        })
    }
}

const FILE: &str = "secrets";
const CHUNK: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_lies_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        Secrets::remember(dir.path(), "simpat_first").unwrap();
        Secrets::remember(dir.path(), "simpat_2").unwrap();
        let secrets = Secrets::read(dir.path()).unwrap();

        for before in [0, 1, CHUNK - 20, CHUNK - 12, CHUNK - 5, CHUNK, 2 * CHUNK - 3] {
            for secret in ["simpat_first", "simpat_2"] {
                let file = [&vec![b'x'; before], secret.as_bytes(), b"after"].concat();
                assert!(secrets.are_in_file(file.as_slice()).unwrap(), "{secret} at {before}");
            }
        }
        assert!(!secrets.are_in_file(b"simpat_firs simpat_".as_slice()).unwrap());
        assert_eq!(*secrets.blanked("a simpat_2 b"), "a <token removed by pat-exec> b");
    }

    #[test]
    fn a_home_without_secrets_finds_none() {
        let dir = tempfile::tempdir().unwrap();
        Secrets::remember(dir.path(), "simpat_1").unwrap();
        Secrets::forget(dir.path()).unwrap();
        Secrets::forget(dir.path()).unwrap();

        assert!(!Secrets::read(dir.path()).unwrap().are_in(b"simpat_1"));
    }
}
