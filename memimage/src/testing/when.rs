//! The `when` part of a test executes a command. The `then` part states what the test expects of the command's result.

use std::fmt::{self, Debug};
use std::panic::Location;
use std::thread;

use super::given::Given;
use super::model_under_test::{CommandResult, Executed};
use super::recorded_event::{RecordedEvent, Stamp};
use super::reloaded::LOST_HELP;
use crate::context::{Metadata, Timestamp};
use crate::digest::Digest;
use crate::event::{Command, Model, Payload};
use crate::outcome::Outcome;

/// A command that [`Given::when`] executed.
///
/// Each `then_…` method checks its expectation at once. A refusal or a panic fails the test unless one of these methods expects
/// it: `then_refused`, `then_refused_with`, `then_rejected`, `then_no_event` or `then_panicked`.
pub struct When<M: Model, C: Command<M>> {
    inner: Option<ExecutedCommand<M, C>>,
}

struct ExecutedCommand<M: Model, C: Command<M>> {
    given: Given<M>,
    /// The text of the command.
    command: String,
    result: CommandResult<C, M>,
    /// The command's result on a model that was loaded from a snapshot just before the command. This result has the same
    /// outcome as `result`.
    reloaded: CommandResult<C, M>,
    before: Digest,
    recorded: Option<RecordedEvent>,
    /// The location of the call that executed the command.
    location: &'static Location<'static>,
    /// Whether a refusal or a panic was expected.
    expected: bool,
}

impl<M: Model, C: Command<M>> When<M, C> {
    pub(super) fn new(
        given: Given<M>,
        command: String,
        executed: Executed<C, M>,
        before: Digest,
        recorded: Option<RecordedEvent>,
        location: &'static Location<'static>,
    ) -> When<M, C> {
        let Executed { result, reloaded } = executed;
        let inner = ExecutedCommand { given, command, result, reloaded, before, recorded, location, expected: false };
        When { inner: Some(inner) }
    }

    fn inner(&self) -> &ExecutedCommand<M, C> {
        self.inner.as_ref().expect("it is taken only by `and`, which consumes the `When`")
    }

    fn expect(&mut self) {
        self.inner.as_mut().expect("it is taken only by `and`, which consumes the `When`").expected = true;
    }

    #[track_caller]
    fn fail(&self, message: &str) -> ! {
        self.inner().fail(message)
    }

    #[track_caller]
    fn fail_reloaded(&self, expected: &dyn Debug, found: &dyn Debug) -> ! {
        self.fail(&format!(
            "found {expected:?}, as expected, but {found:?} on a model that was loaded from a snapshot before the command\n{LOST_HELP}"
        ))
    }

    /// Expects this answer.
    ///
    /// # Panics
    ///
    /// Panics if the expectation is not met, as all of the following methods do.
    #[track_caller]
    pub fn then_ok(self, expected: C::Output) -> Self
    where
        C::Output: PartialEq + Debug,
    {
        match &self.inner().result {
            CommandResult::Answered(output) if *output == expected => {}
            CommandResult::Answered(output) => {
                self.fail(&format!("expected the answer {expected:?}, found {output:?}"))
            }
            _ => self.fail(&format!("expected the answer {expected:?}, but {}", self.inner().outcome())),
        }
        match &self.inner().reloaded {
            CommandResult::Answered(output) if *output != expected => self.fail_reloaded(&expected, output),
            _ => {}
        }
        self
    }

    /// Expects that the command returned an answer, and calls `look` with this answer.
    #[track_caller]
    pub fn then_ok_with(self, look: impl FnOnce(&C::Output)) -> Self {
        match &self.inner().result {
            CommandResult::Answered(output) => look(output),
            _ => self.fail(&format!("expected an answer, but {}", self.inner().outcome())),
        }
        self
    }

    /// Expects this refusal, by the check or the body.
    #[track_caller]
    pub fn then_refused<E: Debug + ?Sized>(mut self, expected: &E) -> Self
    where
        C::Refusal: PartialEq<E> + Debug,
    {
        match &self.inner().result {
            CommandResult::Refused(refusal) | CommandResult::Rejected(refusal) if *refusal == *expected => {}
            CommandResult::Refused(refusal) | CommandResult::Rejected(refusal) => {
                self.fail(&format!("expected the refusal {expected:?}, found {refusal:?}"));
            }
            _ => self.fail(&format!("expected the refusal {expected:?}, but {}", self.inner().outcome())),
        }
        match &self.inner().reloaded {
            CommandResult::Refused(refusal) | CommandResult::Rejected(refusal) if *refusal != *expected => {
                self.fail_reloaded(&expected, refusal);
            }
            _ => {}
        }
        self.expect();
        self
    }

