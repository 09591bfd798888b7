//! Each fault does what its documentation says.

use std::collections::BTreeSet;

use crate::testing::{Connection, Faults, MemoryLog};
use crate::{Append, Bounds, LogErrorKind, RemoteLog};

const ALWAYS: u32 = 1000;

/// A log with the entries `1`, `2` … up to this position, and these faults from then on.
fn log(entries: u64, faults: Faults) -> MemoryLog {
    let log = MemoryLog::new("test");
    for position in 1..=entries {
        assert_eq!(log.append(position, position.to_string().as_bytes()).unwrap(), Append::Done);
    }
    log.set_faults(1, faults);
    log
}

fn entries(log: &MemoryLog) -> Vec<String> {
    log.entries().into_iter().map(|(_, entry)| String::from_utf8(entry).unwrap()).collect()
}

#[test]
fn a_lost_request_has_no_effect() {
    let log = log(1, Faults { request_lost: ALWAYS, ..Faults::default() });
    let error = log.append(2, b"2").unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("entry 2 at `memory://test`"), "{error}");
    log.advance(100);
    assert_eq!(entries(&log), ["1"]);
}

#[test]
fn an_append_whose_answer_is_lost_takes_effect() {
    let log = log(1, Faults { answer_lost: ALWAYS, ..Faults::default() });
    assert!(log.append(2, b"2").unwrap_err().is_unavailable());
    assert_eq!(entries(&log), ["1", "2"]);
}

#[test]
fn a_delayed_append_takes_effect_later_if_its_position_is_still_the_end() {
    let mut winners = BTreeSet::new();
    for seed in 0..20 {
        let log = log(1, Faults::default());
        log.set_faults(seed, Faults { append_delayed: ALWAYS, delay_steps_max: 5, ..Faults::default() });
        assert!(log.append(2, b"late").unwrap_err().is_unavailable());
        assert_eq!((entries(&log), log.delayed()), (vec!["1".to_owned()], 1));
        log.set_faults(seed, Faults::default());
        // the delayed request may arrive at the beginning of the step of this one
        let winner = if log.append(2, b"first").unwrap() == Append::Done { "first" } else { "late" };
        log.advance(5);
        assert_eq!((entries(&log), log.delayed()), (vec!["1".to_owned(), winner.to_owned()], 0));
        winners.insert(winner);
    }
    assert_eq!(winners.into_iter().collect::<Vec<_>>(), ["first", "late"]);
}

#[test]
fn a_delayed_append_never_arrives_later_than_allowed_and_arrives_after_different_delays() {
    let mut delays = [0; 6];
    for seed in 0..100 {
        let log = log(0, Faults::default());
        log.set_faults(seed, Faults { append_delayed: ALWAYS, delay_steps_max: 5, ..Faults::default() });
        log.append(1, b"1").unwrap_err();
        let steps = (1..=5).find(|_| {
            log.advance(1);
            log.delayed() == 0
        });
        delays[steps.expect("the request arrives")] += 1;
    }
    assert!(delays[1..].iter().all(|count| *count > 5), "{delays:?}");
}

#[test]
fn a_duplicated_append_is_answered_twice_or_arrives_again() {
    let mut answers = [0; 2];
    for seed in 0..100 {
        let log = log(1, Faults::default());
        log.set_faults(seed, Faults { append_duplicated: ALWAYS, ..Faults::default() });
        match log.append(2, b"2").unwrap() {
            // the second request is still to come, and appends again if the log has forgotten the first one
            Append::Done => {
                answers[0] += 1;
                log.forget_last(1);
                assert_eq!((entries(&log), log.delayed()), (vec!["1".to_owned()], 1));
                log.advance(20);
            }
            Append::Occupied => answers[1] += 1,
        }
        assert_eq!((entries(&log), log.delayed()), (vec!["1".to_owned(), "2".to_owned()], 0));
    }
    assert!(answers.iter().all(|count| *count > 20), "{answers:?}");
}

#[test]
fn stale_reads_miss_the_last_entries_only_for_a_while() {
    let log = log(10, Faults { read_stale: ALWAYS, stale_steps_max: 7, ..Faults::default() });
    log.advance(7);
    let mut ends = Vec::new();
    for position in 11..100 {
        log.append(position, position.to_string().as_bytes()).unwrap();
        let bounds = log.bounds().unwrap();
        assert!(bounds.end >= position - 2 && bounds.end <= position + 1, "{bounds:?} at {position}");
        ends.push(position + 1 - bounds.end);
        let read = log.read(position - 5, 1000).unwrap();
        assert!((1..=6).contains(&read.len()));
        assert_eq!(read[0], (position - 5).to_string().as_bytes());
    }
    assert!(ends.contains(&0) && ends.contains(&2), "{ends:?}");
    log.advance(7);
    assert_eq!(log.bounds().unwrap(), Bounds { first: 1, end: 100 });
}

