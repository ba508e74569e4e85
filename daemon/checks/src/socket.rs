//! The sockets and their folders: who may connect, and who could put another socket in their place. Also whether
//! a caller may ask the admin socket at all.

use crate::{Fact, Finding, Id};

/// The subject of these findings.
pub const SUBJECT: &str = "sockets";

/// What has a socket's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// Something that is no socket.
    Other,
    /// A socket.
    Socket {
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
    },
}

/// Who may have a part in the sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Uids a socket may belong to, besides root.
    pub owners: Vec<u32>,
    /// The group of administrators, where there is one.
    pub admin_group: Option<u32>,
    /// Whose units listen.
    pub units: Units,
}

/// Whose units listen at the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// The system's.
    System,
    /// One person's.
    User,
}

impl Units {
    fn systemctl(self) -> &'static str {
        match self {
            Self::System => "systemctl",
            Self::User => "systemctl --user",
        }
    }

    /// How a unit is given another setting, in force.
    fn set(self, settings: &str, unit: &str) -> String {
        let systemctl = self.systemctl();
        format!(
            "{systemctl} edit {unit}, with {settings} below [Socket]; {systemctl} daemon-reload; {systemctl} restart {unit}"
        )
    }
}

/// Judges the folder of a socket; `fault` is what is wrong with it, and what to do.
pub fn folder(id: Id, path: &str, fault: Option<(String, String)>) -> Finding {
    match fault {
        None => Finding::ok(id, SUBJECT, format!("{path}: nobody else may write there")),
        Some((what, next_step)) => Finding::failed(id, SUBJECT, what, next_step),
    }
}

/// Judges the socket that everybody may connect to.
pub fn hand_out(path: &str, found: Fact<Found>, expected: &Expected) -> Finding {
    let id = Id::HandOutSocket;
    Finding::of(id, SUBJECT, found, |found| match found {
        Found::Missing => missing(id, path, HAND_OUT, expected.units),
        Found::Other => other(id, path),
        Found::Socket { uid, .. } if !owned(uid, expected) => {
            foreign(id, path, uid, expected.units)
        }
        Found::Socket { mode, uid, .. } if uid != ROOT && mode & 0o066 == 0 => Finding::ok(
            id,
            SUBJECT,
            format!("{path}, mode {mode:04o}: one person's, uid {uid} alone may ask"),
        ),
        Found::Socket { mode, .. } if mode & 0o006 != 0o006 => Finding::warning(
            id,
            SUBJECT,
            format!(
                "{path} has mode {mode:04o}: not everybody may connect, whatever [access] says"
            ),
            format!(
                "{}; the policy decides who gets something",
                expected.units.set("SocketMode=0666", HAND_OUT)
            ),
        ),
        Found::Socket { mode, .. } => Finding::ok(
            id,
            SUBJECT,
            format!("{path}, mode {mode:04o}: everybody may ask, the policy decides"),
        ),
    })
}

/// Judges the socket of administrators.
pub fn admin(path: &str, found: Fact<Found>, expected: &Expected) -> Finding {
    let id = Id::AdminSocket;
    let settings = match expected.units {
        Units::System => "SocketMode=0660 and SocketGroup=patd-admin",
        Units::User => "SocketMode=0600",
    };
    let narrow = expected.units.set(settings, ADMIN);
    Finding::of(id, SUBJECT, found, |found| match found {
        Found::Missing => missing(id, path, ADMIN, expected.units),
        Found::Other => other(id, path),
        Found::Socket { uid, .. } if !owned(uid, expected) => {
            foreign(id, path, uid, expected.units)
        }
        Found::Socket { mode, .. } if mode & 0o002 != 0 => Finding::failed(
            id,
            SUBJECT,
            format!(
                "{path} has mode {mode:04o}: any user of this host may connect as an administrator"
            ),
            narrow,
        ),
        Found::Socket { mode, gid, .. } if mode & 0o020 != 0 && !admins(gid, expected) => {
            Finding::failed(
                id,
                SUBJECT,
                format!("{path} is open to gid {gid}, which is not the group of administrators"),
                narrow,
            )
        }
        Found::Socket { mode, .. } => Finding::ok(id, SUBJECT, format!("{path}, mode {mode:04o}")),
    })
}

/// Returns whether a caller is one of those the admin socket is for. Nobody else asks there, even where a wrong mode
/// would let them: a connection starts the daemon, and is recorded.
pub fn may_ask(found: Found, uid: u32, gids: &[u32]) -> bool {
    let Found::Socket { mode, uid: owner, gid } = found else { return uid == ROOT };
    let by_owner = uid == owner && mode & 0o200 != 0;
    let by_group = gids.contains(&gid) && mode & 0o020 != 0;
    uid == ROOT || by_owner || by_group
}

fn owned(uid: u32, expected: &Expected) -> bool {
    uid == ROOT || expected.owners.contains(&uid)
}

/// Root's own group has nobody in it who is not root's.
fn admins(gid: u32, expected: &Expected) -> bool {
    gid == ROOT || expected.admin_group == Some(gid)
}

fn missing(id: Id, path: &str, unit: &str, units: Units) -> Finding {
    let systemctl = units.systemctl();
    let next = format!("{systemctl} enable --now {unit}; {systemctl} status {unit} says why not");
    Finding::failed(id, SUBJECT, format!("{path} does not exist: nobody listens there"), next)
}

