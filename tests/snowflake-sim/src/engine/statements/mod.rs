//! The closed set of statements: one file per family, each with its grammar and its effects.
//! What no family recognises is a syntax error, never a silent success.

mod account;
mod account_usage;
mod auth_policies;
mod auth_policy_show;
mod common;
mod container_show;
mod containers;
mod expressions;
mod filter;
mod grant_show;
mod grants;
mod key_pairs;
mod kind;
mod network_policies;
mod network_rules;
mod parameters;
mod pat_add;
mod pat_modify;
mod pat_rotate;
mod pat_show;
mod pats;
mod policy_references;
mod privileges;
mod roles;
mod select;
mod session;
mod user_properties;
mod user_show;
mod users;

pub use kind::StatementKind;
pub(super) use kind::kind;

use super::answer::ResultTable;
use super::api::Session;
use super::clock::Millis;
use super::errors::SqlError;
use super::{Cursor, Engine};

type Outcome = Result<ResultTable, SqlError>;

/// A recognised statement.
enum Statement {
    User(users::Command),
    UserShow(user_show::Command),
    Pat(pats::Command),
    KeyPair(key_pairs::Command),
    Role(roles::Command),
    Grant(grants::Command),
    GrantShow(grant_show::Command),
    Container(containers::Command),
    NetworkRule(network_rules::Command),
    NetworkPolicy(network_policies::Command),
    AuthPolicy(auth_policies::Command),
    AuthPolicyShow(auth_policy_show::Command),
    Account(account::Command),
    Session(session::Command),
    Parameters(parameters::Command),
    Select(Box<select::Select>),
}

/// Recognises one statement and carries it out.
pub(super) fn execute(
    engine: &mut Engine,
    session: &mut Session,
    sql: &str,
    now: Millis,
) -> Outcome {
    run(engine, session, parse(sql)?, now)
}

fn parse(sql: &str) -> Result<Statement, SqlError> {
    let mut cursor = Cursor::over(sql)?;
    let statement = recognise(&mut cursor)?;
    cursor.end()?;
    Ok(statement)
}

fn recognise(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    const VERBS: [&str; 10] =
        ["CREATE", "ALTER", "DROP", "DESCRIBE", "DESC", "SHOW", "GRANT", "REVOKE", "USE", "SELECT"];
    match cursor.take_any(&VERBS) {
        Some("CREATE") => create(cursor),
        Some("ALTER") => alter(cursor),
        Some("DROP") => drop_object(cursor),
        Some("DESCRIBE" | "DESC") => describe(cursor),
        Some("SHOW") => show(cursor),
        Some("GRANT") => grants::grant(cursor).map(Statement::Grant),
        Some("REVOKE") => grants::revoke(cursor).map(Statement::Grant),
        Some("USE") => session::use_place(cursor).map(Statement::Session),
        Some("SELECT") => select::select(cursor).map(|s| Statement::Select(Box::new(s))),
        Some(_) | None => Err(cursor.unexpected()),
    }
}

/// What CREATE and DROP take.
const OBJECTS: [&str; 9] = [
    "USER",
    "ROLE",
    "DATABASE ROLE",
    "DATABASE",
    "SCHEMA",
    "WAREHOUSE",
    "NETWORK RULE",
    "NETWORK POLICY",
    "AUTHENTICATION POLICY",
];

fn create(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    let mode = common::create_mode(cursor);
    match cursor.take_any(&OBJECTS) {
        Some("USER") => users::create(cursor, mode).map(Statement::User),
        Some("ROLE") => roles::create(cursor, mode, false).map(Statement::Role),
        Some("DATABASE ROLE") => roles::create(cursor, mode, true).map(Statement::Role),
        Some("DATABASE") => containers::create_database(cursor, mode).map(Statement::Container),
        Some("SCHEMA") => containers::create_schema(cursor, mode).map(Statement::Container),
        Some("WAREHOUSE") => containers::create_warehouse(cursor, mode).map(Statement::Container),
        Some("NETWORK RULE") => network_rules::create(cursor, mode).map(Statement::NetworkRule),
        Some("NETWORK POLICY") => {
            network_policies::create(cursor, mode).map(Statement::NetworkPolicy)
        }
        Some("AUTHENTICATION POLICY") => {
            auth_policies::create(cursor, mode).map(Statement::AuthPolicy)
        }
        Some(_) | None => Err(cursor.unexpected()),
    }
}

fn alter(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    const NOUNS: [&str; 8] = [
        "USER",
        "ROLE",
        "DATABASE ROLE",
        "ACCOUNT",
        "SESSION",
        "NETWORK RULE",
        "NETWORK POLICY",
        "AUTHENTICATION POLICY",
    ];
    match cursor.take_any(&NOUNS) {
        Some("USER") => alter_user(cursor),
        Some("ROLE") => roles::alter(cursor, false).map(Statement::Role),
        Some("DATABASE ROLE") => roles::alter(cursor, true).map(Statement::Role),
        Some("ACCOUNT") => account::alter(cursor).map(Statement::Account),
        Some("SESSION") => session::alter(cursor).map(Statement::Session),
        Some("NETWORK RULE") => network_rules::alter(cursor).map(Statement::NetworkRule),
        Some("NETWORK POLICY") => network_policies::alter(cursor).map(Statement::NetworkPolicy),
        Some("AUTHENTICATION POLICY") => auth_policies::alter(cursor).map(Statement::AuthPolicy),
        Some(_) | None => Err(cursor.unexpected()),
    }
}

