//! Authentication policies: which there are, where they are attached, which is in force.

use std::collections::{BTreeMap, BTreeSet};

use crate::pattern::ours::FullName;
use crate::pattern::reading::rows::{Fault, Rows, given};
use crate::pattern::reading::value;

use super::{at_most_one, filled};

/// The authentication policy in force; no name: Snowflake's built-in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pattern::reading) struct InForce {
    pub(in crate::pattern::reading) policy: Option<FullName>,
    pub(in crate::pattern::reading) set_on: Option<String>,
}

/// SHOW AUTHENTICATION POLICIES ON USER. None: no policy was shown, not even the built-in one.
pub(in crate::pattern::reading) fn in_force(rows: &Rows) -> Result<Option<InForce>, Fault> {
    let rows = rows.read(["database_name", "schema_name", "name", "set_on"])?;
    let found = rows.into_iter().map(|[database, schema, name, set_on]| InForce {
        policy: full_name(database, schema, name),
        set_on: filled(set_on).map(str::to_owned),
    });
    at_most_one(found, "user")
}

/// SHOW AUTHENTICATION POLICIES ON ACCOUNT: scope → policy.
pub(in crate::pattern::reading) fn on_account(
    rows: &Rows,
) -> Result<BTreeMap<String, FullName>, Fault> {
    let mut attached = BTreeMap::new();
    for [database, schema, name, options] in
        rows.read(["database_name", "schema_name", "name", "options"])?
    {
        // The built-in policy is in no schema, and attached to nothing.
        let Some(policy) = full_name(database, schema, name) else { continue };
        let scopes = options.and_then(value::target_scopes).ok_or(Fault::Value("options"))?;
        for scope in scopes {
            if attached.insert(scope, policy.clone()).is_some_and(|other| other != policy) {
                return Err(Fault::Twice("scope"));
            }
        }
    }
    Ok(attached)
}

/// SHOW AUTHENTICATION POLICIES IN SCHEMA: names.
pub(in crate::pattern::reading) fn names(rows: &Rows) -> Result<BTreeSet<String>, Fault> {
    let rows = rows.read(["name"])?;
    rows.into_iter().map(|[name]| Ok(given("name", name)?.to_owned())).collect()
}

fn full_name(database: Option<&str>, schema: Option<&str>, name: Option<&str>) -> Option<FullName> {
    Some([filled(database)?, filled(schema)?, filled(name)?].map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(last: &str) -> FullName {
        ["DB".to_owned(), "S".to_owned(), last.to_owned()]
    }

    #[test]
    fn the_policy_in_force_is_one_or_the_built_in_one() {
        let columns = ["name", "database_name", "schema_name", "set_on"];
        let own = [Some("P"), Some("DB"), Some("S"), Some("USER")];
        let built_in = [Some("BUILT-IN"), None, None, Some("SYSTEM")];

        let found = in_force(&Rows::of(&columns, &[&own])).unwrap().unwrap();
        assert_eq!((found.policy, found.set_on.as_deref()), (Some(name("P")), Some("USER")));
        let found = in_force(&Rows::of(&columns, &[&built_in])).unwrap().unwrap();
        assert_eq!((found.policy, found.set_on.as_deref()), (None, Some("SYSTEM")));
        assert_eq!(in_force(&Rows::of(&columns, &[])), Ok(None));
        assert_eq!(in_force(&Rows::of(&columns, &[&own, &built_in])), Err(Fault::Twice("user")));
    }

    #[test]
    fn each_scope_of_the_account_has_one_policy() {
        let columns = ["name", "database_name", "schema_name", "options"];
        let row = |last, scopes| [Some(last), Some("DB"), Some("S"), Some(scopes)];
        let both = r#"{"target_scopes":["ACCOUNT","PERSON_USERS"]}"#;
        let persons = r#"{"target_scopes":["PERSON_USERS"]}"#;
        let built_in = [Some("BUILT-IN"), None, None, None];

        let found = on_account(&Rows::of(&columns, &[&row("P", both), &built_in])).unwrap();
        assert_eq!(
            found,
            [("ACCOUNT".into(), name("P")), ("PERSON_USERS".into(), name("P"))].into()
        );
        let two = on_account(&Rows::of(&columns, &[&row("P", both), &row("Q", persons)]));
        assert_eq!(two, Err(Fault::Twice("scope")));
        let silent = on_account(&Rows::of(&columns, &[&row("P", "")]));
        assert_eq!(silent, Err(Fault::Value("options")));
    }
}
