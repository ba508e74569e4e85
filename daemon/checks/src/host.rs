//! What this machine does with memory: swap, core files, and whether programs of one user may look into each other.
//! Texts of /proc in, findings out.

use crate::{Fact, Finding, Id, Needs};

/// The subject of these findings.
pub const SUBJECT: &str = "this host";

/// A line of /proc/swaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapLine {
    /// The device or file.
    pub path: String,
    /// Whether it is a file on a file system.
    pub is_file: bool,
}

/// A place memory is swapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The device or file.
    pub path: String,
    /// What is behind it.
    pub backing: Backing,
}

/// What a swap is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Memory again (zram).
    Memory,
    /// A disk, encrypted.
    Encrypted,
    /// A disk, as it is.
    Plain,
}

/// What becomes of the daemon's own memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It stays in memory.
    Locked,
    /// It may be swapped out, and why.
    NotLocked(String),
    /// The daemon was not asked.
    Unknown,
}

/// What becomes of a process that crashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    /// /proc/sys/kernel/core_pattern.
    pub pattern: String,
    /// Whether programs started from here may write a core file.
    pub limit_is_zero: bool,
    /// The text of systemd-coredump's configuration.
    pub coredump_conf: String,
}

/// Reads /proc/swaps.
pub fn swap_lines(proc_swaps: &str) -> Vec<SwapLine> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (path, kind) = (words.next()?, words.next()?);
        // The kernel writes blanks as octal numbers.
        let path = path.replace("\\040", " ").replace("\\011", "\t");
        Some(SwapLine { path, is_file: kind == "file" })
    };
    proc_swaps.lines().skip(1).filter_map(line).collect()
}

/// Returns what a device is, by its name and the ids of the device mapper below it (`CRYPT-LUKS2-…`).
pub fn backing(device: &str, mapper_ids: &[String]) -> Backing {
    if device.trim_start_matches("/dev/").starts_with("zram") {
        Backing::Memory
    } else if mapper_ids.iter().any(|id| id.starts_with("CRYPT-")) {
        Backing::Encrypted
    } else {
        Backing::Plain
    }
}

/// Judges where memory may be written to.
pub fn swap(swaps: Fact<Vec<Swap>>, memory: &Memory) -> Finding {
    let open = |swaps: &[Swap]| {
        let open = swaps.iter().filter(|swap| swap.backing == Backing::Plain);
        open.map(|swap| swap.path.clone()).collect::<Vec<_>>().join(", ")
    };
    match (swaps, memory) {
        (Err(needs), Memory::Locked | Memory::Unknown) => {
            Finding::unseen(Id::Swap, SUBJECT, &needs)
        }
        (Err(_), Memory::NotLocked(why)) => Finding::warning(
            Id::Swap,
            SUBJECT,
            format!(
                "the daemon's memory is not locked ({why}), and what it is swapped to is not seen here"
            ),
            LOCK_IT,
        ),
        (Ok(swaps), _) if swaps.is_empty() => Finding::ok(Id::Swap, SUBJECT, "no swap"),
        (Ok(swaps), _) if open(&swaps).is_empty() => {
            Finding::ok(Id::Swap, SUBJECT, "swap is encrypted, or in memory itself")
        }
        (Ok(swaps), Memory::NotLocked(why)) => Finding::failed(
            Id::Swap,
            SUBJECT,
            format!(
                "{} is not encrypted as far as is seen, and the daemon's memory is not locked ({why}): keys can reach the disk in the clear",
                open(&swaps)
            ),
            format!("{LOCK_IT}, or {ENCRYPT_IT}"),
        ),
        (Ok(swaps), Memory::Locked | Memory::Unknown) => Finding::warning(
            Id::Swap,
            SUBJECT,
            format!(
                "{} is not encrypted as far as is seen: the token of a running command (its private home is in memory) can reach the disk in the clear",
                open(&swaps)
            ),
            ENCRYPT_IT,
        ),
    }
}

