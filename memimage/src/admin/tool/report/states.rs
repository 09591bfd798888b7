//! The states that an image keeps.

use serde::Serialize;

use crate::admin::tool::target::Target;
use crate::error::Error;
use crate::seq::Seq;
use crate::snapshot::Snapshots;

/// A snapshot or a base. [`ImageReader::states`](crate::admin::ImageReader::states) returns it. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StateFile {
    /// The path of the file.
    pub path: String,
    /// `snapshot` or `base`.
    pub kind: &'static str,
    /// The last event in the state.
    pub seq: u64,
    /// The length of the file.
    pub bytes: Option<u64>,
    /// When the file was made.
    pub created: Option<String>,
    /// The recorded time of the last event in the state.
    pub time: Option<String>,
    /// The version of the model's shape.
    pub model_version: Option<u32>,
    /// Why the header cannot be read.
    pub error: Option<String>,
}

impl StateFile {
    /// The states, the newest first.
    pub(crate) fn list(target: &Target) -> Result<Vec<StateFile>, Error> {
        target.attempt(|| StateFile::list_once(target))
    }

    fn list_once(target: &Target) -> Result<Vec<StateFile>, Error> {
        let snapshots = Snapshots::new(&target.disk, &target.layout, &target.keyring);
        let bases = snapshots.bases().list()?;
        let mut states = Vec::new();
        for (seq, path) in snapshots.start_candidates()? {
            let kind = if bases.iter().any(|(_, base)| *base == path) { "base" } else { "snapshot" };
            let state = StateFile {
                path: path.display().to_string(),
                kind,
                seq: seq.get(),
                bytes: None,
                created: None,
                time: None,
                model_version: None,
                error: None,
            };
            states.push(match snapshots.open(seq, &path) {
                Ok(file) => StateFile {
                    bytes: Some(file.len()),
                    created: Some(file.header.created.to_string()),
                    time: (seq > Seq::ZERO).then(|| file.header.time.to_string()),
                    model_version: Some(file.header.model_version),
                    ..state
                },
                // the owner removed the file since it was listed
                Err(error) if error.is_missing() => return Err(error),
                Err(error) => StateFile { error: Some(error.to_string()), ..state },
            });
        }
        Ok(states)
    }
}
