//! How a connection comes about: direct or through the configured proxy, with the roots of the system and the
//! CA file's besides. aws-lc-rs is named here as the crypto provider; no process-wide default is used.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::net::TcpStream;
use tower_service::Service;

use super::HttpError;
use crate::endpoint::{Endpoint, Proxy};

/// The way to the host.
#[derive(Clone)]
pub(super) enum Route {
    /// Straight.
    Direct(HttpConnector),
    /// Through a CONNECT proxy.
    Proxied(Tunnel<HttpConnector>),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting = Pin<Box<dyn Future<Output = Result<TokioIo<TcpStream>, BoxError>> + Send>>;

impl Service<Uri> for Route {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(direct) => direct.poll_ready(context).map_err(Into::into),
            Self::Proxied(tunnel) => tunnel.poll_ready(context).map_err(Into::into),
        }
    }

    fn call(&mut self, target: Uri) -> Connecting {
        match self {
            Self::Direct(direct) => {
                let connecting = direct.call(target);
                Box::pin(async move { connecting.await.map_err(Into::into) })
            }
            Self::Proxied(tunnel) => {
                let connecting = tunnel.call(target);
                Box::pin(async move { connecting.await.map_err(Into::into) })
            }
        }
    }
}

/// Returns the connector of an endpoint.
pub(super) fn connector(
    endpoint: &Endpoint,
    connect_timeout: Duration,
) -> Result<HttpsConnector<Route>, HttpError> {
    let route = route(endpoint.proxy(), connect_timeout);
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls(endpoint)?);
    // `Endpoint` has made sure that plain http stays on this machine.
    let builder = if endpoint.tls() { builder.https_only() } else { builder.https_or_http() };
    Ok(builder.enable_http1().wrap_connector(route))
}

fn route(proxy: Option<&Proxy>, connect_timeout: Duration) -> Route {
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    direct.set_nodelay(true);
    direct.set_connect_timeout(Some(connect_timeout));
    let Some(proxy) = proxy else { return Route::Direct(direct) };
    let tunnel = Tunnel::new(proxy.uri.clone(), direct);
    Route::Proxied(match &proxy.authorization {
        Some(authorization) => tunnel.with_auth(authorization.clone()),
        None => tunnel,
    })
}

fn tls(endpoint: &Endpoint) -> Result<ClientConfig, HttpError> {
    let roots = if endpoint.tls() { roots(endpoint.ca_file())? } else { RootCertStore::empty() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(HttpError::Tls)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, HttpError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "Some of the system's root certificates could not be read");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca_file {
        let (added, _) = roots.add_parsable_certificates(certificates(path)?);
        if added == 0 {
            return Err(HttpError::CaFileEmpty(path.to_owned()));
        }
    }
    if roots.is_empty() { Err(HttpError::NoRoots) } else { Ok(roots) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let unreadable = |source| HttpError::CaFile { path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)
}
