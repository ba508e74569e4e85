//! The proof of the pattern: one check a line, each with its evidence. What the acting role cannot see is "not
//! checked", never "passed".

mod account;
mod authentication;
mod broker;
mod grants;
mod id;
mod login;
mod network;
mod role;
mod tokens;
mod user;
mod verdict;

use serde::{Deserialize, Serialize};

use super::desired::{Desired, ServiceUser};
use super::observed::{Grant, Observed, Seen};
use crate::names::User;
use verdict::Page;

pub use id::Id;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable id: `service-type`, `one-role`, `no-role-switch`, … also the words of `freeze_on`.
    pub id: String,
    /// What it is about: `user MIGUEL_CLI`, `account`.
    pub subject: String,
    /// The outcome.
    pub outcome: Outcome,
    /// What was seen, in one line.
    pub evidence: String,
    /// What to do; empty when it passed.
    pub next_step: String,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It could not be seen.
    NotChecked {
        /// What would show it.
        needs: String,
    },
}

impl Check {
    /// Returns whether the check says something about this service user: it is its own, the account's or the broker's.
    pub fn concerns(&self, user: &User) -> bool {
        self.subject.strip_prefix("user ").is_none_or(|name| name == user.as_str())
    }
}

/// Returns every check of the pattern: the broker, each service user, the account. Of what does not exist, only that.
pub fn verify(desired: &Desired, observed: &Observed, logins: &[Evidence]) -> Vec<Check> {
    let mut checks = Vec::new();
    let broker = format!("broker {}", desired.broker.user);
    broker::check(&mut Page::new(broker, &mut checks), desired, observed);
    for wanted in &desired.users {
        let mut page = Page::new(format!("user {}", wanted.user), &mut checks);
        let login = logins.iter().find(|login| login.user == wanted.user.as_str());
        service_user(&mut page, desired, wanted, observed, login);
    }
    let policy = format!("network policy {}", desired.network_policy());
    network::check_sources(&mut Page::new(policy, &mut checks), desired, observed);
    account::check(&mut Page::new("account", &mut checks), desired, observed);
    checks
}

/// Returns the checks that do not hold, and those that could not be made.
pub fn drift(desired: &Desired, observed: &Observed, logins: &[Evidence]) -> Vec<Check> {
    let mut checks = verify(desired, observed, logins);
    checks.retain(|check| check.outcome != Outcome::Passed);
    checks
}

fn service_user(
    page: &mut Page<'_>,
    desired: &Desired,
    wanted: &ServiceUser,
    observed: &Observed,
    login: Option<&Evidence>,
) {
    let found = observed.users.get(wanted.user.as_str());
    if let Some(found) = user::existing(page, &wanted.user, found) {
        user::check(page, found, &wanted.role);
        user::check_no_key(page, found);
        tokens::check(page, wanted, &desired.broker, found);
        network::check_attached(page, desired, observed, found);
        authentication::check(page, desired, observed, found);
    }
    role::check(page, wanted, observed, login);
    login::check(page, wanted, login);
}

/// What a real login with the current token showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The service user it was for.
    pub user: String,
    /// `CURRENT_USER()`.
    pub current_user: String,
    /// `CURRENT_ROLE()`.
    pub current_role: String,
    /// Roles that were active beside it.
    pub secondary_roles: Vec<String>,
    /// What `USE ROLE` to another role brought: the role afterwards, or Snowflake's refusal.
    pub role_switch: Attempt,
    /// What `USE SECONDARY ROLES ALL` brought: the secondary roles afterwards, or Snowflake's refusal.
    pub secondary_switch: Attempt,
    /// What a login that asks for another role brought: the role it got, or Snowflake's refusal.
    pub other_role_login: Attempt,
    /// The grants of its role, as the session itself sees them.
    pub grants: Seen<Vec<Grant>>,
    /// Database roles that everybody holds through PUBLIC, as far as the session sees them.
    #[serde(default)]
    pub public_database_roles: Vec<String>,
}

/// What an attempt to leave the one role brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attempt {
    /// Refused, with Snowflake's words.
    Refused(String),
    /// Accepted: what was active afterwards.
    Accepted(String),
    /// No clear answer.
    Unclear(String),
}
