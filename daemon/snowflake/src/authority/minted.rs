//! The answer to an ADD or a ROTATE, read where it lies: the secret is borrowed from the buffer that is wiped, and copied once,
//! into a [`Secret`]. Anything but the documented shape is unclear, with a reason that repeats no value.

use pat_wire::secret::Secret;
use patd_core::lifecycle::lineage;
use patd_core::names::TokenName;

use crate::sql_api::ResultSet;

/// Returns the secret of the one row of `token_name`, `token_secret`.
///
/// snowflake docs: sql-reference/sql/alter-user-add-programmatic-access-token. `ADD … IF NOT EXISTS` on an existing
/// name succeeds without a secret: that is no mint.
pub(super) fn minted(body: &[u8], expected: &TokenName) -> Result<Secret, String> {
    let set = ResultSet::<&str>::parse(body)?;
    let (secret, []) = one_row(&set, expected, [])?;
    Ok(secret)
}

/// Returns the secret of the one row of `token_name`, `token_secret`, `rotated_token_name`, and the last of these.
///
/// snowflake docs: sql-reference/sql/alter-user-rotate-programmatic-access-token.
pub(super) fn rotated(body: &[u8], expected: &TokenName) -> Result<(Secret, TokenName), String> {
    let set = ResultSet::<&str>::parse(body)?;
    let (secret, [predecessor]) = one_row(&set, expected, ["rotated_token_name"])?;
    let predecessor = TokenName::new(predecessor);
    if lineage::rotated_from(&predecessor).as_ref() != Some(expected) {
        return Err("the result does not say where the secret before it is".into());
    }
    Ok((secret, predecessor))
}

