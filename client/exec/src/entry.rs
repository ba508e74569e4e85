//! What the child is given to log in with: the entry of `connections.toml`, or the mapped variables.

use std::ffi::OsString;

use pat_wire::message::{EntryForm, HandOut, Terms};
use pat_wire::secret::Zeroizing;

use crate::connections::Connections;
use crate::failure::Failure;
use crate::toml::write;
use crate::variables::Variable;

/// Returns a whole `connections.toml`: a note, the connection, the others.
///
/// `password` without an authenticator is what Cortex documents; with one, Python and `snow` send no token
/// at all.
pub(crate) fn file(note: &str, hand_out: &HandOut, others: &Connections) -> Zeroizing<String> {
    let HandOut { terms, secret } = hand_out;
    let (head, others) = (head(terms), others.to_text());
    let room = secret.len() * write::LONGEST_ESCAPE + FRAME;
    // Sized once: a buffer that grows leaves copies of what it held.
    let mut text =
        Zeroizing::new(String::with_capacity(note.len() + head.len() + room + others.len()));
    text.push_str(note);
    text.push_str(&head);
    match terms.entry_form {
        EntryForm::Password => push_line(&mut text, "password", secret.expose()),
        EntryForm::Token => {
            push_line(&mut text, "authenticator", "PROGRAMMATIC_ACCESS_TOKEN");
            push_line(&mut text, "token", secret.expose());
        }
    }
    text.push_str(&others);
    text
}

/// The spacing is what `snow` itself writes.
fn push_line(text: &mut String, key: &str, value: &str) {
    text.push_str(key);
    text.push_str(" = ");
    write::push_string(text, value);
    text.push('\n');
}

fn head(terms: &Terms) -> String {
    let mut text = String::from("[");
    write::push_key(&mut text, &terms.connection);
    text.push_str("]\n");
    let texts = [
        ("account", Some(&terms.account)),
        ("user", Some(&terms.user)),
        ("role", Some(&terms.role)),
        ("warehouse", terms.warehouse.as_ref()),
        ("database", terms.database.as_ref()),
        ("schema", terms.schema.as_ref()),
        ("host", terms.host.as_ref()),
        ("protocol", terms.protocol.as_ref()),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            push_line(&mut text, key, value);
        }
    }
    if let Some(port) = terms.port {
        text.push_str(&format!("port = {port}\n"));
    }
    text
}

/// Returns the variables that the entry's `env` mapping asks for.
///
/// # Errors
/// The mapping names a value that this version does not know or this connection does not have.
pub(crate) fn mapped(hand_out: &HandOut) -> Result<Vec<Variable>, Failure> {
    let HandOut { terms, .. } = hand_out;
    terms
        .env
        .iter()
        .map(|(name, what)| {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(Failure::own(format!(
                    "the entry maps an impossible variable {name:?}"
                )));
            }
            let value = value(hand_out, what).ok_or_else(|| {
                Failure::own(format!(
                    "the entry maps {name} to {what:?}, which connection {} does not have; \
                     next: ask root to correct its env mapping",
                    terms.connection
                ))
            })?;
            Ok((name.into(), OsString::from(value)))
        })
        .collect()
}

/// The environment is where this delivery puts the secret: what this process becomes has it anyway.
fn value(hand_out: &HandOut, what: &str) -> Option<String> {
    let HandOut { terms, secret } = hand_out;
    match what {
        "secret" => Some(secret.expose().to_owned()),
        "user" => Some(terms.user.clone()),
        "role" => Some(terms.role.clone()),
        "account" => Some(terms.account.clone()),
        "host" => terms.host.clone(),
        "warehouse" => terms.warehouse.clone(),
        "database" => terms.database.clone(),
        "schema" => terms.schema.clone(),
        _ => None,
    }
}

