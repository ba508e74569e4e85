//! From where one may connect: network rules and policies, and the parameter that puts a user under one.

use std::collections::{BTreeMap, BTreeSet};

use crate::pattern::observed::Owned;
use crate::pattern::ours::FullName;
use crate::pattern::reading::rows::{Fault, Rows, given, only};
use crate::pattern::reading::value;

use super::{at_most_one, filled, owner_and_comment};

/// A network rule without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pattern::reading) struct RuleRow {
    pub(in crate::pattern::reading) owned: Owned,
    pub(in crate::pattern::reading) kind: String,
    pub(in crate::pattern::reading) mode: String,
}

/// SHOW NETWORK RULES: the one of exactly this name.
pub(in crate::pattern::reading) fn network_rule(
    rows: &Rows,
    full: &FullName,
) -> Result<Option<RuleRow>, Fault> {
    let columns = ["database_name", "schema_name", "name", "owner", "comment", "type", "mode"];
    let mut found = Vec::new();
    for [database, schema, name, owner, comment, kind, mode] in rows.read(columns)? {
        if [database, schema, name] == full.each_ref().map(|part| Some(part.as_str())) {
            let owned = owner_and_comment(owner, comment);
            let kind = given("type", kind)?.to_owned();
            found.push(RuleRow { owned, kind, mode: given("mode", mode)?.to_owned() });
        }
    }
    at_most_one(found.into_iter(), "name")
}

/// DESCRIBE NETWORK RULE.
pub(in crate::pattern::reading) fn rule_values(rows: &Rows) -> Result<BTreeSet<String>, Fault> {
    let [values] = only(rows.read(["value_list"])?)?;
    Ok(value::items(values.unwrap_or_default()))
}

/// SHOW NETWORK POLICIES: the comment of the one of exactly this name.
pub(in crate::pattern::reading) fn network_policy(
    rows: &Rows,
    name: &str,
) -> Result<Option<String>, Fault> {
    let rows = rows.read(["name", "comment"])?;
    let found = rows.into_iter().filter(|[found, _]| *found == Some(name));
    at_most_one(found.map(|[_, comment]| comment.unwrap_or_default().to_owned()), "name")
}

/// DESCRIBE NETWORK POLICY: property → full names of rules, or addresses.
pub(in crate::pattern::reading) fn network_lists(
    rows: &Rows,
) -> Result<BTreeMap<String, BTreeSet<String>>, Fault> {
    let mut lists = BTreeMap::new();
    for [name, values] in rows.read(["name", "value"])? {
        let (name, values) = (given("name", name)?, values.unwrap_or_default());
        let items = match name.ends_with("_NETWORK_RULE_LIST") && !values.is_empty() {
            true => value::rules(values).ok_or(Fault::Value("value"))?,
            false => value::items(values),
        };
        if lists.insert(name.to_owned(), items).is_some() {
            return Err(Fault::Twice("name"));
        }
    }
    Ok(lists)
}

/// SHOW PARAMETERS: the network policy set on the user itself. None: the parameter was not shown.
pub(in crate::pattern::reading) fn own_network_policy(
    rows: &Rows,
) -> Result<Option<Option<String>>, Fault> {
    Ok(parameter(rows)?.map(|found| found.policy.filter(|_| found.level == Some("USER"))))
}

/// SHOW PARAMETERS IN ACCOUNT: the network policy of the account. None: the parameter was not shown.
pub(in crate::pattern::reading) fn network_policy_of_account(
    rows: &Rows,
) -> Result<Option<Option<String>>, Fault> {
    Ok(parameter(rows)?.map(|found| found.policy))
}

/// The network policy in force somewhere, and the level it is set at.
struct Parameter<'r> {
    policy: Option<String>,
    level: Option<&'r str>,
}

