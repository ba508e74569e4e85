//! What a security admin is asked to run (promise P6): exact, re-runnable, and no more than needed.

use patd_core::bootstrap::{Bootstrap, Broker, Home, Network, ServiceUser, render, script};
use patd_core::names::{Account, Role, User};
use patd_core::sql::Kind;

fn wanted() -> Bootstrap {
    Bootstrap {
        account: Account::new("MYORG-MYACCOUNT"),
        run_as: Role::new("ACCOUNTADMIN"),
        broker: Broker {
            user: User::new("PATD_HOST1"),
            role: Role::new("PATD_HOST1_ROLE"),
            public_key: "MIIBIjANBg".to_owned(),
            replaces_own_key: false,
        },
        home: Home { database: "PATD".to_owned(), schema: "POLICIES".to_owned() },
        network: Network::Allow {
            policy: "PATD_NETWORK".to_owned(),
            ranges: vec!["192.0.2.7".to_owned(), "198.51.100.0/24".to_owned()],
        },
        users: vec![ServiceUser {
            user: User::new("MIGUEL_CLI"),
            role: Role::new("MIGUEL_CLI_ROLE"),
            warehouse: Some("WH".to_owned()),
            database: Some("DB".to_owned()),
            schema: Some("PUBLIC".to_owned()),
        }],
        max_days_to_expiry: 7,
    }
}

fn texts(wanted: &Bootstrap) -> Vec<String> {
    script(wanted).unwrap().into_iter().map(|statement| statement.text).collect()
}

#[test]
fn the_script_is_exactly_this() {
    let text = render(&script(&wanted()).unwrap());

    assert_eq!(text, include_str!("../golden/bootstrap.sql"));
}

#[test]
fn the_broker_role_gets_the_one_privilege_on_each_registered_user_and_nothing_else() {
    let mut wanted = wanted();
    wanted.users.push(ServiceUser {
        user: User::new("OTHER_CLI"),
        role: Role::new("OTHER_ROLE"),
        warehouse: None,
        database: None,
        schema: None,
    });

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
    let mut wanted = wanted();
    assert!(!texts(&wanted).iter().any(|text| text == own));

    wanted.broker.replaces_own_key = true;

    assert!(texts(&wanted).iter().any(|text| text == own));
}

#[test]
fn an_existing_network_policy_is_attached_and_never_changed() {
    let mut wanted = wanted();
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
fn every_create_can_be_run_twice() {
    let creates = script(&wanted()).unwrap();

    for statement in creates.iter().filter(|statement| statement.kind == Kind::Create) {
        let text = &statement.text;
        assert!(text.contains("IF NOT EXISTS") || text.starts_with("CREATE OR ALTER"), "{text}");
    }
}

#[test]
fn what_would_lock_everybody_out_or_break_the_quotes_is_refused() {
    let mut nowhere = wanted();
    nowhere.network = Network::Allow { policy: "P".to_owned(), ranges: Vec::new() };
    let mut broken = wanted();
    broken.users[0].user = User::new("A\nB");
    let mut heading = wanted();
    heading.account = Account::new("A\nDROP USER");
    let mut forever = wanted();
    forever.max_days_to_expiry = 366;

    for wrong in [nowhere, broken, heading, forever] {
        assert!(script(&wrong).is_err(), "{wrong:?}");
    }
}
