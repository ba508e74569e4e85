//! Users: SHOW USERS and DESCRIBE USER.

use std::collections::BTreeSet;

use crate::pattern::observed::UserProperties;
use crate::pattern::reading::ask::PAGE;
use crate::pattern::reading::rows::{Fault, Rows, given, yes};
use crate::pattern::reading::value;

use super::{at_most_one, filled, properties};

/// A user as SHOW USERS lists it. What is none there was not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pattern::reading) struct UserRow {
    pub(in crate::pattern::reading) name: String,
    pub(in crate::pattern::reading) owner: Option<String>,
    pub(in crate::pattern::reading) user_type: Option<String>,
    /// None: only the name is to be seen.
    pub(in crate::pattern::reading) shown: Option<Shown>,
}

/// What SHOW USERS says about a user to those who may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pattern::reading) struct Shown {
    pub(in crate::pattern::reading) disabled: bool,
    /// Methods it is said to have something for; what is not said is not there, so that a list of who would be
    /// locked out is rather too long.
    pub(in crate::pattern::reading) methods: BTreeSet<String>,
}

/// A page of users, in the order of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pattern::reading) struct Page {
    pub(in crate::pattern::reading) users: Vec<UserRow>,
    /// Whether there may be more after the last.
    pub(in crate::pattern::reading) full: bool,
}

impl UserRow {
    /// Returns whether the user counts as a person: by its type, or for want of one.
    pub(in crate::pattern::reading) fn is_person(&self) -> bool {
        self.user_type.as_deref().is_none_or(|found| found == "PERSON")
    }
}

/// SHOW USERS (snowflake docs: show-users: who may not see a user finds null beside its name).
pub(in crate::pattern::reading) fn page(rows: &Rows) -> Result<Page, Fault> {
    let columns =
        ["name", "owner", "type", "login_name", "disabled", "has_password", "has_rsa_public_key"];
    // Its older name is still in the example of the docs.
    let identity = match rows.has("has_federated_workload_authentication") {
        true => "has_federated_workload_authentication",
        false => "has_workload_identity",
    };
    let both = rows.read(columns)?.into_iter().zip(rows.read([identity])?);
    let mut users = Vec::new();
    for ([name, owner, user_type, login, disabled, password, key], [identity]) in both {
        let flags = [
            ("PASSWORD", "has_password", password),
            ("KEYPAIR", "has_rsa_public_key", key),
            ("WORKLOAD_IDENTITY", "has_workload_identity", identity),
        ];
        let shown = match filled(login) {
            Some(_) => Some(Shown {
                disabled: yes("disabled", given("disabled", disabled)?)?,
                methods: methods(flags)?,
            }),
            None => None,
        };
        users.push(UserRow {
            name: given("name", name)?.to_owned(),
            owner: filled(owner).map(value::name),
            user_type: filled(user_type).map(str::to_ascii_uppercase),
            shown,
        });
    }
    Ok(Page { full: users.len() >= PAGE, users })
}

