//! When: a command that was run; and then: what is expected of it.

use std::fmt::{self, Debug};
use std::panic::Location;
use std::thread;

use super::entry::{Entry, Stamp};
use super::given::Given;
use super::stage::Ran;
use crate::context::{Metadata, Timestamp};
use crate::digest::Digest;
use crate::event::{Command, Model, Payload};
use crate::outcome::Outcome;

/// A command that was run in a test; [`Given::when`] runs one.
///
/// What the `then_…` expect is looked at where they stand. A command that was refused or panicked fails the test unless
/// one of them expects it: `then_refused`, `then_refused_with`, `then_rejected`, `then_no_event` or `then_panicked`.
pub struct When<M: Model, C: Command<M>> {
    inner: Option<Inner<M, C>>,
}

struct Inner<M: Model, C: Command<M>> {
    given: Given<M>,
    /// The command, as text.
    asked: String,
    ran: Ran<C, M>,
    before: Digest,
    recorded: Option<Entry>,
    /// Where it was run.
    location: &'static Location<'static>,
    /// A refusal or a panic was expected.
    expected: bool,
}

impl<M: Model, C: Command<M>> When<M, C> {
    pub(super) fn new(
        given: Given<M>,
        asked: String,
        ran: Ran<C, M>,
        before: Digest,
        recorded: Option<Entry>,
        location: &'static Location<'static>,
    ) -> When<M, C> {
        When { inner: Some(Inner { given, asked, ran, before, recorded, location, expected: false }) }
    }

    fn inner(&self) -> &Inner<M, C> {
        self.inner.as_ref().expect("it is taken out when the test goes on")
    }

    fn expect(&mut self) {
        self.inner.as_mut().expect("it is taken out when the test goes on").expected = true;
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        self.inner().fail(what)
    }

    /// It answered this.
    ///
    /// # Panics
    ///
    /// If it did not; and so for each of the following.
    #[track_caller]
    pub fn then_ok(self, expected: C::Output) -> Self
    where
        C::Output: PartialEq + Debug,
    {
        match &self.inner().ran {
            Ran::Answered(output) if *output == expected => {}
            Ran::Answered(output) => self.fail(&format!("expected the answer {expected:?}, found {output:?}")),
            _ => self.fail(&format!("expected the answer {expected:?}, found that {}", self.inner().outcome())),
        }
        self
    }

    /// It answered, and this looks at the answer.
    #[track_caller]
    pub fn then_ok_with(self, look: impl FnOnce(&C::Output)) -> Self {
        match &self.inner().ran {
            Ran::Answered(output) => look(output),
            _ => self.fail(&format!("expected an answer, found that {}", self.inner().outcome())),
        }
        self
    }

    /// It was refused, by its check or its body, and so.
    #[track_caller]
    pub fn then_refused<E: Debug + ?Sized>(mut self, expected: &E) -> Self
    where
        C::Refusal: PartialEq<E> + Debug,
    {
        match &self.inner().ran {
            Ran::Refused(refusal) | Ran::Rejected(refusal) if *refusal == *expected => {}
            Ran::Refused(refusal) | Ran::Rejected(refusal) => {
                self.fail(&format!("expected the refusal {expected:?}, found {refusal:?}"));
            }
            _ => self.fail(&format!("expected the refusal {expected:?}, found that {}", self.inner().outcome())),
        }
        self.expect();
        self
    }

    /// It was refused, by its check or its body, and this looks at the refusal.
    #[track_caller]
    pub fn then_refused_with(mut self, look: impl FnOnce(&C::Refusal)) -> Self {
        match &self.inner().ran {
            Ran::Refused(refusal) | Ran::Rejected(refusal) => look(refusal),
            _ => self.fail(&format!("expected a refusal, found that {}", self.inner().outcome())),
        }
        self.expect();
        self
    }

    /// Its check or its body panicked, with a message that contains this. It is not recorded then, and the state is as
    /// before.
    #[track_caller]
    pub fn then_panicked(mut self, expected: &str) -> Self {
        match &self.inner().ran {
            Ran::Panicked { message, .. } if message.contains(expected) => {}
            Ran::Panicked { message, .. } => {
                self.fail(&format!("expected a panic with {expected:?} in its message, found {message:?}"));
            }
            _ => self.fail(&format!("expected a panic with {expected:?}, found that {}", self.inner().outcome())),
        }
        self.expect();
        self
    }

    /// It was recorded as this event, and applied. Compared as it stands in the journal: payloads need not be `PartialEq`.
    #[track_caller]
    pub fn then_event<P: Payload<M>>(self, expected: P) -> Self {
        self.recorded_as(expected, Outcome::Applied);
        self
    }

