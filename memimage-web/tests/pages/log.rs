//! The change log, events, shapes and health.

use axum::http::StatusCode;
use memimage::admin::ImageReader;
use memimage_web::Page;

use crate::bank::{Bank, BankCommands as _, bank};
use crate::client::{any_page, get, page, request, send};

#[tokio::test]
async fn the_newest_event_comes_first() {
    let answer = page("/log").await;
    assert_eq!(answer.seqs(), [6, 5, 4, 3, 2, 1]);
    answer.assert_has("<strong>deposit</strong> <code class=\"payload\">{account: 7, cents: 100}</code>");
    assert_eq!(answer.body.matches("<span class=\"mark\">rejected</span>").count(), 1);
    answer.assert_has("actor=teller 1");
}

#[tokio::test]
async fn the_log_is_searched() {
    for (search, seqs) in [
        ("name=deposit", &[3, 2][..]),
        ("outcome=rejected", &[4]),
        ("outcome=void", &[]),
        ("actor=teller+1", &[5]),
        ("text=ANN", &[1]),
        ("text=5000", &[4]),
        ("text=teller", &[5]),
        ("where=payload.account+%3D%3D+8", &[4, 3]),
        ("from=2&until=4", &[4, 3, 2]),
        ("from=2&until=4&name=deposit&text=20", &[3]),
        ("from=1h+ago", &[6, 5, 4, 3, 2, 1]),
        ("until=2001-01-01T00:00:00Z", &[]),
        ("until=2999-01-01T00:00:00Z", &[6, 5, 4, 3, 2, 1]),
        ("name=none", &[]),
    ] {
        assert_eq!(page(&format!("/log?{search}")).await.seqs(), seqs, "{search}");
    }
}

#[tokio::test]
async fn a_search_that_does_not_parse_is_refused_and_points_at_the_place() {
    for (search, message) in [
        ("where=payload.account+%3D%3D", "where: expected a number, a text in quotes"),
        ("from=yesterday", "from: this is no moment: give an event&#39;s seq"),
        ("until=x", "until: this is no moment"),
        ("outcome=x", "outcome: must be"),
        ("before=x", "before: `x` is no number from 0 to"),
        ("live=x", "live: must be `true` or `false`"),
        ("name=a&name=b", "name: is given twice"),
    ] {
        let answer = any_page(&format!("/log?{search}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{search}");
        answer.assert_has(message.replace("&#39;", "'").as_str());
    }
}

#[tokio::test]
async fn older_events_are_behind_a_link_that_keeps_the_search() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    for number in 0..120 {
        bank.deposit(number, 1).unwrap();
    }
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let (mut address, mut seqs, mut pages) = ("/log?name=deposit".to_owned(), Vec::new(), 0);
    loop {
        let answer = get(&router, &address).await;
        assert!(answer.seqs().len() <= 50);
        seqs.extend(answer.seqs());
        pages += 1;
        let Some((_, rest)) = answer.body.split_once("data-older href=\"") else { break };
        address = format!("/{}", rest.split('"').next().unwrap().replace("&amp;", "&"));
    }
    let expected: Vec<u64> = (7..=126).rev().chain([3, 2]).collect();
    assert_eq!((seqs, pages), (expected, 3));
}

#[tokio::test]
async fn an_event_shows_its_payload_and_what_it_changed() {
    let answer = page("/event?seq=5").await;
    for text in [
        "withdraw",
        "teller 1",
        "applied",
        "<span class=\"key\">cents</span>: <span class=\"number\">30</span>",
        "accounts.7.cents",
    ] {
        answer.assert_has(text);
    }
    answer.assert_has("<div class=\"old\"><code>100</code></div><div class=\"new-value\"><code>70</code></div>");
    answer.assert_has("href=\"event?seq=4\"");
    answer.assert_has("href=\"event?seq=6\"");
    let rejected = page("/event?seq=4").await;
    rejected.assert_has("the command returned an error");
    rejected.assert_has("Nothing.");
}

