//! `patctl cortex-settings`: the managed settings of Cortex for this host, which root puts into place, and what an
//! existing file does to the private home.
//!
//! It never sets `files.connectionsFile`: Cortex might then read that file instead of the private home.

mod check;
mod installed;
mod schema;

pub(crate) use check::Finding;

use std::path::Path;

use nix::unistd::geteuid;
use pat_wire::trust::{self, Untrusted};
use patd_config::Config;
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{CORTEX_SETTINGS, Cli, CortexSettingsArgs};
use crate::text::plain;
use check::findings;
use schema::{DefaultMode, ManagedSettings, Pattern, Permissions, Required, Semver, Ui, Version};

pub(crate) fn run(cli: &Cli, args: &CortexSettingsArgs) -> Result<Answer, Failure> {
    let config = patd_config::load(&cli.config)?;
    match &args.check {
        Some(file) => checked(file, &config),
        None => made(&config, args),
    }
}

fn made(config: &Config, args: &CortexSettingsArgs) -> Result<Answer, Failure> {
    let settings = settings(config, args.minimum_version.as_deref())
        .map_err(|why| Failure::new(Exit::Usage, why, "see: patctl cortex-settings --help"))?;
    let json = json!(settings);
    let text = format!("{json:#}\n");
    let Some(out) = &args.out else { return Ok(Answer::ok(text, json)) };
    let file = installed::install(out, &text)?;
    let shown = file.display();
    let text =
        format!("{shown} is written; see what it says: patctl cortex-settings --check {shown}\n");
    Ok(Answer::ok(text, json!({ "written": file, "settings": json })))
}

fn settings(config: &Config, minimum_version: Option<&str>) -> Result<ManagedSettings, String> {
    let accounts = accounts(config).into_iter().map(Pattern::account);
    let minimum = minimum_version.map(|text| Semver::try_from(text.to_owned())).transpose()?;
    Ok(ManagedSettings {
        version: Version::One,
        permissions: Some(Permissions {
            only_allow: Some(accounts.collect::<Result<_, _>>()?),
            deny: None,
            default_mode: Some(DefaultMode::Allow),
            dangerously_allow_all: Some(false),
        }),
        settings: None,
        required: minimum.map(|minimum| Required { minimum_version: Some(minimum) }),
        defaults: None,
        files: None,
        ui: Some(Ui {
            show_managed_banner: Some(true),
            banner_text: Some("One role only: connections come from PAT Broker".to_owned()),
            hide_dangerous_options: Some(true),
        }),
    })
}

fn accounts(config: &Config) -> Vec<&str> {
    config.accounts.keys().map(|account| account.as_str()).collect()
}

fn checked(file: &Path, config: &Config) -> Result<Answer, Failure> {
    let shown = file.display();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let what = format!("{shown} does not exist: Cortex runs unmanaged");
            let next_step = format!("as root: patctl cortex-settings --out {shown}");
            return Err(Failure::new(Exit::Failed, what, next_step));
        }
        Err(error) => return Err(Failure::io("read", file, &error)),
    };
    // A draft belongs to whoever writes it.
    let own = [geteuid().as_raw()];
    let owners = if file == Path::new(CORTEX_SETTINGS) { &[][..] } else { &own[..] };
    Ok(answer(file, &found_in(file, owners, &text, &accounts(config))))
}

/// Returns what in the text of a file breaks the private home, lets the agent off its leash or shuts accounts out, and
/// whether anybody but root and these owners can undo it.
pub(crate) fn found_in(file: &Path, owners: &[u32], text: &str, accounts: &[&str]) -> Vec<Finding> {
    let found = match serde_json::from_str::<ManagedSettings>(text) {
        Ok(settings) => findings(&settings, accounts),
        Err(error) => vec![restricted_mode(&error)],
    };
    found.into_iter().chain(writable(file, owners)).collect()
}

/// A file Cortex cannot read puts it into its restricted mode.
fn restricted_mode(error: &serde_json::Error) -> Finding {
    let text =
        format!("not of the documented schema, so Cortex runs in its restricted mode: {error}");
    Finding { id: "schema", text }
}

/// Whose the file is, who may write it, and who could put another in its place.
fn writable(file: &Path, owners: &[u32]) -> Option<Finding> {
    let real = file.canonicalize().ok()?;
    let checked = trust::check_parents(file, owners).and_then(|()| trust::open_file(&real, owners));
    let Untrusted { path, fault, next_step } = checked.err()?;
    let text =
        format!("others than root can undo it: {} {fault}; as root: {next_step}", path.display());
    Some(Finding { id: "writable", text })
}

fn answer(file: &Path, found: &[Finding]) -> Answer {
    let shown = file.display();
    let lines = found.iter().map(|finding| format!("{}: {}\n", finding.id, plain(&finding.text)));
    let text = match found.is_empty() {
        true => {
            format!("{shown}: good, the private home counts and the dangerous options are off\n")
        }
        false => format!("{shown}:\n{}", lines.collect::<String>()),
    };
    let as_json = |finding: &Finding| json!({ "id": finding.id, "text": finding.text });
    let json: Vec<Value> = found.iter().map(as_json).collect();
    let exit = if found.is_empty() { Exit::Ok } else { Exit::Failed };
    Answer { text, json: json!({ "file": file, "findings": json }), exit }
}
