//! The URL of a log: `nats://[user:password@|token@]host[:port][,host[:port]…]/STREAM[?sync_interval=always|unknown&replicas=1]`. Does no I/O.

use std::path::PathBuf;

use super::options::{Authentication, JetStreamOptions, SyncInterval};
use crate::log_error::{LogError, LogErrorKind};

/// What a URL says.
#[derive(Debug)]
pub(super) struct Address {
    /// One URL for each server, without credentials.
    pub(super) servers: Vec<String>,
    pub(super) stream: String,
    /// The URL without credentials and query, for messages.
    pub(super) display: String,
    pub(super) tls: bool,
}

impl Address {
    /// Takes a URL apart, and adds to the options what it contains.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is not one of a log on JetStream. The message does not contain the URL, which may contain a password.
    pub(super) fn parse(url: &str, options: &mut JetStreamOptions) -> Result<Address, LogError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let tls = match scheme {
            "nats" => false,
            "tls" => true,
            _ => return Err(invalid("it does not begin with `nats://` or `tls://`")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, stream) = rest.rsplit_once('/').ok_or_else(|| invalid("it does not name a stream"))?;
        let (user_info, hosts) = match authority.rsplit_once('@') {
            Some((user_info, hosts)) => (Some(user_info), hosts),
            None => (None, authority),
        };
        let is_host = |host: &str| !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
        if !hosts.split(',').all(is_host) {
            return Err(invalid("a server's name is missing or invalid"));
        }
        let is_stream_character = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if stream.is_empty() || stream.len() > 128 || !stream.chars().all(is_stream_character) {
            return Err(invalid("the stream's name is not one of up to 128 letters, digits, `-` and `_`"));
        }
        if let (Some(user_info), Authentication::None) = (user_info, &options.authentication) {
            options.authentication = authentication(user_info)?;
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            apply(pair, options)?;
        }
        let servers = hosts.split(',').map(|host| format!("{scheme}://{host}")).collect();
        Ok(Address { servers, stream: stream.to_owned(), display: format!("{scheme}://{hosts}/{stream}"), tls })
    }
}

fn authentication(user_info: &str) -> Result<Authentication, LogError> {
    let decode = |text| {
        percent_decoded(text)
            .ok_or_else(|| invalid("a `%` in the credentials is not followed by two hexadecimal digits"))
    };
    Ok(match user_info.split_once(':') {
        Some((user, password)) => Authentication::Password { user: decode(user)?, password: decode(password)? },
        None => Authentication::Token(decode(user_info)?),
    })
}

/// Adds one pair of the query to the options. What the caller has set in them goes first.
fn apply(pair: &str, options: &mut JetStreamOptions) -> Result<(), LogError> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    match (name, value) {
        ("sync_interval", "always") => {
            options.sync_interval.get_or_insert(SyncInterval::Always);
        }
        ("sync_interval", "unknown") => {
            options.sync_interval.get_or_insert(SyncInterval::Unknown);
        }
        ("replicas", "1") => options.allow_single_replica = true,
        ("credentials", path) if !path.is_empty() => {
            if let Authentication::None = options.authentication {
                let path =
                    percent_decoded(path).ok_or_else(|| invalid("the path of the credentials file is invalid"))?;
                options.authentication = Authentication::CredentialsFile(PathBuf::from(path));
            }
        }
        _ => {
            return Err(invalid(
                "its query has something else than `sync_interval=always`, `sync_interval=unknown`, `replicas=1` and `credentials=FILE`",
            ));
        }
    }
    Ok(())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            out.push(*first);
        }
    }
    String::from_utf8(out).ok()
}

fn invalid(what: &str) -> LogError {
    let message = format!(
        "the URL of the log on JetStream is invalid: {what}; help: its form is `nats://host:port,host2:port2/STREAM`, with `user:password@` or \
         `token@` before the first host if the servers ask for it"
    );
    LogError::new(LogErrorKind::Refused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_servers_stream_and_credentials_and_is_shown_without_a_secret() {
        let mut options = JetStreamOptions::new();
        let url = "tls://bob:p%40ss@a:4222,[::1]:4223/bank?sync_interval=always&replicas=1";
        let address = Address::parse(url, &mut options).unwrap();
        assert_eq!(address.servers, ["tls://a:4222", "tls://[::1]:4223"]);
        assert_eq!((address.stream.as_str(), address.tls), ("bank", true));
        assert_eq!(address.display, "tls://a:4222,[::1]:4223/bank");
        assert!(options.allow_single_replica);
        assert!(matches!(options.sync_interval, Some(SyncInterval::Always)));
        assert!(
            matches!(&options.authentication, Authentication::Password { user, password } if user == "bob" && password == "p@ss")
        );
        assert!(!format!("{options:?} {address:?}").contains("p@ss"));
    }

    #[test]
    fn options_replace_the_credentials_of_the_url() {
        let mut options = JetStreamOptions::new().token("mine");
        Address::parse("nats://theirs@a/bank", &mut options).unwrap();
        assert!(matches!(&options.authentication, Authentication::Token(token) if token == "mine"));
    }

    #[test]
    fn an_invalid_url_is_refused_without_its_secret() {
        for url in [
            "http://secret@a/bank",
            "nats://secret@a",
            "nats://secret@a/",
            "nats://secret@/bank",
            "nats://secret@a,,b/bank",
            "nats://secret@a/ba.nk",
            "nats://secret@a/b>nk",
            "nats://secret%4@a/bank",
            "nats://secret@a/bank?replicas=2",
            "secret",
        ] {
            let error = Address::parse(url, &mut JetStreamOptions::new()).unwrap_err();
            assert_eq!(error.kind(), LogErrorKind::Refused);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
