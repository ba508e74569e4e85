//! How the conversation goes, and what ends it.

use std::collections::BTreeSet;

use patd_core::names::User;
use patd_core::pattern::desired::Network;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::reading::{Breadth, Fault, Reading, Unreadable};

use crate::account::{ACTING, Paper, desired, hidden};

fn fault(read: Result<Observed, Unreadable>) -> Fault {
    match read {
        Err(Unreadable::Answer { source, .. }) => source,
        other => panic!("no fault: {other:?}"),
    }
}

#[test]
fn a_long_line_of_roles_is_not_followed_without_end() {
    let mut paper = Paper::seen_as("R0");
    for number in 0..1_000 {
        let next = format!("R{}", number + 1);
        paper.grants_to_role(&format!("R{number}"), &[["USAGE", "ROLE", &next]]);
    }

    let seen = paper.read(Breadth::Resident).unwrap();

    assert_eq!(seen.acting.roles.len(), 200);
    assert!(hidden(&seen.acting.privileges).contains("200"));
}

#[test]
fn a_list_as_long_as_show_ever_is_may_not_be_whole() {
    let names: Vec<String> = (0..10_000).map(|number| format!("T{number}")).collect();
    let grants: Vec<[&str; 3]> =
        names.iter().map(|name| ["SELECT", "TABLE", name.as_str()]).collect();
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    let columns = ["name", "owner", "comment"];
    paper.rows("SHOW ROLES LIKE 'CLI_ROLE'", &columns, &[&["CLI_ROLE", "O", ""]]);
    paper.grants_to_role("CLI_ROLE", &grants);

    let seen = paper.read(Breadth::Resident).unwrap();

    let role = seen.roles["CLI_ROLE"].known().unwrap().as_ref().unwrap();
    assert!(hidden(&role.grants).contains("10,000"));
}

#[test]
fn a_refusal_that_says_neither_hidden_nor_absent_ends_it() {
    for code in ["000603", "390505", "001003", ""] {
        let mut paper = Paper::seen_as("ACCOUNTADMIN");
        paper.refusal("SHOW NETWORK POLICIES", code);

        let error = paper.read(Breadth::Resident).unwrap_err();

        assert!(error.to_string().contains("SHOW NETWORK POLICIES"), "{error}");
    }
    let mut nobody = Paper::seen_as("ACCOUNTADMIN");
    nobody.refusal(ACTING, "003001");
    assert!(matches!(fault(nobody.read(Breadth::Resident)), Fault::Refused { .. }));
}

#[test]
fn a_session_of_another_account_ends_it_with_both_names() {
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    paper.site("ACCOUNTADMIN", ["MYORG", "DEV", "XY99999"]);

    let error = paper.read(Breadth::Whole).unwrap_err();

    assert_eq!(
        error.to_string(),
        "this session is of account MYORG-DEV (locator XY99999), and the configured account is \
         MYORG-MYACCOUNT"
    );
    assert!(matches!(error, Unreadable::AnotherAccount { .. }));
}

#[test]
fn an_observation_says_of_which_account_it_is() {
    let seen = Paper::seen_as("ACCOUNTADMIN").read(Breadth::Resident).unwrap();

    assert_eq!(seen.acting.account.as_deref(), Some("MYORG-MYACCOUNT"));
}

#[test]
fn an_account_that_does_not_know_named_key_pairs_is_said_not_to_show_them() {
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    paper.users("SHOW USERS LIKE 'CLI'", &[["CLI", "SERVICE", "false"]]);
    paper.refusal("SHOW USER KEY PAIRS FOR USER \"CLI\"", "001003");

    let seen = paper.read(Breadth::Resident).unwrap();

    let user = seen.users["CLI"].known().unwrap().as_ref().unwrap();
    assert!(hidden(&user.key_pairs).contains("release"));
}

#[test]
fn no_question_is_asked_twice() {
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    paper.users("SHOW USERS LIMIT 1000", &[["CLI", "PERSON", "false"], ["M", "", "false"]]);
    paper.users("SHOW USERS LIKE 'CLI'", &[["CLI", "PERSON", "false"]]);

    paper.read(Breadth::Whole).unwrap();

    let distinct: BTreeSet<&String> = paper.asked.iter().collect();
    assert_eq!(distinct.len(), paper.asked.len());
}

#[test]
fn there_is_no_observation_before_the_last_answer() {
    let reading = Reading::new(&desired(), Breadth::Resident).unwrap();

    let open = reading.next().len();

    assert!(open > 0);
    assert_eq!(reading.finish(), Err(Unreadable::Unfinished(open)));
}

#[test]
fn a_wanted_name_that_cannot_be_quoted_is_refused_before_the_first_question() {
    let mut users = desired();
    users.users[0].user = User::new("A\nB");
    let mut home = desired();
    home.home.schema = String::new();
    let mut network = desired();
    network.network = Network::Existing { policy: "x".repeat(256) };

    for wanted in [users, home, network] {
        assert!(Reading::new(&wanted, Breadth::Resident).is_err());
    }
}