fn alter_user(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    let target = users::target(cursor)?;
    if pats::begins(cursor) {
        pats::alter(cursor, target).map(Statement::Pat)
    } else if key_pairs::begins(cursor) {
        key_pairs::alter(cursor, target).map(Statement::KeyPair)
    } else {
        users::alter(cursor, target).map(Statement::User)
    }
}

fn drop_object(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    match cursor.take_any(&OBJECTS) {
        Some("USER") => users::drop_user(cursor).map(Statement::User),
        Some("ROLE") => roles::drop_role(cursor, false).map(Statement::Role),
        Some("DATABASE ROLE") => roles::drop_role(cursor, true).map(Statement::Role),
        Some(noun @ ("DATABASE" | "SCHEMA" | "WAREHOUSE")) => {
            containers::drop_container(cursor, noun).map(Statement::Container)
        }
        Some("NETWORK RULE") => network_rules::drop_rule(cursor).map(Statement::NetworkRule),
        Some("NETWORK POLICY") => {
            network_policies::drop_policy(cursor).map(Statement::NetworkPolicy)
        }
        Some("AUTHENTICATION POLICY") => {
            auth_policies::drop_policy(cursor).map(Statement::AuthPolicy)
        }
        Some(_) | None => Err(cursor.unexpected()),
    }
}

fn describe(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    const NOUNS: [&str; 4] = ["USER", "NETWORK RULE", "NETWORK POLICY", "AUTHENTICATION POLICY"];
    match cursor.take_any(&NOUNS) {
        Some("USER") => user_show::describe(cursor).map(Statement::UserShow),
        Some("NETWORK RULE") => network_rules::describe(cursor).map(Statement::NetworkRule),
        Some("NETWORK POLICY") => network_policies::describe(cursor).map(Statement::NetworkPolicy),
        Some("AUTHENTICATION POLICY") => {
            auth_policy_show::describe(cursor).map(Statement::AuthPolicyShow)
        }
        Some(_) | None => Err(cursor.unexpected()),
    }
}

fn show(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    cursor.take("TERSE");
    const NOUNS: [&str; 14] = [
        "USER PROGRAMMATIC ACCESS TOKENS",
        "USER PATS",
        "USER KEY PAIRS",
        "USERS",
        "ROLES",
        "DATABASE ROLES",
        "DATABASES",
        "SCHEMAS",
        "WAREHOUSES",
        "NETWORK RULES",
        "NETWORK POLICIES",
        "AUTHENTICATION POLICIES",
        "GRANTS",
        "PARAMETERS",
    ];
    match cursor.take_any(&NOUNS) {
        Some("USER PROGRAMMATIC ACCESS TOKENS" | "USER PATS") => {
            pats::show(cursor).map(Statement::Pat)
        }
        Some("USER KEY PAIRS") => key_pairs::show(cursor).map(Statement::KeyPair),
        Some("USERS") => user_show::show(cursor).map(Statement::UserShow),
        Some("ROLES") => roles::show(cursor).map(Statement::Role),
        Some("DATABASE ROLES") => roles::show_database_roles(cursor).map(Statement::Role),
        Some(noun @ ("DATABASES" | "SCHEMAS" | "WAREHOUSES")) => {
            containers::show(cursor, noun).map(Statement::Container)
        }
        Some("NETWORK RULES") => network_rules::show(cursor).map(Statement::NetworkRule),
        Some("NETWORK POLICIES") => network_policies::show(cursor).map(Statement::NetworkPolicy),
        Some("AUTHENTICATION POLICIES") => {
            auth_policy_show::show(cursor).map(Statement::AuthPolicyShow)
        }
        Some("GRANTS") => grant_show::show(cursor).map(Statement::GrantShow),
        Some("PARAMETERS") => parameters::show(cursor).map(Statement::Parameters),
        Some(_) | None => Err(cursor.unexpected()),
    }
}

fn run(engine: &mut Engine, session: &mut Session, statement: Statement, now: Millis) -> Outcome {
    match statement {
        Statement::User(command) => users::run(engine, session, command, now),
        Statement::UserShow(command) => user_show::run(engine, session, command, now),
        Statement::Pat(command) => pats::run(engine, session, command, now),
        Statement::KeyPair(command) => key_pairs::run(engine, session, command, now),
        Statement::Role(command) => roles::run(engine, session, command, now),
        Statement::Grant(command) => grants::run(engine, session, command, now),
        Statement::GrantShow(command) => grant_show::run(engine, session, &command),
        Statement::Container(command) => containers::run(engine, session, command, now),
        Statement::NetworkRule(command) => network_rules::run(engine, session, command, now),
        Statement::NetworkPolicy(command) => network_policies::run(engine, session, command, now),
        Statement::AuthPolicy(command) => auth_policies::run(engine, session, command, now),
        Statement::AuthPolicyShow(command) => auth_policy_show::run(engine, session, &command),
        Statement::Account(command) => account::run(engine, session, command),
        Statement::Session(command) => session::run(engine, session, command),
        Statement::Parameters(command) => parameters::run(engine, session, &command),
        Statement::Select(select) => select::run(engine, session, &select, now),
    }
}
