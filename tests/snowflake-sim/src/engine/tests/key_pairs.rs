//! Public keys: the two RSA properties and the named key pairs.

use super::keys::{ec, fingerprint, rsa};
use super::*;

fn by_key(user: &str, fingerprint: &str) -> LoginAttempt {
    let method = LoginMethod::KeyPair { fingerprint: fingerprint.to_owned() };
    LoginAttempt { login_name: Some(user.into()), method, via: Via::SqlApi, ..attempt("") }
}

#[test]
fn two_rsa_slots_hold_keys_with_their_fingerprints() {
    let mut world = World::new();
    let (one, two) = (rsa(), rsa());
    world.script(&format!(
        "alter user cli set rsa_public_key = '{one}'; alter user cli set rsa_public_key_2 = '{two}'"
    ));
    let shown = world.admin("desc user cli");
    let value = |property: &str| {
        let row = shown.rows.iter().find(|row| row[0].as_deref() == Some(property)).unwrap();
        row[1].clone().unwrap()
    };
    assert_eq!(value("RSA_PUBLIC_KEY"), one);
    assert_eq!(value("RSA_PUBLIC_KEY_FP"), fingerprint(&one));
    assert_eq!(value("RSA_PUBLIC_KEY_2_FP"), fingerprint(&two));
    let keys = world.engine.public_keys("cli", world.now);
    assert_eq!(
        keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(),
        ["PUBLIC_KEY_1", "PUBLIC_KEY_2"]
    );
    for key in &keys {
        assert!(world.engine.login(&by_key("CLI", &key.fingerprint), world.now).is_ok());
    }
    world.admin("alter user cli unset rsa_public_key");
    let gone = by_key("CLI", &fingerprint(&one));
    assert_eq!(world.engine.login(&gone, world.now).unwrap_err().code, "390144");
}

#[test]
fn a_key_may_come_with_pem_delimiters_and_line_breaks_and_garbage_is_refused() {
    let mut world = World::new();
    let key = rsa();
    let (head, tail) = key.split_at(64);
    world.admin(&format!(
        "alter user cli set rsa_public_key = '-----BEGIN PUBLIC KEY-----\n{head}\n{tail}\n-----END PUBLIC KEY-----\n'"
    ));
    assert_eq!(world.engine.public_keys("CLI", world.now)[0].fingerprint, fingerprint(&key));
    assert_eq!(world.refused("alter user cli set rsa_public_key = 'AAAA'"), "399025");
    assert_eq!(world.refused(&format!("alter user cli set rsa_public_key = '{}'", ec())), "399025");
}

#[test]
fn the_fingerprint_property_is_read_only() {
    let mut world = World::new();
    let error = world
        .as_role("ADMIN", "ACCOUNTADMIN", "alter user cli set rsa_public_key_fp = 'x'")
        .unwrap_err();
    assert!(error.message.contains("invalid property 'RSA_PUBLIC_KEY_FP' for 'USER'"), "{error}");
}

#[test]
fn a_key_login_is_refused_generically_for_a_wrong_key_user_or_disabled_user() {
    let mut world = World::new();
    let key = rsa();
    world.admin(&format!("alter user cli set rsa_public_key = '{key}'"));
    let fp = fingerprint(&key);
    for login in [by_key("CLI", "SHA256:other"), by_key("NOBODY", &fp), by_key("BROKER", &fp)] {
        assert_eq!(world.engine.login(&login, world.now).unwrap_err().code, "390144");
    }
    world.admin("alter user cli set disabled = true");
    assert_eq!(world.engine.login(&by_key("CLI", &fp), world.now).unwrap_err().code, "390144");
}

