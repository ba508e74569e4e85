//! Where the orders for one slot wait, and the bell its loop listens to. There is one as long as the loop lives.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::registry::Command;

/// Carry out a command, and say whether what it needs is durable.
pub(super) struct Order {
    /// The command.
    pub(super) command: Command,
    /// Told once the decision is durable.
    pub(super) done: oneshot::Sender<bool>,
}

/// What the loop finds when the bell rang.
pub(super) enum Found {
    /// The oldest order.
    Order(Order),
    /// Somebody found no secret.
    Wish,
    /// None: time passed, a lease ended, or other rules are in force.
    Nothing,
}

/// Orders of one slot, oldest first.
#[derive(Default)]
pub(super) struct Mailbox {
    orders: Mutex<Orders>,
    bell: Notify,
}

#[derive(Default)]
struct Orders {
    waiting: Vec<Order>,
    /// Wishes that nobody heard yet are one.
    is_wanted: bool,
    /// So are rings.
    is_rung: bool,
}

impl Mailbox {
    /// Leaves an order. False: too many wait, and this one was not taken.
    pub(super) fn put(&self, order: Order) -> bool {
        let mut orders = self.orders();
        if orders.waiting.len() >= WAITING {
            return false;
        }
        orders.waiting.push(order);
        drop(orders);
        self.bell.notify_one();
        true
    }

    /// Lets the loop know that somebody found no secret.
    pub(super) fn wish(&self) {
        self.orders().is_wanted = true;
        self.bell.notify_one();
    }

    /// Lets the loop look, without an order.
    pub(super) fn ring(&self) {
        self.orders().is_rung = true;
        self.bell.notify_one();
    }

    /// Returns whether there is nothing that the loop has not heard.
    pub(super) fn is_empty(&self) -> bool {
        let orders = self.orders();
        orders.waiting.is_empty() && !orders.is_wanted && !orders.is_rung
    }

    /// Drops what waits: whoever sent it hears that.
    pub(super) fn clear(&self) {
        self.orders().waiting.clear();
    }

    /// Waits for something to hear. Safe to drop and call again: what is there stays until it is taken.
    pub(super) async fn take(&self) -> Found {
        loop {
            if let Some(found) = self.orders().next() {
                return found;
            }
            self.bell.notified().await;
        }
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Orders {
    fn next(&mut self) -> Option<Found> {
        if !self.waiting.is_empty() {
            return Some(Found::Order(self.waiting.remove(0)));
        }
        // Whoever heeds a wish looks at the time as well.
        let is_rung = std::mem::take(&mut self.is_rung);
        match std::mem::take(&mut self.is_wanted) {
            true => Some(Found::Wish),
            false => is_rung.then_some(Found::Nothing),
        }
    }
}

/// Orders that may wait at one slot.
const WAITING: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn some_order() -> (Order, oneshot::Receiver<bool>) {
        let (done, heard) = oneshot::channel();
        (Order { command: Command::Revoke, done }, heard)
    }

    #[tokio::test]
    async fn orders_are_heard_before_a_wish_and_that_before_a_ring_and_each_once() {
        let mailbox = Mailbox::default();
        mailbox.ring();
        assert!(!mailbox.is_empty());
        assert!(matches!(mailbox.take().await, Found::Nothing));

        mailbox.ring();
        mailbox.wish();
        mailbox.wish();
        mailbox.put(some_order().0);

        assert!(matches!(mailbox.take().await, Found::Order(_)));
        assert!(matches!(mailbox.take().await, Found::Wish));
        assert!(mailbox.is_empty());
    }

    #[test]
    fn more_orders_than_may_wait_are_turned_away() {
        let mailbox = Mailbox::default();
        let taken = (0..WAITING * 2).filter(|_| mailbox.put(some_order().0)).count();
        assert_eq!(taken, WAITING);
    }

    #[tokio::test]
    async fn whoever_waits_for_a_loop_that_ended_hears_it() {
        let mailbox = Mailbox::default();
        let (order, heard) = some_order();
        mailbox.put(order);

        mailbox.clear();

        assert!(heard.await.is_err());
    }
}
