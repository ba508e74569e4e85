//! The bodies of the SQL API (snowflake docs: developer-guide/sql-api/reference, …/handling-responses). A result is
//! complete and by column name, or it is none; [`super::whole`] puts together one that comes in several partitions.

use serde::Deserialize;
use zeroize::Zeroize as _;

/// A 200: rows of texts or nulls. `C` is `String`, or `&str` where the texts must stay in the buffer.
#[derive(Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
pub(crate) struct ResultSet<C> {
    #[serde(rename = "resultSetMetaData")]
    meta: Meta,
    #[serde(default)]
    code: String,
    #[serde(rename = "statementHandle", default)]
    handle: String,
    data: Vec<Vec<Option<C>>>,
}

/// Any other answer: what the code and text say. Absent parts are empty.
#[derive(Deserialize, Default)]
pub(crate) struct Notice {
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(rename = "statementHandle", default)]
    pub(crate) handle: String,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "numRows")]
    rows: u64,
    #[serde(rename = "rowType")]
    columns: Vec<Column>,
    #[serde(rename = "partitionInfo", default)]
    partitions: Vec<Part>,
}

/// What a result says of one of its partitions.
#[derive(Deserialize)]
struct Part {
    #[serde(rename = "rowCount", default)]
    rows: Option<u64>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

impl<'a, C: Deserialize<'a>> ResultSet<C> {
    /// Returns the result if the body holds all of it.
    ///
    /// # Errors
    /// A reason that repeats nothing of the body.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, String> {
        let set = Self::parse_first(body)?;
        if set.is_cut() {
            return Err("the result is incomplete: too large (391908)".into());
        }
        if set.meta.partitions.len() > 1 {
            return Err("the result is incomplete: it comes in several partitions".into());
        }
        match set.announces(set.data.len()) {
            true => Ok(set),
            false => Err(MISCOUNTED.into()),
        }
    }

    /// Returns what the body holds of a result, be it all of it or its first partition.
    ///
    /// # Errors
    /// A reason that repeats nothing of the body.
    pub(super) fn parse_first(body: &'a [u8]) -> Result<Self, String> {
        let set: Self = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        check_width(&set.data, set.width())?;
        Ok(set)
    }

    /// Returns whether Snowflake keeps back part of the result.
    pub(super) fn is_cut(&self) -> bool {
        self.code == RESULT_TOO_LARGE
    }

    /// Returns whether this is the number of rows that the result says it has.
    pub(super) fn announces(&self, rows: usize) -> bool {
        u64::try_from(rows) == Ok(self.meta.rows)
    }

    /// Returns how many rows each partition after the first has, where the result says it.
    pub(super) fn further(&self) -> Vec<Option<u64>> {
        self.meta.partitions.iter().skip(1).map(|part| part.rows).collect()
    }

    /// Returns the handle if it may stand in a path.
    pub(super) fn path_handle(&self) -> Option<&str> {
        path_handle(&self.handle)
    }

    /// Returns the place of the one column of that name.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub(crate) fn column(&self, name: &str) -> Result<usize, String> {
        let mut places = self.places(name);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(format!("the result has no column {name}")),
            (Some(_), Some(_)) => Err(format!("the result has more than one column {name}")),
        }
    }

    /// Returns how many columns there are.
    pub(crate) fn width(&self) -> usize {
        self.meta.columns.len()
    }

    /// Returns the rows.
    pub(crate) fn rows(&self) -> &[Vec<Option<C>>] {
        &self.data
    }

    /// Returns the names of the columns and the rows.
    pub(crate) fn into_parts(self) -> (Vec<String>, Vec<Vec<Option<C>>>) {
        (self.meta.columns.into_iter().map(|column| column.name).collect(), self.data)
    }

    fn places(&self, name: &str) -> impl Iterator<Item = usize> {
        let columns = self.meta.columns.iter().enumerate();
        columns.filter(move |(_, c)| c.name.eq_ignore_ascii_case(name)).map(|(place, _)| place)
    }
}

/// A text may repeat what was sent.
impl Drop for Notice {
    fn drop(&mut self) {
        self.code.zeroize();
        self.message.zeroize();
    }
}

impl Notice {
    /// Returns what a body says, or an empty notice if it says nothing in the expected form.
    pub(crate) fn parse(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// Returns the handle if it may stand in a path.
    pub(crate) fn path_handle(&self) -> Option<&str> {
        path_handle(&self.handle)
    }
}

/// Makes sure that each row has as many values as there are columns.
///
/// # Errors
/// If one has not.
pub(super) fn check_width<C>(rows: &[Vec<Option<C>>], width: usize) -> Result<(), String> {
    match rows.iter().all(|row| row.len() == width) {
        true => Ok(()),
        false => Err("a row has not as many values as there are columns".into()),
    }
}

fn path_handle(handle: &str) -> Option<&str> {
    let safe = |c: char| c.is_ascii_alphanumeric() || c == '-';
    Some(handle).filter(|h| (1..=64).contains(&h.len()) && h.chars().all(safe))
}

/// Says where a body stops being what it should be. serde's own text is not used: it repeats values.
pub(crate) fn unreadable(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the answer breaks off",
        serde_json::error::Category::Syntax => "the answer is not JSON",
        serde_json::error::Category::Io | serde_json::error::Category::Data => {
            "the answer is not of the documented form"
        }
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

pub(crate) const RESULT_TOO_LARGE: &str = "391908";
pub(super) const MISCOUNTED: &str = "the number of rows is not the announced one";
