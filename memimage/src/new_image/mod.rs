//! New images that are created from another image: rewritten images, branches, backups and imported images.

// each module uses only the modules above it
mod staging;
mod complete_journal;
mod record_writer;
mod source_frame;
#[cfg(feature = "admin")]
mod epoch_frames;

pub(crate) use complete_journal::{CompleteJournal, Need, Rebuilt, first_divergence};
#[cfg(feature = "admin")]
pub(crate) use epoch_frames::EpochFrames;
pub(crate) use record_writer::{JournalForm, NewRecord, RecordWriter};
pub(crate) use source_frame::{FrameDecoder, SourceFrame, replayed};
#[cfg(feature = "admin")]
pub(crate) use source_frame::{lost_correction, refuse_uncarried};
pub(crate) use staging::{StagingDir, StagingTask, refuse_inside, vacant};
