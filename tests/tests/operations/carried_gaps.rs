//! Recorded gaps that an export, a branch and a rewrite take over into a new image, by name.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::{
    Export, ExportReport, Import, ImportReport, RepairAction, Rewrite, SeqRange, Severity, Void, check_with,
};
use memimage::disk::{Disk as _, SimDisk};
use memimage::{BranchReport, Error, ErrorKind, Image, Model, Seq};
use memimage_tests::protection::MODES;
use memimage_tests::{Ledger, LedgerCommands as _, with_keys};

use super::give_up::{give_up, offered};
use super::model_versions::first::{Till, TillCommands as _};
use super::recorded_gaps::{COPY, deposits, with_gap, without_lost};
use super::repair::{cents, damage, repair, state_after};
use super::{IMAGE, image, image_as, open, options};

fn export(disk: &SimDisk, path: &str, carries_gaps: bool) -> Result<(ExportReport, String), Error> {
    let mut lines = Vec::new();
    let report = Export::new().carry_gaps(carries_gaps).run_with(Arc::new(disk.clone()), path, &mut lines)?;
    Ok((report, String::from_utf8(lines).unwrap()))
}

/// The lines without the checksum in the last one, so that an import accepts changes.
fn unchecked(lines: &str) -> String {
    let (before, checksum) = lines.rsplit_once(r#","checksum":""#).expect("an export has a checksum");
    assert_eq!(checksum.len(), 16 + "\"}\n".len(), "{checksum}");
    format!("{before}}}\n")
}

/// The lines without the header, which identifies the image, and without the checksum, which covers the header.
fn body(lines: &str) -> String {
    unchecked(lines).split_once('\n').unwrap().1.to_owned()
}

fn import(disk: &SimDisk, lines: &str) -> Result<ImportReport, Error> {
    Import::new().run_with(Arc::new(disk.clone()), lines.as_bytes(), COPY)
}

fn branch(disk: &SimDisk, until: u64) -> Result<BranchReport, Error> {
    let journal = options::<Till>().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap();
    journal.branch(COPY).until(Seq::new(until)).carry_gaps(true).create()
}

fn open_copy<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    options().open_with(Arc::new(disk.clone()), COPY)
}

fn range(first: u64, last: u64) -> SeqRange {
    SeqRange { first: Seq::new(first), last: Seq::new(last) }
}

/// Asserts that the copy tells about the gaps in every way in which the image does, and has this state. Then goes on in the copy.
fn assert_told(disk: &SimDisk, lost: &[SeqRange], (last, cents): (u64, u64)) {
    let told = |path: &str| {
        let checked = check_with(Arc::new(disk.clone()), path).unwrap();
        assert!(checked.worst() <= Some(Severity::Note), "{checked}");
        checked.gaps.into_iter().map(|gap| (gap.lost, gap.next, gap.reason, gap.by, gap.time)).collect::<Vec<_>>()
    };
    let of_copy = told(COPY);
    assert_eq!(of_copy, told(IMAGE));
    assert_eq!(of_copy.iter().filter_map(|gap| gap.0).collect::<Vec<_>>(), lost);
    for _ in 0..2 {
        let till = open_copy::<Till>(disk).unwrap();
        let recovery = till.admin().stats().recovery;
        let expected: Vec<_> = lost.iter().map(|range| (range.first, range.last)).collect();
        // the snapshot of a branch is behind the gaps
        assert_eq!(recovery.lost, if recovery.snapshot.is_some() { Vec::new() } else { expected.clone() });
        assert_eq!((till.journal().seq().get(), till.read_uncommitted().unwrap().cents), (last, cents));
        let history = till.journal().history().into_iter();
        let gaps: Vec<_> = history.filter_map(Result::err).map(|error| error.gap().unwrap()).collect();
        assert_eq!(gaps, expected);
        Image::close(till).unwrap();
    }
    let till = open_copy::<Till>(disk).unwrap();
    till.put(7).unwrap();
    assert!(till.admin().snapshot().unwrap().verified);
    Image::close(till).unwrap();
    let till = open_copy::<Till>(disk).unwrap();
    assert_eq!((till.journal().seq().get(), till.read_uncommitted().unwrap().cents), (last + 1, cents + 7));
}

/// Gives up these events in the image.
fn give_up_all(disk: &SimDisk, lost: &[u64]) {
    lost.iter().for_each(|event| damage(disk, *event));
    repair(disk, give_up(lost[0])).unwrap();
}

