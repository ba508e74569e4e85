//! What Snowflake itself counts: tokens that are alive, and how many there ever were at once.

use snowflake_sim::Simulator;
use snowflake_sim::engine::{QueryRecord, StatementKind, TokenView};
use world::USER;

/// Returns the service user's tokens that can be used.
pub fn live(sim: &Simulator) -> Vec<TokenView> {
    sim.tokens(USER).into_iter().filter(|token| token.status == "ACTIVE").collect()
}

/// Returns how many tokens were ever added.
pub fn added(sim: &Simulator) -> usize {
    sim.queries().iter().filter(|query| done(query, StatementKind::AddPat)).count()
}

/// Returns how many tokens were ever removed.
pub fn removed(sim: &Simulator) -> usize {
    sim.queries().iter().filter(|query| done(query, StatementKind::RemovePat)).count()
}

/// Returns the largest number of tokens that were ever there at once, by the statements carried out.
pub fn most_alive_ever(sim: &Simulator) -> usize {
    let (mut alive, mut most) = (0_usize, 0);
    for query in sim.queries() {
        if done(&query, StatementKind::AddPat) {
            alive += 1;
        } else if done(&query, StatementKind::RemovePat) {
            alive -= 1;
        }
        most = most.max(alive);
    }
    most
}

fn done(query: &QueryRecord, kind: StatementKind) -> bool {
    query.kind == kind && query.error.is_none()
}
