//! Opens the log at a URL.

use std::sync::Arc;

use crate::log_error::{LogError, LogErrorKind};
use crate::remote_log::RemoteLog;

/// Opens the log at a URL. Only if `creates`, an opening or an append may create the directory or the stream.
pub(crate) fn open(url: &str, creates: bool) -> Result<Arc<dyn RemoteLog>, LogError> {
    if let Some(what) = mistake_in(url) {
        return Err(LogError::new(LogErrorKind::Refused, what));
    }
    match scheme_of(url) {
        #[cfg(feature = "nats")]
        Some("nats" | "tls") => {
            let options = crate::JetStreamOptions::default().create_missing(creates);
            Ok(Arc::new(crate::JetStreamLog::open(url, options)?))
        }
        #[cfg(feature = "object-store")]
        _ => {
            let options = crate::ObjectStoreOptions::default().create_missing(creates);
            Ok(Arc::new(crate::ObjectStoreLog::open_with(url, options)?))
        }
        #[cfg(not(feature = "object-store"))]
        _ => {
            let _ = creates;
            Err(LogError::new(LogErrorKind::Refused, unknown("this scheme")))
        }
    }
}

fn scheme_of(url: &str) -> Option<&str> {
    url.split_once("://").map(|(scheme, _)| scheme)
}

fn unknown(scheme: &str) -> String {
    format!(
        "no log can be opened at {scheme}; help: use `nats://HOST:PORT/STREAM`, `s3://BUCKET/PREFIX`, `gs://…`, `az://…` or \
         `file:///DIRECTORY`, and a build with the engine"
    )
}

/// What is wrong with the form of a URL, if anything is. Does not repeat the URL, which may contain a secret.
pub(crate) fn mistake_in(url: &str) -> Option<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some(
            "the URL has no scheme; for a directory: `file:///…`; help: use `nats://HOST:PORT/STREAM`, `s3://BUCKET/PREFIX`, `gs://…`, \
             `az://…` or `file:///DIRECTORY`"
                .to_owned(),
        );
    };
    match scheme {
        "file" if rest.trim_matches('/').is_empty() => {
            Some("the URL names no directory; help: `file:///DIRECTORY`, with the absolute path".to_owned())
        }
        "file" if !rest.starts_with('/') => Some(
            "the URL of a directory needs three slashes: two behind `file:`, and the one with which the absolute path begins; help: \
             `file:///DIRECTORY`"
                .to_owned(),
        ),
        "file" | "s3" | "s3a" | "gs" | "az" | "azure" | "adl" | "abfs" | "abfss" | "https" | "http" if cfg!(feature = "object-store") => {
            None
        }
        "nats" | "tls" if cfg!(feature = "nats") => None,
        _ => Some(unknown(&format!("`{scheme}://…`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_the_form_of_a_url_is_named() {
        for (url, what) in [
            ("/tmp/secret", "the URL has no scheme; for a directory: `file:///…`"),
            ("file://secret/log", "needs three slashes"),
            ("file://", "names no directory"),
            ("file:///", "names no directory"),
            ("ftp://secret/log", "`ftp://…`"),
        ] {
            let mistake = mistake_in(url).expect(url);
            assert!(mistake.contains(what) && !mistake.contains("secret"), "{mistake}");
        }
        assert_eq!(mistake_in("file:///tmp/log"), None);
    }
}
