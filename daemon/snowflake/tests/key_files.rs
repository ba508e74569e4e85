//! Key files in the forms `openssl` makes them, and the JWT, checked by `openssl` rather than by our own code.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pat_wire::secret::Secret;
use patd_core::names::{Account, User};
use patd_core::time::Timestamp;
use patd_snowflake::jwt;
use patd_snowflake::key::{KeyError, SigningKey};
use serde_json::{Value, json};

/// Runs `openssl` in the directory and returns what it printed.
fn openssl(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    let output = command.args(arguments).current_dir(directory).output().expect("openssl runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {complaint}");
    output.stdout
}

/// A directory with `key.p8`, an RSA key of that size in plain PKCS#8, and `public.pem`.
fn world(bits: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("directory");
    let size = format!("rsa_keygen_bits:{bits}");
    let at = directory.path();
    openssl(at, &["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", &size, "-out", "key.p8"]);
    openssl(at, &["pkey", "-in", "key.p8", "-pubout", "-out", "public.pem"]);
    directory
}

fn bytes(directory: &tempfile::TempDir, name: &str) -> Vec<u8> {
    std::fs::read(directory.path().join(name)).expect("file")
}

fn load(file: &[u8], passphrase: Option<&str>) -> Result<SigningKey, KeyError> {
    let passphrase = passphrase.map(|text| Secret::new(text.to_owned()));
    SigningKey::from_pem(file, passphrase.as_ref())
}

#[test]
fn fingerprint_and_public_body_are_those_openssl_computes() {
    let world = world("2048");
    let public_der =
        openssl(world.path(), &["pkey", "-in", "key.p8", "-pubout", "-outform", "DER"]);
    std::fs::write(world.path().join("public.der"), &public_der).expect("file");
    let digest = openssl(world.path(), &["dgst", "-sha256", "-binary", "public.der"]);
    let pem = String::from_utf8(bytes(&world, "public.pem")).expect("text");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();

    let key = load(&bytes(&world, "key.p8"), None).expect("key");

    assert_eq!(key.fingerprint(), format!("SHA256:{}", STANDARD.encode(digest)));
    assert_eq!(key.public_key_body(), body);
}

#[test]
fn every_encryption_openssl_offers_today_opens_with_its_passphrase_only() {
    let world = world("2048");
    let plain = load(&bytes(&world, "key.p8"), None).expect("key").fingerprint();
    for algorithm in ["aes128", "aes256", "des3"] {
        for form in ["PEM", "DER"] {
            let arguments = [
                "pkcs8",
                "-topk8",
                "-v2",
                algorithm,
                "-in",
                "key.p8",
                "-out",
                "sealed",
                "-outform",
                form,
                "-passout",
                "pass:right horse",
            ];
            openssl(world.path(), &arguments);
            let sealed = bytes(&world, "sealed");
            let opened = load(&sealed, Some("right horse")).expect(algorithm);
            assert_eq!(opened.fingerprint(), plain, "{algorithm} {form}");
            let wrong = load(&sealed, Some("wrong horse"));
            assert!(
                matches!(wrong, Err(KeyError::WrongPassphrase)),
                "{algorithm} {form}: {wrong:?}"
            );
            let none = load(&sealed, None);
            assert!(
                matches!(none, Err(KeyError::PassphraseNeeded)),
                "{algorithm} {form}: {none:?}"
            );
        }
    }
}

#[test]
fn older_forms_are_refused_with_the_command_that_converts_them() {
    let world = world("2048");
    let at = world.path();
    openssl(at, &["rsa", "-traditional", "-in", "key.p8", "-out", "pkcs1"]);
    openssl(at, &["rsa", "-traditional", "-in", "key.p8", "-outform", "DER", "-out", "pkcs1.der"]);
    openssl(
        at,
        &[
            "rsa",
            "-traditional",
            "-aes128",
            "-passout",
            "pass:x",
            "-in",
            "key.p8",
            "-out",
            "sealed1",
        ],
    );

    for (name, conversion) in [
        ("pkcs1", "openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW"),
        ("pkcs1.der", "openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW"),
        ("sealed1", "openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW"),
    ] {
        let refusal = load(&bytes(&world, name), Some("x")).expect_err(name).to_string();
        assert!(refusal.ends_with(conversion), "{name}: {refusal}");
    }
}

#[test]
fn what_is_not_an_rsa_key_of_sufficient_size_is_refused() {
    let short = world("1024");
    assert!(load(&bytes(&short, "key.p8"), None).is_err());
    let world = world("2048");
    let curve = [
        "genpkey",
        "-quiet",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        "ec",
    ];
    openssl(world.path(), &curve);
    assert!(matches!(load(&bytes(&world, "ec"), None), Err(KeyError::NotRsa)));
    let public = load(&bytes(&world, "public.pem"), None);
    assert!(matches!(public, Err(KeyError::OtherObject(label)) if label == "PUBLIC KEY"));
    for text in ["", "not a key", "\u{0}\u{1}\u{2}"] {
        assert!(matches!(load(text.as_bytes(), None), Err(KeyError::NotAKey)), "{text:?}");
    }
    let whole = bytes(&world, "key.p8");
    assert!(matches!(load(&whole[..whole.len() / 2], None), Err(KeyError::Pem(_))));
}

