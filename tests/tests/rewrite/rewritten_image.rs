//! The content of a rewritten image, and its use afterwards.

use std::collections::BTreeSet;
use std::sync::Arc;

use memimage::admin::{Rewrite, RewriteProgress, RewriteStep};
use memimage::{ErrorKind, Image, Metadata, SnapshotPolicy, digest};
use memimage_tests::{changed, files};

use super::model_versions::fourth::DeskCommands as _;
use super::model_versions::{Note, first, fourth, second, third};
use super::{EVENTS, NEW, OLD, open, options, rewrite, source_image};

#[test]
fn all_records_stay_and_the_source_is_unmodified() {
    let disk = source_image(None);
    let before = files(&disk);
    let rewritten = rewrite::<second::Desk>(&disk, OLD, NEW).unwrap();

    let touched: Vec<_> = changed(&before, &files(&disk)).into_iter().filter(|path| path.starts_with(OLD)).collect();
    assert_eq!(touched, Vec::<std::path::PathBuf>::new());
    let kept = open::<second::Desk>(&disk, OLD).read_uncommitted().unwrap().notes.clone();
    let image = open::<second::Desk>(&disk, NEW);
    let notes = image.read_uncommitted().unwrap().notes.clone();
    assert_eq!(notes, kept);
    // the same notes as in the first program, except that a transfer has two
    let first_notes = open::<first::Desk>(&disk, OLD).read_uncommitted().unwrap().drawer.clone();
    assert_eq!(notes.len(), first_notes.len() + 3);
    let of = |notes: &[Note], seq| notes.iter().filter(|note| note.seq == seq).cloned().collect::<Vec<_>>();
    assert_eq!(of(&notes, 5), of(&first_notes, 5), "a rejected event should keep its actor");
    assert_eq!(notes.iter().find(|note| note.seq == 10).unwrap().actor.as_deref(), Some("1"));
    let transfer = &of(&first_notes, 1)[0];
    assert!(of(&notes, 1).iter().all(|part| part.time == transfer.time && part.draw != transfer.draw));

    assert_eq!((rewritten.read, rewritten.split, rewritten.dropped), (EVENTS, 3, 6));
    let upcasts = [(("deposit".to_owned(), 1), 3), (("ping".to_owned(), 1), 6), (("transfer".to_owned(), 1), 3)];
    assert_eq!(rewritten.upcasts, upcasts.into());
    assert_eq!((rewritten.written, rewritten.seq.get(), rewritten.torn), (EVENTS + 3, EVENTS + 3, false));
    assert_eq!(rewritten.digest, digest(&*image.read_uncommitted().unwrap()).unwrap());
    assert_eq!(image.journal().seq(), rewritten.seq);
    assert_eq!(image.admin().stats().recovery.replayed, rewritten.written);
    // no temporary files are left
    assert!(disk.files().iter().all(|file| file.starts_with(OLD) || file.starts_with(NEW)));
    assert!(!disk.files().iter().any(|file| file.ends_with("REWRITING")));
}

/// Split events draw the same random numbers whether the journal was rewritten in one step or in two.
#[test]
fn a_rewrite_in_two_steps_gives_the_same_result() {
    let disk = source_image(None);
    let expected = open::<third::Desk>(&disk, OLD).read_uncommitted().unwrap().book.clone();
    rewrite::<second::Desk>(&disk, OLD, "/halfway").unwrap();
    assert_eq!(open::<third::Desk>(&disk, "/halfway").read_uncommitted().unwrap().book, expected);
    let rewritten = rewrite::<third::Desk>(&disk, "/halfway", NEW).unwrap();
    assert_eq!(open::<third::Desk>(&disk, NEW).read_uncommitted().unwrap().book, expected);
    // dropped events stay dropped
    assert_eq!((rewritten.dropped, rewritten.split), (6, 6));
    assert_eq!(rewritten.upcasts[&("enter".to_owned(), 1)], 6);
    assert_eq!(rewritten.seq.get(), EVENTS + 3 + 6);
    let at_once = rewrite::<third::Desk>(&disk, OLD, "/at once").unwrap();
    assert_eq!(at_once.digest, rewritten.digest);

    let mut draws: Vec<u64> = expected.iter().map(|note| note.draw).collect();
    draws.sort_unstable();
    draws.dedup();
    assert_eq!(draws.len(), expected.len(), "no two events should draw the same number");
}