#[tokio::test]
async fn an_event_that_does_not_exist_is_not_found() {
    for address in ["/event?seq=0", "/event?seq=7", "/event?seq=18446744073709551615"] {
        let answer = any_page(address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
        answer.assert_has("There is no event");
    }
    for (address, message) in [
        ("/event", "seq: is missing; the address must say which event, such as event?seq=7"),
        ("/event?seq=", "seq: is missing"),
        ("/event?seq=x", "seq: `x` is no number from 0 to"),
        ("/event?seq=-1", "seq: `-1` is no number"),
    ] {
        let answer = any_page(address).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{address}");
        answer.assert_has(message);
    }
}

#[tokio::test]
async fn a_parameter_that_a_page_does_not_have_is_refused_with_those_that_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    for (page, parameters) in [
        ("log", "text, name, actor, from, until, where, outcome, before, live"),
        ("live", "text, name, actor, from, until, where, outcome, after"),
        ("event", "seq"),
        ("state", "at, time, path, offset"),
        ("diff", "from, to, path"),
        ("changes", "path, from"),
        ("shapes", ""),
        ("health", ""),
    ] {
        let answer = get(&router, &format!("/{page}?Seq=1")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{page}");
        let known = if parameters.is_empty() { "it has none".to_owned() } else { format!("it has {parameters}") };
        answer.assert_has(&format!("Seq: this page has no such parameter; {known}</pre>"));
        if page != "live" {
            for parameter in parameters.split(", ").filter(|parameter| !parameter.is_empty()) {
                let answer = get(&router, &format!("/{page}?{parameter}=%22")).await;
                answer.assert_has_not("no such parameter");
            }
        }
    }
}

#[tokio::test]
async fn fields_that_a_person_leaves_empty_are_not_given() {
    assert_eq!(page("/log?text=&before=&live=").await.seqs().len(), 6);
    page("/state?at=&time=&offset=").await.assert_has("State after event 6");
}

#[tokio::test]
async fn health_has_the_figures_and_the_last_check() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    bank.admin().snapshot().unwrap();
    let mut subscription = bank.journal().subscribe_as("mailer", memimage::Seq::ZERO).unwrap();
    let event = subscription.next().unwrap().unwrap();
    subscription.acknowledge(&event).unwrap();
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    let answer = get(&router, "/health").await;
    for text in
        ["6 events, 1 rejected", "snapshot after event 6", "replays 0 events", "mailer", "5 events", "was not checked"]
    {
        answer.assert_has(text);
    }
    let mut post = request("/check");
    *post.method_mut() = axum::http::Method::POST;
    assert_eq!(send(&router, post).await.header("location"), "health#check");
    for _ in 0..500 {
        let answer = get(&router, "/health").await;
        if !answer.body.contains("A check is running") {
            answer.assert_has("<strong>sound</strong>");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the check did not end");
}

#[tokio::test]
async fn an_image_without_its_program_shows_everything_but_states() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let reader = ImageReader::open(directory.path().join("bank.image")).unwrap();
    bank.deposit(1, 1).unwrap(); // shows that event 6 is durable
    let router = Page::without_program(reader).unwrap().router();
    let log = get(&router, "/log").await;
    assert_eq!(log.seqs()[log.seqs().len() - 6..], [6, 5, 4, 3, 2, 1]);
    log.assert_has_not("href=\"state\"");
    get(&router, "/event?seq=5").await.assert_has("teller 1");
    get(&router, "/shapes").await.assert_has("pub struct DepositV1");
    get(&router, "/health").await.assert_has("events");
    for address in ["/state", "/diff", "/changes?path=accounts"] {
        let answer = get(&router, address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
        answer.assert_has("Only the program knows the states");
    }
}

#[tokio::test]
async fn an_image_that_was_closed_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = memimage_web::router::<Bank>(bank.journal().clone());
    memimage::Image::close(bank).unwrap();
    for address in ["/log", "/state", "/health", "/event?seq=1"] {
        assert_eq!(get(&router, address).await.status, StatusCode::SERVICE_UNAVAILABLE, "{address}");
    }
}