#[test]
fn a_key_login_obeys_the_network_policy_and_the_authentication_policy() {
    let mut world = World::new();
    let key = rsa();
    world.admin(&format!("alter user cli set rsa_public_key = '{key}'"));
    let login = by_key("CLI", &fingerprint(&key));
    let elsewhere = LoginAttempt { client_ip: ip("192.0.2.1"), ..login.clone() };
    assert_eq!(world.engine.login(&elsewhere, world.now).unwrap_err().code, "390422");
    world.script(
        "create authentication policy db.public.pats authentication_methods = ('PROGRAMMATIC_ACCESS_TOKEN');
         alter user cli set authentication policy db.public.pats",
    );
    assert_eq!(world.engine.login(&login, world.now).unwrap_err().code, "390202");
}

#[test]
fn a_named_key_pair_is_added_shown_and_logs_in() {
    let mut world = World::new();
    let (one, two) = (rsa(), ec());
    world.script(&format!(
        "alter user cli add key pair k1 public_key = '{one}' comment = 'laptop';
         alter user cli add key pair k2 public_key = '{two}' days_to_expiry = 1"
    ));
    let shown = world.admin("show user key pairs for user cli");
    let names: Vec<_> = shown.columns.iter().map(|c| c.name.as_str()).collect();
    let wanted = [
        "name",
        "user_name",
        "fingerprint",
        "role_scope",
        "status",
        "comment",
        "created_on",
        "created_by",
        "last_used_on",
        "expires_at",
        "rotated_to",
    ];
    assert_eq!(names, wanted);
    assert_eq!(shown.column("name"), ["K1", "K2"]);
    assert_eq!(shown.cell(0, "expires_at"), None, "there is no default expiry");
    assert!(world.engine.login(&by_key("CLI", &fingerprint(&one)), world.now).is_ok());
    world.days(1);
    let expired = by_key("CLI", &fingerprint(&two));
    assert_eq!(world.engine.login(&expired, world.now).unwrap_err().code, "390144");
}

#[test]
fn a_key_pair_is_refused_for_name_key_role_or_span() {
    let mut world = World::new();
    let key = rsa();
    world.admin(&format!("alter user cli add key pair k public_key = '{key}'"));
    let other = rsa();
    let table = [
        (format!("public_key_1 public_key = '{other}'"), "399024"),
        (format!("k public_key = '{other}'"), "399022"),
        (format!("l public_key = '{key}'"), "399026"),
        ("l public_key = 'AAAA'".to_owned(), "399025"),
        ("l".to_owned(), "399025"),
        (format!("l public_key = '{other}' days_to_expiry = 0"), "399008"),
        (format!("l public_key = '{other}' role_restriction = 'BROKER_ROLE'"), "399006"),
        (format!("l public_key = '{other}' secret = 'x'"), "001006"),
    ];
    for (tail, code) in table {
        assert_eq!(world.refused(&format!("alter user cli add key pair {tail}")), code, "{tail}");
    }
}

#[test]
fn rotating_a_key_pair_keeps_the_old_key_for_its_grace_and_no_predecessor_rotates() {
    let mut world = World::new();
    let (old, new) = (ec(), ec());
    world.admin(&format!("alter user cli add key pair k public_key = '{old}' comment = 'c'"));
    world.admin(&format!("alter user cli rotate key pair k public_key = '{new}'"));
    let shown = world.admin("show user key pairs for user cli");
    let predecessor = format!("K_ROTATED_{}", world.now.0);
    assert_eq!(shown.column("name"), ["K", &predecessor]);
    assert_eq!(shown.column("comment"), ["c", "c"]);
    assert_eq!(shown.column("rotated_to"), ["K"]);
    let again = format!("alter user cli rotate key pair {predecessor} public_key = '{}'", ec());
    assert_eq!(world.refused(&again), "399016");
    let old = by_key("CLI", &fingerprint(&old));
    assert!(world.engine.login(&old, world.now).is_ok());
    world.hours(24);
    assert!(world.engine.login(&old, world.now).is_err());
    assert!(world.engine.login(&by_key("CLI", &fingerprint(&new)), world.now).is_ok());
}

