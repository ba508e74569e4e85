//! No name gets out of its quotes (SECURITY.md: SQL injection through configuration and through names in the account).
//! Each name of the corpus is put in each place a name can be in: refused, or the same statements with the same name.

use patd_core::names::{Role, User};
use patd_core::pattern::desired::{Desired, Management, Network, Source, TokenPolicy};
use patd_core::pattern::plan::render::{sql, terraform, text};
use patd_core::pattern::plan::{Doomed, Plan, destroy, offline, plan};

use crate::account::{desired, empty, finished};
use crate::lexer::{Token, inner_names, statements, tokens};
use crate::names::corpus;

/// Puts a name somewhere.
type Put = fn(&mut Desired, &str);

/// Where a name can be.
const PLACES: [(&str, Put); 17] = [
    ("user", |d, name| d.users[0].user = User::new(name)),
    ("role", |d, name| d.users[0].role = Role::new(name)),
    ("warehouse", |d, name| d.users[0].warehouse = Some(name.into())),
    ("object", |d, name| d.users[0].privileges[1].name[0] = name.into()),
    ("object's last part", |d, name| d.users[0].privileges[1].name[2] = name.into()),
    ("database role", |d, name| d.users[0].database_roles[0][1] = name.into()),
    ("broker's user", |d, name| d.broker.user = User::new(name)),
    ("broker's role", |d, name| d.broker.role = Role::new(name)),
    ("public key", |d, name| d.broker.public_key = Some(name.into())),
    ("database", |d, name| d.home.database = name.into()),
    ("schema", |d, name| d.home.schema = name.into()),
    ("network policy of ours", |d, name| {
        let Network::Allow { policy, .. } = &mut d.network else { panic!("ours") };
        *policy = name.into();
    }),
    ("range", |d, name| {
        let Network::Allow { sources, .. } = &mut d.network else { panic!("ours") };
        *sources = vec![Source::Range(name.into())];
    }),
    ("named rule", |d, name| {
        let Network::Allow { sources, .. } = &mut d.network else { panic!("ours") };
        sources[2] = Source::Rule(["A".into(), "B".into(), name.into()]);
    }),
    ("network policy of the site's", |d, name| {
        d.network = Network::Existing { policy: name.into() }
    }),
    ("authentication policy of the site's", |d, name| {
        d.tokens = TokenPolicy::Existing(["A".into(), "B".into(), name.into()]);
    }),
    ("blocked role", |d, name| d.scopes.blocked_roles = vec![Role::new(name)]),
];

#[test]
fn a_name_is_refused_or_stays_the_same_name_in_the_same_statement() {
    let mut planned = 0;
    for (place, put) in PLACES {
        let expected = expected(put);
        for name in corpus() {
            let wanted = with(put, &name);
            let observed = seen(&wanted);
            let Ok(plan) = plan(&wanted, &observed, String::new()) else { continue };
            planned += 1;
            demand_same(&plan, &expected, &name, place);
        }
    }
    assert!(planned > 1000, "most names can be quoted: {planned}");
}

#[test]
fn the_script_holds_the_statements_of_the_plan_and_nothing_else() {
    for (place, put) in PLACES {
        for name in corpus().into_iter().step_by(3) {
            let Ok(plan) = offline(&with(put, &name)) else { continue };

            let script = statements(&sql(&plan)).unwrap_or_else(|| panic!("{place}: {name:?}"));

            let wanted = plan.steps.iter().map(|step| tokens(&step.statement).unwrap());
            let role = vec![
                Token::Word("USE".into()),
                Token::Word("ROLE".into()),
                Token::Name("ACCOUNTADMIN".into()),
            ];
            assert_eq!(
                script,
                [role].into_iter().chain(wanted).collect::<Vec<_>>(),
                "{place}: {name:?}"
            );
        }
    }
}

#[test]
fn names_in_the_account_break_neither_script_nor_terminal() {
    for name in corpus() {
        let wanted = desired();
        let mut observed = empty(&wanted);
        observed.acting.user.clone_from(&name);
        observed.acting.address = Some(name.clone());
        let patd_core::pattern::observed::Seen::Known(persons) = &mut observed.persons else {
            panic!("persons")
        };
        let mut person = crate::account::person(None);
        person.live_tokens = patd_core::pattern::observed::Seen::Known([name.clone()].into());
        persons.insert(name.clone(), person);

        let plan = plan(&wanted, &observed, String::new()).unwrap();

        let script = statements(&sql(&plan)).unwrap();
        assert_eq!(script.len(), plan.steps.len() + 1, "{name:?}");
        assert!(text(&plan).chars().all(|c| c == '\n' || !c.is_control()), "{name:?}");
        assert!(!text(&plan).contains(['\u{202e}', '\u{2028}', '\u{200b}']), "{name:?}");
    }
}

