//! A proxy as a site has one: takes CONNECT for the names it knows and passes bytes on. It has its own idea of where a
//! name is, as a real one has its own resolver.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running proxy; it ends with the test.
pub(crate) struct Proxy {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Listens, and leads to these places.
    pub(crate) fn start(at: SocketAddr, places: BTreeMap<String, SocketAddr>) -> Self {
        let listener = TcpListener::bind(at).expect("the proxy's port is free");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (places, heard) = (places.clone(), Arc::clone(&heard));
                thread::spawn(move || lead(client, &places, &heard));
            }
        });
        Self { asked }
    }

    /// Returns every place that was asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nothing panicked").clone()
    }
}

fn lead(
    client: TcpStream,
    places: &BTreeMap<String, SocketAddr>,
    heard: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    let asked = first.split_whitespace().nth(1).unwrap_or_default().to_owned();
    heard.lock().expect("nothing panicked").push(asked.clone());
    let mut client = client;
    let Some(place) = places.get(&asked) else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    };
    let server = TcpStream::connect(place)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    // Nobody speaks before that answer, so nothing is in the buffer of the head.
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(Shutdown::Write);
    });
    let (mut down_from, mut down_to) = (server, client);
    let _ = io::copy(&mut down_from, &mut down_to);
    down_to.shutdown(Shutdown::Write)
}
