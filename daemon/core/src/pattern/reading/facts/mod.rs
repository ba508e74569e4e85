//! What each answer says, row by row. Only what does not change by itself is taken from it: no times of login, no
//! minutes that count down.

mod grants;
mod networks;
mod policies;
mod tokens;
mod users;

use std::collections::BTreeMap;

use crate::pattern::observed::Owned;

use super::rows::{Fault, Rows, given, only};
use super::site::Site;
use super::value;
pub(super) use grants::{Holder, grants_on, grants_to_role, grants_to_user, holders};
pub(super) use networks::{
    RuleRow, network_lists, network_policy, network_policy_of_account, network_rule,
    own_network_policy, rule_values,
};
pub(super) use policies::{InForce, OnAccount, in_force, names, on_account};
pub(super) use tokens::{key_pairs, live_tokens, tokens};
pub(super) use users::{Page, Shown, UserRow, page, user, user_properties};

/// Who is looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) user: String,
    pub(super) role: String,
    pub(super) address: Option<String>,
    pub(super) site: Site,
}

/// Property → value; none where Snowflake says null.
pub(super) type Properties = BTreeMap<String, Option<String>>;

pub(super) fn who(rows: &Rows) -> Result<Who, Fault> {
    let columns = ["user", "role", "address", "organization", "account", "locator"];
    let [user, role, address, organization, account, locator] = only(rows.read(columns)?)?;
    let told = |value| filled(value).map(str::to_owned);
    Ok(Who {
        user: value::name(given("user", user)?),
        role: value::name(given("role", role)?),
        address: told(address),
        site: Site {
            organization: told(organization),
            name: told(account),
            locator: told(locator),
        },
    })
}

/// SHOW ROLES, DATABASES: the one of exactly this name.
pub(super) fn owned(rows: &Rows, name: &str) -> Result<Option<Owned>, Fault> {
    let rows = rows.read(["name", "owner", "comment"])?;
    let found = rows.into_iter().filter(|[found, ..]| *found == Some(name));
    at_most_one(found.map(|[_, owner, comment]| owner_and_comment(owner, comment)), "name")
}

/// SHOW SCHEMAS: the one of exactly this name in this database.
pub(super) fn schema(rows: &Rows, [database, name]: &[String; 2]) -> Result<Option<Owned>, Fault> {
    let rows = rows.read(["database_name", "name", "owner", "comment"])?;
    let same = |[d, n, ..]: &[Option<&str>; 4]| *d == Some(database) && *n == Some(name);
    let found = rows.into_iter().filter(same);
    at_most_one(found.map(|[_, _, owner, comment]| owner_and_comment(owner, comment)), "name")
}

/// DESCRIBE … in rows of property and value; null comes as such or as the word.
pub(super) fn properties(rows: &Rows) -> Result<Properties, Fault> {
    let mut properties = Properties::new();
    for [property, text] in rows.read(["property", "value"])? {
        let property = given("property", property)?.to_owned();
        let text = text.filter(|text| *text != "null").map(str::to_owned);
        if properties.insert(property, text).is_some() {
            return Err(Fault::Twice("property"));
        }
    }
    Ok(properties)
}

fn owner_and_comment(owner: Option<&str>, comment: Option<&str>) -> Owned {
    Owned {
        owner: owner.map(value::name).unwrap_or_default(),
        comment: comment.unwrap_or_default().to_owned(),
    }
}

fn at_most_one<T>(
    mut found: impl Iterator<Item = T>,
    what: &'static str,
) -> Result<Option<T>, Fault> {
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(Fault::Twice(what)),
    }
}

/// Returns the text, unless it is null in one of the ways of SHOW.
fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !matches!(*text, "" | "null"))
}
