//! The token policy is one for all hosts of an account: none of them takes away what another one needs (promise P2).

use std::collections::BTreeMap;

use patd_core::names::Role;
use patd_core::pattern::desired::{Desired, Evaluation, TokenPolicy};
use patd_core::pattern::observed::{Observed, Seen};
use patd_core::pattern::plan::render::terraform;
use patd_core::pattern::plan::{Confirmation, Plan, Sign, offline};

use crate::account::{desired, finished, pat_policy, planned, service, statements, with_policy};

const TOKENS_ONLY: &str = "PATD_TOKENS_ONLY";
const DAYS: [u32; 6] = [1, 7, 15, 30, 90, 365];

/// A host whose tokens live so long; or one that was told a limit.
fn host(days: u32, is_limit: bool) -> Desired {
    let mut wanted = desired();
    let evaluation = Evaluation::EnforcedRequired;
    wanted.tokens = TokenPolicy::Ours { default_days: days, max_days: days, is_limit, evaluation };
    wanted
}

fn account(default: u32, longest: u32) -> Observed {
    let mut observed = finished(&desired());
    says(&mut observed, &pat_policy(default, longest, false));
    observed
}

fn says(observed: &mut Observed, pat_policy: &str) {
    with_policy(observed, TOKENS_ONLY, "PAT_POLICY", pat_policy);
}

/// Carries out what a plan says of the days.
fn apply(observed: &mut Observed, plan: &Plan) {
    for statement in statements(plan).into_iter().filter(|text| text.contains(TOKENS_ONLY)) {
        let days = |name| number_after(statement, name).unwrap();
        let (default, longest) = (days("DEFAULT_EXPIRY_IN_DAYS = "), longest(statement).unwrap());
        says(observed, &pat_policy(default, longest, false));
    }
}

fn longest(statement: &str) -> Option<u32> {
    number_after(statement, "MAX_EXPIRY_IN_DAYS = ")
}

