//! How a key source is written: `systemd-credential:NAME`, `keyring:NAME`, `file:PATH`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::KeySource;

/// The text is no key source. The text itself is not shown: it may be a key pasted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKeySource {
    /// Neither of the three.
    #[error("is not a key source")]
    Scheme,
    /// A systemd credential or keyring name with other characters than letters, digits, `.`, `_`, `-`.
    #[error("names its key by other characters than letters, digits, \".\", \"_\" and \"-\"")]
    Name,
    /// A path that does not begin with `/`, or has `..` in it.
    #[error("is a file without an absolute path")]
    Path,
}

impl NotAKeySource {
    /// Returns what to do about it.
    pub fn next_step(self) -> &'static str {
        "write systemd-credential:NAME, keyring:NAME or file:/ABSOLUTE/PATH"
    }
}

impl FromStr for KeySource {
    type Err = NotAKeySource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once(':').ok_or(NotAKeySource::Scheme)?;
        match scheme {
            "systemd-credential" => name(rest).map(Self::SystemdCredential),
            "keyring" => name(rest).map(Self::Keyring),
            "file" => path(rest).map(Self::File),
            _ => Err(NotAKeySource::Scheme),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SystemdCredential(name) => write!(f, "systemd-credential:{name}"),
            Self::Keyring(name) => write!(f, "keyring:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

fn name(text: &str) -> Result<String, NotAKeySource> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let is_name = (1..=128).contains(&text.len()) && text.chars().all(allowed);
    // Such a name is a file's name in $CREDENTIALS_DIRECTORY.
    let is_dots = text.starts_with('.');
    if is_name && !is_dots { Ok(text.to_owned()) } else { Err(NotAKeySource::Name) }
}

fn path(text: &str) -> Result<PathBuf, NotAKeySource> {
    let path = Path::new(text);
    let climbs = path.components().any(|part| part.as_os_str() == "..");
    let is_shown = !text.chars().any(char::is_control);
    if path.is_absolute() && !climbs && is_shown {
        Ok(path.to_owned())
    } else {
        Err(NotAKeySource::Path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_written_as_it_is_read() {
        for text in
            ["systemd-credential:admin-key", "keyring:root_key.2", "file:/etc/patd/admin.p8"]
        {
            assert_eq!(text.parse::<KeySource>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_could_leave_the_directory_of_the_credentials_is_no_name() {
        for text in ["systemd-credential:../x", "systemd-credential:a/b", "keyring:", "keyring:.."]
        {
            assert_eq!(text.parse::<KeySource>(), Err(NotAKeySource::Name), "{text}");
        }
        for text in ["file:relative", "file:", "file:/etc/../root/key", "file:/a\nb"] {
            assert_eq!(text.parse::<KeySource>(), Err(NotAKeySource::Path), "{text}");
        }
        for text in ["", "admin-key", "-----BEGIN PRIVATE KEY-----", "FILE:/x", "http://x"] {
            assert_eq!(text.parse::<KeySource>(), Err(NotAKeySource::Scheme), "{text}");
        }
    }
}
