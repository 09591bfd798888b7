//! Many commands that are submitted together: each has the answer, the event and the durability that it would have alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use memimage::disk::{Fault, Method, SimDisk};
use memimage::{Bulk, CommandError, ErrorKind, Image, Metadata, Options, SnapshotPolicy};
use memimage_tests::{
    GateDisk, Ledger, LedgerCommands, LedgerDeposit, LedgerExplode, LedgerFile, LedgerSettle, LedgerWithdraw,
    TooLittle, block_on, with_timeout,
};

use super::stall;

fn options() -> Options<Ledger> {
    Image::options().segment_bytes(64 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: &SimDisk) -> Image<Ledger> {
    options().open_with(Arc::new(disk.clone()), "/ledger").unwrap()
}

fn withdrawals(number: u32) -> impl Iterator<Item = LedgerWithdraw> + Clone {
    (0..number).map(|n| LedgerWithdraw { account: 1, amount: n % 7 })
}

#[test]
fn the_answers_are_those_of_single_commands() {
    for number in [0, 1, 63, 64, 65, 1_000] {
        let (single, together) = (SimDisk::new(), SimDisk::new());
        let images = [open(&single), open(&together)];
        for image in &images {
            image.deposit(1, 500).unwrap();
        }
        let expected: Vec<_> = withdrawals(number)
            .map(|command| images[0].submit(command).unwrap().wait().map_err(|error| error.to_string()))
            .collect();
        let pending = images[1].submit_all(withdrawals(number));
        assert!(!pending.ended_early());
        assert_eq!((pending.len(), pending.is_empty()), (number as usize, number == 0));
        let answers: Vec<_> =
            pending.wait().into_iter().map(|answer| answer.map_err(|error| error.to_string())).collect();
        assert_eq!(answers, expected);
        assert!(number < 1_000 || answers.iter().any(Result::is_err), "some commands are refused");
        assert_eq!(images[0].journal().seq(), images[1].journal().seq());
        // all of it survives a power cut
        let state = images[0].query(Ledger::clone).unwrap();
        let reopened = open(&together.crash(|_| false));
        assert_eq!(reopened.query(Ledger::clone).unwrap(), state);
    }
}

#[test]
fn rejected_commands_are_recorded_and_the_rest_goes_on() {
    let disk = SimDisk::new();
    let image = open(&disk);
    let settle = |amount| LedgerSettle { account: 4, amount };
    let answers = image.with(Metadata::actor("clerk")).submit_all([settle(0), settle(5), settle(0)]).wait();
    assert!(
        matches!(&answers[..], [Ok(0), Err(CommandError::Refused(_)), Err(CommandError::Refused(_))]),
        "{answers:?}"
    );
    assert_eq!(image.journal().durable_seq().get(), 3);
    let failed = image.query(|ledger| ledger.failed).unwrap();
    Image::close(image).unwrap();
    assert_eq!(open(&disk).query(|ledger| ledger.failed).unwrap(), failed);
}

/// Records that fill segments, and more bytes than the queue of batches holds.
#[test]
fn large_commands_wait_for_room() {
    let disk = SimDisk::new();
    let image =
        options().batch_bytes(4 << 10).pending_batches_max(1).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let answers = image.submit_all((0..300).map(|n| LedgerFile { bytes: vec![n as u8; 3_000] })).wait();
    assert_eq!(answers.len(), 300);
    assert!(answers.iter().all(Result::is_ok));
    assert!(disk.files().iter().filter(|path| path.extension().is_some_and(|end| end == "journal")).count() > 10);
    let reopened = open(&disk.crash(|_| false));
    assert_eq!(reopened.query(|ledger| ledger.filed).unwrap(), 900_000);
}

/// The iterator may use the image: no lock is held while it runs.
#[test]
fn the_iterator_may_call_the_image() {
    let image = open(&SimDisk::new());
    let used = image.clone();
    let commands = (0..200_u32).map(move |amount| {
        used.query(|_| ()).unwrap();
        used.deposit(9, 1).unwrap();
        LedgerDeposit { account: 1, amount }
    });
    let submitting = image.clone();
    let answers = with_timeout(move || submitting.submit_all(commands).wait());
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(image.query(|ledger| ledger.accounts[&9]).unwrap(), 200);
}

/// An iterator such as that of a channel, which may return more items after it has returned `None`.
#[test]
fn the_commands_end_with_the_iterator() {
    let image = open(&SimDisk::new());
    let mut calls = 0;
    let mut commands = std::iter::from_fn(|| {
        calls += 1;
        (calls % 4 > 0 && calls < 40).then_some(LedgerDeposit { account: 1, amount: 1 })
    });
    assert_eq!(image.submit_all(&mut commands).wait().len(), 3);
    assert_eq!(image.submit_all(&mut commands).wait().len(), 3);
}

/// A single item with many commands waits for room, too.
#[test]
fn an_item_with_many_commands_waits_for_room() {
    let disk = GateDisk::new(SimDisk::new());
    let options = options().batch_bytes(1).pending_batches_max(2);
    let image = options.open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    image.deposit(1, 1).unwrap();
    let gate = stall(&disk);
    let submitting = image.clone();
    let waiting = thread::spawn(move || {
        let all = submitting.submit_each([()], |bulk, ()| (0..1_000).try_for_each(|_| bulk.deposit(1, 1).map(drop)));
        all.wait().remove(0)
    });
    gate.wait_until_blocked();
    // other callers go on while the item waits for room
    with_timeout({
        let image = image.clone();
        move || drop(image.read_uncommitted().unwrap())
    });
    assert!(image.journal().seq().get() < 20, "{}", image.journal().seq());
    gate.open();
    waiting.join().unwrap().unwrap();
    assert_eq!(image.journal().durable_seq().get(), 1_001);
}

/// A refusal may depend on a command of another caller that is not durable yet.
#[test]
fn a_refusal_waits_for_what_it_has_seen() {
    let disk = GateDisk::new(SimDisk::new());
    let image = options().open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    image.deposit(1, 1).unwrap();
    let gate = stall(&disk);
    let other = image.submit(LedgerWithdraw { account: 1, amount: 1 }).unwrap();
    let pending = image.submit_all([LedgerWithdraw { account: 1, amount: 1 }]);
    gate.wait_until_blocked();
    assert!(!pending.is_ready());
    gate.open();
    assert!(matches!(pending.wait().remove(0), Err(CommandError::Refused(TooLittle(0)))));
    other.wait().unwrap();
}

#[test]
#[should_panic(expected = "a completed PendingAll is not waited for")]
fn completed_answers_are_not_waited_for() {
    let image = open(&SimDisk::new());
    let mut pending = image.submit_all([LedgerDeposit { account: 1, amount: 1 }]);
    assert_eq!(block_on(&mut pending).len(), 1);
    drop(pending.wait());
}

/// A panic of the iterator harms nothing: what came in earlier chunks was executed.
#[test]
fn a_panic_of_the_iterator_reaches_the_caller() {
    let image = open(&SimDisk::new());
    let commands =
        (0..200_u32).map(|amount| if amount == 150 { panic!("no more") } else { LedgerDeposit { account: 1, amount } });
    assert!(catch_unwind(AssertUnwindSafe(|| image.submit_all(commands))).is_err());
    let executed = image.journal().seq().get();
    assert!(executed > 0 && executed <= 150, "{executed}");
    image.deposit(1, 1).unwrap();
    assert_eq!(image.journal().durable_seq().get(), executed + 1);
}

/// An error of the image is the last answer; the commands after it are not executed.
#[test]
fn an_error_of_the_image_ends_the_answers() {
    let disk = SimDisk::new();
    let image = options().record_bytes_max(10_000).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let pulled = AtomicUsize::new(0);
    let commands = (0..500_usize).map(|n| {
        pulled.fetch_add(1, Ordering::Relaxed);
        LedgerFile { bytes: vec![1; if n == 100 { 20_000 } else { 10 }] }
    });
    let pending = image.submit_all(commands);
    assert!(pending.ended_early());
    let answers = pending.wait();
    assert_eq!((answers.len(), answers[..100].iter().all(Result::is_ok)), (101, true));
    assert_eq!(answers[100].as_ref().unwrap_err().kind(), ErrorKind::RecordTooLarge);
    assert!(pulled.load(Ordering::Relaxed) <= 100 + 64, "at most 63 later commands are taken from the iterator");
    assert_eq!(image.journal().seq().get(), 100);
    // the image goes on
    image.deposit(1, 1).unwrap();
    let error = image.query(|_| image.submit_all([LedgerDeposit { account: 1, amount: 1 }]).wait()).unwrap().remove(0);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Reentrant);
    let clone = image.clone();
    Image::close(image).unwrap();
    let error = clone.submit_all([LedgerDeposit { account: 1, amount: 1 }]).wait().remove(0);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Closed);
}

