//! Which questions there are, given the answers so far. What a name was not shown for is not asked about further.

use std::collections::BTreeSet;

use crate::pattern::desired::Desired;
use crate::pattern::ours::{self, FullName};

use super::Breadth;
use super::answers::Answers;
use super::ask::Ask;
use super::facts::UserRow;
use super::sight::Sight;

/// Returns every question that the answers so far lead to, answered or not.
pub(super) fn wanted(desired: &Desired, breadth: Breadth, answers: &Answers) -> BTreeSet<Ask> {
    let sight = Sight::of(answers, &desired.home.database);
    let mut asks: BTreeSet<Ask> =
        [Ask::Acting, Ask::NetworkPolicies, Ask::NetworkPolicyOfAccount, Ask::PoliciesOnAccount]
            .into();
    asks.extend(sight.questions());
    for role in roles(desired) {
        asks.extend(about_role(answers, role));
    }
    for user in users(desired) {
        asks.extend(about_user(answers, user));
    }
    asks.extend(about_network(desired, answers));
    asks.extend(about_home(desired, answers));
    if breadth == Breadth::Whole && sight.sees_all() {
        asks.extend(about_everybody(answers));
    }
    asks.extend(about_policies(desired, answers));
    asks
}

/// Returns the wanted roles: the broker's and the service users'.
pub(super) fn roles(desired: &Desired) -> BTreeSet<&str> {
    let of_users = desired.users.iter().map(|user| user.role.as_str());
    of_users.chain([desired.broker.role.as_str()]).collect()
}

/// Returns the wanted users: the broker's and the service users.
pub(super) fn users(desired: &Desired) -> BTreeSet<&str> {
    let services = desired.users.iter().map(|user| user.user.as_str());
    services.chain([desired.broker.user.as_str()]).collect()
}

/// Returns the authentication policies that are looked for by name: all of ours, wanted or not, so that one that is
/// no longer wanted is found too, and the site's.
pub(super) fn policies(desired: &Desired) -> BTreeSet<FullName> {
    let ours = [ours::TOKENS_ONLY, ours::KEY_ONLY, ours::PERSONS, ours::SERVICES];
    let ours = ours.into_iter().map(|name| desired.home.holds(name));
    ours.chain([desired.token_policy()]).collect()
}

/// Returns the schema of a policy.
pub(super) fn schema_of([database, schema, _]: &FullName) -> [String; 2] {
    [database.clone(), schema.clone()]
}

fn about_role(answers: &Answers, role: &str) -> Vec<Ask> {
    let is_there = Ask::Role(role.to_owned());
    let mut asks = Vec::new();
    if let Some(Ok(Some(_))) = answers.owned.get(&is_there) {
        asks.extend([Ask::GrantsToRole(role.to_owned()), Ask::GrantsOfRole(role.to_owned())]);
    }
    asks.push(is_there);
    asks
}

fn about_user(answers: &Answers, user: &str) -> Vec<Ask> {
    let mut asks = vec![Ask::User(user.to_owned())];
    if let Some(Ok(Some(_))) = answers.users.get(user) {
        let about = [
            Ask::DescribeUser,
            Ask::GrantsToUser,
            Ask::GrantsOnUser,
            Ask::NetworkPolicyOf,
            Ask::PolicyOf,
            Ask::Tokens,
            Ask::KeyPairs,
        ];
        asks.extend(about.map(|ask: fn(String) -> Ask| ask(user.to_owned())));
    }
    asks
}

fn about_network(desired: &Desired, answers: &Answers) -> Option<Ask> {
    let shown = matches!(answers.network_policy, Some(Ok(Some(_))));
    shown.then(|| Ask::DescribeNetworkPolicy(desired.network_policy().to_owned()))
}

