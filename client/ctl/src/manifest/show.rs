//! `patctl manifest show`: a manifest as a person reads it. Asks nobody.

use serde_json::json;

use crate::answer::{Answer, in_colour};
use crate::table::{self, Cell};
use crate::text::{Colour, plain};

use super::file::{Manifest, Object, State};

pub(super) fn shown(manifest: &Manifest) -> Answer {
    let text = format!("{}\n{}", head(manifest), objects(&manifest.object, in_colour()));
    Answer::ok(text, json!(manifest))
}

fn head(manifest: &Manifest) -> String {
    let desired = &manifest.desired;
    let users: Vec<&str> = desired.users.iter().map(|user| user.user.as_str()).collect();
    let seen = match &manifest.fingerprint {
        Some(fingerprint) => format!("observed {fingerprint}"),
        None => "nobody looked at the account".to_owned(),
    };
    let lines = [
        format!("account {}, run as {}", desired.account, desired.run_as),
        format!("made {} by {}; {seen}", manifest.made_at, manifest.made_by),
        format!("broker {}, service users {}", desired.broker.user, users.join(", ")),
    ];
    lines.iter().map(|line| plain(line) + "\n").collect()
}

fn objects(objects: &[Object], in_colour: bool) -> String {
    let rows: Vec<Vec<Cell>> = objects.iter().map(row).collect();
    table::render(&["OBJECT", "STATE", "WHY"], &rows, in_colour)
}

fn row(object: &Object) -> Vec<Cell> {
    let colour = match object.state {
        State::AsWanted => Colour::Good,
        State::Differs => Colour::Bad,
        State::NotSeen | State::NotLookedAt => Colour::Moving,
    };
    let why = object.why.join("; ");
    vec![
        (plain(&object.name), Colour::Plain),
        (object.state.as_str().to_owned(), colour),
        (plain(&why), Colour::Plain),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::manifest;
    use super::*;

    #[test]
    fn a_manifest_is_a_table_and_nothing_in_it_steers_the_terminal() {
        let manifest = manifest();

        let shown = format!("{}\n{}", head(&manifest), objects(&manifest.object, false));

        assert_eq!(
            shown,
            "\
account MYORG-DEV, run as ACCOUNTADMIN
made 2026-11-22T08:00:00Z by patctl 0; observed 0a1b
broker PATD_HOST1, service users MIGUEL_CLI

OBJECT           STATE      WHY
user MIGUEL_CLI  as-wanted  it is \"wanted\"\u{fffd}
account          not-seen   it is \"wanted\"\u{fffd}
"
        );
    }
}
