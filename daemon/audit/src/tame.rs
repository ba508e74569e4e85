//! JSON as it goes into the log: whatever a field holds, a record is one line, and no byte of it steers a terminal.
//! JSON itself leaves the controls above U+007E and the marks of writing direction as they are.

use std::io::{self, Write};

use pat_wire::text::steers;
use serde_json::ser::Formatter;

/// Writes such characters as `\uXXXX`.
pub(crate) struct Tame;

impl Formatter for Tame {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, steering)) = rest.char_indices().find(|(_, c)| steers(*c)) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            for half in steering.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{half:04x}")?;
            }
            rest = from.get(steering.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}