#[test]
fn ten_key_pairs_are_the_limit_and_block_a_rotation() {
    let mut world = World::new();
    for n in 0..10 {
        world.admin(&format!("alter user cli add key pair k{n} public_key = '{}'", ec()));
    }
    let key = ec();
    assert_eq!(
        world.refused(&format!("alter user cli add key pair x public_key = '{key}'")),
        "399023"
    );
    assert_eq!(
        world.refused(&format!("alter user cli rotate key pair k0 public_key = '{key}'")),
        "399023"
    );
}

#[test]
fn a_key_pair_is_modified_and_removed_and_disabled_wins_over_expired() {
    let mut world = World::new();
    let key = ec();
    world.script(&format!(
        "alter user cli add key pair k public_key = '{key}' days_to_expiry = 1;
         alter user cli modify key pair k rename to l;
         alter user cli modify key pair l set disabled = true comment = 'x'"
    ));
    assert!(world.engine.login(&by_key("CLI", &fingerprint(&key)), world.now).is_err());
    world.days(1);
    assert_eq!(world.admin("show user key pairs for user cli").column("status"), ["DISABLED"]);
    world.admin("alter user cli modify key pair l unset disabled, comment");
    assert_eq!(world.admin("show user key pairs for user cli").column("status"), ["EXPIRED"]);
    world.admin("alter user cli remove key pair l");
    assert_eq!(world.refused("alter user cli remove key pair l"), "399021");
}

#[test]
fn a_restricted_key_works_only_for_its_role_and_a_switch_decides_when_none_is_asked() {
    let mut world = World::new();
    let key = ec();
    world.admin(&format!(
        "alter user cli add key pair k public_key = '{key}' role_restriction = 'CLI_ROLE'"
    ));
    let none = by_key("CLI", &fingerprint(&key));
    let with = |role: &str| LoginAttempt { role: Some(role.into()), ..none.clone() };
    assert!(world.engine.login(&with("CLI_ROLE"), world.now).is_ok());
    assert_eq!(world.engine.login(&with("OTHER_ROLE"), world.now).unwrap_err().code, "390144");
    assert_eq!(world.engine.login(&none, world.now).unwrap_err().code, "390144");
    world.engine.switches_mut().restricted_key_needs_role = false;
    assert!(world.engine.login(&none, world.now).is_ok());
}

#[test]
fn keys_need_the_same_privilege_as_tokens_and_other_properties_need_ownership() {
    let mut world = World::new();
    let key = rsa();
    let mut broker =
        |sql: &str| world.as_role("BROKER", "BROKER_ROLE", sql).map(drop).map_err(|e| e.code);
    assert_eq!(broker(&format!("alter user cli set rsa_public_key = '{key}'")), Ok(()));
    assert_eq!(broker(&format!("alter user cli add key pair k public_key = '{}'", ec())), Ok(()));
    assert_eq!(broker("alter user cli unset rsa_public_key"), Ok(()));
    assert_eq!(broker("alter user cli set comment = 'x'"), Err("003001"));
    assert_eq!(broker("alter user cli set disabled = true"), Err("003001"));
    assert_eq!(broker(&format!("alter user miguel set rsa_public_key = '{key}'")), Err("003001"));
}

#[test]
fn rotating_a_key_pair_with_grace_zero_disables_the_old_key_now() {
    let mut world = World::new();
    let (old, new) = (ec(), ec());
    world.admin(&format!("alter user cli add key pair k public_key = '{old}'"));
    world.admin(&format!(
        "alter user cli rotate key pair k public_key = '{new}' expire_rotated_key_pair_after_hours = 0"
    ));
    let shown = world.admin("show user key pairs for user cli");
    assert_eq!(shown.column("status"), ["ACTIVE", "DISABLED"]);
    let old = by_key("CLI", &fingerprint(&old));
    assert!(world.engine.login(&old, world.now).is_err());
}
