//! `patctl manifest replay`: brings the account of a configuration to what a manifest says. It looks, shows and asks
//! as `apply` does; account and broker are those of this host.

use patd_core::names::Account;
use patd_core::pattern::desired::{Desired, Network, ServiceUser};
use patd_core::pattern::plan::Plan;

use crate::answer::{Answer, Failure};
use crate::cli::{Cli, ManifestArgs};
use crate::confirm::consent;
use crate::errand::{self, Nobody, Words};
use crate::plan::{self, look, shown};
use crate::runner;
use crate::target::Target;
use crate::text::plain;

use super::file::Manifest;

pub(super) fn run(cli: &Cli, args: &ManifestArgs, manifest: Manifest) -> Result<Answer, Failure> {
    runner::needs_an_admin(&args.session)?;
    let mut target = Target::find(cli, args.session.account.as_deref())?;
    let desired = adapted(manifest.desired, &target.desired);
    let next = next(&target.desired, &desired);
    target.desired = desired;
    target.leave_out(&args.without);
    let mut session = runner::open(cli, &args.session, &target)?;
    let (plan, _) = look(session.as_mut(), &target)?;
    if args.only.plan || args.only.sql {
        return Ok(plan::answer(&plan, args.only.sql));
    }
    if plan.steps.is_empty() {
        return nothing_to_do(&plan, &next);
    }
    errand::say(&shown(&plan));
    let consent = consent(&plan, &args.consent)?;
    let words = Words { again: "patctl manifest replay", next };
    errand::carry_out(session.as_mut(), &plan, &consent, &words, &mut Nobody)
}

/// Returns what a manifest wants, of the account and with the broker of this configuration.
fn adapted(mut wanted: Desired, here: &Desired) -> Desired {
    if let Network::Allow { policy, .. } = &mut wanted.network
        && *policy == named_after(wanted.broker.user.as_str())
    {
        *policy = named_after(here.broker.user.as_str());
    }
    wanted.account = here.account.clone();
    wanted.broker = here.broker.clone();
    wanted
}

fn named_after(broker: &str) -> String {
    format!("{broker}_NETWORK")
}

/// What makes the account's daemon serve what was replayed.
fn next(configured: &Desired, replayed: &Desired) -> String {
    let known = |user: &&ServiceUser| configured.users.iter().all(|known| known.user != user.user);
    let account = &replayed.account;
    let add = |user: &ServiceUser| add_line(account, user);
    let mut lines: Vec<String> = replayed.users.iter().filter(known).map(add).collect();
    let others = differences(configured, replayed);
    if !others.is_empty() {
        lines.push(format!(
            "write the same into [provision] of {account}, or patctl apply changes it back: {}",
            others.join(", ")
        ));
    }
    lines.push("patctl verify".to_owned());
    lines.join("\n      ")
}

fn add_line(account: &Account, user: &ServiceUser) -> String {
    let name = user.user.as_str().to_ascii_lowercase();
    plain(&format!(
        "patctl add {name} --account {account} --user {} --role {} --for LOCALUSER",
        user.user, user.role
    ))
}

/// Returns the keys of `[provision]` in which the configuration says something else.
fn differences(configured: &Desired, replayed: &Desired) -> Vec<&'static str> {
    let pairs = [
        ("run_as", configured.run_as == replayed.run_as),
        ("database, schema, home", configured.home == replayed.home),
        ("network, network_policy", configured.network == replayed.network),
        (
            "authentication_policy, network_evaluation, max_days_to_expiry",
            configured.tokens == replayed.tokens,
        ),
        ("bar_persons, admit_services, blocked_roles", configured.scopes == replayed.scopes),
    ];
    pairs.into_iter().filter(|(_, same)| !same).map(|(keys, _)| keys).collect()
}

fn nothing_to_do(plan: &Plan, next: &str) -> Result<Answer, Failure> {
    let mut answer = errand::nothing_to_do(plan)?;
    answer.text.push_str(&format!("next: {next}\n"));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use patd_core::names::{Role, User};

    use super::super::file::tests::desired;
    use super::*;

    fn here() -> Desired {
        let mut here = desired();
        here.account = Account::new("MYORG-PROD");
        here.broker.user = User::new("PATD_HOST9");
        here.broker.role = Role::new("PATD_HOST9_ROLE");
        here.broker.public_key = Some("MIIBIjANBg".to_owned());
        here.users.clear();
        here
    }

    #[test]
    fn account_and_broker_are_this_hosts_and_all_the_rest_the_manifests() {
        let replayed = adapted(desired(), &here());

        assert_eq!((&replayed.account, &replayed.broker), (&here().account, &here().broker));
        assert_eq!(replayed.network_policy(), "PATD_HOST9_NETWORK", "it bears the broker's name");
        assert_eq!(replayed.users, desired().users);
        let mut named = desired();
        named.network = Network::Existing { policy: "PATD_HOST1_NETWORK".to_owned() };
        assert_eq!(adapted(named, &here()).network_policy(), "PATD_HOST1_NETWORK", "a site's own");
    }

    #[test]
    fn what_the_configuration_does_not_say_yet_is_the_next_step() {
        let replayed = adapted(desired(), &here());

        let next = next(&here(), &replayed);

        assert!(
            next.contains("patctl add miguel_cli --account MYORG-PROD --user MIGUEL_CLI"),
            "{next}"
        );
        assert!(next.contains("changes it back: network, network_policy"), "{next}");
        assert_eq!(super::next(&replayed, &replayed), "patctl verify");
    }
}
