//! The inventory of tokens: whose each is, how it was used, and whether a rotation is finished.

use patd_core::names::{Generation, HostId};
use patd_core::pattern::audit::{Answers, Inventory, Whose, inventory};
use patd_core::pattern::observed::{Seen, Token};
use patd_core::pattern::reading::Rows;

use crate::world::{USER, World, known, texts};

const HOST: &str = "0A1B2C3D";

fn token(generation: u64, intent: &str) -> Token {
    Token {
        name: format!("PATD_{HOST}_G{generation}_{intent}"),
        role: Some("MIGUEL_CLI_ROLE".into()),
        status: "ACTIVE".into(),
        comment: format!("patd1 host={HOST} gen={generation} intent={intent}"),
        created_by: Some("PATD_HOST1".into()),
        expires_at: Some(1_800_000_000),
        rotated_to: None,
    }
}

/// Generations 2 and 3 of one host, one of another host, one by hand; a person with a token.
fn world() -> World {
    let mut world = World::good();
    let mut of_another_host = token(9, "AAAAAA");
    of_another_host.name = "PATD_FFFFFFFF_G9_AAAAAA".into();
    let by_hand = Token { name: "BY_HAND".into(), role: None, ..token(1, "BBBBBB") };
    *known(&mut world.user(USER).tokens) =
        vec![token(2, "AAAAAA"), token(3, "BBBBBB"), of_another_host, by_hand];
    let carol = world.persons().get_mut("CAROL").unwrap();
    carol.live_tokens = Seen::Known(texts(&["HERS"]));
    world
}

fn rows(columns: &[&str], rows: &[&[&str]]) -> Result<Rows, String> {
    let cell = |text: &&str| (!text.is_empty()).then(|| (*text).to_owned());
    Ok(Rows {
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        rows: rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
    })
}

fn credentials(of: &[&[&str]]) -> Result<Rows, String> {
    rows(&["LAST_USED_ON", "CREDENTIAL_ID", "USER_NAME", "NAME", "STATUS", "CREATED_ON"], of)
}

fn logins(of: &[&[&str]]) -> Result<Rows, String> {
    let columns =
        ["EVENT_TIMESTAMP", "CLIENT_IP", "REPORTED_CLIENT_TYPE", "FIRST_AUTHENTICATION_FACTOR_ID"];
    rows(&columns, of)
}

fn taken(world: &World, answers: &Answers) -> Inventory {
    inventory(&world.desired, &world.observed, answers).unwrap()
}

fn usual() -> Answers {
    Answers {
        credentials: credentials(&[
            &["950.5", "12", USER, "PATD_0A1B2C3D_G2_AAAAAA", "ACTIVE", "100"],
            &["", "13", USER, "PATD_0A1B2C3D_G3_BBBBBB", "ACTIVE", "900"],
            &["", "14", USER, "GONE_ALREADY", "ACTIVE", "10"],
            &["1970-01-01T00:10:00Z", "15", "LOADER", "ITS_OWN", "ACTIVE", "10"],
            &["", "16", "LOADER", "OLD", "EXPIRED", "10"],
        ]),
        logins: logins(&[
            &["950", "192.0.2.9", "PythonConnector", "12"],
            &["940", "192.0.2.8", "JavaScript", "12"],
            &["930", "192.0.2.8", "JavaScript", ""],
        ]),
    }
}

#[test]
fn each_token_is_listed_with_whose_it_is() {
    let inventory = taken(&world(), &usual());

    let ours = |host: &str, generation: u64, newest: bool| Whose::Ours {
        host: HostId::new(host),
        generation: Generation(generation),
        newest,
    };
    let found: Vec<_> =
        inventory.tokens.iter().map(|t| (t.user.as_str(), t.name.as_str(), &t.whose)).collect();
    assert_eq!(
        found,
        [
            ("CAROL", "HERS", &Whose::Persons),
            ("LOADER", "ITS_OWN", &Whose::Others),
            (USER, "BY_HAND", &Whose::Foreign),
            (USER, "PATD_0A1B2C3D_G2_AAAAAA", &ours(HOST, 2, false)),
            (USER, "PATD_0A1B2C3D_G3_BBBBBB", &ours(HOST, 3, true)),
            (USER, "PATD_FFFFFFFF_G9_AAAAAA", &ours("FFFFFFFF", 9, true)),
        ]
    );
    assert!(inventory.unseen.is_empty());
}

#[test]
fn an_older_token_that_was_used_since_keeps_a_rotation_from_being_finished() {
    let inventory = taken(&world(), &usual());

    let rotations = inventory.rotations();

    let [this, other] = rotations.as_slice() else { panic!("{rotations:?}") };
    assert_eq!((this.host.as_str(), this.older.len()), (HOST, 1));
    assert_eq!(this.older[0].used_since(this.newest), Some(true));
    let login = this.older[0].usage.as_ref().unwrap().last_login.as_ref().unwrap();
    assert_eq!((login.at, login.address.as_str()), (950, "192.0.2.9"));
    assert_eq!((other.host.as_str(), other.older.len()), ("FFFFFFFF", 0));
}

#[test]
fn an_older_token_nobody_used_since_is_said_to_be_so() {
    let answers = Answers {
        credentials: credentials(&[
            &["850", "12", USER, "PATD_0A1B2C3D_G2_AAAAAA", "ACTIVE", "100"],
            &["", "13", USER, "PATD_0A1B2C3D_G3_BBBBBB", "ACTIVE", "900"],
        ]),
        logins: logins(&[]),
    };
    let inventory = taken(&world(), &answers);

    let rotations = inventory.rotations();

    assert_eq!(rotations[0].older[0].used_since(rotations[0].newest), Some(false));
}

#[test]
fn what_cannot_be_seen_is_said_and_nothing_is_made_up_for_it() {
    let mut world = world();
    world.observed.persons = Seen::Hidden { needs: "a reading of the whole account".into() };
    let refused = || Err("003001 Insufficient privileges".to_owned());
    let answers = Answers { credentials: refused(), logins: refused() };

    let inventory = taken(&world, &answers);

    assert_eq!(inventory.unseen.len(), 2, "{:?}", inventory.unseen);
    assert!(inventory.tokens.iter().all(|token| token.usage.is_none()));
    let rotations = inventory.rotations();
    assert_eq!(rotations[0].older[0].used_since(rotations[0].newest), None);
}

#[test]
fn an_answer_of_another_form_is_none() {
    let world = world();
    for credentials in [
        rows(&["NAME"], &[]),
        credentials(&[&["soon", "12", USER, "T", "ACTIVE", "100"]]),
        credentials(&[&["", "", USER, "T", "ACTIVE", "100"]]),
    ] {
        let answers = Answers { credentials, logins: logins(&[]) };
        assert!(inventory(&world.desired, &world.observed, &answers).is_err());
    }
}
