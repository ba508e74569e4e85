//! DESCRIBE USER and SHOW USERS, with the columns of a live account.
//! Source: snowflake docs, sql-reference/sql/desc-user and show-users.

use super::Outcome;
use super::common::ShowFilter;
use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable, text, timestamp};
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::SqlError;
use crate::engine::state::{PublicKey, Securable, User};
use crate::engine::text::Cursor;

/// DESCRIBE USER or SHOW USERS.
pub(super) enum Command {
    Describe(String),
    Show(ShowFilter),
}

pub(super) fn describe(cursor: &mut Cursor) -> Result<Command, SqlError> {
    cursor.identifier().map(Command::Describe)
}

pub(super) fn show(cursor: &mut Cursor) -> Result<Command, SqlError> {
    ShowFilter::of_account(cursor).map(Command::Show)
}

pub(super) fn run(engine: &Engine, session: &Session, command: Command, now: Millis) -> Outcome {
    match command {
        Command::Describe(name) => engine.describe_user(session, &name, now),
        Command::Show(filter) => Ok(engine.show_users(session, &filter, now)),
    }
}

impl Engine {
    /// Returns whether the session may look at all of a user.
    fn inspects(&self, session: &Session, user: &User) -> bool {
        user.id == session.user_id
            || self.manages_grants(session)
            || self.state.seen(&self.state.acting(session), &Securable::user(&user.name))
    }

    fn describe_user(&self, session: &Session, name: &str, now: Millis) -> Outcome {
        let on = Securable::user(name);
        self.demand_known(&on)?;
        let mut table = ResultTable::new(&DESCRIBE_COLUMNS);
        let Some(user) = self.state.users.get(name) else { return Ok(table) };
        if !self.inspects(session, user) {
            return Err(self.refusal(session, &on));
        }
        let rows = described(user, now).into_iter();
        for (property, value, default) in rows.filter(|(name, ..)| !self.switches.lacks(name)) {
            let value = value.unwrap_or_else(|| "null".into());
            table.push(vec![text(property), text(value), text(default), text("")]);
        }
        Ok(table)
    }

    /// Everybody sees the names; the rest is for those who may inspect the user.
    fn show_users(&self, session: &Session, filter: &ShowFilter, now: Millis) -> ResultTable {
        let mut table = ResultTable::new(&SHOW_COLUMNS);
        for user in self.state.users.values().filter(|user| filter.matches(&user.name)) {
            if self.inspects(session, user) {
                let owner = self.state.grants.owner_name(&Securable::user(&user.name));
                table.push(row(user, &owner, now));
            } else {
                let mut row = vec![text(&user.name), timestamp(user.created_on)];
                row.resize(SHOW_COLUMNS.len(), None);
                table.push(row);
            }
        }
        filter.cut(table).without_columns(|name| self.switches.lacks(name))
    }
}

fn field(user: &User, name: &str) -> Option<String> {
    user.texts.get(name).cloned()
}

