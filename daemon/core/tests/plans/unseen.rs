//! What could not be seen is never taken for absent, and never for right (promise P6).

use patd_core::pattern::desired::{Desired, Management};
use patd_core::pattern::observed::{Observed, Seen};

use crate::account::{
    desired, effective, empty, finished, owned, planned, statements, with_policy, with_properties,
    with_role, with_user,
};

fn hidden<T>() -> Seen<T> {
    Seen::Hidden { needs: "MANAGE GRANTS ON ACCOUNT".into() }
}

type Hiding = (&'static str, fn(&mut Observed));

const HIDINGS: [Hiding; 16] = [
    ("database", |o| o.database = hidden()),
    ("schema", |o| o.schema = hidden()),
    ("role", |o| {
        o.roles.insert("MIGUEL_CLI_ROLE".into(), hidden());
    }),
    ("role, not asked for", |o| {
        o.roles.remove("MIGUEL_CLI_ROLE");
    }),
    ("grants of the role", |o| with_role(o, "MIGUEL_CLI_ROLE", |role| role.grants = hidden())),
    ("holders of the role", |o| {
        with_role(o, "MIGUEL_CLI_ROLE", |role| role.held_by_roles = hidden())
    }),
    ("user", |o| {
        o.users.insert("MIGUEL_CLI".into(), hidden());
    }),
    ("properties", |o| with_user(o, "MIGUEL_CLI", |user| user.properties = hidden())),
    ("grants to the user", |o| with_user(o, "MIGUEL_CLI", |user| user.grants = hidden())),
    ("grants on the user", |o| with_user(o, "MIGUEL_CLI", |user| user.grants_on = hidden())),
    ("network policy of the user", |o| {
        with_user(o, "MIGUEL_CLI", |user| user.network_policy = hidden())
    }),
    ("policy of the user", |o| {
        with_user(o, "MIGUEL_CLI", |user| user.authentication_policy = hidden())
    }),
    ("network rule", |o| o.network_rule = hidden()),
    ("values of the rule", |o| {
        let Seen::Known(Some(rule)) = &mut o.network_rule else { panic!("rule") };
        rule.values = hidden();
    }),
    ("network policy", |o| o.network_policy = hidden()),
    ("token policy", |o| {
        o.authentication_policies.insert("PATD.POLICIES.PATD_TOKENS_ONLY".into(), hidden());
    }),
];

#[test]
fn what_is_hidden_gets_a_note_that_stops_and_no_statement() {
    for (what, hide) in HIDINGS {
        let wanted = desired();
        let mut observed = finished(&wanted);
        hide(&mut observed);

        let plan = planned(&wanted, &observed);

        assert_eq!(statements(&plan), [""; 0], "{what}");
        let stops = plan.notes.iter().filter(|note| note.id == "hidden" && note.stops_apply);
        assert!(stops.count() > 0, "{what}: {:?}", plan.notes);
    }
}

#[test]
fn policies_of_the_account_that_are_hidden_stop_nothing_else() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    observed.scopes = hidden();
    with_role(&mut observed, "MIGUEL_CLI_ROLE", |role| role.owned.comment.clear());

    let plan = planned(&wanted, &observed);

    assert_eq!(statements(&plan).len(), 1);
    assert!(plan.notes.iter().any(|note| note.id == "hidden" && !note.stops_apply));
}

#[test]
fn what_somebody_else_owns_is_not_changed_without_saying_so() {
    let taken: [Hiding; 4] = [
        ("role MIGUEL_CLI_ROLE", |o| {
            with_role(o, "MIGUEL_CLI_ROLE", |role| {
                role.owned.owner = "OTHER".into();
                role.owned.comment.clear();
            });
        }),
        ("user MIGUEL_CLI", |o| {
            with_user(o, "MIGUEL_CLI", |user| user.owner = Seen::Known("OTHER".into()));
            with_properties(o, "MIGUEL_CLI", |properties| properties.comment.clear());
        }),
        ("network rule PATD.POLICIES.PATD_NETWORK_INGRESS", |o| {
            let Seen::Known(Some(rule)) = &mut o.network_rule else { panic!("rule") };
            rule.owned = owned();
            rule.owned.owner = "OTHER".into();
            rule.owned.comment.clear();
        }),
        ("authentication policy PATD.POLICIES.PATD_KEY_ONLY", |o| {
            with_policy(o, "PATD_KEY_ONLY", "AUTHENTICATION_METHODS", "[ALL]");
            let policy = o.authentication_policies.get_mut("PATD.POLICIES.PATD_KEY_ONLY");
            let Some(Seen::Known(Some(policy))) = policy else { panic!("policy") };
            policy.owned.owner = "OTHER".into();
        }),
    ];
    for (object, take) in taken {
        let wanted = desired();
        let mut observed = finished(&wanted);
        take(&mut observed);

        let plan = planned(&wanted, &observed);

        let note = plan.notes.iter().find(|note| note.id == "foreign-owner");
        assert!(
            note.is_some_and(|note| note.object == object && note.stops_apply),
            "{object}: {plan:?}"
        );
    }
}

