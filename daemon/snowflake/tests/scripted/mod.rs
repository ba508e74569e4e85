//! A server on loopback that answers each connection with the next prepared bytes and keeps what it was asked.
//! For answers no honest Snowflake gives; the honest ones come from the simulator.

use std::sync::{Arc, Mutex};

use patd_core::names::Account;
use patd_snowflake::endpoint::Endpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The server; it ends with the test.
pub(crate) struct Scripted {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// Starts a server with these answers; the last one is given from then on.
    pub(crate) async fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let port = listener.local_addr().expect("address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut answers = answers.into_iter();
            let mut answer = answers.next().unwrap_or_default();
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &answer, &seen).await;
                answer = answers.next().unwrap_or(answer);
            }
        });
        Self { port, requests }
    }

    /// Returns the endpoint this server is at.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let account = Account::new("MYORG-MYACCOUNT");
        Endpoint::new(account, "127.0.0.1", self.port, false, None, None).expect("endpoint")
    }

    /// Returns every request so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("lock").clone()
    }
}

/// Returns an answer with this body and headers.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

async fn serve(mut stream: TcpStream, answer: &str, seen: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
        }
    }
    seen.lock().expect("lock").push(String::from_utf8_lossy(&request).into_owned());
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        line.to_lowercase().strip_prefix("content-length:").and_then(|n| n.trim().parse().ok())
    });
    body.len() >= length.unwrap_or(0)
}
