//! Damage, all of it: each flipped bit, length, lost sector, and each batch, segment and file that is out of its place.
//! An image opens with exactly the state that was acknowledged and tells what it fell back on, or is refused with a file
//! and a position and left as it is. It never panics, hangs, takes memory by a damaged length, or opens with a state that
//! was not acknowledged.

mod base_copies;
mod misplaced_batches;
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
