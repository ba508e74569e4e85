//! Whether the daemon's own loops live. The service manager's watchdog is told so from here, and from nowhere else:
//! it ends a daemon that says nothing.

use std::sync::OnceLock;

use tokio::task::AbortHandle;

/// The loops without which the daemon is of no use.
#[derive(Debug, Default)]
pub struct Pulse {
    loops: OnceLock<Vec<AbortHandle>>,
}

impl Pulse {
    /// Names the loops. Called once, when they have begun.
    pub fn watch(&self, loops: Vec<AbortHandle>) {
        self.loops.get_or_init(|| loops);
    }

    /// Returns whether there are loops, and none has ended: one that panicked leaves a door that nobody opens.
    pub fn beats(&self) -> bool {
        self.loops.get().is_some_and(|loops| !loops.iter().any(AbortHandle::is_finished))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_that_ended_ends_the_pulse() {
        let pulse = Pulse::default();
        assert!(!pulse.beats(), "nothing has begun");
        let (lives, ends) = (tokio::spawn(std::future::pending::<()>()), tokio::spawn(async {}));
        let (one, other) = (lives.abort_handle(), ends.abort_handle());

        let of_both = Pulse::default();
        pulse.watch(vec![one.clone()]);
        ends.await.unwrap();
        of_both.watch(vec![one, other]);

        assert!(pulse.beats());
        assert!(!of_both.beats());
    }
}
