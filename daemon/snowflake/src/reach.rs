//! Whether an endpoint answers at all, without a login: one HEAD request, which shows that the way is there, that the
//! certificate is believed, and what time it is there.

use std::error::Error as _;
use std::io;

use http::{HeaderMap, Method};
use rustls::CertificateError;
use zeroize::Zeroizing;

use crate::chain::chain;
use crate::http::{Client, HttpError, Outgoing};
use crate::sql_api::ServerClock;

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreached {
    /// The certificate of whoever answered is not believed.
    Distrusted(Distrust, String),
    /// No answer.
    Silent(String),
}

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// Nobody we trust issued it.
    Issuer,
    /// It is for another name.
    Name,
    /// It is over, or not yet good.
    Time,
    /// Something else.
    Other,
}

/// Returns by how many seconds the server's clock is ahead of ours, if its answer said. Which answer it is says nothing.
///
/// # Errors
/// There was none, or it cannot be believed.
pub async fn reach(client: &Client) -> Result<Option<i64>, Unreached> {
    let path = "/".to_owned();
    let (headers, body) = (HeaderMap::new(), Zeroizing::default());
    let sent = client.send(Outgoing { method: Method::HEAD, path, headers, body }).await;
    match sent {
        Ok(answer) => {
            let clock = ServerClock::unknown();
            clock.learn(answer.date);
            Ok(clock.skew())
        }
        // The head of an answer was there.
        Err(HttpError::TooLarge { .. } | HttpError::BrokeOff { .. }) => Ok(None),
        Err(error) => Err(unreached(&error)),
    }
}

fn unreached(error: &HttpError) -> Unreached {
    let text = chain(error);
    match tls_fault(error) {
        Some(fault) => Unreached::Distrusted(distrust(fault), text),
        None => Unreached::Silent(text),
    }
}

/// The fault of TLS among the causes, where it is one.
fn tls_fault(error: &HttpError) -> Option<&rustls::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<rustls::Error>() {
            return Some(fault);
        }
        // An I/O error passes over the one it holds: its source is that one's source.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = held.map(|held| held as &dyn std::error::Error).or_else(|| error.source());
    }
    None
}

fn distrust(fault: &rustls::Error) -> Distrust {
    let rustls::Error::InvalidCertificate(why) = fault else { return Distrust::Other };
    // A bad signature: of another CA that has the name of one of ours.
    if matches!(why, CertificateError::UnknownIssuer | CertificateError::BadSignature) {
        return Distrust::Issuer;
    }
    let is_name = matches!(
        why,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    );
    let is_time = matches!(
        why,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    );
    match (is_name, is_time) {
        (true, _) => Distrust::Name,
        (_, true) => Distrust::Time,
        (false, false) => Distrust::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(why: CertificateError) -> Distrust {
        distrust(&rustls::Error::InvalidCertificate(why))
    }

    #[test]
    fn each_fault_of_a_certificate_is_told_apart() {
        assert_eq!(of(CertificateError::UnknownIssuer), Distrust::Issuer);
        assert_eq!(of(CertificateError::BadSignature), Distrust::Issuer);
        assert_eq!(of(CertificateError::NotValidForName), Distrust::Name);
        assert_eq!(of(CertificateError::Expired), Distrust::Time);
        assert_eq!(of(CertificateError::NotValidYet), Distrust::Time);
        assert_eq!(of(CertificateError::Revoked), Distrust::Other);
        assert_eq!(distrust(&rustls::Error::DecryptError), Distrust::Other);
    }
}
