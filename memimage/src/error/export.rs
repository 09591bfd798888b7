//! The errors of exports and imports.

use std::io;

/// An export that cannot be written, or a text that cannot be imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error("the export cannot be written: {source}")]
    Output { source: io::Error },

    #[error("the export cannot be read: {source}; no image was created")]
    Input { source: io::Error },

    #[error("the export is invalid in line {line}, column {column}: {what}; no image was created; help: {help}")]
    Invalid { line: u64, column: u64, what: String, help: &'static str },

    #[error(
        "the image that was made from the export is damaged, so it was removed: {what}; help: if the export was not changed, run \
         `memimage::admin::check` on the exported image"
    )]
    Damaged { what: String },
}

impl ExportError {
    /// Whether the reader of the export has gone, such as `head`.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, ExportError::Output { source } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}