fn one_row<'b, const MORE: usize>(
    set: &ResultSet<&'b str>,
    expected: &TokenName,
    more: [&str; MORE],
) -> Result<(Secret, [&'b str; MORE]), String> {
    let name = set.column("token_name")?;
    let secret = set.column("token_secret")?;
    let mut places = [0; MORE];
    for (place, column) in places.iter_mut().zip(more) {
        *place = set.column(column)?;
    }
    if set.width() != 2 + MORE {
        return Err("the result has columns besides the documented ones".into());
    }
    let [row] = set.rows() else {
        return Err(format!("the result has {} rows instead of one", set.rows().len()));
    };
    let value = |place: usize| row.get(place).copied().flatten().unwrap_or_default();
    if value(name) != expected.as_str() {
        return Err("the result names another token than the one asked for".into());
    }
    match value(secret) {
        "" => Err("the result holds no secret".into()),
        secret if is_plausible(secret) => Ok((Secret::new(secret.to_owned()), places.map(value))),
        _ => Err("the secret in the result is not one printable word".into()),
    }
}

/// The format is not published; but it travels in headers, files and variables, so it must be one plain word.
fn is_plausible(secret: &str) -> bool {
    secret.len() <= LONGEST && secret.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\')
}

const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use patd_core::names::TokenName;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{minted, rotated};

    const SECRET: &str = "simpat_hush";

    fn read(body: &str) -> Result<String, String> {
        minted(body.as_bytes(), &TokenName::new("T1")).map(|secret| secret.expose().to_owned())
    }

    fn body(columns: &[&str], rows: Value) -> Value {
        let columns: Vec<Value> =
            columns.iter().map(|name| json!({"name": name, "type": "text"})).collect();
        json!({
            "resultSetMetaData": {
                "numRows": rows.as_array().map_or(0, Vec::len), "format": "jsonv2",
                "partitionInfo": [{"rowCount": 1, "uncompressedSize": 10}], "rowType": columns,
            },
            "data": rows, "code": "090001", "sqlState": "00000",
            "message": "Statement executed successfully.", "statementHandle": "0-0",
        })
    }

    #[test]
    fn the_documented_answer_gives_the_secret() {
        let columns = ["token_name", "token_secret"];
        assert_eq!(read(&body(&columns, json!([["T1", SECRET]])).to_string()), Ok(SECRET.into()));
    }

    #[test]
    fn columns_are_found_by_name_not_by_place() {
        let reordered = body(&["TOKEN_SECRET", "TOKEN_NAME"], json!([[SECRET, "T1"]]));
        assert_eq!(read(&reordered.to_string()), Ok(SECRET.into()));
    }

    #[test]
    fn every_other_shape_is_unclear_and_repeats_no_secret() {
        let good = ["token_name", "token_secret"];
        let mut partitions = body(&good, json!([["T1", SECRET]]));
        partitions["resultSetMetaData"]["partitionInfo"] = json!([{}, {}]);
        let mut miscounted = body(&good, json!([["T1", SECRET]]));
        miscounted["resultSetMetaData"]["numRows"] = json!(2);
        let mut incomplete = body(&good, json!([["T1", SECRET]]));
        incomplete["code"] = json!("391908");
        let whole = body(&good, json!([["T1", SECRET]])).to_string();
        let table = [
            (
                "swapped labels",
                body(&["token_secret", "token_name"], json!([["T1", SECRET]])).to_string(),
            ),
            ("other name", body(&good, json!([["T2", SECRET]])).to_string()),
            ("name in lower case", body(&good, json!([["t1", SECRET]])).to_string()),
            ("wrong column", body(&["token_name", "secret"], json!([["T1", SECRET]])).to_string()),
            ("missing column", body(&["token_name"], json!([["T1"]])).to_string()),
            ("status only", body(&["status"], json!([["Statement executed."]])).to_string()),
            (
                "duplicate",
                body(&["token_name", "token_secret", "token_secret"], json!([["T1", "x", SECRET]]))
                    .to_string(),
            ),
            (
                "extra",
                body(&["token_name", "token_secret", "more"], json!([["T1", SECRET, "x"]]))
                    .to_string(),
            ),
            ("no row", body(&good, json!([])).to_string()),
            ("two rows", body(&good, json!([["T1", SECRET], ["T1", SECRET]])).to_string()),
            ("null secret", body(&good, json!([["T1", null]])).to_string()),
            ("empty secret", body(&good, json!([["T1", ""]])).to_string()),
            ("null name", body(&good, json!([[null, SECRET]])).to_string()),
            ("short row", body(&good, json!([["T1"]])).to_string()),
            ("long row", body(&good, json!([["T1", SECRET, "x"]])).to_string()),
            ("escapes", body(&good, json!([["T1", format!("{SECRET}\n")]])).to_string()),
            ("blank", body(&good, json!([["T1", format!("{SECRET} x")]])).to_string()),
            ("number", body(&good, json!([["T1", 5]])).to_string()),
            ("object", body(&good, json!([["T1", {SECRET: SECRET}]])).to_string()),
            ("not rows", body(&good, json!({SECRET: SECRET})).to_string()),
            ("partitions", partitions.to_string()),
            ("miscounted", miscounted.to_string()),
            ("incomplete", incomplete.to_string()),
            ("truncated", whole[..whole.len() - 1].to_owned()),
            ("doubled", format!("{whole}{whole}")),
            ("text", format!("<html>{SECRET}</html>")),
            ("empty", String::new()),
            ("bare text", format!("\"{SECRET}\"")),
        ];
        for (shape, body) in table {
            let reason = read(&body).expect_err(shape);
            assert!(!reason.contains("hush") && !reason.is_empty(), "{shape}: {reason}");
        }
    }

    const ROTATED: [&str; 3] = ["token_name", "token_secret", "rotated_token_name"];
    const NAME: &str = "PATD_0A1B2C3D_G1_FEDCBA";
    const LEFT: &str = "PATD_0A1B2C3D_G1_FEDCBA_ROTATED_1744239049066";

    fn read_rotated(columns: &[&str], row: Value) -> Result<(String, String), String> {
        let body = body(columns, json!([row])).to_string();
        let (secret, left) = rotated(body.as_bytes(), &TokenName::new(NAME))?;
        Ok((secret.expose().to_owned(), left.to_string()))
    }

    #[test]
    fn the_documented_answer_to_a_rotate_gives_the_secret_and_where_the_one_before_it_is() {
        let read = read_rotated(&ROTATED, json!([NAME, SECRET, LEFT]));
        assert_eq!(read, Ok((SECRET.to_owned(), LEFT.to_owned())));
    }

    #[test]
    fn every_other_answer_to_a_rotate_is_unclear_and_repeats_no_secret() {
        let other = "PATD_0A1B2C3D_G2_FEDCBA_ROTATED_1744239049066";
        for (columns, row) in [
            (&ROTATED[..2], json!([NAME, SECRET])),
            (&ROTATED, json!([NAME, SECRET, null])),
            (&ROTATED, json!([NAME, SECRET, NAME])),
            (&ROTATED, json!([NAME, SECRET, other])),
            (&ROTATED, json!([NAME, LEFT, SECRET])),
            (&ROTATED, json!([LEFT, SECRET, LEFT])),
            (&ROTATED, json!([NAME, "", LEFT])),
        ] {
            let reason = read_rotated(columns, row.clone()).expect_err("unclear");
            assert!(!reason.contains("hush") && !reason.is_empty(), "{row}: {reason}");
        }
    }

    proptest! {
        #[test]
        fn no_truncation_gives_a_secret_or_shows_one(end in 0_usize..300) {
            let whole = body(&["token_name", "token_secret"], json!([["T1", SECRET]])).to_string();
            prop_assume!(end < whole.len());
            let reason = read(&whole[..end]).expect_err("truncated");
            prop_assert!(!reason.contains("hush"));
        }
    }
}
