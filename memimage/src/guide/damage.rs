//! Crashes and disk errors, and how to check and repair an image.
//!
//! # After a crash
//!
//! Open the image. If the crash cut a write short, the journal ends in a *torn write*. A torn write was never synced, so in
//! `Synced` mode no caller got an answer for a command in this write. Opening copies the bytes of the torn write to
//! `quarantine/`, clears them from the journal, and reports this:
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
//!     println!("`journal/durable` was missing or old: events may be missing at the end");
//! }
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! The same [report](crate::RecoveryReport) lists unusable snapshots and segments that were moved to the quarantine, and states
//! how far the clock is behind the last event.
//!
//! # Check for damage
//!
//! If opening meets any other damage, it refuses the image and changes nothing. The error reports the file, the offset and the
//! event. Opening reads the journal only from the newest snapshot on, so it does not find earlier damage.
//! [`admin::check`](crate::admin::check()) reads the whole image. It does not need the model's type, and also works while the
//! image is in use:
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
//! println!("{report}"); // the damage, the repairs that apply, and the events that each would lose
//! assert!(!report.is_sound());
//!
//! repair(&path, RepairAction::CutFrom(Seq::new(2)))?; // gives up event 2
//! assert!(check(&path)?.is_sound());
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! # Repair damage
//!
//! 1. Copy the whole directory.
//! 2. If you have a good copy of the damaged file, restore the file from this copy.
//! 3. Otherwise run [`check`](crate::admin::check()) and read its report.
//! 4. Run [`repair`](crate::admin::repair()) with one of the actions that the report offers:
//!
//! | [`RepairAction`](crate::admin::RepairAction) | effect | loss |
//! | --- | --- | --- |
//! | `TornTail` | clears a torn write; opening does this too | no event that was synced |
//! | `SuspectTail` | clears bytes at the end that no crash can explain, unless there is evidence that they were synced | no event that is known to have been synced |
//! | `Segments` | restores a damaged header or length of a segment whose frames are intact | no event that is known to exist |
//! | `Snapshots` | moves unusable snapshots to the quarantine | nothing that the journal cannot rebuild |
//! | `Base` | replaces the unusable copy of the base by the intact copy | nothing |
//! | `BeginAt(seq)` | lets the journal begin after the damage, with the state of an intact snapshot | the older events leave the journal; their effect stays in the state |
//! | `CutFrom(seq)` | gives up this event and all later events; `seq` must be the first missing or damaged event | these events |
//! | `GiveUp(seq)` | gives up the damaged frames alone, and keeps the sound events behind them, with their numbers | exactly the damaged events |
//!
//! A repair first copies everything that it changes to `quarantine/`. The command `memimage quarantine IMAGE --events` shows the intact
//! events there that the journal lacks. If a crash interrupts the repair, run the same repair
//! again. After `CutFrom`, new commands take the numbers of the events that were given up: inform other systems that stored
//! these numbers.
//!
//! `GiveUp` loses the fewest events, but the later ones may rest on those that are lost. If a usable snapshot was made behind the
//! damage, it has their effect, and the state stays right. Otherwise the later events are replayed without the lost ones. So look
//! before you decide:
//!
//! ```
//! # use memimage::{Image, Model, Seq, Shape};
//! # use serde::{Deserialize, Serialize};
//! use memimage::admin::{Repair, RepairAction};
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
//! # (1..4).for_each(|number| counter.add(number).unwrap());
//! # Image::close(counter)?;
//! # use std::os::unix::fs::FileExt;
//! # let segment = std::fs::File::options().write(true).open(path.join("journal/00000001.journal")).unwrap();
//! # segment.write_all_at(&[0; 512], 4096 + 4 * 512).unwrap(); // the frame of the second event
//!
//! let repair = Repair::new(RepairAction::GiveUp(Seq::new(2))).by("Ann");
//! println!("{}", repair.dry_run::<Counter>(&path)?); // the events whose outcome would change
//! repair.run(&path)?;
//!
//! let counter = Image::<Counter>::open(&path)?;
//! assert_eq!(counter.query(|counter| counter.count)?, 1 + 3);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - The journal records each gap, with its range, as it records that an event is void. A check notes it, and
//!   [`RecoveryReport::lost`](crate::RecoveryReport) lists the lost events that a replay went on without.
//! - A loop over the history or a subscription gets an error of the kind [`LostEvents`](crate::ErrorKind::LostEvents) for each gap, and
//!   can go on. A projection goes on, and logs a warning.
//! - An export, a [branch](super::past_states#undo-a-mistaken-event) and a [rewrite](crate::admin::rewrite()) are refused, unless
//!   `carry_gaps(true)`, or `--carry-gaps`, takes the gap over: the new image then tells about it as this one does. Its states lack the
//!   effect of the lost events, even if a snapshot of this image has it.
//! - A named subscription acknowledges a gap by its error, with [`acknowledge_lost`](crate::Subscription::acknowledge_lost), or by
//!   acknowledging a later event. Otherwise the error comes again when the subscriber starts again. A subscription that has acknowledged
//!   one of the lost events goes on behind the gap.
//! - The request keys of lost events are forgotten, unless a snapshot has them: a retry runs such a request again.
//! - As long as a state rests on a snapshot with the effect of lost events, the snapshots are no mere cache: a replay without any of them
//!   gives another state, which a digest reveals.
//!
//! # An event that cannot be replayed
//!
//! If the body of an old command panics on replay, or its payload cannot be decoded, fix the program if you can.
//! Otherwise make the event *void*. The journal then records the decision that replay skips this event:
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
//! use memimage::admin::Void;
//!
//! let decision = Void::new(Seq::new(1), "added by mistake");
//! println!("{}", decision.dry_run::<Counter>(&path)?); // the later events whose outcome would change
//! decision.run(&path)?; // the image must be closed
//!
//! let counter = Image::<Counter>::open(&path)?;
//! assert_eq!(counter.query(|counter| counter.count)?, 2);
//! # Ok::<(), memimage::Error>(())
//! ```
//!
//! - A void event cannot be restored, so copy the image first.
//! - The event keeps its number. Later events are replayed on a state without the effect of the void event. So a later event
//!   may have another effect than before: a call that was accepted may be rejected now. Recovery accepts a changed outcome of
//!   each event that was recorded before the decision. If the body of a later event now panics on replay, or the upcaster of
//!   this later event fails, make this later event void too.
//! - Ids that the model counts (`self.next_id += 1`) change: if the void event created id 5, the next event that creates an id
//!   now creates id 5. Recorded arguments and other systems that hold id 5 then refer to another thing. Ids that come from
//!   [`ctx.seq()`](super::determinism#ids) stay the same when an event is made void.
//! - `Void` removes the snapshots that contain the void event's effect. Recovery ignores digests that were recorded for states
//!   with the void event's effect.
//!
//! # A wrong clock
//!
//! Recorded time never goes back by itself. If the system clock jumps ahead, new events get the wrong time. After the clock is
//! corrected, each new event gets the time of the last event, until the clock has caught up.
//! [`Stats::clock_jumped`](crate::Stats::clock_jumped) reports a jump of more than an hour against the monotonic clock, and
//! [`Retention::Period`](crate::Retention::Period) prunes nothing because of such a jump. A
//! suspended computer is no jump; a paused virtual machine is. If the system clock is wrong, correct it, then call
//! [`Admin::correct_time`](crate::Admin::correct_time): the journal records the decision, and recorded time continues from the
//! corrected time.
//!
//! # Copies
//!
//! [`backup`](super::backup) explains how to copy an image, in use or not, and in which order to copy files by hand. Never mix files
//! of two copies: each opening of a copy begins a history of its own, and the library refuses segments of two histories.
//!
//! If an older copy replaces an image, the copy opens without an error; [`encryption`](super::encryption#rollback) explains how
//! to detect the replacement.