/// A body that panics: the model is rebuilt, and the commands before it keep their answers.
#[test]
fn a_panic_of_a_body_ends_the_answers() {
    let image = open(&SimDisk::new());
    image.deposit(1, 100).unwrap();
    let commands = [0, 0, 0].map(|_| LedgerExplode { account: 1 });
    let answers = image.submit_all(commands).wait();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].as_ref().unwrap_err().kind(), ErrorKind::Panicked);
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 100);
}

/// A batch that cannot be written: its answers are errors, and those of durable batches stay.
#[test]
fn answers_of_a_failed_batch_are_errors() {
    let disk = SimDisk::new();
    let image = options().batch_bytes(4 << 10).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    image.file(vec![1]).unwrap();
    disk.inject(Fault::io().on(&[Method::WriteAt]).path("00000001.journal").from(3));
    let answers = image.submit_all((0..40).map(|_| LedgerFile { bytes: vec![1; 500] })).wait();
    let durable = image.journal().durable_seq().get() as usize - 1;
    assert!(durable > 0 && durable < answers.len(), "{durable} of {}", answers.len());
    for (at, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), at < durable, "{at}: {answer:?}");
    }
    assert!(answers.last().unwrap().as_ref().unwrap_err().is_poisoned());
    drop(image);
    disk.heal();
    let reopened = open(&disk);
    assert!(reopened.journal().seq().get() as usize > durable);
}

