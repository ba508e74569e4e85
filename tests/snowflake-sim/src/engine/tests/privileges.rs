//! Every statement needs its grants: with all of them it works, without any one it is refused with 003001.

use super::*;
use crate::engine::switches::UnseenObject;

/// A statement and the grants role R needs for it.
struct Case {
    sql: &'static str,
    grants: &'static [&'static str],
}

const REACH: [&str; 2] = ["usage on database db", "usage on schema db.public"];
const TOKENS: &str = "modify programmatic authentication methods on user cli";
const OWN_CLI: &str = "ownership on user cli";

const CASES: [Case; 42] = [
    Case { sql: "create user made", grants: &["create user on account"] },
    Case { sql: "create role made", grants: &["create role on account"] },
    Case { sql: "create database made", grants: &["create database on account"] },
    Case { sql: "create warehouse made", grants: &["create warehouse on account"] },
    Case { sql: "create network policy made", grants: &["create network policy on account"] },
    Case {
        sql: "create schema db.made",
        grants: &["usage on database db", "create schema on database db"],
    },
    Case { sql: "create database role db.made", grants: &["create database role on database db"] },
    Case {
        sql: "create network rule db.public.made type = ipv4 value_list = ()",
        grants: &[REACH[0], REACH[1], "create network rule on schema db.public"],
    },
    Case {
        sql: "create authentication policy db.public.made",
        grants: &[REACH[0], REACH[1], "create authentication policy on schema db.public"],
    },
    Case { sql: "alter user cli add pat x role_restriction = 'CLI_ROLE'", grants: &[TOKENS] },
    Case { sql: "alter user cli rotate pat t", grants: &[TOKENS] },
    Case { sql: "alter user cli modify pat t set disabled = true", grants: &[TOKENS] },
    Case { sql: "alter user cli remove pat t", grants: &[TOKENS] },
    Case { sql: "show user pats for user cli", grants: &[TOKENS] },
    Case { sql: "show user key pairs for user cli", grants: &[TOKENS] },
    Case { sql: "alter user cli unset rsa_public_key", grants: &[TOKENS] },
    Case { sql: "alter user cli add pat x role_restriction = 'CLI_ROLE'", grants: &[OWN_CLI] },
    Case { sql: "alter user cli set comment = 'x'", grants: &[OWN_CLI] },
    Case { sql: "alter user cli set disabled = true", grants: &[OWN_CLI] },
    Case { sql: "alter user cli unset network_policy", grants: &[OWN_CLI] },
    Case { sql: "alter user cli rename to renamed", grants: &[OWN_CLI] },
    Case { sql: "drop user cli", grants: &[OWN_CLI] },
    Case {
        sql: "alter user cli set network_policy = np",
        grants: &[OWN_CLI, "usage on network policy np"],
    },
    Case {
        sql: "alter user cli set authentication policy db.public.ap",
        grants: &[REACH[0], REACH[1], "apply authentication policy on user cli"],
    },
    Case {
        sql: "alter user cli set authentication policy db.public.ap",
        grants: &[REACH[0], REACH[1], "apply authentication policy on account"],
    },
    Case {
        sql: "alter account set authentication policy db.public.ap",
        grants: &[REACH[0], REACH[1], "apply authentication policy on account"],
    },
    Case { sql: "alter account set network_policy = np", grants: &["attach policy on account"] },
    Case { sql: "alter account unset network_policy", grants: &["attach policy on account"] },
    Case { sql: "grant role cli_role to user broker", grants: &["ownership on role cli_role"] },
    Case { sql: "grant role cli_role to user broker", grants: &["manage grants on account"] },
    Case { sql: "revoke role cli_role from user cli", grants: &["manage grants on account"] },
    Case {
        sql: "grant usage on warehouse wh to role cli_role",
        grants: &["ownership on warehouse wh"],
    },
    Case { sql: "drop role cli_role", grants: &["ownership on role cli_role"] },
    Case { sql: "drop database db2", grants: &["ownership on database db2"] },
    Case { sql: "drop warehouse wh", grants: &["ownership on warehouse wh"] },
    Case {
        sql: "alter network rule db.public.spare set comment = 'x'",
        grants: &[REACH[0], REACH[1], "ownership on network rule db.public.spare"],
    },
    Case {
        sql: "alter network policy np set comment = 'x'",
        grants: &["ownership on network policy np"],
    },
    Case {
        sql: "alter authentication policy db.public.ap set comment = 'x'",
        grants: &[REACH[0], REACH[1], "ownership on authentication policy db.public.ap"],
    },
    Case { sql: "desc network policy np", grants: &["usage on network policy np"] },
    Case { sql: "desc user cli", grants: &["monitor on user cli"] },
    Case { sql: "use warehouse wh", grants: &["usage on warehouse wh"] },
    Case {
        sql: "select * from snowflake.account_usage.credentials",
        grants: &["imported privileges on database snowflake"],
    },
];

