//! The oracle of the observers: a named subscription, a projection and followers, which see durable events only. It records all
//! that they have seen and acknowledged, and checks a recovered image against it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use memimage::{Image, Seq};

use crate::ending::EndKind;
use crate::model::{Mark, MarkList};

/// The name of the subscription.
pub(crate) const SUBSCRIPTION: &str = "mailer";

/// What the observers have seen up to now.
#[derive(Debug, Default)]
pub(crate) struct ObservedRecord(Mutex<Observed>);

/// What the observers had seen at some moment, in this lifetime and in earlier ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// The longest state that a projection or follower has shown: its marks and its last event.
    shown: Vec<Mark>,
    shown_seq: u64,
    /// The events that the subscription has returned, from the first event of the image on; `None` for a rejected command.
    delivered: Vec<Option<Mark>>,
    /// `None` until the subscription was created.
    position: Option<Position>,
}

/// The last event of the subscription for which an acknowledgement has begun, has returned, and was synced.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    begun: u64,
    returned: u64,
    synced: u64,
}

impl ObservedRecord {
    /// The record of a lifetime that begins after this.
    pub(crate) fn after(before: Observed) -> ObservedRecord {
        ObservedRecord(Mutex::new(before))
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Observed {
        self.lock().clone()
    }

    /// A projection or follower has shown a state with these marks, after this event.
    ///
    /// # Errors
    ///
    /// The state has other marks than one that was shown before.
    pub(crate) fn show(&self, marks: Vec<Mark>, seq: u64) -> Result<(), String> {
        self.lock().show(marks, seq)
    }

    /// The subscription has returned an event.
    ///
    /// # Errors
    ///
    /// An event before it was never returned, or it was another event before.
    pub(crate) fn deliver(&self, seq: u64, mark: Option<Mark>) -> Result<(), String> {
        let mut observed = self.lock();
        let delivered = observed.delivered.len() as u64;
        match observed.delivered.get(seq as usize - 1) {
            None if seq == delivered + 1 => observed.delivered.push(mark),
            None => return Err(format!("event {seq} came after event {delivered}")),
            Some(before) if *before != mark => return Err(format!("event {seq} was {before:?}, and came as {mark:?}")),
            Some(_) => {}
        }
        Ok(())
    }

    /// Whether the subscription was created.
    pub(crate) fn is_subscribed(&self) -> bool {
        self.lock().position.is_some()
    }

    /// The subscription was taken, and had acknowledged this event before.
    ///
    /// # Errors
    ///
    /// It has another position than the one that was acknowledged.
    pub(crate) fn subscribed(&self, acknowledged: u64) -> Result<(), String> {
        let mut observed = self.lock();
        let Position { begun, returned, .. } = *observed.position.get_or_insert_default();
        match (returned..=begun).contains(&acknowledged) {
            true => Ok(()),
            false => Err(format!("acknowledged up to {returned} to {begun}, but the position is {acknowledged}")),
        }
    }

    pub(crate) fn begin_acknowledgement(&self, seq: u64) {
        self.update(|position| position.begun = position.begun.max(seq));
    }

    pub(crate) fn acknowledged(&self, seq: u64) {
        self.update(|position| position.returned = position.returned.max(seq));
    }

    pub(crate) fn synced(&self) {
        self.update(|position| position.synced = position.returned);
    }

    fn update(&self, update: impl FnOnce(&mut Position)) {
        update(self.lock().position.as_mut().expect("the subscription exists"));
    }
}

impl Observed {
    fn show(&mut self, marks: Vec<Mark>, seq: u64) -> Result<(), String> {
        if !(marks.starts_with(&self.shown) || self.shown.starts_with(&marks)) {
            return Err(format!("{marks:?} were shown, and {:?} before", self.shown));
        }
        if marks.len() > self.shown.len() {
            self.shown = marks;
        }
        self.shown_seq = self.shown_seq.max(seq);
        Ok(())
    }

    /// How many events the subscription has returned.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.len() as u64
    }

    /// Checks an image with these marks that was recovered after this. What was seen must be there, in every mode and after every
    /// end. Returns what the next lifetime begins with.
    ///
    /// # Errors
    ///
    /// The promise that was broken.
    pub(crate) fn check(
        mut self,
        image: &Image<MarkList>,
        marks: &[Mark],
        ending: EndKind,
        may_fail: bool,
    ) -> Result<Observed, String> {
        let seq = image.journal().seq().get();
        let seen = self.shown_seq.max(self.delivered());
        if seq < seen {
            return Err(format!("an observer has seen event {seen}, but recovered only {seq}"));
        }
        let delivered: Vec<Mark> = self.delivered.iter().copied().flatten().collect();
        for (observer, seen) in [("a subscriber", &delivered), ("a projection or a follower", &self.shown)] {
            if !marks.starts_with(seen) {
                return Err(format!("{observer} has seen {seen:?}, but recovered {marks:?}"));
            }
        }
        let found = match image.journal().subscriptions() {
            Ok(found) => found,
            Err(_) if may_fail => return Ok(self),
            Err(error) => return Err(format!("the subscriptions cannot be listed: {error}")),
        };
        let found = found.into_iter().find(|info| info.name == SUBSCRIPTION);
        match (&mut self.position, found) {
            (None, None) => {}
            (Some(_), None) => return Err("the subscription is gone".to_owned()),
            // no call has returned it, so it may be gone after the next power cut
            (None, Some(info)) => {
                let acknowledged = info.acknowledged.ok_or("the position of a new subscription is damaged")?;
                if acknowledged != Seq::ZERO {
                    return Err(format!("a new subscription has acknowledged event {acknowledged}"));
                }
            }
            (Some(position), Some(info)) => {
                let Position { begun, returned, synced } = *position;
                let found = info.acknowledged.ok_or("the position of the subscription is damaged")?.get();
                let least = if ending == EndKind::Kill { returned } else { synced };
                if !(least..=begun).contains(&found) {
                    return Err(format!("acknowledged up to {least} to {begun}, but the position is {found}"));
                }
                *position = Position { begun: found, returned: found, synced };
            }
        }
        Ok(self)
    }
}
