//! `patctl metrics`: the daemon's numbers for monitoring, on standard output or in a file for the textfile collector of
//! node_exporter.

use std::path::Path;

use pat_wire::metrics::{Dialect, Metrics};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, MetricsArgs};
use crate::{daemon, files};

pub(crate) fn run(cli: &Cli, args: &MetricsArgs) -> Result<Answer, Failure> {
    let asked: Result<Metrics, Failure> = daemon::ask(cli, "GET", "/v1/metrics");
    match &args.textfile {
        Some(path) => into_file(asked, path),
        None => {
            let metrics = asked?;
            Ok(Answer::ok(metrics.text(Dialect::OpenMetrics), json!(metrics)))
        }
    }
}

/// Old numbers must not look like new ones: where no daemon answers, the file says so.
fn into_file(asked: Result<Metrics, Failure>, path: &Path) -> Result<Answer, Failure> {
    let metrics = match &asked {
        Ok(metrics) => metrics,
        Err(failure) if failure.exit() == Exit::NoDaemon => &Metrics::of_no_daemon(),
        Err(_) => return asked.map(|_| Answer::ok("", json!(null))),
    };
    files::replace(path, &metrics.text(Dialect::Prometheus))?;
    let families = metrics.families.len();
    let shown = path.display().to_string();
    let text = format!("{shown} is written: {families} kinds of numbers\n");
    let json = json!({ "written": shown, "families": families });
    asked.map(|_| Answer::ok(text, json))
}
