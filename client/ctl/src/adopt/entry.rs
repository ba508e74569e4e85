//! The entry of a user that is taken over: a new file, or two lines more in one that is there.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use patd_config::{Config, Sources, USERS_DIR};
use patd_core::names::{Connection, SlotId};
use patd_core::pattern::desired::Management;

use crate::add;
use crate::answer::{Exit, Failure};
use crate::cli::{AddArgs, AdoptArgs, Cli, Whose};
use crate::daemon::{self, Reload};
use crate::files;

/// The entry as it will be.
#[derive(Debug)]
pub(super) struct Entry {
    /// The configuration with it.
    pub(super) config: Config,
    /// Whose tokens.
    pub(super) slot: SlotId,
    path: PathBuf,
    change: Change,
}

/// What has to be written.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    /// Nothing: it says so already.
    None,
    /// A file that is not there.
    New(String),
    /// Another text in the place of the one that is there.
    Other(String),
}

impl Entry {
    /// Returns the entry that the command line asks for; `user` and `role` may come from a manifest instead.
    pub(super) fn wanted(
        cli: &Cli,
        args: &AdoptArgs,
        from_manifest: Option<(&str, &str)>,
    ) -> Result<Self, Failure> {
        let sources = Sources::read(&cli.config);
        match sources.entry_of(&args.name) {
            Some(path) => Self::of_file(sources, path, args),
            None => Self::new(&sources, args, from_manifest),
        }
    }

    fn new(
        sources: &Sources,
        args: &AdoptArgs,
        from_manifest: Option<(&str, &str)>,
    ) -> Result<Self, Failure> {
        let (user, role) = from_manifest.unzip();
        let add = AddArgs {
            connection: args.name.clone(),
            user: said("--user USER", args.service_user.as_deref().or(user))?,
            role: said("--token-role ROLE", args.token_role.as_deref().or(role))?,
            local_users: args.local_users.clone(),
            account: args.session.account.clone(),
            ..AddArgs::default()
        };
        if add.local_users.is_empty() {
            return Err(missing("--for LOCALUSER"));
        }
        let whose = |whose: Option<Whose>| whose.unwrap_or(Whose::Existing);
        let text = format!(
            "{}\n{}",
            add::entry(&add),
            provision(Some(whose(args.user_is)), Some(whose(args.role_is)))
        );
        let path = sources.entry_path(&args.name);
        let config = sources.clone().with_entry(&path, &text).check()?;
        Self::of(config, args, path, Change::New(text))
    }

    fn of_file(sources: Sources, path: PathBuf, args: &AdoptArgs) -> Result<Self, Failure> {
        let before = Self::of(sources.check()?, args, path.clone(), Change::None)?;
        before.agrees(args)?;
        if before.is_as_told(args) {
            return Ok(before);
        }
        let text =
            std::fs::read_to_string(&path).map_err(|error| Failure::io("read", &path, &error))?;
        let has_table = text.parse::<toml::Table>().is_ok_and(|top| top.contains_key("provision"));
        if has_table {
            let what = format!("{} has a [provision] already", path.display());
            return Err(Failure::new(
                Exit::Failed,
                what,
                "change user and role in it with an editor",
            ));
        }
        let text = format!("{}\n\n{}", text.trim_end(), provision(args.user_is, args.role_is));
        let config = sources.without_entry(&path).with_entry(&path, &text).check()?;
        Self::of(config, args, path, Change::Other(text))
    }

    fn of(
        config: Config,
        args: &AdoptArgs,
        path: PathBuf,
        change: Change,
    ) -> Result<Self, Failure> {
        let found = config.connections.get(&Connection::new(args.name.as_str()));
        let slot = found.map(|connection| connection.slot.clone()).ok_or_else(|| {
            let what = format!("no entry names connection {:?}", args.name);
            Failure::new(Exit::Failed, what, "see: patctl validate --json")
        })?;
        Ok(Self { config, slot, path, change })
    }

    /// An entry that is there says who it is about; what else is told of it must be the same.
    fn agrees(&self, args: &AdoptArgs) -> Result<(), Failure> {
        let user = self.config.service_user(&self.slot);
        let role = user.as_ref().map(|user| user.role.as_str());
        let told = [
            (args.service_user.as_deref(), Some(self.slot.user.as_str())),
            (args.token_role.as_deref(), role),
        ];
        let differs = |(told, is): &(Option<&str>, Option<&str>)| told.is_some() && told != is;
        let account = args.session.account.as_deref();
        let elsewhere =
            account.is_some_and(|told| !told.eq_ignore_ascii_case(self.slot.account.as_str()));
        if told.iter().any(differs) || elsewhere || !args.local_users.is_empty() {
            let what = format!("{} says who this connection is about", self.path.display());
            let next_step =
                "leave out --user, --token-role, --for and --account, or change it with an editor";
            return Err(Failure::new(Exit::Failed, what, next_step));
        }
        Ok(())
    }

    fn is_as_told(&self, args: &AdoptArgs) -> bool {
        let same = |told: Option<Whose>, is: Option<Management>| {
            told.is_none_or(|told| Some(Management::from(told)) == is)
        };
        let user = self.config.service_user(&self.slot);
        same(args.user_is, user.as_ref().map(|user| user.user_management))
            && same(args.role_is, user.as_ref().map(|user| user.role_management))
    }

    /// Writes what has to be written and tells the daemon. Returns what was done, as a line.
    pub(super) fn write(&self, cli: &Cli) -> Result<String, Failure> {
        let shown = self.path.display();
        match &self.change {
            Change::None => return Ok(format!("{shown} says so already\n")),
            Change::New(text) => {
                files::directory(&cli.config.join(USERS_DIR), 0o755)?;
                files::create(&self.path, text)?;
            }
            Change::Other(text) => replace(&self.path, text)?,
        }
        let written = format!("{shown} is written");
        let reload: Reload = daemon::reload(cli).map_err(|failure| failure.after(&written))?;
        Ok(format!("{written}; {}\n", reload.said()))
    }
}

/// Who could not read it before cannot read it now.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let mode = std::fs::metadata(path).map_err(|error| Failure::io("look at", path, &error))?;
    match mode.permissions().mode() & READABLE_BY_OTHERS {
        0 => files::replace_private(path, text),
        _ => files::replace(path, text),
    }
}

fn provision(user: Option<Whose>, role: Option<Whose>) -> String {
    let word = |whose: Whose| match whose {
        Whose::Ours => "ours",
        Whose::Existing => "existing",
    };
    let line = |key: &str, whose: Option<Whose>| {
        whose.map(|whose| format!("{key} = \"{}\"\n", word(whose))).unwrap_or_default()
    };
    format!("[provision]\n{}{}", line("user", user), line("role", role))
}

fn said(flag: &str, value: Option<&str>) -> Result<String, Failure> {
    value.map(str::to_owned).ok_or_else(|| missing(flag))
}

fn missing(flag: &str) -> Failure {
    Failure::new(Exit::Usage, "no entry names this connection yet", format!("add {flag}"))
}

const READABLE_BY_OTHERS: u32 = 0o044;
