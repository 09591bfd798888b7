//! How do I back up a running image, and how do I restore it?
//!
//! [`Admin::backup`](crate::Admin::backup) copies a running image to a directory, while commands and queries go on. The backup is
//! an image. To restore it, open it.
//!
//! ```
//! use memimage::{Image, Model, Shape};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! struct Diary {
//!     pages: Vec<String>,
//! }
//!
//! #[memimage::commands]
//! impl Diary {
//!     #[command]
//!     fn write(&mut self, page: String) {
//!         self.pages.push(page);
//!     }
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let (path, backup) = (directory.path().join("diary.image"), directory.path().join("diary.backup"));
//! let diary = Image::<Diary>::open(&path)?;
//! diary.write("Monday".to_owned())?;
//! let first = diary.admin().backup(&backup)?; // a new backup
//! assert_eq!((first.seq.get(), first.continued), (1, None));
//!
//! diary.write("Tuesday".to_owned())?;
//! let second = diary.admin().backup(&backup)?; // onto the first: only what is new is copied
//! assert_eq!((second.seq.get(), second.continued), (2, Some(first.seq)));
//! # Image::close(diary)?;
//! # std::fs::remove_dir_all(&path).unwrap();
//!
//! // after the loss of the image: move the backup, or a copy of it, to the place of the image, and open it
//! std::fs::rename(&backup, &path)?;
//! let diary = Image::<Diary>::open(&path)?;
//! assert!(diary.admin().stats().recovery.restored);
//! assert_eq!(diary.query(|diary| diary.pages.len())?, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a backup contains
//!
//! - A backup contains every event that was acknowledged before the call, and ends with an event that is on disk in the image too.
//!   It contains the snapshots and bases of these events, so it opens as fast as the image. The quarantine is not copied.
//! - A snapshot, or a copy of a base, that is unreadable or damaged does not stop a backup: the backup does without it, and
//!   [`BackupReport::unusable_snapshots`](crate::admin::BackupReport::unusable_snapshots) names it. Only if the journal was pruned and no
//!   state is left from which it can start, there is no backup.
//! - Each copied file is read back and compared with the original. Finally the whole backup is checked as by
//!   [`admin::check`](crate::admin::check()). So a backup takes as long as reading the image twice (its
//!   snapshots once more) and the backup twice.
//! - If the image is encrypted or chained, so is the backup, under the same keys: the files are copied as they are. Keep the keys,
//!   but not beside the backup.
//! - [`BackupReport`](crate::admin::BackupReport) says up to which event the backup goes, and how many bytes were copied.
//! - On a file system with reflinks (XFS, btrfs), finished segments and snapshots share their blocks with the image until one of
//!   the two changes: such a backup takes little space and time, and survives mistakes, but not the disk. No file is a hard link.
//!
//! Put backups on another disk, and some of them on another machine: copy a finished backup there by any program. While a program
//! copies a backup, let no new backup be made onto it. To have each event on another machine within moments, and to restore as of any
//! time, ship the journal to a log: [beyond one machine](super::beyond_one_machine).
//!
//! # New, or onto an earlier backup
//!
//! If the directory does not exist, the backup is made beside it and renamed when it is verified. If the directory is empty, such as
//! the mount point of another disk, the backup is made inside of it. After a crash or an error there is no backup, or a complete one.
//! A directory on a network file system is refused, unless [`Backup::allow_network`](crate::admin::Backup::allow_network) allows it.
//!
//! If the directory contains an earlier backup of this image, later segments, the last segment if it has grown, and newer
//! snapshots are added. Segments and snapshots that the image no longer has are removed. After a crash, the directory is a backup
//! up to an event between the earlier end and the new one; after an error while the files are copied, it is unchanged. Call
//! `backup` again to complete it.
//!
//! A directory is refused, and nothing in it is changed, if it contains something else, a backup of another image, or one whose
//! history differs from that of the image. It is also refused if the backup was opened: then it is an image of its own. To look
//! into a backup, read it by a [`Journal`](crate::Journal), which changes nothing. If the image was [pruned](super::snapshots) so far that the events after the end of the
//! backup are gone, make a new backup in another directory.
//!
//! To keep several states, use several directories, for example one for each day of the week. Each is a complete backup.
//!
//! # Without the program
//!
//! [`admin::backup`](crate::admin::backup()) needs neither the model nor the lock of the image. It runs in any process, beside the
//! owner or without one. If the owner prunes the journal meanwhile, this function begins again with what is there; if this happens
//! too often, it returns an error. [`Admin::backup`](crate::Admin::backup) makes the image wait with its pruning instead.
//!
//! ```no_run
//! let report = memimage::admin::backup("diary.image", "/backups/diary")?;
//! println!("up to event {}, {} bytes copied", report.seq, report.bytes_copied);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Restoring
//!
//! Restoring is opening. Copy the backup to the place of the image and open it with your program. The first opening removes the file
//! `BACKUP` and begins a new life of the image, so the restored image and the old one have separate histories from then on: never
//! mix their files. If the old image may still exist somewhere, make sure that no program uses it.
//!
//! A backup does not contain the positions of named [subscriptions](super::subscriptions): after a restore, `subscribe_as` begins as
//! for a new name. With `Seq::ZERO`, every event is delivered again, and every mail sent again. So pass the position at which the
//! subscriber is to go on, for example what [`subscriptions`](crate::Journal::subscriptions) of the old image says. Restored events have
//! the [keys](crate::EventKey) that they had, so a receiver recognizes them; new events have new keys.
//!
//! For the state at an earlier point in time, [branch](super::past_states) the backup instead of opening it:
//!
//! ```
//! # use memimage::{Image, Journal, Model, Seq, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Diary { entries: Vec<String> }
//! # #[memimage::commands]
//! # impl Diary {
//! #     /// Writes an entry.
//! #     #[command]
//! #     fn write(&mut self, entry: String) { self.entries.push(entry); }
//! # }
//! # let directory = tempfile::tempdir()?;
//! # let _ = std::env::set_current_dir(&directory);
//! let diary = Image::<Diary>::open("diary.image")?;
//! diary.write("good".to_owned())?;
//! diary.write("a mistake".to_owned())?;
//! diary.admin().backup("diary.backup")?;
//!
//! let backup = Journal::<Diary>::open("diary.backup")?;
//! assert_eq!(backup.at(Seq::new(1))?.entries, ["good"]);
//! backup.branch("restored.image").until(Seq::new(1)).create()?; // or a `Timestamp`
//! let restored = Image::<Diary>::open("restored.image")?;
//! assert_eq!(restored.query(|diary| diary.entries.len())?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Try it before you need it: open a copy of a backup with your program, and compare a figure that you know.
//!
//! # Copies by hand
//!
//! If you can, close the image, and copy its directory in any way. An atomic snapshot of the file system (LVM, btrfs, ZFS) is good
//! too, even while the image is in use: it is what a power cut would leave.
//!
//! If a program must copy the files one by one while the image is in use, copy them in this order:
//!
//! 1. `journal/durable`,
//! 2. the files in `snapshot/`, and `journal/*.base`,
//! 3. the segments (`journal/*.journal`) from the highest number to the lowest.
//!
//! `journal/durable`, the snapshots and the bases prove how far the journal is synced. In a copy, they must not be newer than the segments.
//! The last segment comes before the segments before it: while it is copied, the program may begin the next one, and a segment
//! that has a later one must be complete.
//!
//! If a copy was made in another order, or if the last segment grew while it was read, the copy may lack events that it proves to
//! exist. Opening such a copy returns an error, which names the file and says that it may be a bad copy. Copy again, or open it with
//! [`Options::accept_incomplete_copy`](crate::Options::accept_incomplete_copy), which reports the missing events. Do not copy an
//! image by hand while it prunes its journal.
