//! From a URL to an object store.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;

use crate::log_error::{LogError, LogErrorKind};

use super::ObjectStoreOptions;

/// An object store, and where in it the log is.
pub(super) struct Location {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) prefix: Path,
    /// The URL without secrets.
    pub(super) address: String,
    /// The directory of a `file:` URL.
    pub(super) directory: Option<PathBuf>,
}

/// The store of a URL. Looks at the directory of a `file:` URL; does no other I/O, and creates nothing.
pub(super) fn connect(url: &str, options: &ObjectStoreOptions) -> Result<Location, LogError> {
    let refused = |cause: &dyn std::fmt::Display| {
        let help = "help: `s3://bucket/path`, `gs://bucket/path`, `az://container/path` or `file:///directory`";
        LogError::new(LogErrorKind::Refused, format!("the URL of the log cannot be used: {cause}; {help}"))
    };
    let url = Url::parse(url).map_err(|cause| refused(&cause))?;
    let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|cause| refused(&cause))?;
    let failed = |cause: object_store::Error| refused(&cause);
    let address = address_of(&url);
    if scheme == ObjectStoreScheme::Local {
        let dir = url.to_file_path().map_err(|()| refused(&"it has no path"))?;
        let (store, prefix) = directory_store(&dir, options.creates)?;
        return Ok(Location { store: Arc::new(store), prefix, address, directory: Some(dir) });
    }
    install_crypto_provider();
    let limit = format!("{} ms", options.connect_timeout.as_millis());
    // an append must not be repeated unseen, and the other requests are repeated by this crate
    let retry = RetryConfig { max_retries: 0, retry_timeout: Duration::ZERO, ..RetryConfig::default() };
    let client = ClientConfigKey::ConnectTimeout;
    let store: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::from_env().with_config(AmazonS3ConfigKey::Client(client), limit);
            Arc::new(builder.with_retry(retry).with_url(url).build().map_err(failed)?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = GoogleCloudStorageBuilder::from_env().with_config(GoogleConfigKey::Client(client), limit);
            Arc::new(builder.with_retry(retry).with_url(url).build().map_err(failed)?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::from_env().with_config(AzureConfigKey::Client(client), limit);
            Arc::new(builder.with_retry(retry).with_url(url).build().map_err(failed)?)
        }
        _ => return Err(refused(&format!("`{}` is not a store that can hold a log", url.scheme()))),
    };
    Ok(Location { store, prefix, address, directory: None })
}

/// A directory as an object store, and the prefix in it. The first object creates a directory that does not exist, so that a log that is
/// only looked for, or refused, leaves nothing behind; the prefix is its path then. Each object is synced, with its directory, before it counts as
/// written. A removal is not synced: after a power failure, objects that were removed may be there again.
fn directory_store(dir: &FilePath, creates: bool) -> Result<(LocalFileSystem, Path), LogError> {
    let refused = |what: &dyn std::fmt::Display| LogError::new(LogErrorKind::Refused, what);
    let failed = |cause: &dyn std::fmt::Display| {
        refused(&format_args!("the directory `{}` cannot be used: {cause}", dir.display()))
    };
    match std::fs::metadata(dir) {
        Ok(found) if !found.is_dir() => return Err(failed(&"it is a file")),
        Ok(_) if dir.join("journal").is_dir() => {
            return Err(refused(&format_args!(
                "the directory `{}` is an image, not a log; help: name the directory of the log, which must be another one",
                dir.display()
            )));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !creates => {
            return Err(refused(&format_args!(
                "the directory `{}` does not exist; help: verify the URL of the log",
                dir.display()
            )));
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
        Ok(_) | Err(_) => {}
    }
    if dir.is_dir() {
        let store = LocalFileSystem::new_with_prefix(dir).map_err(|cause| failed(&cause))?;
        return Ok((store.with_fsync(true), Path::default()));
    }
    let prefix = Path::from_absolute_path(dir).map_err(|cause| failed(&cause))?;
    Ok((LocalFileSystem::new().with_fsync(true), prefix))
}

/// The URL without user, password, query and fragment.
fn address_of(url: &Url) -> String {
    let mut url = url.clone();
    // fails for a URL that cannot have them
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// TLS needs a provider of cryptography. An earlier choice of the program stays.
fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // fails if another thread was faster, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote_log::RemoteLog as _;

    #[test]
    fn an_address_has_no_secrets() {
        let url = Url::parse("az://user:secret@account/bank/?sig=secret#x").unwrap();
        assert_eq!(address_of(&url), "az://account/bank");
    }

    #[test]
    fn a_url_of_another_kind_is_refused_with_the_choices() {
        for url in ["bank", "ftp://host/bank", "https://example.org/bank", "memory:///bank"] {
            let error = connect(url, &ObjectStoreOptions::default()).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), LogErrorKind::Refused);
            assert!(error.to_string().contains("help: `s3://"), "{error}");
        }
    }

    #[test]
    fn only_an_append_creates_the_directory() {
        let place = tempfile::tempdir().unwrap();
        let url = format!("file://{}/a%20b/log", place.path().display());
        let dir = place.path().join("a b/log");
        let options = ObjectStoreOptions::default().create_missing(false);
        let error = connect(&url, &options).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("does not exist"), "{error}");
        let log = crate::ObjectStoreLog::open(&url).unwrap();
        assert_eq!((log.bounds().unwrap().end, log.snapshots().unwrap().len()), (1, 0));
        assert!(!place.path().join("a b").exists());
        assert_eq!(log.append(1, b"entry").unwrap(), crate::Append::Done);
        assert_eq!(log.append(2, b"next").unwrap(), crate::Append::Done);
        assert!(dir.is_dir());
        for log in [log, crate::ObjectStoreLog::open_with(&url, options).unwrap()] {
            assert_eq!(log.read(1, 100).unwrap(), [b"entry".to_vec(), b"next".to_vec()]);
            assert_eq!(log.bounds().unwrap().end, 3);
        }
        let image = place.path().join("image");
        std::fs::create_dir_all(image.join("journal")).unwrap();
        let error = crate::ObjectStoreLog::open(&format!("file://{}", image.display())).unwrap_err();
        assert!(error.to_string().contains("is an image, not a log"), "{error}");
    }
}