#[test]
fn a_program_without_old_versions_opens_a_rewritten_image() {
    let disk = source_image(None);
    let error = options::<fourth::Desk>().open_with(Arc::new(disk.fork()), OLD).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
    let rewritten = rewrite::<third::Desk>(&disk, OLD, NEW).unwrap();
    let book = open::<third::Desk>(&disk, OLD).read_uncommitted().unwrap().book.clone();

    let disk = disk.fork();
    let image: Image<fourth::Desk> = options().open_with(Arc::new(disk.clone()), NEW).unwrap();
    assert_eq!(image.read_uncommitted().unwrap().book, book);
    // snapshots, and commands whose random numbers differ from those of older events
    image.admin().snapshot().unwrap();
    for account in 0..EVENTS as i64 {
        image.enter(account, true).unwrap();
    }
    image.with(Metadata::actor("late")).attempt(false, 0).unwrap_err();
    assert_eq!(image.journal().seq().get(), rewritten.seq.get() + EVENTS + 1);
    let book = image.read_uncommitted().unwrap().book.clone();
    assert_eq!(book.last().unwrap().seq, image.journal().seq().get());
    let draws: BTreeSet<u64> = book.iter().map(|note| note.draw).collect();
    assert_eq!(draws.len(), book.len());
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();

    let image: Image<fourth::Desk> = options().open_with(Arc::new(disk.clone()), NEW).unwrap();
    assert_eq!(image.read_uncommitted().unwrap().book, book);
    Image::close(image).unwrap();
    // a second rewrite has nothing to upcast
    let again = rewrite::<fourth::Desk>(&disk, NEW, "/again").unwrap();
    assert!(again.upcasts.is_empty());
    assert_eq!((again.split, again.dropped, again.written), (0, 6, again.read));
    assert_eq!(open::<fourth::Desk>(&disk, "/again").read_uncommitted().unwrap().book, book);
}

/// A dropped event keeps its seq, so that no later event draws the same random numbers as an older one.
#[test]
fn seqs_are_not_smaller_than_those_of_the_source() {
    let disk = memimage::disk::SimDisk::new();
    let image: Image<first::Desk> = options().open_with(Arc::new(disk.clone()), OLD).unwrap();
    use first::DeskCommands as _;
    (0..8).for_each(|_| image.ping().unwrap());
    image.fee().unwrap();
    Image::close(image).unwrap();
    rewrite::<third::Desk>(&disk, OLD, NEW).unwrap();
    let disk = disk.fork();
    let image: Image<third::Desk> = options().open_with(Arc::new(disk), NEW).unwrap();
    assert_eq!(image.journal().seq().get(), 9);
    third::DeskCommands::fee(&image, 3).unwrap();
    let book = image.read_uncommitted().unwrap().book.clone();
    assert_eq!(book.iter().map(|note| note.seq).collect::<Vec<_>>(), [9, 10]);
    assert_ne!(book[0].draw, book[1].draw);
}

#[test]
fn a_genesis_state_is_upcast_and_recorded_in_its_current_version() {
    let given = Note { what: "given".to_owned(), seq: 0, time: 5, draw: 6, actor: None };
    let disk = source_image(Some(first::Desk { drawer: vec![given.clone()] }));
    rewrite::<third::Desk>(&disk, OLD, NEW).unwrap();
    let image = open::<fourth::Desk>(&disk, NEW);
    let book = image.read_uncommitted().unwrap().book.clone();
    assert_eq!(book[0], given);
    assert_eq!(book, open::<third::Desk>(&disk, OLD).read_uncommitted().unwrap().book);
}

#[test]
fn an_image_without_events_is_rewritten() {
    let disk = memimage::disk::SimDisk::new();
    let image: Image<first::Desk> = options().open_with(Arc::new(disk.clone()), OLD).unwrap();
    Image::close(image).unwrap();
    let rewritten = rewrite::<third::Desk>(&disk, OLD, NEW).unwrap();
    assert_eq!((rewritten.read, rewritten.written, rewritten.seq.get()), (0, 0, 0));
    let image = open::<fourth::Desk>(&disk, NEW);
    image.enter(1, true).unwrap();
    assert_eq!(image.read_uncommitted().unwrap().book[0].seq, 1);
}

#[test]
fn progress_is_reported_step_by_step() {
    let disk = source_image(None);
    let mut reports: Vec<RewriteProgress> = Vec::new();
    let rewritten = Rewrite::<third::Desk>::new()
        .segment_bytes(16 << 10)
        .progress(|progress| reports.push(progress))
        .run_with(Arc::new(disk), OLD, NEW)
        .unwrap();
    assert!(reports.is_sorted_by_key(|progress| (progress.step, progress.events, progress.bytes)), "{reports:?}");
    let last = |step| *reports.iter().rfind(|progress| progress.step == step).unwrap();
    let [rebuild, write, verify] = [RewriteStep::Rebuild, RewriteStep::Write, RewriteStep::Verify].map(last);
    assert_eq!((rebuild.events, rebuild.total), (EVENTS, None));
    assert_eq!((write.events, write.total, write.bytes), (EVENTS, Some(EVENTS), rebuild.bytes));
    assert_eq!((verify.events, verify.total), (rewritten.written, Some(rewritten.written)));
    assert!(rebuild.bytes > 3 * 4_000, "the bytes should include the memos");
}

/// On a real disk, with default options.
#[test]
fn a_rewrite_into_an_empty_directory_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let [from, to] = ["old", "new"].map(|name| directory.path().join(name));
    let image = Image::<first::Desk>::options().snapshots(SnapshotPolicy::Manual).open(&from).unwrap();
    first::DeskCommands::transfer(&image, 1, 2).unwrap();
    Image::close(image).unwrap();
    std::fs::create_dir(&to).unwrap();
    let rewritten = memimage::admin::rewrite::<second::Desk>(&from, &to).unwrap();
    assert_eq!(rewritten.written, 2);
    let names: BTreeSet<_> = std::fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["new".into(), "old".into()].into());
    let image = Image::<second::Desk>::open(&to).unwrap();
    assert_eq!(image.read_uncommitted().unwrap().notes.len(), 2);
}
