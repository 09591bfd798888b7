//! Images with damage that was given up: the pages go on behind a recorded gap, and count anew after a repair.

use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use memimage::admin::{ImageReader, RepairAction, repair};
use memimage::{Image, Seq};
use memimage_web::Page;

use crate::bank::{Bank, BankCommands as _};
use crate::client::get;

/// The file with the events of a new image.
fn journal(image: &Path) -> PathBuf {
    image.join("journal/00000001.journal")
}

/// An image with eight events, which is closed, and the places of the events in its journal.
fn image(directory: &tempfile::TempDir) -> (PathBuf, Vec<usize>) {
    let path = directory.path().join("bank.image");
    let bank = Image::<Bank>::open(&path).unwrap();
    let mut places = Vec::new();
    for event in 1..=8 {
        let before = std::fs::read(journal(&path)).unwrap();
        match event {
            1 => bank.open(7, "Ann".to_owned()).unwrap(),
            2 => bank.deposit(7, 100).unwrap(),
            3 | 8 => bank.note(format!("note {event}")).unwrap(),
            6 => bank.deposit(7, 20).unwrap(),
            7 => bank.deposit(7, 300).unwrap(),
            _ => bank.deposit(7, 1).unwrap(),
        }
        let after = std::fs::read(journal(&path)).unwrap();
        places.push(before.iter().zip(&after).position(|(before, after)| before != after).unwrap());
    }
    Image::close(bank).unwrap();
    (path, places)
}

/// Damages a frame of the journal.
fn damage(image: &Path, place: usize) {
    let mut bytes = std::fs::read(journal(image)).unwrap();
    bytes[place + 16] ^= 0xff;
    std::fs::write(journal(image), bytes).unwrap();
}

/// The [`image`], after the events 4 and 5 were given up.
fn image_with_gap(directory: &tempfile::TempDir) -> Image<Bank> {
    let (path, places) = image(directory);
    damage(&path, places[3]);
    damage(&path, places[4]);
    repair(&path, RepairAction::GiveUp(Seq::new(4))).unwrap();
    Image::<Bank>::open(&path).unwrap()
}

#[tokio::test]
async fn a_lost_event_is_gone_and_leads_to_both_sides() {
    let directory = tempfile::tempdir().unwrap();
    let bank = image_with_gap(&directory);
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    for address in ["/event?seq=4", "/event?seq=5"] {
        let answer = get(&router, address).await;
        assert_eq!(answer.status, StatusCode::GONE, "{address}: {}", answer.body);
        answer.assert_has("events 4 to 5 are lost");
        answer.assert_has("href=\"event?seq=3\"");
        answer.assert_has("href=\"event?seq=6\"");
    }
    for address in ["/event?seq=3", "/event?seq=6"] {
        assert_eq!(get(&router, address).await.status, StatusCode::OK, "{address}");
    }
    get(&router, "/event?seq=6").await.assert_has("<code>100</code></div><div class=\"new-value\"><code>120</code>");
}

#[tokio::test]
async fn the_history_of_a_value_goes_on_behind_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let bank = image_with_gap(&directory);
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let answer = get(&router, "/changes?path=accounts.7.cents").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let changes: Vec<&str> = answer.body.split("<div><a href=\"event?seq=").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(changes, ["1", "2", "6", "7"]);
    let lost = answer.body.find("events 4 to 5 are lost").unwrap();
    let at = |seq: u64| answer.body.find(&format!("<div><a href=\"event?seq={seq}\"")).unwrap();
    assert!(at(2) < lost && lost < at(6), "{}", answer.body);
    get(&router, "/changes?path=accounts.7.cents&from=5").await.assert_has_not("are lost");
    get(&router, "/changes?path=accounts.9").await.assert_has("No change up to event 8.");
}

#[tokio::test]
async fn a_state_around_a_gap_does_not_depend_on_what_was_shown_before() {
    let directory = tempfile::tempdir().unwrap();
    let bank = image_with_gap(&directory);
    let expected =
        [(2, Some(100)), (3, Some(100)), (4, None), (5, Some(100)), (6, Some(120)), (7, Some(420)), (8, Some(420))];
    for (first, _) in expected {
        for (at, cents) in expected {
            let router = memimage_web::router::<Bank>(bank.journal().clone());
            get(&router, &format!("/state?at={first}")).await;
            let answer = get(&router, &format!("/state?at={at}&path=accounts.7.cents")).await;
            match cents {
                Some(cents) => answer.assert_has(&format!(">{cents}</span>")),
                None => {
                    assert_eq!(answer.status, StatusCode::GONE, "{first}, {at}: {}", answer.body);
                    answer.assert_has("events 4 to 5 are lost");
                    answer.assert_has("href=\"state?at=3\"");
                    answer.assert_has("href=\"state?at=5\"");
                }
            }
        }
    }
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    get(&router, "/diff?from=3&to=7").await.assert_has("<code>420</code>");
    assert_eq!(get(&router, "/diff?from=4&to=7").await.status, StatusCode::GONE);
}

#[tokio::test]
async fn the_events_are_counted_anew_after_the_image_was_cut() {
    let directory = tempfile::tempdir().unwrap();
    let (path, places) = image(&directory);
    let router = Page::without_program(ImageReader::open(&path).unwrap()).unwrap().router();
    get(&router, "/health").await.assert_has("8 events, 0 rejected");
    damage(&path, places[7]);
    repair(&path, RepairAction::CutFrom(Seq::new(8))).unwrap();
    for _ in 0..2 {
        let answer = get(&router, "/health").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.assert_has("7 events, 0 rejected");
    }
}

#[tokio::test]
async fn the_pages_of_an_image_that_is_damaged_while_it_is_open_show_what_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bank.image");
    let bank = Image::<Bank>::options().segment_bytes(16 << 10).open(&path).unwrap();
    for _ in 0..30 {
        bank.note("x".repeat(1000)).unwrap();
    }
    // the first segment has three quarters of its events before this place
    damage(&path, 12 << 10);
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let log = get(&router, "/log").await;
    assert_eq!(log.status, StatusCode::OK, "{}", log.body);
    log.assert_has("The image is damaged.");
    log.assert_has("memimage doctor");
    let (_, link) = log.body.split_once("href=\"log?before=").unwrap();
    let hidden: u64 = link.split('"').next().unwrap().parse().unwrap();
    let seqs = log.seqs();
    assert!(1 < hidden && hidden < seqs[seqs.len() - 1] && seqs[0] == 30, "{hidden} {seqs:?}");
    let before: Vec<u64> = (1..hidden).rev().collect();
    assert_eq!(get(&router, &format!("/log?before={hidden}")).await.seqs(), before);
    let health = get(&router, "/health").await;
    assert_eq!(health.status, StatusCode::OK, "{}", health.body);
    health.assert_has("memimage doctor");
    health.assert_has("Check now");
}