#[test]
fn a_name_that_is_taken_by_another_kind_stops_the_plan() {
    let taken: [Hiding; 4] = [
        ("user MIGUEL_CLI", |o| with_properties(o, "MIGUEL_CLI", |p| p.user_type = None)),
        ("user MIGUEL_CLI", |o| {
            with_properties(o, "MIGUEL_CLI", |p| p.user_type = Some("LEGACY_SERVICE".into()));
        }),
        ("network rule PATD.POLICIES.PATD_NETWORK_INGRESS", |o| {
            let Seen::Known(Some(rule)) = &mut o.network_rule else { panic!("rule") };
            rule.mode = "EGRESS".into();
        }),
        ("user PATD_HOST1", |o| {
            with_properties(o, "PATD_HOST1", |p| p.user_type = Some("PERSON".into()))
        }),
    ];
    for (object, take) in taken {
        let wanted = desired();
        let mut observed = finished(&wanted);
        take(&mut observed);

        let plan = planned(&wanted, &observed);

        assert_eq!(statements(&plan), [""; 0], "{object}");
        let note = plan.notes.iter().find(|note| note.id == "wrong-type");
        assert!(note.is_some_and(|note| note.object == object && note.stops_apply), "{object}");
    }
}

#[test]
fn a_role_of_snowflakes_own_is_never_the_one_role() {
    for role in ["ACCOUNTADMIN", "SECURITYADMIN", "PUBLIC"] {
        let mut wanted = desired();
        wanted.users[0].role = patd_core::names::Role::new(role);

        let plan = planned(&wanted, &empty(&wanted));

        assert!(
            plan.notes.iter().any(|note| note.id == "system-role" && note.stops_apply),
            "{role}"
        );
        assert!(
            !statements(&plan).iter().any(|text| text.contains(&format!("CREATE ROLE \"{role}\"")))
        );
    }
}

#[test]
fn broker_and_service_user_are_two() {
    let mut wanted = desired();
    wanted.users[0].user = wanted.broker.user.clone();
    wanted.users[0].role = wanted.broker.role.clone();

    let plan = planned(&wanted, &empty(&wanted));

    assert_eq!(
        plan.notes.iter().filter(|note| note.id == "same-name" && note.stops_apply).count(),
        2
    );
}

#[test]
fn what_is_the_sites_own_is_used_and_never_changed() {
    let mut wanted = desired();
    own_nothing(&mut wanted);
    let mut observed = finished(&wanted_with_ours());
    with_role(&mut observed, "MIGUEL_CLI_ROLE", |role| {
        role.owned.comment = "theirs".into();
        role.grants = Seen::Known(std::collections::BTreeSet::new());
    });
    with_properties(&mut observed, "MIGUEL_CLI", |properties| {
        properties.comment = "theirs".into();
        properties.default_role = None;
    });
    with_user(&mut observed, "MIGUEL_CLI", |user| {
        user.network_policy = Seen::Known(None);
        user.grants = Seen::Known(std::collections::BTreeSet::new());
        user.grants_on = Seen::Known(std::collections::BTreeMap::new());
    });

    let plan = planned(&wanted, &observed);

    assert_eq!(
        statements(&plan),
        [
            "GRANT ROLE \"MIGUEL_CLI_ROLE\" TO USER \"MIGUEL_CLI\"",
            "GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"MIGUEL_CLI\" TO ROLE \"PATD_HOST1_ROLE\"",
        ]
    );
    let lacking =
        plan.notes.iter().filter(|note| note.id == "missing-privilege" && !note.stops_apply);
    assert_eq!(lacking.count(), 3, "{:?}", plan.notes);
}

#[test]
fn what_should_be_the_sites_own_and_is_not_there_stops_the_plan() {
    let mut wanted = desired();
    own_nothing(&mut wanted);

    let plan = planned(&wanted, &empty(&wanted));

    let missing = plan.notes.iter().filter(|note| note.id == "missing" && note.stops_apply);
    let objects: Vec<&str> = missing.map(|note| note.object.as_str()).collect();
    for object in
        ["role MIGUEL_CLI_ROLE", "user MIGUEL_CLI", "database PATD", "schema PATD.POLICIES"]
    {
        assert!(objects.contains(&object), "{object}: {objects:?}");
    }
}

fn own_nothing(wanted: &mut Desired) {
    wanted.home.management = Management::Existing;
    wanted.users[0].user_management = Management::Existing;
    wanted.users[0].role_management = Management::Existing;
}

fn wanted_with_ours() -> Desired {
    desired()
}

#[test]
fn a_way_to_log_in_that_cannot_be_seen_is_said_to_be_unseen() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    with_properties(&mut observed, "MIGUEL_CLI", |properties| {
        properties.has_password = Seen::Hidden { needs: "A NEWER RELEASE".into() };
    });
    assert!(planned(&wanted, &observed).steps.is_empty(), "nothing hangs on it here");

    with_user(&mut observed, "MIGUEL_CLI", |user| user.authentication_policy = effective(None));
    let plan = planned(&wanted, &observed);
    let note = plan.notes.iter().find(|note| note.id == "ends-login").expect("a note");
    assert!(note.text.contains("has a password; it needs A NEWER RELEASE"), "{}", note.text);
    assert!(!note.stops_apply);

    with_user(&mut observed, "MIGUEL_CLI", |user| {
        user.authentication_policy = effective(Some(("SITE.S.OTHER", "USER")));
    });
    let plan = planned(&wanted, &observed);
    let step = plan.steps.iter().find(|step| step.danger.is_some()).expect("a danger");
    let unseen = &step.danger.as_ref().expect("a danger").unseen;
    assert_eq!(unseen.as_slice(), ["whether MIGUEL_CLI has a password; it needs A NEWER RELEASE"]);
}
