//! `POST /api/v2/statements`: checks, login, replay, execution, and how the answer is given.

use http::header::{CONTENT_TYPE, USER_AGENT};

use super::body::Body;
use super::statements::{Outcome, Progress, Statement};
use super::{answer, auth, binds};
use crate::engine::{Engine, Millis, Session, SqlError, StatementKind};
use crate::fault::{Act, Point};
use crate::http::reply::{Fate, Reply};
use crate::http::request::Request;
use crate::http::status;
use crate::script::{counted, error, single_statement};
use crate::secrecy::without_secret;
use crate::world::World;

pub(crate) fn submit(world: &mut World, request: &Request) -> Reply {
    match accepted(world, request) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn accepted(world: &mut World, request: &Request) -> Result<Reply, Reply> {
    check_head(world, request)?;
    let body: Option<Body> = serde_json::from_slice(&request.body).ok();
    let context = body.as_ref().map(Body::context).unwrap_or_default();
    let mut session = auth::session(world, request, &context)
        .map_err(|refused| answer::unauthorized(&refused))?;
    let body = body.ok_or_else(|| status::reply(400))?;
    if let Some(reply) = replayed(world, request, &session) {
        return Ok(reply);
    }
    let sqls = statements(&body, &session)
        .map_err(|error| answer::failed(&error, &world.chance.handle().to_string()))?;
    let act = sqls.iter().find_map(|sql| world.faults.due(Point::SqlApi(Engine::kind(sql))));
    if let Some(reply) = act.as_ref().and_then(|act| instead(world, act, &body)) {
        return Ok(reply);
    }
    let now = world.now();
    let run = Run { request, owner: session.user.clone(), now };
    let statement = match &act {
        Some(Act::NeverEnding202) => run.never_ending(world),
        _ => run.execute(world, &mut session, &sqls, act.as_ref()),
    };
    let statement = Statement { progress: progress(world, request, act.as_ref()), ..statement };
    world.statements.accept(statement.clone(), now);
    let reply = match statement.progress {
        Progress::Done => answer::finished(&statement, 0, world.http.rows_per_partition),
        _ => answer::running(&statement),
    };
    let fate = match (&act, statement.progress) {
        (Some(Act::Delay(_)), Progress::Until(_)) | (None, _) => Fate::Arrive,
        (Some(act), _) => act.fate(),
    };
    Ok(reply.with_fate(fate))
}

fn check_head(world: &World, request: &Request) -> Result<(), Reply> {
    if !world.http.sql_api_enabled {
        return Err(status::reply(403));
    }
    let content = request.header(&CONTENT_TYPE).unwrap_or_default();
    if content.split(';').next().map(str::trim) != Some("application/json") {
        return Err(status::reply(415));
    }
    if request.header(&USER_AGENT).unwrap_or_default().is_empty() {
        return Err(status::reply(400));
    }
    Ok(())
}

/// The answer from before, for a retry of a request that succeeded.
fn replayed(world: &World, request: &Request, session: &Session) -> Option<Reply> {
    let request_id = request.parameter("requestId").filter(|_| request.flag("retry"))?;
    let mut before = world.statements.succeeded(&session.user, request_id)?.clone();
    if !world.http.replay_shows_secret
        && let Outcome::Rows(table) = &mut before.outcome
    {
        without_secret(table);
    }
    Some(answer::finished(&before, 0, world.http.rows_per_partition))
}

/// The statements to run: as many as agreed on, bound, and allowed where they stand.
fn statements(body: &Body, session: &Session) -> Result<Vec<String>, SqlError> {
    match body.statement_count()? {
        1 => only_statement(body),
        desired => several_statements(body, session, desired),
    }
}

fn only_statement(body: &Body) -> Result<Vec<String>, SqlError> {
    let bound = binds::bind(&body.statement, &body.bindings)?;
    let statement = single_statement(&bound)?;
    if let Some(command) = needs_a_session(&statement) {
        let message = format!("Unsupported statement type '{command}'.");
        return Err(error("391911", "0A000", message));
    }
    Ok(vec![statement])
}

fn several_statements(
    body: &Body,
    session: &Session,
    desired: usize,
) -> Result<Vec<String>, SqlError> {
    if !body.bindings.is_empty() {
        let message = "Multi-statement requests do not take bind variables.";
        return Err(error("000009", "0A000", message));
    }
    let statements = counted(&body.statement, desired)?;
    if session.warehouse.is_none() {
        let message = "No active warehouse selected in the current session.";
        return Err(error("000606", "57P03", message));
    }
    Ok(statements)
}

/// Statements that mean nothing without a session, and so only run inside a multi-statement request.
fn needs_a_session(sql: &str) -> Option<&'static str> {
    match Engine::kind(sql) {
        StatementKind::Use => Some("USE"),
        StatementKind::AlterSession => Some("ALTER_SESSION"),
        _ => None,
    }
}