/// The one parameter of exactly this name.
fn parameter(rows: &Rows) -> Result<Option<Parameter<'_>>, Fault> {
    let rows = rows.read(["key", "value", "level"])?;
    let found = rows.into_iter().filter(|[key, ..]| *key == Some("NETWORK_POLICY"));
    let found = found
        .map(|[_, policy, level]| Parameter { policy: filled(policy).map(value::name), level });
    at_most_one(found, "key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    #[test]
    fn a_rule_is_found_by_its_full_name() {
        let columns = ["name", "database_name", "schema_name", "owner", "comment", "type", "mode"];
        let row = |database| {
            [
                Some("N"),
                Some(database),
                Some("S"),
                Some("R"),
                Some("c"),
                Some("IPV4"),
                Some("INGRESS"),
            ]
        };
        let rows = Rows::of(&columns, &[&row("OTHER"), &row("DB")]);
        let name = |database: &str| [database.to_owned(), "S".to_owned(), "N".to_owned()];

        let found = network_rule(&rows, &name("DB")).unwrap().unwrap();
        assert_eq!((found.kind.as_str(), found.mode.as_str()), ("IPV4", "INGRESS"));
        assert_eq!(found.owned, Owned { owner: "R".into(), comment: "c".into() });
        assert_eq!(network_rule(&rows, &name("D")), Ok(None));
    }

    #[test]
    fn the_values_of_a_rule_are_a_set() {
        let rows = Rows::of(&["value_list"], &[&[Some("192.0.2.1/32,198.51.100.0/24")]]);
        assert_eq!(rule_values(&rows), Ok(set(&["192.0.2.1/32", "198.51.100.0/24"])));
        assert_eq!(rule_values(&Rows::of(&["value_list"], &[&[None]])), Ok(set(&[])));
        let none = Rows::of(&["value_list"], &[]);
        assert_eq!(rule_values(&none), Err(Fault::Count { found: 0, wanted: "1" }));
    }

    #[test]
    fn a_policys_lists_are_rules_by_full_name_and_addresses() {
        let rules = r#"[{"fullyQualifiedRuleName":"DB.S.N"}]"#;
        let columns = ["name", "value"];
        let rows = Rows::of(
            &columns,
            &[
                &[Some("ALLOWED_NETWORK_RULE_LIST"), Some(rules)],
                &[Some("BLOCKED_NETWORK_RULE_LIST"), Some("")],
                &[Some("ALLOWED_IP_LIST"), Some("192.0.2.1,192.0.2.2")],
            ],
        );

        let lists = network_lists(&rows).unwrap();

        assert_eq!(lists["ALLOWED_NETWORK_RULE_LIST"], set(&["DB.S.N"]));
        assert_eq!(lists["BLOCKED_NETWORK_RULE_LIST"], set(&[]));
        assert_eq!(lists["ALLOWED_IP_LIST"], set(&["192.0.2.1", "192.0.2.2"]));
        let odd = Rows::of(&columns, &[&[Some("ALLOWED_NETWORK_RULE_LIST"), Some("DB.S.N")]]);
        assert_eq!(network_lists(&odd), Err(Fault::Value("value")));
    }

    #[test]
    fn only_a_network_policy_set_on_the_user_itself_is_its_own() {
        let of = |value, level| {
            let other = [Some("NETWORKXPOLICY"), Some("OTHER"), Some("USER")];
            let row = [Some("NETWORK_POLICY"), value, level];
            own_network_policy(&Rows::of(&["key", "value", "level"], &[&other, &row]))
        };

        assert_eq!(of(Some("P"), Some("USER")), Ok(Some(Some("P".into()))));
        assert_eq!(of(Some("P"), Some("ACCOUNT")), Ok(Some(None)));
        assert_eq!(of(Some(""), Some("")), Ok(Some(None)));
        assert_eq!(own_network_policy(&Rows::of(&["key", "value", "level"], &[])), Ok(None));
    }

    #[test]
    fn the_network_policy_of_the_account_is_one_or_none_or_not_shown() {
        let of = |rows: &[&[Option<&str>]]| {
            network_policy_of_account(&Rows::of(&["key", "value", "level"], rows))
        };
        let row = |value| [Some("NETWORK_POLICY"), value, Some("ACCOUNT")];

        assert_eq!(of(&[&row(Some("\"office\""))]), Ok(Some(Some("office".into()))));
        for nothing in [None, Some(""), Some("null")] {
            assert_eq!(of(&[&row(nothing)]), Ok(Some(None)));
        }
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[&row(Some("A")), &row(Some("B"))]), Err(Fault::Twice("key")));
    }
}
