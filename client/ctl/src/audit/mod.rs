//! `patctl audit`: what was recorded, that it is as it was written, and (beside) which tokens there are.

mod show;
mod verify;

use crate::answer::{Answer, Failure};
use crate::audit_tokens;
use crate::cli::{AuditArgs, Audited, Cli};

pub(crate) use show::said;

pub(crate) fn run(cli: &Cli, args: &AuditArgs) -> Result<Answer, Failure> {
    match &args.what {
        Audited::Tokens(args) => audit_tokens::run(cli, args),
        Audited::Show(args) => show::run(cli, args),
        Audited::Verify(args) => verify::run(args),
    }
}
