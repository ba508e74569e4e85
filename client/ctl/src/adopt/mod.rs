//! `patctl adopt`: takes over a service user that is there already, made by hand, by Terraform or by snow-utils-pat.
//! Looks first; writes the entry; shows the plan that remains. A token that others made is listed, and removed only
//! where it is named.

mod entry;
mod found;
mod snow_utils;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use patd_core::pattern::desired::ServiceUser;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::{self, Plan};
use patd_snowflake::provision::fingerprint;
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure, in_colour};
use crate::cli::{AdoptArgs, Cli};
use crate::confirm::{Consent, consent};
use crate::errand::{self, Nobody, Words};
use crate::plan::{look, not_made, shown};
use crate::runner::{self, Session};
use crate::target::Target;
use crate::text::plain;
use crate::time;

use entry::Entry;
use found::Found;
use snow_utils::{Section, State};

pub(crate) fn run(cli: &Cli, args: &AdoptArgs) -> Result<Answer, Failure> {
    runner::needs_an_admin(&args.session)?;
    let section = args.manifest.as_deref().map(|path| section(path, args)).transpose()?;
    let names = section.as_ref().map(|section| (section.user.as_str(), section.role.as_str()));
    let entry = Entry::wanted(cli, args, names)?;
    let target = Target::of_config(cli, entry.config.clone(), Some(entry.slot.account.as_str()))?;
    let wanted = service_user(&target, &entry)?;
    let mut session = runner::open(cli, &args.session, &target)?;
    let observed = session.observe(&target.desired)?;
    let found = Found::of(wanted, &observed)?;
    let removal = removal(&target, &observed, wanted, &found, args)?;
    let written = entry.write(cli)?;
    let removed = removal.map(|removal| remove(session.as_mut(), &removal)).transpose();
    let removed = removed.map_err(|failure| failure.after(written.trim_end()))?;
    let (rest, after) = look(session.as_mut(), &target)?;
    let found = if removed.is_some() { Found::of(wanted, &after)? } else { found };
    Ok(answer(args, &Outcome { written, section, found, removed, rest }))
}

/// What the verb came to.
struct Outcome {
    written: String,
    section: Option<Section>,
    found: Found,
    removed: Option<Value>,
    rest: Plan,
}

fn service_user<'t>(target: &'t Target, entry: &Entry) -> Result<&'t ServiceUser, Failure> {
    let found = target.desired.users.iter().find(|user| user.user == entry.slot.user);
    found.ok_or_else(|| {
        let what = format!("nothing is configured for {}", entry.slot);
        Failure::new(Exit::Failed, what, "see: patctl validate --json")
    })
}

/// Returns the removal of the tokens that are named, with a person's yes to it; none where none is named.
fn removal(
    target: &Target,
    observed: &Observed,
    wanted: &ServiceUser,
    found: &Found,
    args: &AdoptArgs,
) -> Result<Option<(Plan, Consent)>, Failure> {
    let names = found.named(&args.remove_token)?;
    if names.is_empty() {
        return Ok(None);
    }
    let (desired, user) = (&target.desired, &wanted.user);
    let plan = plan::remove_tokens(desired, observed, fingerprint(observed), user, &names);
    let plan = plan.map_err(not_made)?;
    errand::say(&shown(&plan));
    let consent = consent(&plan, &args.consent)?;
    Ok(Some((plan, consent)))
}

fn remove(session: &mut dyn Session, (plan, consent): &(Plan, Consent)) -> Result<Value, Failure> {
    let words = Words { again: "patctl adopt", next: String::new() };
    Ok(errand::carry_out(session, plan, consent, &words, &mut Nobody)?.json)
}

/// Returns the section of a manifest that is meant.
fn section(path: &Path, args: &AdoptArgs) -> Result<Section, Failure> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
        .map_err(|error| Failure::io("read", path, &error))?;
    let at = path.display();
    let sections = snow_utils::sections(&text).map_err(|error| {
        let what = format!("{at} is no manifest of snow-utils-pat: {error}");
        Failure::new(Exit::Failed, what, "name user and role with --user and --token-role")
    })?;
    let wanted = |section: &&Section| match &args.service_user {
        Some(user) => section.user == *user,
        None => section.state != State::Removed,
    };
    let mut found = sections.iter().filter(wanted);
    match (found.next(), found.next()) {
        (Some(section), None) => Ok(section.clone()),
        (None, _) => Err(Failure::new(
            Exit::Failed,
            format!("{at} has no service user that is there still"),
            "name user and role with --user and --token-role",
        )),
        (Some(_), Some(_)) => {
            let users: Vec<&str> = sections.iter().map(|section| section.user.as_str()).collect();
            let what = format!("{at} has several service users");
            Err(Failure::new(
                Exit::Usage,
                what,
                format!("add --user with one of: {}", users.join(", ")),
            ))
        }
    }
}

fn answer(args: &AdoptArgs, outcome: &Outcome) -> Answer {
    let Outcome { written, section, found, removed, rest } = outcome;
    let hints = section.as_ref().map(hints).unwrap_or_default();
    let is_done = rest.steps.is_empty() && rest.notes.iter().all(|note| !note.stops_apply);
    let next = match is_done {
        true => "next: patctl verify\n",
        false => "next: patctl apply, as the same admin; then patctl verify\n",
    };
    let mut text = format!("{written}\n{}\n", found.shown(time::now(), in_colour()));
    if found.has_findings() {
        let name = plain(&args.name);
        text.push_str(&format!(
            "when nobody uses such a token any more: patctl adopt {name} --remove-token NAME\n\n"
        ));
    }
    text.extend(hints.iter().map(|hint| format!("note: {}\n", plain(hint))));
    text.push_str(&format!("what remains to be done:\n{}\n{next}", shown(rest)));
    let exit = if is_done && !found.has_findings() { Exit::Ok } else { Exit::Alarms };
    let json = json!({
        "entry": written.trim_end(),
        "found": found.json(),
        "removed": removed,
        "hints": hints,
        "plan": rest,
    });
    Answer { text, json, exit }
}

/// What only the manifest knows.
fn hints(section: &Section) -> Vec<String> {
    let mut hints = Vec::new();
    if section.state == State::InProgress {
        hints.push(
            "the manifest was never finished: some of what it names may be missing".to_owned(),
        );
    }
    if let Some(policy) = &section.network_policy {
        hints.push(format!(
            "the manifest names network policy {policy}; to keep it, write network_policy = \"{policy}\" in [provision] of the account"
        ));
    }
    if let Some(policy) = &section.authentication_policy {
        let policy = policy.join(".");
        hints.push(format!(
            "it names authentication policy {policy}; to keep it, write authentication_policy = \"{policy}\" there"
        ));
    }
    if let Some(token) = &section.token {
        hints.push(format!(
            "its token {token} is in plain text as SA_PAT in .env, and older ones in .env.env.bak; when nobody uses it \
             any more: patctl adopt with --remove-token {token}, and delete those lines"
        ));
    }
    hints
}

const MOST_BYTES: u64 = 1024 * 1024;
