//! Each step says which privilege it needs and whether the acting role has it.

use patd_core::pattern::observed::{Observed, Seen};
use patd_core::pattern::plan::Held;

use crate::account::{desired, empty, finished, planned, set, with_properties, with_user};

fn acting(observed: &mut Observed, role: &str, inherits: &[&str], privileges: &[&str]) {
    observed.acting.role = role.into();
    observed.acting.roles = set(inherits);
    observed.acting.privileges = Seen::Known(set(privileges));
}

#[test]
fn an_account_admin_has_what_every_step_of_a_new_account_needs() {
    let wanted = desired();
    let mut observed = empty(&wanted);
    acting(&mut observed, "ACCOUNTADMIN", &[], &[]);

    let plan = planned(&wanted, &observed);

    for step in &plan.steps {
        assert_eq!(step.held, Held::Yes, "{}: {}", step.statement, step.needs);
    }
}

#[test]
fn a_security_admin_lacks_a_database_and_what_hangs_on_it() {
    let wanted = desired();
    let mut observed = empty(&wanted);
    acting(&mut observed, "SECURITYADMIN", &[], &[]);

    let plan = planned(&wanted, &observed);

    let lacking: Vec<&str> = plan
        .steps
        .iter()
        .filter(|step| step.held == Held::No)
        .map(|step| step.statement.split(" \"").next().unwrap())
        .collect();
    // It is planned to own the database it cannot make: what follows in it is not counted twice.
    assert_eq!(lacking, ["CREATE DATABASE"]);
}

#[test]
fn a_role_of_the_sites_has_exactly_what_it_was_granted() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    with_user(&mut observed, "MIGUEL_CLI", |user| user.owner = Seen::Known("PROVISIONER".into()));
    with_properties(&mut observed, "MIGUEL_CLI", |properties| {
        properties.no_secondary_roles = false
    });
    with_user(&mut observed, "MIGUEL_CLI", |user| {
        user.grants = Seen::Known(std::collections::BTreeSet::new());
    });
    acting(&mut observed, "PROVISIONER", &["PROVISIONER"], &["CREATE USER ON ACCOUNT"]);

    let held: Vec<Held> = planned(&wanted, &observed).steps.iter().map(|step| step.held).collect();
    assert_eq!(held, [Held::Yes, Held::No], "it owns the user, and not the role");

    acting(&mut observed, "PROVISIONER", &["PROVISIONER"], &["MANAGE GRANTS ON ACCOUNT"]);
    let held: Vec<Held> = planned(&wanted, &observed).steps.iter().map(|step| step.held).collect();
    assert_eq!(held, [Held::Yes, Held::Yes]);
}

#[test]
fn two_privileges_that_are_both_needed_are_both_asked_for() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    with_user(&mut observed, "MIGUEL_CLI", |user| {
        user.network_policy = Seen::Known(None);
        user.owner = Seen::Known("PROVISIONER".into());
    });
    for (privileges, held) in [
        (vec![], Held::No),
        (vec!["USAGE ON NETWORK POLICY PATD_NETWORK"], Held::Yes),
        (vec!["OWNERSHIP ON NETWORK POLICY PATD_NETWORK"], Held::Yes),
    ] {
        acting(&mut observed, "PROVISIONER", &["PROVISIONER"], &privileges);
        let plan = planned(&wanted, &observed);
        assert_eq!(plan.steps[0].held, held, "{privileges:?}");
        assert!(plan.steps[0].needs.contains("; and "), "{}", plan.steps[0].needs);
    }
}

#[test]
fn where_privileges_are_hidden_it_is_not_known() {
    let wanted = desired();
    let mut observed = empty(&wanted);
    acting(&mut observed, "SOME_ROLE", &["SOME_ROLE"], &[]);
    observed.acting.privileges = Seen::Hidden { needs: "x".into() };

    let plan = planned(&wanted, &observed);

    assert_eq!(plan.steps[0].held, Held::Unknown, "{}", plan.steps[0].statement);
}
