//! A configuration that was made in the home may name the home: `snow` writes the folder of its logs into the one that it
//! makes at its first run. Given back as it is, it would name a place that is gone, and that anybody may make again.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pat_wire::secret::Zeroizing;

use super::super::CONFIG;
use super::super::files::{self, Side};
use super::Giving;

impl Giving<'_> {
    /// Returns what is given back in the place of a file's own bytes; none for a file that goes back as it is.
    pub(super) fn with_lasting_places(
        &self,
        path: &Path,
    ) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        if path != Path::new(CONFIG) {
            return Ok(None);
        }
        let bytes = files::read(&self.home.path().join(path), Side::Private)?;
        Ok(replaced(&bytes, &self.home.path(), &self.record.real).map(Zeroizing::new))
    }
}

/// Returns the text with the real directory wherever it names the home; none if it does not, or if the directory's name
/// would have to be written another way in a TOML string.
fn replaced(text: &[u8], home: &Path, real: &Path) -> Option<Vec<u8>> {
    let (home, real) = (home.as_os_str().as_bytes(), real.as_os_str().as_bytes());
    let is_plain = |byte: &u8| !byte.is_ascii_control() && !br#""'\"#.contains(byte);
    if home.is_empty() || !real.iter().all(is_plain) {
        return None;
    }
    let mut given = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(home.len()).position(|here| here == home) {
        let (before, from) = rest.split_at_checked(at)?;
        let after = from.get(home.len()..)?;
        let ends = after.first().is_none_or(|next| br#"/"'"#.contains(next));
        given.extend_from_slice(before);
        given.extend_from_slice(if ends { real } else { home });
        rest = after;
    }
    given.extend_from_slice(rest);
    (given != text).then_some(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_becomes_the_real_directory_and_nothing_else_changes() {
        let given = |text: &str, real: &str| {
            let given =
                replaced(text.as_bytes(), Path::new("/run/x/pat-exec-1-a/home"), Path::new(real));
            given.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        let logs = "[cli.logs]\npath = \"/run/x/pat-exec-1-a/home/logs\"\nhome = '/run/x/pat-exec-1-a/home'\n";

        assert_eq!(
            given(logs, "/home/m/.snowflake").unwrap(),
            "[cli.logs]\npath = \"/home/m/.snowflake/logs\"\nhome = '/home/m/.snowflake'\n"
        );
        assert_eq!(given("a = \"/run/x/pat-exec-1-a/homes\"\n", "/r"), None, "another name");
        assert_eq!(given("a = \"/run/x/pat-exec-1-b/home/\"\n", "/r"), None, "another home");
        assert_eq!(given("", "/r"), None);
        for name in ["/a\"b", "/a'b", "/a\\b", "/a\nb"] {
            assert_eq!(given(logs, name), None, "{name:?}");
        }
    }
}