fn secondary_roles(user: &User) -> String {
    if user.all_secondary_roles { r#"["ALL"]"#.into() } else { "[]".into() }
}

fn display_name(user: &User) -> Option<String> {
    field(user, "DISPLAY_NAME").or_else(|| Some(user.name.clone()))
}

/// Returns property, value and default of every row DESCRIBE prints.
fn described(user: &User, now: Millis) -> Vec<(&'static str, Option<String>, &'static str)> {
    let mut rows = vec![
        ("NAME", text(&user.name), "null"),
        ("COMMENT", field(user, "COMMENT"), "null"),
        ("DISPLAY_NAME", display_name(user), "null"),
        ("TYPE", user.kind.map(|kind| kind.name().to_owned()), "null"),
        ("LOGIN_NAME", text(&user.login_name), "null"),
        ("FIRST_NAME", field(user, "FIRST_NAME"), "null"),
        ("MIDDLE_NAME", field(user, "MIDDLE_NAME"), "null"),
        ("LAST_NAME", field(user, "LAST_NAME"), "null"),
        ("EMAIL", field(user, "EMAIL"), "null"),
        ("PASSWORD", user.password.as_ref().map(|_| "********".to_owned()), "null"),
        ("MUST_CHANGE_PASSWORD", text(user.must_change_password.to_string()), "false"),
        ("DISABLED", text(user.disabled.to_string()), "false"),
        ("SNOWFLAKE_LOCK", text("false"), "false"),
        ("SNOWFLAKE_SUPPORT", text("false"), "false"),
        ("DAYS_TO_EXPIRY", days_to_expiry(user, now), "null"),
        ("MINS_TO_UNLOCK", mins_to_unlock(user, now), "null"),
        ("DEFAULT_WAREHOUSE", user.default_warehouse.clone(), "null"),
        ("DEFAULT_NAMESPACE", user.default_namespace.clone(), "null"),
        ("DEFAULT_ROLE", user.default_role.clone(), "null"),
        ("DEFAULT_SECONDARY_ROLES", text(secondary_roles(user)), r#"["ALL"]"#),
        ("HAS_MFA", text("false"), "null"),
        ("MINS_TO_BYPASS_MFA", field(user, "MINS_TO_BYPASS_MFA"), "null"),
        ("MINS_TO_BYPASS_NETWORK_POLICY", None, "null"),
    ];
    rows.extend(key_rows(&KEY_PROPERTIES[0], user.rsa_keys[0].as_ref()));
    rows.extend(key_rows(&KEY_PROPERTIES[1], user.rsa_keys[1].as_ref()));
    rows.push(("PASSWORD_LAST_SET_TIME", None, "null"));
    rows.push(("HAS_WORKLOAD_IDENTITY", text("false"), "false"));
    rows
}

const KEY_PROPERTIES: [[&str; 3]; 2] = [
    ["RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_FP", "RSA_PUBLIC_KEY_LAST_SET_TIME"],
    ["RSA_PUBLIC_KEY_2", "RSA_PUBLIC_KEY_2_FP", "RSA_PUBLIC_KEY_2_LAST_SET_TIME"],
];

fn key_rows(
    names: &[&'static str; 3],
    key: Option<&PublicKey>,
) -> [(&'static str, Option<String>, &'static str); 3] {
    [
        (names[0], key.map(|key| key.body.clone()), "null"),
        (names[1], key.map(|key| key.fingerprint.clone()), "null"),
        (names[2], key.map(|key| key.set_on.readable()), "null"),
    ]
}

fn days_to_expiry(user: &User, now: Millis) -> Option<String> {
    user.expires_at.map(|at| (at.hours_left(now) / 24).to_string())
}

fn mins_to_unlock(user: &User, now: Millis) -> Option<String> {
    user.locked_until.map(|until| until.minutes_left(now)).filter(|m| *m > 0).map(|m| m.to_string())
}

fn row(user: &User, owner: &str, now: Millis) -> Vec<Option<String>> {
    let yes_no = |yes: bool| text(yes.to_string());
    vec![
        text(&user.name),
        timestamp(user.created_on),
        text(&user.login_name),
        display_name(user),
        field(user, "FIRST_NAME"),
        field(user, "LAST_NAME"),
        field(user, "EMAIL"),
        mins_to_unlock(user, now),
        days_to_expiry(user, now),
        field(user, "COMMENT"),
        yes_no(user.disabled),
        yes_no(user.must_change_password),
        yes_no(false),
        user.default_warehouse.clone(),
        user.default_namespace.clone(),
        user.default_role.clone(),
        text(secondary_roles(user)),
        yes_no(false),
        text(""),
        field(user, "MINS_TO_BYPASS_MFA"),
        text(owner),
        user.last_login.and_then(timestamp),
        user.expires_at.and_then(timestamp),
        user.locked_until.and_then(timestamp),
        yes_no(user.password.is_some()),
        yes_no(user.rsa_keys.iter().any(Option::is_some)),
        user.kind.map(|kind| kind.name().to_owned()),
        yes_no(false),
        yes_no(false),
    ]
}

const DESCRIBE_COLUMNS: [(&str, ColumnType); 4] = [
    ("property", ColumnType::Text),
    ("value", ColumnType::Text),
    ("default", ColumnType::Text),
    ("description", ColumnType::Text),
];

const SHOW_COLUMNS: [(&str, ColumnType); 29] = [
    ("name", ColumnType::Text),
    ("created_on", ColumnType::TimestampLtz),
    ("login_name", ColumnType::Text),
    ("display_name", ColumnType::Text),
    ("first_name", ColumnType::Text),
    ("last_name", ColumnType::Text),
    ("email", ColumnType::Text),
    ("mins_to_unlock", ColumnType::Text),
    ("days_to_expiry", ColumnType::Text),
    ("comment", ColumnType::Text),
    ("disabled", ColumnType::Text),
    ("must_change_password", ColumnType::Text),
    ("snowflake_lock", ColumnType::Text),
    ("default_warehouse", ColumnType::Text),
    ("default_namespace", ColumnType::Text),
    ("default_role", ColumnType::Text),
    ("default_secondary_roles", ColumnType::Text),
    ("ext_authn_duo", ColumnType::Text),
    ("ext_authn_uid", ColumnType::Text),
    ("mins_to_bypass_mfa", ColumnType::Text),
    ("owner", ColumnType::Text),
    ("last_success_login", ColumnType::TimestampLtz),
    ("expires_at_time", ColumnType::TimestampLtz),
    ("locked_until_time", ColumnType::TimestampLtz),
    ("has_password", ColumnType::Text),
    ("has_rsa_public_key", ColumnType::Text),
    ("type", ColumnType::Text),
    ("has_mfa", ColumnType::Text),
    ("has_workload_identity", ColumnType::Text),
];
