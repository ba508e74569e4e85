//! `patctl audit tokens`: every token that can be seen, whose it is, who still uses which, and so whether a rotation
//! is finished. Changes nothing.

use patd_core::pattern::audit::{
    self, Answers, Inventory, Listed, Login, Rotation, Whose, inventory,
};
use patd_core::pattern::reading::Rows;
use patd_core::sql::Statement;
use serde_json::json;

use crate::answer::{Answer, Exit, Failure, in_colour};
use crate::cli::{Cli, SessionArgs};
use crate::runner::{self, Session};
use crate::table::{self, Cell};
use crate::target::Target;
use crate::text::{Colour, plain};
use crate::time;

pub(crate) fn run(cli: &Cli, args: &SessionArgs) -> Result<Answer, Failure> {
    let target = Target::find(cli, args.account.as_deref())?;
    let mut session = runner::open(cli, args, &target)?;
    let observed = session.observe(&target.desired)?;
    let answers = Answers {
        credentials: ask(session.as_mut(), &audit::credentials()),
        logins: ask(session.as_mut(), &audit::logins()),
    };
    let found = inventory(&target.desired, &observed, &answers).map_err(|fault| {
        Failure::new(Exit::Failed, format!("ACCOUNT_USAGE cannot be read: {fault}"), "")
    })?;
    let exit = if found.unseen.is_empty() { Exit::Ok } else { Exit::Alarms };
    Ok(Answer { text: text_of(&found, time::now(), in_colour()), json: json!(found), exit })
}

/// A no is an answer too: what it would have shown is not seen.
fn ask(session: &mut dyn Session, statement: &Statement) -> Result<Rows, String> {
    session.ask(statement).map_err(|undone| undone.said())
}

fn text_of(found: &Inventory, now: i64, in_colour: bool) -> String {
    let rows: Vec<Vec<Cell>> = found.tokens.iter().map(|token| row(token, now)).collect();
    let mut text = match rows.is_empty() {
        true => "no tokens\n".to_owned(),
        false => table::render(&HEADING, &rows, in_colour),
    };
    let rotations = found.rotations();
    if !rotations.is_empty() {
        text.push('\n');
        text.extend(rotations.iter().map(|rotation| progress(rotation, now)));
    }
    if !found.unseen.is_empty() {
        text.push('\n');
        text.extend(found.unseen.iter().map(|what| format!("not seen: {}\n", plain(what))));
    }
    text
}

fn row(token: &Listed, now: i64) -> Vec<Cell> {
    let cell = |text: &str| (plain(text), Colour::Plain);
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let (whose, colour) = whose(&token.whose);
    vec![
        cell(&token.user),
        cell(&token.name),
        (whose, colour),
        cell(&or_none(&token.role)),
        cell(&or_none(&token.status).to_lowercase()),
        cell(&token.expires_at.map_or_else(|| "-".to_owned(), |at| time::from_now(at, now))),
        cell(&last_use(token, now)),
    ]
}

fn whose(whose: &Whose) -> (String, Colour) {
    match whose {
        Whose::Ours { host, generation, newest } => {
            let colour = if *newest { Colour::Good } else { Colour::Moving };
            (format!("host {}, generation {generation}", plain(host.as_str())), colour)
        }
        Whose::Foreign => ("somebody else".to_owned(), Colour::Bad),
        Whose::Persons => ("a person".to_owned(), Colour::Bad),
        Whose::Others => ("another user".to_owned(), Colour::Plain),
    }
}

fn last_use(token: &Listed, now: i64) -> String {
    let Some(usage) = &token.usage else { return "not seen".to_owned() };
    let at = usage.last_login.as_ref().map(|login| login.at).max(usage.last_used_at);
    let when = at.map_or_else(|| "never".to_owned(), |at| time::from_now(at, now));
    match &usage.last_login {
        Some(Login { address, client, .. }) => format!("{when}, from {address} by {client}"),
        None => when,
    }
}

/// ACCOUNT_USAGE lags, so "not used since" is a word about two hours ago.
fn progress(rotation: &Rotation<'_>, now: i64) -> String {
    let who = format!("{}, host {}", plain(rotation.user), plain(rotation.host.as_str()));
    if rotation.older.is_empty() {
        return format!("{who}: rotation finished, no older token is left\n");
    }
    let older = rotation.older.iter().map(|older| {
        let name = plain(&older.name);
        match older.used_since(rotation.newest) {
            Some(true) => format!("{name} is still used ({})", plain(&last_use(older, now))),
            Some(false) => format!("{name} was not used since, as of up to two hours ago"),
            None => format!("{name} is still there; its use is not seen"),
        }
    });
    format!("{who}: {}\n", older.collect::<Vec<_>>().join(", "))
}

const HEADING: [&str; 7] = ["USER", "TOKEN", "MADE BY", "ROLE", "STATE", "EXPIRES", "LAST USED"];

#[cfg(test)]
mod tests {
    use patd_core::names::{Generation, HostId};
    use patd_core::pattern::audit::Usage;

    use super::*;

    fn token(generation: u64, newest: bool, last_used_at: Option<i64>) -> Listed {
        let host = HostId::new("0A1B2C3D");
        let created_at = i64::try_from(generation).ok().map(|number| number * 1_000);
        let last_login = last_used_at.map(|at| Login {
            at,
            address: "192.0.2.9".into(),
            client: "Python\u{1b}[2J".into(),
        });
        Listed {
            user: "MIGUEL_CLI".into(),
            name: format!("PATD_0A1B2C3D_G{generation}_AAAAAA"),
            whose: Whose::Ours { host, generation: Generation(generation), newest },
            role: Some("MIGUEL_CLI_ROLE".into()),
            status: Some("ACTIVE".into()),
            expires_at: Some(100_000),
            created_by: None,
            usage: Some(Usage { created_at, last_used_at, last_login }),
        }
    }

    #[test]
    fn a_rotation_that_is_not_finished_names_who_still_uses_the_old_token() {
        let tokens = vec![token(2, false, Some(9_000)), token(3, true, None)];
        let found = Inventory { tokens, unseen: vec!["tokens of persons: X".into()] };

        let text = text_of(&found, 13_600, false);

        let used = "MIGUEL_CLI, host 0A1B2C3D: PATD_0A1B2C3D_G2_AAAAAA is still used \
                    (1 h 16 min ago, from 192.0.2.9 by Python\u{fffd}[2J)\n";
        assert!(text.contains(used), "{text}");
        assert!(text.contains("host 0A1B2C3D, generation 3  MIGUEL_CLI_ROLE  active"), "{text}");
        assert!(text.ends_with("not seen: tokens of persons: X\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_finished_rotation_is_said_to_be_one() {
        for (older, said) in [
            (None, "rotation finished, no older token is left"),
            (Some(token(2, false, Some(2_500))), "was not used since"),
            (Some(Listed { usage: None, ..token(2, false, None) }), "its use is not seen"),
        ] {
            let tokens = older.into_iter().chain([token(3, true, None)]).collect();
            let text = text_of(&Inventory { tokens, unseen: Vec::new() }, 13_600, false);
            assert!(text.contains(said), "{said}: {text}");
        }
        assert_eq!(text_of(&Inventory::default(), 0, false), "no tokens\n");
    }
}
