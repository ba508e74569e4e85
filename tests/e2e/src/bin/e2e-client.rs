//! What runs under pat-exec, or as another user, in these tests. Without a verb it is a client of Snowflake that
//! connects for every line it reads, whatever its arguments are, and ends with its input.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use serde_json::json;
use world::driver::{self, Identity};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["ask", socket, body] => ask(socket, body),
        ["squat", socket] => squat(socket),
        _ => connect_for_every_line(),
    }
}

/// Prints the whole reply to a request for a secret, head and body.
fn ask(socket: &str, body: &str) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
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
