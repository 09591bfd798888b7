//! The subscription as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::subscription::{NextEvent, Subscription};
use crate::error::Error;
use crate::event::Model;
use crate::history::event::HistoryEvent;
use crate::seq::Seq;

/// A [`Subscription`] as a [`Stream`], for any runtime. [`Subscription::into_stream`] returns it.
///
/// On a running image, the task is woken when an event becomes durable. On [`Journal::open`](crate::Journal::open), a thread wakes
/// it, at most every millisecond and at least every 20 milliseconds. A poll reads the journal's files, mostly from the page cache,
/// and returns one event.
pub struct SubscriptionStream<M: Model> {
    subscription: Subscription<M>,
}

impl<M: Model> Subscription<M> {
    /// The subscription as a [`Stream`], for any runtime.
    pub fn into_stream(self) -> SubscriptionStream<M> {
        SubscriptionStream { subscription: self }
    }
}

impl<M: Model> SubscriptionStream<M> {
    /// The subscription, to ask it for its position.
    pub fn subscription(&self) -> &Subscription<M> {
        &self.subscription
    }

    /// The subscription as an iterator again.
    pub fn into_subscription(self) -> Subscription<M> {
        self.subscription
    }

    /// Like [`Subscription::seq`].
    pub fn seq(&self) -> Seq {
        self.subscription.seq()
    }

    /// Like [`Subscription::acknowledge`]. The write does not wait for the disk.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Subscription::acknowledge`].
    pub fn acknowledge(&mut self, event: &HistoryEvent<M>) -> Result<(), Error> {
        self.subscription.acknowledge(event)
    }

    /// Like [`Subscription::acknowledge_lost`]. The write does not wait for the disk.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Subscription::acknowledge_lost`].
    pub fn acknowledge_lost(&mut self, gap: &Error) -> Result<(), Error> {
        self.subscription.acknowledge_lost(gap)
    }
}

impl<M: Model> Stream for SubscriptionStream<M> {
    type Item = Result<HistoryEvent<M>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let subscription = &mut self.get_mut().subscription;
        let mut is_registered = false;
        loop {
            match subscription.next_event() {
                Ok(NextEvent::Event(event)) => return Poll::Ready(Some(Ok(event))),
                Ok(NextEvent::Ended) => return Poll::Ready(None),
                Ok(NextEvent::Pending) if is_registered => return Poll::Pending,
                Ok(NextEvent::Pending) => match subscription.register(context.waker()) {
                    Ok(true) => is_registered = true,
                    Ok(false) => return Poll::Pending,
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl<M: Model> Unpin for SubscriptionStream<M> {}

impl<M: Model> std::fmt::Debug for SubscriptionStream<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SubscriptionStream").field(&self.subscription).finish()
    }
}