/// Judges what a crash leaves behind. Daemon and wrapper leave nothing in any case; the command that has a token may.
pub fn cores(cores: Fact<Cores>) -> Finding {
    Finding::of(Id::CoreFiles, SUBJECT, cores, |cores| {
        match cores.pattern.trim().strip_prefix('|') {
            Some(collector) => collected(collector, &cores),
            None if cores.limit_is_zero => {
                Finding::ok(Id::CoreFiles, SUBJECT, "no core files from here (ulimit -c 0)")
            }
            None => Finding::warning(
                Id::CoreFiles,
                SUBJECT,
                format!(
                    "a command that crashes leaves its memory, and a token in it, as a file \"{}\"",
                    cores.pattern.trim()
                ),
                "ulimit -c 0 in the shell's profile, or * hard core 0 in /etc/security/limits.conf",
            ),
        }
    })
}

fn collected(collector: &str, cores: &Cores) -> Finding {
    let program = collector.split_whitespace().next().unwrap_or_default();
    let ok = |seen: &str| Finding::ok(Id::CoreFiles, SUBJECT, seen);
    let kept = |said: &str| {
        format!("{program} is given the memory of a command that crashes, with a token in it{said}")
    };
    if !program.ends_with("systemd-coredump") {
        return Finding::warning(
            Id::CoreFiles,
            SUBJECT,
            kept(", whatever ulimit -c says"),
            "see what it keeps and who may read that, or: sysctl kernel.core_pattern=core",
        );
    }
    if storage(&cores.coredump_conf) == Some("none") {
        return ok("systemd-coredump keeps no memory (Storage=none)");
    }
    // systemd-coredump(8): only processed where the resource limits suffice.
    if cores.limit_is_zero {
        return ok("systemd-coredump keeps no memory of what is started from here (ulimit -c 0)");
    }
    let next = "Storage=none in /etc/systemd/coredump.conf, or ulimit -c 0 in the shell's profile";
    Finding::warning(Id::CoreFiles, SUBJECT, kept(" (coredumpctl shows it)"), next)
}

/// Returns the last Storage= (coredump.conf(5)).
fn storage(conf: &str) -> Option<&str> {
    let values = conf.lines().filter_map(|line| line.trim().strip_prefix("Storage"));
    values.filter_map(|rest| rest.trim_start().strip_prefix('=')).map(str::trim).next_back()
}

/// Judges Yama's ptrace_scope; `None` where the kernel has no Yama.
pub fn ptrace_scope(scope: Fact<Option<String>>) -> Finding {
    let open =
        "any program of a user can read the memory of that user's commands, and a token there";
    Finding::of(Id::PtraceScope, SUBJECT, scope, |scope| match scope.as_deref().map(str::trim) {
        None => Finding::warning(
            Id::PtraceScope,
            SUBJECT,
            format!("this kernel has no Yama: {open}"),
            "a kernel with Yama, and kernel.yama.ptrace_scope = 1; the token is readable as a file all the same",
        ),
        Some("0") => Finding::warning(
            Id::PtraceScope,
            SUBJECT,
            format!("kernel.yama.ptrace_scope is 0: {open}"),
            "kernel.yama.ptrace_scope = 1 in /etc/sysctl.d; the token is readable as a file all the same",
        ),
        Some(scope) => {
            Finding::ok(Id::PtraceScope, SUBJECT, format!("kernel.yama.ptrace_scope is {scope}"))
        }
    })
}

/// What is needed for facts of /proc that a sandbox hides.
pub fn unhidden() -> Needs {
    Needs::new("a view of /proc that is not narrowed (patctl doctor has it)")
}