fn other(id: Id, path: &str) -> Finding {
    Finding::failed(
        id,
        SUBJECT,
        format!("{path} is no socket"),
        format!("look at what it is, then remove it: ls -l {path}"),
    )
}

fn foreign(id: Id, path: &str, uid: u32, units: Units) -> Finding {
    Finding::failed(
        id,
        SUBJECT,
        format!("{path} belongs to uid {uid}, who is not trusted here"),
        format!("find out who made it; then: {} restart {HAND_OUT} {ADMIN}", units.systemctl()),
    )
}

const ROOT: u32 = 0;
const HAND_OUT: &str = "patd.socket";
const ADMIN: &str = "patd-admin.socket";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn socket(mode: u32, uid: u32, gid: u32) -> Found {
        Found::Socket { mode, uid, gid }
    }

    fn expected() -> Expected {
        Expected { owners: vec![997], admin_group: Some(990), units: Units::System }
    }

    #[test]
    fn each_way_out_is_a_command_for_the_units_that_listen() {
        for (units, systemctl) in [(Units::System, "systemctl"), (Units::User, "systemctl --user")]
        {
            let expected = Expected { units, ..expected() };
            for found in [Found::Missing, socket(0o664, 0, 0), socket(0o666, 1001, 0)] {
                for finding in [
                    hand_out("/s", Ok(found), &expected),
                    admin("/s", Ok(found), &Expected { admin_group: None, ..expected.clone() }),
                ] {
                    let next = &finding.next_step;
                    if finding.outcome == Outcome::Ok {
                        continue;
                    }
                    assert!(next.contains(systemctl), "{next}");
                    assert_eq!(next.contains("--user"), units == Units::User, "{next}");
                }
            }
            let open = admin("/s", Ok(socket(0o666, 0, 990)), &expected).next_step;
            let reloaded =
                format!("; {systemctl} daemon-reload; {systemctl} restart patd-admin.socket");
            assert!(
                open.starts_with(&format!("{systemctl} edit patd-admin.socket, with ")),
                "{open}"
            );
            assert!(open.ends_with(&reloaded), "{open}");
            let shut = hand_out("/s", Ok(socket(0o660, 0, 0)), &expected).next_step;
            let reloaded = format!("; {systemctl} daemon-reload; {systemctl} restart patd.socket;");
            assert!(shut.contains(&reloaded), "{shut}");
        }
        let open =
            |units| admin("/s", Ok(socket(0o666, 0, 990)), &Expected { units, ..expected() });
        assert!(open(Units::System).next_step.contains("SocketGroup=patd-admin"));
        assert!(open(Units::User).next_step.contains("SocketMode=0600"));
    }

    #[test]
    fn the_admin_socket_is_for_root_and_the_administrators() {
        for (found, outcome) in [
            (socket(0o660, 0, 990), Outcome::Ok),
            (socket(0o600, 997, 997), Outcome::Ok),
            (socket(0o660, 0, 0), Outcome::Ok),
            (socket(0o660, 0, 100), Outcome::Failed),
            (socket(0o666, 0, 990), Outcome::Failed),
            (socket(0o660, 1001, 990), Outcome::Failed),
            (Found::Missing, Outcome::Failed),
            (Found::Other, Outcome::Failed),
        ] {
            assert_eq!(admin("/s", Ok(found), &expected()).outcome, outcome, "{found:?}");
        }
    }

    #[test]
    fn the_socket_of_hand_out_is_for_everybody_and_of_nobody_elses_making() {
        for (found, outcome) in [
            (socket(0o666, 0, 0), Outcome::Ok),
            (socket(0o777, 997, 0), Outcome::Ok),
            (socket(0o600, 997, 997), Outcome::Ok),
            (socket(0o600, 0, 0), Outcome::Warning),
            (socket(0o660, 997, 997), Outcome::Warning),
            (socket(0o660, 0, 0), Outcome::Warning),
            (socket(0o664, 0, 0), Outcome::Warning),
            (socket(0o666, 1001, 0), Outcome::Failed),
            (Found::Missing, Outcome::Failed),
            (Found::Other, Outcome::Failed),
        ] {
            assert_eq!(hand_out("/s", Ok(found), &expected()).outcome, outcome, "{found:?}");
        }
    }

    #[test]
    fn a_folder_is_good_until_something_is_wrong_with_it() {
        let judged = |fault| folder(Id::AdminFolder, "/run/patd-admin", fault);
        assert_eq!(judged(None).outcome, Outcome::Ok);
        let fault = ("/run/patd-admin: is writable".to_owned(), "chmod".to_owned());
        let failed = judged(Some(fault));
        assert_eq!((failed.id, failed.outcome), (Id::AdminFolder, Outcome::Failed));
    }

    #[test]
    fn an_ordinary_user_does_not_ask_even_where_a_wrong_mode_lets_them() {
        let packaged = socket(0o660, 0, 990);
        assert!(may_ask(packaged, 0, &[]));
        assert!(may_ask(packaged, 1001, &[1001, 990]));
        assert!(!may_ask(packaged, 1001, &[1001]));
        assert!(!may_ask(socket(0o666, 0, 990), 1001, &[1001]));
        assert!(!may_ask(socket(0o640, 0, 990), 1001, &[990]));
        assert!(may_ask(socket(0o600, 1001, 1001), 1001, &[1001]));
        assert!(!may_ask(Found::Missing, 1001, &[990]));
    }
}
