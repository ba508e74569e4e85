//! Every user of the account, page by page, and the policies they are under.

use patd_core::pattern::observed::Seen;
use patd_core::pattern::reading::{Breadth, Fault, Unreadable};

use crate::account::{Paper, hidden, set};

#[test]
fn every_policy_attached_to_what_was_looked_at_is_described() {
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    paper.users("SHOW USERS LIMIT 1000", &[["P", "", "false"]]);
    paper.in_force("P", "SITE");
    paper.rows(
        "SHOW AUTHENTICATION POLICIES ON ACCOUNT",
        &["database_name", "schema_name", "name", "options"],
        &[&["DB", "S", "ALL", r#"{"target_scopes":["ACCOUNT"]}"#]],
    );
    for name in ["SITE", "ALL"] {
        paper.rows(
            &format!("DESCRIBE AUTHENTICATION POLICY \"DB\".\"S\".\"{name}\""),
            &["property", "value"],
            &[
                &["NAME", name],
                &["OWNER", "SEC"],
                &["COMMENT", "null"],
                &["AUTHENTICATION_METHODS", "[SAML]"],
                &["SECURITY_INTEGRATIONS", "null"],
            ],
        );
    }

    let seen = paper.read(Breadth::Whole).unwrap();

    assert_eq!(seen.scopes.known().unwrap().account.as_deref(), Some("DB.S.ALL"));
    for name in ["DB.S.SITE", "DB.S.ALL"] {
        let policy = seen.authentication_policies[name].known().unwrap().as_ref().unwrap();
        assert_eq!((policy.owned.owner.as_str(), policy.owned.comment.as_str()), ("SEC", ""));
        assert_eq!(
            policy.properties,
            [("AUTHENTICATION_METHODS".to_owned(), "[SAML]".to_owned())].into()
        );
    }
    assert_eq!(seen.authentication_policies["DB.S.PATD_PERSONS"], Seen::Known(None));
}

#[test]
fn an_attached_policy_that_is_not_to_be_described_is_hidden_not_absent() {
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    paper.users("SHOW USERS LIMIT 1000", &[["P", "PERSON", "false"]]);
    paper.in_force("P", "SITE");

    let seen = paper.read(Breadth::Whole).unwrap();

    assert!(hidden(&seen.authentication_policies["DB.S.SITE"]).contains("DB.S.SITE"));
}

#[test]
fn everybody_is_sorted_into_persons_and_services_and_ours_are_no_others() {
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    paper.users(
        "SHOW USERS LIMIT 1000",
        &[
            ["CLI", "SERVICE", "false"],
            ["ETL", "LEGACY_SERVICE", "false"],
            ["GONE", "PERSON", "true"],
            ["M", "", "false"],
        ],
    );
    paper.in_force("M", "");
    paper.rows(
        "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER \"M\"",
        &TOKENS,
        &[
            &["T1", "M", "", "1795392000", "ACTIVE", "", "M", ""],
            &["T2", "M", "", "1795392000", "DISABLED", "", "M", ""],
        ],
    );

    let seen = paper.read(Breadth::Whole).unwrap();

    let persons = seen.persons.known().unwrap();
    assert_eq!(persons.keys().collect::<Vec<_>>(), ["GONE", "M"]);
    assert_eq!(persons["M"].live_tokens, Seen::Known(set(&["T1"])));
    assert_eq!(persons["M"].policy.known().unwrap().policy, None);
    assert!(persons["GONE"].disabled);
    assert_eq!(persons["GONE"].live_tokens, Seen::Known(set(&[])), "disabling disables tokens");
    let others = seen.other_services.known().unwrap();
    assert_eq!(others.keys().collect::<Vec<_>>(), ["ETL"]);
    assert_eq!(others["ETL"].methods, set(&["KEYPAIR"]));
    assert!(!paper.asked.iter().any(|a| a.contains("TOKENS") && a.contains("GONE")));
}

#[test]
fn where_a_persons_tokens_are_not_shown_the_view_of_all_credentials_is_asked_once() {
    let view = "SELECT USER_NAME, NAME FROM SNOWFLAKE.ACCOUNT_USAGE.CREDENTIALS \
                WHERE TYPE = 'PAT' AND STATUS = 'ACTIVE' ORDER BY USER_NAME, NAME";
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    paper.users("SHOW USERS LIMIT 1000", &[["M", "", "false"], ["N", "", "false"]]);
    paper.rows(view, &["USER_NAME", "NAME"], &[&["M", "T"]]);

    let seen = paper.read(Breadth::Whole).unwrap();

    let persons = seen.persons.known().unwrap();
    assert_eq!(persons["M"].live_tokens, Seen::Known(set(&["T"])));
    assert_eq!(persons["N"].live_tokens, Seen::Known(set(&[])));
    assert_eq!(paper.asked.iter().filter(|asked| *asked == view).count(), 1);

    for code in ["002003", "000606"] {
        paper.refusal(view, code);
        let seen = paper.read(Breadth::Whole).unwrap();
        let tokens = &seen.persons.known().unwrap()["M"].live_tokens;
        assert!(hidden(tokens).contains("CREDENTIALS"), "{code}");
    }
}

#[test]
fn the_pages_of_a_large_account_are_turned_to_the_last() {
    let names: Vec<String> = (0..2_500).map(|number| format!("U{number:04}")).collect();
    let users: Vec<[&str; 3]> =
        names.iter().map(|name| [name.as_str(), "PERSON", "true"]).collect();
    // FROM gives what comes after the name, or begins with it: the docs say both.
    for first in [1_000, 999] {
        let mut paper = Paper::seen_as("ACCOUNTADMIN");
        paper.users("SHOW USERS LIMIT 1000", &users[..1_000]);
        let second = &users[first..first + 1_000];
        paper.users("SHOW USERS LIMIT 1000 FROM 'U0999'", second);
        let end = second[999][0];
        let third = users.iter().position(|user| user[0] == end).unwrap();
        paper.users(&format!("SHOW USERS LIMIT 1000 FROM '{end}'"), &users[third..]);
        for name in &names {
            paper.in_force(name, "");
        }

        let seen = paper.read(Breadth::Whole).unwrap();

        assert_eq!(seen.persons.known().unwrap().len(), 2_500);
    }
}

#[test]
fn a_page_that_ends_where_it_began_is_a_fault() {
    let names: Vec<String> = (0..1_000).map(|number| format!("U{number:03}")).collect();
    let users: Vec<[&str; 3]> =
        names.iter().map(|name| [name.as_str(), "PERSON", "true"]).collect();
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    paper.users("SHOW USERS LIMIT 1000", &users);
    paper.users("SHOW USERS LIMIT 1000 FROM 'U999'", &users);

    let ended = paper.read(Breadth::Whole);
    assert!(matches!(ended, Err(Unreadable::Answer { source: Fault::Twice("page"), .. })));
}

#[test]
fn a_person_whose_name_cannot_be_quoted_is_hidden_and_hides_nobody_else() {
    let mut paper = Paper::seen_as("ACCOUNTADMIN");
    paper.users("SHOW USERS LIMIT 1000", &[["A\nB", "PERSON", "false"], ["M", "", "true"]]);
    paper.in_force("M", "");

    let seen = paper.read(Breadth::Whole).unwrap();

    let persons = seen.persons.known().unwrap();
    assert!(hidden(&persons["A\nB"].policy).contains("quoted"));
    assert!(matches!(persons["M"].policy, Seen::Known(_)));
    assert!(!paper.asked.iter().any(|asked| asked.contains('\n')));
}

#[test]
fn the_resident_reading_asks_about_nobody_else() {
    let mut paper = Paper::seen_as("ACCOUNTADMIN");

    let seen = paper.read(Breadth::Resident).unwrap();

    assert_eq!(hidden(&seen.persons), "a reading of the whole account");
    assert!(
        !paper.asked.iter().any(|asked| asked.contains("LIMIT") || asked.contains("SELECT USER"))
    );
}

const TOKENS: [&str; 8] = [
    "name",
    "user_name",
    "role_restriction",
    "expires_at",
    "status",
    "comment",
    "created_by",
    "rotated_to",
];
