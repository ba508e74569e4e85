//! A Snowflake simulator, for everyone without an account and for every test.
//!
//! It speaks SQL API v2 and the driver protocol well enough for the real Python and Node clients, really
//! verifies key-pair JWTs, keeps users, roles, policies and tokens by Snowflake's documented rules
//! ([`engine::rules`] is the table of them), and lets a test move its clock, plant faults, take it down and
//! read what happened. Behaviours that Snowflake does not document are switches ([`engine::Switches`],
//! [`HttpSwitches`]). The same seed and the same calls give the same tokens, so that a failure can be
//! repeated; every secret begins with `simpat_` or `simsess_`, so that leaks can be searched for.
//!
//! ```no_run
//! use snowflake_sim::{Act, Fault, On, Options, Simulator, engine::StatementKind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sim = Simulator::start(Options { tls: true, ..Options::default() })?;
//! sim.admin_script("CREATE ROLE R; CREATE USER U TYPE = SERVICE; GRANT ROLE R TO USER U;")?;
//! sim.fault(Fault::next(On::Statement(StatementKind::AddPat), Act::DropAfterCommit));
//! println!("{} trusts {:?}", sim.url(), sim.ca_pem());
//! # Ok(()) }
//! ```
//!
//! Everything of [`Simulator`] is synchronous: it serves on a thread of its own, and dropping it stops it.
//!
//! # The endpoints
//!
//! | Path | |
//! |---|---|
//! | `POST /api/v2/statements` | submit: `requestId`, `retry`, `async`, `nullable`; 200, 202, 400, 401, 403, 408, 415, 422 |
//! | `GET /api/v2/statements/{handle}` | status: `partition`; 200, 202, 422 |
//! | `POST /api/v2/statements/{handle}/cancel` | 200, 422 |
//! | `POST /session/v1/login-request` | PAT as `TOKEN` or `PASSWORD`, `SNOWFLAKE_JWT`, `EXTERNALBROWSER`; failures are 200 with a code |
//! | `POST /session/authenticator-request`, `GET /sign-in/{page}` | a browser login: whoever opens the page is signed in |
//! | `POST /queries/v1/query-request` | one statement, JSON rows |
//! | `POST /session/token-request` | renew: a session token lives 3,600 s, a master token 14,400 s |
//! | `POST /session?delete=true`, `/session/heartbeat`, `/queries/v1/abort-request`, `/telemetry/send` | |
//!
//! A wrong method is 405, any other path 404.
//!
//! # The control API
//!
//! The program offers the library's controls as `POST /control/VERB` with JSON bodies, to loopback only
//! (the library too, with [`Options::control`]). An error is 400 with `{"error": "…"}`.
//!
//! | Verb | Body | Answer |
//! |---|---|---|
//! | `script` | `{"sql": "…"}`, run as ADMIN | `{"results": [{"columns": […], "rows": [[…]]}]}` |
//! | `clock` | any of `{"set": "2030-01-01T00:00:00Z"}` (and stand still), `{"advance_seconds": 60}`, `{"freeze": true}`, `{"follow_real_time": true}` | `{"now": "…"}` |
//! | `fault` | a [`Fault`], for example `{"on": {"statement": "add_pat"}, "after": 0, "times": 1, "act": {"status": 503}}`, or `{"clear": true}` | `{"left": […]}` |
//! | `switches` | any fields of [`engine::Switches`] and [`HttpSwitches`] | all of them |
//! | `address` | `{"client": "203.0.113.9"}` or `{"client": null}` | the same |
//! | `stop`, `resume` | | the protocols answer nothing, or again; the control API always does |
//! | `snapshot` | | the whole account |
//! | `history` | | `{"logins": […], "queries": […]}` |
//! | `secrets` | | `{"secrets": […]}`: every token ever made |

mod auth;
mod chance;
mod clock;
mod control;
mod driver;
pub mod engine;
mod fault;
mod http;
mod jwt;
mod operate;
mod router;
mod script;
mod secrecy;
mod simulator;
mod sqlapi;
mod switches;
mod tls;
mod world;

pub use fault::{Act, Fault, On};
pub use simulator::{Options, Saved, Simulator, StartError};
pub use switches::HttpSwitches;
