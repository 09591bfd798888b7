//! The forms that send something: the token, and a check.

use crate::driver::Browser;
use crate::served::{served, served_with};

const TOKEN: &str = "a token of 24 characters";

/// Presses `Check now`, and waits until the check has ended.
fn check(browser: &Browser) {
    browser.click("form[action=check] button");
    browser.wait("location.hash === '#check'");
    for _ in 0..100 {
        if browser.text("main").contains("Last check: ") {
            break;
        }
        assert!(browser.text("main").contains("A check is running."), "{}", browser.text("main"));
        std::thread::sleep(std::time::Duration::from_millis(50));
        browser.reload();
    }
    let text = browser.text("main");
    assert!(text.contains("Last check: ") && text.contains("sound"), "{text}");
}

#[test]
fn the_form_takes_the_token_and_a_check_runs() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served_with(|page| page.token(TOKEN));
    browser.go(&format!("{}/event?seq=5", served.address));
    let enter = |token: &str| {
        browser.value(&format!("(() => {{ document.querySelector('input[name=token]').value = '{token}' }})()"));
        browser.click("main.login button");
    };
    enter("another token, which is wrong");
    browser.wait("document.querySelector('main.login p')?.textContent === 'This is not the token.'");
    enter(TOKEN);
    browser.wait("document.querySelector('h1').textContent === 'Event 5'");
    assert!(browser.address().ends_with("/admin/event?seq=5"), "{}", browser.address());
    browser.go(&format!("{}/health", served.address));
    check(&browser);
}

#[test]
fn a_check_runs_without_a_token() {
    let Some(browser) = Browser::start(1000) else { return };
    let served = served();
    browser.go(&format!("{}/health", served.address));
    check(&browser);
}
