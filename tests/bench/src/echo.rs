//! The baseline of a hand-out: a bare hyper server on a Unix socket, a process of its own, that answers each
//! connection once with as many bytes. No peer, no policy, no store, no audit.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;

/// The first argument that makes this program the server.
pub const AS_SERVER: &str = "--as-echo-server";

/// A running server. Ended when dropped.
pub struct Echo {
    child: Child,
    socket: PathBuf,
}

impl Echo {
    /// Starts the server as a child and returns once it listens.
    pub fn start(socket: &Path) -> Self {
        let this = std::env::current_exe().expect("this program has a path");
        let child = Command::new(this)
            .arg(AS_SERVER)
            .arg(socket)
            .stdin(Stdio::null())
            .spawn()
            .expect("the server starts");
        let echo = Self { child, socket: socket.to_owned() };
        world::eventually("the echo server listens", || {
            std::os::unix::net::UnixStream::connect(socket).ok()
        });
        echo
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until killed.
pub fn serve(socket: PathBuf) -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = UnixListener::bind(socket).expect("the socket binds");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(async move {
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(stream), service_fn(echo)).await;
            });
        }
    })
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    // As long as a hand-out's body.
    Ok(Response::new(Full::new(Bytes::from_static(&[b'x'; 512]))))
}
