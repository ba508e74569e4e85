//! `patctl log`: the newest audit records; `patctl audit show` without a wish.

use pat_wire::admin::{LogFilter, LogPage, LogRequest};

use crate::answer::{Answer, Failure};
use crate::cli::{Cli, LogArgs};
use crate::{audit, daemon};

pub(crate) fn run(cli: &Cli, args: &LogArgs) -> Result<Answer, Failure> {
    let question = LogRequest { limit: args.records, picks: LogFilter::default() };
    let page: LogPage = daemon::question(cli, "/v1/log", &question)?;
    Ok(audit::said(&page.records))
}
