//! `patctl status`: the daemon, its slots, what waits, what a person must act on; once, or again and again.

mod shown;
mod watch;

use pat_wire::admin::Status;
use serde_json::json;

use crate::answer::{self, Answer, Exit, Failure};
use crate::cli::{Cli, StatusArgs};
use crate::{daemon, time};

pub(crate) fn run(cli: &Cli, args: &StatusArgs) -> Result<Answer, Failure> {
    if let Some(pause) = args.watch {
        return watch::run(cli, pause);
    }
    let status: Status = daemon::ask(cli, "GET", "/v1/status")?;
    let text = shown::text(&status, time::now(), answer::in_colour());
    let exit = exit(&status);
    Ok(Answer { text, json: json!(status), exit })
}

fn exit(status: &Status) -> Exit {
    if status.alarms.is_empty() { Exit::Ok } else { Exit::Alarms }
}