fn about_home(desired: &Desired, answers: &Answers) -> Vec<Ask> {
    let home = &desired.home;
    let database = Ask::Database(home.database.clone());
    let schema = Ask::Schema([home.database.clone(), home.schema.clone()]);
    let is_there = |ask: &Ask| matches!(answers.owned.get(ask), Some(Ok(Some(_))));
    let mut asks = vec![database.clone()];
    if is_there(&database) {
        asks.push(schema.clone());
    }
    if is_there(&schema) {
        asks.push(Ask::Policies([home.database.clone(), home.schema.clone()]));
        asks.extend(desired.network_rule().map(Ask::NetworkRule));
    }
    if let Some(Ok(Some(_))) = answers.network_rule {
        asks.extend(desired.network_rule().map(Ask::DescribeNetworkRule));
    }
    asks
}

/// Every policy that is there by name, or attached to something that was looked at.
fn about_policies(desired: &Desired, answers: &Answers) -> Vec<Ask> {
    let mut asks = Vec::new();
    let site = desired.token_policy();
    let home = [desired.home.database.clone(), desired.home.schema.clone()];
    if schema_of(&site) != home {
        asks.push(Ask::Policies(schema_of(&site)));
    }
    let listed = policies(desired).into_iter().filter(|policy| is_listed(answers, policy));
    asks.extend(listed.chain(attached(answers)).map(Ask::DescribePolicy));
    asks
}

/// Returns whether SHOW lists the policy in its schema.
pub(super) fn is_listed(answers: &Answers, policy: &FullName) -> bool {
    let [_, _, name] = policy;
    matches!(answers.policies.get(&schema_of(policy)), Some(Ok(names)) if names.contains(name))
}

/// Returns every policy attached to the account or in force for a user that was looked at.
pub(super) fn attached(answers: &Answers) -> BTreeSet<FullName> {
    let on_account = answers.on_account.iter().flatten().flat_map(|found| &found.policies);
    let in_force = answers.in_force.values().flatten().flatten();
    on_account.chain(in_force.filter_map(|found| found.policy.as_ref())).cloned().collect()
}

/// The pages of users as far as they were turned, and one or two questions about each user.
fn about_everybody(answers: &Answers) -> Vec<Ask> {
    let mut asks = vec![Ask::UsersAfter(None)];
    let mut last = None;
    while let Some(Ok(page)) = answers.pages.get(&last) {
        asks.extend(page.users.iter().flat_map(about_somebody));
        match page.users.last() {
            Some(user) if page.full => last = Some(user.name.clone()),
            Some(_) | None => break,
        }
        asks.push(Ask::UsersAfter(last.clone()));
    }
    if answers.tokens.values().any(Result::is_err) {
        asks.push(Ask::LiveTokens);
    }
    asks
}

/// Tokens only of persons that are not disabled: disabling a user disables its tokens, and enabling it does not
/// enable them (snowflake docs: programmatic-access-tokens).
fn about_somebody(user: &UserRow) -> Vec<Ask> {
    let mut asks = vec![Ask::PolicyOf(user.name.clone())];
    if user.is_person() && user.shown.as_ref().is_some_and(|shown| !shown.disabled) {
        asks.push(Ask::Tokens(user.name.clone()));
    }
    asks
}

/// Returns a question about every name that is wanted: those that must be possible to ask.
pub(super) fn by_name(desired: &Desired) -> Vec<Ask> {
    let home = &desired.home;
    let roles = roles(desired).into_iter().map(|name| Ask::GrantsToRole(name.to_owned()));
    let users = users(desired).into_iter().map(|name| Ask::DescribeUser(name.to_owned()));
    let mut asks: Vec<Ask> = roles.chain(users).collect();
    asks.push(Ask::Schema([home.database.clone(), home.schema.clone()]));
    asks.push(Ask::DescribeNetworkPolicy(desired.network_policy().to_owned()));
    asks.extend(desired.network_rule().map(Ask::DescribeNetworkRule));
    asks.extend(policies(desired).into_iter().map(Ask::DescribePolicy));
    asks
}
