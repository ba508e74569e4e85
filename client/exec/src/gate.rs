//! The wrapper's privilege: the group `patclient`, which the kernel shows the broker at connect(). It is
//! held for that alone. Says why there is none, when there is none.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use nix::sys::prctl;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Gid, getresgid, getresuid, setfsgid, setresgid};

use crate::failure::Failure;

/// The group ids this process was started with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    real: Gid,
    saved: Gid,
}

impl Gate {
    /// Takes stock at the start and shuts out tracers and core files.
    ///
    /// # Errors
    /// The process cannot be made non-dumpable, or was installed setuid.
    pub(crate) fn at_start() -> Result<Self, Failure> {
        prctl::set_dumpable(false).map_err(|e| Failure::system("cannot become non-dumpable", e))?;
        let uids = getresuid().map_err(|e| Failure::system("cannot read the user ids", e))?;
        if uids.real != uids.effective || uids.real != uids.saved {
            return Err(Failure::own("pat-exec is installed setuid; next: chmod u-s it"));
        }
        let gids = getresgid().map_err(|e| Failure::system("cannot read the group ids", e))?;
        Ok(Self { real: gids.real, saved: gids.saved })
    }

    /// Returns whether there is a group to give up.
    pub(crate) fn is_held(self) -> bool {
        self.saved != self.real
    }

    /// Acts as the caller from here on; [`Gate::raise`] is still possible.
    ///
    /// # Errors
    /// The group could not be lowered: nothing may be touched.
    pub(crate) fn lower(self) -> Result<(), Failure> {
        self.become_group(self.real, self.saved)
    }

    /// Shows the gate again, for one connect().
    ///
    /// # Errors
    /// The group could not be raised.
    pub(crate) fn raise(self) -> Result<(), Failure> {
        self.become_group(self.saved, self.saved)
    }

    /// Gives the group up for good.
    ///
    /// # Errors
    /// The group could not be given up: nothing may be executed.
    pub(crate) fn give_up(&mut self) -> Result<(), Failure> {
        self.become_group(self.real, self.real)?;
        self.saved = self.real;
        Ok(())
    }

    fn become_group(self, effective: Gid, saved: Gid) -> Result<(), Failure> {
        let failed = |why: &str| Failure::own(format!("cannot change the group id: {why}"));
        setresgid(self.real, effective, saved).map_err(|errno| failed(errno.desc()))?;
        let now = getresgid().map_err(|errno| failed(errno.desc()))?;
        // No id: nothing is set, and the one for files is returned.
        let of_files = setfsgid(Gid::from_raw(u32::MAX));
        if (now.real, now.effective, now.saved, of_files)
            != (self.real, effective, saved, effective)
        {
            return Err(failed("it did not change"));
        }
        // The kernel sets it to fs.suid_dumpable at every change (2 where systemd-coredump is installed):
        // a core file would be written.
        prctl::set_dumpable(false).map_err(|e| Failure::system("cannot become non-dumpable", e))
    }
}

/// Returns why the kernel gave this process no group, for a person whom the broker has refused.
pub(crate) fn why_not_held() -> String {
    let Ok(program) = std::fs::metadata(OWN_PROGRAM) else {
        return "this pat-exec ran ungated: /proc is not mounted".to_owned();
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    format!("this pat-exec ran ungated: {}", reason(&program, &status, is_on_nosuid()))
}

/// setgid is ignored under each of these (execve(2)).
fn reason(program: &Metadata, status: &str, nosuid: bool) -> String {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("", |value| value.trim())
    };
    if program.permissions().mode() & SETGID == 0 {
        return "its file is not setgid patclient (the packaged one is)".to_owned();
    }
    if field("NoNewPrivs:") == "1" {
        return "no_new_privs is set (a sandbox or container; start it outside of it)".to_owned();
    }
    if nosuid {
        return "its file system is mounted nosuid".to_owned();
    }
    if !matches!(field("TracerPid:"), "0" | "") {
        return "a tracer is attached (strace, gdb)".to_owned();
    }
    format!("group {} of its file has no meaning here (a user namespace?)", program.gid())
}

fn is_on_nosuid() -> bool {
    statvfs(OWN_PROGRAM).is_ok_and(|system| system.flags().contains(FsFlags::ST_NOSUID))
}

/// The running program itself, whatever has become of its path.
pub(crate) const OWN_PROGRAM: &str = "/proc/self/exe";
const SETGID: u32 = 0o2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_group_shuts_out_tracers_and_core_files_again() {
        let mut gate = Gate::at_start().unwrap();
        shut_out_again(|| gate.raise());
        shut_out_again(|| gate.lower());
        shut_out_again(|| gate.give_up());
    }

    fn shut_out_again(change: impl FnOnce() -> Result<(), Failure>) {
        // As the kernel does when the group really changes.
        prctl::set_dumpable(true).unwrap();

        change().unwrap();

        assert!(!prctl::get_dumpable().unwrap());
    }

    #[test]
    fn each_cause_of_a_lost_gate_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pat-exec");
        std::fs::write(&file, "").unwrap();
        let plain = std::fs::metadata(&file).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o2755)).unwrap();
        let setgid = std::fs::metadata(&file).unwrap();
        let free = "TracerPid:\t0\nNoNewPrivs:\t0\n";

        let said = [
            reason(&plain, free, false),
            reason(&setgid, "TracerPid:\t0\nNoNewPrivs:\t1\n", false),
            reason(&setgid, free, true),
            reason(&setgid, "TracerPid:\t77\nNoNewPrivs:\t0\n", false),
            reason(&setgid, free, false),
        ];

        for (text, word) in
            said.iter().zip(["not setgid", "no_new_privs", "nosuid", "tracer", "user namespace"])
        {
            assert!(text.contains(word), "{text} should say {word}");
        }
    }
}
