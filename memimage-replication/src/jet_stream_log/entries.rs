//! Appends and reads of entries: one message of the stream for each entry, whose sequence is the entry's position.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{Info, PurgeResponse, RawMessage};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::connection::{Connection, unavailable};
use super::stream_settings::subject_of;
use crate::entry::damaged;
use crate::log_error::{LogError, LogErrorKind};
use crate::remote_log::{Append, Bounds};

/// The reads that are in flight at the same time, at most.
const READS: usize = 32;
/// How often a missing entry is read before it counts as lost. After an election, a former leader may answer for a moment.
const ATTEMPTS: u32 = 5;
/// The pause before an append that may succeed soon is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// The stream that holds the entries.
#[derive(Clone)]
pub(super) struct Entries {
    pub(super) connection: Connection,
    pub(super) stream: String,
}

impl Entries {
    /// Publishes an entry, expecting that the last one is that before `position`.
    ///
    /// A leader refuses an append also if it has accepted another at this position that is not in the log yet. If it is cut off from the other
    /// servers, that one never gets there. So the entry is published again until the position is taken, or the time limit is over.
    pub(super) async fn append(&self, position: u64, entry: Bytes) -> Result<Append, LogError> {
        let start = Instant::now();
        loop {
            match self.publish(position, entry.clone()).await? {
                Append::Done => return Ok(Append::Done),
                Append::Occupied if self.bounds().await?.end != position => return Ok(Append::Occupied),
                Append::Occupied => {}
            }
            if start.elapsed() >= self.connection.time_limit {
                self.connection.give_up(start).await;
                let what = format!("another append at position {position} is neither in the log nor refused");
                return Err(unavailable(&self.connection.address, &what));
            }
            sleep(PAUSE).await;
        }
    }

