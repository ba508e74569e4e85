//! Which connection the command itself names. Only for clients whose `-c` is known to mean that; nothing
//! else of the command's arguments is read.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::cli::Command;
use crate::failure::Failure;

/// Returns the connection that a known client's own arguments name, if any.
///
/// # Errors
/// The arguments name two: which of them the client will take is not ours to guess.
pub(crate) fn named_by_command(command: &Command) -> Result<Option<String>, Failure> {
    if !READS_DASH_C.contains(&file_name(&command.program)) {
        return Ok(None);
    }
    let mut names = names(&command.args);
    names.dedup();
    match names.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        several => Err(Failure::own(format!(
            "the command names several connections ({}); say which: pat-exec -c NAME ...",
            several.join(", ")
        ))),
    }
}

/// Returns the last component of a program's path, or nothing that could be compared.
pub(crate) fn file_name(program: &OsStr) -> &str {
    Path::new(program).file_name().and_then(OsStr::to_str).unwrap_or_default()
}

fn names(args: &[OsString]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = args.iter().map(|arg| arg.to_str().unwrap_or_default());
    while let Some(arg) = rest.next() {
        let name = match arg {
            "--" => break,
            "-c" | "--connection" => rest.next(),
            _ => attached(arg),
        };
        names.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    names
}

fn attached(arg: &str) -> Option<&str> {
    arg.strip_prefix("--connection=").or_else(|| arg.strip_prefix("-c"))
}

/// Clients that take `-c NAME` and `--connection NAME`.
const READS_DASH_C: [&str; 3] = ["cortex", "coco", "snow"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_of_a_known_client_is_read() {
        for args in [
            ["-c", "miguel_cli"].as_slice(),
            &["-cmiguel_cli"],
            &["sql", "--connection", "miguel_cli", "-q", "select 1"],
            &["sql", "-q", "select 1", "--connection=miguel_cli"],
            &["-c", "miguel_cli", "--connection=miguel_cli"],
        ] {
            assert_eq!(named("/opt/bin/snow", args), Ok(Some("miguel_cli".into())), "{args:?}");
        }
    }

    #[test]
    fn nothing_is_read_after_two_dashes_or_of_another_program() {
        assert_eq!(named("cortex", &["--", "-c", "x"]), Ok(None));
        assert_eq!(named("python3", &["-c", "print(1)"]), Ok(None));
        assert_eq!(named("snow-like", &["-c", "x"]), Ok(None));
        assert_eq!(named("coco", &["-c"]), Ok(None));
    }

    #[test]
    fn two_different_names_are_refused() {
        let failure = named("cortex", &["-c", "a", "-p", "-cb"]).unwrap_err();

        assert!(failure.to_string().contains("(a, b)"), "{failure}");
    }

    fn named(program: &str, args: &[&str]) -> Result<Option<String>, Failure> {
        let args = args.iter().map(OsString::from).collect();
        named_by_command(&Command { program: program.into(), args })
    }
}
