//! The slider, the keys, the tree, and the search by path.

use crate::bank::BankCommands as _;
use crate::driver::{Browser, LEFT, RIGHT};
use crate::served::served;

#[test]
fn the_slider_and_the_keys_move_through_the_states() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served();
    served.bank.admin().snapshot().unwrap();
    browser.go(&format!("{}/state?path=accounts.7", served.address));
    assert_eq!(browser.text("h1"), "State after event 6");
    assert_eq!(browser.value("document.querySelector('#kept-seqs option').value"), "6");
    let cents = || browser.text("#entries li:nth-child(2)");
    assert!(cents().ends_with("cents: 70"), "{}", cents());

    // the slider shows where it stands while it moves, and goes there when it is let go
    let slider = |event: &str, value: u64| {
        browser.value(&format!(
            "(() => {{ const slider = document.getElementById('by-seq'); slider.value = {value}; \
             slider.dispatchEvent(new Event('{event}')); }})()"
        ));
    };
    slider("input", 3);
    assert_eq!(browser.text("output[for=by-seq]"), "event 3");
    slider("change", 5);
    browser.wait("document.querySelector('h1').textContent === 'State after event 5'");

    // the keys step, but for those in an input
    browser.press_to(LEFT, "document.querySelector('h1').textContent === 'State after event 4'");
    assert!(cents().ends_with("cents: 100"), "{}", cents());
    browser.press_to(RIGHT, "document.querySelector('h1').textContent === 'State after event 5'");
    assert!(browser.address().ends_with("/admin/state?at=5&path=accounts.7"), "{}", browser.address());

    // by time: the time of event 2 leads to its state
    let time = "new Date(document.querySelector('time').getAttribute('datetime')).getTime()";
    browser.go(&format!("{}/event?seq=2", served.address));
    let time = browser.value(time).as_u64().unwrap() + 1;
    browser.go(&format!("{}/state", served.address));
    browser.value(&format!(
        "(() => {{ const slider = document.getElementById('by-time'); slider.value = {time}; \
         slider.dispatchEvent(new Event('change')); }})()"
    ));
    browser.wait("location.search.includes('time=')");
    let shown = browser.text("h1");
    assert!(["2", "3", "4", "5", "6"].iter().any(|seq| shown.ends_with(seq)), "{shown}");
}

#[test]
fn the_search_by_path_and_the_tree_lead_into_the_state() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served();
    served.bank.fill(250).unwrap();
    browser.go(&format!("{}/state", served.address));
    browser.search("accounts.7", "location.search.includes('path=accounts.7')");
    assert!(browser.text("#entries").contains("owner 7"), "{}", browser.text("#entries"));

    // a part opens in place, and closes again
    browser.go(&format!("{}/state", served.address));
    let here = browser.address();
    browser.click("#entries > li a.expand");
    browser.wait("document.querySelectorAll('#entries > li > ul > li').length === 101");
    browser.click("#entries > li > ul > li a.expand");
    browser.wait("document.querySelector('#entries > li > ul > li > ul')?.textContent.includes('owner')");
    assert_eq!(browser.address(), here);
    browser.screenshot("state");
    browser.click("#entries > li a.expand");
    browser.wait("document.querySelector('#entries > li > ul').hidden");
}

#[test]
fn an_event_shows_what_it_changed() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served();
    browser.go(&format!("{}/log", served.address));
    browser.click("#events li:nth-child(2) .seq");
    browser.wait("document.querySelector('h1').textContent === 'Event 5'");
    assert_eq!(browser.text(".changes .path"), "accounts.7.cents");
    assert_eq!(
        (browser.text(".changes .old"), browser.text(".changes .new-value")),
        ("100".to_owned(), "70".to_owned())
    );
    browser.screenshot("event");
    browser.press_to(LEFT, "document.querySelector('h1').textContent === 'Event 4'");
    browser.go(&format!("{}/changes?path=accounts.7.cents", served.address));
    assert_eq!(browser.count(".changes > li"), 3);
    browser.screenshot("history");
}
