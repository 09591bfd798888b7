//! An owner that cannot read its own journal for a while, because its process has too many open files.

mod support;

use std::fs::File;
use std::process::Command;
use std::thread;

use memimage::Seq;
use memimage::replication::Acknowledge;
use memimage_replication::testing::MemoryLog;
use support::replicas::{LOCAL, log, standby, try_owner};
use support::{Place, TallyCommands, wait_until};

/// Set in the process that has few files.
const CHILD: &str = "MEMIMAGE_TEST_FEW_FILES";

/// Opens files until no more can be opened.
fn exhaust(files: &mut Vec<File>) {
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
}

#[test]
fn an_owner_that_cannot_read_its_journal_for_a_while_ships_on_afterwards() {
    if std::env::var_os(CHILD).is_none() {
        let status = Command::new("sh")
            .args(["-c", "ulimit -n 128 && exec \"$0\" --exact \"$1\" --nocapture"])
            .arg(std::env::current_exe().unwrap())
            .arg("an_owner_that_cannot_read_its_journal_for_a_while_ships_on_afterwards")
            .env(CHILD, "1")
            .status()
            .unwrap();
        assert!(status.success(), "{status}");
        return;
    }
    for acknowledge in [Acknowledge::Remote, LOCAL] {
        let (memory, place) = (MemoryLog::new("few files"), Place::new());
        let own = log(&memory);
        let owner = try_owner(own.clone(), &place, "owner", acknowledge).unwrap();
        owner.add(0).unwrap();
        wait_until("the first event is shipped", || own.status().shipped == Seq::new(1));
        let mut files = Vec::new();
        exhaust(&mut files);
        let adding = thread::spawn({
            let owner = owner.clone();
            move || owner.add(1)
        });
        let files = std::sync::Mutex::new(files);
        wait_until("the status says that the journal cannot be read", || {
            // a thread may have closed a file meanwhile
            exhaust(&mut files.lock().unwrap());
            own.status().failure.is_some_and(|failure| failure.contains("the journal cannot be read"))
        });
        assert_eq!(own.status().shipped, Seq::new(1));
        if acknowledge == Acknowledge::Remote {
            assert!(!adding.is_finished(), "a command that waits for the log waits on");
        }
        drop(files);
        assert_eq!(adding.join().unwrap().unwrap(), 2);
        assert_eq!(owner.add(2).unwrap(), 3);
        wait_until("the rest is shipped", || own.status().shipped == Seq::new(3));
        assert_eq!(own.status().failure, None);
        let standby = standby(&memory, &place, "standby").unwrap();
        assert_eq!(standby.query(|tally| tally.numbers.clone()).unwrap(), [0, 1, 2]);
    }
}
