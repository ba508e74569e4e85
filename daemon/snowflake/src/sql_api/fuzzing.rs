//! Doors for `tests/fuzz`: the bodies of the SQL API, without a server.

use super::answer::{Notice, ResultSet};

/// The names of the columns, and the rows.
pub type Result = (Vec<String>, Vec<Vec<Option<String>>>);

/// Returns the result that a body holds whole.
///
/// # Errors
/// Why it holds none.
pub fn result(body: &[u8]) -> std::result::Result<Result, String> {
    ResultSet::<String>::parse(body).map(ResultSet::into_parts)
}

/// What any other answer says.
pub struct Said {
    /// Its code, as it came.
    pub code: String,
    /// Its text, as it came.
    pub message: String,
    /// Its handle, if it may stand in a path.
    pub handle: Option<String>,
}

/// Returns what any other answer says; of one that is none, nothing.
pub fn notice(body: &[u8]) -> Said {
    let notice = Notice::parse(body);
    Said {
        code: notice.code.clone(),
        message: notice.message.clone(),
        handle: notice.path_handle().map(str::to_owned),
    }
}

/// Returns a packed partition as it was, or one byte more than there is room for.
///
/// # Errors
/// It is not packed.
pub fn unpacked(body: &[u8], room: usize) -> std::result::Result<Vec<u8>, String> {
    super::whole::unpacked(body, room).map(|mut plain| std::mem::take(&mut *plain))
}
