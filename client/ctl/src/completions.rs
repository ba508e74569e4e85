//! `patctl completions SHELL`: what a shell offers after Tab, as text for its folder of completions. Hidden: packages
//! ask for it while they are built, so that it is never older than the command line.

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::cli::{Cli, CompletionsArgs};

/// Returns the completions of this command line.
pub(crate) fn run(args: &CompletionsArgs) -> Result<Answer, Failure> {
    let text = text(args.shell);
    let json = json!({ "shell": args.shell.to_string(), "text": text });
    Ok(Answer::ok(text, json))
}

fn text(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut shown(), "patctl", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The command line without what is hidden, which clap_complete would offer all the same.
fn shown() -> Command {
    let whole = Cli::command();
    let verbs = whole.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    Command::new("patctl")
        .version(env!("CARGO_PKG_VERSION"))
        .args(whole.get_arguments().cloned())
        .subcommands(verbs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_option_that_is_shown_is_offered_in_every_shell() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = text(shell);
            for verb in shown().get_subcommands() {
                assert!(text.contains(verb.get_name()), "{shell}: {}", verb.get_name());
                for option in verb.get_arguments().filter_map(clap::Arg::get_long) {
                    // fish names an option without its dashes.
                    let named =
                        [format!("--{option}"), format!("-l {option} "), format!("-l {option}\n")];
                    let is_offered = named.iter().any(|name| text.contains(name));
                    assert!(is_offered, "{shell}: {} --{option}", verb.get_name());
                }
            }
            assert!(!text.contains("completions"), "{shell} offers the hidden verb");
        }
    }
}
