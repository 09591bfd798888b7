//! The methods of a journal that make, list and remove subscriptions.

use std::sync::Arc;

use super::files::{SubscriptionFiles, SubscriptionInfo};
use super::position::{LockedPosition, has_event};
use super::subscription::Subscription;
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::history::journal::Journal;
use crate::history::record_feed::ModelFeed;
use crate::journal::DurabilityWatch;
use crate::seq::Seq;

impl<M: Model> Journal<M> {
    /// Subscribes to the durable events after event `after`: first those that exist, then each new one. `Seq::ZERO` begins with the
    /// first event of the image; [`durable_seq`](Journal::durable_seq) begins with the next one.
    ///
    /// On a running image, the subscriber is woken as soon as an event is durable. On [`Journal::open`], it looks at the files,
    /// every millisecond while events come and every 20 milliseconds at rest; there it survives restarts and crashes of the owner, and
    /// ends with an error ([`ErrorKind::Replaced`](crate::ErrorKind::Replaced)) if the journal is cut by a repair, restored from a backup
    /// or replaced, so that it no longer continues the events up to the subscription's position.
    /// In the modes `Buffered` and `Interval`, it gets events once they are synced; a subscription does not make the image sync.
    ///
    /// ```
    /// # use memimage::{Image, Model, Seq, Shape};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
    /// # struct Counter { count: u64 }
    /// # #[memimage::commands]
    /// # impl Counter {
    /// #     /// Adds to the count.
    /// #     #[command]
    /// #     fn add(&mut self, number: u64) { self.count += number; }
    /// # }
    /// let counter = Image::<Counter>::in_memory()?;
    /// let mut events = counter.journal().subscribe(Seq::ZERO)?;
    /// counter.add(7)?;
    /// Image::close(counter)?; // the subscription then ends
    /// assert_eq!(events.next().unwrap()?.seq(), Seq::new(1));
    /// assert!(events.next().is_none());
    /// # Ok::<(), memimage::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if event `after` does not exist yet ([`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange)), if the event
    /// after it was pruned ([`ErrorKind::Pruned`](crate::ErrorKind::Pruned)), or if the program does not know the events of the
    /// journal.
    pub fn subscribe(&self, after: Seq) -> Result<Subscription<M>, Error> {
        let begin = self.begin()?;
        self.refuse_later(after, begin.last)?;
        let feed = ModelFeed::open(&self.source, begin.watch, after)?;
        Ok(Subscription::new(&self.source, feed, None))
    }

    /// Takes the named subscription `name`, which remembers in the image's directory what was
    /// [acknowledged](Subscription::acknowledge), and continues after that. A new one begins after event `after`; otherwise `after`
    /// has no effect. Each event comes at least once: an event that was not acknowledged comes again. By its
    /// [key](crate::HistoryEvent::key), a receiver recognizes an event that it has already.
    ///
    /// A name consists of 1 to 64 of the characters `a` to `z`, `0` to `9`, `-` and `_`. A subscription has one subscriber at a time,
    /// in any process. Events that a named subscription has not acknowledged are not pruned, unless
    /// [`Options::retain_for_subscriptions`](crate::Options::retain_for_subscriptions) says so. See
    /// [the guide](crate::guide::subscriptions).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`subscribe`](Journal::subscribe), an error if the name is not allowed or if another subscriber has it
    /// ([`ErrorKind::Locked`](crate::ErrorKind::Locked)), and the errors of reading and creating the file with the position. Returns
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if the journal does not have the acknowledged event, because the image
    /// was restored or repaired.
    pub fn subscribe_as(&self, name: &str, after: Seq) -> Result<Subscription<M>, Error> {
        let files = SubscriptionFiles::new(self.source.disk(), self.source.layout(), name)?;
        let uuid = self.source.uuid()?;
        let begin = self.begin()?;
        let open = |after| ModelFeed::open(&self.source, begin.watch.clone(), after);
        if files.read(&uuid)?.is_none() {
            // an event that does not exist, or that a crash could take back, is refused before anything is created
            self.refuse_later(after, begin.durable)?;
            open(after)?;
        }
        // The journal has the acknowledged event, although the files may no longer prove that the event was synced: after a power
        // cut, `journal/durable` may be an older one.
        let position = LockedPosition::open(&self.source, files, uuid, after)?;
        match open(position.acknowledged()) {
            Ok(feed) => Ok(Subscription::new(&self.source, feed, Some(position))),
            Err(error) => {
                position.remove_if_new();
                Err(error)
            }
        }
    }

    /// The named subscriptions of this image, by name.
    ///
    /// # Errors
    ///
    /// Returns an error if the image's directory cannot be read.
    pub fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>, Error> {
        SubscriptionInfo::list(self.source.disk(), self.source.layout(), &self.source.uuid()?)
    }

    /// Removes a named subscription, so that it no longer keeps events from being pruned. Returns false if there is none.
    ///
    /// # Errors
    ///
    /// Returns an error if a subscriber has the subscription now ([`ErrorKind::Locked`](crate::ErrorKind::Locked)), or if its file
    /// cannot be removed.
    pub fn unsubscribe(&self, name: &str) -> Result<bool, Error> {
        // another image may have taken the place of this one
        self.source.uuid()?;
        SubscriptionFiles::new(self.source.disk(), self.source.layout(), name)?.remove()
    }

    /// What a new subscription follows.
    fn begin(&self) -> Result<Beginning, Error> {
        match self.source.live()? {
            Some(image) => {
                let (last, watch) = image.watch()?;
                Ok(Beginning { last, durable: watch.durable(), watch: Some(watch) })
            }
            None => {
                let durable = self.source.durable("subscribe")?;
                Ok(Beginning { watch: None, last: durable, durable })
            }
        }
    }

    /// Returns an error if event `after` is later than event `last`. Beside an owner in another process, the event may be in the
    /// journal all the same: the files prove only a little later that it was synced.
    fn refuse_later(&self, after: Seq, last: Seq) -> Result<(), Error> {
        if after <= last || (self.source.live()?.is_none() && has_event(&self.source, after)?) {
            return Ok(());
        }
        let path = self.source.layout().root().to_owned();
        Err(Error::new(ErrorDetail::NoSuchEvent { path, seq: after, last }))
    }
}

/// What a new subscription follows.
struct Beginning {
    /// The running image in this process.
    watch: Option<Arc<DurabilityWatch>>,
    /// The last event that exists.
    last: Seq,
    /// The last durable event.
    durable: Seq,
}