    /// Expects a refusal, by the check or the body, and calls `look` with it.
    #[track_caller]
    pub fn then_refused_with(mut self, look: impl FnOnce(&C::Refusal)) -> Self {
        match &self.inner().result {
            CommandResult::Refused(refusal) | CommandResult::Rejected(refusal) => look(refusal),
            _ => self.fail(&format!("expected a refusal, but {}", self.inner().outcome())),
        }
        self.expect();
        self
    }

    /// Expects a panic of the check or the body, with a message that contains `expected`. A command that panicked is not
    /// recorded and leaves the state unchanged.
    #[track_caller]
    pub fn then_panicked(mut self, expected: &str) -> Self {
        match &self.inner().result {
            CommandResult::Panicked { message, .. } if message.contains(expected) => {}
            CommandResult::Panicked { message, .. } => {
                self.fail(&format!("expected a panic with {expected:?} in its message, found {message:?}"));
            }
            _ => self.fail(&format!("expected a panic with {expected:?}, but {}", self.inner().outcome())),
        }
        self.expect();
        self
    }

    /// Expects that the command was recorded as this event, and as applied. Compares the encoded payloads, so the payload types
    /// need not be `PartialEq`.
    #[track_caller]
    pub fn then_event<P: Payload<M>>(self, expected: P) -> Self {
        self.recorded_as(expected, Outcome::Applied);
        self
    }

    /// Expects that the command was recorded as this event, and as rejected: its body returned an error.
    #[track_caller]
    pub fn then_rejected<P: Payload<M>>(mut self, expected: P) -> Self {
        self.recorded_as(expected, Outcome::Rejected);
        self.expect();
        self
    }

    /// Expects that nothing was recorded: the check refused the command, or the command panicked.
    #[track_caller]
    pub fn then_no_event(mut self) -> Self {
        if let Some(recorded) = &self.inner().recorded {
            self.fail(&format!("expected no event, found {}", recorded.text()));
        }
        self.expect();
        self
    }

    /// Expects that the state is unchanged.
    #[track_caller]
    pub fn then_unchanged(self) -> Self {
        let inner = self.inner();
        let now = inner.given.or_fail(inner.given.subject.digest());
        if now != inner.before {
            self.fail("expected an unchanged state, found a changed state");
        }
        self
    }

    /// Calls `look` with the state after the command.
    #[track_caller]
    pub fn then(self, look: impl FnOnce(&M)) -> Self {
        self.inner().refuse_unexpected();
        look(&self.inner().given.subject.model);
        self
    }

    /// Executes the next command.
    ///
    /// # Panics
    ///
    /// Panics in the same cases as [`Given::when`].
    #[track_caller]
    pub fn when<N: Command<M>>(self, command: N) -> When<M, N> {
        self.and().when(command)
    }

    /// Sets the clock for the following events and commands.
    #[track_caller]
    pub fn at(self, time: impl Into<Timestamp>) -> Given<M> {
        self.and().at(time)
    }

    /// Sets the metadata of the following events and commands.
    #[track_caller]
    pub fn with(self, metadata: Metadata) -> Given<M> {
        self.and().with(metadata)
    }

    /// Continues the test with the history so far.
    #[track_caller]
    pub fn and(mut self) -> Given<M> {
        self.inner().refuse_unexpected();
        self.inner.take().expect("it is taken only here").given
    }

    #[track_caller]
    fn recorded_as<P: Payload<M>>(&self, payload: P, outcome: Outcome) {
        let inner = self.inner();
        let log = &inner.given.subject.log;
        let (seq, time) = log.last().map_or_else(Default::default, |entry| (entry.origin.seq, entry.time));
        let stamp = Stamp { seq, time, metadata: &Metadata::new(), outcome };
        let expected = inner.given.or_fail(RecordedEvent::of(P::NAME, P::VERSION, &payload, &stamp));
        let same = |found: &&RecordedEvent| {
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
            None => self.fail(&format!("expected {}, but {}", expected.text(), inner.outcome())),
        }
    }
}

impl<M: Model, C: Command<M>> ExecutedCommand<M, C> {
    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        self.given.fail(&format!("when {}: {what}", self.command))
    }

    /// Describes the outcome for messages.
    fn outcome(&self) -> String {
        self.result.outcome()
    }

    #[track_caller]
    fn refuse_unexpected(&self) {
        if let Some(what) = self.unexpected() {
            self.fail(&what);
        }
    }

    fn unexpected(&self) -> Option<String> {
        let went_well = matches!(self.result, CommandResult::Answered(_));
        (!went_well && !self.expected).then(|| format!("unexpected result: {}", self.outcome()))
    }
}

impl<M: Model, C: Command<M>> Drop for When<M, C> {
    fn drop(&mut self) {
        let Some(inner) = self.inner.as_ref().filter(|_| !thread::panicking()) else { return };
        if let Some(what) = inner.unexpected() {
            inner.fail(&format!("{what} (executed at {})", inner.location));
        }
    }
}

impl<M: Model, C: Command<M>> fmt::Debug for When<M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When").field("command", &self.inner().command).finish_non_exhaustive()
    }
}
