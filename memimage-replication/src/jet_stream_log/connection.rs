//! The connection to the servers: requests with a time limit, and what their failures mean.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::connection::State;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, ConnectOptions, HeaderMap};
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::address::Address;
use super::options::{Authentication, JetStreamOptions};
use crate::log_error::{LogError, LogErrorKind};

/// The pause before a request that no server received is sent again.
const PAUSE: Duration = Duration::from_millis(20);
/// The pause before another attempt to connect, at most.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_millis(500);
/// Commands that wait for the connection's task. The log has few calls in flight, and sends nothing while it is disconnected.
const CLIENT_CAPACITY: usize = 128;

/// A connection that the client establishes again whenever it is lost.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) client: Client,
    /// The log's address, for messages.
    pub(super) address: String,
    pub(super) time_limit: Duration,
    /// When the log last gave up a connection whose server did not answer.
    given_up: Arc<Mutex<Instant>>,
}

impl Connection {
    /// Connects to one of the servers. Tries again until the time limit.
    pub(super) async fn open(address: &Address, options: &JetStreamOptions) -> Result<Connection, LogError> {
        Connection::open_as(address, options, &options.authentication).await
    }

    /// Connects as another user.
    pub(super) async fn open_as(
        address: &Address,
        options: &JetStreamOptions,
        user: &Authentication,
    ) -> Result<Connection, LogError> {
        let deadline = Instant::now() + options.time_limit;
        loop {
            let connect = connect_options(address, options, user).await?.connect(address.servers.clone());
            let cause = match timeout_at(deadline, connect).await {
                Ok(Ok(client)) => {
                    let (address, time_limit) = (address.display.clone(), options.time_limit);
                    return Ok(Connection {
                        client,
                        address,
                        time_limit,
                        given_up: Arc::new(Mutex::new(Instant::now())),
                    });
                }
                Ok(Err(cause)) if is_final(cause.kind()) => {
                    let message = format!(
                        "cannot connect to `{}`: {cause}; help: check the credentials, the certificates and the URL",
                        address.display
                    );
                    return Err(LogError::new(LogErrorKind::Refused, message));
                }
                Ok(Err(cause)) => cause.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            if Instant::now() + PAUSE >= deadline {
                return Err(unavailable(&address.display, &format!("cannot connect: {cause}")));
            }
            sleep(PAUSE).await;
        }
    }

    /// The end of the time that a call may take.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.time_limit
    }

