//! The change log: search, older events, and the live tail while commands run.

use crate::bank::{BankCommands as _, HOSTILE};
use crate::driver::Browser;
use crate::served::served;

#[test]
fn the_log_is_searched_with_the_keyboard() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served();
    browser.go(&served.address);
    browser.wait("location.pathname === '/admin/log'");
    browser.search("ann", "location.search.includes('text=ann')");
    assert_eq!(browser.count("#events > li"), 1);
    assert!(browser.text("#events").contains("open"), "{}", browser.text("#events"));
}

#[test]
fn older_events_come_by_scrolling() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served();
    for _ in 0..300 {
        served.bank.deposit(7, 1).unwrap();
    }
    browser.go(&format!("{}/log", served.address));
    for _ in 0..20 {
        browser.value("window.scrollTo(0, document.body.scrollHeight)");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    browser.wait("document.querySelectorAll('#events > li').length === 306");
    assert_eq!(browser.count(".older"), 0);
    let seqs =
        "[...document.querySelectorAll('.seq')].every((link, index) => Number(link.textContent) === 306 - index)";
    assert_eq!(browser.value(seqs), true);
}

#[test]
fn new_events_arrive_at_the_top_while_commands_run() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served();
    browser.go(&format!("{}/log?live=true", served.address));
    browser.wait("document.querySelector('.live').textContent === 'live'");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for cents in 0..50 {
                served.bank.deposit(9, cents).unwrap();
            }
            served.bank.note(HOSTILE.to_owned()).unwrap();
        });
        browser.wait("document.querySelectorAll('#events > li').length === 57");
    });
    assert_eq!(browser.text("#events li:first-child .seq"), "57");
    browser.wait("document.querySelector('[data-count]').textContent === '57'");
    browser.screenshot("log");
    // the hostile note arrived as text
    assert!(browser.text("#events li:first-child").contains("<script>"), "{}", browser.text("#events li:first-child"));
    assert_eq!(browser.count("#events script") + browser.count("#events img"), 0);
    assert_ne!(browser.value("document.title"), "taken");
    // the tail ends with the image
    let bank = served.bank;
    memimage::Image::close(bank).unwrap();
    browser.wait("document.querySelector('.live').textContent.startsWith('ended')");
}
