//! Damaged images: each flipped bit, each truncation, each lost sector, and each misplaced batch, segment and file. Either the
//! image opens with exactly the acknowledged state and reports the snapshots or copies that it could not use, or it is refused
//! with a file and a position and is not modified. It never panics, hangs, allocates memory because of a damaged length, or
//! opens with another state.

mod base_copies;
mod misplaced_batches;
mod mixed_timelines;
mod bit_flips;
mod watermark;
mod replaced_files;
mod file_lengths;
mod outcome;
mod transient_bit_errors;
mod sample_images;
mod lost_sectors;
mod misplaced_segments;
mod snapshots;
mod campaign;
