//! The search of the change log: which events, from the parameters of the page.

use memimage::admin::{EventCondition, ImageReader, LoggedEvent, parse_moment};
use memimage::{ErrorKind, Metadata, Moment, Seq, Timestamp};

use crate::link::link;
use crate::problem::Problem;
use crate::query::{Parameters, Refused};
use crate::values::contains;

/// The parameters of a search, as the user wrote them. An empty one is not given.
#[derive(Clone, Debug, Default)]
pub(crate) struct SearchForm {
    pub(crate) text: String,
    pub(crate) name: String,
    pub(crate) actor: String,
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) condition: String,
    /// `rejected` or `void`; empty for all events.
    pub(crate) outcome: String,
}

impl Parameters for SearchForm {
    fn names() -> Vec<&'static str> {
        vec!["text", "name", "actor", "from", "until", "where", "outcome"]
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Refused> {
        match name {
            "text" => self.text = value,
            "name" => self.name = value,
            "actor" => self.actor = value,
            "from" => self.from = value,
            "until" => self.until = value,
            "where" => self.condition = value,
            "outcome" => self.outcome = value,
            _ => return Err(Refused::Unknown),
        }
        Ok(())
    }
}

/// Which events are wanted.
#[derive(Debug)]
pub(crate) struct Search {
    first: Seq,
    last: Option<Seq>,
    text: String,
    name: String,
    actor: String,
    condition: Option<EventCondition>,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Any,
    Rejected,
    Void,
}

impl SearchForm {
    /// The address of a page with this search and further parameters.
    pub(crate) fn link(&self, page: &str, further: &[(&str, &str)]) -> String {
        let own = [
            ("text", &*self.text),
            ("name", &self.name),
            ("actor", &self.actor),
            ("from", &self.from),
            ("until", &self.until),
            ("where", &self.condition),
            ("outcome", &self.outcome),
        ];
        link(page, &[&own, further].concat())
    }

    /// Whether all events are wanted.
    pub(crate) fn is_empty(&self) -> bool {
        self.link("", &[]).is_empty()
    }

    /// Looks up the moments in the journal.
    pub(crate) fn search(&self, reader: &ImageReader) -> Result<Search, Problem> {
        let condition = match self.condition.trim() {
            "" => None,
            text => Some(text.parse().map_err(|error: String| Problem::bad("where", error))?),
        };
        let outcome = match &*self.outcome {
            "" => Outcome::Any,
            "rejected" => Outcome::Rejected,
            "void" => Outcome::Void,
            _ => return Err(Problem::bad("outcome", "must be `rejected` or `void`")),
        };
        let first = match moment("from", &self.from)? {
            None => Seq::ZERO,
            Some(Moment::Seq(seq)) => seq,
            Some(Moment::Time(time)) => {
                let before = Timestamp::from_micros(time.as_micros().saturating_sub(1));
                seq_until(reader, before)?.map_or(Seq::ZERO, Seq::next)
            }
        };
        let last = match moment("until", &self.until)? {
            None => None,
            Some(Moment::Seq(seq)) => Some(seq),
            Some(Moment::Time(time)) => Some(seq_until(reader, time)?.unwrap_or(Seq::ZERO)),
        };
        let [text, name, actor] = [&self.text, &self.name, &self.actor].map(|text| text.trim().to_owned());
        Ok(Search { first, last, text: text.to_lowercase(), name, actor, condition, outcome })
    }
}

fn moment(parameter: &str, text: &str) -> Result<Option<Moment>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => parse_moment(text).map(Some).map_err(|error| Problem::bad(parameter, error)),
    }
}

/// The last event until a time; `None` if the journal has none. A time in the future is the end of the journal.
fn seq_until(reader: &ImageReader, time: Timestamp) -> Result<Option<Seq>, Problem> {
    let now = Timestamp::from(now());
    match reader.seq_at(time.min(now)) {
        Ok(seq) => Ok(Some(seq)),
        Err(error) if matches!(error.kind(), ErrorKind::OutOfRange | ErrorKind::Pruned) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The time of the wall clock.
pub(crate) fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

impl Search {
    /// The first and the last event that can be wanted; the last one is `None` for the end of the journal.
    pub(crate) fn range(&self) -> (Seq, Option<Seq>) {
        (self.first, self.last)
    }

    pub(crate) fn wants(&self, event: &LoggedEvent) -> bool {
        let recorded = event.recorded();
        let is_wanted = match self.outcome {
            Outcome::Any => true,
            Outcome::Rejected => event.is_rejected(),
            Outcome::Void => event.is_void(),
        };
        is_wanted
            && event.seq() >= self.first
            && self.last.is_none_or(|last| event.seq() <= last)
            && (self.name.is_empty() || recorded.name() == self.name)
            && (self.actor.is_empty() || event.metadata().get(Metadata::ACTOR) == Some(&self.actor))
            && self.condition.as_ref().is_none_or(|condition| condition.is_met_by(event))
            && (self.text.is_empty() || self.has_text(event))
    }

    fn has_text(&self, event: &LoggedEvent) -> bool {
        let has = |text: &str| text.to_lowercase().contains(&self.text);
        has(event.recorded().name())
            || event.metadata().iter().any(|(_, value)| has(value))
            || event.recorded().value().is_ok_and(|value| contains(&value, &self.text))
    }
}
