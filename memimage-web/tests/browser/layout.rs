//! Narrow screens, colours, and hostile texts.

use crate::bank::BankCommands as _;
use crate::driver::Browser;
use crate::served::served;

const PAGES: [&str; 8] = [
    "log",
    "log?live=true&from=1",
    "event?seq=6",
    "state?path=notes",
    "diff?from=0&to=6",
    "changes?path=notes",
    "shapes",
    "health",
];

#[test]
fn no_page_is_wider_than_a_narrow_screen() {
    let Some(browser) = Browser::start(400) else { return };
    let served = served();
    served.bank.note("long".repeat(500)).unwrap();
    for (number, page) in PAGES.iter().enumerate() {
        browser.go(&format!("{}/{page}", served.address));
        assert_eq!(browser.value("window.innerWidth"), 400, "{page}");
        let width = browser.value("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(width <= 400, "{page} is {width} pixels wide");
        let name = page.split('?').next().unwrap();
        browser.screenshot(&format!("narrow-{number}-{name}"));
    }
}

#[test]
fn the_colours_follow_the_system() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served();
    for (scheme, page, colour) in [("light", "log", "rgb(255, 255, 255)"), ("dark", "health", "rgb(20, 23, 28)")] {
        browser.prefer(scheme);
        browser.go(&format!("{}/{page}", served.address));
        browser.wait(&format!("getComputedStyle(document.body).backgroundColor === '{colour}'"));
    }
    browser.screenshot("dark-health");
}

#[test]
fn hostile_texts_are_shown_as_text_and_nothing_else_is_loaded() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served();
    for page in PAGES {
        browser.go(&format!("{}/{page}", served.address));
        browser.wait("document.readyState === 'complete'");
        assert_ne!(browser.value("document.title"), "taken", "{page}");
        assert_eq!(browser.count("main script, main img"), 0, "{page}");
        let foreign = "performance.getEntriesByType('resource').filter((loaded) => new URL(loaded.name).host !== location.host \
                       && !loaded.name.startsWith('data:')).length";
        assert_eq!(browser.value(foreign), 0, "{page}");
    }
    browser.go(&format!("{}/state?path=notes.0", served.address));
    assert!(browser.text("#entries").contains("<script>"), "{}", browser.text("#entries"));
}