const LOCK_IT: &str = "LimitMEMLOCK=infinity for the daemon";
const ENCRYPT_IT: &str = "encrypt the swap (crypttab(5)), or swapoff -a";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn on(backing: Backing) -> Fact<Vec<Swap>> {
        Ok(vec![Swap { path: "/dev/sda2".into(), backing }])
    }

    #[test]
    fn the_kernels_list_of_swaps_is_read_as_it_is_written() {
        let text = "Filename\t\t\tType\t\tSize\tUsed\tPriority\n/dev/dm-1    partition\t8\t0\t-2\n/my\\040swap  file\t8\t0\t-3\n";
        let line = |path: &str, is_file| SwapLine { path: path.into(), is_file };
        assert_eq!(swap_lines(text), [line("/dev/dm-1", false), line("/my swap", true)]);
        assert_eq!(swap_lines("Filename Type Size Used Priority\n"), []);
    }

    #[test]
    fn a_device_is_encrypted_if_any_mapping_below_it_is() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(backing("/dev/dm-1", &ids(&["LVM-x", "CRYPT-LUKS2-y"])), Backing::Encrypted);
        assert_eq!(backing("/dev/dm-1", &ids(&["LVM-x"])), Backing::Plain);
        assert_eq!(backing("/dev/sda2", &[]), Backing::Plain);
        assert_eq!(backing("/dev/zram0", &[]), Backing::Memory);
    }

    #[test]
    fn swap_in_the_clear_is_worse_where_the_daemons_keys_can_get_there() {
        let open = || Memory::NotLocked("the limit is 8 bytes".into());
        for (swaps, memory, outcome) in [
            (Ok(vec![]), open(), Outcome::Ok),
            (on(Backing::Encrypted), open(), Outcome::Ok),
            (on(Backing::Memory), open(), Outcome::Ok),
            (on(Backing::Plain), Memory::Locked, Outcome::Warning),
            (on(Backing::Plain), Memory::Unknown, Outcome::Warning),
            (on(Backing::Plain), open(), Outcome::Failed),
            (Err(unhidden()), open(), Outcome::Warning),
        ] {
            let found = swap(swaps.clone(), &memory);
            assert_eq!(found.outcome, outcome, "{swaps:?} {memory:?}");
        }
        let hidden = swap(Err(unhidden()), &Memory::Locked);
        assert!(matches!(hidden.outcome, Outcome::NotChecked { .. }));
        assert!(swap(on(Backing::Plain), &Memory::Locked).evidence.contains("/dev/sda2"));
    }

    #[test]
    fn a_crash_is_harmless_only_where_nothing_keeps_the_memory() {
        let of = |pattern: &str, limit_is_zero, conf: &str| {
            let (pattern, coredump_conf) = (pattern.to_owned(), conf.to_owned());
            cores(Ok(Cores { pattern, limit_is_zero, coredump_conf })).outcome
        };
        assert_eq!(of("core\n", true, ""), Outcome::Ok);
        assert_eq!(of("core\n", false, ""), Outcome::Warning);
        let systemd = "|/usr/lib/systemd/systemd-coredump %P %u";
        assert_eq!(of(systemd, false, "[Coredump]\n#Storage=none\n"), Outcome::Warning);
        assert_eq!(of(systemd, true, "[Coredump]\n#Storage=none\n"), Outcome::Ok);
        assert_eq!(of(systemd, false, "Storage=external\nStorage = none\n"), Outcome::Ok);
        assert_eq!(of(systemd, false, "Storage=none\nStorage=external\n"), Outcome::Warning);
        assert_eq!(of("|/usr/share/apport/apport -p%p", true, "Storage=none"), Outcome::Warning);
    }

    #[test]
    fn looking_into_ones_own_programs_is_said() {
        let of = |scope: Option<&str>| ptrace_scope(Ok(scope.map(str::to_owned))).outcome;
        assert_eq!(of(Some("1\n")), Outcome::Ok);
        assert_eq!(of(Some("3\n")), Outcome::Ok);
        assert_eq!(of(Some("0\n")), Outcome::Warning);
        assert_eq!(of(None), Outcome::Warning);
    }
}