#[derive(Clone, Copy)]
enum Request {
    Deposit(u32),
    Withdraw(u32),
    /// Two commands.
    Both(u32),
    Nothing,
}

fn requests() -> impl Iterator<Item = Request> {
    use Request::{Both, Deposit, Nothing, Withdraw};
    (0..500).map(|n| [Deposit(n), Withdraw(n / 3), Both(n), Nothing, Withdraw(100_000)][n as usize % 5])
}

fn serve(ledger: &impl LedgerCommands, request: Request) -> Result<i64, String> {
    let answer =
        |result: Result<i64, CommandError<_>>| result.map_err(|error: CommandError<TooLittle>| error.to_string());
    match request {
        Request::Deposit(amount) => ledger.deposit(1, amount).map_err(|error| error.to_string()),
        Request::Withdraw(amount) => answer(ledger.withdraw(1, amount)),
        Request::Both(amount) => {
            ledger.deposit(1, amount).map_err(|error| error.to_string())?;
            answer(ledger.withdraw(2, amount))
        }
        Request::Nothing => Ok(0),
    }
}

/// The error of an image, or a refusal, as a text.
#[derive(Debug, PartialEq)]
struct Text(String);

impl From<memimage::Error> for Text {
    fn from(error: memimage::Error) -> Text {
        Text(error.to_string())
    }
}

/// Commands of several types, several of them for one item, and none.
#[test]
fn each_item_may_execute_any_commands() {
    let (single, together) = (open(&SimDisk::new()), SimDisk::new());
    let expected: Vec<_> = requests().map(|request| serve(&single, request).map_err(Text)).collect();
    let image = open(&together);
    let pending = image.submit_each(requests(), |bulk, request| serve(bulk, request).map_err(Text));
    assert!(!pending.ended_early());
    assert_eq!(pending.wait(), expected);
    assert_eq!(image.journal().seq(), single.journal().seq());
    let reopened = open(&together.crash(|_| false));
    assert_eq!(reopened.query(Ledger::clone).unwrap(), single.query(Ledger::clone).unwrap());
}

/// The closure runs under the image's lock: what would wait for that lock is refused.
#[test]
fn the_closure_must_not_call_the_image() {
    let image = open(&SimDisk::new());
    let inside = image.clone();
    let answers = with_timeout(move || {
        let submitting = inside.clone();
        let pending = submitting.submit_each(0..3_u32, |bulk, n| {
            bulk.deposit(1, n)?;
            inside.deposit(1, n)
        });
        pending.wait()
    });
    let kinds: Vec<_> = answers.into_iter().map(|answer| answer.unwrap_err().kind()).collect();
    assert_eq!(kinds, [ErrorKind::Reentrant; 3]);
    assert_eq!(image.journal().durable_seq().get(), 3);
}

/// A closure that panics, and one that hides an error of the image.
#[test]
fn a_closure_cannot_break_the_image() {
    let image = open(&SimDisk::new());
    let submit = |bulk: &Bulk<'_, Ledger>, n: u32| {
        assert!(n < 70, "no more");
        bulk.deposit(1, 1)
    };
    assert!(catch_unwind(AssertUnwindSafe(|| image.submit_each(0..200, submit))).is_err());
    assert_eq!(image.journal().seq().get(), 70);
    let pending = image.submit_each(0..200_u32, |bulk, n| -> Result<bool, memimage::Error> {
        Ok(if n == 100 { bulk.explode(1).is_ok() } else { bulk.deposit(1, 1).is_ok() })
    });
    assert!(pending.ended_early());
    let answers = pending.wait();
    assert_eq!((answers.len(), *answers[99].as_ref().unwrap(), *answers[100].as_ref().unwrap()), (101, true, false));
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 170);
}

#[test]
fn nothing_is_answered_before_it_is_durable() {
    let disk = GateDisk::new(SimDisk::new());
    let image = options().open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    image.deposit(1, 1).unwrap();
    let gate = stall(&disk);
    let pending = image.submit_all((0..100).map(|amount| LedgerDeposit { account: 1, amount }));
    let waiting = thread::spawn(move || pending.wait());
    gate.wait_until_blocked();
    assert!(!waiting.is_finished());
    assert_eq!(image.journal().durable_seq().get(), 1);
    gate.open();
    assert_eq!(waiting.join().unwrap().len(), 100);
    assert_eq!(image.journal().durable_seq().get(), 101);
}

#[test]
fn a_task_may_await_all_answers() {
    let image = open(&SimDisk::new());
    let answers = block_on(image.submit_all((0..1_000).map(|amount| LedgerDeposit { account: 1, amount })));
    assert_eq!(answers.len(), 1_000);
    assert_eq!(*answers[999].as_ref().unwrap(), 999 * 1_000 / 2);
}