fn number_after(text: &str, name: &str) -> Option<u32> {
    let (_, rest) = text.split_once(name)?;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn longest_now(observed: &Observed) -> u32 {
    let Seen::Known(Some(policy)) =
        &observed.authentication_policies[&format!("PATD.POLICIES.{TOKENS_ONLY}")]
    else {
        panic!("policy")
    };
    number_after(&policy.properties["PAT_POLICY"], "MAX_EXPIRY_IN_DAYS=").unwrap()
}

#[test]
fn hosts_that_need_different_lives_each_get_theirs_and_then_there_is_nothing_to_do() {
    for (one, other) in DAYS.into_iter().flat_map(|one| DAYS.map(|other| (one, other))) {
        let (first, second) = (host(one, false), host(other, false));
        let mut observed = account(one, one);

        for wanted in [&first, &second, &first, &second] {
            let before = longest_now(&observed);
            let plan = planned(wanted, &observed);
            assert!(plan.steps.iter().all(|step| step.danger.is_none()), "{one} {other}");
            apply(&mut observed, &plan);
            assert!(longest_now(&observed) >= before, "{one} {other}");
        }

        assert_eq!(longest_now(&observed), one.max(other));
        for wanted in [&first, &second] {
            assert_eq!(statements(&planned(wanted, &observed)), [""; 0], "{one} {other}");
        }
    }
}

#[test]
fn a_life_that_is_too_short_is_raised_and_no_danger() {
    let plan = planned(&host(30, false), &account(1, 1));

    assert_eq!(plan.steps.len(), 1);
    let step = &plan.steps[0];
    assert_eq!((step.sign, longest(&step.statement)), (Sign::Change, Some(30)));
}

#[test]
fn whatever_else_is_mended_the_longer_life_stays() {
    let mut observed = account(15, 90);
    says(
        &mut observed,
        &pat_policy(15, 90, false).replace("SERVICE_USERS=true", "SERVICE_USERS=false"),
    );

    for is_limit in [false, true] {
        let plan = planned(&host(7, is_limit), &observed);

        assert_eq!(longest(&plan.steps[0].statement), Some(90));
        assert!(plan.steps[0].danger.is_none());
        assert_eq!(plan.steps.len(), if is_limit { 2 } else { 1 });
    }
}

#[test]
fn only_a_written_limit_shortens_and_that_is_confirmed_by_itself_and_says_whom_it_meets() {
    let mut observed = account(30, 90);
    let ours = Some(("PATD.POLICIES.PATD_TOKENS_ONLY", "USER"));
    observed.other_services = Seen::Known(BTreeMap::from([
        ("CI_CLI".to_owned(), service(&[], ours)),
        ("LOADER".to_owned(), service(&["KEYPAIR"], None)),
    ]));

    let plan = planned(&host(7, true), &observed);

    assert_eq!(plan.steps.len(), 1);
    let step = &plan.steps[0];
    let danger = step.danger.as_ref().unwrap();
    assert_eq!((step.sign, danger.confirm), (Sign::Danger, Confirmation::ShorterLife));
    assert_eq!(danger.unseen, ["how long tokens of CI_CLI live, which it governs"]);
    assert_eq!(longest(&step.statement), Some(7));
    apply(&mut observed, &plan);
    assert_eq!(statements(&planned(&host(7, true), &observed)), [""; 0]);
}

#[test]
fn whom_a_limit_meets_is_asked_for_where_that_is_not_to_be_seen() {
    let mut observed = account(30, 90);
    observed.other_services = Seen::Hidden { needs: "MANAGE GRANTS ON ACCOUNT".into() };

    let plan = planned(&host(7, true), &observed);

    let unseen = &plan.steps[0].danger.as_ref().unwrap().unseen;
    assert!(unseen[0].contains("MANAGE GRANTS ON ACCOUNT"), "{unseen:?}");
}

#[test]
fn a_life_that_cannot_be_read_is_not_overwritten_in_silence() {
    for (default, longest) in [("7", "many"), ("many", "7")] {
        let mut observed = account(7, 7);
        let text = format!("{{DEFAULT_EXPIRY_IN_DAYS={default}, MAX_EXPIRY_IN_DAYS={longest}}}");
        says(&mut observed, &text);

        let plan = planned(&host(7, false), &observed);

        let danger = plan.steps[0].danger.as_ref().map(|danger| danger.confirm);
        assert_eq!(danger, Some(Confirmation::ShorterLife), "{text}");
    }
}

#[test]
fn a_script_makes_the_life_and_never_changes_it() {
    for is_limit in [false, true] {
        let mut wanted = host(7, is_limit);
        wanted.scopes.blocked_roles = vec![Role::new("ACCOUNTADMIN")];

        let plan = offline(&wanted).unwrap();

        let of_tokens = statements(&plan).into_iter().filter(|text| text.contains(TOKENS_ONLY));
        let says: Vec<&str> = of_tokens.filter(|text| longest(text).is_some()).collect();
        assert_eq!(says.len(), 1, "{says:?}");
        assert!(says[0].starts_with("CREATE AUTHENTICATION POLICY IF NOT EXISTS"), "{says:?}");
        let note = plan.notes.iter().find(|note| note.id == "tokens-kept").unwrap();
        assert!(
            note.text.contains("below 7") && note.text.contains("('ACCOUNTADMIN')"),
            "{note:?}"
        );
        assert!(!note.stops_apply);
    }
}

#[test]
fn terraform_leaves_the_life_as_it_is_unless_a_limit_is_written() {
    let ignores =
        "ignore_changes = [pat_policy[0].default_expiry_in_days, pat_policy[0].max_expiry_in_days]";

    assert!(terraform(&host(7, false)).unwrap().contains(ignores));
    assert!(!terraform(&host(7, true)).unwrap().contains("ignore_changes"));
}

#[test]
fn terraform_says_the_whole_policy_where_the_provider_lacks_a_word_for_a_part() {
    let mut wanted = host(7, false);
    wanted.scopes.blocked_roles = vec![Role::new("ACCOUNTADMIN")];

    let text = terraform(&wanted).unwrap();

    let (_, from) =
        text.split_once("\"snowflake_execute\" \"patd_tokens_only_pat_policy\"").unwrap();
    let (block, _) = from.split_once("\n}\n").unwrap();
    for part in ["BLOCKED_ROLES_LIST = ('ACCOUNTADMIN')", "MAX_EXPIRY_IN_DAYS = 7"] {
        assert!(block.contains(part), "{block}");
    }
}
