//! Damage, all of it: each flipped bit, length, lost sector, and each batch, segment and file that is out of its place.
//! An image opens with exactly the state that was acknowledged and tells what it fell back on, or is refused with a file
//! and a position and left as it is. It never panics, hangs, takes memory by a damaged length, or opens with a state that
//! was not acknowledged.

mod base;
mod batch;
mod bit;
mod durable;
mod file;
mod length;
mod outcome;
mod rot;
mod sample;
mod sector;
mod segment;
mod snapshot;
mod trial;
