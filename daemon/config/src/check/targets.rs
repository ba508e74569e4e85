//! `targets` of `[access]`: the only programs that may run with the secret. Their form is checked here, and told if one is
//! not as it must be; `pat-exec` looks again, and at the file it is about to run.

use std::path::Path;

use pat_wire::trust::Program;
use patd_core::names::Target;
use patd_core::policy::Gate;

use crate::check::access::Absent;
use crate::fault::{Faults, Wrong};
use crate::raw::RawAccess;

/// Returns the programs, none if any may run.
pub(crate) fn check(raw: &RawAccess, gate: Gate, faults: &mut Faults) -> Option<Vec<Target>> {
    let Some(written) = &raw.targets else { return Some(Vec::new()) };
    let paths = &written.value;
    let mut sound = true;
    let mut wrong = |what: String, next_step: &str| {
        sound = false;
        faults.add(&written.place, Wrong::new(what, next_step));
    };
    if gate == Gate::Preferred {
        let what = "targets are kept to by the gated pat-exec only, and the gate is not required";
        wrong(what.to_owned(), "add gate = \"required\"");
    }
    if paths.is_empty() {
        wrong("targets is empty: nothing could run".to_owned(), "name a program, or remove it");
    }
    if paths.len() > MOST {
        let what = format!("targets names {} programs", paths.len());
        wrong(what, "name at the most 16, or remove it: then any program may run");
    }
    let mut targets: Vec<Target> = Vec::new();
    for path in paths {
        let target = path.checked(faults, |path| target(path, &targets));
        sound &= target.is_some();
        targets.extend(target);
    }
    sound.then_some(targets)
}

/// Says of a program that could not be run now, why not.
pub(crate) fn unusable(target: &Target) -> Option<Absent> {
    let name = target.as_str();
    match Program::open(Path::new(name)) {
        Ok(program) if program.is_script() => Some(Absent {
            reason: format!("its target {name} is a script: its interpreter runs more than it"),
            next_step: "name a program instead, or remove it from targets; then reload".to_owned(),
        }),
        Ok(_) => None,
        Err(untrusted) => Some(Absent {
            reason: format!("its target {}: {}", untrusted.path.display(), untrusted.fault),
            next_step: format!("{}, then reload: systemctl reload patd", untrusted.next_step),
        }),
    }
}

fn target(path: &str, before: &[Target]) -> Result<Target, Wrong> {
    let is_plain = path.chars().all(|letter| !letter.is_control());
    // As it is written: a Path leaves single dots and doubled slashes out.
    let is_straight = path
        .strip_prefix('/')
        .is_some_and(|below| below.split('/').all(|part| !["", ".", ".."].contains(&part)));
    if !is_plain || !is_straight || path.len() > LONGEST {
        let next_step = "write the whole path, without links and dots: /opt/cortex/bin/cortex";
        return Err(Wrong::new(format!("target {path:?} is no path of a program"), next_step));
    }
    if before.iter().any(|target| target.as_str() == path) {
        return Err(Wrong::new(format!("target {path:?} is named twice"), "remove one"));
    }
    Ok(Target::new(path))
}

/// All of them go with every hand-out, whose size is limited.
const MOST: usize = 16;
const LONGEST: usize = 255;
