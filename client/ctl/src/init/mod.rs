//! `patctl init`: configuration, keys and state folder of this host. Each step keeps what is there already, so
//! it can be run again after whatever stopped it.

mod keys;
mod state;
mod wanted;

pub(crate) use keys::sealed_file;

use std::path::Path;

use pat_wire::connection::ADMIN_SOCKET;
use patd_config::{Config, MAIN_FILE, USERS_DIR};
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::cli::{Cli, InitArgs, PACKAGED_STATE};
use crate::files;
use crate::public_key::PublicKey;

use state::State;
use wanted::Wanted;

/// What was done, and what was there already.
#[derive(Debug, Default)]
struct Done {
    made: Vec<String>,
    kept: Vec<String>,
}

pub(crate) fn run(cli: &Cli, args: &InitArgs) -> Result<Answer, Failure> {
    if let Some(out) = &args.public_key_out {
        let is_key = |start: &str| start.starts_with("-----BEGIN PUBLIC KEY-----");
        files::refuse_another(out, "public key", is_key)?;
    }
    let mut done = Done::default();
    let config = configuration(&cli.config, args, &mut done)?;
    let state = State::prepare(&args.state, &mut done)?;
    let daemon = state.owner();
    keys::root_key(&cli.config, &config, &state, daemon, &mut done)?;
    let publics = keys::admin_keys(&cli.config, &config, daemon, &mut done)?;
    if let (Some(out), Some(key)) = (&args.public_key_out, publics.first()) {
        files::replace(out, &key.pem())?;
        done.made.push(format!("{}: the admin's public key", out.display()));
    }
    Ok(answer(cli, args, &publics, &done))
}

/// Writes `patd.toml`, or reads the one that is there.
fn configuration(dir: &Path, args: &InitArgs, done: &mut Done) -> Result<Config, Failure> {
    let path = dir.join(MAIN_FILE);
    if std::fs::symlink_metadata(&path).is_ok() {
        let config = patd_config::load(dir)?;
        wanted::agrees(&config, args)?;
        done.kept.push(path.display().to_string());
        return Ok(config);
    }
    let wanted = Wanted::of(args)?;
    let text = wanted.checked_text(dir)?;
    files::directory(dir, 0o755)?;
    files::directory(&dir.join(USERS_DIR), 0o755)?;
    files::create(&path, &text)?;
    done.made.push(path.display().to_string());
    Ok(patd_config::load(dir)?)
}

fn answer(cli: &Cli, args: &InitArgs, publics: &[PublicKey], done: &Done) -> Answer {
    let lines = |what: &str, items: &[String]| -> String {
        items.iter().map(|item| format!("{what}  {item}\n")).collect()
    };
    let prints: Vec<String> = publics.iter().map(PublicKey::fingerprint).collect();
    let next = next_steps(cli, args, publics.len() > 1);
    let text = format!(
        "{}{}admin key  {}\n\nnext:\n{}",
        lines("made", &done.made),
        lines("kept", &done.kept),
        prints.join(", "),
        next.iter()
            .enumerate()
            .map(|(index, step)| format!("  {}. {step}\n", index + 1))
            .collect::<String>(),
    );
    let json = json!({
        "made": done.made, "kept": done.kept, "fingerprints": prints, "next_steps": next,
    });
    Answer::ok(text, json)
}

fn next_steps(cli: &Cli, args: &InitArgs, are_several: bool) -> Vec<String> {
    let patctl = match cli.config == Path::new("/etc/patd") {
        true => "patctl".to_owned(),
        false => format!("patctl --config {}", cli.config.display()),
    };
    let is_packaged = args.state == Path::new(PACKAGED_STATE);
    let start = match is_packaged {
        true => "systemctl enable --now patd.socket patd-admin.socket patd.service".to_owned(),
        false => format!(
            "patd --config {} --state {} --run DIRECTORY_OF_THE_SOCKET",
            cli.config.display(),
            args.state.display()
        ),
    };
    let status = match cli.socket == Path::new(ADMIN_SOCKET) {
        true if is_packaged => "patctl status".to_owned(),
        true => "patctl --socket DIRECTORY_OF_THE_SOCKET-admin/admin.sock status".to_owned(),
        false => format!("patctl --socket {} status", cli.socket.display()),
    };
    let account = if are_several { " --account ACCOUNT" } else { "" };
    vec![
        format!("{patctl} add NAME{account} --user USER --role ROLE --for LOCALUSER"),
        format!(
            "{patctl} bootstrap{account} --network-cidr ADDRESS > bootstrap.sql    (a security admin runs it at Snowflake)"
        ),
        start,
        status,
    ]
}
