//! The verbs of the tool, and the reader on which the page is built.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use memimage::admin::{ImageReader, Import, Tool};
use memimage::disk::SimDisk;
use memimage::{Error, Seq, digest};
use memimage_tests::{Change, Ledger};
use serde_json::Value as Json;

use super::{IMAGE, Pruned, Reading, beside, beside_until};

/// The changes after which the journal still is complete.
const COMPLETE: [Change; 4] = [Change::Write, Change::WriteLong, Change::Reopen, Change::MakeVoid];
/// A verb that follows makes calls without an end. Of these, so many are tried.
const CALLS: u64 = 200;

/// What a verb writes.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a verb. Returns its exit code and its output.
fn run(reading: &Reading<'_>, arguments: &[&str]) -> Result<(u8, String), Error> {
    let output = Output::default();
    let arguments = ["admin"].iter().chain(arguments).copied();
    let code = Tool::for_model::<Ledger>().image(IMAGE).run_with(reading.disk(), output.clone(), arguments)?;
    let bytes = std::mem::take(&mut *output.0.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((code, String::from_utf8(bytes).expect("a text")))
}

/// The JSON lines of a verb that succeeds.
fn lines(reading: &Reading<'_>, arguments: &[&str]) -> Result<Vec<Json>, Error> {
    let (code, text) = run(reading, &[arguments, &["--json"]].concat())?;
    assert_eq!(code, 0, "{arguments:?}: {text}");
    Ok(text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect())
}

/// The JSON document of a verb that returns this exit code.
fn document(reading: &Reading<'_>, arguments: &[&str], expected: u8) -> Result<Json, Error> {
    let (code, text) = run(reading, &[arguments, &["--json"]].concat())?;
    assert_eq!(code, expected, "{arguments:?}: {text}");
    Ok(serde_json::from_str(&text).expect("a document of JSON"))
}

fn seq(json: &Json) -> Seq {
    Seq::new(json.as_u64().unwrap_or_else(|| panic!("{json} is no seq")))
}

/// Asserts that this is the digest of a state after event `seq`.
fn assert_digest(reading: &Reading<'_>, seq: Seq, found: &Json) {
    let digests = reading.owner.states(reading.began, seq);
    let mut digests = digests.iter().map(|state| digest(state).expect("a ledger has a digest").to_string());
    assert!(digests.any(|digest| found == &Json::from(digest)), "the digest after event {seq} is wrong: {found}");
}

/// Asserts that the lines are events without a gap, and returns the first and the last seq.
fn assert_events(reading: &Reading<'_>, lines: &[Json], is_reverse: bool) -> (Seq, Seq) {
    let seqs: Vec<Seq> = lines.iter().map(|line| seq(&line["seq"])).collect();
    for pair in seqs.windows(2) {
        assert_eq!(if is_reverse { pair[1].next() } else { pair[0].next() }, pair[if is_reverse { 0 } else { 1 }]);
    }
    for line in lines {
        let (seq, payload) = (seq(&line["seq"]), &line["payload"]);
        let is_right = match line["name"].as_str() {
            Some("file") => seq.get() % 3 != 0 && payload["bytes"][0] == seq.get() as u8,
            Some("deposit") => seq.get() % 3 == 0 && payload["amount"] == seq.get(),
            _ => false,
        };
        assert!(is_right && line["rejected"] == false, "{line}");
        assert!(line["void"] == false || reading.owner.is_void(seq), "{line}");
    }
    let ends = (*seqs.first().expect("events"), *seqs.last().expect("events"));
    if is_reverse { (ends.1, ends.0) } else { ends }
}

#[test]
fn the_log_has_all_events() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let (_, last) = assert_events(reading, &lines(reading, &["log"])?, false);
        assert!(last >= reading.began.last, "{last}");
        Ok(())
    });
}

#[test]
fn the_log_has_all_events_backward() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let (_, last) = assert_events(reading, &lines(reading, &["log", "--reverse"])?, true);
        assert!(last >= reading.began.last, "{last}");
        Ok(())
    });
}

#[test]
fn a_log_that_follows_has_all_events() {
    beside_until(CALLS, &Change::ALL, Pruned::MayBe, |reading| {
        let last = if reading.change.will_run() { reading.began.last.next() } else { reading.began.last };
        let lines = lines(reading, &["log", "--follow", "--until", &last.to_string()])?;
        assert_eq!(assert_events(reading, &lines, false).1, last);
        Ok(())
    });
}

#[test]
fn an_event_is_shown_as_it_was_recorded() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let last = reading.began.last;
        let shown = lines(reading, &["show", &last.to_string()])?;
        assert_eq!(assert_events(reading, &shown, false), (last, last));
        Ok(())
    });
}

#[test]
fn an_export_makes_an_image_with_the_state() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let (code, lines) = run(reading, &["export"])?;
        assert_eq!(code, 0);
        let disk = Arc::new(SimDisk::new());
        let report = Import::new().run_with(disk.clone(), lines.as_bytes(), "/copy")?;
        assert!(report.seq >= reading.began.last, "{report:?}");
        let image = reading.options().open_with(disk, "/copy")?;
        image.query(|ledger| reading.owner.assert_state(reading.began, report.seq, ledger))
    });
}

#[test]
fn the_state_after_an_event_is_shown() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let last = reading.began.last;
        let filed = document(reading, &["state", "filed", "--at", &last.to_string()], 0)?;
        let mut states = reading.owner.states(reading.began, last).into_iter();
        assert!(states.any(|state| filed == state.filed), "{filed}");
        Ok(())
    });
}