    /// It was recorded as this event, and as rejected: its body returned an error.
    #[track_caller]
    pub fn then_rejected<P: Payload<M>>(mut self, expected: P) -> Self {
        self.recorded_as(expected, Outcome::Rejected);
        self.expect();
        self
    }

    /// Nothing was recorded: its check refused it, or it panicked.
    #[track_caller]
    pub fn then_no_event(mut self) -> Self {
        if let Some(recorded) = &self.inner().recorded {
            self.fail(&format!("expected no event, found {}", recorded.text()));
        }
        self.expect();
        self
    }

    /// The state is as before.
    #[track_caller]
    pub fn then_unchanged(self) -> Self {
        let inner = self.inner();
        let now = inner.given.or_fail(inner.given.stage.digest());
        if now != inner.before {
            self.fail("expected the state as before, found another");
        }
        self
    }

    /// Looks at the state after it.
    #[track_caller]
    pub fn then(self, look: impl FnOnce(&M)) -> Self {
        self.inner().refuse_unexpected();
        look(&self.inner().given.stage.model);
        self
    }

    /// Runs the next command.
    ///
    /// # Panics
    ///
    /// As [`Given::when`].
    #[track_caller]
    pub fn when<N: Command<M>>(self, command: N) -> When<M, N> {
        self.and().when(command)
    }

    /// Sets the clock for what comes next.
    #[track_caller]
    pub fn at(self, time: impl Into<Timestamp>) -> Given<M> {
        self.and().at(time)
    }

    /// Who runs what comes next, and why.
    #[track_caller]
    pub fn with(self, metadata: Metadata) -> Given<M> {
        self.and().with(metadata)
    }

    /// All that has happened so far, as what is given for what comes next.
    #[track_caller]
    pub fn and(mut self) -> Given<M> {
        self.inner().refuse_unexpected();
        self.inner.take().expect("it is taken out here only").given
    }

    #[track_caller]
    fn recorded_as<P: Payload<M>>(&self, payload: P, outcome: Outcome) {
        let inner = self.inner();
        let log = &inner.given.stage.log;
        let (seq, time) = log.last().map_or_else(Default::default, |entry| (entry.origin.seq, entry.time));
        let stamp = Stamp { seq, time, metadata: &Metadata::new(), outcome };
        let expected = inner.given.or_fail(Entry::of(P::NAME, P::VERSION, &payload, &stamp));
        let same = |found: &&Entry| {
            let names = (&found.name, found.version) == (&expected.name, expected.version);
            names && found.payload == expected.payload && found.outcome == outcome
        };
        match &inner.recorded {
            recorded if recorded.as_ref().is_some_and(|found| same(&found)) => {}
            Some(found) => {
                self.fail(&format!(
                    "expected another event\n  expected {}\n  found    {}",
                    expected.text(),
                    found.text()
                ));
            }
            None => self.fail(&format!("expected {}, found that {}", expected.text(), inner.outcome())),
        }
    }
}

impl<M: Model, C: Command<M>> Inner<M, C> {
    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        self.given.fail(&format!("when {}: {what}", self.asked))
    }

    /// What came of it, for messages. A refusal is known by its kind only, since nothing is asked of its type.
    fn outcome(&self) -> String {
        match &self.ran {
            Ran::Answered(_) => "it answered, and was recorded as applied".to_owned(),
            Ran::Refused(_) => "its check refused it, and nothing was recorded".to_owned(),
            Ran::Rejected(_) => "its body refused it, and it was recorded as rejected".to_owned(),
            Ran::Panicked { place, message } => format!("its {place} panicked: {message}"),
        }
    }

    #[track_caller]
    fn refuse_unexpected(&self) {
        if let Some(what) = self.unexpected() {
            self.fail(&what);
        }
    }

    fn unexpected(&self) -> Option<String> {
        let went_well = matches!(self.ran, Ran::Answered(_));
        (!went_well && !self.expected).then(|| format!("nothing expects it, but {}", self.outcome()))
    }
}

impl<M: Model, C: Command<M>> Drop for When<M, C> {
    fn drop(&mut self) {
        let Some(inner) = self.inner.as_ref().filter(|_| !thread::panicking()) else { return };
        if let Some(what) = inner.unexpected() {
            inner.fail(&format!("{what} (it was run at {})", inner.location));
        }
    }
}

impl<M: Model, C: Command<M>> fmt::Debug for When<M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When").field("asked", &self.inner().asked).finish_non_exhaustive()
    }
}
