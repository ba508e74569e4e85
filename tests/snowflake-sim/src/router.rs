//! Which endpoint a request is for.

use http::header::DATE;
use http::{Method, StatusCode};

use crate::control;
use crate::driver::{browser, login, query, session};
use crate::fault::{Act, Point};
use crate::http::reply::{Fate, Reply};
use crate::http::request::Request;
use crate::http::status;
use crate::sqlapi;
use crate::world::{Shared, World};

/// Answers a request; `with_control` opens the control API to loopback.
pub(crate) fn answer(shared: &Shared, request: &Request, with_control: bool) -> Reply {
    let mut world = shared.lock();
    if with_control
        && request.peer.is_loopback()
        && let Some(verb) = request.path.strip_prefix("/control/")
    {
        return control::answer(&mut world, request, verb);
    }
    if world.unplugged {
        return Reply::lost(Fate::Lose);
    }
    let date = world.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    // Clients learn the server's clock from this header; hyper would put the real time there.
    protocols(&mut world, request).with_header(DATE, date)
}

fn protocols(world: &mut World, request: &Request) -> Reply {
    let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let endpoint: Endpoint = match segments.as_slice() {
        ["session", "v1", "login-request"] => (&Method::POST, Box::new(login::login)),
        ["queries", "v1", "query-request"] => (&Method::POST, Box::new(query::query)),
        ["queries", "v1", "abort-request"] => (&Method::POST, harmed(session::abort)),
        ["session", "authenticator-request"] => (&Method::POST, harmed(browser::request)),
        &["sign-in", page] => (&Method::GET, harmed(move |world, _| browser::page(world, page))),
        ["session"] => (&Method::POST, harmed(session::end)),
        ["session", "heartbeat"] => (&Method::POST, harmed(session::heartbeat)),
        ["session", "token-request"] => (&Method::POST, harmed(session::renew)),
        ["telemetry", "send"] => (&Method::POST, harmed(|_, _| session::telemetry())),
        ["api", "v2", "statements"] => (&Method::POST, Box::new(sqlapi::submit::submit)),
        &["api", "v2", "statements", handle] => (
            &Method::GET,
            harmed_at(Point::Status, move |world, request| {
                sqlapi::status::status(world, request, handle)
            }),
        ),
        &["api", "v2", "statements", handle, "cancel"] => (
            &Method::POST,
            harmed(move |world, request| sqlapi::status::cancel(world, request, handle)),
        ),
        _ => return status::reply(404),
    };
    let (method, handle) = endpoint;
    if request.method != *method {
        return Reply::empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    handle(world, request)
}

type Handler<'a> = Box<dyn Fn(&mut World, &Request) -> Reply + 'a>;
type Endpoint<'a> = (&'static Method, Handler<'a>);

/// An endpoint that has no point of its own among the faults: only faults for anything harm it.
fn harmed<'a>(handler: impl Fn(&mut World, &Request) -> Reply + 'a) -> Handler<'a> {
    harmed_at(Point::Other, handler)
}

fn harmed_at<'a>(
    point: Point,
    handler: impl Fn(&mut World, &Request) -> Reply + 'a,
) -> Handler<'a> {
    Box::new(move |world, request| {
        let act = world.faults.due(point);
        if let Some(reply) = act.as_ref().and_then(Act::instead) {
            return reply;
        }
        handler(world, request).with_fate(act.as_ref().map_or(Fate::Arrive, Act::fate))
    })
}
