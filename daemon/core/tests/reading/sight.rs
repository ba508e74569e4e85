//! What nothing shown means, and what a privilege would show.

use patd_core::pattern::desired::Network;
use patd_core::pattern::observed::Seen;
use patd_core::pattern::reading::Breadth;

use crate::account::{Paper, desired, hidden, set};

#[test]
fn to_a_role_that_sees_everything_nothing_shown_is_nothing_there() {
    for role in ["ACCOUNTADMIN", "SECURITYADMIN"] {
        let seen = Paper::seen_as(role).read(Breadth::Whole).unwrap();

        assert_eq!(seen.database, Seen::Known(None));
        assert_eq!(seen.schema, Seen::Known(None));
        assert_eq!(seen.network_rule, Seen::Known(None));
        assert_eq!(seen.network_policy, Seen::Known(None));
        assert!(seen.roles.values().all(|role| *role == Seen::Known(None)));
        assert!(seen.users.values().all(|user| *user == Seen::Known(None)));
        assert_eq!(seen.authentication_policies.len(), 4);
        assert!(seen.authentication_policies.values().all(|p| *p == Seen::Known(None)));
        assert_eq!(seen.scopes, Seen::Known(Default::default()));
        assert_eq!(seen.persons, Seen::Known(Default::default()));
        assert_eq!(seen.other_services, Seen::Known(Default::default()));
    }
}

#[test]
fn to_any_other_role_nothing_shown_is_nothing_known() {
    let seen = Paper::seen_as("BROKER_ROLE").read(Breadth::Whole).unwrap();

    let everything = "MANAGE GRANTS ON ACCOUNT";
    assert_eq!(hidden(&seen.database), everything);
    assert_eq!(hidden(&seen.schema), everything);
    assert_eq!(hidden(&seen.network_rule), everything);
    assert_eq!(hidden(&seen.network_policy), everything);
    assert_eq!(hidden(&seen.account_network_policy), "ATTACH POLICY ON ACCOUNT");
    assert!(seen.roles.values().all(|role| hidden(role) == everything));
    assert!(seen.users.values().all(|user| hidden(user) == everything));
    assert!(seen.authentication_policies.values().all(|p| hidden(p) == everything));
    assert_eq!(hidden(&seen.scopes), "APPLY AUTHENTICATION POLICY ON ACCOUNT");
    assert_eq!(hidden(&seen.persons), everything);
    assert_eq!(hidden(&seen.other_services), everything);
}

#[test]
fn who_looks_is_told_with_what_it_inherits_and_what_that_holds_on_what_is_wanted() {
    let mut paper = Paper::seen_as("TOP");
    paper.grants_to_role(
        "TOP",
        &[
            ["USAGE", "ROLE", "MIDDLE"],
            ["USAGE", "DATABASE_ROLE", "DB.HOME_ROLE"],
            ["USAGE", "DATABASE_ROLE", "OTHER.ROLE"],
            ["CREATE USER", "ACCOUNT", "MYACCOUNT"],
            ["OWNERSHIP", "TABLE", "X.Y.Z"],
        ],
    );
    paper.grants_to_role("MIDDLE", &[["USAGE", "ROLE", "TOP"], ["OWNERSHIP", "USER", "CLI"]]);
    paper.rows(
        "SHOW GRANTS TO DATABASE ROLE \"DB\".\"HOME_ROLE\"",
        &["privilege", "granted_on", "name"],
        &[&["OWNERSHIP", "NETWORK_RULE", "DB.S.NP_INGRESS"]],
    );

    let acting = paper.read(Breadth::Resident).unwrap().acting;

    assert_eq!((acting.user.as_str(), acting.role.as_str()), ("ADMIN", "TOP"));
    assert_eq!(acting.address.as_deref(), Some("192.0.2.7"));
    assert_eq!(acting.roles, set(&["MIDDLE", "TOP"]));
    let wanted = [
        "CREATE USER ON ACCOUNT",
        "OWNERSHIP ON NETWORK RULE DB.S.NP_INGRESS",
        "OWNERSHIP ON USER CLI",
    ];
    assert_eq!(acting.privileges, Seen::Known(set(&wanted)));
}

#[test]
fn a_role_whose_grants_are_not_shown_leaves_open_what_the_acting_role_may() {
    let mut paper = Paper::seen_as("TOP");
    paper.grants_to_role(
        "TOP",
        &[["USAGE", "ROLE", "SECRET"], ["MANAGE GRANTS", "ACCOUNT", "MYACCOUNT"]],
    );
    paper.refusal("SHOW GRANTS TO ROLE \"SECRET\"", "003001");

    let seen = paper.read(Breadth::Resident).unwrap();

    assert!(hidden(&seen.acting.privileges).contains("MANAGE GRANTS"));
    // What was told still counts.
    assert_eq!(seen.database, Seen::Known(None));
}