#[test]
fn a_dash_that_is_missing_in_the_first_line_does_not_show_the_key_behind_it() {
    let world = world("2048");
    let pem = String::from_utf8(bytes(&world, "key.p8")).expect("text");
    let damaged = pem.replacen("KEY-----", "KEY----", 1);
    let refusal = load(damaged.as_bytes(), None).expect_err("damaged");
    assert!(matches!(refusal, KeyError::Frame));
    let body = pem.lines().nth(1).expect("a body");
    assert!(!refusal.to_string().contains(&body[..8]), "{refusal}");
}

#[test]
fn a_key_survives_blanks_and_line_ends_of_other_systems() {
    let world = world("2048");
    let pem = String::from_utf8(bytes(&world, "key.p8")).expect("text");
    let plain = load(pem.as_bytes(), None).expect("key").fingerprint();
    let windows = pem.replace('\n', "\r\n");
    let indented: String = pem.lines().map(|line| format!("  {line}  \n")).collect();
    let introduced = format!("Bag Attributes\n\n{pem}");
    for variant in [windows, indented, introduced] {
        assert_eq!(load(variant.as_bytes(), None).expect("key").fingerprint(), plain);
    }
}

#[test]
fn a_generated_key_is_one_openssl_accepts_and_we_read_back() {
    let (key, pem) = SigningKey::generate().expect("key");
    let directory = tempfile::tempdir().expect("directory");
    std::fs::write(directory.path().join("key.p8"), pem.expose()).expect("file");
    let verdict = openssl(directory.path(), &["rsa", "-in", "key.p8", "-check", "-noout"]);
    assert!(String::from_utf8_lossy(&verdict).contains("RSA key ok"));
    assert_eq!(load(pem.expose().as_bytes(), None).expect("key").fingerprint(), key.fingerprint());
    assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.fingerprint()));
}

#[test]
fn the_token_has_the_documented_claims_and_a_signature_openssl_verifies() {
    let world = world("2048");
    let key = load(&bytes(&world, "key.p8"), None).expect("key");
    let account = Account::new("myorg-myaccount");
    let now = Timestamp(1_763_782_618);
    let life = Duration::from_secs(60);

    let claims = jwt::claims(&account, &User::new("patd_host1"), &key.fingerprint(), now, life);
    let token = jwt::token(&key, &claims).expect("token");

    let parts: Vec<&str> = token.expose().split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("not three parts") };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url without padding");
    let read = |part: &str| serde_json::from_slice::<Value>(&decoded(part)).expect("json");
    assert_eq!(read(header), json!({"alg": "RS256", "typ": "JWT"}));
    let subject = "MYORG-MYACCOUNT.PATD_HOST1";
    let issuer = format!("{subject}.{}", key.fingerprint());
    let expected = json!({"iss": issuer, "sub": subject, "iat": now.0, "exp": now.0 + 60});
    assert_eq!(read(payload), expected);
    let file = |name| world.path().join(name);
    std::fs::write(file("signed"), format!("{header}.{payload}")).expect("file");
    std::fs::write(file("signature"), decoded(signature)).expect("file");
    let verify = ["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "signed"];
    assert_eq!(openssl(world.path(), &verify), b"Verified OK\n");
}

#[test]
fn no_token_lives_longer_than_an_hour() {
    let account = Account::new("A-B");
    let life = Duration::from_secs(86_400);
    let claims = jwt::claims(&account, &User::new("U"), "SHA256:x", Timestamp(1000), life);
    assert_eq!(claims.exp, 4600);
}

#[test]
fn the_account_is_spelled_as_the_claims_want_it() {
    for (configured, claim) in [
        ("myorg-my_account", "MYORG-MY_ACCOUNT"),
        ("MYORG.MYACCOUNT", "MYORG-MYACCOUNT"),
        ("xy12345", "XY12345"),
        ("xy12345.us-east-2.aws", "XY12345"),
        ("xy12345.eu-central-1", "XY12345"),
        ("xy12345.west-europe.azure", "XY12345"),
        ("myaccount-b2f7k.global", "MYACCOUNT"),
        ("MYORG-MYACCOUNT.privatelink", "MYORG-MYACCOUNT"),
        ("sim12345.privatelink", "SIM12345"),
        ("sim12345.us-east-2.aws.PrivateLink", "SIM12345"),
    ] {
        assert_eq!(jwt::account_claim(&Account::new(configured)), claim, "{configured}");
    }
}
