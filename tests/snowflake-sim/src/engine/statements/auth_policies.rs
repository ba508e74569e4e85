//! Authentication policies: CREATE, ALTER, DROP, and attaching them to users.
//! Source: snowflake docs, sql-reference/sql/create-authentication-policy and alter-authentication-policy.

use super::Outcome;
use super::common::{CreateMode, NameText, already_there, created, done, dropped, not_there};
use crate::engine::Engine;
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{
    AUTH_POLICY_CONTENT, POLICY_ATTACHED, POLICY_IN_USE, POLICY_NOT_ATTACHED, SqlError, exists,
    invalid_property, invalid_value,
};
use crate::engine::state::{AuthPolicy, Evaluation, Kind, PatPolicy, Path, Securable};
use crate::engine::text::{Cursor, Property, Value, properties};

/// A statement about authentication policies.
pub(super) enum Command {
    Create { mode: CreateMode, if_not_exists: bool, name: Vec<String>, properties: Vec<Property> },
    Alter { if_exists: bool, name: Vec<String>, change: Change },
    Drop { if_exists: bool, name: Vec<String> },
}

/// What ALTER AUTHENTICATION POLICY changes.
pub(super) enum Change {
    Rename(Vec<String>),
    Set(Vec<Property>),
    Unset(Vec<String>),
}

pub(super) fn create(cursor: &mut Cursor, mode: CreateMode) -> Result<Command, SqlError> {
    let if_not_exists = cursor.take("IF NOT EXISTS");
    let name = cursor.object_name()?;
    Ok(Command::Create { mode, if_not_exists, name, properties: properties(cursor)? })
}

pub(super) fn alter(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    let name = cursor.object_name()?;
    let change = match cursor.take_any(&["RENAME TO", "SET", "UNSET"]) {
        Some("RENAME TO") => Change::Rename(cursor.object_name()?),
        Some("SET") => Change::Set(properties(cursor)?),
        Some(_) => Change::Unset(cursor.words()?),
        None => return Err(cursor.unexpected()),
    };
    Ok(Command::Alter { if_exists, name, change })
}

pub(super) fn drop_policy(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let if_exists = cursor.take("IF EXISTS");
    Ok(Command::Drop { if_exists, name: cursor.object_name()? })
}

pub(super) fn run(
    engine: &mut Engine,
    session: &mut Session,
    command: Command,
    now: Millis,
) -> Outcome {
    match command {
        Command::Create { mode, if_not_exists, name, properties } => {
            let path = engine.in_schema(session, name, "CREATE AUTHENTICATION POLICY")?;
            engine.create_auth_policy(session, mode, if_not_exists, &path, &properties, now)
        }
        Command::Alter { if_exists, name, change } => {
            let path = engine.in_schema(session, name, "ALTER AUTHENTICATION POLICY")?;
            if if_exists && !engine.state.auth_policies.contains_key(&path) {
                return done();
            }
            engine.alter_auth_policy(session, &path, change)
        }
        Command::Drop { if_exists, name } => {
            let path = engine.in_schema(session, name, "DROP AUTHENTICATION POLICY")?;
            engine.drop_auth_policy(session, if_exists, &path)
        }
    }
}

impl Engine {
    fn create_auth_policy(
        &mut self,
        session: &Session,
        mode: CreateMode,
        if_not_exists: bool,
        path: &Path,
        properties: &[Property],
        now: Millis,
    ) -> Outcome {
        self.demand_reach(session, path)?;
        let schema = Securable::new(Kind::Schema, path.container());
        self.demand_to_create(session, "CREATE AUTHENTICATION POLICY", &schema)?;
        let on = Securable::new(Kind::AuthenticationPolicy, path.clone());
        let known = self.state.holds(&on);
        match (known, if_not_exists, mode) {
            (false, _, _) => {}
            (true, true, _) => return already_there(path.leaf()),
            (true, false, CreateMode::Plain) => return Err(exists(path.leaf())),
            (true, false, CreateMode::OrReplace | CreateMode::OrAlter) => {
                self.demand_owner(session, &on)?;
            }
        }
        if known && mode == CreateMode::OrReplace && self.auth_policy_is_used(path) {
            return Err(in_use(path));
        }
        let mut policy = AuthPolicy::untouched(now);
        set(&mut policy, properties, true)?;
        self.state.auth_policies.insert(path.clone(), policy);
        if !known {
            self.state.grants.set_owner(&on, self.creator(session), now);
        }
        created("Authentication policy", path.leaf())
    }

