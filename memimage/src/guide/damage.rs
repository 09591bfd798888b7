//! What happens after a crash or a disk error, and how an image is checked, repaired and copied.
//!
//! # After a crash
//!
//! Open the image. A write that the crash cut short, a *torn write*, was acknowledged to nobody. Opening copies its
//! bytes to `quarantine/`, clears them from the journal, and reports it:
//!
//! ```
//! # use memimage::{Image, Model, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Counter { count: u64 }
//! # #[memimage::commands]
//! # impl Counter {
//! #     #[command]
//! #     fn add(&mut self) { self.count += 1; }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("counter.image");
//! let counter = Image::<Counter>::open(&path)?;
//! # counter.add()?;
//! let recovery = counter.admin().stats().recovery;
//! if let Some(copy) = &recovery.quarantined {
//!     println!("a torn write was cleared; its bytes are in {}", copy.display());
//! }
//! if recovery.uncertain {
//!     println!("`journal/durable` was missing or old: whether events are missing at the end cannot be seen");
//! }
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! The same report names snapshots that could not be used, files that were moved out of the way, and a clock that is
//! behind the last event.
//!
//! # Damage
//!
//! Any other damage that opening meets is refused. The error names the file, the byte and the event; nothing is
//! changed. Opening reads from the newest snapshot on. [`admin::check`](crate::admin::check()) reads everything,
//! without the program and its types, also while the image is in use:
//!
//! ```
//! # use memimage::{Image, Model, Seq, Shape};
//! # use serde::{Deserialize, Serialize};
//! use memimage::admin::{RepairAction, check, repair};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Counter { count: u64 }
//! # #[memimage::commands]
//! # impl Counter {
//! #     #[command]
//! #     fn add(&mut self, number: u32) { self.count += u64::from(number); }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("counter.image");
//! # let counter = Image::<Counter>::open(&path)?;
//! # (counter.add(1)?, counter.add(2)?, Image::close(counter)?);
//! # use std::os::unix::fs::FileExt;
//! # let segment = std::fs::File::options().write(true).open(path.join("journal/00000001.journal")).unwrap();
//! # segment.write_all_at(&[0; 512], 4096 + 4 * 512).unwrap(); // the frame of the last event
//!
//! let report = check(&path)?;
//! println!("{report}"); // the damage, the repairs that fit, and the events that each would lose
//! assert!(!report.is_sound());
//!
//! repair(&path, RepairAction::CutFrom(Seq::new(2)))?; // a decision: event 2 is given up
//! assert!(check(&path)?.is_sound());
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # What to do about damage
//!
//! 1. Copy the whole directory.
//! 2. If you have a good copy of the damaged file, restore it.
//! 3. Else run [`check`](crate::admin::check()) and read its report.
//! 4. Run [`repair`](crate::admin::repair()) with one of the actions that the report offers:
//!
//! | action | what it does | what is lost |
//! | --- | --- | --- |
//! | `TornTail` | clears a torn write; opening does it too | nothing acknowledged |
//! | `SuspectTail` | clears bytes at the end that nothing proves to have been acknowledged, and that no crash explains | nothing that is known of |
//! | `Segments` | makes a damaged header or length again; the frames are intact | nothing |
//! | `Snapshots` | moves unusable snapshots away | nothing that the journal has |
//! | `Base` | makes a copy of a base again from the other copy | nothing |
//! | `BeginAt(seq)` | continues from a good snapshot that is newer than the damage, with the events after it | the older events leave the journal; their state stays |
//! | `CutFrom(seq)` | gives up this event and all after it; you must name the first that is missing or damaged | these events |
//!
//! A repair first copies whatever it changes to `quarantine/`. After a crash, run it again. After `CutFrom`, new
//! commands take the numbers of those given up: tell systems that stored such numbers.
//!
//! # An event that cannot be replayed
//!
//! Its body panics now, or its payload can no longer be read. Fix the program if you can. Otherwise record the decision
//! that the event does nothing:
//!
//! ```
//! # use memimage::{Image, Model, Seq, Shape};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Default, Serialize, Deserialize, Shape, Model)]
//! # struct Counter { count: u64 }
//! # #[memimage::commands]
//! # impl Counter {
//! #     #[command]
//! #     fn add(&mut self, number: u32) { self.count += u64::from(number); }
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("counter.image");
//! # let counter = Image::<Counter>::open(&path)?;
//! # (counter.add(1)?, counter.add(2)?, Image::close(counter)?);
//! memimage::admin::void(&path, Seq::new(1), "added by mistake")?; // the image must be closed
//!
//! let counter = Image::<Counter>::open(&path)?;
//! assert_eq!(counter.query(|counter| counter.count)?, 2);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - There is no way back, so copy the image first.
//! - The event keeps its number. The events after it are replayed on a state without it, so they may give other results
//!   than they did, or fail in turn.
//! - Ids that the model counts (`self.next_id += 1`) move: if the void event took id 5, the next one takes 5 now.
//!   Events and other systems that name ids then mean another thing. Ids from [`ctx.seq()`](super::determinism#ids) do
//!   not move.
//! - Snapshots that contain the event's effect are removed, and digests from before the decision no longer count.
//!
//! # Copies
//!
//! Copies are yours to make. Close the image, copy its whole directory, and open it again. To see that a copy is good,
//! run `check` on it. An image that was replaced by an older copy of itself opens without an error;
//! [`encryption`](super::encryption#rollback) says how to notice that.