fn instead(world: &mut World, act: &Act, body: &Body) -> Option<Reply> {
    let mut handle = || world.chance.handle().to_string();
    match act {
        Act::SqlError { code, message } => Some(answer::planted(code, message, &handle())),
        Act::Delay(by) if body.timeout > 0 && by.as_secs() >= body.timeout => {
            Some(answer::timed_out(&handle(), body.timeout))
        }
        _ => act.instead(),
    }
}

/// A statement that takes this long is no longer answered synchronously.
const SYNCHRONOUS_SECONDS: u64 = 45;

fn progress(world: &World, request: &Request, act: Option<&Act>) -> Progress {
    match act {
        Some(Act::NeverEnding202) => Progress::Never,
        Some(Act::Delay(by)) if by.as_secs() >= SYNCHRONOUS_SECONDS => {
            let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            Progress::Until(Millis(world.now().0.saturating_add(millis)))
        }
        _ if request.flag("async") || world.http.always_202_first => {
            Progress::Looks(world.http.polls_before_done)
        }
        _ => Progress::Done,
    }
}

/// One submit being carried out.
struct Run<'r> {
    request: &'r Request,
    owner: String,
    now: Millis,
}

impl Run<'_> {
    fn statement(&self, handle: String, outcome: Outcome) -> Statement {
        Statement {
            handle,
            owner: self.owner.clone(),
            request_id: self.request.parameter("requestId").unwrap_or_default().to_owned(),
            created: self.now,
            nullable: self.request.parameter("nullable") != Some("false"),
            progress: Progress::Done,
            outcome,
        }
    }

    fn never_ending(&self, world: &mut World) -> Statement {
        self.statement(world.chance.handle().to_string(), Outcome::Many(Vec::new()))
    }

    fn execute(
        &self,
        world: &mut World,
        session: &mut Session,
        sqls: &[String],
        act: Option<&Act>,
    ) -> Statement {
        match sqls {
            [sql] => self.one(world, session, sql, act),
            _ => self.many(world, session, sqls),
        }
    }

    fn one(
        &self,
        world: &mut World,
        session: &mut Session,
        sql: &str,
        act: Option<&Act>,
    ) -> Statement {
        match world.engine.execute(session, sql, self.now) {
            Err(error) => self.statement(error.query_id.clone(), Outcome::Failed(error)),
            Ok(mut table) => {
                if let Some(act) = act {
                    act.mangle(&mut table);
                }
                self.statement(table.query_id.clone(), Outcome::Rows(table))
            }
        }
    }

    /// Runs until one fails; what was done before stays done.
    fn many(&self, world: &mut World, session: &mut Session, sqls: &[String]) -> Statement {
        let parent = world.chance.handle().to_string();
        let mut handles = Vec::with_capacity(sqls.len());
        for sql in sqls {
            let child =
                Statement { request_id: String::new(), ..self.one(world, session, sql, None) };
            if let Outcome::Failed(inner) = child.outcome {
                return self.statement(parent, Outcome::Failed(failed_within(sql, &inner)));
            }
            handles.push(child.handle.clone());
            world.statements.accept(child, self.now);
        }
        self.statement(parent, Outcome::Many(handles))
    }
}

fn failed_within(sql: &str, inner: &SqlError) -> SqlError {
    let message = format!(
        "JavaScript execution error: Uncaught Execution of multiple statements failed on statement \
         \"{}\" (at line 1, position 0).\n{}",
        sql.trim(),
        inner.message
    );
    error("100132", "P0000", message)
}
