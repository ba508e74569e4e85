//! `patctl manifest export`: what is wanted of an account, object by object, with how it stands.

use std::collections::BTreeMap;
use std::path::Path;

use patd_core::pattern::desired::{Desired, Network, Source};
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::{self, Plan};
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::cli::{Cli, ManifestArgs};
use crate::files;
use crate::plan::{look, not_made};
use crate::runner;
use crate::target::Target;
use crate::time;

use super::file::{FORMAT, Manifest, Object, State};

pub(super) fn run(cli: &Cli, args: &ManifestArgs) -> Result<Answer, Failure> {
    let target = Target::find(cli, args.session.account.as_deref())?;
    let looked = match args.offline {
        true => None,
        false => Some(look(runner::open(cli, &args.session, &target)?.as_mut(), &target)?),
    };
    let manifest = made(&target.desired, looked.as_ref())?;
    let text = manifest.text()?;
    match &args.file {
        Some(path) => written(path, &text, &manifest),
        None => Ok(Answer::ok(text, json!(manifest))),
    }
}

fn written(path: &Path, text: &str, manifest: &Manifest) -> Result<Answer, Failure> {
    files::create(path, text)?;
    let shown = path.display();
    let text = format!("{shown} is written; next: patctl manifest show {shown}\n");
    Ok(Answer::ok(text, json!(manifest)))
}

fn made(desired: &Desired, looked: Option<&(Plan, Observed)>) -> Result<Manifest, Failure> {
    let mut object = objects(desired)?;
    for object in &mut object {
        object.state = state(&object.name, looked.map(|(plan, _)| plan));
    }
    let mut desired = desired.clone();
    // A host's own: replay takes those of the host where it runs.
    desired.broker.public_key = None;
    desired.broker.key_fingerprint = None;
    Ok(Manifest {
        format: FORMAT,
        made_by: concat!("patctl ", env!("CARGO_PKG_VERSION")).to_owned(),
        made_at: time::utc(time::now()),
        fingerprint: looked.map(|(plan, _)| plan.fingerprint.clone()),
        object,
        desired,
    })
}

/// Returns every object there is to be, with its reasons: those of the plan for an empty account.
fn objects(desired: &Desired) -> Result<Vec<Object>, Failure> {
    let plan = plan::of_nothing(&with_some_address(desired)).map_err(not_made)?;
    let mut names: Vec<&str> = Vec::new();
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for step in &plan.steps {
        let whys = reasons.entry(&step.object).or_default();
        if whys.is_empty() {
            names.push(&step.object);
        }
        if !whys.contains(&step.why) {
            whys.push(step.why.clone());
        }
    }
    let mut object = |name: &str| Object {
        name: name.to_owned(),
        state: State::NotLookedAt,
        why: reasons.remove(name).unwrap_or_default(),
    };
    Ok(names.into_iter().map(&mut object).collect())
}

/// Where only a live account tells the address, any will do: no statement is taken from here, only what it is about.
fn with_some_address(desired: &Desired) -> Desired {
    let mut desired = desired.clone();
    if let Network::Allow { sources, .. } = &mut desired.network
        && sources.contains(&Source::AsSeen)
    {
        sources.push(Source::Range(DOCUMENTATION_ADDRESS.to_owned()));
    }
    desired
}

fn state(object: &str, plan: Option<&Plan>) -> State {
    let Some(plan) = plan else { return State::NotLookedAt };
    let mut notes = plan.notes.iter().filter(|note| note.object == object);
    if notes.clone().any(|note| note.id == "hidden") {
        return State::NotSeen;
    }
    let has_steps = plan.steps.iter().any(|step| step.object == object);
    match has_steps || notes.any(|note| note.stops_apply) {
        true => State::Differs,
        false => State::AsWanted,
    }
}

/// Of TEST-NET-1 (RFC 5737).
const DOCUMENTATION_ADDRESS: &str = "192.0.2.1";

#[cfg(test)]
mod tests {
    use patd_core::pattern::plan::{Held, Note, Sign, Step};

    use super::super::file::tests::desired;
    use super::*;

    fn plan(steps: &[&str], notes: &[(&str, &str, bool)]) -> Plan {
        let text = |text: &str| text.to_owned();
        let step = |object: &&str| Step {
            statement: text("CREATE X"),
            sign: Sign::Add,
            object: text(object),
            why: text("why"),
            needs: text("CREATE X ON ACCOUNT"),
            held: Held::Yes,
            danger: None,
        };
        let note = |(id, object, stops_apply): &(&str, &str, bool)| Note {
            id: text(id),
            object: text(object),
            text: text("so it is"),
            stops_apply: *stops_apply,
        };
        Plan {
            format: 1,
            account: text("A"),
            acting_user: text("U"),
            acting_role: text("R"),
            fingerprint: text("f"),
            steps: steps.iter().map(step).collect(),
            notes: notes.iter().map(note).collect(),
        }
    }

    #[test]
    fn each_object_is_named_once_with_all_its_reasons() {
        let objects = objects(&desired()).unwrap();

        let of = |name: &str| objects.iter().filter(|object| object.name == name).count();
        assert_eq!((of("user MIGUEL_CLI"), of("account")), (1, 1));
        let user = objects.iter().find(|object| object.name == "user MIGUEL_CLI").unwrap();
        assert!(user.why.len() > 2, "{:?}", user.why);
        assert_eq!(of("network rule PATD.POLICIES.PATD_HOST1_NETWORK_INGRESS"), 1);
        assert!(objects.iter().all(|object| object.state == State::NotLookedAt));
    }

    #[test]
    fn what_could_not_be_seen_is_never_said_to_be_as_wanted() {
        let plan = plan(
            &["role R", "user U"],
            &[
                ("hidden", "user U", true),
                ("hidden", "account", false),
                ("wrong-type", "user V", true),
            ],
        );

        assert_eq!(state("role R", Some(&plan)), State::Differs);
        assert_eq!(state("user U", Some(&plan)), State::NotSeen);
        assert_eq!(state("account", Some(&plan)), State::NotSeen);
        assert_eq!(state("user V", Some(&plan)), State::Differs);
        assert_eq!(state("role S", Some(&plan)), State::AsWanted);
        assert_eq!(state("role S", None), State::NotLookedAt);
    }

    #[test]
    fn the_key_of_this_host_is_in_no_manifest() {
        let mut desired = desired();
        desired.broker.public_key = Some("MIIBIjANBg".to_owned());
        desired.broker.key_fingerprint = Some("SHA256:abc".to_owned());

        let text = made(&desired, None).unwrap().text().unwrap();

        assert!(!text.contains("MIIBIjANBg") && !text.contains("SHA256:abc"), "{text}");
    }
}
