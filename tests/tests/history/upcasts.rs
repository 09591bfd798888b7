//! The history of an image whose events an older program recorded.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Image, Model, Seq, Value};

mod first {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(super) struct Desk {
        log: Vec<String>,
    }

    #[memimage::commands]
    impl Desk {
        #[command]
        pub(super) fn transfer(&mut self, from: u32, to: u32) {
            self.log.push(format!("{from} {to}"));
        }

        #[command]
        pub(super) fn ping(&mut self) {}

        #[command]
        pub(super) fn note(&mut self, text: String) {
            self.log.push(text);
        }
    }
}

mod second {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(version = 2, history(DeskV1))]
    pub(super) struct Desk {
        pub(super) log: Vec<String>,
        pub(super) entries: u32,
    }

    #[derive(Serialize, Deserialize, Shape)]
    struct DeskV1 {
        log: Vec<String>,
    }

    #[memimage::upcast]
    fn desk(old: DeskV1) -> Desk {
        Desk { log: old.log, entries: 0 }
    }

    #[derive(Deserialize, Shape)]
    struct TransferV1 {
        from: u32,
        to: u32,
    }

    #[memimage::upcast]
    fn transfer(old: TransferV1) -> Vec<DeskEnter> {
        vec![DeskEnter { account: old.from }, DeskEnter { account: old.to }]
    }

    #[derive(Deserialize, Shape)]
    struct PingV1;

    #[memimage::upcast]
    fn ping(_: PingV1) {}

    #[memimage::commands(
        derive(Debug, PartialEq),
        retired(name = "transfer", history(TransferV1)),
        retired(name = "ping", history(PingV1))
    )]
    impl Desk {
        #[command]
        pub(super) fn enter(&mut self, account: u32) {
            self.entries += 1;
            self.log.push(account.to_string());
        }

        #[command]
        pub(super) fn note(&mut self, text: String) {
            self.log.push(text);
        }
    }
}

use first::DeskCommands as _;
use second::{DeskEnter, DeskEvent, DeskNote};

/// A disk with the events `transfer`, `ping`, `note` of the first program.
fn recorded() -> SimDisk {
    let disk = SimDisk::new();
    let image: Image<first::Desk> = Image::options().open_with(Arc::new(disk.clone()), "/desk").unwrap();
    image.transfer(3, 4).unwrap();
    image.ping().unwrap();
    image.note("hello".to_owned()).unwrap();
    Image::close(image).unwrap();
    disk
}

#[test]
fn old_events_appear_as_what_they_became_with_what_was_recorded() {
    let disk = recorded();
    let journal = Image::<second::Desk>::options().open_journal_with(Arc::new(disk.clone()), "/desk").unwrap();
    let events: Vec<_> = journal.history().into_iter().map(Result::unwrap).collect();
    let found: Vec<_> = events.iter().map(|event| (event.seq().get(), event.part(), event.event())).collect();
    let enter = |account| DeskEvent::Enter(DeskEnter { account });
    let (from, to, note) = (enter(3), enter(4), DeskEvent::Note(DeskNote { text: "hello".to_owned() }));
    assert_eq!(found, [(1, 1, Some(&from)), (1, 2, Some(&to)), (2, 0, None), (3, 0, Some(&note))]);
    for part in &events[..2] {
        assert_eq!((part.recorded().name(), part.recorded().version()), ("transfer", 1));
        let value = Value::of_fields([("from", Value::from(3u32)), ("to", Value::from(4u32))]);
        assert_eq!(part.recorded().value().unwrap(), value);
    }
    assert!(events[1].key().to_string().ends_with("-1.2"));
    let backward: Vec<_> = journal.history().newest_first().into_iter().map(|event| event.unwrap().key()).collect();
    assert_eq!(backward, events.iter().rev().map(|event| event.key()).collect::<Vec<_>>());
    assert_eq!(journal.history().of::<DeskEnter>().into_iter().count(), 2, "by the newest name");
    assert_eq!(journal.history().named("ping").into_iter().count(), 1, "a dropped event by the recorded name");
}

#[test]
fn past_states_and_changes_replay_old_events_as_the_program_does() {
    let disk = recorded();
    let journal = Image::<second::Desk>::options().open_journal_with(Arc::new(disk.clone()), "/desk").unwrap();
    assert_eq!(journal.at(Seq::new(1)).unwrap().entries, 2);
    let changes: Vec<_> = journal.changes(|desk| desk.entries).map(Result::unwrap).collect();
    assert_eq!((changes.len(), changes[0].new, changes[0].events.len()), (1, 2, 2));
    assert_eq!(journal.at(Seq::new(3)).unwrap().log, ["3", "4", "hello"]);
    assert_eq!(
        (changes[0].seq, changes[0].events[1].part(), changes[0].events[1].seq()),
        (Seq::new(1), 2, Seq::new(1))
    );
    // both parts are one event: there is no state between them
    assert!(journal.first(|desk| desk.entries == 1).unwrap().is_none());
    assert_eq!(journal.first(|desk| desk.entries == 2).unwrap().unwrap().seq(), Seq::new(1));
    let lines = |old, new| -> Vec<String> {
        journal.diff(Seq::new(old), Seq::new(new)).unwrap().iter().map(ToString::to_string).collect()
    };
    assert_eq!(lines(0, 1), ["log[0]: absent → \"3\"", "log[1]: absent → \"4\"", "entries: 0 → 2"]);
    assert_eq!(lines(1, 2), [""; 0], "upcasters drop this event");
    let mut past = journal.at(Seq::new(1)).unwrap();
    assert!(past.step().unwrap());
    let dropped = past.events().unwrap();
    assert_eq!((dropped.len(), dropped[0].event(), dropped[0].recorded().name()), (1, None, "ping"));
}

#[test]
fn a_program_that_does_not_know_an_event_cannot_read_the_history() {
    let disk = SimDisk::new();
    let image: Image<second::Desk> = Image::options().open_with(Arc::new(disk.clone()), "/desk").unwrap();
    second::DeskCommands::enter(&image, 1).unwrap();
    Image::close(image).unwrap();
    let journal = Image::<first::Desk>::options().open_journal_with(Arc::new(disk), "/desk").unwrap();
    let error = journal.history().into_iter().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), memimage::ErrorKind::Incompatible);
    assert!(error.to_string().contains("`enter` version 1"), "{error}");
    assert_eq!(first::Desk::NAME, second::Desk::NAME);
}
