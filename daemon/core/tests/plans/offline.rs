//! What a security admin is asked to run without a look at the account (promise P6): exact, re-runnable, and no more
//! than needed.

use patd_core::names::{Account, User};
use patd_core::pattern::desired::{Desired, Evaluation, Network, Source, TokenPolicy};
use patd_core::pattern::plan::offline;
use patd_core::pattern::plan::render::sql;

use crate::account::{desired, service_user, statements};

fn texts(wanted: &Desired) -> Vec<String> {
    statements(&offline(wanted).unwrap()).into_iter().map(str::to_owned).collect()
}

#[test]
fn every_statement_can_be_run_twice() {
    for text in texts(&desired()) {
        let again = match text.split(' ').next().unwrap() {
            "CREATE" => text.contains(" IF NOT EXISTS ") || text.starts_with("CREATE OR ALTER"),
            "ALTER" => {
                !text.contains("AUTHENTICATION POLICY")
                    || !text.starts_with("ALTER USER")
                    || text.ends_with(" FORCE")
            }
            "GRANT" => true,
            other => panic!("{other}"),
        };
        assert!(again, "{text}");
        assert!(!text.starts_with("ALTER ACCOUNT") || text.ends_with(" FORCE"), "{text}");
    }
}

/// FORCE on the account may take the policies off its users: ours are put on afterwards.
#[test]
fn the_accounts_policies_come_before_those_of_users() {
    let texts = texts(&desired());

    let last = texts.iter().rposition(|text| text.starts_with("ALTER ACCOUNT")).unwrap();
    let first = texts.iter().position(|text| {
        text.contains("SET AUTHENTICATION POLICY") && text.starts_with("ALTER USER")
    });
    assert!(first.unwrap() > last);
}

#[test]
fn tokens_become_possible_only_when_the_user_is_under_its_policies() {
    let texts = texts(&desired());

    let at = |part: &str| texts.iter().position(|text| text.contains(part)).unwrap();
    let granted = at("METHODS ON USER \"MIGUEL_CLI\"");
    assert!(at("ALTER USER \"MIGUEL_CLI\" SET NETWORK_POLICY") < granted);
    assert!(at("ALTER USER \"MIGUEL_CLI\" SET AUTHENTICATION POLICY") < granted);
}

#[test]
fn the_broker_role_gets_the_one_privilege_on_each_registered_user_and_nothing_else() {
    let mut wanted = desired();
    wanted.broker.replaces_own_key = false;
    wanted.users.push(service_user("OTHER_CLI"));

    let grants: Vec<String> = texts(&wanted)
        .into_iter()
        .filter(|text| text.ends_with("TO ROLE \"PATD_HOST1_ROLE\""))
        .collect();

    assert_eq!(
        grants,
        [
            "GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"MIGUEL_CLI\" TO ROLE \"PATD_HOST1_ROLE\"",
            "GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"OTHER_CLI\" TO ROLE \"PATD_HOST1_ROLE\"",
        ]
    );
}

#[test]
fn its_own_key_is_the_brokers_only_where_that_is_asked_for() {
    let own = "GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"PATD_HOST1\" TO ROLE \"PATD_HOST1_ROLE\"";
    let mut wanted = desired();
    assert!(texts(&wanted).iter().any(|text| text == own));

    wanted.broker.replaces_own_key = false;

    assert!(!texts(&wanted).iter().any(|text| text == own));
}

#[test]
fn an_existing_network_policy_is_attached_and_never_changed() {
    let mut wanted = desired();
    wanted.network = Network::Existing { policy: "OFFICE".to_owned() };

    let touching: Vec<String> = texts(&wanted)
        .into_iter()
        .filter(|text| text.contains("OFFICE") || text.contains("NETWORK RULE"))
        .collect();

    assert_eq!(
        touching,
        [
            "ALTER USER \"PATD_HOST1\" SET NETWORK_POLICY = \"OFFICE\"",
            "ALTER USER \"MIGUEL_CLI\" SET NETWORK_POLICY = \"OFFICE\"",
        ]
    );
}

#[test]
fn two_users_may_share_a_role() {
    let mut wanted = desired();
    wanted.users.push(service_user("OTHER_CLI"));
    wanted.users[1].role = wanted.users[0].role.clone();

    let made = texts(&wanted).into_iter().filter(|text| text.starts_with("CREATE ROLE")).count();

    assert_eq!(made, 2, "the broker's and the one");
}

#[test]
fn what_would_lock_everybody_out_or_break_the_quotes_is_refused() {
    let wrongs: [fn(&mut Desired); 7] = [
        |wanted| sources(wanted, Vec::new()),
        |wanted| sources(wanted, vec![Source::AsSeen]),
        |wanted| wanted.users[0].user = User::new("A\nB"),
        |wanted| wanted.broker.public_key = Some(String::new()),
        |wanted| days(wanted, 7, 366),
        |wanted| days(wanted, 31, 30),
        |wanted| days(wanted, 0, 30),
    ];
    for (at, spoil) in wrongs.into_iter().enumerate() {
        let mut wanted = desired();
        spoil(&mut wanted);
        assert!(offline(&wanted).is_err(), "{at}");
    }
}

#[test]
fn an_account_name_cannot_leave_the_heading() {
    let mut wanted = desired();
    wanted.account = Account::new("A\nDROP USER \"X\";");

    let script = sql(&offline(&wanted).unwrap());

    assert!(script.starts_with("-- PAT Broker at A\u{fffd}DROP USER"), "{script}");
    assert!(!script.lines().any(|line| line.starts_with("DROP")));
}

#[test]
fn a_role_that_cannot_be_named_runs_nothing() {
    let mut wanted = desired();
    wanted.run_as = patd_core::names::Role::new("");

    let script = sql(&offline(&wanted).unwrap());

    assert!(script.lines().all(|line| line.is_empty() || line.starts_with("--")), "{script}");
}

fn sources(wanted: &mut Desired, all: Vec<Source>) {
    let Network::Allow { sources, .. } = &mut wanted.network else { panic!("ours") };
    *sources = all;
}

fn days(wanted: &mut Desired, default_days: u32, max_days: u32) {
    let evaluation = Evaluation::EnforcedRequired;
    wanted.tokens = TokenPolicy::Ours { default_days, max_days, is_limit: false, evaluation };
}
