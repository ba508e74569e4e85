//! Older releases of Snowflake, which describe and show less: what they do not say is hidden, and ends nothing.

use patd_core::pattern::observed::{Observed, Seen};
use patd_core::pattern::verify::{Outcome, verify};

use crate::house::{House, known, user};

fn lacking(house: &House, names: &[&str]) {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    house.sim.switches(|switches| switches.release_lacks = names);
}

fn not_checked(house: &House, seen: &Observed, id: &str) -> Vec<String> {
    let checks = verify(&house.desired, seen, &[]).into_iter().filter(|check| check.id == id);
    let needs = checks.filter_map(|check| match check.outcome {
        Outcome::NotChecked { needs } => Some(needs),
        Outcome::Passed | Outcome::Failed => None,
    });
    needs.collect()
}

#[tokio::test]
async fn what_describe_does_not_say_of_a_user_is_taken_from_show() {
    let house = House::new();
    house.admin(
        "ALTER USER MIGUEL_CLI SET TYPE = LEGACY_SERVICE; ALTER USER MIGUEL_CLI SET PASSWORD = 'x'",
    );
    let before = house.seen_by_admin().await;
    lacking(&house, &["PASSWORD", "HAS_WORKLOAD_IDENTITY"]);

    let seen = house.seen_by_admin().await;

    assert_eq!(known(&user(&seen, "MIGUEL_CLI").properties).has_password, Seen::Known(true));
    assert_eq!(known(&user(&seen, "BROKER").properties).has_password, Seen::Known(false));
    assert_eq!(seen, before);
}

#[tokio::test]
async fn what_neither_describe_nor_show_says_of_a_user_is_hidden_and_not_checked() {
    let house = House::new();
    for (names, id) in [
        (["PASSWORD", "has_password"], "no-password"),
        (["HAS_WORKLOAD_IDENTITY", "has_workload_identity"], "no-workload-identity"),
    ] {
        lacking(&house, &names);

        let seen = house.seen_by_admin().await;

        let needs = not_checked(&house, &seen, id);
        assert_eq!(needs.len(), 2, "the user's and the broker's: {needs:?}");
        assert!(needs.iter().all(|needs| needs.contains(names[0])), "{needs:?}");
        let other = if id == "no-password" { "no-workload-identity" } else { "no-password" };
        assert_eq!(not_checked(&house, &seen, other), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_account_that_does_not_tell_what_policies_are_attached_for_hides_the_scopes_only() {
    let house = House::new();
    house.admin(
        "CREATE AUTHENTICATION POLICY PATD.POLICIES.SITE; \
         ALTER ACCOUNT SET AUTHENTICATION POLICY PATD.POLICIES.SITE",
    );
    lacking(&house, &["target_scopes"]);

    let seen = house.seen_by_admin().await;

    let Seen::Hidden { needs } = &seen.scopes else { panic!("{:?}", seen.scopes) };
    assert!(needs.contains("target_scopes"), "{needs}");
    let site = known(&seen.authentication_policies["PATD.POLICIES.SITE"]).as_ref();
    assert_eq!(site.expect("the policy").properties["AUTHENTICATION_METHODS"], "[ALL]");
    let admin = known(&known(&seen.persons)["ADMIN"].policy);
    assert_eq!(admin.policy.as_deref(), Some("PATD.POLICIES.SITE"), "who is under it is seen");
}
