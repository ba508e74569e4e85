//! Where an account is reached, checked: plain http goes to loopback only, a proxy only where one is configured.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::{Authority, Scheme, Uri};
use http::{HeaderValue, uri};
use pat_wire::secret::Secret;
use patd_core::names::Account;
use thiserror::Error;

/// Where and how an account is reached. Prints no proxy password.
#[derive(Clone, Debug)]
pub struct Endpoint {
    account: Account,
    host: String,
    port: u16,
    tls: bool,
    ca_file: Option<PathBuf>,
    proxy: Option<Proxy>,
}

/// A proxy that is asked to CONNECT.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) uri: Uri,
    /// Marked sensitive.
    pub(crate) authorization: Option<HeaderValue>,
}

/// Why an endpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// The host is no host.
    #[error("{0:?} is not a host name or address")]
    Host(String),
    /// Plain http would show the admin's and the clients' tokens to the network.
    #[error("protocol http is accepted for loopback hosts only, and {0} is none; use https")]
    PlainHttp(String),
    /// A proxy is another machine, or may be: plain http through it would leave this one.
    #[error("protocol http is accepted for direct connections only; remove the proxy or use https")]
    PlainHttpProxy,
    /// The proxy cannot be understood. Its text is not repeated: it may hold a password.
    #[error("the proxy is not of the form http://[user:password@]host:port")]
    Proxy,
}

impl Endpoint {
    /// Returns the checked endpoint.
    ///
    /// # Errors
    /// If host or proxy are malformed, or plain http would leave this machine.
    pub fn new(
        account: Account,
        host: &str,
        port: u16,
        tls: bool,
        ca_file: Option<&Path>,
        proxy: Option<&Secret>,
    ) -> Result<Self, EndpointError> {
        let host = bracketed(host);
        let uri = format!("https://{host}:{port}/").parse::<Uri>();
        if host.is_empty() || !uri.is_ok_and(|uri| uri.host() == Some(host.as_str())) {
            return Err(EndpointError::Host(host));
        }
        if !tls && !is_loopback(&host) {
            return Err(EndpointError::PlainHttp(host));
        }
        if !tls && proxy.is_some() {
            return Err(EndpointError::PlainHttpProxy);
        }
        let proxy = proxy.map(|proxy| parse_proxy(proxy.expose())).transpose()?;
        Ok(Self { account, host, port, tls, ca_file: ca_file.map(Path::to_owned), proxy })
    }

    /// Returns the account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Returns the host, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns whether the connection is encrypted.
    pub(crate) fn tls(&self) -> bool {
        self.tls
    }

    /// Returns the file with roots to trust besides the system's.
    pub(crate) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Returns the configured proxy.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// Returns the address of a path at this endpoint.
    pub(crate) fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        uri::Builder::new()
            .scheme(if self.tls { Scheme::HTTPS } else { Scheme::HTTP })
            .authority(format!("{}:{}", self.host, self.port))
            .path_and_query(path_and_query)
            .build()
    }
}

/// Returns an IPv6 address in the brackets a URI needs.
fn bracketed(host: &str) -> String {
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn parse_proxy(text: &str) -> Result<Proxy, EndpointError> {
    let rest = text.strip_prefix("http://").ok_or(EndpointError::Proxy)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (login, address) = match rest.rsplit_once('@') {
        Some((login, address)) => (Some(login), address),
        None => (None, rest),
    };
    let address: Authority = address.parse().map_err(|_| EndpointError::Proxy)?;
    if address.port_u16().is_none() || address.host().is_empty() {
        return Err(EndpointError::Proxy);
    }
    let uri = uri::Builder::new()
        .scheme(Scheme::HTTP)
        .authority(address)
        .path_and_query("/")
        .build()
        .map_err(|_| EndpointError::Proxy)?;
    Ok(Proxy { uri, authorization: login.map(basic_authorization).transpose()? })
}

/// Returns the header for `user:password`, each of which may be percent-encoded.
fn basic_authorization(login: &str) -> Result<HeaderValue, EndpointError> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let mut plain = zeroize::Zeroizing::new(percent_decoded(user)?);
    if plain.contains(&b':') {
        return Err(EndpointError::Proxy);
    }
    plain.push(b':');
    plain.extend_from_slice(&zeroize::Zeroizing::new(percent_decoded(password)?));
    let encoded = zeroize::Zeroizing::new(format!("Basic {}", STANDARD.encode(&*plain)));
    let mut value = HeaderValue::from_str(&encoded).map_err(|_| EndpointError::Proxy)?;
    value.set_sensitive(true);
    Ok(value)
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, EndpointError> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = (hex(bytes.next()), hex(bytes.next()));
        let (Some(high), Some(low)) = digits else { return Err(EndpointError::Proxy) };
        decoded.push(high << 4 | low);
    }
    Ok(decoded)
}

fn hex(byte: Option<u8>) -> Option<u8> {
    char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, EndpointError};
    use pat_wire::secret::Secret;
    use patd_core::names::Account;

    fn endpoint(host: &str, tls: bool, proxy: Option<&str>) -> Result<Endpoint, EndpointError> {
        let proxy = proxy.map(|proxy| Secret::new(proxy.to_owned()));
        Endpoint::new(Account::new("MYORG-MYACCOUNT"), host, 443, tls, None, proxy.as_ref())
    }

    #[test]
    fn plain_http_is_accepted_for_loopback_only() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost"] {
            assert!(endpoint(host, false, None).is_ok(), "{host}");
        }
        for host in ["myorg-myaccount.snowflakecomputing.com", "10.0.0.1", "localhost.example.com"]
        {
            let refusal = endpoint(host, false, None).expect_err(host);
            assert_eq!(refusal, EndpointError::PlainHttp(host.to_owned()));
        }
    }

    #[test]
    fn plain_http_never_goes_through_a_proxy() {
        let refusal = endpoint("127.0.0.1", false, Some("http://127.0.0.1:3128"));
        assert_eq!(refusal.expect_err("a proxy"), EndpointError::PlainHttpProxy);
    }

    #[test]
    fn a_host_with_anything_around_it_is_refused() {
        for host in ["", "a/b", "user@host", "host:1", "https://host", "a b", "host?x"] {
            assert!(matches!(endpoint(host, true, None), Err(EndpointError::Host(_))), "{host:?}");
        }
    }

    #[test]
    fn a_proxy_password_is_decoded_and_never_printed() {
        let login = "http://proxy%2Duser:p%40ss%3aword@proxy.example.com:3128";
        let endpoint = endpoint("host", true, Some(login)).expect("endpoint");
        let header =
            endpoint.proxy().and_then(|proxy| proxy.authorization.as_ref()).expect("login");
        // printf 'proxy-user:p@ss:word' | base64
        assert_eq!(header.as_bytes(), b"Basic cHJveHktdXNlcjpwQHNzOndvcmQ=");
        let printed = format!("{endpoint:?}");
        assert!(!printed.contains("p@ss") && !printed.contains("cHJveHk"), "{printed}");
    }

    #[test]
    fn a_malformed_proxy_is_refused_without_repeating_it() {
        for proxy in [
            "proxy:3128",
            "https://proxy:3128",
            "http://proxy",
            "http://u:hush@",
            "http://u:%zz@p:1",
        ] {
            let refusal = endpoint("host", true, Some(proxy)).expect_err(proxy);
            assert!(!refusal.to_string().contains("hush"));
            assert_eq!(refusal, EndpointError::Proxy);
        }
    }
}
