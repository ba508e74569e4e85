//! Who holds what: SHOW GRANTS in its forms (snowflake docs: show-grants).

use std::collections::{BTreeMap, BTreeSet};

use crate::pattern::observed::Grant;
use crate::pattern::reading::rows::{Fault, Rows, given};
use crate::pattern::reading::value;

/// Who holds a role: `ROLE`, `USER`, … and the name.
pub(in crate::pattern::reading) type Holder = (String, String);

/// SHOW GRANTS TO ROLE (snowflake docs: show-grants).
pub(in crate::pattern::reading) fn grants_to_role(rows: &Rows) -> Result<BTreeSet<Grant>, Fault> {
    let rows = rows.read(["privilege", "granted_on", "name"])?;
    let grants = rows.into_iter().map(|[privilege, on, name]| grant(privilege, on, name));
    grants.collect()
}

/// SHOW GRANTS TO USER. Accounts without privileges for users show `role` alone; the others show privileges beside
/// it, and role rows with or without them.
pub(in crate::pattern::reading) fn grants_to_user(rows: &Rows) -> Result<BTreeSet<Grant>, Fault> {
    let roles = rows.read(["role"])?;
    let columns = ["privilege", "granted_on", "name"];
    let privileges = match columns.iter().any(|column| rows.has(column)) {
        true => rows.read(columns)?,
        false => vec![[None; 3]; roles.len()],
    };
    let both = roles.into_iter().zip(privileges);
    both.map(|([role], [privilege, on, name])| match role.filter(|role| !role.is_empty()) {
        Some(role) => grant(Some("USAGE"), on.or(Some("ROLE")), Some(role)),
        None => grant(privilege, on, name),
    })
    .collect()
}

fn grant(privilege: Option<&str>, on: Option<&str>, name: Option<&str>) -> Result<Grant, Fault> {
    Ok(Grant {
        privilege: given("privilege", privilege)?.to_owned(),
        on: given("granted_on", on)?.to_owned(),
        name: value::name(given("name", name)?),
    })
}

/// SHOW GRANTS OF ROLE.
pub(in crate::pattern::reading) fn holders(rows: &Rows) -> Result<BTreeSet<Holder>, Fault> {
    let rows = rows.read(["granted_to", "grantee_name"])?;
    rows.into_iter().map(|[to, name]| holder(to, name)).collect()
}

/// SHOW GRANTS ON USER: role → privileges.
pub(in crate::pattern::reading) fn grants_on(
    rows: &Rows,
) -> Result<BTreeMap<String, BTreeSet<String>>, Fault> {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for [privilege, to, name] in rows.read(["privilege", "granted_to", "grantee_name"])? {
        let privilege = given("privilege", privilege)?.to_owned();
        let holder = match holder(to, name)? {
            (kind, name) if kind == "ROLE" => name,
            (kind, name) => format!("{kind} {name}"),
        };
        found.entry(holder).or_default().insert(privilege);
    }
    Ok(found)
}

fn holder(to: Option<&str>, name: Option<&str>) -> Result<Holder, Fault> {
    let kind = given("granted_to", to)?.to_ascii_uppercase();
    Ok((kind, value::name(given("grantee_name", name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant_of(privilege: &str, on: &str, name: &str) -> Grant {
        Grant { privilege: privilege.into(), on: on.into(), name: name.into() }
    }

    #[test]
    fn what_a_role_holds_is_read_with_names_unquoted() {
        let rows = Rows::of(
            &["created_on", "privilege", "granted_on", "name", "granted_to", "grantee_name"],
            &[
                &[Some("1"), Some("USAGE"), Some("ROLE"), Some("\"low\""), Some("ROLE"), Some("R")],
                &[Some("2"), Some("USAGE"), Some("SCHEMA"), Some("DB.\"s\""), None, None],
            ],
        );

        let wanted = [grant_of("USAGE", "ROLE", "low"), grant_of("USAGE", "SCHEMA", "DB.s")];
        assert_eq!(grants_to_role(&rows), Ok(wanted.into()));
    }

    #[test]
    fn what_a_user_holds_is_read_in_both_forms_of_the_answer() {
        let roles_alone = Rows::of(&["created_on", "role"], &[&[Some("1"), Some("R")]]);
        let with_privileges = Rows::of(
            &["role", "privilege", "granted_on", "name"],
            &[
                &[Some("R"), None, None, None],
                &[Some("DB.DR"), Some("USAGE"), Some("DATABASE_ROLE"), Some("DB.DR")],
                &[None, Some("SELECT"), Some("TABLE"), Some("DB.S.T")],
            ],
        );

        let role = grant_of("USAGE", "ROLE", "R");
        assert_eq!(grants_to_user(&roles_alone), Ok([role.clone()].into()));
        let all = [
            role,
            grant_of("USAGE", "DATABASE_ROLE", "DB.DR"),
            grant_of("SELECT", "TABLE", "DB.S.T"),
        ];
        assert_eq!(grants_to_user(&with_privileges), Ok(all.into()));
    }

    #[test]
    fn a_grant_without_a_name_is_none() {
        let columns = ["privilege", "granted_on", "name"];
        for place in 0..columns.len() {
            let mut row = [Some("USAGE"), Some("ROLE"), Some("R")];
            row[place] = None;
            assert_eq!(
                grants_to_role(&Rows::of(&columns, &[&row])),
                Err(Fault::Value(columns[place]))
            );
        }
        let half = Rows::of(&["role", "privilege", "granted_on"], &[]);
        assert_eq!(grants_to_user(&half), Err(Fault::NoColumn("name")));
    }

    #[test]
    fn who_may_do_what_to_a_user_is_told_by_role_and_others_by_their_kind() {
        let rows = Rows::of(
            &["privilege", "granted_to", "grantee_name"],
            &[
                &[Some("OWNERSHIP"), Some("ROLE"), Some("USERADMIN")],
                &[Some("MONITOR"), Some("ROLE"), Some("USERADMIN")],
                &[Some("MONITOR"), Some("USER"), Some("M")],
                &[Some("MONITOR"), Some("DATABASE_ROLE"), Some("DB.\"r\"")],
            ],
        );

        let found = grants_on(&rows).unwrap();

        let told: Vec<(&str, Vec<&str>)> = found
            .iter()
            .map(|(who, what)| (who.as_str(), what.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(
            told,
            [
                ("DATABASE_ROLE DB.r", vec!["MONITOR"]),
                ("USER M", vec!["MONITOR"]),
                ("USERADMIN", vec!["MONITOR", "OWNERSHIP"]),
            ]
        );
    }

    #[test]
    fn who_holds_a_role_is_told_with_its_kind() {
        let rows = Rows::of(
            &["role", "granted_to", "grantee_name"],
            &[&[Some("R"), Some("USER"), Some("M")], &[Some("R"), Some("ROLE"), Some("SYSADMIN")]],
        );

        let wanted = [("USER".into(), "M".into()), ("ROLE".into(), "SYSADMIN".into())];
        assert_eq!(holders(&rows), Ok(wanted.into()));
    }
}
