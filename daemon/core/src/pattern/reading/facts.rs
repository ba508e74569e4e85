//! What each answer says, row by row. Only what does not change by itself is taken from it: no times of login, no
//! minutes that count down.

use std::collections::{BTreeMap, BTreeSet};

use crate::pattern::observed::{Grant, Owned, Token, UserProperties};
use crate::pattern::ours::FullName;
use crate::time::Timestamp;

use super::ask::PAGE;
use super::rows::{Fault, Rows, given, only, yes};
use super::value;

/// Who is looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) user: String,
    pub(super) role: String,
    pub(super) address: Option<String>,
}

/// A user as SHOW USERS lists it. What is none there was not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserRow {
    pub(super) name: String,
    pub(super) owner: Option<String>,
    pub(super) user_type: Option<String>,
    /// None: only the name is to be seen.
    pub(super) shown: Option<Shown>,
}

/// What SHOW USERS says about a user to those who may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) disabled: bool,
    /// Methods it is said to have something for; what is not said is not there, so that a list of who would be
    /// locked out is rather too long.
    pub(super) methods: BTreeSet<String>,
}

/// A page of users, in the order of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) users: Vec<UserRow>,
    /// Whether there may be more after the last.
    pub(super) full: bool,
}

/// Who holds a role: `ROLE`, `USER`, … and the name.
pub(super) type Holder = (String, String);

/// The authentication policy in force; no name: Snowflake's built-in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InForce {
    pub(super) policy: Option<FullName>,
    pub(super) set_on: Option<String>,
}

/// A network rule without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleRow {
    pub(super) owned: Owned,
    pub(super) kind: String,
    pub(super) mode: String,
}

/// Property → value; none where Snowflake says null.
pub(super) type Properties = BTreeMap<String, Option<String>>;

pub(super) fn who(rows: &Rows) -> Result<Who, Fault> {
    let [user, role, address] = only(rows.read(["user", "role", "address"])?)?;
    Ok(Who {
        user: value::name(given("user", user)?),
        role: value::name(given("role", role)?),
        address: filled(address).map(str::to_owned),
    })
}

/// SHOW GRANTS TO ROLE (snowflake docs: show-grants).
pub(super) fn grants_to_role(rows: &Rows) -> Result<BTreeSet<Grant>, Fault> {
    let rows = rows.read(["privilege", "granted_on", "name"])?;
    let grants = rows.into_iter().map(|[privilege, on, name]| grant(privilege, on, name));
    grants.collect()
}