#[test]
fn what_is_shown_but_not_to_be_inspected_says_which_privilege_is_missing() {
    let mut paper = Paper::seen_as("BROKER_ROLE");
    paper.rows(
        "SHOW ROLES LIKE 'CLI_ROLE'",
        &["name", "owner", "comment"],
        &[&["CLI_ROLE", "O", "c"]],
    );
    paper.users("SHOW USERS LIKE 'CLI'", &[["CLI", "SERVICE", "false"]]);
    paper.rows("SHOW NETWORK POLICIES", &["name", "comment"], &[&["OTHER", ""], &["NP", "c"]]);

    let seen = paper.read(Breadth::Resident).unwrap();

    let role = seen.roles["CLI_ROLE"].known().unwrap().as_ref().unwrap();
    assert_eq!((role.owned.owner.as_str(), role.owned.comment.as_str()), ("O", "c"));
    assert_eq!(hidden(&role.grants), "MANAGE GRANTS ON ACCOUNT");
    assert_eq!(hidden(&role.held_by_users), "MANAGE GRANTS ON ACCOUNT");
    let user = seen.users["CLI"].known().unwrap().as_ref().unwrap();
    let inspect = "OWNERSHIP ON USER CLI or MANAGE GRANTS ON ACCOUNT";
    let tokens = "MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER CLI";
    assert_eq!(user.owner, Seen::Known("USERADMIN".into()));
    assert_eq!(hidden(&user.properties), inspect);
    assert_eq!(hidden(&user.grants), inspect);
    assert_eq!(hidden(&user.grants_on), inspect);
    assert_eq!(hidden(&user.network_policy), "MONITOR ON USER CLI");
    assert_eq!(hidden(&user.authentication_policy), "APPLY AUTHENTICATION POLICY ON USER CLI");
    assert_eq!(hidden(&user.tokens), tokens);
    assert_eq!(hidden(&user.key_pairs), tokens);
    let network = seen.network_policy.known().unwrap().as_ref().unwrap();
    assert_eq!(hidden(&network.lists), "OWNERSHIP ON NETWORK POLICY NP");
}

#[test]
fn the_network_policy_of_the_account_is_read_and_not_guessed_where_it_is_not_shown() {
    let statement = "SHOW PARAMETERS LIKE 'NETWORK_POLICY' IN ACCOUNT";
    let columns = ["key", "value", "level"];
    let mut paper = Paper::seen_as("BROKER_ROLE");
    for (rows, wanted) in [
        (vec![["NETWORK_POLICY", "OFFICE", "ACCOUNT"]], Some(Some("OFFICE"))),
        (vec![["NETWORK_POLICY", "", ""]], Some(None)),
        (vec![["NETWORKXPOLICY", "OTHER", "ACCOUNT"]], None),
        (vec![], None),
    ] {
        let rows: Vec<&[&str]> = rows.iter().map(|row| row.as_slice()).collect();
        paper.rows(statement, &columns, &rows);
        for breadth in [Breadth::Resident, Breadth::Whole] {
            let seen = paper.read(breadth).unwrap().account_network_policy;
            assert_eq!(seen.known().map(Option::as_deref), wanted, "{rows:?}");
        }
    }
}

#[test]
fn a_name_that_only_looks_alike_is_not_the_wanted_one() {
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    let columns = ["name", "owner", "comment"];
    paper.rows(
        "SHOW ROLES LIKE 'CLI_ROLE'",
        &columns,
        &[&["cli_role", "O", ""], &["CLIXROLE", "O", ""]],
    );

    let seen = paper.read(Breadth::Resident).unwrap();

    assert_eq!(seen.roles["CLI_ROLE"], Seen::Known(None));
    assert!(!paper.asked.iter().any(|asked| asked == "SHOW GRANTS TO ROLE \"CLI_ROLE\""));
}

#[test]
fn an_existing_network_policy_needs_no_rule_of_ours() {
    let mut wanted = desired();
    wanted.network = Network::Existing { policy: "SITE".into() };
    let mut paper = Paper::seen_as("BROKER_ROLE");
    paper.rows("SHOW NETWORK POLICIES", &["name", "comment"], &[&["SITE", ""]]);

    let seen = paper.read_as(&wanted, Breadth::Resident).unwrap();

    assert_eq!(seen.network_rule, Seen::Known(None));
    assert!(seen.network_policy.known().unwrap().is_some());
}