fn world_without(case: &Case, missing: Option<usize>) -> World {
    let mut world = World::new();
    world.mint_cli();
    world.script(
        "create role r; create database db2;
         create network rule db.public.spare type = ipv4 value_list = ();
         create authentication policy db.public.ap",
    );
    for (at, grant) in case.grants.iter().enumerate() {
        if missing != Some(at) {
            let copy = if grant.starts_with("ownership") { "copy current grants" } else { "" };
            world.admin(&format!("grant {grant} to role r {copy}"));
        }
    }
    world
}

#[test]
fn a_statement_works_with_its_grants_and_is_refused_without_any_one_of_them() {
    for case in &CASES {
        let mut world = world_without(case, None);
        let answer = world.as_role("MIGUEL", "R", case.sql);
        assert!(answer.is_ok(), "{} with {:?}: {answer:?}", case.sql, case.grants);
        for missing in 0..case.grants.len() {
            let mut world = world_without(case, Some(missing));
            let error = world.as_role("MIGUEL", "R", case.sql).unwrap_err();
            assert_eq!(
                (error.code, error.sqlstate),
                ("003001", "42501"),
                "{} without {}: {error}",
                case.sql,
                case.grants[missing]
            );
        }
    }
}

#[test]
fn revoking_a_grant_takes_the_statement_away_again() {
    for case in CASES.iter().filter(|case| !case.grants.iter().any(|g| g.starts_with("own"))) {
        for grant in case.grants {
            let mut world = world_without(case, None);
            world.admin(&format!("revoke {grant} from role r"));
            let error = world.as_role("MIGUEL", "R", case.sql).unwrap_err();
            assert_eq!(error.code, "003001", "{} after revoking {grant}", case.sql);
        }
    }
}

#[test]
fn the_refusal_names_what_may_not_be_operated_on() {
    let mut world = World::new();
    let error = world.as_role("MIGUEL", "CLI_ROLE", "alter user cli remove pat t").unwrap_err();
    assert_eq!(
        error.message,
        "SQL access control error:\nInsufficient privileges to operate on user 'CLI'."
    );
}

#[test]
fn a_switch_decides_whether_an_unseen_object_is_said_not_to_exist() {
    let mut world = World::new();
    world.engine.switches_mut().unseen_object = UnseenObject::DoesNotExist;
    let error = world.as_role("MIGUEL", "CLI_ROLE", "show user pats for user cli").unwrap_err();
    assert_eq!(error.code, "002003");
    assert!(error.message.contains("User 'CLI' does not exist or not authorized."), "{error}");
    world.admin("grant monitor on user cli to role cli_role");
    let error = world.as_role("MIGUEL", "CLI_ROLE", "show user pats for user cli").unwrap_err();
    assert_eq!(error.code, "003001", "what the role can see at all is refused by name");
}

#[test]
fn a_person_handles_their_own_tokens_and_a_service_user_does_not() {
    let mut world = World::new();
    let own = "alter user add pat own role_restriction = 'CLI_ROLE'";
    assert!(world.as_role("MIGUEL", "CLI_ROLE", own).is_ok());
    assert!(world.as_role("MIGUEL", "CLI_ROLE", "alter user remove pat own").is_ok());
    assert_eq!(world.as_role("CLI", "CLI_ROLE", own).unwrap_err().code, "003001");
}