/// The keys, quotes and line ends around a secret, and the name of its authenticator.
const FRAME: usize = 128;

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use pat_wire::message::Delivery;
    use pat_wire::secret::Secret;

    use super::*;

    #[test]
    fn the_password_form_has_no_authenticator() {
        let others = Connections::of_connections_file("[other]\nuser = 'o'").unwrap();

        let text = file("# note\n", &hand_out(terms(), "simpat_1"), &others);

        let expected = "# note\n[miguel_cli]\naccount = \"MYORG-MYACCOUNT\"\n\
                        user = \"MIGUEL_CLI\"\nrole = \"MIGUEL_CLI_ROLE\"\n\
                        password = \"simpat_1\"\n\n[other]\nuser = 'o'\n";
        assert_eq!(text.as_str(), expected);
    }

    #[test]
    fn the_token_form_names_its_authenticator_and_says_all_that_is_set() {
        let terms = Terms {
            entry_form: EntryForm::Token,
            connection: "with space".into(),
            warehouse: Some("W\"H".into()),
            host: Some("127.0.0.1".into()),
            port: Some(8080),
            protocol: Some("http".into()),
            ..terms()
        };

        let text = file("", &hand_out(terms, "s\\t"), &Connections::default());

        let expected = "[\"with space\"]\naccount = \"MYORG-MYACCOUNT\"\nuser = \"MIGUEL_CLI\"\n\
                        role = \"MIGUEL_CLI_ROLE\"\nwarehouse = \"W\\\"H\"\nhost = \"127.0.0.1\"\n\
                        protocol = \"http\"\nport = 8080\n\
                        authenticator = \"PROGRAMMATIC_ACCESS_TOKEN\"\ntoken = \"s\\\\t\"\n";
        assert_eq!(text.as_str(), expected);
    }

    #[test]
    fn a_secret_of_escapes_alone_never_outgrows_its_buffer() {
        for entry_form in [EntryForm::Password, EntryForm::Token] {
            let terms = Terms { entry_form, ..terms() };
            let head = head(&terms).len();

            let text = file("", &hand_out(terms, &"\0".repeat(300)), &Connections::default());

            assert!(text.len() <= head + 300 * write::LONGEST_ESCAPE + FRAME);
        }
    }

    #[test]
    fn a_mapping_carries_what_it_names_and_nothing_else() {
        let env = [("SNOWFLAKE_PASSWORD", "secret"), ("DBT_USER", "user")];
        let terms = Terms { env: mapping(&env), ..terms() };

        let variables = mapped(&hand_out(terms, "simpat_1")).unwrap();

        let expected = [("DBT_USER", "MIGUEL_CLI"), ("SNOWFLAKE_PASSWORD", "simpat_1")];
        assert_eq!(variables, expected.map(|(name, value)| (name.into(), value.into())));
    }

    #[test]
    fn a_mapping_to_what_is_not_there_is_refused() {
        for (name, what) in [("A", "warehouse"), ("A", "shoe size"), ("A=B", "user"), ("", "user")]
        {
            let terms = Terms { env: mapping(&[(name, what)]), ..terms() };

            assert!(mapped(&hand_out(terms, "simpat_1")).is_err(), "{name} {what}");
        }
    }

    pub(crate) fn hand_out(terms: Terms, secret: &str) -> HandOut {
        HandOut { terms, secret: Secret::new(secret.to_owned()) }
    }

    pub(crate) fn terms() -> Terms {
        Terms {
            lease: "0123456789abcdef0123456789abcdef".into(),
            generation: 1,
            connection: "miguel_cli".into(),
            deliver: Delivery::Home,
            expires_at: 1_900_000_000,
            gated: false,
            entry_form: EntryForm::Password,
            keep_connections: false,
            account: "MYORG-MYACCOUNT".into(),
            user: "MIGUEL_CLI".into(),
            role: "MIGUEL_CLI_ROLE".into(),
            warehouse: None,
            database: None,
            schema: None,
            host: None,
            port: None,
            protocol: None,
            env: BTreeMap::new(),
            targets: Vec::new(),
        }
    }

    fn mapping(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned())).collect()
    }
}