/// This state cannot be pruned.
#[test]
fn the_digest_is_that_of_the_last_state() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let found = document(reading, &["digest"], 0)?;
        assert!(seq(&found["seq"]) >= reading.began.last, "{found}");
        assert_digest(reading, seq(&found["seq"]), &found["digest"]);
        Ok(())
    });
}

#[test]
fn a_replay_has_the_digest_of_the_last_state() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let found = document(reading, &["replay", "--dry-run"], 0)?;
        assert!(found["replays"] == true && seq(&found["seq"]) >= reading.began.last, "{found}");
        assert_digest(reading, seq(&found["seq"]), &found["digest"]);
        Ok(())
    });
}

#[test]
fn the_differences_between_two_events_are_shown() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let last = reading.began.last;
        let before = Seq::new(last.get() - 1);
        let found = document(reading, &["diff", &before.to_string(), &last.to_string()], 1)?;
        let [was, is] = [before, last].map(|seq| reading.owner.states(reading.began, seq));
        let difference = &found["differences"][0];
        let is_right = |side: &str, states: &[Ledger]| {
            states.iter().any(|state| match difference["path"].as_str() {
                Some("filed") => difference[side] == state.filed,
                Some(path) if path == format!("accounts.{}", last.get() % 5) => {
                    difference[side].as_i64() == state.accounts.get(&(last.get() as u32 % 5)).copied()
                }
                _ => false,
            })
        };
        assert!(is_right("before", &was) && is_right("after", &is), "{found}");
        Ok(())
    });
}

/// Every event that files bytes changes their number.
#[test]
fn the_changes_of_a_value_are_all_shown() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let (owner, began) = (reading.owner, reading.began);
        let from = Seq::new(began.last.get() - 1);
        let mut next = from;
        for change in lines(reading, &["changes", "filed", "--from", &from.to_string()])? {
            let now = seq(&change["event"]["seq"]);
            assert!(now >= next, "{change} after event {next}");
            let left_out = (next.get()..now.get()).map(Seq::new).find(|seq| owner.files(*seq));
            assert_eq!(left_out, None, "before {change}");
            let is_right = |side: &str, seq: Seq| {
                owner.states(began, seq).iter().any(|state| change["changes"][0][side] == state.filed)
            };
            assert!(is_right("before", Seq::new(now.get() - 1)) && is_right("after", now), "{change}");
            next = now.next();
        }
        let left_out = (next.get()..=began.last.get()).map(Seq::new).find(|seq| owner.files(*seq));
        assert_eq!(left_out, None, "after the last change");
        Ok(())
    });
}

#[test]
fn a_check_and_the_doctor_find_nothing() {
    beside(&Change::ALL, Pruned::Never, |reading| {
        let check = document(reading, &["check"], 0)?;
        assert!(check["verdict"] == "sound" && seq(&check["last_seq"]) >= reading.began.last, "{check}");
        let (code, text) = run(reading, &["doctor"])?;
        assert_eq!(code, 0, "{text}");
        Ok(())
    });
}

#[test]
fn the_figures_of_an_image_are_those_of_its_events() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let (first, last) = (reading.journal()?.first_seq()?, reading.owner.last());
        let info = document(reading, &["info"], 0)?;
        assert!((reading.began.last..=reading.owner.last()).contains(&seq(&info["durable_seq"])), "{info}");
        assert!(seq(&info["first_seq"]) >= first, "{info}");
        assert_eq!(document(reading, &["shapes"], 0)?.as_array().map(Vec::len), Some(2));
        let stats = document(reading, &["stats"], 0)?;
        let events = stats["events"].as_u64().expect("a number");
        assert!(events <= reading.owner.last().get() && (last > reading.began.last || events > 0), "{stats}");
        assert!(stats["void"].as_u64().is_some_and(|void| void <= 1), "{stats}");
        let snapshots = document(reading, &["snapshots"], 0)?;
        assert!(snapshots.as_array().is_some_and(|all| !all.is_empty()), "{snapshots}");
        Ok(())
    });
}

#[test]
fn a_branch_of_the_verb_has_the_state_of_its_parent() {
    beside(&COMPLETE, Pruned::Never, |reading| {
        let owner = reading.owner;
        let directory = format!("/branch-{}", owner.last());
        let made = document(reading, &["branch", &directory], 0)?;
        let image = owner.options(false).open_with(Arc::new(owner.disk().fork()), directory)?;
        let last = seq(&made["seq"]);
        assert!(last >= reading.began.last, "{made}");
        image.query(|ledger| owner.assert_state(reading.began, last, ledger))
    });
}

/// The page reads events in both directions, and the event at a time.
#[test]
fn the_reader_of_the_page_has_all_events() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let reader = ImageReader::from(&reading.journal()?);
        for is_reverse in [false, true] {
            let events = if is_reverse { reader.events_newest_first(..) } else { reader.events(..) };
            let seqs = events.map(|event| event.map(|event| event.seq())).collect::<Result<Vec<Seq>, Error>>()?;
            let (first, last) = (seqs[0].min(seqs[seqs.len() - 1]), seqs[0].max(seqs[seqs.len() - 1]));
            assert_eq!(last.get() - first.get() + 1, seqs.len() as u64, "{seqs:?}");
            assert!(last >= reading.began.last, "{last}");
            let found = reader.info()?;
            assert!(found.durable_seq >= reading.began.last.get(), "{found:?}");
        }
        let at = reader.seq_at(reading.owner.now())?;
        assert!((reading.began.last..=reading.owner.last()).contains(&at), "{at}");
        Ok(())
    });
}
