//! `patctl plan`: what is there against what is wanted, and every statement between the two. Changes nothing.

use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::{self, Plan, render};
use patd_core::sql::SqlError;
use patd_snowflake::provision::fingerprint;
use serde_json::json;

use crate::answer::{Answer, Exit, Failure, in_colour};
use crate::cli::{Cli, PlanArgs};
use crate::network;
use crate::plan_file::PlanFile;
use crate::runner::{self, Session};
use crate::stops::past_what_stops;
use crate::target::Target;
use crate::text::{Colour, plain};

pub(crate) fn run(cli: &Cli, args: &PlanArgs) -> Result<Answer, Failure> {
    let mut target = Target::find(cli, args.session.account.as_deref())?;
    target.leave_out(&args.without);
    if args.offline {
        let known = network::known(&args.network_cidr, None, &target)?;
        if !args.network_cidr.is_empty() {
            target.desired.network = known;
        }
        let plan = plan::offline(&target.desired).map_err(not_made)?;
        return Ok(answer(&plan, args.sql));
    }
    let mut session = runner::open(cli, &args.session, &target)?;
    let (plan, observed) = look(session.as_mut(), &target)?;
    let mut answer = answer(&plan, args.sql);
    if let Some(path) = &args.out {
        PlanFile::new(plan, observed, &args.without).write(path)?;
        if !args.sql {
            let shown = path.display();
            answer.text.push_str(&format!("\n{shown} is written; next: patctl apply {shown}\n"));
        }
    }
    Ok(answer)
}

/// Looks at the account and returns what leads from there to what is wanted.
pub(crate) fn look(
    session: &mut dyn Session,
    target: &Target,
) -> Result<(Plan, Observed), Failure> {
    let observed = session.observe(&target.desired)?;
    let plan = plan::plan(&target.desired, &observed, fingerprint(&observed)).map_err(not_made)?;
    Ok((plan, observed))
}

/// Returns the plan as lines for a person, coloured on a terminal.
pub(crate) fn shown(plan: &Plan) -> String {
    coloured(&render::text(plan), in_colour())
}

/// Names at Snowflake are anybody's to choose: no line may steer the terminal.
fn coloured(text: &str, in_colour: bool) -> String {
    let line = |line: &str| colour(line).paint(&plain(line), in_colour) + "\n";
    text.lines().map(line).collect()
}

fn colour(line: &str) -> Colour {
    match line.trim_start().split_once(' ') {
        Some(("+", _)) => Colour::Good,
        Some(("~", _)) => Colour::Moving,
        Some(("-" | "!", _)) => Colour::Bad,
        Some(_) | None => Colour::Plain,
    }
}

/// Returns the plan for a person, or as a script.
pub(crate) fn answer(plan: &Plan, as_sql: bool) -> Answer {
    let mut text = if as_sql { render::sql(plan) } else { shown(plan) };
    let stops = past_what_stops(plan);
    let exit = if plan.steps.is_empty() && stops.is_none() { Exit::Ok } else { Exit::Alarms };
    if let Some(next) = stops.filter(|_| !as_sql) {
        text.push_str(&format!("next: {next}\n"));
    }
    Answer { text, json: json!(plan), exit }
}

/// Returns the failure of a plan that cannot be written down.
pub(crate) fn not_made(error: SqlError) -> Failure {
    Failure::new(Exit::BadConfig, error.to_string(), "correct [provision]; see: man patd.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_colours_its_line_and_no_name_steers_the_terminal() {
        let text = "+ role R\n    CREATE ROLE \"a\u{1b}[2Jb\"\n! account";

        assert_eq!(
            coloured(text, false),
            "+ role R\n    CREATE ROLE \"a\u{fffd}[2Jb\"\n! account\n"
        );
        let painted = coloured(text, true);
        assert!(painted.starts_with("\u{1b}[32m+ role R\u{1b}[0m\n"), "{painted:?}");
        assert!(painted.contains("\u{1b}[31m! account"), "{painted:?}");
    }
}
