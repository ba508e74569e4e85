//! SHOW and DESCRIBE AUTHENTICATION POLICY; SHOW … ON USER is the policy in force after precedence.
//! Source: snowflake docs, sql-reference/sql/show-authentication-policies and desc-authentication-policy.

use super::Outcome;
use super::common::ShowFilter;
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, text, timestamp};
use crate::engine::api::Session;
use crate::engine::errors::SqlError;
use crate::engine::state::{AuthPolicy, Kind, PatPolicy, Path, Securable};
use crate::engine::text::Cursor;

/// SHOW or DESCRIBE.
pub(super) enum Command {
    Show { scope: Scope, filter: ShowFilter },
    Describe(Vec<String>),
}

/// Which policies SHOW lists.
pub(super) enum Scope {
    All,
    In(Vec<String>),
    OnAccount,
    OnUser(String),
}

pub(super) fn show(cursor: &mut Cursor) -> Result<Command, SqlError> {
    let filter = ShowFilter::like(cursor)?;
    let scope = match cursor.take_any(&["IN ACCOUNT", "IN", "ON ACCOUNT", "ON USER"]) {
        Some("IN") => {
            cursor.take_any(&["DATABASE", "SCHEMA"]);
            Scope::In(cursor.object_name()?)
        }
        Some("ON ACCOUNT") => Scope::OnAccount,
        Some("ON USER") => Scope::OnUser(cursor.identifier()?),
        Some(_) | None => Scope::All,
    };
    Ok(Command::Show { scope, filter: filter.tail(cursor)? })
}

pub(super) fn describe(cursor: &mut Cursor) -> Result<Command, SqlError> {
    cursor.object_name().map(Command::Describe)
}

pub(super) fn run(engine: &Engine, session: &Session, command: &Command) -> Outcome {
    match command {
        Command::Describe(name) => engine.describe_auth_policy(session, name),
        Command::Show { scope, filter } => {
            let table = match scope {
                Scope::OnUser(user) => engine.auth_policy_on_user(session, user)?,
                Scope::OnAccount => engine.auth_policies_on_account(session)?,
                Scope::All => engine.auth_policies_in(session, None, filter),
                Scope::In(parts) => {
                    let place = engine.place(session, parts)?;
                    engine.auth_policies_in(session, Some(&place), filter)
                }
            };
            Ok(filter.cut(table))
        }
    }
}

impl Engine {
    fn auth_policies_in(
        &self,
        session: &Session,
        place: Option<&Path>,
        filter: &ShowFilter,
    ) -> ResultTable {
        let mut table = ResultTable::new(&COLUMNS);
        for (path, policy) in &self.state.auth_policies {
            let inside = place.is_none_or(|outer| path.within(outer));
            if inside && filter.matches(path.leaf()) && self.sees_auth_policy(session, path) {
                table.push(self.auth_row(path, policy));
            }
        }
        table
    }

    fn sees_auth_policy(&self, session: &Session, path: &Path) -> bool {
        let on = Securable::new(Kind::AuthenticationPolicy, path.clone());
        self.state.seen(&self.state.acting(session), &on)
            || self.may(session, &["APPLY AUTHENTICATION POLICY"], &self.account_securable())
            || self.manages_grants(session)
    }

    fn auth_policies_on_account(&self, session: &Session) -> Outcome {
        self.demand_account(session, &["APPLY AUTHENTICATION POLICY", "MANAGE GRANTS"])?;
        let mut table = ResultTable::new(&COLUMNS_SET_ON);
        let mut attached: Vec<&Path> = self.state.account_auth_policies.values().collect();
        attached.dedup();
        for path in attached {
            if let Some(policy) = self.state.auth_policies.get(path) {
                let mut row = self.auth_row(path, policy);
                row.push(text("ACCOUNT"));
                table.push(row);
            }
        }
        Ok(table)
    }

    /// The policy in force for the user, whoever it is attached to; the built-in one has no database.
    fn auth_policy_on_user(&self, session: &Session, user: &str) -> Outcome {
        let on = Securable::user(user);
        self.demand_known(&on)?;
        let visible = self.may(session, &["APPLY AUTHENTICATION POLICY", "MONITOR"], &on)
            || self.may(session, &["APPLY AUTHENTICATION POLICY"], &self.account_securable())
            || self.state.seen(&self.state.acting(session), &on)
            || session.user == user
            || self.manages_grants(session);
        if !visible {
            return Err(self.refusal(session, &on));
        }
        let mut table = ResultTable::new(&COLUMNS_SET_ON);
        let Some(user) = self.state.users.get(user) else { return Ok(table) };
        let effective = self.state.effective_auth_policy(user, &self.switches);
        let mut row = match &effective.path {
            Some(path) => self.auth_row(path, &effective.policy),
            None => built_in_row(&effective.policy),
        };
        row.push(text(effective.set_on));
        table.push(row);
        Ok(table)
    }

    fn auth_row(&self, path: &Path, policy: &AuthPolicy) -> Vec<Option<String>> {
        let on = Securable::new(Kind::AuthenticationPolicy, path.clone());
        vec![
            timestamp(policy.created_on),
            text(path.leaf()),
            text(path.database()),
            text(path.schema()),
            text("AUTHENTICATION_POLICY"),
            text(self.state.grants.owner_name(&on)),
            text(policy.comment.clone().unwrap_or_default()),
            text("ROLE"),
            text(if self.switches.lacks("target_scopes") {
                "{}".into()
            } else {
                self.options(path)
            }),
        ]
    }

