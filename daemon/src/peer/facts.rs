//! What /proc says about a process: groups, unit, start time. True only between a pin and an alive check,
//! which are the caller's. What cannot be read is absent, which narrows what the peer may have.

use std::fs::File;
use std::io::Read as _;

/// As whom a process acts, at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Acts {
    /// Effective uid.
    pub(super) euid: u32,
    /// The real and the supplementary groups.
    pub(super) groups: Vec<u32>,
}

/// Returns as whom a process acts; none if that is hidden.
pub(super) fn acts(pid: i32) -> Option<Acts> {
    acts_in(&read(pid, "status")?)
}

/// Returns the system manager's unit the process runs in.
pub fn unit(pid: i32) -> Option<String> {
    unit_in(&read(pid, "cgroup")?)
}

/// Returns what the process calls itself: its own choice, so for the eye only.
pub fn program(pid: i32) -> Option<String> {
    read(pid, "comm").map(|name| name.trim_end_matches('\n').to_owned())
}

/// Returns the clock tick at which the process with this id started; none if there is none or it is hidden.
pub fn start_time(pid: i32) -> Option<u64> {
    start_in(&read(pid, "stat")?)
}

/// These files say they are empty: std would feel its way in small reads, on the path of every hand-out.
fn read(pid: i32, file: &str) -> Option<String> {
    let mut file = File::open(format!("/proc/{pid}/{file}")).ok()?;
    let mut text = Vec::with_capacity(PAGE);
    let mut page = [0; PAGE];
    loop {
        match file.read(&mut page).ok()? {
            // A process may have named itself with any bytes.
            0 => return Some(String::from_utf8_lossy(&text).into_owned()),
            length => text.extend_from_slice(page.get(..length)?),
        }
    }
}

/// The kernel takes all of these lines from one set of credentials.
fn acts_in(status: &str) -> Option<Acts> {
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
    let euid = line("Uid:").split_whitespace().nth(1)?.parse().ok()?;
    let real = line("Gid:").split_whitespace().take(1);
    let mut groups: Vec<u32> =
        real.chain(line("Groups:").split_whitespace()).filter_map(|gid| gid.parse().ok()).collect();
    groups.sort_unstable();
    groups.dedup();
    Some(Acts { euid, groups })
}

/// The first component that is not a slice is the system manager's own choice; what a user's manager
/// makes below `user@1000.service` may have any name, and counts for nothing.
fn unit_in(cgroup: &str) -> Option<String> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let unit = path.split('/').find(|part| !part.ends_with(".slice"))?;
    let is_unit = unit.ends_with(".service") || unit.ends_with(".scope");
    is_unit.then(|| unit.to_owned())
}

/// The name in parentheses may hold anything, also `) R 1`: fields are counted after the last parenthesis.
fn start_in(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(STARTTIME)?.parse().ok()
}

const PAGE: usize = 4096;
/// proc_pid_stat(5): field 22, and the first after the parenthesis is field 3.
const STARTTIME: usize = 22 - 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_of_the_system_manager_is_its_first_component_that_is_no_slice() {
        let unit = |path: &str| unit_in(&format!("12:cpu:/x\n0::{path}\n"));
        assert_eq!(unit("/system.slice/etl.service").as_deref(), Some("etl.service"));
        assert_eq!(
            unit("/system.slice/system-etl.slice/etl@1.service").as_deref(),
            Some("etl@1.service")
        );
        assert_eq!(
            unit("/user.slice/user-1000.slice/session-3.scope").as_deref(),
            Some("session-3.scope")
        );
    }

    #[test]
    fn a_users_own_manager_cannot_lend_a_process_the_name_of_a_system_unit() {
        let path = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/etl.service\n";
        assert_eq!(unit_in(path).as_deref(), Some("user@1000.service"));
        assert_eq!(
            unit_in("0::/system.slice/box.service/etl.service\n").as_deref(),
            Some("box.service")
        );
        assert_eq!(unit_in("0::/../../etl.service\n"), None);
        assert_eq!(unit_in("0::/\n"), None);
    }

    #[test]
    fn a_process_cannot_name_itself_into_another_start_time() {
        let stat = "42 (a) R 1 (b) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";
        assert_eq!(start_in(stat), Some(987_654));
    }

    #[test]
    fn the_effective_uid_the_real_gid_and_the_supplementary_groups_are_found() {
        let status = "Uid:\t1000\t0\t0\t0\nGid:\t100\t3333\t3333\t3333\nGroups:\t27 100 2000 \n";
        assert_eq!(acts_in(status), Some(Acts { euid: 0, groups: vec![27, 100, 2000] }));
        assert_eq!(acts_in(""), None);
    }
}
