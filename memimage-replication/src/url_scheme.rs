//! Opens the log at a URL.

use std::sync::Arc;

use crate::log_error::{LogError, LogErrorKind};
use crate::remote_log::RemoteLog;

pub(crate) fn open(url: &str) -> Result<Arc<dyn RemoteLog>, LogError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        #[cfg(feature = "nats")]
        "nats" | "tls" => Ok(Arc::new(crate::JetStreamLog::open(url, crate::JetStreamOptions::default())?)),
        #[cfg(feature = "object-store")]
        "s3" | "s3a" | "gs" | "az" | "azure" | "adl" | "abfs" | "abfss" | "https" | "http" | "file" => {
            Ok(Arc::new(crate::ObjectStoreLog::open(url)?))
        }
        _ => Err(LogError::new(
            LogErrorKind::Refused,
            format!(
                "no log can be opened at `{scheme}://…`; help: use `nats://HOST:PORT/STREAM`, `s3://BUCKET/PREFIX`, `gs://…`, `az://…` or \
                 `file:///DIRECTORY`, and a build with the engine"
            ),
        )),
    }
}
