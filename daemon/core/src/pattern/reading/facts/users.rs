//! Users: SHOW USERS and DESCRIBE USER.

use std::collections::BTreeSet;

use crate::pattern::observed::{Seen, UserProperties};
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
    /// What it is said to have to log in with; none where nothing is said.
    pub(in crate::pattern::reading) password: Option<bool>,
    key: Option<bool>,
    pub(in crate::pattern::reading) identity: Option<bool>,
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

impl Shown {
    /// Returns the methods it is said to have something for; what is not said is not there, so that a list of who
    /// would be locked out is rather too long.
    pub(in crate::pattern::reading) fn methods(&self) -> BTreeSet<String> {
        let flags = [
            ("PASSWORD", self.password),
            ("KEYPAIR", self.key),
            ("WORKLOAD_IDENTITY", self.identity),
        ];
        let said = flags.into_iter().filter(|(_, flag)| *flag == Some(true));
        said.map(|(method, _)| method.to_owned()).collect()
    }
}

/// SHOW USERS (snowflake docs: show-users: who may not see a user finds null beside its name).
pub(in crate::pattern::reading) fn page(rows: &Rows) -> Result<Page, Fault> {
    let known = rows.read(["name", "owner", "type", "login_name", "disabled"])?;
    let flags = flags(rows)?;
    let mut users = Vec::new();
    for ([name, owner, user_type, login, disabled], [password, key, identity]) in
        known.into_iter().zip(flags)
    {
        let shown = match filled(login) {
            Some(_) => Some(Shown {
                disabled: yes("disabled", given("disabled", disabled)?)?,
                password: flag("has_password", password)?,
                key: flag("has_rsa_public_key", key)?,
                identity: flag("has_workload_identity", identity)?,
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

/// What each user has to log in with. Not every release has all of these columns, and the example of the docs has an
/// older name of the last.
fn flags(rows: &Rows) -> Result<Vec<[Option<&str>; 3]>, Fault> {
    let identity = match rows.has("has_federated_workload_authentication") {
        true => "has_federated_workload_authentication",
        false => "has_workload_identity",
    };
    rows.read_where_there(["has_password", "has_rsa_public_key", identity])
}

fn flag(column: &'static str, text: Option<&str>) -> Result<Option<bool>, Fault> {
    filled(text).map(|text| yes(column, text)).transpose()
}

/// SHOW USERS: the one of exactly this name.
pub(in crate::pattern::reading) fn user(rows: &Rows, name: &str) -> Result<Option<UserRow>, Fault> {
    at_most_one(page(rows)?.users.into_iter().filter(|user| user.name == name), "name")
}

/// DESCRIBE USER (snowflake docs: desc-user). PASSWORD and HAS_WORKLOAD_IDENTITY are not in every release; what they
/// would say is hidden then.
pub(in crate::pattern::reading) fn user_properties(rows: &Rows) -> Result<UserProperties, Fault> {
    let properties = properties(rows)?;
    let text = |name: &'static str| match properties.get(name) {
        Some(value) => Ok(filled(value.as_deref())),
        None => Err(Fault::NoProperty(name)),
    };
    let disabled = text("DISABLED")?.ok_or(Fault::Value("DISABLED"))?;
    let owned = |name| Ok(text(name)?.map(str::to_owned));
    let named = |name| Ok(text(name)?.map(value::name));
    Ok(UserProperties {
        user_type: text("TYPE")?.map(str::to_ascii_uppercase),
        login_name: owned("LOGIN_NAME")?.ok_or(Fault::Value("LOGIN_NAME"))?,
        disabled: yes("DISABLED", disabled)?,
        comment: owned("COMMENT")?.unwrap_or_default(),
        default_role: named("DEFAULT_ROLE")?,
        no_secondary_roles: no_secondary_roles(text("DEFAULT_SECONDARY_ROLES")?)?,
        default_warehouse: named("DEFAULT_WAREHOUSE")?,
        has_password: match properties.get("PASSWORD") {
            Some(password) => Seen::Known(filled(password.as_deref()).is_some()),
            None => unsaid("PASSWORD", "has_password"),
        },
        key_fingerprints: [owned("RSA_PUBLIC_KEY_FP")?, owned("RSA_PUBLIC_KEY_2_FP")?],
        has_workload_identity: match properties.get(IDENTITY).and_then(Option::as_deref) {
            Some(identity) => Seen::Known(yes(IDENTITY, identity)?),
            None => unsaid(IDENTITY, "has_workload_identity"),
        },
    })
}

fn unsaid(property: &str, column: &str) -> Seen<bool> {
    let needs = format!(
        "a release of Snowflake with {property} in DESCRIBE USER or {column} in SHOW USERS"
    );
    Seen::Hidden { needs }
}

const IDENTITY: &str = "HAS_WORKLOAD_IDENTITY";

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
        assert_eq!(shown.methods(), ["PASSWORD".to_owned()].into());
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
    fn a_column_that_is_missing_is_named() {
        for place in 1..COLUMNS.len() {
            let mut columns = COLUMNS;
            columns[place] = "something_else";
            let read = page(&Rows::of(&columns, &[&PERSON]));
            match COLUMNS[place] {
                "comment" | "has_password" | "has_rsa_public_key" | "has_workload_identity" => {
                    assert!(read.is_ok());
                }
                missing => assert_eq!(read, Err(Fault::NoColumn(missing))),
            }
        }
    }

    #[test]
    fn what_a_release_does_not_say_of_a_user_is_neither_yes_nor_no() {
        let said = |column: &str| {
            let columns = COLUMNS.map(|name| if name == column { "something_else" } else { name });
            let page = page(&Rows::of(&columns, &[&PERSON])).unwrap();
            let shown = page.users[0].shown.clone().unwrap();
            (shown.password, shown.identity)
        };

        assert_eq!(said(""), (Some(true), Some(false)));
        assert_eq!(said("has_password"), (None, Some(false)));
        assert_eq!(said("has_workload_identity"), (Some(true), None));
        let mut older = COLUMNS;
        older[8] = "has_federated_workload_authentication";
        let page = page(&Rows::of(&older, &[&PERSON])).unwrap();
        assert_eq!(page.users[0].shown.as_ref().unwrap().identity, Some(false));
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
                has_password: Seen::Known(false),
                key_fingerprints: [Some("SHA256:x".into()), None],
                has_workload_identity: Seen::Known(false),
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
    fn what_a_release_does_not_describe_is_hidden_and_says_where_it_would_stand() {
        let hidden = |seen: Seen<bool>| match seen {
            Seen::Hidden { needs } => needs,
            Seen::Known(known) => panic!("taken for {known}"),
        };
        let mut rows = DESCRIBED;
        rows[7][0] = Some("OTHER");
        let read = described(&rows).unwrap();
        assert!(hidden(read.has_password).contains("PASSWORD in DESCRIBE USER or has_password"));
        assert_eq!(read.has_workload_identity, Seen::Known(false));

        for change in [(0, Some("OTHER")), (1, None), (1, Some("null"))] {
            let mut rows = DESCRIBED;
            rows[10][change.0] = change.1;
            let read = described(&rows).unwrap();
            assert!(hidden(read.has_workload_identity).contains("HAS_WORKLOAD_IDENTITY"));
        }
        let mut rows = DESCRIBED;
        rows[10][1] = Some("perhaps");
        assert_eq!(described(&rows), Err(Fault::Value("HAS_WORKLOAD_IDENTITY")));
    }

    #[test]
    fn a_property_that_is_missing_or_there_twice_is_a_fault() {
        for missing in 0..DESCRIBED.len() {
            let mut rows = DESCRIBED;
            rows[missing][0] = Some("OTHER");
            match DESCRIBED[missing][0] {
                Some("PASSWORD" | "HAS_WORKLOAD_IDENTITY") => assert!(described(&rows).is_ok()),
                _ => assert!(matches!(described(&rows), Err(Fault::NoProperty(_)))),
            }
        }
        let mut rows = DESCRIBED;
        rows[1] = rows[0];
        assert_eq!(described(&rows), Err(Fault::Twice("property")));
    }
}
