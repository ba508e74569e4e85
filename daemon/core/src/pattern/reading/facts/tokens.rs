//! What users log in with: tokens and named key pairs. Expired ones are left out: they vanish by themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::pattern::observed::Token;
use crate::pattern::reading::rows::{Fault, Rows, given};
use crate::pattern::reading::value;
use crate::time::Timestamp;

use super::filled;

/// SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER. Expired ones are left out: they vanish by themselves. So do the
/// minutes of network bypass, of which the docs know two spellings.
pub(in crate::pattern::reading) fn tokens(rows: &Rows, user: &str) -> Result<Vec<Token>, Fault> {
    let columns = [
        "name",
        "user_name",
        "role_restriction",
        "expires_at",
        "status",
        "comment",
        "created_by",
        "rotated_to",
    ];
    let mut tokens = Vec::new();
    for [name, owner, role, expires_at, status, comment, created_by, rotated_to] in
        rows.read(columns)?
    {
        about(user, owner)?;
        let status = given("status", status)?.to_ascii_uppercase();
        if status == EXPIRED {
            continue;
        }
        let expires_at = given("expires_at", expires_at)?;
        let expires_at = Timestamp::read(expires_at).ok_or(Fault::Value("expires_at"))?;
        tokens.push(Token {
            name: given("name", name)?.to_owned(),
            role: filled(role).map(value::name),
            status,
            comment: comment.unwrap_or_default().to_owned(),
            created_by: filled(created_by).map(str::to_owned),
            expires_at: Some(expires_at.0),
            rotated_to: filled(rotated_to).map(str::to_owned),
        });
    }
    tokens.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tokens)
}

/// SHOW USER KEY PAIRS FOR USER: the named ones. The two slots of RSA_PUBLIC_KEY have reserved names
/// (snowflake docs: alter-user-add-key-pair); DESCRIBE USER shows them.
pub(in crate::pattern::reading) fn key_pairs(
    rows: &Rows,
    user: &str,
) -> Result<BTreeSet<String>, Fault> {
    let mut named = BTreeSet::new();
    for [name, owner, status] in rows.read(["name", "user_name", "status"])? {
        about(user, owner)?;
        let name = given("name", name)?;
        let dead = given("status", status)?.eq_ignore_ascii_case(EXPIRED);
        if !dead && !["PUBLIC_KEY_1", "PUBLIC_KEY_2"].contains(&name) {
            named.insert(name.to_owned());
        }
    }
    Ok(named)
}

/// A list that may be another user's is no list: without FOR USER both statements show the caller's own.
fn about(user: &str, shown: Option<&str>) -> Result<(), Fault> {
    if shown == Some(user) { Ok(()) } else { Err(Fault::Other("user")) }
}

/// ACCOUNT_USAGE.CREDENTIALS: user → names of live tokens.
pub(in crate::pattern::reading) fn live_tokens(
    rows: &Rows,
) -> Result<BTreeMap<String, BTreeSet<String>>, Fault> {
    let mut live = BTreeMap::<String, BTreeSet<String>>::new();
    for [user, name] in rows.read(["USER_NAME", "NAME"])? {
        let name = given("NAME", name)?.to_owned();
        live.entry(given("USER_NAME", user)?.to_owned()).or_default().insert(name);
    }
    Ok(live)
}

const EXPIRED: &str = "EXPIRED";

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [&str; 10] = [
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

    fn row<'r>(name: &'r str, status: &'r str) -> [Option<&'r str>; 10] {
        [
            Some(name),
            Some("U"),
            Some("R"),
            Some("1795392000.5"),
            Some(status),
            None,
            Some("1"),
            Some("A"),
            Some("17"),
            None,
        ]
    }

    #[test]
    fn live_and_disabled_tokens_are_read_in_order_of_name_and_expired_ones_left_out() {
        let rows =
            Rows::of(&COLUMNS, &[&row("B", "DISABLED"), &row("C", "EXPIRED"), &row("A", "ACTIVE")]);

        let read = tokens(&rows, "U").unwrap();

        assert_eq!(read.iter().map(|token| token.name.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(
            read[0],
            Token {
                name: "A".into(),
                role: Some("R".into()),
                status: "ACTIVE".into(),
                comment: String::new(),
                created_by: Some("A".into()),
                expires_at: Some(1_795_392_000),
                rotated_to: None,
            }
        );
    }

    #[test]
    fn minutes_that_count_down_change_nothing_whatever_their_column_is_called() {
        let mut other = COLUMNS;
        other[8] = "mins_to_bypass_required_network_policy";
        let mut later = row("A", "ACTIVE");
        later[8] = Some("16");

        assert_eq!(
            tokens(&Rows::of(&COLUMNS, &[&row("A", "ACTIVE")]), "U"),
            tokens(&Rows::of(&other, &[&later]), "U")
        );
    }

    #[test]
    fn the_list_of_another_user_or_without_a_column_is_none() {
        let rows = Rows::of(&COLUMNS, &[&row("A", "ACTIVE")]);
        assert_eq!(tokens(&rows, "V"), Err(Fault::Other("user")));
        for missing in ["name", "user_name", "role_restriction", "expires_at", "status"] {
            let columns = COLUMNS.map(|column| if column == missing { "x" } else { column });
            assert_eq!(tokens(&Rows::of(&columns, &[]), "U"), Err(Fault::NoColumn(missing)));
        }
        let mut undated = row("A", "ACTIVE");
        undated[3] = Some("soon");
        let read = tokens(&Rows::of(&COLUMNS, &[&undated]), "U");
        assert_eq!(read, Err(Fault::Value("expires_at")));
    }

    #[test]
    fn key_pairs_are_the_named_ones_that_still_work() {
        let row = |name, status| [Some(name), Some("U"), Some(status)];
        let rows = Rows::of(
            &["name", "user_name", "status"],
            &[
                &row("PUBLIC_KEY_1", "ACTIVE"),
                &row("CI", "ACTIVE"),
                &row("OLD", "EXPIRED"),
                &row("OFF", "DISABLED"),
            ],
        );

        assert_eq!(key_pairs(&rows, "U"), Ok(["CI".into(), "OFF".into()].into()));
        assert_eq!(key_pairs(&rows, "V"), Err(Fault::Other("user")));
    }

    #[test]
    fn live_tokens_of_all_users_are_told_by_user() {
        let rows = Rows::of(
            &["USER_NAME", "NAME"],
            &[&[Some("A"), Some("T")], &[Some("B"), Some("T")], &[Some("A"), Some("S")]],
        );

        let found = live_tokens(&rows).unwrap();

        assert_eq!(found["A"], ["S".to_owned(), "T".to_owned()].into());
        assert_eq!(found["B"], ["T".to_owned()].into());
    }
}
