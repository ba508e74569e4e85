//! How large, how many and how slow: the limits that hold before the first byte is read.

use std::time::Duration;

/// Bytes of a request or reply head. hyper cannot buffer less than this.
pub const HEAD_BYTES: usize = 8 * 1024;
/// Bytes of a request body on the hand-out socket, and of a hand-out reply.
pub const BODY_BYTES: usize = 8 * 1024;
/// Bytes of an admin request (a statement that names thousands of addresses fits).
pub const ADMIN_BODY_BYTES: usize = 1024 * 1024;
/// Bytes of an admin reply (an observation of an account of 10,000 users fits).
pub const ADMIN_REPLY_BYTES: usize = 32 * 1024 * 1024;
/// Header lines in one head.
pub const HEADERS: usize = 32;
/// How long a peer may take to send its request.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(2);
/// How long a peer may take to accept a reply.
pub const REPLY_DEADLINE: Duration = Duration::from_secs(2);
/// How long a hand-out may wait for a first or fresh secret before it says "not ready".
pub const FRESH_SECRET_WAIT: Duration = Duration::from_secs(20);
/// How long a client waits for any reply but a watch: longer than the daemon may take.
pub const CLIENT_DEADLINE: Duration = Duration::from_secs(30);
/// Requests in progress, of all peers together (watches apart).
pub const REQUESTS_TOTAL: usize = 1024;
/// Requests in progress of one uid (watches apart).
pub const REQUESTS_PER_UID: usize = 64;
/// Watches of all peers together.
pub const WATCHES_TOTAL: usize = 4096;
/// Watches of one uid.
pub const WATCHES_PER_UID: usize = 256;
/// Requests a uid may send at once before the bucket is empty.
pub const BURST_PER_UID: u32 = 200;
/// Requests per second that refill a uid's bucket.
pub const RATE_PER_UID: u32 = 50;
