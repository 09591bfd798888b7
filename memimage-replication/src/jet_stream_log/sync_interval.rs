//! Asks the servers whether they sync to disk what they acknowledge.

use std::collections::BTreeMap;

use async_nats::jetstream::stream::Info;
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::time::timeout_at;
use tracing::warn;

use super::address::Address;
use super::connection::{Connection, unavailable};
use super::options::{Authentication, JetStreamOptions, SyncInterval};
use crate::log_error::{LogError, LogErrorKind};

/// Each server of the cluster answers this request, if a user of the system account sends it.
const VARIABLES_OF_EACH_SERVER: &str = "$SYS.REQ.SERVER.PING.VARZ";

/// What a server answers, as far as it is needed.
#[derive(Deserialize)]
struct Answer {
    server: Server,
    data: Variables,
}

#[derive(Deserialize)]
struct Server {
    name: String,
}

#[derive(Deserialize)]
struct Variables {
    #[serde(default)]
    jetstream: JetStream,
}

#[derive(Default, Deserialize)]
struct JetStream {
    config: Option<Config>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// Refuses servers that do not sync to disk before they acknowledge, unless the caller has accepted it.
///
/// # Errors
///
/// Returns an error of the kind [`Refused`](LogErrorKind::Refused) that names the servers, or that tells how to say which setting they have.
pub(super) async fn verify(address: &Address, options: &JetStreamOptions, stream: &Info) -> Result<(), LogError> {
    let refused = |message: String| Err(LogError::new(LogErrorKind::Refused, message));
    match &options.sync_interval {
        Some(SyncInterval::Always) => Ok(()),
        Some(SyncInterval::Unknown) => {
            warn!(
                log = address.display,
                "the servers of the log may lose acknowledged entries: they are not known to have `sync_interval: always`"
            );
            Ok(())
        }
        Some(SyncInterval::Ask { user, password }) => {
            let user = Authentication::Password { user: user.clone(), password: password.clone() };
            let answers = ask(address, options, &user, &servers_of(stream)).await?;
            judge(&answers, &servers_of(stream), &address.display)
        }
        None => refused(format!(
            "it is not known whether the servers of `{}` have `sync_interval: always`, without which they can lose acknowledged entries; help: if \
             they have it, say so with `sync_interval(SyncInterval::Always)`, or `sync_interval=always` in the URL; `SyncInterval::Ask` asks \
             them as a user of the system account; `SyncInterval::Unknown`, or `sync_interval=unknown`, accepts the risk",
            address.display
        )),
    }
}

/// The names of the servers that hold the stream. Empty for a server that is not in a cluster.
fn servers_of(stream: &Info) -> Vec<String> {
    let Some(cluster) = &stream.cluster else {
        return Vec::new();
    };
    cluster.leader.iter().cloned().chain(cluster.replicas.iter().map(|peer| peer.name.clone())).collect()
}

/// Asks all servers, until those in `wanted` have answered or the time limit is over. Returns who syncs always.
async fn ask(
    address: &Address,
    options: &JetStreamOptions,
    user: &Authentication,
    wanted: &[String],
) -> Result<BTreeMap<String, bool>, LogError> {
    let connection = Connection::open_as(address, options, user).await?;
    let deadline = connection.deadline();
    let failed = |cause: &dyn std::fmt::Display| {
        unavailable(&address.display, &format!("the servers cannot be asked for their settings: {cause}"))
    };
    let inbox = connection.client.new_inbox();
    let mut inbox_messages = connection.client.subscribe(inbox.clone()).await.map_err(|cause| failed(&cause))?;
    let publish = connection.client.publish_with_reply(VARIABLES_OF_EACH_SERVER, inbox, "".into());
    publish.await.map_err(|cause| failed(&cause))?;
    let mut answers = BTreeMap::new();
    while answers.is_empty() || wanted.iter().any(|name| !answers.contains_key(name)) {
        let Ok(Some(message)) = timeout_at(deadline, inbox_messages.next()).await else {
            break;
        };
        // a user of another account gets an answer without content: nobody listens
        if let Ok(answer) = serde_json::from_slice::<Answer>(&message.payload) {
            // a server without JetStream holds no stream
            if let Some(config) = answer.data.jetstream.config {
                answers.insert(answer.server.name, config.sync_always);
            }
        } else if message.payload.is_empty() {
            break;
        }
    }
    Ok(answers)
}

/// The verdict on the answers. Accepts that a minority does not answer: a log must be usable while some server is down.
fn judge(answers: &BTreeMap<String, bool>, wanted: &[String], address: &str) -> Result<(), LogError> {
    let wrong: Vec<&str> = answers.iter().filter(|(_, syncs)| !**syncs).map(|(name, _)| name.as_str()).collect();
    if !wrong.is_empty() {
        let message = format!(
            "servers of `{address}` do not sync to disk what they acknowledge, and can lose it: {}; help: set `sync_interval: always` in the \
             section `jetstream` of their configuration, or accept the risk with `SyncInterval::Unknown`",
            wrong.join(", ")
        );
        return Err(LogError::new(LogErrorKind::Refused, message));
    }
    if answers.is_empty() {
        let message = format!(
            "no server of `{address}` tells its `sync_interval`; help: `SyncInterval::Ask` needs a user of the system account; \
             `SyncInterval::Always` states the setting"
        );
        return Err(LogError::new(LogErrorKind::Refused, message));
    }
    let silent: Vec<&str> = wanted.iter().filter(|name| !answers.contains_key(*name)).map(String::as_str).collect();
    if silent.len() * 2 >= wanted.len().max(1) {
        return Err(unavailable(
            address,
            &format!("these servers do not tell their `sync_interval`: {}", silent.join(", ")),
        ));
    }
    if !silent.is_empty() {
        warn!(
            log = address,
            servers = silent.join(", "),
            "some servers did not tell whether they have `sync_interval: always`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(answers: &[(&str, bool)], wanted: &[&str]) -> Result<(), LogErrorKind> {
        let answers = answers.iter().map(|(name, syncs)| ((*name).to_owned(), *syncs)).collect();
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        judge(&answers, &wanted, "nats://a/bank").map_err(|error| error.kind())
    }

    #[test]
    fn a_majority_must_answer_and_all_that_answer_must_sync_always() {
        assert_eq!(judged(&[("a", true), ("b", true), ("c", true)], &["a", "b", "c"]), Ok(()));
        assert_eq!(judged(&[("a", true), ("b", true)], &["a", "b", "c"]), Ok(()));
        assert_eq!(judged(&[("a", true)], &[]), Ok(()));
        assert_eq!(judged(&[("a", true)], &["a", "b", "c"]), Err(LogErrorKind::Unavailable));
        assert_eq!(judged(&[("a", true), ("b", false)], &["a", "b", "c"]), Err(LogErrorKind::Refused));
        assert_eq!(judged(&[], &["a", "b", "c"]), Err(LogErrorKind::Refused));
    }
}
