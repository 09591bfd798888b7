//! Images of other kinds: pruned, with a void event, encrypted.

use axum::http::StatusCode;
use memimage::admin::Void;
use memimage::{Image, Journal, Key, Keys, Retention, Seq, SnapshotPolicy};

use crate::bank::{Bank, BankCommands as _, bank};
use crate::client::get;

#[tokio::test]
async fn a_pruned_image_shows_what_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let options = Image::<Bank>::options().segment_bytes(64 << 10).retention(Retention::Events(10));
    let bank = options.snapshots(SnapshotPolicy::Manual).open(directory.path().join("bank.image")).unwrap();
    while bank.journal().first_seq().unwrap() == Seq::new(1) {
        for _ in 0..50 {
            bank.note("long".repeat(1_000)).unwrap();
        }
        bank.admin().snapshot().unwrap();
        assert!(bank.journal().seq() < Seq::new(10_000), "the image is not pruned");
    }
    let first = bank.journal().first_seq().unwrap().get();
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    for address in
        [format!("/event?seq={}", first - 1), "/state?at=1".to_owned(), "/changes?path=notes.0&from=1".to_owned()]
    {
        let answer = get(&router, &address).await;
        assert_eq!(answer.status, StatusCode::GONE, "{address}: {}", answer.body);
    }
    let last = get(&router, &format!("/log?until={}", first + 3)).await;
    assert_eq!(last.seqs(), [first + 3, first + 2, first + 1, first]);
    assert!(get(&router, &format!("/log?before={first}")).await.seqs().is_empty());
    for address in ["/log", "/state", "/health", "/changes?path=notes.0", &format!("/event?seq={first}")] {
        assert_eq!(get(&router, address).await.status, StatusCode::OK, "{address}");
    }
}

#[tokio::test]
async fn a_void_event_is_marked_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bank.image");
    Image::close(bank(&directory)).unwrap();
    let router = memimage_web::router::<Bank>(Journal::open(&path).unwrap());
    get(&router, "/state?at=2&path=accounts.7.cents").await.assert_has(">100</span>");
    Void::new(Seq::new(2), "entered twice").run(&path).unwrap();
    assert_eq!(get(&router, "/log?outcome=void").await.seqs(), [2]);
    let event = get(&router, "/event?seq=2").await;
    event.assert_has("replay skips this event");
    event.assert_has("Nothing.");
    // the state that was in memory contained the event
    get(&router, "/state?at=2&path=accounts.7.cents").await.assert_has(">0</span>");
}

#[tokio::test]
async fn an_encrypted_image_needs_its_keys() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bank.image");
    let keys = || Keys::new(1, |number| (number == 1).then(|| Key::new([7; 32])));
    let bank = Image::<Bank>::options().encryption(keys()).open(&path).unwrap();
    bank.deposit(7, 100).unwrap();
    Image::close(bank).unwrap();
    assert!(memimage::admin::ImageReader::open(&path).is_err());
    let router = memimage_web::router(Image::<Bank>::options().encryption(keys()).open_journal(&path).unwrap());
    get(&router, "/log").await.assert_has("{account: 7, cents: 100}");
    get(&router, "/state?path=accounts.7.cents").await.assert_has(">100</span>");
}
