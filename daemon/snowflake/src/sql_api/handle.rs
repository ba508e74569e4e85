//! What is asked about a statement by its handle: its outcome, and the further partitions of its result. Asking may be
//! repeated: it changes nothing.

use http::{Method, StatusCode};
use patd_core::lifecycle::{Failure, Refusal};
use tokio::time::{Duration, Instant, sleep};
use zeroize::Zeroizing;

use super::{Notice, SqlApi};
use crate::http::Answer;

impl SqlApi {
    /// Returns the body of the outcome of a statement that takes longer.
    pub(super) async fn outcome(&self, handle: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        sleep(FIRST_PAUSE).await;
        self.fetch(&format!("/api/v2/statements/{handle}")).await.map(|answer| answer.body)
    }

    /// Returns a further partition of a result (snowflake docs: developer-guide/sql-api/handling-responses).
    /// That it does not come says nothing about the statement: it was carried out.
    pub(super) async fn partition(&self, handle: &str, number: usize) -> Result<Answer, Failure> {
        let path = format!("/api/v2/statements/{handle}?partition={number}");
        self.fetch(&path).await.map_err(|failure| {
            let why = match failure {
                Failure::Refused(Refusal { code, message, .. }) => format!("{code} {message}"),
                Failure::Unclear(why) => why,
            };
            Failure::Unclear(format!("partition {number} of the result did not come: {why}"))
        })
    }

    async fn fetch(&self, path: &str) -> Result<Answer, Failure> {
        let give_up = Instant::now() + self.client.limits().poll;
        let mut pause = FIRST_PAUSE;
        loop {
            let issued = self.clock.issue_time();
            let sent = self.send(Method::GET, path.to_owned(), Zeroizing::default(), issued).await;
            let last = match sent {
                Ok(answer) => match self.fetched(answer) {
                    Fetched::Done(outcome) => return outcome,
                    Fetched::NotYet(why) => why,
                },
                Err(Failure::Unclear(why)) => why,
                Err(refused) => return Err(refused),
            };
            if Instant::now() + pause >= give_up {
                return Err(Failure::Unclear(format!("gave up asking for the outcome: {last}")));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn fetched(&self, answer: Answer) -> Fetched {
        if answer.status == StatusCode::OK {
            return Fetched::Done(Ok(answer));
        }
        let notice = Notice::parse(&answer.body);
        match answer.status {
            StatusCode::ACCEPTED => Fetched::NotYet("still running".into()),
            StatusCode::UNPROCESSABLE_ENTITY => {
                Fetched::Done(Err(self.refused(answer.status, &notice)))
            }
            status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                Fetched::NotYet(self.http_text(status, &notice))
            }
            // Anything else refuses the question, not the statement.
            status => Fetched::Done(Err(self.unclear(status, &notice))),
        }
    }
}

/// What one look showed.
enum Fetched {
    Done(Result<Answer, Failure>),
    NotYet(String),
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
