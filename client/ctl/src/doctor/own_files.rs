//! The caller's own files and environment: which may hold a credential of Snowflake's, and what is in them. Texts are
//! wiped when they were looked at.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use pat_wire::secret::Zeroizing;
use patd_checks::plaintext::{Kind, Looked, WHOLE, environment, files, scan};
use patd_checks::siblings::{self, Form, Ours, judged};
use patd_checks::{Fact, Finding, Id, Needs};
use patd_config::Config;

/// Returns what is to be said of the caller's files and environment.
pub(super) fn findings(config: &Fact<Config>) -> Vec<Finding> {
    let texts: Vec<Text> = candidates().into_iter().filter_map(read).collect();
    let looked: Vec<Looked> = texts.iter().map(Text::looked).collect();
    let mut findings = files(&looked);
    findings.extend(siblings_of(&texts, config));
    findings.push(environment(&variables()));
    findings
}

/// A file that may hold a credential, or a folder that may have such files.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    path: PathBuf,
    kind: Kind,
    /// How connections are in it, if clients read it.
    form: Option<Form>,
    /// Of a folder: what would list it.
    unlisted: Option<Needs>,
}

/// A candidate, read as far as it may be.
struct Text {
    of: Candidate,
    mode: u32,
    text: Fact<Zeroizing<String>>,
}

impl Text {
    fn looked(&self) -> Looked {
        let hits = self.text.as_ref().map(|text| scan(self.of.kind, text));
        Looked {
            path: self.of.path.display().to_string(),
            is_readable_by_others: self.mode & 0o044 != 0,
            hits: hits.map_err(Clone::clone),
        }
    }
}

fn siblings_of(texts: &[Text], config: &Fact<Config>) -> Vec<Finding> {
    let ours: Vec<Ours> = match config {
        Err(needs) => return vec![Finding::unseen(Id::SiblingCredential, "your files", needs)],
        Ok(config) => {
            let ours = |account: &patd_config::AccountConfig| Ours {
                account: account.name.to_string(),
                host: account.host.clone(),
            };
            config.accounts.values().map(ours).collect()
        }
    };
    let read = texts.iter().filter_map(|text| Some((text, text.of.form?)));
    let each = read.flat_map(|(text, form)| {
        let path = text.of.path.display().to_string();
        let whole = text.text.as_ref().map_err(Clone::clone);
        judged(&path, whole.and_then(|whole| siblings::read(&path, form, whole)), &ours)
    });
    let mut findings: Vec<Finding> = each.collect();
    findings.extend(remembered());
    if findings.is_empty() { vec![siblings::none_found()] } else { findings }
}

/// What clients remember is in one file. No more is read of it than tells whether it is empty.
fn remembered() -> Option<Finding> {
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let folder =
        set("SF_TEMPORARY_CREDENTIAL_CACHE_DIR").or_else(|| Some(cache?.join("snowflake")))?;
    let file = folder.join("credential_cache_v1.json");
    let text = match fs::metadata(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => Err(unread(&file, &error)),
        Ok(_) => opened(&file).and_then(|opened| text(&file, opened, siblings::TELLING)),
    };
    let text = text.as_ref().map(|text| text.as_str()).map_err(Clone::clone);
    siblings::remembered(&file.display().to_string(), text)
}

/// A folder that a variable names.
fn set(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).map(PathBuf::from);
    value.filter(|path| path.is_absolute())
}

/// Snowflake's folders and .env files, of home and here, with their backups.
fn candidates() -> Vec<Candidate> {
    let (home, here) = (set("HOME"), std::env::current_dir().ok());
    let of_config = set("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let snowflake = [
        set("SNOWFLAKE_HOME").filter(|path| !is_private(path)),
        home.as_ref().map(|home| home.join(".snowflake")),
        of_config.map(|config| config.join("snowflake")),
    ];
    let mut found: Vec<Candidate> =
        snowflake.iter().flatten().flat_map(|folder| of_snowflake(folder)).collect();
    found.extend(
        [home, here]
            .iter()
            .flatten()
            .flat_map(|folder| named(folder, ".env", Kind::Variables, None)),
    );
    let mut known = std::collections::BTreeSet::new();
    found.retain(|candidate| known.insert(real(&candidate.path)));
    found
}

/// A folder may be reached by two names.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The home that pat-exec makes for a command has its token by design, and goes with it.
fn is_private(home: &Path) -> bool {
    let above = home.parent().and_then(Path::file_name).map(OsStr::to_string_lossy);
    above.is_some_and(|name| name.starts_with("pat-exec-"))
}

fn of_snowflake(folder: &Path) -> Vec<Candidate> {
    let mut found = named(folder, "connections.toml", Kind::Connections, Some(Form::Connections));
    found.extend(named(folder, "config.toml", Kind::Connections, Some(Form::Config)));
    found
}

/// The file of this name in a folder, and what editors and tools leave of it.
fn named(folder: &Path, name: &str, kind: Kind, form: Option<Form>) -> Vec<Candidate> {
    let mut names = match names(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let unlisted = Some(unread(folder, &error));
            return vec![Candidate { path: folder.to_owned(), kind, form, unlisted }];
        }
    };
    names.retain(|found| found == name || is_backup(name, found));
    names.sort();
    let candidate = |found: String| {
        let form = form.filter(|_| found == name);
        Candidate { path: folder.join(found), kind, form, unlisted: None }
    };
    names.into_iter().map(candidate).collect()
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

