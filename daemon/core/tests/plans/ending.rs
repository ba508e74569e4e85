//! Taking down: in an order in which nobody is ever less bound than before, each statement with its confirmation, and
//! a second run goes on where the first one ended.

use patd_core::names::{TokenName, User};
use patd_core::pattern::desired::Management;
use patd_core::pattern::observed::{Observed, Seen, Token};
use patd_core::pattern::plan::{
    Confirmation, Doomed, Plan, Sign, destroy, remove_tokens, renew, retire,
};

use crate::account::{desired, finished, service_user, statements, with_properties, with_user};

#[test]
fn everything_goes_users_before_their_policies() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    tokens(
        &mut observed,
        vec![token("PATD_0A1B2C3D_G1_ABCDEF", Some("PATD_HOST1")), token("HAND", Some("ADMIN"))],
    );

    let plan = destroy(&wanted, &observed, String::new(), Doomed::Everything).unwrap();

    assert_eq!(
        statements(&plan),
        [
            "ALTER USER \"MIGUEL_CLI\" REMOVE PROGRAMMATIC ACCESS TOKEN \"PATD_0A1B2C3D_G1_ABCDEF\"",
            "ALTER USER \"MIGUEL_CLI\" REMOVE PROGRAMMATIC ACCESS TOKEN \"HAND\"",
            "DROP USER \"MIGUEL_CLI\"",
            "DROP ROLE \"MIGUEL_CLI_ROLE\"",
            "ALTER ACCOUNT UNSET AUTHENTICATION POLICY FOR ALL PERSON USERS",
            "ALTER ACCOUNT UNSET AUTHENTICATION POLICY FOR ALL SERVICE USERS",
            "DROP USER \"PATD_HOST1\"",
            "DROP ROLE \"PATD_HOST1_ROLE\"",
            "DROP AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_PERSONS\"",
            "DROP AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_SERVICES\"",
            "DROP AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_KEY_ONLY\"",
            "DROP AUTHENTICATION POLICY \"PATD\".\"POLICIES\".\"PATD_TOKENS_ONLY\"",
            "DROP NETWORK POLICY \"PATD_NETWORK\"",
            "DROP NETWORK RULE \"PATD\".\"POLICIES\".\"PATD_NETWORK_INGRESS\"",
        ]
    );
    demand_confirmed(&plan);
    assert!(
        plan.notes.iter().any(|note| note.id == "kept" && note.object == "schema PATD.POLICIES")
    );
}

#[test]
fn a_second_run_does_what_is_left_and_in_an_empty_account_nothing() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    observed.users.insert("MIGUEL_CLI".into(), Seen::Known(None));

    let plan = destroy(&wanted, &observed, String::new(), Doomed::Everything).unwrap();
    assert_eq!(statements(&plan)[0], "DROP ROLE \"MIGUEL_CLI_ROLE\"");

    let empty = crate::account::empty(&wanted);
    let plan = destroy(&wanted, &empty, String::new(), Doomed::Everything).unwrap();
    assert_eq!(statements(&plan), [""; 0]);
}

#[test]
fn one_user_goes_without_what_others_share() {
    let mut wanted = desired();
    wanted.users.push(service_user("OTHER_CLI"));
    wanted.users[1].role = wanted.users[0].role.clone();
    let observed = finished(&wanted);
    let doomed = [User::new("MIGUEL_CLI")];

    let plan = destroy(&wanted, &observed, String::new(), Doomed::Users(&doomed)).unwrap();
    assert_eq!(statements(&plan), ["DROP USER \"MIGUEL_CLI\""], "the other still has the role");

    wanted.users.pop();
    let plan = destroy(&wanted, &observed, String::new(), Doomed::Users(&doomed)).unwrap();
    assert_eq!(statements(&plan), ["DROP USER \"MIGUEL_CLI\"", "DROP ROLE \"MIGUEL_CLI_ROLE\""]);
}

