//! Whole plans as a person reads them, byte for byte. Where one changes, read the difference before you take it over:
//! `PLANS_WRITE=1 cargo test -p patd-core --test plans golden` writes the files anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use patd_core::pattern::desired::{Desired, Management};
use patd_core::pattern::observed::{Observed, ScopePolicies, Seen};
use patd_core::pattern::plan::render::{sql, terraform, text};
use patd_core::pattern::plan::{Doomed, destroy, offline};

use crate::account::{
    add_policy, desired, effective, empty, finished, pat_policy, person, planned, service, set,
    with_policy, with_properties, with_role, with_scopes, with_user,
};
use crate::ending::token;

#[test]
fn an_empty_account() {
    let wanted = desired();

    demand("empty-account.txt", &text(&planned(&wanted, &empty(&wanted))));
}

/// Stopped after the policies: role, home and network are there, users are not.
#[test]
fn a_half_made_account() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    observed.users = empty(&wanted).users;
    observed.scopes = Seen::Known(ScopePolicies::default());
    observed
        .authentication_policies
        .insert("PATD.POLICIES.PATD_SERVICES".into(), Seen::Known(None));

    demand("half-made-account.txt", &text(&planned(&wanted, &observed)));
}

/// Somebody opened the network, gave the user a key policy of the site's, let persons use tokens again, and disabled
/// the user.
#[test]
fn a_drifted_account() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    if let Seen::Known(Some(rule)) = &mut observed.network_rule {
        rule.values = Seen::Known(set(&["0.0.0.0/0"]));
    }
    add_policy(&mut observed, "SITE.SEC.KEYS", &[("AUTHENTICATION_METHODS", "[KEYPAIR]")]);
    with_user(&mut observed, "MIGUEL_CLI", |user| {
        user.authentication_policy = effective(Some(("SITE.SEC.KEYS", "USER")));
    });
    with_properties(&mut observed, "MIGUEL_CLI", |properties| {
        properties.disabled = true;
        properties.no_secondary_roles = false;
        properties.key_fingerprints[0] = Some("SHA256:his=".into());
    });
    with_policy(
        &mut observed,
        "PATD_PERSONS",
        "AUTHENTICATION_METHODS",
        "[PASSWORD, PROGRAMMATIC_ACCESS_TOKEN, SAML]",
    );
    let mut anna = person(Some(("PATD.POLICIES.PATD_PERSONS", "ACCOUNT")));
    anna.live_tokens = Seen::Known(set(&["LAPTOP", "NOTEBOOK"]));
    observed.persons = Seen::Known(BTreeMap::from([("ANNA".to_owned(), anna)]));

    demand("drifted-account.txt", &text(&planned(&wanted, &observed)));
}

/// User and role were made by hand: with a key, unrestricted secondary roles, a comment of their own.
#[test]
fn an_adopted_account() {
    let wanted = desired();
    let mut observed = empty(&wanted);
    let whole = finished(&wanted);
    observed.roles.insert("MIGUEL_CLI_ROLE".into(), whole.roles["MIGUEL_CLI_ROLE"].clone());
    observed.users.insert("MIGUEL_CLI".into(), whole.users["MIGUEL_CLI"].clone());
    with_role(&mut observed, "MIGUEL_CLI_ROLE", |role| {
        role.owned.comment = "made by hand".into();
        role.held_by_roles = Seen::Known(BTreeSet::new());
    });
    with_properties(&mut observed, "MIGUEL_CLI", |properties| {
        properties.comment = "made by hand".into();
        properties.no_secondary_roles = false;
        properties.key_fingerprints[0] = Some("SHA256:his=".into());
    });
    with_user(&mut observed, "MIGUEL_CLI", |user| {
        user.network_policy = Seen::Known(Some("OFFICE".into()));
        user.authentication_policy = effective(None);
        user.grants_on =
            Seen::Known(BTreeMap::from([("USERADMIN".to_owned(), set(&["OWNERSHIP"]))]));
        user.owner = Seen::Known("USERADMIN".into());
        user.tokens = Seen::Known(vec![token("HAND", Some("ADMIN"))]);
    });

    demand("adopted-account.txt", &text(&planned(&wanted, &observed)));
}

