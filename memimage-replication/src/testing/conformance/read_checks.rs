//! A read returns the entries that were appended.

use super::test_entry::{random_entry, short_entries};
use super::{Logs, Outcome, TestLog};
use crate::remote_log::Bounds;

pub(super) fn entries_are_read_back_byte_for_byte(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let max = log.remote().entry_bytes_max();
    let all_bytes: Vec<u8> = (0..=255).collect();
    let mut entries =
        vec![vec![0], vec![255], b"\r\n".to_vec(), all_bytes.clone(), all_bytes.into_iter().rev().collect()];
    entries.extend([vec![0; 100], vec![255; 4096], vec![b'\n'; 1000], "äöü €".into()]);
    // two equal entries one after the other are two entries
    entries.extend([b"equal".to_vec(), b"equal".to_vec()]);
    entries.extend([1, 100, 65_535, 65_536, max - 1, max].map(|len| random_entry(len as u64, len)));
    entries.push(vec![7]);
    log.append_all(1, &entries)?;
    log.expect_entries(1, &entries)?;
    log.another_handle().expect_entries(1, &entries)?;
    for (index, entry) in entries.iter().enumerate() {
        log.expect_reads(index as u64 + 1, std::slice::from_ref(entry), 1)?;
    }
    Ok(())
}

pub(super) fn a_read_returns_at_least_one_entry_and_no_more_bytes_than_allowed(
    _: &Logs<'_>,
    log: &TestLog<'_>,
) -> Outcome {
    let entries: Vec<_> = (0..40).map(|index| random_entry(index, if index % 7 == 3 { 3000 } else { 100 })).collect();
    log.append_all(1, &entries)?;
    for maintained in [false, true] {
        if maintained {
            log.remote().maintain()?;
        }
        for position in [1, 2, 20, 40] {
            let rest = &entries[position - 1..];
            for bytes_max in [0, 1, 99, 100, 101, 199, 200, 350, 2999, 3000, 5000] {
                let reads = log.expect_reads(position as u64, rest, bytes_max)?;
                ensure!(
                    bytes_max >= 200 || reads == rest.len(),
                    "reads of {bytes_max} bytes found {} entries in {reads} reads",
                    rest.len()
                );
            }
            log.expect_reads(position as u64, rest, usize::MAX)?;
        }
    }
    Ok(())
}

pub(super) fn a_read_at_or_behind_the_end_returns_nothing(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    for position in [1, 2, 3, 1000] {
        log.expect_end(position)?;
    }
    log.append_all(1, &short_entries(8, 5))?;
    for position in [6, 7, 8, 1000, 1 << 40] {
        log.expect_end(position)?;
    }
    Ok(())
}

pub(super) fn maintenance_does_not_change_what_is_read(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let entries = short_entries(9, 300);
    let other = log.another_handle();
    for (index, part) in entries.chunks(60).enumerate() {
        let position = 1 + 60 * index as u64;
        log.append_all(position, part)?;
        log.remote().maintain()?;
        log.expect_entries(position, part)?;
        // the append must be refused where maintenance has merged or moved the entry, too
        for position in [1, position, position + 59] {
            log.append_occupied(position, b"after maintenance")?;
            other.append_occupied(position, b"after maintenance")?;
        }
    }
    other.remote().maintain()?;
    log.remote().maintain()?;
    for log in [log, &other, &log.another_handle()] {
        log.expect_entries(1, &entries)?;
        log.expect_bounds(Bounds { first: 1, end: 301 })?;
        // from the middle, wherever maintenance has merged entries
        for position in (1..=300).step_by(37) {
            log.expect_entries(position as u64, &entries[position - 1..])?;
        }
    }
    log.append(301, b"after all")
}