    fn alter_auth_policy(&mut self, session: &Session, path: &Path, change: Change) -> Outcome {
        let on = Securable::new(Kind::AuthenticationPolicy, path.clone());
        self.demand_owner(session, &on)?;
        self.demand_reach(session, path)?;
        let Some(mut policy) = self.state.auth_policies.get(path).cloned() else { return done() };
        match change {
            Change::Rename(name) => return self.rename_auth_policy(session, path, name),
            Change::Set(properties) => {
                set(&mut policy, &properties, self.switches.set_pat_policy_resets_others)?;
            }
            Change::Unset(names) => unset(&mut policy, &names)?,
        }
        self.state.auth_policies.insert(path.clone(), policy);
        done()
    }

    fn rename_auth_policy(&mut self, session: &Session, path: &Path, name: Vec<String>) -> Outcome {
        let new = match name.as_slice() {
            [leaf] => path.sibling(leaf),
            _ => self.in_schema(session, name, "ALTER AUTHENTICATION POLICY")?,
        };
        if self.state.auth_policies.contains_key(&new) {
            return Err(exists(new.leaf()));
        }
        self.demand_reach(session, &new)?;
        if let Some(policy) = self.state.auth_policies.remove(path) {
            self.state.auth_policies.insert(new.clone(), policy);
        }
        let on_users = self.state.users.values_mut().filter_map(|user| user.auth_policy.as_mut());
        for place in on_users.chain(self.state.account_auth_policies.values_mut()) {
            if place == path {
                *place = new.clone();
            }
        }
        let kind = Kind::AuthenticationPolicy;
        let (from, to) = (Securable::new(kind, path.clone()), Securable::new(kind, new));
        self.state.grants.rename(&from, &to);
        done()
    }

    fn drop_auth_policy(&mut self, session: &Session, if_exists: bool, path: &Path) -> Outcome {
        let on = Securable::new(Kind::AuthenticationPolicy, path.clone());
        if if_exists && !self.state.holds(&on) {
            return not_there();
        }
        self.demand_owner(session, &on)?;
        if self.auth_policy_is_used(path) {
            return Err(in_use(path));
        }
        self.state.auth_policies.remove(path);
        self.state.release(&on, None);
        dropped(path.leaf())
    }

    /// Returns whether the policy is attached to a user or the account.
    pub(super) fn auth_policy_is_used(&self, path: &Path) -> bool {
        self.state.users.values().any(|user| user.auth_policy.as_ref() == Some(path))
            || self.state.account_auth_policies.values().any(|attached| attached == path)
    }

    /// Demands the privilege to attach policies to this user: on the account or on the user.
    fn demand_to_attach(&self, session: &Session, user: &str) -> Result<(), SqlError> {
        const PRIVILEGE: [&str; 1] = ["APPLY AUTHENTICATION POLICY"];
        if self.may(session, &PRIVILEGE, &self.account_securable()) {
            return Ok(());
        }
        let on = Securable::user(user);
        let granted = self.state.acting(session);
        let held = self.state.grants.privileges.iter().any(|grant| {
            grant.on == on && grant.privilege == PRIVILEGE[0] && granted.contains(&grant.to)
        });
        if held { Ok(()) } else { Err(self.refusal(session, &on)) }
    }

    /// Returns the policy a statement names, which must exist where the session can reach it.
    pub(super) fn attachable(
        &self,
        session: &Session,
        policy: &NameText,
    ) -> Result<Path, SqlError> {
        let path = self.schema_object(session, policy, "AUTHENTICATION POLICY")?;
        self.demand_known(&Securable::new(Kind::AuthenticationPolicy, path.clone()))?;
        self.demand_reach(session, &path)?;
        Ok(path)
    }

