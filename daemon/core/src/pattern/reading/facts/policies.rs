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

/// What is attached to the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pattern::reading) struct OnAccount {
    pub(in crate::pattern::reading) policies: BTreeSet<FullName>,
    /// Scope → policy; none where Snowflake does not tell.
    pub(in crate::pattern::reading) scopes: Option<BTreeMap<String, FullName>>,
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

/// SHOW AUTHENTICATION POLICIES ON ACCOUNT. A policy whose options do not tell what it is attached for leaves all scopes
/// open: it may be any of them.
pub(in crate::pattern::reading) fn on_account(rows: &Rows) -> Result<OnAccount, Fault> {
    let named = rows.read(["database_name", "schema_name", "name"])?;
    let options = rows.read_where_there(["options"])?;
    let mut found = OnAccount { policies: BTreeSet::new(), scopes: Some(BTreeMap::new()) };
    for ([database, schema, name], [options]) in named.into_iter().zip(options) {
        // The built-in policy is in no schema, and attached to nothing.
        let Some(policy) = full_name(database, schema, name) else { continue };
        found.attach(policy, options.and_then(value::target_scopes))?;
    }
    Ok(found)
}

impl OnAccount {
    fn attach(&mut self, policy: FullName, to: Option<BTreeSet<String>>) -> Result<(), Fault> {
        self.policies.insert(policy.clone());
        let (Some(to), Some(scopes)) = (to, &mut self.scopes) else {
            self.scopes = None;
            return Ok(());
        };
        for scope in to {
            if scopes.insert(scope, policy.clone()).is_some_and(|other| other != policy) {
                return Err(Fault::Twice("scope"));
            }
        }
        Ok(())
    }
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
        assert_eq!(found.policies, [name("P")].into());
        assert_eq!(
            found.scopes.unwrap(),
            [("ACCOUNT".into(), name("P")), ("PERSON_USERS".into(), name("P"))].into()
        );
        let two = on_account(&Rows::of(&columns, &[&row("P", both), &row("Q", persons)]));
        assert_eq!(two, Err(Fault::Twice("scope")));
    }

    #[test]
    fn a_policy_that_does_not_tell_its_scopes_leaves_them_all_open() {
        let columns = ["name", "database_name", "schema_name", "options"];
        let row = |last, scopes| [Some(last), Some("DB"), Some("S"), scopes];
        let told = row("P", Some(r#"{"target_scopes":["ACCOUNT"]}"#));
        for silent in [None, Some(""), Some("{}"), Some("target_scopes")] {
            for rows in [[&told, &row("Q", silent)], [&row("Q", silent), &told]] {
                let rows = rows.map(|row| row.as_slice());
                let found = on_account(&Rows::of(&columns, &rows)).unwrap();
                assert_eq!(found.scopes, None, "{silent:?}");
                assert_eq!(found.policies, [name("P"), name("Q")].into());
            }
        }
        let older = Rows::of(&columns[..3], &[&told[..3]]);
        assert_eq!(on_account(&older).unwrap().scopes, None);
        assert_eq!(on_account(&Rows::of(&columns[..3], &[])).unwrap().scopes, Some([].into()));
    }
}