/// The cases: the lost events, as ranges, and the state after event 30.
fn cases() -> Vec<(SimDisk, Vec<SeqRange>, u64)> {
    [&[5, 6][..], &[1], &[2, 11, 14, 28, 29], &[4]]
        .into_iter()
        .map(|lost| {
            let disk = image(&[]);
            give_up_all(&disk, lost);
            let ranges = check_with(Arc::new(disk.clone()), IMAGE).unwrap().gaps;
            let of = |event: &u64| state_after(*event) - state_after(*event - 1);
            let cents = state_after(30) - lost.iter().map(of).sum::<u64>();
            (disk, ranges.into_iter().filter_map(|gap| gap.lost).collect(), cents)
        })
        .collect()
}

#[test]
fn an_exported_gap_is_one_in_the_imported_image_too() {
    for (disk, lost, cents) in cases() {
        let (report, lines) = export(&disk, IMAGE, true).unwrap();
        let events = 30 - lost.iter().map(SeqRange::events).sum::<u64>();
        assert_eq!((&report.gaps, report.events, report.seq), (&lost, events, Seq::new(30)));
        let imported = import(&disk, &lines).unwrap();
        assert_eq!((&imported.gaps, imported.events, imported.seq), (&lost, events, Seq::new(30)));
        let (again, copied) = export(&disk, COPY, true).unwrap();
        assert_eq!(again, report);
        assert_eq!(body(&copied), body(&lines));
        assert_told(&disk, &lost, (30, cents));
    }
}

#[test]
fn a_gap_of_a_protected_image_is_carried() {
    for mode in &MODES[1..] {
        let disk = image_as(*mode, &[]);
        give_up_all(&disk, &[5, 6]);
        let mut lines = Vec::new();
        let export = with_keys!(*mode, Export::new()).carry_gaps(true);
        export.run_with(Arc::new(disk.clone()), IMAGE, &mut lines).unwrap();
        let import = with_keys!(*mode, Import::new());
        let report = import.run_with(Arc::new(disk.clone()), &lines[..], COPY).unwrap();
        assert_eq!(report.gaps, [range(5, 6)]);
        let till: Image<Till> = with_keys!(*mode, options()).open_with(Arc::new(disk.clone()), COPY).unwrap();
        assert_eq!(till.read_uncommitted().unwrap().cents, without_lost(30));
    }
}

#[test]
fn a_branch_with_a_gap_has_the_state_without_the_lost_events() {
    for (disk, lost, cents) in cases() {
        let report = branch(&disk, 30).unwrap();
        assert_eq!(report.lost, lost.iter().map(|range| (range.first, range.last)).collect::<Vec<_>>());
        assert_told(&disk, &lost, (30, cents));
    }
}

#[test]
fn a_branch_that_ends_with_a_gap_goes_on_behind_it() {
    let disk = with_gap(&[]);
    assert_eq!(branch(&disk, 5).unwrap_err().kind(), ErrorKind::LostEvents, "the state after event 5 is unknown");
    assert_eq!(branch(&disk, 6).unwrap().lost, [(Seq::new(5), Seq::new(6))]);
    let till = open_copy::<Till>(&disk).unwrap();
    assert_eq!((till.journal().seq().get(), till.read_uncommitted().unwrap().cents), (6, state_after(4)));
    till.put(3).unwrap();
    Image::close(till).unwrap();
    let till = open_copy::<Till>(&disk).unwrap();
    assert_eq!((till.journal().seq().get(), till.read_uncommitted().unwrap().cents), (7, state_after(4) + 3));
}

#[test]
fn a_branch_changes_events_on_both_sides_of_a_gap_but_not_those_in_it() {
    let disk = with_gap(&[]);
    let journal = options::<Till>().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let without =
        |events: &[u64]| journal.branch(COPY).carry_gaps(true).without(events.iter().copied().map(Seq::new)).create();
    for lost in [&[5][..], &[6], &[2, 6]] {
        assert_eq!(without(lost).unwrap_err().kind(), ErrorKind::LostEvents, "{lost:?}");
    }
    without(&[2, 10]).unwrap();
    let till = open_copy::<Till>(&disk).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, without_lost(30) - 2 - 10);
}

#[test]
fn a_rewritten_image_tells_about_the_gap() {
    for (disk, lost, cents) in cases() {
        let rewrite = Rewrite::<Till>::new().segment_bytes(16 << 10).carry_gaps(true);
        let report = rewrite.run_with(Arc::new(disk.clone()), IMAGE, COPY).unwrap();
        assert_eq!((&report.gaps, report.seq), (&lost, Seq::new(30)));
        assert_told(&disk, &lost, (30, cents));
    }
}