    /// Sends a request, and waits for the answer. Sends nothing while there is no connection: what a client accepts then is sent
    /// when the connection is back, however long that takes. Sends again what the servers say nobody received.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`Unavailable`](LogErrorKind::Unavailable) after the time limit. The request may be received later.
    pub(super) async fn request(
        &self,
        subject: &str,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Bytes, LogError> {
        let start = Instant::now();
        let deadline = start + self.time_limit;
        loop {
            self.connected(deadline).await?;
            let mut request = Request::new().payload(payload.clone()).timeout(None);
            if let Some(headers) = &headers {
                request = request.headers(headers.clone());
            }
            let answer = timeout_at(deadline, self.client.send_request(subject.to_owned(), request)).await;
            let cause = match answer {
                Ok(Ok(message)) => return Ok(message.payload),
                Err(_) => {
                    self.give_up(start).await;
                    return Err(self.no_answer());
                }
                Ok(Err(cause)) => cause,
            };
            match cause.kind() {
                RequestErrorKind::NoResponders if Instant::now() + PAUSE < deadline => sleep(PAUSE).await,
                RequestErrorKind::NoResponders => {
                    self.give_up(start).await;
                    let what = "no server takes the request: the stream has no leader, does not exist any more, or JetStream is not enabled";
                    return Err(unavailable(&self.address, what));
                }
                RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => {
                    return Err(LogError::new(
                        LogErrorKind::Refused,
                        format!("`{}` refuses a request: {cause}", self.address),
                    ));
                }
                RequestErrorKind::TimedOut | RequestErrorKind::Other => {
                    return Err(unavailable(&self.address, &format!("the answer was lost: {cause}")));
                }
            }
        }
    }

    /// Connects to another server, if no call has done so since `start`: this one may be cut off from the others, or the connection may
    /// be dead without either side having noticed.
    pub(super) async fn give_up(&self, start: Instant) {
        {
            let mut given_up = self.given_up.lock();
            if *given_up > start {
                return;
            }
            *given_up = Instant::now();
        }
        // if the command has no room in the queue, the connection's task is not connected anyway
        let _ = timeout(PAUSE, self.client.force_reconnect()).await;
    }

    /// A request to the interface of JetStream. The inner error is the one that JetStream answered.
    pub(super) async fn api<T: DeserializeOwned>(
        &self,
        subject: &str,
        payload: &impl Serialize,
    ) -> Result<Result<T, jetstream::Error>, LogError> {
        let payload = serde_json::to_vec(payload).expect("a plain structure can be encoded");
        let answer = self.request(&format!("$JS.API.{subject}"), None, payload.into()).await?;
        self.decode(&answer)
    }

    /// Decodes an answer of JetStream.
    pub(super) fn decode<T: DeserializeOwned>(&self, answer: &[u8]) -> Result<Result<T, jetstream::Error>, LogError> {
        match serde_json::from_slice(answer) {
            Ok(Response::Ok(value)) => Ok(Ok(value)),
            Ok(Response::Err { error }) => Ok(Err(error)),
            Err(cause) => Err(unavailable(&self.address, &format!("an answer cannot be decoded: {cause}"))),
        }
    }

    /// The error that JetStream answered, as an error of the log.
    pub(super) fn refusal(&self, what: &str, error: &jetstream::Error) -> LogError {
        let message = format!("`{}`: {what}: JetStream answered: {error}", self.address);
        if is_transient(error) {
            return LogError::new(LogErrorKind::Unavailable, message);
        }
        LogError::new(
            LogErrorKind::Refused,
            format!("{message}; help: check the permissions and limits of the account"),
        )
    }

    /// The error of a call that was not answered in time.
    pub(super) fn no_answer(&self) -> LogError {
        unavailable(&self.address, &format!("no answer within {:?}", self.time_limit))
    }

    /// Waits until the client is connected.
    pub(super) async fn connected(&self, deadline: Instant) -> Result<(), LogError> {
        while self.client.connection_state() != State::Connected {
            if Instant::now() >= deadline {
                return Err(unavailable(&self.address, "there is no connection to any of the servers"));
            }
            sleep(PAUSE.min(deadline - Instant::now())).await;
        }
        Ok(())
    }
}

/// An error of the kind [`Unavailable`](LogErrorKind::Unavailable).
pub(super) fn unavailable(address: &str, what: &str) -> LogError {
    LogError::new(LogErrorKind::Unavailable, format!("`{address}` is not available: {what}"))
}

async fn connect_options(
    address: &Address,
    options: &JetStreamOptions,
    user: &Authentication,
) -> Result<ConnectOptions, LogError> {
    let mut connect = ConnectOptions::new()
        .name("memimage-replication")
        .require_tls(address.tls)
        .connection_timeout(options.time_limit)
        // a connection whose other end is gone is noticed after three unanswered pings
        .ping_interval((options.time_limit / 4).max(Duration::from_millis(100)))
        .client_capacity(CLIENT_CAPACITY)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            (PAUSE * u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(100)).min(RECONNECT_PAUSE_MAX)
        });
    if options.ignore_discovered_servers {
        connect = connect.ignore_discovered_servers();
    }
    if let Some(path) = &options.root_certificates {
        connect = connect.add_root_certificates(path.clone());
    }
    if let Some((certificate, key)) = &options.client_certificate {
        connect = connect.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(match user {
        Authentication::None => connect,
        Authentication::Password { user, password } => connect.user_and_password(user.clone(), password.clone()),
        Authentication::Token(token) => connect.token(token.clone()),
        Authentication::CredentialsFile(path) => connect.credentials_file(path).await.map_err(|cause| {
            let message = format!("the credentials file `{}` cannot be read: {cause}", path.display());
            LogError::new(LogErrorKind::Refused, message)
        })?,
    })
}

/// Whether another attempt to connect has no other outcome.
fn is_final(kind: async_nats::ConnectErrorKind) -> bool {
    use async_nats::ConnectErrorKind::{Authentication, AuthorizationViolation, ServerParse, Tls};
    matches!(kind, Authentication | AuthorizationViolation | ServerParse | Tls)
}

/// Whether another attempt may succeed: the server's errors, time limits, and too many requests.
fn is_transient(error: &jetstream::Error) -> bool {
    // a stream cannot be created while a server is down; only the text tells this from a cluster that is too small
    let is_down = error.error_code() == ErrorCode::CLUSTER_NO_PEERS && error.to_string().contains("offline");
    error.code() >= 500
        || matches!(error.code(), 408 | 429)
        || error.error_code() == ErrorCode::STREAM_OFFLINE
        || is_down
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_a_cluster_with_servers_down_is_transient_and_a_limit_is_not() {
        let decode = |text: &str| serde_json::from_str::<jetstream::Error>(text).unwrap();
        assert!(is_transient(&decode(
            r#"{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}"#
        )));
        assert!(is_transient(&decode(r#"{"code":429,"err_code":10167}"#)));
        assert!(is_transient(&decode(
            r#"{"code":400,"err_code":10005,"description":"no suitable peers for placement, peer offline"}"#
        )));
        assert!(!is_transient(&decode(
            r#"{"code":400,"err_code":10005,"description":"no suitable peers for placement"}"#
        )));
        assert!(!is_transient(&decode(
            r#"{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}"#
        )));
    }
}
