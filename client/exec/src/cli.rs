//! The wrapper's own command line. Its options end at the command: nothing after that is read here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use pat_wire::message::Delivery;

use crate::failure::Failure;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Help,
    Version,
    List(Options),
    Run(Options, Command),
    /// Internal: start the refresh helper of this home and end, so that it is nobody's child.
    Detach(PathBuf),
    /// Internal: be the refresh helper of this home.
    Refresh(PathBuf),
}

/// The wrapper's own options.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) connection: Option<String>,
    pub(crate) deliver: Option<Delivery>,
    pub(crate) socket: Option<PathBuf>,
}

/// The command to become.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
}

/// First argument of the process that starts the refresh helper and ends.
pub(crate) const DETACH: &str = "--detach-refresh-helper";
/// First argument of the refresh helper.
pub(crate) const REFRESH: &str = "--refresh-helper";

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Runs a command with the role-restricted Snowflake token of a connection.

usage: pat-exec [-c NAME] [--deliver home|env] [--socket PATH] CMD [ARGS...]
       pat-exec --list | --version | --help

  -c, --connection NAME  the connection; without it the command's own -c NAME or --connection NAME
                         (cortex, coco and snow only), else your only connection
  --deliver home         a private SNOWFLAKE_HOME on tmpfs, refreshed while the command runs
  --deliver env          environment variables only; fixed when the command starts
  --socket PATH          another broker than the system's; the caller is then not shown as gated
  --list                 your connections

The private home is gone when the command ends, and at your last logout at the latest: a command that
is to outlive it (nohup) needs `loginctl enable-linger`.
An ignored SIGPIPE is not passed on: the command starts with the default.

exit codes: 125 pat-exec itself failed, 126 CMD cannot be run, 127 CMD was not found, else CMD's own
";

/// Reads the arguments, without the program's own name.
///
/// # Errors
/// Says which argument is not understood.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Request, Failure> {
    if let [first, home] = args.as_slice() {
        if first == DETACH {
            return Ok(Request::Detach(home.into()));
        }
        if first == REFRESH {
            return Ok(Request::Refresh(home.into()));
        }
    }
    let mut reader = Reader { rest: args.into_iter(), options: Options::default(), list: false };
    reader.read()
}

struct Reader {
    rest: std::vec::IntoIter<OsString>,
    options: Options,
    list: bool,
}

impl Reader {
    fn read(&mut self) -> Result<Request, Failure> {
        while let Some(arg) = self.rest.next() {
            if arg == "--" {
                return match self.rest.next() {
                    Some(program) => self.command(program),
                    None => self.without_command(),
                };
            }
            if !arg.as_bytes().starts_with(b"-") {
                return self.command(arg);
            }
            if let Some(request) = self.option(&arg)? {
                return Ok(request);
            }
        }
        self.without_command()
    }

    fn option(&mut self, arg: &OsStr) -> Result<Option<Request>, Failure> {
        let text = arg.to_str().ok_or_else(|| unknown(arg))?;
        match text {
            "-h" | "--help" => return Ok(Some(Request::Help)),
            "-V" | "--version" => return Ok(Some(Request::Version)),
            "--list" => self.list = true,
            _ if text.starts_with("-c") => {
                let attached = text.strip_prefix("-c").filter(|name| !name.is_empty());
                self.options.connection = Some(self.value("-c", attached)?);
            }
            _ => self.long_option(arg, text)?,
        }
        Ok(None)
    }

    fn long_option(&mut self, arg: &OsStr, text: &str) -> Result<(), Failure> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        match name {
            "--connection" => self.options.connection = Some(self.value(name, value)?),
            "--socket" => self.options.socket = Some(self.value(name, value)?.into()),
            "--deliver" => self.options.deliver = Some(delivery(&self.value(name, value)?)?),
            _ => return Err(unknown(arg)),
        }
        Ok(())
    }

    /// The value is attached or the next argument.
    fn value(&mut self, name: &str, attached: Option<&str>) -> Result<String, Failure> {
        let value = match attached {
            Some(text) => Some(text.to_owned()),
            None => self.rest.next().and_then(|next| next.into_string().ok()),
        };
        let missing = || Failure::own(format!("{name} needs a value; try: pat-exec --help"));
        value.filter(|text| !text.is_empty()).ok_or_else(missing)
    }

    fn command(&mut self, program: OsString) -> Result<Request, Failure> {
        if self.list {
            return Err(Failure::own("--list takes no command; try: pat-exec --list"));
        }
        let args = self.rest.by_ref().collect();
        Ok(Request::Run(std::mem::take(&mut self.options), Command { program, args }))
    }

    fn without_command(&mut self) -> Result<Request, Failure> {
        if self.list {
            return Ok(Request::List(std::mem::take(&mut self.options)));
        }
        Err(Failure::own("no command; try: pat-exec --help"))
    }
}

fn delivery(name: &str) -> Result<Delivery, Failure> {
    match name {
        "home" => Ok(Delivery::Home),
        "env" => Ok(Delivery::Env),
        _ => Err(Failure::own(format!("unknown delivery {name:?}; there are: home, env"))),
    }
}

fn unknown(arg: &OsStr) -> Failure {
    Failure::own(format!("unknown option {}; try: pat-exec --help", arg.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_options_end_at_the_command() {
        let request = parsed(&["-c", "a", "cortex", "-c", "b", "--deliver", "env"]).unwrap();

        let options = Options { connection: Some("a".into()), ..Options::default() };
        assert_eq!(
            request,
            Request::Run(options, command(&["cortex", "-c", "b", "--deliver", "env"]))
        );
    }

    #[test]
    fn every_spelling_of_the_connection_is_read() {
        for args in [["-c", "a"].as_slice(), &["-ca"], &["--connection", "a"], &["--connection=a"]]
        {
            let request = parsed(&[args, &["true"]].concat()).unwrap();

            let options = Options { connection: Some("a".into()), ..Options::default() };
            assert_eq!(request, Request::Run(options, command(&["true"])), "{args:?}");
        }
    }

    #[test]
    fn two_dashes_end_the_options() {
        let request = parsed(&["--deliver", "env", "--", "-odd", "--", "x"]).unwrap();

        let options = Options { deliver: Some(Delivery::Env), ..Options::default() };
        assert_eq!(request, Request::Run(options, command(&["-odd", "--", "x"])));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (args, named) in [
            (["--deliver", "fax", "true"].as_slice(), "\"fax\""),
            (&["--frobnicate", "true"], "--frobnicate"),
            (&["-c"], "-c needs a value"),
            (&["--socket", ""], "--socket needs a value"),
            (&["--socket=", "/x", "true"], "--socket needs a value"),
            (&[], "no command"),
            (&["--"], "no command"),
            (&["--list", "true"], "--list takes no command"),
        ] {
            let failure = parsed(args).unwrap_err();

            assert!(failure.to_string().contains(named), "{args:?}: {failure}");
        }
    }

    #[test]
    fn the_internal_requests_are_not_mistaken_for_options() {
        assert_eq!(parsed(&[REFRESH, "/home"]), Ok(Request::Refresh("/home".into())));
        assert!(parsed(&[REFRESH, "/home", "x"]).is_err());
        assert!(parsed(&["-c", "a", REFRESH, "/home"]).is_err());
    }

    fn parsed(args: &[&str]) -> Result<Request, Failure> {
        parse(args.iter().map(OsString::from).collect())
    }

    fn command(words: &[&str]) -> Command {
        Command { program: words[0].into(), args: words[1..].iter().map(OsString::from).collect() }
    }
}
