//! The messages about the lines of an export.

pub(super) const HELP_FORM: &str =
    "give the whole text that `memimage export` wrote; docs/CLI.md defines the form of a line";
pub(super) const HELP_CUT: &str = "the text was cut off: copy the whole export, or export the image again";
pub(super) const HELP_VERSION: &str = "use the version of memimage that wrote the export, or a later one";
pub(super) const HELP_ORDER: &str = "the lines must be in the order of the export, none missing and none twice; to change an event, change its line in place";

pub(super) const HELP_CHECKSUM: &str = "copy the export again, or export the image again; if the lines were changed on purpose, remove the member `checksum` of the last line";

pub(super) const CHANGED: &str =
    "the lines before this one have another checksum: they were changed, or lines are missing";
pub(super) const EMPTY: &str = "the text is empty";
pub(super) const EMPTY_LINE: &str = "the line is empty";
pub(super) const NO_HEADER: &str = "an export begins with a line of the kind `header`";
pub(super) const NO_END: &str = "there is no line of the kind `end`";
pub(super) const AFTER_END: &str = "a line follows the line of the kind `end`";

pub(super) fn too_long(limit: u64) -> String {
    format!("the line is longer than {limit} bytes")
}

pub(super) fn not_utf8() -> String {
    "the bytes are not valid UTF-8".to_owned()
}
