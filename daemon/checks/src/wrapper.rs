//! The wrapper as a program that shows a group to the daemon: its owner, group and mode, its file system, and the group
//! itself.

use crate::{Fact, Finding, Id};

/// The subject of these findings.
pub const SUBJECT: &str = "wrapper";

/// Where the package puts it.
pub const PACKAGED: &str = "/usr/bin/pat-exec";

/// The program that a user's shell finds as `pat-exec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Where.
    pub path: String,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its mode bits.
    pub mode: u32,
    /// Whether its file system ignores setgid; none, where that cannot be seen.
    pub is_on_nosuid: Option<bool>,
}

/// The group of the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// Who is in it.
    pub members: Vec<String>,
    /// Whose own group it is, whether they are members or not.
    pub primary_of: Vec<String>,
}

/// Returns whose own group this is, from the text of /etc/passwd: a group's list of members does not name them.
pub fn primary_of(passwd: &str, gid: u32) -> Vec<String> {
    let user = |line: &str| {
        let mut fields = line.split(':');
        let (name, group) = (fields.next()?, fields.nth(2)?);
        (group.parse() == Ok(gid)).then(|| name.to_owned())
    };
    passwd.lines().filter_map(user).collect()
}

/// How much the gate matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// An entry has `gate = "required"`: without it nothing is handed out there.
    Required,
    /// It is recorded, and nothing turns on it.
    Preferred,
}

/// Judges program, file system and group. What lacks is a failure only where an entry demands the gate.
pub fn wrapper(program: Option<&Program>, group: Fact<Option<Group>>, gate: Gate) -> Vec<Finding> {
    let gid = group.as_ref().ok().and_then(|group| group.as_ref()).map(|group| group.gid);
    let mut findings = vec![installed(program, gid, gate)];
    findings.extend(program.and_then(|program| mounted(program, gate)));
    findings.push(Finding::of(Id::GateGroup, SUBJECT, group, |group| filled(group.as_ref(), gate)));
    findings
}

fn installed(program: Option<&Program>, gate_gid: Option<u32>, gate: Gate) -> Finding {
    let id = Id::Wrapper;
    let Some(program) = program else {
        return Finding::failed(
            id,
            SUBJECT,
            format!("no pat-exec on PATH, nor {PACKAGED}"),
            "install the package, or set PATH",
        );
    };
    let Program { path, uid, gid, mode, .. } = program;
    let restore = restored(program);
    if is_open(program) {
        let what =
            format!("{path} has mode {mode:04o}: others may put their own program in its place");
        return Finding::failed(id, SUBJECT, what, restore);
    }
    let lacks = if *uid != ROOT {
        format!("{path} belongs to uid {uid}, not to root")
    } else if *mode & SETGID == 0 {
        format!("{path} is not setgid (mode {mode:04o})")
    } else if gate_gid != Some(*gid) {
        format!("{path} is setgid to gid {gid}, which is not that of the gate")
    } else {
        return Finding::ok(id, SUBJECT, format!("{path}, setgid patclient"));
    };
    lacking(id, gate, &lacks, &restore)
}

/// The gate's group is a proof: no line gives it to what may be anybody's program.
fn restored(program: &Program) -> String {
    let path = &program.path;
    if path != PACKAGED {
        format!(
            "{path} is not the packaged program: remove it or correct PATH, and install the package ({PACKAGED}); do not give it the gate's group"
        )
    } else if program.uid != ROOT || is_open(program) {
        "it may no longer be the packaged program: reinstall the package, which puts its own in the place of it".to_owned()
    } else {
        format!("reinstall the package, or as root: chown root:patclient {path}; chmod 2755 {path}")
    }
}

fn is_open(program: &Program) -> bool {
    program.mode & 0o022 != 0
}

fn mounted(program: &Program, gate: Gate) -> Option<Finding> {
    let path = &program.path;
    Some(match program.is_on_nosuid? {
        false => Finding::ok(
            Id::WrapperMount,
            SUBJECT,
            format!("{path}: its file system lets it be setgid"),
        ),
        true => lacking(
            Id::WrapperMount,
            gate,
            &format!("{path} is on a file system mounted nosuid, which ignores setgid"),
            "install it on one mounted without nosuid: findmnt -T shows the options (containers and some /home are nosuid)",
        ),
    })
}

fn filled(group: Option<&Group>, gate: Gate) -> Finding {
    match group {
        None => lacking(
            Id::GateGroup,
            gate,
            "the group of the gate (patclient) does not exist",
            "as root: systemd-sysusers; the package brings its lines",
        ),
        Some(group) => empty(group),
    }
}

fn empty(group: &Group) -> Finding {
    let Group { name, gid, members, primary_of } = group;
    let mut has = Vec::new();
    let mut next = Vec::new();
    if !members.is_empty() {
        has.push(format!("has members: {}", members.join(", ")));
        next.push(format!("gpasswd -d USER {name}"));
    }
    if !primary_of.is_empty() {
        has.push(format!("is the own group of {}", primary_of.join(", ")));
        next.push("usermod -g GROUP USER".to_owned());
    }
    if has.is_empty() {
        return Finding::ok(Id::GateGroup, SUBJECT, format!("{name} (gid {gid}) has no members"));
    }
    Finding::failed(
        Id::GateGroup,
        SUBJECT,
        format!("{name} {}: whatever they run can pass for the wrapper", has.join(", and ")),
        format!("as root: {}, for each", next.join("; ")),
    )
}

fn lacking(id: Id, gate: Gate, what: &str, next_step: &str) -> Finding {
    match gate {
        Gate::Required => Finding::failed(
            id,
            SUBJECT,
            format!("{what}: entries with gate = \"required\" hand out nothing"),
            next_step,
        ),
        Gate::Preferred => Finding::warning(
            id,
            SUBJECT,
            format!("{what}: commands run without the gate"),
            next_step,
        ),
    }
}

