//! The history of an image: its events, its past states, and what changed between them.
//!
//! All of this only reads the journal's files, beside a running owner or without one. Named subscriptions also write their
//! acknowledged position.

// each module uses only the modules above it
mod source;
mod polling;
mod record_feed;
mod parent;
mod event;
mod typed;
mod moment;
mod query;
mod records;
#[cfg(feature = "admin")]
mod event_log;
#[cfg(feature = "admin")]
mod log_feed;
mod selection;
mod past;
mod changes;
mod diff;
mod journal;
mod subscriptions;

pub use changes::{Change, Changes};
pub use diff::StateDifference;
pub use event::{EventKey, HistoryEvent, RecordedEvent};
#[cfg(feature = "admin")]
pub use event_log::{EventLog, LoggedEvent};
pub use journal::Journal;
pub use moment::Moment;
pub use parent::Parent;
pub use past::Past;
pub use selection::{History, HistoryIter};
pub use subscriptions::{StopHandle, Subscription, SubscriptionInfo, SubscriptionStream};

#[cfg(feature = "admin")]
pub(crate) use log_feed::LogFeed;
#[cfg(feature = "admin")]
pub(crate) use moment::oldest_state;
pub(crate) use polling::{Polling, SHORTEST_PAUSE};
#[cfg(feature = "admin")]
pub(crate) use query::Query;
pub(crate) use record_feed::{Look, ModelFeed};
pub(crate) use source::{JournalSource, LiveJournal};
pub(crate) use subscriptions::SubscriptionHold;
pub(crate) use typed::deliver;
