//! Whether the broker can do nothing but manage the tokens of the registered users.

use std::collections::BTreeSet;

use super::authentication::check_key_only;
use super::grants::{mints_for, only_looks, said};
use super::id::Id;
use super::verdict::{Page, Verdict, by_plan, judged, seen};
use super::{network, role, tokens, user};
use crate::names::User;
use crate::pattern::desired::{Broker, Desired};
use crate::pattern::observed::{Grant, Observed, UserFacts};

/// Writes the checks of the broker's user and role.
pub(super) fn check(page: &mut Page<'_>, desired: &Desired, observed: &Observed) {
    let broker = &desired.broker;
    check_user(page, desired, observed);
    let Some(found) = role::existing(page, &broker.role, observed) else { return };
    let grants = found.and_then(|role| seen(&role.grants));
    page.note(Id::BrokerManages, judged(grants, |found| manages(found, desired)));
    page.note(Id::BrokerLeast, judged(grants, |found| least(found, desired)));
    role::check_holders(page, found, &broker.user, &[], broker.management);
}

fn check_user(page: &mut Page<'_>, desired: &Desired, observed: &Observed) {
    let broker = &desired.broker;
    let found = observed.users.get(broker.user.as_str());
    let Some(found) = user::existing(page, &broker.user, found) else { return };
    user::check(page, found, &broker.role);
    page.note(Id::BrokerOneKey, one_key(found, broker));
    tokens::check_none(page, found);
    check_key_only(page, desired, observed, found);
    if broker.is_ours() {
        network::check_attached(page, desired, observed, found);
    }
}

/// A second key is right only while the first is being replaced.
fn one_key(user: Result<&UserFacts, &str>, broker: &Broker) -> Verdict {
    let legacy = judged(user.and_then(|user| seen(&user.properties)), |found| {
        let keys: Vec<&str> = found.key_fingerprints.iter().flatten().map(String::as_str).collect();
        let ours = broker.key_fingerprint.as_deref();
        let holds = matches!(keys.as_slice(), [one] if ours.is_none_or(|ours| ours == *one));
        let shown = if keys.is_empty() { "no key".to_owned() } else { keys.join(", ") };
        let next = "leave it this host's key only: patctl bootstrap --renew, then unset the other";
        Verdict::when(holds, shown, next)
    });
    let named = judged(user.and_then(|user| seen(&user.key_pairs)), |found| {
        let found: Vec<String> = found.iter().map(|name| format!("key pair {name}")).collect();
        Verdict::none_of(&found, "no named key pair", "remove them: ALTER USER … REMOVE KEY PAIR")
    });
    legacy.and(named)
}

fn manages(grants: &BTreeSet<Grant>, desired: &Desired) -> Verdict {
    let lacking =
        managed(desired).filter(|user| !grants.iter().any(|grant| mints_for(grant, user)));
    let lacking: Vec<&str> = lacking.map(User::as_str).collect();
    let evidence = match lacking.as_slice() {
        [] => "manages the tokens of each registered user".to_owned(),
        lacking => format!("the broker's role may not manage the tokens of {}", lacking.join(", ")),
    };
    Verdict::when(lacking.is_empty(), evidence, by_plan("grant it"))
}

fn least(grants: &BTreeSet<Grant>, desired: &Desired) -> Verdict {
    let wanted = |grant: &Grant| managed(desired).any(|user| mints_for(grant, user));
    let more: Vec<&Grant> = grants.iter().filter(|grant| !wanted(grant)).collect();
    let (looks, does): (Vec<&Grant>, Vec<&Grant>) = more.into_iter().partition(|g| only_looks(g));
    let does: Vec<String> = does.into_iter().map(said).collect();
    let looks: Vec<String> = looks.into_iter().map(said).collect();
    let shown = match looks.as_slice() {
        [] => "nothing else".to_owned(),
        looks => format!("nothing else but to look: {}", looks.join(", ")),
    };
    let next = "revoke it: what the broker holds, root of this host holds";
    Verdict::none_of(&does, &shown, next)
}

fn managed(desired: &Desired) -> impl Iterator<Item = &User> {
    let itself = desired.broker.replaces_own_key.then_some(&desired.broker.user);
    desired.users.iter().map(|wanted| &wanted.user).chain(itself)
}
