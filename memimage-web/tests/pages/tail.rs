//! The live tail.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::bank::{Bank, BankCommands as _, HOSTILE, bank};
use crate::client::{get, request};

/// Reads messages of a tail until one contains `text`.
async fn read_until(body: &mut Body, text: &str) -> String {
    let mut read = String::new();
    let reading = async {
        while !read.contains(text) {
            let frame = body.frame().await.expect("the tail goes on").unwrap();
            read += std::str::from_utf8(frame.data_ref().expect("data")).unwrap();
        }
    };
    let result = tokio::time::timeout(Duration::from_secs(20), reading).await;
    assert!(result.is_ok(), "`{text}` did not come: {read}");
    read
}

async fn open(router: &Router, address: &str) -> Body {
    let response = router.clone().oneshot(request(address)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_events_arrive_while_commands_run() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let mut tail = open(&router, "/live?after=5").await;
    let first = read_until(&mut tail, "id: 6").await;
    assert!(!first.contains("<script>") && !first.contains("id: 5"), "{first}");
    let commands = tokio::task::spawn_blocking(move || {
        for number in 1..=20 {
            bank.deposit(7, number).unwrap();
        }
        bank.note(HOSTILE.to_owned()).unwrap();
        bank
    });
    let rest = read_until(&mut tail, "id: 27").await;
    for seq in 7..=27 {
        assert_eq!(rest.matches(&format!("event?seq={seq}\"")).count(), 1, "event {seq}: {rest}");
    }
    drop(commands.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_shows_only_what_is_searched_and_continues_after_the_last_event() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let mut tail = open(&router, "/live?after=0&name=deposit").await;
    let read = read_until(&mut tail, "event: position").await;
    assert_eq!(read.matches("event?seq=").count(), 2, "{read}");

    let mut again = request("/live?after=0");
    again.headers_mut().insert("last-event-id", "4".parse().unwrap());
    let mut again = router.clone().oneshot(again).await.unwrap().into_body();
    let read = read_until(&mut again, "event: position").await;
    assert!(read.contains("event?seq=5") && !read.contains("event?seq=4\""), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_is_far_behind_says_what_it_leaves_out() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    for _ in 0..300 {
        bank.deposit(7, 1).unwrap();
    }
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let mut tail = open(&router, "/live?after=6").await;
    let read = read_until(&mut tail, "event: position").await;
    assert!(read.contains("events 7 to 106 are left out"), "{read}");
    assert!(read.contains("event?seq=107\"") && !read.contains("event?seq=106\""), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_ends_when_the_image_is_closed_and_a_wrong_search_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    assert_eq!(get(&router, "/live?where=x").await.status, StatusCode::BAD_REQUEST);
    let mut tail = open(&router, "/live?after=6").await;
    memimage::Image::close(bank).unwrap();
    let read = read_until(&mut tail, "event: end").await;
    assert!(read.contains("closed"), "{read}");
    assert!(tail.frame().await.is_none(), "the tail has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_tails_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let mut tails = Vec::new();
    for _ in 0..32 {
        tails.push(open(&router, "/live?after=6").await);
    }
    let refused = router.clone().oneshot(request("/live?after=6")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    tails.pop();
    drop(open(&router, "/live?after=6").await);
}
