//! The messages of an examination: why a frame, a snapshot or a base cannot be used, and where a journal lacks its beginning.

use std::fmt;

use crate::seq::{SegmentId, Seq};
use crate::value::ValueError;

pub(super) fn undecodable_model_shape(error: impl fmt::Display) -> String {
    format!("the model's shape does not decode: {error}")
}

pub(super) fn void_of_later_event(seq: Seq) -> String {
    format!("it makes event {seq} void, which comes after it")
}

pub(super) fn unknown_event_number(seq: Seq, number: impl fmt::Display) -> String {
    format!("event {seq} has the unknown number {number}")
}

pub(super) fn undecodable_event(seq: Seq, name: &str, version: u32, cause: &str) -> String {
    format!("event {seq} (`{name}` version {version}) is damaged: {cause}")
}

pub(super) fn undecodable_value(error: &ValueError) -> String {
    format!("it does not decode by its shape: {error}")
}

/// No intact header identifies the image, so a file that names its image cannot be checked.
pub(crate) fn unidentified() -> &'static str {
    "the image that it belongs to is not known, since no segment header is readable"
}

pub(super) fn of_another_image() -> &'static str {
    "it belongs to another image"
}

pub(super) fn outdated_by_void() -> String {
    "it was made before one of its events became void".to_owned()
}

pub(super) fn other_protection() -> String {
    "it is not protected as the image is".to_owned()
}

pub(super) fn forged_snapshot(cause: &str) -> String {
    format!("{cause}; the checksums are right, so somebody without the key changed it")
}

pub(super) fn missing_segment_by_watermark(named: SegmentId) -> String {
    format!("its file is missing: by `journal/durable`, the image was written up to segment {named}")
}

pub(super) fn missing_decisions(found: u32, named: u32) -> String {
    format!("the journal ends before it and has {found} void marks; by `journal/durable`, {named} were recorded")
}

pub(super) fn missing_file() -> String {
    "its file is missing".to_owned()
}

pub(super) fn missing_first_events() -> String {
    "its first events are missing, and so is the base that replaces them".to_owned()
}