const SETGID: u32 = 0o2000;
const ROOT: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Needs, Outcome};

    const GATE: u32 = 991;

    fn packaged() -> Program {
        Program {
            path: PACKAGED.into(),
            uid: 0,
            gid: GATE,
            mode: 0o2755,
            is_on_nosuid: Some(false),
        }
    }

    fn group(members: &[&str]) -> Fact<Option<Group>> {
        Ok(Some(Group {
            name: "patclient".into(),
            gid: GATE,
            members: members.iter().map(|name| (*name).to_owned()).collect(),
            primary_of: vec![],
        }))
    }

    fn outcomes(
        program: Option<&Program>,
        group: Fact<Option<Group>>,
        gate: Gate,
    ) -> Vec<(Id, Outcome)> {
        wrapper(program, group, gate).into_iter().map(|found| (found.id, found.outcome)).collect()
    }

    #[test]
    fn the_packaged_wrapper_is_as_it_should_be() {
        let all = outcomes(Some(&packaged()), group(&[]), Gate::Required);
        assert_eq!(
            all,
            [
                (Id::Wrapper, Outcome::Ok),
                (Id::WrapperMount, Outcome::Ok),
                (Id::GateGroup, Outcome::Ok)
            ]
        );
    }

    #[test]
    fn a_wrapper_without_its_gate_fails_only_where_the_gate_is_demanded() {
        for program in [
            Program { uid: 1001, ..packaged() },
            Program { mode: 0o755, ..packaged() },
            Program { gid: 100, ..packaged() },
        ] {
            let of = |gate| wrapper(Some(&program), group(&[]), gate)[0].outcome.clone();
            assert_eq!(
                (of(Gate::Required), of(Gate::Preferred)),
                (Outcome::Failed, Outcome::Warning)
            );
        }
        let nosuid = Program { is_on_nosuid: Some(true), ..packaged() };
        let of = |gate| wrapper(Some(&nosuid), group(&[]), gate)[1].outcome.clone();
        assert_eq!((of(Gate::Required), of(Gate::Preferred)), (Outcome::Failed, Outcome::Warning));
        let of = |gate| wrapper(Some(&packaged()), Ok(None), gate)[2].outcome.clone();
        assert_eq!((of(Gate::Required), of(Gate::Preferred)), (Outcome::Failed, Outcome::Warning));
    }

    #[test]
    fn a_wrapper_that_others_may_exchange_and_a_gate_with_members_fail_anywhere() {
        let open = Program { mode: 0o2775, ..packaged() };
        assert_eq!(wrapper(Some(&open), group(&[]), Gate::Preferred)[0].outcome, Outcome::Failed);
        let found = &wrapper(Some(&packaged()), group(&["eve"]), Gate::Preferred)[2];
        assert_eq!(found.outcome, Outcome::Failed);
        assert!(found.evidence.contains("eve"), "{}", found.evidence);
    }

    #[test]
    fn only_the_packaged_program_of_roots_is_given_the_gates_group() {
        let next = |program: Program| {
            wrapper(Some(&program), group(&[]), Gate::Required)[0].next_step.clone()
        };
        let elsewhere =
            |uid, mode| Program { path: "/home/eve/bin/pat-exec".into(), uid, mode, ..packaged() };
        for program in [
            elsewhere(1001, 0o755),
            elsewhere(0, 0o755),
            elsewhere(0, 0o2775),
            Program { uid: 1001, ..packaged() },
            Program { mode: 0o777, ..packaged() },
        ] {
            let next = next(program.clone());
            assert!(!next.contains("chown") && !next.contains("chmod"), "{program:?}: {next}");
            assert!(next.contains("the package"), "{next}");
        }
        assert!(next(elsewhere(1001, 0o755)).contains("is not the packaged program: remove it"));
        for program in [Program { mode: 0o755, ..packaged() }, Program { gid: 0, ..packaged() }] {
            assert!(next(program).contains("chmod 2755 /usr/bin/pat-exec"));
        }
    }

    #[test]
    fn a_user_whose_own_group_is_the_gates_is_seen_though_no_member() {
        let passwd = "root:x:0:0::/root:/bin/sh\neve:x:1001:991:Eve:/home/eve:/bin/sh\nbroken:991\nmallory:x:991:100::/:/bin/sh\n";
        let of_eve = Group { primary_of: primary_of(passwd, GATE), ..group(&[]).unwrap().unwrap() };
        assert_eq!(of_eve.primary_of, ["eve"]);

        let found = &wrapper(Some(&packaged()), Ok(Some(of_eve)), Gate::Preferred)[2];

        assert_eq!(found.outcome, Outcome::Failed);
        assert!(found.evidence.contains("is the own group of eve"), "{}", found.evidence);
        assert!(found.next_step.contains("usermod -g"), "{}", found.next_step);
    }

    #[test]
    fn a_mount_that_cannot_be_seen_is_not_judged() {
        let program = Program { is_on_nosuid: None, ..packaged() };
        let all = outcomes(Some(&program), group(&[]), Gate::Required);
        assert!(all.iter().all(|(id, outcome)| *id != Id::WrapperMount && *outcome == Outcome::Ok));
    }

    #[test]
    fn without_a_wrapper_nothing_is_said_of_its_mount() {
        let all = outcomes(None, Err(Needs::new("an answer of the directory")), Gate::Preferred);
        assert_eq!(all[0], (Id::Wrapper, Outcome::Failed));
        assert!(matches!(all[1], (Id::GateGroup, Outcome::NotChecked { .. })));
    }
}