    pub(super) fn attach_to_user(
        &mut self,
        session: &Session,
        user: &str,
        policy: &NameText,
        force: bool,
    ) -> Outcome {
        self.demand_to_attach(session, user)?;
        let path = self.attachable(session, policy)?;
        let Some(found) = self.state.users.get_mut(user) else { return done() };
        if found.auth_policy.is_some() && !force {
            return Err(already_attached(&format!("USER {user}")));
        }
        found.auth_policy = Some(path);
        done()
    }

    pub(super) fn detach_from_user(&mut self, session: &Session, user: &str) -> Outcome {
        self.demand_to_attach(session, user)?;
        let Some(found) = self.state.users.get_mut(user) else { return done() };
        match found.auth_policy.take() {
            Some(_) => done(),
            None => Err(not_attached(&format!("USER {user}"))),
        }
    }
}

fn in_use(path: &Path) -> SqlError {
    POLICY_IN_USE.compilation(format!(
        "Policy {path} cannot be dropped/replaced as it is associated with one or more entities."
    ))
}

pub(super) fn already_attached(what: &str) -> SqlError {
    POLICY_ATTACHED.compilation(format!(
        "Object {what} already has an AUTHENTICATION_POLICY. Use FORCE to replace it."
    ))
}

pub(super) fn not_attached(what: &str) -> SqlError {
    POLICY_NOT_ATTACHED
        .compilation(format!("Any policy of kind AUTHENTICATION_POLICY is not attached to {what}."))
}

const METHODS: [&str; 8] = [
    "ALL",
    "SAML",
    "OIDC",
    "PASSWORD",
    "OAUTH",
    "KEYPAIR",
    "PROGRAMMATIC_ACCESS_TOKEN",
    "WORKLOAD_IDENTITY",
];
const CLIENTS: [&str; 5] = ["ALL", "SNOWFLAKE_UI", "DRIVERS", "SNOWFLAKE_CLI", "SNOWSQL"];
const ENROLLMENTS: [&str; 3] = ["REQUIRED", "REQUIRED_PASSWORD_ONLY", "OPTIONAL"];

fn set(policy: &mut AuthPolicy, properties: &[Property], resets: bool) -> Result<(), SqlError> {
    for property in properties {
        match property.name.as_str() {
            "AUTHENTICATION_METHODS" => policy.methods = choices(property, &METHODS)?,
            "CLIENT_TYPES" => policy.client_types = choices(property, &CLIENTS)?,
            "CLIENT_POLICY" => policy.client_policy = client_policy(property)?,
            "SECURITY_INTEGRATIONS" => policy.security_integrations = property.texts()?,
            "MFA_ENROLLMENT" => policy.mfa_enrollment = choice(property, &ENROLLMENTS)?,
            "MFA_POLICY" => policy.mfa_policy = printed(property)?,
            "WORKLOAD_IDENTITY_POLICY" => policy.workload_policy = printed(property)?,
            "PAT_POLICY" => {
                let start = if resets { PatPolicy::default() } else { policy.pat.clone() };
                policy.pat = pat_policy(start, property)?;
            }
            "COMMENT" => policy.comment = Some(property.literal()?),
            other => return Err(invalid_property(other, "AUTHENTICATION_POLICY")),
        }
    }
    check_client_policy(policy)
}

fn unset(policy: &mut AuthPolicy, names: &[String]) -> Result<(), SqlError> {
    let untouched = AuthPolicy::untouched(policy.created_on);
    for name in names {
        match name.as_str() {
            "AUTHENTICATION_METHODS" => policy.methods.clone_from(&untouched.methods),
            "CLIENT_TYPES" => policy.client_types.clone_from(&untouched.client_types),
            "CLIENT_POLICY" => policy.client_policy.clear(),
            "SECURITY_INTEGRATIONS" => {
                policy.security_integrations.clone_from(&untouched.security_integrations);
            }
            "MFA_ENROLLMENT" => policy.mfa_enrollment.clone_from(&untouched.mfa_enrollment),
            "MFA_POLICY" => policy.mfa_policy.clear(),
            "WORKLOAD_IDENTITY_POLICY" => policy.workload_policy.clear(),
            "PAT_POLICY" => policy.pat = PatPolicy::default(),
            "COMMENT" => policy.comment = None,
            other => return Err(invalid_property(other, "AUTHENTICATION_POLICY")),
        }
    }
    check_client_policy(policy)
}