#[test]
fn a_user_of_the_sites_stays_and_loses_what_was_given_for_tokens() {
    let mut wanted = desired();
    wanted.users[0].user_management = Management::Existing;
    wanted.users[0].role_management = Management::Existing;
    let mut observed = finished(&wanted);
    tokens(&mut observed, vec![token("PATD_0A1B2C3D_G1_ABCDEF", None), token("HAND", None)]);

    let plan =
        destroy(&wanted, &observed, String::new(), Doomed::Users(&[User::new("MIGUEL_CLI")]))
            .unwrap();

    assert_eq!(
        statements(&plan),
        [
            "ALTER USER \"MIGUEL_CLI\" REMOVE PROGRAMMATIC ACCESS TOKEN \"PATD_0A1B2C3D_G1_ABCDEF\"",
            "REVOKE MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"MIGUEL_CLI\" FROM ROLE \"PATD_HOST1_ROLE\"",
        ]
    );
}

#[test]
fn a_person_of_that_name_is_left_alone() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    with_properties(&mut observed, "MIGUEL_CLI", |properties| properties.user_type = None);

    let plan = destroy(&wanted, &observed, String::new(), Doomed::Everything).unwrap();

    assert!(!statements(&plan).iter().any(|text| text.contains("\"MIGUEL_CLI\"")));
    assert!(plan.notes.iter().any(|note| note.id == "wrong-type" && note.stops_apply));
}

#[test]
fn the_broker_is_told_that_it_cannot_drop_itself() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    observed.acting.user = "PATD_HOST1".into();

    let plan = destroy(&wanted, &observed, String::new(), Doomed::Everything).unwrap();

    assert!(plan.notes.iter().any(|note| note.id == "own-login" && note.stops_apply));
}

#[test]
fn only_tokens_that_are_named_are_removed() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    tokens(&mut observed, vec![token("A", Some("ADMIN")), token("B", None)]);
    let named = [TokenName::new("A"), TokenName::new("C")];

    let plan =
        remove_tokens(&wanted, &observed, String::new(), &User::new("MIGUEL_CLI"), &named).unwrap();

    assert_eq!(
        statements(&plan),
        ["ALTER USER \"MIGUEL_CLI\" REMOVE PROGRAMMATIC ACCESS TOKEN \"A\""]
    );
    assert!(plan.steps[0].why.contains("made by ADMIN"), "{}", plan.steps[0].why);
    assert!(plan.notes.iter().any(|note| note.id == "gone" && note.text.contains('C')));
    demand_confirmed(&plan);
}

#[test]
fn a_retired_broker_loses_user_and_role_and_a_new_key_is_one_statement() {
    let wanted = desired();

    assert_eq!(
        statements(&retire(&wanted).unwrap()),
        ["DROP USER IF EXISTS \"PATD_HOST1\"", "DROP ROLE IF EXISTS \"PATD_HOST1_ROLE\""]
    );
    assert_eq!(
        statements(&renew(&wanted).unwrap()),
        ["ALTER USER \"PATD_HOST1\" SET RSA_PUBLIC_KEY = 'MIIBIjANBg'"]
    );
    let mut without = desired();
    without.broker.public_key = None;
    assert!(renew(&without).is_err());
}

fn demand_confirmed(plan: &Plan) {
    for step in &plan.steps {
        let confirm = step.danger.as_ref().map(|danger| danger.confirm);
        assert_eq!(
            (confirm, step.sign),
            (Some(Confirmation::Drop), Sign::Danger),
            "{}",
            step.statement
        );
    }
}

fn tokens(observed: &mut Observed, tokens: Vec<Token>) {
    with_user(observed, "MIGUEL_CLI", |user| user.tokens = Seen::Known(tokens));
}

pub(crate) fn token(name: &str, created_by: Option<&str>) -> Token {
    Token {
        name: name.into(),
        role: Some("MIGUEL_CLI_ROLE".into()),
        status: "ACTIVE".into(),
        comment: String::new(),
        created_by: created_by.map(str::to_owned),
        expires_at: Some(1_800_000_000),
        rotated_to: None,
    }
}
