//! Exports that were damaged on their way, or from which lines were lost.

use std::fmt::Display;
use std::sync::Arc;

use memimage::admin::{Import, Void};
use memimage::disk::SimDisk;
use memimage::{Error, ErrorKind, Image, Metadata, Seq, Timestamp};
use memimage_tests::{Ledger, LedgerCommands as _, cases};

use super::{COPY, IMAGE, export, import, options, unchecked};

/// The number of events in the export.
const EVENTS: u64 = 9;

/// The lines of an image with each kind of them that a complete journal has.
fn exported() -> String {
    let disk = SimDisk::new();
    let open = |start| options::<Ledger>(start).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let ledger = open(1_000_000);
    for number in 0..4 {
        ledger.with(Metadata::actor("ada")).deposit(number, 41).unwrap();
        ledger.settle(number, 60).unwrap_err();
    }
    ledger.admin().snapshot().unwrap();
    ledger.admin().correct_time(Timestamp::from_micros(500_000), "a wrong clock").unwrap();
    Image::close(ledger).unwrap();
    Void::new(Seq::new(3), "a mistake").by("ben").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let ledger = open(2_000_000);
    ledger.draw().unwrap();
    ledger.admin().snapshot().unwrap();
    Image::close(ledger).unwrap();
    let lines = export(&disk, IMAGE).unwrap().1;
    for kind in ["shape", "event", "void", "time", "digest"] {
        assert!(lines.contains(&format!(r#"{{"kind":"{kind}""#)), "{kind}: {lines}");
    }
    assert_eq!(lines.matches(r#"{"kind":"event""#).count() as u64, EVENTS);
    assert!(lines.contains(r#"{"kind":"time","to":"1970-01-01T00:00:00.500000Z","#), "{lines}");
    lines
}

/// Asserts that an import of these bytes is refused, and leaves nothing.
#[track_caller]
fn assert_refused(lines: &[u8], what: &dyn Display) -> Error {
    let disk = SimDisk::new();
    let imported = Import::new().run_with(Arc::new(disk.clone()), lines, COPY);
    let error = imported.map(drop).expect_err(&what.to_string());
    assert_eq!(error.kind(), ErrorKind::InvalidExport, "{what}: {error}");
    assert!(disk.files().is_empty(), "{what}: {:?}", disk.files());
    error
}

#[test]
fn an_export_in_which_a_bit_is_wrong_is_refused() {
    let lines = exported();
    let checksum = lines.rfind(r#""checksum":"#).unwrap() + r#""checksum":"#.len();
    let bits = lines.len() * 8;
    let step = (bits / cases(1_500) as usize).max(1) | 1;
    for bit in (0..bits).step_by(step) {
        let mut damaged = lines.clone().into_bytes();
        damaged[bit / 8] ^= 1 << (bit % 8);
        // the digits of the checksum may be small or capital letters
        if bit / 8 < checksum || !damaged.eq_ignore_ascii_case(lines.as_bytes()) {
            assert_refused(&damaged, &format_args!("bit {bit}"));
        }
    }
}

#[test]
fn an_export_that_was_cut_off_is_refused() {
    let lines = exported();
    // the last line feed is not needed
    for end in 0..lines.len() - 1 {
        assert_refused(&lines.as_bytes()[..end], &format_args!("the first {end} bytes"));
    }
    import(&SimDisk::new(), lines.trim_end()).unwrap();
}

#[test]
fn an_export_in_which_a_line_is_missing_or_twice_or_moved_is_refused() {
    let exported = exported();
    let lines: Vec<&str> = exported.lines().collect();
    for at in 0..lines.len() {
        let without = [&lines[..at], &lines[at + 1..]].concat();
        assert_refused(without.join("\n").as_bytes(), &format_args!("without line {}", at + 1));
        let twice = [&lines[..=at], &lines[at..]].concat();
        assert_refused(twice.join("\n").as_bytes(), &format_args!("line {} twice", at + 1));
        if at > 0 {
            let mut moved = lines.clone();
            moved.swap(at - 1, at);
            assert_refused(moved.join("\n").as_bytes(), &format_args!("lines {at} and {} exchanged", at + 1));
        }
    }
}

#[test]
fn the_line_ends_of_another_system_do_not_matter() {
    import(&SimDisk::new(), &exported().replace('\n', "\r\n")).unwrap();
}

#[test]
fn a_changed_export_is_imported_without_its_checksum() {
    let lines = exported();
    let changed = lines.replace(r#""ada""#, r#""eve""#);
    assert_ne!(changed, lines);
    let error = assert_refused(changed.as_bytes(), &"a changed export").to_string();
    let (end, member) = (lines.lines().last().unwrap(), r#""checksum":"#);
    let column = end.find(member).unwrap() + member.len() + 1;
    let place = format!("line {}, column {column}: ", lines.lines().count());
    assert!(error.contains(&place) && error.contains("remove the member `checksum`"), "{error}");
    import(&SimDisk::new(), &unchecked(&changed)).unwrap();
}

#[test]
fn a_missing_event_is_named_even_without_a_checksum() {
    // a digest names an event, too
    let is_wanted = |line: &&str| !line.contains(r#""kind":"digest""#);
    let lines: String = unchecked(&exported()).lines().filter(is_wanted).map(|line| format!("{line}\n")).collect();
    import(&SimDisk::new(), &lines).unwrap();
    for seq in 1..=EVENTS {
        let is_event = |line: &&str| line.contains(&format!(r#""kind":"event","seq":{seq},"#));
        let without: Vec<&str> = lines.lines().filter(|line| !is_event(line)).collect();
        assert_eq!(without.len() + 1, lines.lines().count());
        let error = assert_refused(without.join("\n").as_bytes(), &format_args!("without event {seq}"));
        assert!(error.to_string().contains(&format!("event {seq} ")), "{error}");
    }
}

#[test]
fn lines_that_contradict_each_other_are_refused_even_without_a_checksum() {
    let lines = unchecked(&exported());
    for (from, to) in [
        (r#""kind":"end","last_seq":9"#, r#""kind":"end","last_seq":8"#),
        (r#""kind":"digest","seq":9"#, r#""kind":"digest","seq":10"#),
        (r#""to":"1970-01-01T00:00:00.500000Z""#, r#""to":"2999-01-01T00:00:00.500000Z""#),
        (r#""name":"settle","version":1,"shape""#, r#""name":"deposit","version":1,"shape""#),
    ] {
        let changed = lines.replacen(from, to, 1);
        assert_ne!(changed, lines, "{from}");
        assert_refused(changed.as_bytes(), &to);
    }
}
