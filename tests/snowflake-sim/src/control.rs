//! The control API over HTTP: what the library offers, for tests that run the binary. Loopback only.

use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::engine::ResultTable;
use crate::fault::Fault;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::operate;
use crate::world::World;

/// Answers `/control/{verb}`: 200 with JSON, or 400 with `{"error": …}`.
pub(crate) fn answer(world: &mut World, request: &Request, verb: &str) -> Reply {
    if request.method != Method::POST {
        return Reply::empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let outcome = match verb {
        "script" => asked(request).and_then(|asked| script(world, &asked)),
        "clock" => asked(request).and_then(|asked| clock(world, &asked)),
        "fault" => asked(request).and_then(|asked| fault(world, asked)),
        "switches" => asked(request).and_then(|changes| switches(world, changes)),
        "address" => asked(request).and_then(|asked| address(world, &asked)),
        "snapshot" => Ok(operate::snapshot(world)),
        "history" => Ok(history(world)),
        "secrets" => Ok(json!({"secrets": operate::secrets(world)})),
        "stop" => Ok(unplug(world, true)),
        "resume" => Ok(unplug(world, false)),
        _ => return Reply::empty(StatusCode::NOT_FOUND),
    };
    match outcome {
        Ok(body) => Reply::json(StatusCode::OK, &body),
        Err(error) => Reply::json(StatusCode::BAD_REQUEST, &json!({"error": error})),
    }
}

type Outcome = Result<Value, String>;

/// The request's body as what the verb takes.
fn asked<T: for<'de> Deserialize<'de>>(request: &Request) -> Result<T, String> {
    let body: &[u8] = if request.body.is_empty() { b"{}" } else { &request.body };
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    sql: String,
}

fn script(world: &mut World, asked: &Script) -> Outcome {
    let tables = operate::admin_script(world, &asked.sql).map_err(|error| error.to_string())?;
    Ok(json!({"results": tables.iter().map(table).collect::<Vec<_>>()}))
}

fn table(table: &ResultTable) -> Value {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    json!({"columns": columns, "rows": table.rows})
}

/// What to do with the clock, in this order; answers with the time it then shows.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClockOrder {
    follow_real_time: bool,
    set: Option<jiff::Timestamp>,
    advance_seconds: i64,
    freeze: bool,
}

fn clock(world: &mut World, order: &ClockOrder) -> Outcome {
    if order.follow_real_time {
        world.clock = Clock::REAL;
    }
    if let Some(at) = order.set {
        world.clock = Clock::Frozen(at);
    }
    world.clock.advance(SignedDuration::from_secs(order.advance_seconds));
    if order.freeze {
        world.clock = Clock::Frozen(world.clock.now());
    }
    Ok(json!({"now": world.clock.now()}))
}

/// A fault to plant, or `{"clear": true}`; answers with the faults left.
fn fault(world: &mut World, order: Value) -> Outcome {
    if order.get("clear") == Some(&Value::Bool(true)) {
        world.faults.clear();
    } else {
        let fault: Fault = serde_json::from_value(order).map_err(|error| error.to_string())?;
        world.faults.plant(fault);
    }
    Ok(json!({"left": world.faults.left()}))
}

/// Switches of the engine and of the HTTP layer by name, both in one object; answers with all.
fn switches(world: &mut World, changes: Map<String, Value>) -> Outcome {
    let as_map = |value: Result<Value, serde_json::Error>| match value {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(format!("switches are not an object but {other}")),
        Err(error) => Err(error.to_string()),
    };
    let mut engine = as_map(serde_json::to_value(world.engine.switches()))?;
    let mut http = as_map(serde_json::to_value(&world.http))?;
    for (name, value) in changes {
        let owner = if http.contains_key(&name) { &mut http } else { &mut engine };
        owner.insert(name, value);
    }
    let parsed_http = serde_json::from_value(Value::Object(http.clone()));
    let parsed_engine = serde_json::from_value(Value::Object(engine.clone()));
    world.http = parsed_http.map_err(|error| error.to_string())?;
    *world.engine.switches_mut() = parsed_engine.map_err(|error| error.to_string())?;
    engine.extend(http);
    Ok(Value::Object(engine))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    client: Option<std::net::IpAddr>,
}

fn address(world: &mut World, asked: &Address) -> Outcome {
    world.client_address = asked.client;
    Ok(json!({"client": asked.client}))
}

fn history(world: &World) -> Value {
    json!({"logins": world.engine.logins(), "queries": world.engine.queries()})
}

fn unplug(world: &mut World, unplugged: bool) -> Value {
    world.unplugged = unplugged;
    json!({"stopped": unplugged})
}