fn methods(flags: [(&str, &'static str, Option<&str>); 3]) -> Result<BTreeSet<String>, Fault> {
    let mut methods = BTreeSet::new();
    for (method, column, flag) in flags {
        if let Some(flag) = filled(flag)
            && yes(column, flag)?
        {
            methods.insert(method.to_owned());
        }
    }
    Ok(methods)
}

/// SHOW USERS: the one of exactly this name.
pub(in crate::pattern::reading) fn user(rows: &Rows, name: &str) -> Result<Option<UserRow>, Fault> {
    at_most_one(page(rows)?.users.into_iter().filter(|user| user.name == name), "name")
}

/// DESCRIBE USER (snowflake docs: desc-user).
pub(in crate::pattern::reading) fn user_properties(rows: &Rows) -> Result<UserProperties, Fault> {
    let properties = properties(rows)?;
    let text = |name: &'static str| match properties.get(name) {
        Some(value) => Ok(filled(value.as_deref())),
        None => Err(Fault::NoProperty(name)),
    };
    let flag = |name| yes(name, text(name)?.ok_or(Fault::Value(name))?);
    let owned = |name| Ok(text(name)?.map(str::to_owned));
    let named = |name| Ok(text(name)?.map(value::name));
    Ok(UserProperties {
        user_type: text("TYPE")?.map(str::to_ascii_uppercase),
        login_name: owned("LOGIN_NAME")?.ok_or(Fault::Value("LOGIN_NAME"))?,
        disabled: flag("DISABLED")?,
        comment: owned("COMMENT")?.unwrap_or_default(),
        default_role: named("DEFAULT_ROLE")?,
        no_secondary_roles: no_secondary_roles(text("DEFAULT_SECONDARY_ROLES")?)?,
        default_warehouse: named("DEFAULT_WAREHOUSE")?,
        has_password: text("PASSWORD")?.is_some(),
        key_fingerprints: [owned("RSA_PUBLIC_KEY_FP")?, owned("RSA_PUBLIC_KEY_2_FP")?],
        has_workload_identity: flag("HAS_WORKLOAD_IDENTITY")?,
    })
}

/// Null means the default, which is all of them (snowflake docs: create-user).
fn no_secondary_roles(text: Option<&str>) -> Result<bool, Fault> {
    let Some(text) = text else { return Ok(false) };
    let roles = value::list(text).ok_or(Fault::Value("DEFAULT_SECONDARY_ROLES"))?;
    Ok(roles.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [&str; 9] = [
        "name",
        "login_name",
        "comment",
        "disabled",
        "owner",
        "has_password",
        "has_rsa_public_key",
        "type",
        "has_workload_identity",
    ];

    const PERSON: [Option<&str>; 9] = [
        Some("M"),
        Some("M@X"),
        None,
        Some("false"),
        Some("USERADMIN"),
        Some("true"),
        None,
        None,
        Some("false"),
    ];

    #[test]
    fn a_user_is_read_with_what_it_can_log_in_with() {
        let page = page(&Rows::of(&COLUMNS, &[&PERSON])).unwrap();

        let [user] = page.users.as_slice() else { panic!("{page:?}") };
        assert!(user.is_person() && !page.full);
        assert_eq!(user.owner.as_deref(), Some("USERADMIN"));
        let shown = user.shown.as_ref().unwrap();
        assert!(!shown.disabled);
        assert_eq!(shown.methods, ["PASSWORD".to_owned()].into());
    }

    #[test]
    fn a_user_of_whom_only_the_name_is_shown_is_not_taken_for_a_person_without_anything() {
        let mut row = [None; 9];
        row[0] = Some("M");

        let user = user(&Rows::of(&COLUMNS, &[&row]), "M").unwrap().unwrap();

        assert_eq!(user.shown, None);
    }

    #[test]
    fn only_the_very_name_counts_whatever_the_pattern_let_through() {
        let mut others = [PERSON; 3];
        others[0][0] = Some("MXCLI");
        others[1][0] = Some("m_cli");
        others[2][0] = Some("M_CLI2");
        let rows: Vec<&[Option<&str>]> = others.iter().map(|row| row.as_slice()).collect();

        assert_eq!(user(&Rows::of(&COLUMNS, &rows), "M_CLI"), Ok(None));
        assert_eq!(user(&Rows::of(&COLUMNS, &rows), "m_cli").unwrap().unwrap().name, "m_cli");
        assert_eq!(user(&Rows::of(&COLUMNS, &[&PERSON, &PERSON]), "M"), Err(Fault::Twice("name")));
    }

    #[test]
    fn both_names_of_the_workload_column_are_known_and_a_missing_column_is_named() {
        for place in 1..COLUMNS.len() {
            let mut columns = COLUMNS;
            columns[place] = "something_else";
            let read = page(&Rows::of(&columns, &[&PERSON]));
            match COLUMNS[place] {
                "comment" => assert!(read.is_ok()),
                missing => assert_eq!(read, Err(Fault::NoColumn(missing))),
            }
        }
        let mut older = COLUMNS;
        older[8] = "has_federated_workload_authentication";
        assert!(page(&Rows::of(&older, &[&PERSON])).is_ok());
    }

    #[test]
    fn a_flag_that_is_neither_yes_nor_no_is_a_fault() {
        for (place, column) in [(3, "disabled"), (5, "has_password")] {
            let mut row = PERSON;
            row[place] = Some("perhaps");
            assert_eq!(page(&Rows::of(&COLUMNS, &[&row])), Err(Fault::Value(column)));
        }
    }

    const DESCRIBED: [[Option<&str>; 2]; 11] = [
        [Some("TYPE"), Some("SERVICE")],
        [Some("LOGIN_NAME"), Some("CLI")],
        [Some("DISABLED"), Some("false")],
        [Some("COMMENT"), Some("null")],
        [Some("DEFAULT_ROLE"), Some("\"low\"")],
        [Some("DEFAULT_SECONDARY_ROLES"), Some("[]")],
        [Some("DEFAULT_WAREHOUSE"), None],
        [Some("PASSWORD"), Some("null")],
        [Some("RSA_PUBLIC_KEY_FP"), Some("SHA256:x")],
        [Some("RSA_PUBLIC_KEY_2_FP"), Some("null")],
        [Some("HAS_WORKLOAD_IDENTITY"), Some("false")],
    ];

    fn described(rows: &[[Option<&str>; 2]]) -> Result<UserProperties, Fault> {
        let rows: Vec<&[Option<&str>]> = rows.iter().map(|row| row.as_slice()).collect();
        user_properties(&Rows::of(&["property", "value"], &rows))
    }

    #[test]
    fn the_properties_of_a_user_are_read_and_null_is_nothing() {
        let read = described(&DESCRIBED).unwrap();

        assert_eq!(
            read,
            UserProperties {
                user_type: Some("SERVICE".into()),
                login_name: "CLI".into(),
                disabled: false,
                comment: String::new(),
                default_role: Some("low".into()),
                no_secondary_roles: true,
                default_warehouse: None,
                has_password: false,
                key_fingerprints: [Some("SHA256:x".into()), None],
                has_workload_identity: false,
            }
        );
    }

    #[test]
    fn secondary_roles_are_none_only_where_it_says_so() {
        for (text, none) in
            [(Some("[]"), true), (Some("[\"ALL\"]"), false), (None, false), (Some("null"), false)]
        {
            let mut rows = DESCRIBED;
            rows[5][1] = text;
            assert_eq!(described(&rows).unwrap().no_secondary_roles, none, "{text:?}");
        }
        let mut rows = DESCRIBED;
        rows[5][1] = Some("ALL");
        assert_eq!(described(&rows), Err(Fault::Value("DEFAULT_SECONDARY_ROLES")));
    }

    #[test]
    fn a_property_that_is_missing_or_there_twice_is_a_fault() {
        for missing in 0..DESCRIBED.len() {
            let mut rows = DESCRIBED;
            rows[missing][0] = Some("OTHER");
            assert!(matches!(described(&rows), Err(Fault::NoProperty(_))));
        }
        let mut rows = DESCRIBED;
        rows[1] = rows[0];
        assert_eq!(described(&rows), Err(Fault::Twice("property")));
    }
}
