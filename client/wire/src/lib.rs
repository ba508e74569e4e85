//! The socket protocol of PAT Broker, as both ends see it: what may be asked, what may be answered,
//! how large and how slow either may be, and the blocking connection the clients use.
//!
//! HTTP/1.1 with JSON bodies over a Unix path socket, one reply per connection.
//!
//! | socket | method and path | body | reply |
//! |---|---|---|---|
//! | hand-out | `POST /v1/hand-out` | [`message::HandOutRequest`] | [`message::HandOut`] |
//! | hand-out | `POST /v1/list` | empty | [`message::List`] |
//! | hand-out | `POST /v1/watch` | [`message::WatchRequest`] | [`message::WatchReply`] |
//! | admin | `GET /v1/status` | empty | [`admin::Status`] |
//! | admin | `GET /v1/metrics` | empty | [`metrics::Metrics`] |
//! | admin | `GET /metrics` | empty | the same as OpenMetrics, for scrapers |
//! | admin | `POST /v1/rotate` | [`admin::RotateRequest`] | [`admin::Rotated`] |
//! | admin | `POST /v1/revoke` | [`admin::RevokeRequest`] | [`admin::Revoked`] |
//! | admin | `POST /v1/enrol` | [`admin::EnrolRequest`] | [`admin::Enrolled`] |
//! | admin | `POST /v1/explain` | [`admin::ExplainRequest`] | [`admin::Explanation`] |
//! | admin | `POST /v1/log` | [`admin::LogRequest`] | [`admin::LogPage`] |
//! | admin | `GET /v1/leases` | empty | [`admin::LeaseList`] |
//! | admin | `POST /v1/end-lease` | [`admin::EndLeaseRequest`] | [`admin::EndedLease`] |
//! | admin | `POST /v1/reload` | empty | [`admin::Reloaded`] |
//! | admin | `POST /v1/observe` | [`provision::ObserveRequest`] | JSON of the core's `Observed` |
//! | admin | `POST /v1/provision` | [`provision::ProvisionRequest`] | [`provision::Provisioned`] |
//! | admin | `POST /v1/evidence` | [`provision::EvidenceRequest`] | JSON of the core's `Evidence` |
//! | admin | `POST /v1/drift` | [`provision::DriftRequest`] | [`provision::Drift`] |
//! | admin | `POST /v1/retire` | [`provision::RetireRequest`] | [`provision::Retired`] |
//!
//! Any other answer is an [`error::ErrorReply`]. This crate knows no other crate of the project.

#![forbid(unsafe_code)]

pub mod admin;
pub mod connection;
pub mod error;
pub mod limits;
pub mod message;
pub mod metrics;
pub mod places;
pub mod provision;
pub mod secret;
pub mod text;
pub mod trust;