/// The state of the image rests on a snapshot with the effect of the lost events. That of a copy lacks it, and a digest that was
/// recorded after the repair reveals it.
#[test]
fn a_copy_never_has_the_effect_of_lost_events_in_silence() {
    let disk = with_gap(&[12]);
    let till = open::<Till>(&disk).unwrap();
    till.put(9).unwrap();
    assert!(till.admin().snapshot().unwrap().verified);
    assert_eq!(till.read_uncommitted().unwrap().cents, state_after(30) + 9);
    Image::close(till).unwrap();

    let (_, lines) = export(&disk, IMAGE, true).unwrap();
    import(&disk, &lines).unwrap();
    assert_eq!(open_copy::<Till>(&disk).unwrap_err().kind(), ErrorKind::Diverged);
    let options = options().verify_digests(false);
    let till: Image<Till> = options.open_with(Arc::new(disk.clone()), COPY).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, without_lost(30) + 9);
    Image::close(till).unwrap();
    // the digest of the state before the repair, with the effect of the lost events, does not count
    let without_last: String = unchecked(&lines)
        .lines()
        .filter(|line| !line.contains(r#""kind":"digest","seq":31"#))
        .fold(String::new(), |text, line| text + line + "\n");
    assert_ne!(without_last, lines);
    Import::new().run_with(Arc::new(disk.clone()), without_last.as_bytes(), "/again").unwrap();
    let till: Image<Till> = super::options().open_with(Arc::new(disk.clone()), "/again").unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, without_lost(30) + 9);
}

/// Another outcome behind the gap, and a decision that an event is void.
#[test]
fn outcomes_and_decisions_behind_a_carried_gap_are_those_of_the_image() {
    let disk = deposits();
    damage(&disk, 1);
    repair(&disk, offered(&disk).unwrap().action).unwrap();
    Void::new(Seq::new(3), "wrong").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let state = |path: &str| {
        let ledger: Image<Ledger> =
            options().open_with(Arc::new(disk.fork()), path).unwrap_or_else(|error| panic!("{path}: {error}"));
        ledger.read_uncommitted().unwrap().clone()
    };
    let (_, lines) = export(&disk, IMAGE, true).unwrap();
    import(&disk, &lines).unwrap();
    assert_eq!(state(COPY), state(IMAGE));
    let journal = options::<Ledger>().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap();
    journal.branch("/branch").carry_gaps(true).create().unwrap();
    assert_eq!(state("/branch"), state(IMAGE));
    drop(journal);
    let rewrite = Rewrite::<Ledger>::new().carry_gaps(true);
    rewrite.run_with(Arc::new(disk.clone()), IMAGE, "/rewritten").unwrap();
    assert_eq!(state("/rewritten"), state(IMAGE));
}

