//! The public interface of an image: async calls, the seqs of pending answers, and the handles `journal` and `admin`.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use memimage::disk::SimDisk;
use memimage::{CommandError, ErrorKind, Image, Metadata, Seq};
use memimage_tests::{
    DiskMethod, Gate, GateDisk, Ledger, LedgerCommands, LedgerDeposit, LedgerSettle, LedgerWithdraw, TooLittle,
    block_on,
};

fn in_memory() -> Image<Ledger> {
    Image::in_memory().unwrap()
}

#[test]
fn an_awaited_command_is_executed_and_durable() {
    let image = in_memory();
    assert_eq!(block_on(image.execute_async(LedgerDeposit { account: 1, amount: 30 })).unwrap(), 30);
    assert_eq!(image.journal().durable_seq(), Seq::new(1));
    let refused = block_on(image.execute_async(LedgerWithdraw { account: 1, amount: 31 }));
    assert_eq!(refused, Err(CommandError::Refused(TooLittle(30))));
    let refused = refused.unwrap_err();
    assert_eq!((refused.refusal(), refused.error(), refused.kind()), (Some(&TooLittle(30)), None, None));
    assert_eq!(image.journal().seq(), Seq::new(1), "a refusal by a check records nothing");

    let teller = image.with(Metadata::actor("teller"));
    assert_eq!(block_on(teller.execute_async(LedgerDeposit { account: 1, amount: 5 })).unwrap(), 35);
}

#[test]
fn a_command_whose_future_is_never_polled_is_not_executed() {
    let image = in_memory();
    drop(image.execute_async(LedgerDeposit { account: 1, amount: 30 }));
    assert_eq!(image.journal().seq(), Seq::ZERO);
}

#[test]
fn an_awaited_query_returns_only_durable_data() {
    let disk = GateDisk::new(SimDisk::new());
    let image: Image<Ledger> = Image::options().open_with(Arc::new(disk.clone()), "ledger.image").unwrap();
    image.deposit(1, 30).unwrap();
    let gate = Gate::default();
    disk.rule({
        let gate = gate.clone();
        move |call| {
            if call.is(DiskMethod::SyncData, ".journal") {
                gate.pass();
            }
            Ok(None)
        }
    });
    let pending = image.submit(LedgerDeposit { account: 1, amount: 12 }).unwrap();
    let mut query = std::pin::pin!(image.query_async(|ledger| ledger.accounts[&1]));
    let mut context = Context::from_waker(Waker::noop());
    assert!(query.as_mut().poll(&mut context).is_pending(), "the deposit is not durable yet");
    gate.open();
    pending.wait().unwrap();
    assert_eq!(query.as_mut().poll(&mut context).map(Result::unwrap), Poll::Ready(42));
    assert_eq!(block_on(image.query_async(|ledger| ledger.accounts[&1])).unwrap(), 42);
}

#[test]
fn an_awaited_query_of_a_closed_image_is_an_error() {
    let image = in_memory();
    Image::close(image.clone()).unwrap();
    assert_eq!(block_on(image.query_async(|ledger| ledger.filed)).unwrap_err().kind(), ErrorKind::Closed);
    let awaited = block_on(image.execute_async(LedgerDeposit { account: 1, amount: 30 }));
    assert_eq!(awaited.unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_pending_answer_has_the_seq_of_its_event() {
    let image = in_memory();
    let deposit = image.submit(LedgerDeposit { account: 1, amount: 30 }).unwrap();
    assert_eq!(deposit.seq(), Some(Seq::new(1)));
    let refused = image.submit(LedgerWithdraw { account: 1, amount: 31 }).unwrap();
    assert_eq!(refused.seq(), None, "a refusal by a check is not recorded");
    let rejected = image.submit(LedgerSettle { account: 2, amount: 1 }).unwrap();
    assert_eq!(rejected.seq(), Some(Seq::new(2)), "a call that its body rejects is recorded");
    assert!(rejected.wait().is_err());
    let next = image.try_submit(LedgerDeposit { account: 1, amount: 1 }).unwrap();
    assert_eq!(next.seq(), Some(Seq::new(3)));
    deposit.wait().unwrap();
    next.wait().unwrap();
}

#[test]
fn the_statistics_identify_the_image() {
    let disk = SimDisk::new();
    let open = || Image::<Ledger>::options().open_with(Arc::new(disk.clone()), "ledger.image").unwrap();
    let image = open();
    image.deposit(1, 30).unwrap();
    let stats = image.admin().stats();
    assert_eq!(stats.path.to_str(), Some("ledger.image"));
    assert_eq!(stats.model, "Ledger");
    assert!(stats.recovery.created);
    assert_eq!((stats.seq, stats.durable_seq, stats.epoch), (Seq::new(1), Seq::new(1), 2));
    Image::close(image).unwrap();

    let again = open().admin().stats();
    assert_eq!(again.uuid, stats.uuid, "the same image");
    assert_ne!(again.uuid, in_memory().admin().stats().uuid, "another image");
}

#[test]
fn a_closed_image_cannot_be_synced() {
    let image = in_memory();
    image.journal().sync().unwrap();
    Image::close(image.clone()).unwrap();
    assert_eq!(image.journal().sync().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn an_error_returned_from_main_shows_its_message() {
    let image = in_memory();
    Image::close(image.clone()).unwrap();
    let error = image.query(|_| ()).unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    assert_eq!(error.to_string(), "the image is closed; help: open it again");
}

#[test]
fn the_futures_can_move_between_threads() {
    fn send<T: Send>(future: T) -> T {
        future
    }
    let image = in_memory();
    block_on(async {
        send(image.execute_async(LedgerDeposit { account: 1, amount: 30 })).await.unwrap();
        assert_eq!(send(image.query_async(|ledger| ledger.accounts[&1])).await.unwrap(), 30);
        send(image.submit(LedgerDeposit { account: 1, amount: 1 }).unwrap()).await.unwrap();
    });
}

#[test]
fn a_command_error_shows_the_kind_of_the_library_s_error() {
    let image = in_memory();
    Image::close(image.clone()).unwrap();
    let error = image.withdraw(1, 1).unwrap_err();
    assert_eq!((error.refusal(), error.kind()), (None, Some(ErrorKind::Closed)));
    assert_eq!(error.error().map(ToString::to_string), Some(error.to_string()));
}
