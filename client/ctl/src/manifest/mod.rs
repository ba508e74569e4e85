//! `patctl manifest`: what is wanted of an account and why, as a file that can be reviewed, kept beside code, and
//! replayed on another account.

mod export;
mod file;
mod replay;
mod show;

use std::path::Path;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, ManifestArgs, ManifestVerb};

use file::Manifest;

pub(crate) fn run(cli: &Cli, args: &ManifestArgs) -> Result<Answer, Failure> {
    match args.verb {
        ManifestVerb::Export => export::run(cli, args),
        ManifestVerb::Show => Ok(show::shown(&Manifest::read(file(args)?)?)),
        ManifestVerb::Replay => replay::run(cli, args, Manifest::read(file(args)?)?),
    }
}

fn file(args: &ManifestArgs) -> Result<&Path, Failure> {
    let file = args.file.as_deref();
    file.ok_or_else(|| Failure::new(Exit::Usage, "no manifest is named", "add its FILE"))
}