/// Void events before and behind a gap, and events after each. Event 6 was recorded after a decision that stands behind the gap, but with the
/// effect of the lost event.
#[test]
fn only_the_outcomes_before_a_carried_gap_are_compared() {
    let disk = SimDisk::new();
    let work = |run: &dyn Fn(&Image<Ledger>)| {
        let ledger = open::<Ledger>(&disk).unwrap();
        run(&ledger);
        Image::close(ledger).unwrap();
    };
    let void = |seq| drop(Void::new(Seq::new(seq), "wrong").run_with(Arc::new(disk.clone()), IMAGE).unwrap());
    work(&|ledger| {
        ledger.deposit(2, 30).unwrap();
        ledger.deposit(1, 10).unwrap();
    });
    void(1);
    work(&|ledger| {
        ledger.settle(2, 20).unwrap_err();
        ledger.deposit(1, 100).unwrap();
        ledger.settle(1, 60).unwrap();
    });
    void(5);
    work(&|ledger| _ = ledger.settle(1, 30).unwrap());
    damage(&disk, 4);
    repair(&disk, give_up(4)).unwrap();
    work(&|ledger| _ = ledger.deposit(1, 5).unwrap());

    let lines = unchecked(&export(&disk, IMAGE, true).unwrap().1);
    let kinds =
        lines.lines().filter_map(|line| line.strip_prefix(r#"{"kind":""#)?.split_once('"')).map(|(kind, _)| kind);
    let order: Vec<_> = kinds.filter(|kind| ["event", "void", "gap"].contains(kind)).collect();
    assert_eq!(order, ["event", "event", "void", "event", "gap", "event", "void", "event", "event"]);
    let opened = |lines: &str| {
        let copy = SimDisk::new();
        import(&copy, lines).unwrap();
        open_copy::<Ledger>(&copy).map(|ledger| ledger.read_uncommitted().unwrap().clone())
    };
    let ledger = open::<Ledger>(&disk).unwrap();
    assert_eq!(opened(&lines).unwrap(), *ledger.read_uncommitted().unwrap());
    let with_outcome = |seq: u64, from: bool| {
        let event = lines.lines().find(|line| line.contains(&format!(r#""kind":"event","seq":{seq},"#))).unwrap();
        let changed = event.replace(&format!(r#""rejected":{from}"#), &format!(r#""rejected":{}"#, !from));
        assert_ne!(changed, event);
        opened(&lines.replace(event, &changed)).map(drop).map_err(|error| error.kind())
    };
    assert_eq!(with_outcome(3, true), Err(ErrorKind::Diverged));
    assert_eq!(with_outcome(6, false), Ok(()), "the replay decides");
}

#[test]
fn an_image_with_a_gap_is_copied_only_by_name() {
    let disk = with_gap(&[]);
    let refused = [
        export(&disk, IMAGE, false).unwrap_err(),
        Rewrite::<Till>::new().run_with(Arc::new(disk.clone()), IMAGE, COPY).unwrap_err(),
    ];
    for error in refused {
        assert!(error.kind() == ErrorKind::LostEvents && error.to_string().contains("--carry-gaps"), "{error}");
    }
    assert_eq!(disk.kind(Path::new(COPY)).unwrap(), None);
}

/// Each changed line is refused, and no image is made.
#[test]
fn an_import_verifies_the_lines_of_gaps() {
    let disk = with_gap(&[]);
    let lines = unchecked(&export(&disk, IMAGE, true).unwrap().1);
    let gap = lines.lines().find(|line| line.contains(r#""kind":"gap""#)).unwrap();
    let changes: [(&str, String); 9] = [
        ("must follow here", lines.replace(r#""first":5,"last":6"#, r#""first":6,"last":6"#)),
        ("must follow here", lines.replace(r#""first":5,"last":6"#, r#""first":5,"last":5"#)),
        ("must follow here", lines.replace(r#""first":5,"last":6"#, r#""first":5,"last":7"#)),
        ("before its first event", lines.replace(r#""first":5,"last":6"#, r#""first":5,"last":4"#)),
        ("is the last one", lines.replace(r#""first":5,"last":6"#, r#""first":5,"last":31"#)),
        ("must follow here", lines.replace(&format!("{gap}\n"), "")),
        ("must follow here", lines.replace(gap, &format!("{gap}\n{gap}"))),
        ("1 lines of the kind `gap`, not 0", lines.replace(r#","gaps":1}"#, "}")),
        ("longer than 1024 bytes", lines.replace(r#""by":null"#, &format!(r#""by":"{}""#, "x".repeat(1025)))),
    ];
    for (what, changed) in changes {
        assert_ne!(changed, lines, "{what}");
        let error = import(&disk, &changed).unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidExport && error.to_string().contains(what), "{what}: {error}");
        assert_eq!(disk.kind(Path::new(COPY)).unwrap(), None);
    }
    let void = r#"{"kind":"void","seq":5,"time":"2026-11-30T12:00:00.000000Z","reason":"","by":null}"#;
    let of_lost = lines.replace(gap, &format!("{gap}\n{void}"));
    assert!(import(&disk, &of_lost).unwrap_err().to_string().contains("not among the events before this line"));
}

/// A gap behind which nothing but frames without events follows, in the new image too.
#[test]
fn a_gap_at_the_end_of_an_image_is_carried() {
    let disk = image(&[]);
    [5, 6, 28].iter().for_each(|event| damage(&disk, *event));
    repair(&disk, give_up(5)).unwrap();
    damage(&disk, 29);
    repair(&disk, RepairAction::CutFrom(Seq::new(29))).unwrap();
    assert_eq!(cents(&disk).0, 28);
    let (report, lines) = export(&disk, IMAGE, true).unwrap();
    assert_eq!((report.gaps.last(), report.seq), (Some(&range(28, 28)), Seq::new(28)));
    import(&disk, &lines).unwrap();
    let till = open_copy::<Till>(&disk).unwrap();
    assert_eq!((till.journal().seq().get(), till.read_uncommitted().unwrap().cents), (28, without_lost(27)));
}