#[test]
fn unavailable_calls_fail_and_half_of_the_changes_take_effect() {
    let mut changed = [0; 4];
    for seed in 0..100 {
        let log = log(3, Faults::default());
        log.put_snapshot("old", &mut &b"old content"[..]).unwrap();
        let faults = Faults { append_duplicated: 0, read_stale: 0, ..Faults::all(ALWAYS) };
        log.set_faults(seed, faults);
        assert!(log.bounds().unwrap_err().is_unavailable());
        assert!(log.read(1, 1).unwrap_err().is_unavailable());
        assert!(log.snapshots().unwrap_err().is_unavailable());
        assert!(log.maintain().unwrap_err().is_unavailable());
        assert!(log.prune(2).unwrap_err().is_unavailable());
        assert!(log.put_snapshot("new", &mut &b"new"[..]).unwrap_err().is_unavailable());
        let mut content = Vec::new();
        assert!(log.get_snapshot("old", &mut content).unwrap_err().is_unavailable());
        assert!(log.remove_snapshot("old").unwrap_err().is_unavailable());
        log.set_faults(seed, Faults::default());
        let names = log.snapshots().unwrap();
        changed[0] += usize::from(log.bounds().unwrap().first == 2);
        changed[1] += usize::from(names.contains(&"new".to_owned()));
        changed[2] += usize::from(!names.contains(&"old".to_owned()));
        changed[3] += usize::from(content == b"old c");
    }
    assert!(changed.iter().all(|count| (20..80).contains(count)), "{changed:?}");
}

#[test]
fn a_cut_connection_affects_one_handle_and_its_clones() {
    let a = log(1, Faults::default());
    let b = a.another_handle();
    a.set_connection(Connection::Down);
    assert!(a.append(2, b"lost").unwrap_err().is_unavailable());
    assert!(a.clone().bounds().unwrap_err().is_unavailable());
    assert_eq!(b.append(2, b"2").unwrap(), Append::Done);
    a.set_connection(Connection::RequestsOnly);
    assert!(a.append(3, b"3").unwrap_err().is_unavailable());
    assert!(a.prune(2).unwrap_err().is_unavailable());
    assert!(a.put_snapshot("name", &mut &b"content"[..]).unwrap_err().is_unavailable());
    assert_eq!(b.bounds().unwrap(), Bounds { first: 2, end: 4 });
    assert_eq!(b.snapshots().unwrap(), ["name"]);
    a.set_connection(Connection::Up);
    assert_eq!(a.read(2, 10).unwrap(), [b"2", b"3"]);
}

#[test]
fn a_forgotten_entry_can_be_appended_again() {
    let log = log(5, Faults::default());
    log.prune(3).unwrap();
    log.forget_last(2);
    assert_eq!(log.bounds().unwrap(), Bounds { first: 3, end: 4 });
    assert_eq!(log.append(4, b"another").unwrap(), Append::Done);
    assert_eq!(entries(&log), ["3", "another"]);
    // entries that were pruned are not forgotten
    log.forget_last(100);
    assert_eq!(log.bounds().unwrap(), Bounds { first: 3, end: 3 });
}

#[test]
fn entries_can_be_damaged() {
    let log = log(5, Faults::default());
    log.replace(2, b"other");
    log.swap(3, 5);
    assert_eq!(entries(&log), ["1", "other", "5", "4", "3"]);
    log.remove(4);
    assert_eq!(log.read(2, 100).unwrap(), [&b"other"[..], b"5"]);
    let error = log.read(4, 100).unwrap_err();
    assert_eq!(error.kind(), LogErrorKind::Damaged);
    assert!(error.to_string().contains("position 4 of `memory://test` is damaged: it is missing"), "{error}");
    assert_eq!(log.read(5, 100).unwrap(), [b"3"]);
    assert_eq!(log.append(4, b"4").unwrap(), Append::Occupied);
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    let run = |seed| {
        let log = log(3, Faults::default());
        log.set_faults(seed, Faults::all(100));
        let mut answers = Vec::new();
        for step in 0..500 {
            let end = log.bounds().map_or(1, |bounds| bounds.end);
            answers.push(format!("{:?} {:?}", log.append(end, &[step as u8]), log.read(1, 100)));
        }
        (answers, log.entries(), log.step())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
}

/// The rule of an owner: the same bytes at the same position until they are there, or other ones are. No fault breaks it.
#[test]
fn at_most_one_append_at_a_position_takes_effect_under_all_faults() {
    for seed in 0..200 {
        let a = log(0, Faults::default());
        a.set_faults(seed, Faults::all(120));
        let owners = [a.clone(), a.another_handle()];
        let mut seen = Vec::new();
        for position in 1..20 {
            let owner = &owners[(seed ^ position) as usize % 2];
            let own = [position as u8, seed as u8];
            while owner.append(position, &own).is_err() {}
            seen.push((position, own.to_vec()));
            // the other owner is late, whatever happens to its request
            let _ = owners[(seed ^ position ^ 1) as usize % 2].append(position, b"late");
        }
        a.advance(100);
        assert_eq!(a.entries(), seen, "seed {seed}");
    }
}
