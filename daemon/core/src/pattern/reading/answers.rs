//! The answers so far, as facts. An answer is a fact, or one of the refusals that say something about what is not
//! to be seen; everything else ends the conversation.

use std::collections::{BTreeMap, BTreeSet};

use crate::pattern::observed::{Grant, Owned, Token, UserProperties};
use crate::pattern::ours::FullName;

use super::ask::Ask;
use super::facts::{self, Holder, InForce, OnAccount, Page, Properties, RuleRow, UserRow, Who};
use super::rows::{Denied, Fault, Rows};

/// Why there is no fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// The acting role may not, or there is no such thing: Snowflake does not tell the two apart.
    Refused,
    /// The answer is not whole, or has as many rows as SHOW ever gives; there may be more.
    Cut,
    /// The account does not know the question.
    Unknown,
}

/// A fact or why there is none.
pub(super) type Told<T> = Result<T, Gap>;

/// SHOW never gives more rows, and does not say so (snowflake docs: show-grants).
const LONGEST_SHOW: usize = 10_000;

/// What was told, by what it is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    asked: BTreeSet<Ask>,
    pub(super) who: Option<Who>,
    /// Grants to roles, database roles and users.
    pub(super) grants: BTreeMap<Ask, Told<BTreeSet<Grant>>>,
    pub(super) holders: BTreeMap<String, Told<BTreeSet<Holder>>>,
    /// Roles, databases and schemas.
    pub(super) owned: BTreeMap<Ask, Told<Option<Owned>>>,
    pub(super) users: BTreeMap<String, Told<Option<UserRow>>>,
    pub(super) grants_on: BTreeMap<String, Told<BTreeMap<String, BTreeSet<String>>>>,
    pub(super) user_properties: BTreeMap<String, Told<UserProperties>>,
    pub(super) policy_properties: BTreeMap<FullName, Told<Properties>>,
    pub(super) own_network_policies: BTreeMap<String, Told<Option<Option<String>>>>,
    pub(super) account_network_policy: Option<Told<Option<Option<String>>>>,
    pub(super) in_force: BTreeMap<String, Told<Option<InForce>>>,
    pub(super) tokens: BTreeMap<String, Told<Vec<Token>>>,
    pub(super) key_pairs: BTreeMap<String, Told<BTreeSet<String>>>,
    pub(super) network_rule: Option<Told<Option<RuleRow>>>,
    pub(super) rule_values: Option<Told<BTreeSet<String>>>,
    pub(super) network_policy: Option<Told<Option<String>>>,
    pub(super) network_lists: Option<Told<BTreeMap<String, BTreeSet<String>>>>,
    pub(super) policies: BTreeMap<[String; 2], Told<BTreeSet<String>>>,
    pub(super) on_account: Option<Told<OnAccount>>,
    pub(super) pages: BTreeMap<Option<String>, Told<Page>>,
    pub(super) live_tokens: Option<Told<BTreeMap<String, BTreeSet<String>>>>,
}

impl Answers {
    /// Returns whether the question was answered.
    pub(super) fn has(&self, ask: &Ask) -> bool {
        self.asked.contains(ask)
    }