/// SHOW GRANTS TO USER. Accounts without privileges for users show `role` alone; the others show privileges beside
/// it, and role rows with or without them.
pub(super) fn grants_to_user(rows: &Rows) -> Result<BTreeSet<Grant>, Fault> {
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
pub(super) fn holders(rows: &Rows) -> Result<BTreeSet<Holder>, Fault> {
    let rows = rows.read(["granted_to", "grantee_name"])?;
    rows.into_iter().map(|[to, name]| holder(to, name)).collect()
}

/// SHOW GRANTS ON USER: role → privileges.
pub(super) fn grants_on(rows: &Rows) -> Result<BTreeMap<String, BTreeSet<String>>, Fault> {
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

/// SHOW NETWORK RULES: the one of exactly this name.
pub(super) fn network_rule(rows: &Rows, full: &FullName) -> Result<Option<RuleRow>, Fault> {
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
pub(super) fn rule_values(rows: &Rows) -> Result<BTreeSet<String>, Fault> {
    let [values] = only(rows.read(["value_list"])?)?;
    Ok(value::items(values.unwrap_or_default()))
}

/// SHOW NETWORK POLICIES: the comment of the one of exactly this name.
pub(super) fn network_policy(rows: &Rows, name: &str) -> Result<Option<String>, Fault> {
    let rows = rows.read(["name", "comment"])?;
    let found = rows.into_iter().filter(|[found, _]| *found == Some(name));
    at_most_one(found.map(|[_, comment]| comment.unwrap_or_default().to_owned()), "name")
}

/// DESCRIBE NETWORK POLICY: property → full names of rules, or addresses.
pub(super) fn network_lists(rows: &Rows) -> Result<BTreeMap<String, BTreeSet<String>>, Fault> {
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

/// SHOW USERS (snowflake docs: show-users: who may not see a user finds null beside its name).
pub(super) fn page(rows: &Rows) -> Result<Page, Fault> {
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

/// Returns the text, unless it is null in one of the ways of SHOW.
fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !matches!(*text, "" | "null"))
}

/// SHOW USERS: the one of exactly this name.
pub(super) fn user(rows: &Rows, name: &str) -> Result<Option<UserRow>, Fault> {
    at_most_one(page(rows)?.users.into_iter().filter(|user| user.name == name), "name")
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

/// DESCRIBE USER (snowflake docs: desc-user).
pub(super) fn user_properties(rows: &Rows) -> Result<UserProperties, Fault> {
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

/// SHOW PARAMETERS: the network policy set on the user itself. None: the parameter was not shown.
pub(super) fn own_network_policy(rows: &Rows) -> Result<Option<Option<String>>, Fault> {
    let rows = rows.read(["key", "value", "level"])?;
    let found = rows.into_iter().filter(|[key, ..]| *key == Some("NETWORK_POLICY"));
    at_most_one(
        found.map(|[_, policy, level]| {
            let own = policy.filter(|policy| level == Some("USER") && !policy.is_empty());
            own.map(value::name)
        }),
        "key",
    )
}

/// SHOW AUTHENTICATION POLICIES ON USER. None: no policy was shown, not even the built-in one.
pub(super) fn in_force(rows: &Rows) -> Result<Option<InForce>, Fault> {
    let rows = rows.read(["database_name", "schema_name", "name", "set_on"])?;
    let found = rows.into_iter().map(|[database, schema, name, set_on]| InForce {
        policy: full_name(database, schema, name),
        set_on: filled(set_on).map(str::to_owned),
    });
    at_most_one(found, "user")
}

/// SHOW AUTHENTICATION POLICIES ON ACCOUNT: scope → policy.
pub(super) fn on_account(rows: &Rows) -> Result<BTreeMap<String, FullName>, Fault> {
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
pub(super) fn names(rows: &Rows) -> Result<BTreeSet<String>, Fault> {
    let rows = rows.read(["name"])?;
    rows.into_iter().map(|[name]| Ok(given("name", name)?.to_owned())).collect()
}

fn full_name(database: Option<&str>, schema: Option<&str>, name: Option<&str>) -> Option<FullName> {
    Some([filled(database)?, filled(schema)?, filled(name)?].map(str::to_owned))
}

/// SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER. Expired ones are left out: they vanish by themselves. So do the
/// minutes of network bypass, of which the docs know two spellings.
pub(super) fn tokens(rows: &Rows, user: &str) -> Result<Vec<Token>, Fault> {
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
pub(super) fn key_pairs(rows: &Rows, user: &str) -> Result<BTreeSet<String>, Fault> {
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
pub(super) fn live_tokens(rows: &Rows) -> Result<BTreeMap<String, BTreeSet<String>>, Fault> {
    let mut live = BTreeMap::<String, BTreeSet<String>>::new();
    for [user, name] in rows.read(["USER_NAME", "NAME"])? {
        let name = given("NAME", name)?.to_owned();
        live.entry(given("USER_NAME", user)?.to_owned()).or_default().insert(name);
    }
    Ok(live)
}

const EXPIRED: &str = "EXPIRED";

impl UserRow {
    /// Returns whether the user counts as a person: by its type, or for want of one.
    pub(super) fn is_person(&self) -> bool {
        self.user_type.as_deref().is_none_or(|found| found == "PERSON")
    }
}