    /// Returns the `options` column: which account scopes the policy is attached to.
    fn options(&self, path: &Path) -> String {
        let attached = self.state.account_auth_policies.iter().filter(|(_, held)| *held == path);
        let scopes: Vec<_> = attached.map(|(scope, _)| scope.name()).collect();
        if scopes.is_empty() {
            return String::new();
        }
        serde_json::json!({ "target_scopes": scopes }).to_string()
    }

    fn describe_auth_policy(&self, session: &Session, name: &[String]) -> Outcome {
        let path = self.in_schema(session, name.to_vec(), "DESCRIBE AUTHENTICATION POLICY")?;
        let on = Securable::new(Kind::AuthenticationPolicy, path.clone());
        self.demand_known(&on)?;
        if !self.sees_auth_policy(session, &path) {
            return Err(self.refusal(session, &on));
        }
        let mut table = ResultTable::new(&DESCRIBE_COLUMNS);
        let Some(policy) = self.state.auth_policies.get(&path) else { return Ok(table) };
        let owner = self.state.grants.owner_name(&on);
        let untouched = described(&AuthPolicy::untouched(policy.created_on), "", "");
        let rows = described(policy, path.leaf(), &owner).into_iter().zip(untouched);
        for ((property, value), (_, default)) in rows {
            let default = text(default).filter(|default| !default.is_empty());
            table.push(vec![text(property), text(value), default, text("")]);
        }
        Ok(table)
    }
}

fn built_in_row(policy: &AuthPolicy) -> Vec<Option<String>> {
    vec![
        timestamp(policy.created_on),
        text("BUILT-IN"),
        None,
        None,
        text("AUTHENTICATION_POLICY"),
        text(""),
        text(""),
        text(""),
        text(""),
    ]
}

fn described(policy: &AuthPolicy, name: &str, owner: &str) -> Vec<(&'static str, String)> {
    vec![
        ("NAME", name.to_owned()),
        ("OWNER", owner.to_owned()),
        ("COMMENT", policy.comment.clone().unwrap_or_else(|| "null".into())),
        ("AUTHENTICATION_METHODS", bracketed(&policy.methods)),
        ("CLIENT_TYPES", bracketed(&policy.client_types)),
        ("CLIENT_POLICY", client_policy(&policy.client_policy)),
        ("SECURITY_INTEGRATIONS", bracketed(&policy.security_integrations)),
        ("MFA_ENROLLMENT", policy.mfa_enrollment.clone()),
        ("MFA_POLICY", pairs(&policy.mfa_policy, "ENFORCE_MFA_ON_EXTERNAL_AUTHENTICATION", "NONE")),
        ("PAT_POLICY", pat_policy(&policy.pat)),
        ("WORKLOAD_IDENTITY_POLICY", workload(&policy.workload_policy)),
    ]
}

fn bracketed(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

fn client_policy(clients: &[(String, String)]) -> String {
    let one =
        |(client, version): &(String, String)| format!("{client}={{MINIMUM_VERSION={version}}}");
    format!("{{{}}}", clients.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn pairs(set: &[(String, String)], default_name: &str, default_value: &str) -> String {
    let printed: Vec<String> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    match printed.is_empty() {
        true => format!("{{{default_name}={default_value}}}"),
        false => format!("{{{}}}", printed.join(", ")),
    }
}

fn workload(set: &[(String, String)]) -> String {
    const NAMES: [&str; 5] = [
        "ALLOWED_PROVIDERS",
        "ALLOWED_AWS_ACCOUNTS",
        "ALLOWED_AWS_PARTITIONS",
        "ALLOWED_AZURE_ISSUERS",
        "ALLOWED_OIDC_ISSUERS",
    ];
    let value = |name: &str| {
        let given = set.iter().find(|(given, _)| given == name);
        given.map_or_else(|| "[ALL]".to_owned(), |(_, value)| value.clone())
    };
    let printed: Vec<String> = NAMES.iter().map(|name| format!("{name}={}", value(name))).collect();
    format!("{{{}}}", printed.join(", "))
}

fn pat_policy(policy: &PatPolicy) -> String {
    format!(
        "{{DEFAULT_EXPIRY_IN_DAYS={}, MAX_EXPIRY_IN_DAYS={}, NETWORK_POLICY_EVALUATION={}, \
         REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS={}, \
         REQUIRE_ROLE_RESTRICTION_FOR_PERSON_USERS={}, BLOCKED_ROLES_LIST={}}}",
        policy.default_days,
        policy.max_days,
        policy.evaluation.name(),
        policy.restrict_services,
        policy.restrict_persons,
        bracketed(&policy.blocked_roles)
    )
}

const COLUMNS: [(&str, ColumnType); 9] = [
    ("created_on", ColumnType::TimestampLtz),
    ("name", ColumnType::Text),
    ("database_name", ColumnType::Text),
    ("schema_name", ColumnType::Text),
    ("kind", ColumnType::Text),
    ("owner", ColumnType::Text),
    ("comment", ColumnType::Text),
    ("owner_role_type", ColumnType::Text),
    ("options", ColumnType::Text),
];

const COLUMNS_SET_ON: [(&str, ColumnType); 10] = [
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[2],
    COLUMNS[3],
    COLUMNS[4],
    COLUMNS[5],
    COLUMNS[6],
    COLUMNS[7],
    COLUMNS[8],
    ("set_on", ColumnType::Text),
];

const DESCRIBE_COLUMNS: [(&str, ColumnType); 4] = [
    ("property", ColumnType::Text),
    ("value", ColumnType::Text),
    ("default", ColumnType::Text),
    ("description", ColumnType::Text),
];
