//! The accept loop of one door: always accept, look at the peer, then serve or shed. A door that stopped
//! accepting at a cap could be held shut by one client.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use pat_wire::error::ErrorCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, Standing, Ticket};
use super::connection::{self, Visitor};
use super::reply;
use super::request::Door;
use crate::house::House;
use crate::peer::{Caller, Unattested, is_root_or_own};

/// Serves one door until told to stop, then waits for the requests in progress. Watches are dropped: whoever
/// watches comes again.
pub async fn serve(
    house: Arc<House>,
    door: Door,
    listener: UnixListener,
    admission: Arc<Admission>,
    stop: CancellationToken,
) {
    let shed = house.facts.room.shed;
    let porch = Porch {
        house,
        door,
        admission,
        stop: stop.clone(),
        tasks: TaskTracker::new(),
        shedding: Arc::new(Semaphore::new(shed)),
    };
    let mut spare = File::open("/dev/null").ok();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => porch.receive(stream),
            Err(error) => spare = unaccepted(&listener, spare, &error).await,
        }
    }
    drop(listener);
    porch.tasks.close();
    porch.tasks.wait().await;
}

struct Porch {
    house: Arc<House>,
    door: Door,
    admission: Arc<Admission>,
    stop: CancellationToken,
    tasks: TaskTracker,
    shedding: Arc<Semaphore>,
}

impl Porch {
    fn receive(&self, stream: UnixStream) {
        let caller = Caller::of(&stream);
        match self.admission.request(uid_of(&caller), self.standing(&caller)) {
            Some(ticket) => self.serve(stream, caller, ticket),
            None => self.shed(stream),
        }
    }

    fn standing(&self, caller: &Result<Caller, Unattested>) -> Standing {
        match caller {
            Ok(caller) if self.is_known(caller.uid) => Standing::Known,
            Ok(_) | Err(_) => Standing::Stranger,
        }
    }

    fn is_known(&self, uid: u32) -> bool {
        match self.door {
            Door::HandOut => {
                self.house.trust.load().is_named(uid) || self.house.leases.has_uid(uid)
            }
            Door::Admin => is_root_or_own(uid),
        }
    }

    fn serve(&self, stream: UnixStream, caller: Result<Caller, Unattested>, ticket: Ticket) {
        let visitor = Visitor {
            house: self.house.clone(),
            door: self.door,
            admission: self.admission.clone(),
            caller,
            ticket,
            stop: self.stop.clone(),
            tasks: self.tasks.clone(),
        };
        self.tasks.spawn(connection::serve(stream, visitor));
    }

    /// Says "busy", once the peer has sent something: an answer before the question can get lost.
    fn shed(&self, stream: UnixStream) {
        if self.door == Door::HandOut {
            self.house.audit.counts().refused(ErrorCode::Busy);
        }
        let Ok(permit) = self.shedding.clone().try_acquire_owned() else { return };
        self.tasks.spawn(async move {
            let _permit = permit;
            let _gone = tokio::time::timeout(SHED_DEADLINE, turn_away(stream)).await;
        });
    }
}

async fn turn_away(mut stream: UnixStream) -> io::Result<()> {
    let mut ignored = [0_u8; 4096];
    let _some = stream.read(&mut ignored).await?;
    stream.write_all(&reply::shed()).await?;
    stream.shutdown().await
}

/// A caller the kernel does not name is counted together with its like.
fn uid_of(caller: &Result<Caller, Unattested>) -> u32 {
    caller.as_ref().map_or(u32::MAX, |caller| caller.uid)
}

/// Out of descriptors, the waiting connection is taken with the spare one and closed: else it would be
/// offered again at once, for ever.
async fn unaccepted(
    listener: &UnixListener,
    spare: Option<File>,
    error: &io::Error,
) -> Option<File> {
    let is_out =
        matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EMFILE | Errno::ENFILE));
    if is_out && spare.is_some() {
        drop(spare);
        let _closed = tokio::time::timeout(SPARE_DEADLINE, listener.accept()).await;
    } else {
        tracing::warn!(error = %error, "Connection not accepted");
        tokio::time::sleep(SPARE_DEADLINE).await;
    }
    File::open("/dev/null").ok()
}

const SHED_DEADLINE: Duration = Duration::from_millis(200);
const SPARE_DEADLINE: Duration = Duration::from_millis(10);