/// The resident broker looks: it sees tokens, and little else.
#[test]
fn the_least_privileged_broker() {
    let wanted = desired();

    demand("least-privileged-broker.txt", &text(&planned(&wanted, &as_broker(&wanted))));
}

/// The account has policies of its own: MFA for all, one for persons, an integration, a minimum of client versions.
#[test]
fn an_account_with_its_own_mfa_policies() {
    let mut wanted = desired();
    wanted.scopes.blocked_roles = vec![patd_core::names::Role::new("ACCOUNTADMIN")];
    let mut observed = finished(&wanted);
    observed.authentication_policies.insert("PATD.POLICIES.PATD_PERSONS".into(), Seen::Known(None));
    observed
        .authentication_policies
        .insert("PATD.POLICIES.PATD_SERVICES".into(), Seen::Known(None));
    site_policies(&mut observed);

    demand("own-mfa-policies.txt", &text(&planned(&wanted, &observed)));
}

#[test]
fn nothing_to_do() {
    let wanted = desired();

    demand("nothing-to-do.txt", &text(&planned(&wanted, &finished(&wanted))));
}

#[test]
fn a_destruction() {
    let wanted = desired();
    let mut observed = finished(&wanted);
    with_user(&mut observed, "MIGUEL_CLI", |user| {
        user.tokens = Seen::Known(vec![token("PATD_0A1B2C3D_G1_ABCDEF", Some("PATD_HOST1"))]);
    });
    let plan = destroy(&wanted, &observed, "0123abcd".into(), Doomed::Everything).unwrap();

    demand("destruction.txt", &text(&plan));
}

#[test]
fn the_script_for_an_empty_account() {
    demand("offline.sql", &sql(&offline(&desired()).unwrap()));
}

/// What a bootstrap prints: broker and users, nothing of the account's.
#[test]
fn the_script_without_the_accounts_policies() {
    let mut wanted = desired();
    wanted.scopes.bar_persons = false;
    wanted.scopes.admit_services = false;

    demand("bootstrap.sql", &sql(&offline(&wanted).unwrap()));
}

#[test]
fn the_configuration_for_terraform() {
    demand("terraform.tf", &terraform(&desired()).unwrap());
}

#[test]
fn the_configuration_for_terraform_where_the_site_has_its_own() {
    let mut wanted = desired();
    wanted.home.management = Management::Existing;
    wanted.broker.management = Management::Existing;
    wanted.users[0].user_management = Management::Existing;
    wanted.users[0].role_management = Management::Existing;
    wanted.network = patd_core::pattern::desired::Network::Existing { policy: "OFFICE".into() };
    wanted.tokens =
        patd_core::pattern::desired::TokenPolicy::Existing(["A", "B", "C"].map(str::to_owned));
    wanted.scopes.bar_persons = false;
    wanted.scopes.admit_services = false;

    demand("terraform-existing.tf", &terraform(&wanted).unwrap());
}

