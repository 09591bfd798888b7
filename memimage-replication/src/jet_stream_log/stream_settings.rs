//! The settings of the stream that holds a log, and which settings keep the promise of a log. Does no I/O.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType};

use crate::log_error::{LogError, LogErrorKind};

/// The replicas of a stream that this crate creates.
const REPLICAS: usize = 3;
/// No entry is deduplicated: the log does not set message ids. The server wants a window all the same.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);

/// The only subject of the stream.
pub(super) fn subject_of(stream: &str) -> String {
    format!("memimage.log.{stream}")
}

/// The replicas that a new stream has.
pub(super) fn replicas(single_allowed: bool) -> usize {
    if single_allowed { 1 } else { REPLICAS }
}

/// The settings of a stream that does not exist yet.
pub(super) fn new_stream(stream: &str, single_allowed: bool) -> Config {
    Config {
        name: stream.to_owned(),
        description: Some("the log of a memory image; memimage-replication writes it".to_owned()),
        subjects: vec![subject_of(stream)],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        num_replicas: replicas(single_allowed),
        // without limits, nothing is ever discarded; with a limit of the account, an append fails and no entry is lost
        discard: DiscardPolicy::New,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_age: Duration::ZERO,
        // the servers' `max_payload` is the limit
        max_message_size: -1,
        duplicate_window: DUPLICATE_WINDOW,
        // pruning purges; nothing deletes a single entry
        deny_delete: true,
        deny_purge: false,
        // reads go to the stream's leader
        allow_direct: false,
        ..Config::default()
    }
}

/// Refuses a stream whose settings do not keep the promise of a log.
///
/// # Errors
///
/// Returns an error of the kind [`Refused`](LogErrorKind::Refused) that names each such setting.
pub(super) fn verify(config: &Config, single_allowed: bool, address: &str) -> Result<(), LogError> {
    let subject = subject_of(&config.name);
    let mut faults = keeps_messages(config, single_allowed);
    let mut fault = |is_wrong: bool, what: String| {
        if is_wrong {
            faults.push(what);
        }
    };
    fault(
        config.subjects != [subject.clone()],
        format!("its subjects are {:?} instead of `{subject}` alone", config.subjects),
    );
    fault(config.allow_rollup, "`allow_rollup_hdrs` lets a message replace all earlier ones".to_owned());
    fault(config.deny_purge, "`deny_purge` prevents pruning".to_owned());
    fault(config.discard == DiscardPolicy::Old, "`discard: old` removes entries when a limit is reached".to_owned());
    fault(config.no_ack, "`no_ack` turns acknowledgements off".to_owned());
    fault(config.sealed, "it is sealed".to_owned());
    fault(config.republish.is_some(), "it republishes its messages".to_owned());
    fault(config.subject_transform.is_some(), "it transforms subjects".to_owned());
    fault(config.first_sequence.is_some_and(|first| first > 1), "its first sequence is not 1".to_owned());
    fault(config.allow_message_ttl, "`allow_msg_ttl` lets messages expire".to_owned());
    fault(config.allow_message_counter, "`allow_msg_counter` makes it a set of counters".to_owned());
    fault(config.allow_message_schedules, "`allow_msg_schedules` lets the server publish messages".to_owned());
    refuse(faults, "stream", &config.name, address)
}

/// Refuses an object store whose settings do not keep snapshots.
///
/// # Errors
///
/// Returns an error of the kind [`Refused`](LogErrorKind::Refused) that names each such setting.
pub(super) fn verify_bucket(config: &Config, single_allowed: bool, address: &str) -> Result<(), LogError> {
    refuse(keeps_messages(config, single_allowed), "stream of the object store", &config.name, address)
}

