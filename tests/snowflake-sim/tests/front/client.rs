//! A small raw HTTP client: one request per connection, and it shows exactly what arrived.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// What came back, as far as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request being put together.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    patience: Duration,
}

impl Call {
    pub fn new(method: &str, path: impl Into<String>) -> Call {
        Call {
            method: method.to_owned(),
            path: path.into(),
            headers: vec![("User-Agent".to_owned(), "promise/1.0".to_owned())],
            body: Vec::new(),
            patience: Duration::from_secs(20),
        }
    }

    pub fn post(path: impl Into<String>) -> Call {
        Call::new("POST", path)
    }

    pub fn get(path: impl Into<String>) -> Call {
        Call::new("GET", path)
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Call {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Call {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    pub fn json(self, body: &Value) -> Call {
        let mut call = self.header("Content-Type", "application/json");
        call.body = body.to_string().into_bytes();
        call
    }

    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Call {
        self.body = body.into();
        self
    }

    /// How long a silence is waited out before it counts as one.
    pub fn patience(mut self, patience: Duration) -> Call {
        self.patience = patience;
        self
    }

    pub fn send(&self, port: u16) -> io::Result<Answer> {
        self.over(self.connect(port)?)
    }

    pub fn send_tls(&self, port: u16, ca_pem: Option<&str>) -> io::Result<Answer> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.unwrap_or_default().as_bytes()) {
            roots.add(certificate.expect("a certificate")).expect("a usable root");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").expect("a server name");
        let tls = ClientConnection::new(Arc::new(config), name).expect("a TLS client");
        self.over(StreamOwned::new(tls, self.connect(port)?))
    }

    fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(self.patience))?;
        Ok(stream)
    }

    fn over(&self, mut stream: impl Read + Write) -> io::Result<Answer> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: sim\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body)?;
        stream.flush()?;
        read(&mut stream)
    }
}

fn read(stream: &mut impl Read) -> io::Result<Answer> {
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        // A peer that ends TLS without a goodbye is how a cut answer looks there.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        other => {
            other?;
        }
    }
    let end = received.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not HTTP: {head}")))?;
    Ok(Answer { status, head, body: received[end + 4..].to_vec() })
}
