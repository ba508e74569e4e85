//! What runs under pat-exec, or as another user, in these tests. Without a verb it is a client of Snowflake that
//! connects for every line it reads, whatever its arguments are, and ends with its input.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use world::driver::{self, Identity};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["ask", socket, body] => ask(socket, body),
        ["squat", socket] => squat(socket),
        ["leave", socket, body] => leave(socket, body),
        ["inherit", parent, body] => inherit(parent, body),
        _ => connect_for_every_line(),
    }
}

/// Prints the whole reply to a request for a secret, head and body.
fn ask(socket: &str, body: &str) -> io::Result<()> {
    converse(UnixStream::connect(socket)?, body)
}

fn converse(mut stream: UnixStream, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "POST /v1/hand-out HTTP/1.1\r\nhost: patd\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    io::stdout().write_all(&reply)
}

/// Connects, and ends: a child is left with the connection.
fn leave(socket: &str, body: &str) -> io::Result<()> {
    let stream = UnixStream::connect(socket)?;
    let own = std::process::id().to_string();
    Command::new(std::env::current_exe()?)
        .args(["inherit", &own, body])
        .stdin(OwnedFd::from(stream))
        .spawn()
        .map(drop)
}

/// Asks over the connection that it was left with, once whoever connected has ended.
fn inherit(parent: &str, body: &str) -> io::Result<()> {
    while std::os::unix::process::parent_id().to_string() == parent {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    converse(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?), body)
}

/// Listens where a broker should be, and prints what its first visitor says to it.
fn squat(socket: &str) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    println!("listening");
    let (mut visitor, _) = listener.accept()?;
    let mut heard = Vec::new();
    visitor.read_to_end(&mut heard)?;
    println!("heard {} bytes", heard.len());
    Ok(())
}

fn connect_for_every_line() -> io::Result<()> {
    for line in io::stdin().lines() {
        line?;
        let answer = match driver::who_am_i() {
            Ok(Identity { user, role, secondary_roles }) => {
                json!({ "user": user, "role": role, "secondary_roles": secondary_roles })
            }
            Err(problem) => json!({ "problem": problem }),
        };
        println!("{answer}");
    }
    Ok(())
}
