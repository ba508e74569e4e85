//! What `init` is to write: from flags, else from questions on a terminal, else from documented defaults.

use std::io::{IsTerminal, Write};
use std::path::Path;

use patd_config::{Config, KeySource, Sources};

use crate::answer::{Exit, Failure};
use crate::cli::InitArgs;

/// The content of `patd.toml`.
#[derive(Debug)]
pub(super) struct Wanted {
    account: String,
    host: Option<String>,
    port: Option<u16>,
    protocol: Option<String>,
    ca_file: Option<String>,
    admin_user: String,
    admin_role: String,
    admin_key: KeySource,
    root_key: KeySource,
}

impl Wanted {
    pub(super) fn of(args: &InitArgs) -> Result<Self, Failure> {
        let account = given_or_asked(
            args.account.as_ref(),
            "--account",
            "Snowflake account (ORGANISATION-ACCOUNT)",
            None,
        )?;
        let user = given_or_asked(
            args.admin_user.as_ref(),
            "--admin-user",
            "Broker user of this host",
            Some(user_of_host()),
        )?;
        let role = given_or_asked(
            args.admin_role.as_ref(),
            "--admin-role",
            "Its role",
            Some(format!("{user}_ROLE")),
        )?;
        Ok(Self {
            account,
            host: args.host.clone(),
            port: args.port,
            protocol: args.protocol.clone(),
            ca_file: args.ca_file.as_deref().map(absolute).transpose()?,
            admin_user: user,
            admin_role: role,
            admin_key: source(args.admin_key.as_ref(), "admin-key")?,
            root_key: source(args.root_key.as_ref(), "root-key")?,
        })
    }

    /// Returns the text of the file, if it is a good configuration.
    pub(super) fn checked_text(&self, dir: &Path) -> Result<String, Failure> {
        let text = self.text();
        Sources::of_main(dir, &text)
            .check()
            .map_err(|errors| Failure::from(errors).after("nothing was written"))?;
        Ok(text)
    }

    fn text(&self) -> String {
        let mut account = vec![line("name", &self.account)];
        account.extend(self.host.iter().map(|host| line("host", host)));
        account.extend(self.port.iter().map(|port| format!("port = {port}")));
        account.extend(self.protocol.iter().map(|protocol| line("protocol", protocol)));
        account.extend(self.ca_file.iter().map(|path| line("ca_file", path)));
        let admin = [
            line("user", &self.admin_user),
            line("role", &self.admin_role),
            line("key", &self.admin_key.to_string()),
        ];
        format!(
            "# Written by patctl init. Entries are in users.d: patctl add\n\n[account]\n{}\n\n[admin]\n{}\n\n[store]\n{}\n",
            account.join("\n"),
            admin.join("\n"),
            line("root_key", &self.root_key.to_string()),
        )
    }
}

/// Checks that flags do not ask for something else than the configuration that is there already has.
pub(super) fn agrees(config: &Config, args: &InitArgs) -> Result<(), Failure> {
    let accounts = || config.accounts.values();
    let differs = |flag: &Option<String>, has: &dyn Fn(&str) -> bool| {
        flag.as_deref().is_some_and(|flag| !has(flag))
    };
    let admin_key = args.admin_key.as_ref();
    let checks = [
        (
            "--account",
            differs(&args.account, &|flag| {
                accounts().any(|one| one.name.as_str().eq_ignore_ascii_case(flag))
            }),
        ),
        (
            "--admin-user",
            differs(&args.admin_user, &|flag| {
                accounts().any(|one| one.admin.user.as_str() == flag)
            }),
        ),
        (
            "--admin-role",
            differs(&args.admin_role, &|flag| {
                accounts().any(|one| one.admin.role.as_str() == flag)
            }),
        ),
        (
            "--admin-key",
            admin_key.is_some_and(|flag| !accounts().any(|one| one.admin.key == *flag)),
        ),
        ("--root-key", args.root_key.as_ref().is_some_and(|flag| *flag != config.root_key)),
        (
            "--host",
            differs(&args.host, &|flag| accounts().any(|one| one.host.eq_ignore_ascii_case(flag))),
        ),
        ("--port", args.port.is_some_and(|flag| !accounts().any(|one| one.port == flag))),
    ];
    match checks.iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::new(
            Exit::Failed,
            format!("there is a configuration already, and {flag} says something else"),
            "change patd.toml with an editor, or leave the flag out",
        )),
    }
}

fn line(key: &str, value: &str) -> String {
    format!("{key} = {}", toml::Value::from(value))
}

fn absolute(path: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(path).map_err(|error| Failure::io("find", path, &error))?;
    Ok(absolute.display().to_string())
}

/// Returns what a flag says, else what a person answers, else the default.
fn given_or_asked(
    given: Option<&String>,
    flag: &str,
    question: &str,
    default: Option<String>,
) -> Result<String, Failure> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    let answer = match std::io::stdin().is_terminal() {
        true => ask(question, default.as_deref())?,
        false => String::new(),
    };
    let answer = if answer.is_empty() { default } else { Some(answer) };
    answer.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{flag} is missing"), format!("add {flag}"))
    })
}

fn ask(question: &str, default: Option<&str>) -> Result<String, Failure> {
    let default = default.map(|default| format!(" [{default}]")).unwrap_or_default();
    let mut answer = String::new();
    let asked = write!(std::io::stderr(), "{question}{default}: ")
        .and_then(|()| std::io::stdin().read_line(&mut answer));
    asked.map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot ask ({error})"), "use flags")
    })?;
    Ok(answer.trim().to_owned())
}

/// Returns where a key is kept: as the flag says, else sealed by systemd where that can be done.
fn source(given: Option<&KeySource>, name: &str) -> Result<KeySource, Failure> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    if nix::unistd::geteuid().is_root() && has_systemd_creds() {
        return Ok(KeySource::SystemdCredential(name.to_owned()));
    }
    let next_step = format!(
        "add --{name} keyring:{name} (this user's Secret Service) or --{name} file:PATH (readable on this disk)"
    );
    Err(Failure::new(Exit::Usage, format!("where the {name} is kept must be said here"), next_step))
}

fn has_systemd_creds() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("systemd-creds").is_file())
}

/// Returns the broker user's default name: one user per host, so that one host's keys are one host's.
fn user_of_host() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let label = host.trim().split('.').next().unwrap_or_default();
    let upper = |letter: char| match letter.is_ascii_alphanumeric() {
        true => letter.to_ascii_uppercase(),
        false => '_',
    };
    let label: String = label.chars().map(upper).collect();
    if label.is_empty() { "PATD_HOST".to_owned() } else { format!("PATD_{label}") }
}
