//! Where the orders for one slot wait, and the bell its loop listens to. Smaller than a channel, since there
//! are a thousand of them and nearly all are empty.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::actor::Terms;
use super::registry::Command;

/// What the loop of a slot is told.
pub(super) enum Order {
    /// Carry out a command, and say whether what it needs is durable.
    Command {
        /// The command.
        command: Command,
        /// Told once the decision is durable.
        done: oneshot::Sender<bool>,
    },
    /// Live by these from now on.
    Terms {
        /// The new ones.
        terms: Terms,
        /// Told once nobody is served by the old ones any more.
        done: oneshot::Sender<()>,
    },
}

/// What the loop finds when the bell rang.
pub(super) enum Found {
    /// The oldest order.
    Order(Order),
    /// Somebody found no secret.
    Wish,
    /// None: time passed, or a lease ended.
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
    is_closed: bool,
}

impl Mailbox {
    /// Leaves an order. False: too many wait, and this one was not taken.
    pub(super) fn put(&self, order: Order) -> bool {
        let mut orders = self.orders();
        if orders.is_closed || orders.waiting.len() >= WAITING {
            return false;
        }
        orders.waiting.push(order);
        drop(orders);
        self.ring();
        true
    }

    /// Leaves an order that comes before all others and is never turned away.
    pub(super) fn put_first(&self, order: Order) {
        let mut orders = self.orders();
        if !orders.is_closed {
            orders.waiting.insert(0, order);
        }
        drop(orders);
        self.ring();
    }

    /// Turns every order away from now on, those that wait included: their senders hear that at once.
    pub(super) fn close(&self) {
        let mut orders = self.orders();
        orders.is_closed = true;
        orders.waiting.clear();
    }

    /// Lets the loop know that somebody found no secret.
    pub(super) fn wish(&self) {
        self.orders().is_wanted = true;
        self.ring();
    }

    /// Lets the loop look, without an order. Rings that nobody heard yet are one.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Waits for the bell. Safe to drop and call again: an order stays until it is taken.
    pub(super) async fn take(&self) -> Found {
        self.bell.notified().await;
        let mut orders = self.orders();
        if orders.waiting.is_empty() {
            let is_wanted = std::mem::take(&mut orders.is_wanted);
            return if is_wanted { Found::Wish } else { Found::Nothing };
        }
        let order = orders.waiting.remove(0);
        if orders.waiting.is_empty() {
            orders.waiting.shrink_to_fit();
        }
        if orders.is_wanted || !orders.waiting.is_empty() {
            self.bell.notify_one();
        }
        Found::Order(order)
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Orders that may wait at one slot.
const WAITING: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn some_order() -> (Order, oneshot::Receiver<bool>) {
        let (done, heard) = oneshot::channel();
        (Order::Command { command: Command::Revoke, done }, heard)
    }

    #[tokio::test]
    async fn every_order_is_found_once_though_the_bell_rang_once() {
        let mailbox = Mailbox::default();
        assert!(mailbox.put(some_order().0) && mailbox.put(some_order().0));
        mailbox.ring();

        assert!(matches!(mailbox.take().await, Found::Order(_)));
        assert!(matches!(mailbox.take().await, Found::Order(_)));
        mailbox.ring();
        assert!(matches!(mailbox.take().await, Found::Nothing));
    }

    #[tokio::test]
    async fn a_wish_is_heard_once_and_after_the_orders_that_wait() {
        let mailbox = Mailbox::default();
        mailbox.wish();
        mailbox.wish();
        mailbox.put(some_order().0);

        assert!(matches!(mailbox.take().await, Found::Order(_)));
        assert!(matches!(mailbox.take().await, Found::Wish));
        mailbox.ring();
        assert!(matches!(mailbox.take().await, Found::Nothing));
    }

    #[tokio::test]
    async fn more_than_may_wait_are_not_taken() {
        let mailbox = Mailbox::default();
        let taken = (0..WAITING * 2).filter(|_| mailbox.put(some_order().0)).count();
        assert_eq!(taken, WAITING);
    }

    #[tokio::test]
    async fn whoever_waits_for_a_loop_that_ended_hears_it() {
        let mailbox = Mailbox::default();
        let (order, heard) = some_order();
        mailbox.put(order);

        mailbox.close();

        assert!(heard.await.is_err() && !mailbox.put(some_order().0));
    }
}