#[test]
fn a_token_with_a_name_nobody_can_speak_is_left_alone_and_said() {
    for name in corpus() {
        let wanted = desired();
        let mut observed = finished(&wanted);
        crate::account::with_user(&mut observed, "MIGUEL_CLI", |user| {
            user.tokens =
                patd_core::pattern::observed::Seen::Known(vec![crate::ending::token(&name, None)]);
        });

        let plan = destroy(&wanted, &observed, String::new(), Doomed::Everything).unwrap();

        let first = &plan.steps[0].statement;
        let read = tokens(first).unwrap_or_else(|| panic!("{name:?}"));
        let spoken = read.last() == Some(&Token::Name(name.clone())) && first.contains("REMOVE");
        let left = plan.notes.iter().any(|note| note.id == "unspeakable" && note.stops_apply);
        assert!(spoken != left, "{name:?}: {first}");
    }
}

#[test]
fn no_name_becomes_a_template_of_terraform() {
    for (place, put) in PLACES {
        for name in corpus().into_iter().step_by(3) {
            let Ok(hcl) = terraform(&with(put, &name)) else { continue };

            for line in hcl.lines() {
                assert!(!line.contains("${") && !line.contains("%{"), "{place}: {name:?}: {line}");
                let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
                assert!(quotes % 2 == 0, "{place}: {name:?}: {line}");
            }
        }
    }
}

#[test]
fn words_of_snowflakes_vocabulary_are_no_place_for_anything_else() {
    for word in
        ["select", "SELECT ON", "SELECT; DROP", "ALL", "OWNERSHIP", "SELECT--", "", "SELECT  X"]
    {
        let mut wanted = desired();
        wanted.users[0].privileges[1].privilege = word.into();
        let refused = offline(&wanted).is_err();
        assert_eq!(refused, word != "SELECT ON", "{word}: only words, and then Snowflake decides");
    }
    for kind in [
        "table",
        "TABLE X",
        "ACCOUNT",
        "FUNCTION",
        "ALL TABLES IN SCHEMA",
        "FUTURE TABLES",
        "ROLE",
        "",
    ] {
        let mut wanted = desired();
        wanted.users[0].privileges[1].on = kind.into();
        assert!(offline(&wanted).is_err(), "{kind}");
    }
    let mut wanted = desired();
    wanted.users[0].privileges[1].name.pop();
    assert!(offline(&wanted).is_err(), "a table has three parts");
}

fn with(put: Put, name: &str) -> Desired {
    let mut wanted = desired();
    put(&mut wanted, name);
    wanted
}

/// An account in which the site's own policies are there, and nothing else.
fn seen(wanted: &Desired) -> patd_core::pattern::observed::Observed {
    use patd_core::pattern::observed::{NetworkPolicy, Seen};
    let mut observed = empty(wanted);
    if let TokenPolicy::Existing(name) = &wanted.tokens {
        crate::account::add_policy(&mut observed, &name.join("."), &[]);
    }
    if let Network::Existing { .. } = wanted.network {
        let lists = Seen::Known(std::collections::BTreeMap::new());
        observed.network_policy =
            Seen::Known(Some(NetworkPolicy { comment: String::new(), lists }));
    }
    assert_eq!(wanted.home.management, Management::Ours);
    observed
}

/// The statements for a name without any trick in it.
fn expected(put: Put) -> Vec<Vec<Token>> {
    let wanted = with(put, PLAIN);
    let plan = plan(&wanted, &seen(&wanted), String::new()).unwrap();
    plan.steps.iter().map(|step| tokens(&step.statement).unwrap()).collect()
}

fn demand_same(plan: &Plan, expected: &[Vec<Token>], name: &str, place: &str) {
    assert_eq!(plan.steps.len(), expected.len(), "{place}: {name:?}");
    for (step, expected) in plan.steps.iter().zip(expected) {
        let statement = &step.statement;
        let read = tokens(statement).unwrap_or_else(|| panic!("{place}: {name:?}: {statement}"));
        assert_eq!(read.len(), expected.len(), "{place}: {name:?}: {statement}");
        for (read, expected) in read.iter().zip(expected) {
            assert!(same(read, expected, name), "{place}: {name:?}: {read:?} for {expected:?}");
        }
    }
}

fn same(read: &Token, expected: &Token, name: &str) -> bool {
    match (read, expected) {
        (Token::Name(read), Token::Name(plain)) => *read == plain.replace(PLAIN, name),
        (Token::Text(read), Token::Text(plain)) => {
            let wanted: Vec<String> =
                inner_names(plain).iter().map(|part| part.replace(PLAIN, name)).collect();
            inner_names(read) == wanted || *read == plain.replace(PLAIN, name)
        }
        _ => read == expected,
    }
}

const PLAIN: &str = "QQQ_PLAIN_QQQ";