pub(crate) fn as_broker(wanted: &Desired) -> Observed {
    let mut observed = finished(wanted);
    let needs = |needs: &str| needs.to_owned();
    observed.acting.user = "PATD_HOST1".into();
    observed.acting.role = "PATD_HOST1_ROLE".into();
    observed.acting.roles = set(&["PATD_HOST1_ROLE", "PUBLIC"]);
    observed.acting.privileges =
        Seen::Known(set(&["MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER MIGUEL_CLI"]));
    let manage = || needs("MANAGE GRANTS ON ACCOUNT");
    observed.database = Seen::Hidden { needs: manage() };
    observed.schema = Seen::Hidden { needs: manage() };
    observed.network_rule = Seen::Hidden { needs: manage() };
    observed.network_policy = Seen::Hidden { needs: manage() };
    observed.scopes = Seen::Hidden { needs: needs("APPLY AUTHENTICATION POLICY ON ACCOUNT") };
    observed.persons = Seen::Hidden { needs: manage() };
    observed.other_services = Seen::Hidden { needs: manage() };
    for policy in observed.authentication_policies.values_mut() {
        *policy = Seen::Hidden { needs: needs("APPLY AUTHENTICATION POLICY ON ACCOUNT") };
    }
    for name in ["MIGUEL_CLI", "PATD_HOST1"] {
        with_user(&mut observed, name, |user| {
            user.owner = Seen::Hidden { needs: manage() };
            user.properties = Seen::Hidden { needs: format!("OWNERSHIP ON USER {name}") };
            user.grants_on = Seen::Hidden { needs: manage() };
            user.authentication_policy =
                Seen::Hidden { needs: format!("APPLY AUTHENTICATION POLICY ON USER {name}") };
        });
    }
    with_role(&mut observed, "MIGUEL_CLI_ROLE", |role| {
        role.grants = Seen::Hidden { needs: manage() }
    });
    observed
}

pub(crate) fn site_policies(observed: &mut Observed) {
    let mfa = "{ALLOWED_METHODS=[PASSKEY, DUO], ENFORCE_MFA_ON_EXTERNAL_AUTHENTICATION=ALL}";
    add_policy(
        observed,
        "SITE.SEC.EVERYBODY",
        &[
            ("AUTHENTICATION_METHODS", "[SAML, PASSWORD]"),
            ("MFA_ENROLLMENT", "REQUIRED"),
            ("MFA_POLICY", mfa),
            ("CLIENT_TYPES", "[SNOWFLAKE_UI, DRIVERS]"),
            ("CLIENT_POLICY", "{GO_DRIVER={MINIMUM_VERSION=1.13.0}}"),
        ],
    );
    let workload = "{ALLOWED_PROVIDERS=[AWS], ALLOWED_AWS_ACCOUNTS=[111122223333]}";
    let pat = pat_policy(15, 90, false).replace("LIST=[]", "LIST=[ORGADMIN]");
    add_policy(
        observed,
        "SITE.SEC.PEOPLE",
        &[
            ("AUTHENTICATION_METHODS", "[ALL]"),
            ("MFA_ENROLLMENT", "REQUIRED_PASSWORD_ONLY"),
            ("SECURITY_INTEGRATIONS", "[OKTA, \"My IdP\"]"),
            ("WORKLOAD_IDENTITY_POLICY", workload),
            ("PAT_POLICY", &pat),
        ],
    );
    with_scopes(observed, |scopes| {
        scopes.account = Some("SITE.SEC.EVERYBODY".into());
        scopes.persons = Some("SITE.SEC.PEOPLE".into());
        scopes.services = None;
    });
    let mut anna = person(Some(("SITE.SEC.PEOPLE", "ACCOUNT")));
    anna.live_tokens = Seen::Known(set(&["LAPTOP"]));
    let mut own = person(Some(("SITE.SEC.OWN", "USER")));
    own.live_tokens = Seen::Known(set(&["HERS"]));
    observed.persons = Seen::Known(BTreeMap::from([
        ("ANNA".to_owned(), anna),
        ("BERT".to_owned(), person(None)),
        ("CARLA".to_owned(), own),
    ]));
    observed.other_services =
        Seen::Known(BTreeMap::from([("ETL".to_owned(), service(&["KEYPAIR"], None))]));
}

#[expect(clippy::disallowed_methods, reason = "a test reads its golden files; the core does not")]
fn demand(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans").join(file);
    if std::env::var_os("PLANS_WRITE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(text, golden, "{file}");
}