    async fn publish(&self, position: u64, entry: Bytes) -> Result<Append, LogError> {
        // no message id: deduplication forgets after a while, and the expectation does not
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_STREAM, self.stream.as_str());
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, (position - 1).to_string());
        let answer = self.connection.request(&subject_of(&self.stream), Some(headers), entry).await?;
        match self.connection.decode::<PublishAck>(&answer)? {
            Ok(ack) => self.verify_ack(&ack, position),
            Err(error) if is_wrong_last_sequence(error.error_code()) => Ok(Append::Occupied),
            Err(error) => Err(self.connection.refusal(&format!("the append at position {position} failed"), &error)),
        }
    }

    fn verify_ack(&self, ack: &PublishAck, position: u64) -> Result<Append, LogError> {
        if ack.stream == self.stream && ack.sequence == position && !ack.duplicate {
            return Ok(Append::Done);
        }
        let message = format!(
            "`{}` acknowledged the append at position {position} as message {} of the stream `{}`{}: the servers do not keep the promise of \
             a log; help: begin a new log on another stream, and report the servers' version",
            self.connection.address,
            ack.sequence,
            ack.stream,
            if ack.duplicate { ", a duplicate" } else { "" }
        );
        Err(LogError::new(LogErrorKind::Damaged, message))
    }

    /// The information of the stream's leader.
    pub(super) async fn info(&self) -> Result<Info, LogError> {
        let info = self.connection.api(&format!("STREAM.INFO.{}", self.stream), &serde_json::json!({})).await?;
        info.map_err(|error| self.connection.refusal(&format!("the stream `{}` cannot be found", self.stream), &error))
    }

    pub(super) async fn bounds(&self) -> Result<Bounds, LogError> {
        let state = self.info().await?.state;
        let end = state.last_sequence + 1;
        // the first sequence of an empty stream is 0 if it never had a message
        let first = if state.messages == 0 { end } else { state.first_sequence };
        Ok(Bounds { first, end })
    }

    /// The entries from `position` on.
    pub(super) async fn read(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let Some(first) = self.first(position).await? else {
            return Ok(Vec::new());
        };
        let (mut longest, mut total) = (first.len(), first.len());
        let mut entries = vec![first];
        let mut in_flight = 1;
        // each round asks for twice as many as the one before, as long as entries of the size seen so far have room
        while total < bytes_max {
            in_flight = (in_flight * 2).min(READS).min((bytes_max - total) / longest.max(1)).max(1);
            let next = position + entries.len() as u64;
            let wanted = stream::iter(next..next + in_flight as u64);
            let mut round = wanted.map(|position| self.get(position)).buffered(in_flight);
            let mut count = 0;
            while let Some(Some(entry)) = round.try_next().await? {
                if total + entry.len() > bytes_max {
                    return Ok(entries);
                }
                longest = longest.max(entry.len());
                total += entry.len();
                count += 1;
                entries.push(entry);
            }
            // the end of the log, or a gap: the next call, which begins there, tells
            if count < in_flight {
                break;
            }
        }
        Ok(entries)
    }

    /// The entry at `position`. None if the log ends there or before.
    async fn first(&self, position: u64) -> Result<Option<Vec<u8>>, LogError> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep(PAUSE * attempt).await;
            }
            if let Some(entry) = self.get(position).await? {
                return Ok(Some(entry));
            }
            let bounds = self.bounds().await?;
            if position >= bounds.end {
                return Ok(None);
            }
            if position < bounds.first {
                let message = format!(
                    "the entry at position {position} of `{}` was pruned: the log begins at position {}; help: begin with a snapshot",
                    self.connection.address, bounds.first
                );
                return Err(LogError::new(LogErrorKind::Pruned, message));
            }
        }
        Err(damaged(&self.connection.address, position, "it is missing, although the stream has later ones"))
    }

    /// The message at `position`, from the stream's leader. None if the leader has none there.
    async fn get(&self, position: u64) -> Result<Option<Vec<u8>>, LogError> {
        #[derive(Serialize)]
        struct Wanted {
            seq: u64,
        }
        #[derive(Deserialize)]
        struct Answer {
            message: RawMessage,
        }
        let subject = format!("STREAM.MSG.GET.{}", self.stream);
        let message = match self.connection.api::<Answer>(&subject, &Wanted { seq: position }).await? {
            Ok(answer) => answer.message,
            Err(error) if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => return Ok(None),
            Err(error) => {
                return Err(self
                    .connection
                    .refusal(&format!("the entry at position {position} cannot be read"), &error));
            }
        };
        let damaged = |what: &str| damaged(&self.connection.address, position, what);
        if message.sequence != position {
            return Err(damaged(&format!("the servers answered with message {}", message.sequence)));
        }
        if message.subject != subject_of(&self.stream) {
            return Err(damaged(&format!("its subject is `{}`", message.subject)));
        }
        let message =
            StreamMessage::try_from(message).map_err(|cause| damaged(&format!("it cannot be decoded: {cause}")))?;
        Ok(Some(message.payload.into()))
    }

    /// Removes the entries before `position`. The last entry stays.
    pub(super) async fn prune(&self, position: u64) -> Result<(), LogError> {
        let bounds = self.bounds().await?;
        // Purging past the end would move the end of the log. The last entry stays, so that the end of the log does not depend on the
        // servers' record of a stream without messages.
        let position = position.min(bounds.end - 1);
        if position <= bounds.first {
            return Ok(());
        }
        let subject = format!("STREAM.PURGE.{}", self.stream);
        match self.connection.api::<PurgeResponse>(&subject, &serde_json::json!({ "seq": position })).await? {
            Ok(answer) if answer.success => Ok(()),
            Ok(_) => Err(LogError::new(
                LogErrorKind::Unavailable,
                format!("`{}` did not prune the log", self.connection.address),
            )),
            Err(error) => Err(self
                .connection
                .refusal(&format!("the entries before position {position} cannot be pruned"), &error)),
        }
    }
}

/// Whether JetStream refused a message because the last sequence is not the expected one.
fn is_wrong_last_sequence(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::STREAM_WRONG_LAST_SEQUENCE | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT)
}
