//! States, comparisons, and the history of a value.

use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::bank::{Bank, BankCommands as _, bank};
use crate::client::{any_page, get, page};

#[tokio::test]
async fn the_state_after_each_event() {
    for (at, cents) in [(2, "100"), (4, "100"), (5, "70")] {
        page(&format!("/state?at={at}&path=accounts.7.cents")).await.assert_has(&format!(">{cents}</span>"));
    }
    let state = page("/state").await;
    state.assert_has("State after event 6");
    state.assert_has("2 entries ");
    state.assert_has("href=\"state?at=6&amp;path=accounts\"");
    page("/state?at=0").await.assert_has("State after event 0");
}

#[tokio::test]
async fn a_state_that_does_not_exist_is_not_found() {
    for (address, message) in [
        ("/state?at=7", "7"),
        ("/state?at=2001-01-01T00:00:00Z", "the image was created at"),
        ("/state?at=2999-01-01T00:00:00Z", "in the future"),
        ("/state?time=1", "the image was created at"),
        ("/state?path=accounts.9", "has no entry `9`"),
        ("/state?path=none", "none"),
        ("/diff?from=1&to=9", "9"),
        ("/diff?path=none", "none"),
    ] {
        let answer = any_page(address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}: {}", answer.body);
        answer.assert_has(message);
    }
    for (address, message) in [
        ("/state?at=yesterday", "at: this is no moment"),
        ("/state?path=a..b", "path: this is not a path"),
        ("/state?offset=-1", "offset: `-1` is no number"),
        ("/diff?from=x", "from: this is no moment"),
        ("/changes?path=%22a", "path: this is not a path"),
    ] {
        let answer = any_page(address).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{address}");
        answer.assert_has(message);
    }
}

#[tokio::test]
async fn steps_lead_to_the_neighbours() {
    let answer = page("/state?at=3&path=accounts").await;
    answer.assert_has("data-key=\"ArrowLeft\" href=\"state?at=2&amp;path=accounts\"");
    answer.assert_has("data-key=\"ArrowRight\" href=\"state?at=4&amp;path=accounts\"");
    page("/state?at=0").await.assert_has_not("ArrowLeft");
    page("/state?at=6").await.assert_has_not("ArrowRight");
}

#[tokio::test]
async fn what_changed_between_two_states() {
    let answer = page("/diff?from=2&to=6").await;
    answer.assert_has("accounts.7.cents");
    answer.assert_has("<code>100</code></div><div class=\"new-value\"><code>70</code>");
    answer.assert_has("accounts.8");
    page("/diff?from=2&to=6&path=accounts.7").await.assert_has_not("accounts.8");
    page("/diff?from=3&to=4").await.assert_has("Nothing.");
    page("/diff?from=6&to=2").await.assert_has("<code>70</code></div><div class=\"new-value\"><code>100</code>");
}

#[tokio::test]
async fn the_history_of_a_value() {
    let answer = page("/changes?path=accounts.7.cents").await;
    let changes: Vec<&str> = answer.body.split("<div><a href=\"event?seq=").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(changes, ["1", "2", "5"]);
    answer.assert_has("teller 1");
    answer.assert_has("<code>100</code></div><div class=\"new-value\"><code>70</code>");
    let later = page("/changes?path=accounts.7.cents&from=3").await;
    later.assert_has("<code>100</code>");
    assert_eq!(later.body.matches("<div><a href=\"event?seq=").count(), 1);
    page("/changes?path=accounts&from=3").await.assert_has("accounts.7.cents");
    page("/changes?path=accounts.99").await.assert_has("No change up to event 6.");
}

#[tokio::test]
async fn stepping_back_and_forth_shows_the_right_states() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    for _ in 0..30 {
        bank.deposit(7, 1).unwrap();
    }
    bank.admin().snapshot().unwrap();
    bank.deposit(7, 1).unwrap();
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let steps = (6..=37).chain((6..37).rev()).chain([37, 6, 20, 21, 7, 36, 20]);
    for at in steps {
        let answer = get(&router, &format!("/state?at={at}&path=accounts.7.cents")).await;
        answer.assert_has(&format!(">{}</span>", 70 + at - 6));
        get(&router, &format!("/event?seq={at}")).await.assert_has("What it changed");
    }
}

#[tokio::test]
async fn a_state_of_a_million_entries_opens_in_pages() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    bank.fill(1_000_000).unwrap();
    bank.admin().snapshot().unwrap();
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let timed = async |address: &str| {
        let begun = Instant::now();
        let answer = get(&router, address).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(answer.body.len() < 100_000, "{address} has {} bytes", answer.body.len());
        println!("{address}: {:?}", begun.elapsed());
        (answer, begun.elapsed())
    };
    timed("/state").await;
    for address in
        ["/state", "/state?path=accounts", "/state?path=accounts&offset=999900", "/state?path=accounts.999999"]
    {
        let (_, elapsed) = timed(address).await;
        // the mark is a second for an optimised program; tests run on busy machines
        assert!(elapsed < Duration::from_secs(5), "{address}: {elapsed:?}");
    }
    let (answer, _) = timed("/state?path=accounts&offset=999900").await;
    answer.assert_has("999900 before");
    answer.assert_has(">999999</a>");
    answer.assert_has_not(" more</a>");
    timed("/event?seq=7").await;
}