fn choices(property: &Property, allowed: &[&str]) -> Result<Vec<String>, SqlError> {
    let found: Vec<String> = property.texts()?.iter().map(|text| text.to_uppercase()).collect();
    match found.iter().find(|text| !allowed.contains(&text.as_str())) {
        Some(wrong) => Err(invalid_value(wrong, &property.name)),
        None if found.is_empty() => Err(invalid_value("()", &property.name)),
        None => Ok(found),
    }
}

fn choice(property: &Property, allowed: &[&str]) -> Result<String, SqlError> {
    let found = property.text()?.to_uppercase();
    if allowed.contains(&found.as_str()) {
        Ok(found)
    } else {
        Err(invalid_value(&found, &property.name))
    }
}

fn client_policy(property: &Property) -> Result<Vec<(String, String)>, SqlError> {
    let version = |client: &Property| match client.nested()? {
        [minimum] if minimum.name == "MINIMUM_VERSION" => {
            Ok((client.name.clone(), minimum.literal()?))
        }
        _ => Err(invalid_value(&client.value.printed(), &client.name)),
    };
    property.nested()?.iter().map(version).collect()
}

fn printed(property: &Property) -> Result<Vec<(String, String)>, SqlError> {
    Ok(property.nested()?.iter().map(|p| (p.name.clone(), described(&p.value))).collect())
}

/// Returns a value as DESCRIBE prints it: texts bare, lists in brackets.
fn described(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(described).collect::<Vec<_>>().join(", "))
        }
        Value::Name(_) | Value::Number(_) | Value::Nested(_) => value.printed(),
    }
}

/// Driver versions need DRIVERS among the client types; SQL_API stands for itself.
fn check_client_policy(policy: &AuthPolicy) -> Result<(), SqlError> {
    let drivers = policy.client_types.iter().any(|kind| kind == "ALL" || kind == "DRIVERS");
    match policy.client_policy.iter().find(|(client, _)| !drivers && client != "SQL_API") {
        Some((client, _)) => Err(AUTH_POLICY_CONTENT.error(format!(
            "Authentication policy can not contain CLIENT_POLICY of '{client}' without including \
             'DRIVERS' in CLIENT_TYPES."
        ))),
        None => Ok(()),
    }
}

fn pat_policy(mut policy: PatPolicy, property: &Property) -> Result<PatPolicy, SqlError> {
    for inner in property.nested()? {
        match inner.name.as_str() {
            "DEFAULT_EXPIRY_IN_DAYS" => policy.default_days = inner.integer()?,
            "MAX_EXPIRY_IN_DAYS" => policy.max_days = inner.integer()?,
            "NETWORK_POLICY_EVALUATION" => policy.evaluation = evaluation(inner)?,
            "REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS" => {
                policy.restrict_services = inner.boolean()?;
            }
            "REQUIRE_ROLE_RESTRICTION_FOR_PERSON_USERS" => {
                policy.restrict_persons = inner.boolean()?;
            }
            "BLOCKED_ROLES_LIST" => policy.blocked_roles = inner.texts()?,
            other => return Err(invalid_property(other, "PAT_POLICY")),
        }
    }
    if !(1..=policy.max_days).contains(&policy.default_days) {
        return Err(invalid_value(&policy.default_days.to_string(), "DEFAULT_EXPIRY_IN_DAYS"));
    }
    if policy.max_days > 365 {
        return Err(invalid_value(&policy.max_days.to_string(), "MAX_EXPIRY_IN_DAYS"));
    }
    Ok(policy)
}

fn evaluation(property: &Property) -> Result<Evaluation, SqlError> {
    let name = property.text()?.to_uppercase();
    let found = Evaluation::ALL.into_iter().find(|evaluation| evaluation.name() == name);
    found.ok_or_else(|| invalid_value(&name, "NETWORK_POLICY_EVALUATION"))
}