/// What is added to a name, or put around it; and a copy that has lost the `.toml`.
fn is_backup(name: &str, found: &str) -> bool {
    let is_copy = |rest: &str| BACKUPS.iter().any(|end| rest.ends_with(end));
    // Numbered copies (.bak.1) and Vim's swap files (.connections.toml.swp, .env.swp).
    let unnumbered = found.trim_end_matches(|c: char| c.is_ascii_digit());
    let unnumbered = unnumbered.strip_suffix('.').unwrap_or(unnumbered);
    let unhidden = unnumbered.strip_prefix('.').unwrap_or(unnumbered);
    let starts = [unnumbered, unhidden].into_iter().find_map(|found| found.strip_prefix(name));
    let stem = name.strip_suffix(".toml").and_then(|stem| found.strip_prefix(stem));
    starts.is_some_and(is_copy)
        || stem.is_some_and(|rest| BACKUPS.contains(&rest))
        || found == format!("#{name}#")
}

/// None where nothing is to be read: it is gone, or no file. What is not seen is not gone.
fn read(of: Candidate) -> Option<Text> {
    if let Some(needs) = of.unlisted.clone() {
        return Some(Text { of, mode: 0, text: Err(needs) });
    }
    let (mode, text) = match fs::metadata(&of.path) {
        Ok(found) if found.is_file() => (found.mode(), whole(&of.path)),
        Ok(_) => return None,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => (0, Err(unread(&of.path, &error))),
    };
    Some(Text { of, mode, text })
}

fn whole(path: &Path) -> Fact<Zeroizing<String>> {
    let file = opened(path)?;
    let bytes = file.metadata().map_err(|error| unread(path, &error))?.len();
    if bytes > LARGEST {
        let why = format!("to read {}, which is too large to be one of these", path.display());
        return Err(Needs::new(why));
    }
    text(path, file, bytes)
}

fn opened(path: &Path) -> Fact<File> {
    // Should a FIFO have taken its place, nobody is waited for.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let opened = File::options().read(true).custom_flags(flags.bits()).open(path);
    opened.map_err(|error| unread(path, &error))
}

/// The text of a file, of so many bytes at the most.
fn text(path: &Path, file: File, most: u64) -> Fact<Zeroizing<String>> {
    // Sized once: a buffer that grows leaves copies of what it held.
    let room = usize::try_from(most).unwrap_or_default().saturating_add(1);
    let mut raw = Zeroizing::new(Vec::with_capacity(room));
    file.take(most).read_to_end(&mut raw).map_err(|error| unread(path, &error))?;
    let text = String::from_utf8_lossy(&raw);
    Ok(Zeroizing::new(text.into_owned()))
}

fn unread(path: &Path, error: &io::Error) -> Needs {
    let shown = path.display();
    match error.kind() == ErrorKind::PermissionDenied {
        true => Needs::new(format!("to read {shown}")),
        false => Needs::new(format!("to read {shown} ({error})")),
    }
}

/// The names of what is set; of the variable that may hold whole connections, if there is a credential in it.
fn variables() -> Vec<String> {
    let is_set = |(name, value): &(OsString, OsString)| match name == WHOLE {
        true => !scan(Kind::Connections, &value.to_string_lossy()).is_empty(),
        false => !value.is_empty(),
    };
    let set = std::env::vars_os().filter(is_set);
    let mut names: Vec<String> = set.filter_map(|(name, _)| name.into_string().ok()).collect();
    names.sort();
    names
}

const BACKUPS: [&str; 8] = [".bak", "~", ".orig", ".save", ".old", ".swp", ".swo", ".swn"];
const LARGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_known_by_what_is_added_to_the_name() {
        for (name, found, expected) in [
            ("connections.toml", "connections.toml.bak", true),
            ("connections.toml", "connections.toml~", true),
            ("connections.toml", "connections.toml.2024.orig", true),
            (".env", ".env.env.bak", true),
            (".env", ".env.save", true),
            (".env", ".env", false),
            (".env", ".env.example", false),
            ("config.toml", "myconfig.toml.bak", false),
            ("connections.toml", "connections.toml.bak.1", true),
            ("connections.toml", "connections.toml.bak2", true),
            ("connections.toml", "connections.toml.~1~", true),
            ("connections.toml", ".connections.toml.swp", true),
            ("connections.toml", "#connections.toml#", true),
            ("connections.toml", "connections.bak", true),
            ("connections.toml", "connections.toml.2024", false),
            ("connections.toml", "connections.d", false),
            ("connections.toml", ".connections.toml", false),
            (".env", ".env.swp", true),
            (".env", ".env.1", false),
        ] {
            assert_eq!(is_backup(name, found), expected, "{found}");
        }
    }

    #[test]
    fn the_home_that_pat_exec_made_is_not_the_users() {
        assert!(is_private(Path::new("/run/user/1000/pat-exec-1000-abc/home")));
        assert!(!is_private(Path::new("/home/m/.snowflake")));
    }
}
