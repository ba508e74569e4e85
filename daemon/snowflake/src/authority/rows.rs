//! The rows of SHOW USER PROGRAMMATIC ACCESS TOKENS, as far as decisions need them.
//!
//! snowflake docs: sql-reference/sql/show-user-programmatic-access-tokens. Columns are read by name. The minutes column
//! has two spellings there; nothing here depends on it, so both are accepted by not being looked at.

use patd_core::lifecycle::{Failure, TokenRow, TokenStatus};
use patd_core::names::{Role, TokenName, User};
use patd_core::time::Timestamp;

use crate::sql_api::Table;

/// Returns every token of the user.
///
/// # Errors
/// `Unclear` if the list cannot be trusted to be the whole list of this user: a token missing from it
/// would be taken for gone.
pub(super) fn token_rows(table: &Table, user: &User) -> Result<Vec<TokenRow>, Failure> {
    if table.column("user_name")?.iter().any(|shown| *shown != Some(user.as_str())) {
        return Err(Failure::Unclear("the list holds tokens of another user".into()));
    }
    let names = table.column("name")?;
    let roles = table.column("role_restriction")?;
    let statuses = table.column("status")?;
    let expiries = table.column("expires_at")?;
    let rows = names.into_iter().zip(roles).zip(statuses).zip(expiries);
    rows.map(|(((name, role), status), expires_at)| {
        let name = name.filter(|name| !name.is_empty());
        let name =
            name.ok_or_else(|| Failure::Unclear("a token in the list has no name".into()))?;
        Ok(TokenRow {
            name: TokenName::new(name),
            role: role.filter(|role| !role.is_empty()).map(Role::new),
            expires_at: expires_at.and_then(|text| expiry(name, text)),
            status: status.map_or(TokenStatus::Unknown, status_of),
        })
    })
    .collect()
}

fn status_of(word: &str) -> TokenStatus {
    match word.to_ascii_uppercase().as_str() {
        "ACTIVE" => TokenStatus::Active,
        "EXPIRED" => TokenStatus::Expired,
        "DISABLED" => TokenStatus::Disabled,
        _ => TokenStatus::Unknown,
    }
}

fn expiry(name: &str, text: &str) -> Option<Timestamp> {
    let moment = Timestamp::read(text);
    if moment.is_none() {
        tracing::warn!(token = name, "The expiry that Snowflake shows for a token is not readable");
    }
    moment
}

#[cfg(test)]
mod tests {
    use patd_core::lifecycle::{Failure, TokenStatus};
    use patd_core::names::{Role, TokenName, User};
    use patd_core::time::Timestamp;

    use super::token_rows;
    use crate::sql_api::Table;

    fn rows(columns: &[&str], rows: &[&[Option<&str>]]) -> Result<Vec<super::TokenRow>, Failure> {
        token_rows(&Table::of(columns, rows), &User::new("MIGUEL_CLI"))
    }

    const DOCUMENTED: [&str; 10] = [
        "name",
        "user_name",
        "role_restriction",
        "expires_at",
        "status",
        "comment",
        "created_on",
        "created_by",
        "mins_to_bypass_network_policy_requirement",
        "rotated_to",
    ];

    #[test]
    fn the_documented_row_is_read_by_name() {
        let row = [
            Some("T1"),
            Some("MIGUEL_CLI"),
            Some("MIGUEL_CLI_ROLE"),
            Some("1795392000.123000000"),
            Some("ACTIVE"),
            None,
            Some("1794787200.000000000"),
            Some("PATD_HOST1"),
            None,
            None,
        ];
        let mut other_spelling = DOCUMENTED;
        other_spelling[8] = "mins_to_bypass_required_network_policy";
        for columns in [DOCUMENTED, other_spelling] {
            let read = rows(&columns, &[&row]).expect("rows");
            assert_eq!(read.len(), 1);
            assert_eq!(read[0].name, TokenName::new("T1"));
            assert_eq!(read[0].role, Some(Role::new("MIGUEL_CLI_ROLE")));
            assert_eq!(read[0].expires_at, Some(Timestamp(1_795_392_000)));
            assert_eq!(read[0].status, TokenStatus::Active);
        }
    }

    #[test]
    fn a_status_of_a_later_version_is_unknown_not_dead() {
        let columns = ["name", "user_name", "role_restriction", "expires_at", "status"];
        let status = |word| {
            let row = [Some("T"), Some("MIGUEL_CLI"), None, None, word];
            rows(&columns, &[&row]).expect("rows")[0].status
        };
        assert_eq!(status(Some("DISABLED")), TokenStatus::Disabled);
        assert_eq!(status(Some("EXPIRED")), TokenStatus::Expired);
        assert_eq!(status(Some("SUSPENDED")), TokenStatus::Unknown);
        assert_eq!(status(None), TokenStatus::Unknown);
    }

    #[test]
    fn a_list_that_may_not_be_the_users_own_is_no_list() {
        let columns = ["name", "user_name", "role_restriction", "expires_at", "status"];
        let other = [Some("T"), Some("SOMEONE"), None, None, Some("ACTIVE")];
        let nameless = [None, Some("MIGUEL_CLI"), None, None, Some("ACTIVE")];
        for row in [other, nameless] {
            assert!(matches!(rows(&columns, &[&row]), Err(Failure::Unclear(_))));
        }
        for missing in 0..columns.len() {
            let mut columns = columns;
            columns[missing] = "something_else";
            assert!(matches!(rows(&columns, &[]), Err(Failure::Unclear(_))));
        }
    }
}
