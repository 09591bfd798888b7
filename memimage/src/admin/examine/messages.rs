//! The messages of an examination: why a frame, a snapshot or a base cannot be used, and which part of a journal is missing.

use std::fmt;

use crate::seq::{SegmentId, Seq};
use crate::value::ValueError;

pub(super) fn undecodable_model_shape(error: impl fmt::Display) -> String {
    format!("the shape of the model does not decode: {error}")
}

pub(super) fn void_of_later_event(seq: Seq) -> String {
    format!("the frame makes event {seq} void, but this event comes after the frame")
}

pub(super) fn unknown_event_number(seq: Seq, number: impl fmt::Display) -> String {
    format!("event {seq} has number {number}, which is not in the shape table")
}

pub(super) fn undecodable_event(seq: Seq, name: &str, version: u32, cause: &str) -> String {
    format!("event {seq} (`{name}` version {version}) is damaged: {cause}")
}

pub(super) fn undecodable_value(error: &ValueError) -> String {
    format!("the payload does not match its shape: {error}")
}

/// The defect of a file if no intact header identifies the image, so that the UUID in the file cannot be compared.
pub(crate) fn unidentified() -> &'static str {
    "no segment header is readable, so it is not known whether the file belongs to this image"
}

pub(super) fn of_another_image() -> &'static str {
    "the file belongs to another image"
}

pub(super) fn outdated_by_void() -> String {
    "the file contains the effect of an event that became void later".to_owned()
}

pub(super) fn other_protection() -> String {
    "the protection of the file differs from that of the image".to_owned()
}

pub(super) fn forged_snapshot(cause: &str) -> String {
    format!("{cause}; the checksums are correct, so somebody without the key changed the file")
}

pub(super) fn missing_segment_by_watermark(named: SegmentId) -> String {
    format!("this segment is missing, but `journal/durable` names segment {named} as the last one written")
}

pub(super) fn missing_decisions(found: u32, named: u32) -> String {
    format!("the journal ends before this segment and has {found} void frames, but `journal/durable` counts {named}")
}

pub(super) fn missing_file() -> String {
    "the file is missing".to_owned()
}

pub(super) fn missing_first_events() -> String {
    "the first events are missing, and no base replaces them".to_owned()
}

// why the damaged frames alone cannot be given up

pub(super) fn damaged_beginning() -> String {
    "the damage is at the beginning of the journal, so there is no state to go on from".to_owned()
}

pub(super) fn nothing_sound_behind() -> String {
    "no sound frame follows the damage".to_owned()
}

pub(super) fn undescribed_events() -> String {
    "the shapes of some of the events behind the damage are lost".to_owned()
}

pub(super) fn other_history() -> String {
    "the frames behind the damage do not continue those before it: they belong to another history of the image"
        .to_owned()
}

pub(super) fn repeated_events(first: Seq) -> String {
    format!("the frames behind the damage begin with event {first}, which the journal already has")
}

pub(super) fn lost_decisions(count: u32) -> String {
    let decisions = if count == 1 { "a decision" } else { "decisions" };
    format!("the damage destroyed {decisions} that an event is void, so a replay would run an event that must not run")
}
