//! The pages in a real browser: chromium, driven by chromedriver.
//!
//! Without chromedriver, the tests are skipped, and say so. With the variable `MEMIMAGE_BROWSER=required`, they fail instead. They keep
//! screenshots in `target/screenshots/`.

#[path = "../pages/bank.rs"]
mod bank;
mod driver;
mod layout;
mod live;
mod login;
mod served;
mod stepping;