    /// Takes an answer. `network_policy` is the name the list of network policies is searched for.
    pub(super) fn take(
        &mut self,
        ask: &Ask,
        outcome: Result<Rows, Denied>,
        network_policy: &str,
    ) -> Result<(), Fault> {
        let told = told(ask, outcome)?;
        match ask {
            Ask::Acting => self.who = Some(facts::who(&told.map_err(|_| Fault::Value("role"))?)?),
            Ask::Role(name) | Ask::Database(name) => {
                let fact = read(told, |rows| facts::owned(rows, name))?;
                self.owned.insert(ask.clone(), fact);
            }
            Ask::Schema(name) => {
                let fact = read(told, |rows| facts::schema(rows, name))?;
                self.owned.insert(ask.clone(), fact);
            }
            Ask::GrantsToRole(_) | Ask::GrantsToDatabaseRole(_) => {
                self.grants.insert(ask.clone(), read(told, facts::grants_to_role)?);
            }
            Ask::GrantsToUser(_) => {
                self.grants.insert(ask.clone(), read(told, facts::grants_to_user)?);
            }
            Ask::GrantsOfRole(name) => {
                self.holders.insert(name.clone(), read(told, facts::holders)?);
            }
            Ask::DescribeUser(name) => {
                self.user_properties.insert(name.clone(), read(told, facts::user_properties)?);
            }
            Ask::DescribePolicy(name) => {
                self.policy_properties.insert(name.clone(), read(told, facts::properties)?);
            }
            Ask::User(name) => {
                self.users.insert(name.clone(), read(told, |rows| facts::user(rows, name))?);
            }
            Ask::GrantsOnUser(name) => {
                self.grants_on.insert(name.clone(), read(told, facts::grants_on)?);
            }
            Ask::NetworkPolicyOf(name) => {
                let fact = read(told, facts::own_network_policy)?;
                self.own_network_policies.insert(name.clone(), fact);
            }
            Ask::NetworkPolicyOfAccount => {
                self.account_network_policy = Some(read(told, facts::network_policy_of_account)?);
            }
            Ask::PolicyOf(name) => {
                self.in_force.insert(name.clone(), read(told, facts::in_force)?);
            }
            Ask::Tokens(name) => {
                self.tokens.insert(name.clone(), read(told, |rows| facts::tokens(rows, name))?);
            }
            Ask::KeyPairs(name) => {
                let fact = read(told, |rows| facts::key_pairs(rows, name))?;
                self.key_pairs.insert(name.clone(), fact);
            }
            Ask::NetworkRule(name) => {
                self.network_rule = Some(read(told, |rows| facts::network_rule(rows, name))?);
            }
            Ask::DescribeNetworkRule(_) => {
                self.rule_values = Some(read(told, facts::rule_values)?);
            }
            Ask::NetworkPolicies => {
                let fact = read(told, |rows| facts::network_policy(rows, network_policy))?;
                self.network_policy = Some(fact);
            }
            Ask::DescribeNetworkPolicy(_) => {
                self.network_lists = Some(read(told, facts::network_lists)?);
            }
            Ask::Policies(schema) => {
                self.policies.insert(schema.clone(), read(told, facts::names)?);
            }
            Ask::PoliciesOnAccount => self.on_account = Some(read(told, facts::on_account)?),
            Ask::UsersAfter(last) => {
                let page = read(told, facts::page)?;
                if let Ok(page) = &page {
                    moves_on(page, last.as_deref())?;
                }
                self.pages.insert(last.clone(), page);
            }
            Ask::LiveTokens => self.live_tokens = Some(read(told, facts::live_tokens)?),
        }
        self.asked.insert(ask.clone());
        Ok(())
    }
}

fn read<T>(
    told: Told<Rows>,
    fact: impl FnOnce(&Rows) -> Result<T, Fault>,
) -> Result<Told<T>, Fault> {
    match told {
        Ok(rows) => fact(&rows).map(Ok),
        Err(gap) => Ok(Err(gap)),
    }
}

/// Sorts an outcome: rows, a gap, or nothing to go on with.
fn told(ask: &Ask, outcome: Result<Rows, Denied>) -> Result<Told<Rows>, Fault> {
    match outcome {
        Ok(rows) if rows.rows.len() >= LONGEST_SHOW && *ask != Ask::LiveTokens => Ok(Err(Gap::Cut)),
        Ok(rows) => Ok(Ok(rows)),
        Err(Denied { code, message }) => match gap(ask, &code) {
            Some(gap) => Ok(Err(gap)),
            None => Err(Fault::Refused { code, message }),
        },
    }
}

/// Returns what a refusal says, if it says anything. 003001: insufficient privileges; 002003, 002043: does not exist
/// or not authorized; 391908: not all of the result; 000606: no warehouse to read a view with; 001003: not known in
/// this release.
fn gap(ask: &Ask, code: &str) -> Option<Gap> {
    if *ask == Ask::Acting {
        return None;
    }
    match code {
        "003001" | "002003" | "002043" => Some(Gap::Refused),
        "391908" => Some(Gap::Cut),
        "000606" if *ask == Ask::LiveTokens => Some(Gap::Refused),
        "001003" if matches!(ask, Ask::KeyPairs(_)) => Some(Gap::Unknown),
        _ => None,
    }
}

/// A page that ends where it began would be asked for without end.
fn moves_on(page: &Page, last: Option<&str>) -> Result<(), Fault> {
    let end = page.users.last().map(|user| user.name.as_str());
    if page.full && end == last { Err(Fault::Twice("page")) } else { Ok(()) }
}
