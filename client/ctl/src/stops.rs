//! What stops a plan before anything of it is run, and what whoever reads that can do about it.

use patd_core::pattern::plan::{Note, Plan};

use crate::answer::{Exit, Failure};
use crate::text::plain;

/// Refuses a plan of which a note says that it must not be run.
pub(crate) fn refuse_what_stops(plan: &Plan) -> Result<(), Failure> {
    let Some(next_step) = past_what_stops(plan) else { return Ok(()) };
    let said: Vec<String> =
        stops(plan).map(|note| plain(&format!("{}: {}", note.object, note.text))).collect();
    let what = format!("nothing was run: {}", said.join("; "));
    Err(Failure::new(Exit::Failed, what, next_step))
}

/// Returns the next step where a plan must not be run. What one role does not see another one does, and the daemon's
/// sees little, as it should.
pub(crate) fn past_what_stops(plan: &Plan) -> Option<&'static str> {
    let hidden = stops(plan).any(|note| note.id == "hidden");
    stops(plan).next().map(|_| if hidden { SEE_MORE } else { "mend that, then run it again" })
}

fn stops(plan: &Plan) -> impl Iterator<Item = &Note> {
    plan.notes.iter().filter(|note| note.stops_apply)
}

const SEE_MORE: &str = "ask with an admin's session: add --as USER --key-file FILE, or --via snow; \
                        in such a session, --role names one that sees it";