/// What prevents a stream from keeping its messages until they are removed by name.
fn keeps_messages(config: &Config, single_allowed: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |is_wrong: bool, what: String| {
        if is_wrong {
            faults.push(what);
        }
    };
    fault(
        config.num_replicas < REPLICAS && !single_allowed,
        format!(
            "`num_replicas` is {} instead of {REPLICAS} at least (`allow_single_replica(true)`, or `replicas=1` in the URL, accepts it)",
            config.num_replicas
        ),
    );
    fault(
        config.storage == StorageType::Memory,
        "`storage: memory` loses all entries when the servers restart".to_owned(),
    );
    fault(config.retention != RetentionPolicy::Limits, "its retention is not `limits`".to_owned());
    fault(config.max_age > Duration::ZERO, format!("`max_age` removes entries after {:?}", config.max_age));
    fault(config.max_messages > 0, format!("`max_msgs` is {}", config.max_messages));
    fault(config.max_bytes > 0 && config.discard == DiscardPolicy::Old, format!("`max_bytes` is {}", config.max_bytes));
    fault(
        config.max_messages_per_subject > 0,
        format!("`max_msgs_per_subject` is {}", config.max_messages_per_subject),
    );
    fault(config.mirror.is_some(), "it is a mirror, which drops the expectation of an append".to_owned());
    let has_sources = config.sources.as_ref().is_some_and(|sources| !sources.is_empty());
    fault(has_sources, "it has sources, which append without an expectation".to_owned());
    let is_async = config.persist_mode == Some(PersistenceMode::Async);
    fault(is_async, "`persist_mode: async` acknowledges entries before they are stored".to_owned());
    faults
}

fn refuse(faults: Vec<String>, what: &str, name: &str, address: &str) -> Result<(), LogError> {
    if faults.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the {what} `{name}` of `{address}` does not keep the promise of a log: {}; help: name a stream that does not exist, which is \
         created with the right settings, or change this one",
        faults.join("; ")
    );
    Err(LogError::new(LogErrorKind::Refused, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_nats::jetstream::stream::{Republish, Source};

    type Change = fn(&mut Config);

    #[test]
    fn the_settings_of_a_new_stream_are_accepted() {
        verify(&new_stream("bank", false), false, "nats://a/bank").unwrap();
        verify(&new_stream("bank", true), true, "nats://a/bank").unwrap();
    }

    #[test]
    fn each_setting_that_breaks_the_promise_is_named() {
        let changes: [(Change, &str); 19] = [
            (|c| c.num_replicas = 1, "num_replicas"),
            (|c| c.storage = StorageType::Memory, "storage: memory"),
            (|c| c.retention = RetentionPolicy::WorkQueue, "retention"),
            (|c| c.discard = DiscardPolicy::Old, "discard: old"),
            (|c| c.max_age = Duration::from_secs(1), "max_age"),
            (|c| c.max_messages = 5, "max_msgs"),
            (|c| c.max_messages_per_subject = 5, "max_msgs_per_subject"),
            (|c| c.subjects.push("other".to_owned()), "subjects"),
            (|c| c.allow_rollup = true, "allow_rollup_hdrs"),
            (|c| c.deny_purge = true, "deny_purge"),
            (|c| c.no_ack = true, "no_ack"),
            (|c| c.sealed = true, "sealed"),
            (|c| c.mirror = Some(Source::default()), "mirror"),
            (|c| c.sources = Some(vec![Source::default()]), "sources"),
            (
                |c| {
                    c.republish =
                        Some(Republish { source: "a".to_owned(), destination: "b".to_owned(), headers_only: false })
                },
                "republishes",
            ),
            (|c| c.first_sequence = Some(7), "first sequence"),
            (|c| c.allow_message_ttl = true, "allow_msg_ttl"),
            (|c| c.persist_mode = Some(PersistenceMode::Async), "persist_mode: async"),
            (|c| c.allow_message_counter = true, "allow_msg_counter"),
        ];
        for (change, name) in changes {
            let mut config = new_stream("bank", false);
            change(&mut config);
            let error = verify(&config, false, "nats://a/bank").unwrap_err();
            assert_eq!(error.kind(), LogErrorKind::Refused);
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }
}
