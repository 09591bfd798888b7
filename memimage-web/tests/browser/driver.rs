//! A client of the WebDriver protocol, as far as the tests need it: JSON over HTTP/1.1.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a test waits for something to happen on a page.
const PATIENCE: Duration = Duration::from_secs(30);
/// The names of the key codes of the protocol.
pub(crate) const RIGHT: &str = "\u{e014}";
pub(crate) const LEFT: &str = "\u{e012}";
pub(crate) const ENTER: &str = "\u{e007}";

/// A window of a browser, which ends with this value.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// It stays open, so that chromedriver can write.
    _output: BufReader<ChildStdout>,
}

impl Browser {
    /// Starts a browser whose window has this width; `None` if there is no chromedriver, and none is required.
    pub(crate) fn start(width: u32) -> Option<Browser> {
        let mut browser = Browser::driver()?;
        let capabilities = capabilities(width);
        for attempt in 1.. {
            // on a busy machine, chromium may not answer chromedriver in time
            let (status, answer) = browser.exchange("POST", "/session", &capabilities).unwrap();
            if status.contains(" 200 ") {
                browser.session = answer["value"]["sessionId"].as_str().unwrap().to_owned();
                break;
            }
            assert!(attempt < 3, "the browser does not start: {answer}");
        }
        browser.command("POST", "window/rect", &json!({ "width": width, "height": 900 }));
        Some(browser)
    }

    /// Starts chromedriver.
    fn driver() -> Option<Browser> {
        // chromedriver takes a free port, and says which
        let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
        let mut driver = match started {
            Ok(driver) => driver,
            Err(error) if std::env::var_os("MEMIMAGE_BROWSER").is_none_or(|given| given != "required") => {
                println!(
                    "skipped: chromedriver does not start: {error}; help: apt-get install chromium chromium-driver"
                );
                return None;
            }
            Err(error) => panic!("chromedriver does not start: {error}"),
        };
        let mut output = BufReader::new(driver.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert!(output.read_line(&mut line).unwrap() > 0, "chromedriver does not say its port");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        Some(Browser { driver, port, session: String::new(), _output: output })
    }

    pub(crate) fn go(&self, address: &str) {
        self.command("POST", "url", &json!({ "url": address }));
    }

    pub(crate) fn reload(&self) {
        self.command("POST", "refresh", &json!({}));
    }

    pub(crate) fn address(&self) -> String {
        self.command("GET", "url", &Value::Null).as_str().unwrap().to_owned()
    }

    /// The value of a JavaScript expression on the page.
    pub(crate) fn value(&self, expression: &str) -> Value {
        self.command("POST", "execute/sync", &json!({ "script": format!("return {expression}"), "args": [] }))
    }

    /// The text of the first element that a selector matches; empty if there is none.
    pub(crate) fn text(&self, selector: &str) -> String {
        self.value(&format!("document.querySelector({selector:?})?.textContent ?? ''")).as_str().unwrap().to_owned()
    }

    /// The number of elements that a selector matches.
    pub(crate) fn count(&self, selector: &str) -> u64 {
        self.value(&format!("document.querySelectorAll({selector:?}).length")).as_u64().unwrap()
    }

    /// Sends keys to the element that has the focus.
    pub(crate) fn press(&self, keys: &str) {
        let press = |key: char| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        self.command(
            "POST",
            "actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }),
        );
    }

    /// Goes to the search of the page with the keyboard, types a text, and submits it. Chromium can lose a key that comes early, so the
    /// text is typed again until the field has it.
    pub(crate) fn search(&self, text: &str, expression: &str) {
        const FOCUS: &str = "document.activeElement.matches('[data-search]')";
        self.wait("document.documentElement.classList.contains('with-script')");
        for _ in 0..5 {
            if self.value(FOCUS) != true {
                self.press("/");
            }
            if !self.comes(FOCUS) {
                continue;
            }
            self.value("document.activeElement.select()");
            self.press(text);
            if self.comes(&format!("document.activeElement.value === {text:?}")) {
                break;
            }
        }
        self.press_to(ENTER, expression);
    }

    /// Whether an expression becomes true soon.
    fn comes(&self, expression: &str) -> bool {
        let begun = Instant::now();
        while self.value(expression) != true {
            if begun.elapsed() > Duration::from_secs(4) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// Presses a key that leads to another page. Chromium can lose a key that comes while it changes pages, so this tries again.
    pub(crate) fn press_to(&self, key: &str, expression: &str) {
        let here = self.address();
        for _ in 0..5 {
            self.press(key);
            let begun = Instant::now();
            while self.address() == here && begun.elapsed() < Duration::from_secs(4) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if self.address() != here {
                break;
            }
        }
        self.wait(expression);
    }

    pub(crate) fn click(&self, selector: &str) {
        let found = self.command("POST", "element", &json!({ "using": "css selector", "value": selector }));
        let element = found.as_object().unwrap().values().next().unwrap().as_str().unwrap();
        self.command("POST", &format!("element/{element}/click"), &json!({}));
    }

    /// Waits until an expression is true on a page that has loaded, with its script.
    pub(crate) fn wait(&self, expression: &str) {
        let begun = Instant::now();
        while self.value(&format!("Boolean(document.readyState === 'complete' && ({expression}))")) != true {
            if begun.elapsed() > PATIENCE {
                let (address, body) = (self.address(), self.text("body"));
                panic!("this did not happen: {expression}, at {address}: {body}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Keeps a picture of the page as `target/screenshots/NAME.png`.
    pub(crate) fn screenshot(&self, name: &str) {
        let picture = self.command("GET", "screenshot", &Value::Null);
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(format!("{name}.png")), base64(picture.as_str().unwrap())).unwrap();
    }

    /// Shows pages in light or dark colours.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let parameters = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.command("POST", "goog/cdp/execute", &parameters);
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("/session/{}/{path}", self.session), body)
    }

    /// Sends a request to chromedriver, and returns the value of its answer.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.exchange(method, path, body).unwrap();
        assert!(status.contains(" 200 "), "{method} {path} {body}: {status} {answer}");
        answer["value"].clone()
    }

    fn exchange(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(String, Value)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE * 2))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut reader = BufReader::new(stream);
        let (mut status, mut len) = (String::new(), 0);
        reader.read_line(&mut status)?;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            match header.trim_end().split_once(':') {
                None => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    len = value.trim().parse().unwrap();
                }
                Some(_) => {}
            }
        }
        let mut answer = vec![0; len];
        reader.read_exact(&mut answer)?;
        Ok((status, serde_json::from_slice(&answer)?))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // the browser ends with its session; chromedriver is not needed afterwards
        let _ = self.exchange("DELETE", &format!("/session/{}", self.session), &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn capabilities(width: u32) -> Value {
    let arguments = [
        "--headless=new",
        "--no-sandbox", // the tests run as root in containers
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ];
    let options = match width {
        // a narrow window is only possible with the screen of a telephone
        ..500 => {
            let screen = json!({ "width": width, "height": 900, "pixelRatio": 1.0, "touch": false });
            json!({ "args": arguments, "mobileEmulation": { "deviceMetrics": screen } })
        }
        _ => json!({ "args": arguments }),
    };
    json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } })
}

/// Decodes base64.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte: u8| DIGITS.iter().position(|&digit| digit == byte).map(|digit| u32::try_from(digit).unwrap());
    let digits: Vec<u32> = text.bytes().map_while(digit).collect();
    let bytes = |group: &[u32]| {
        let bits = (0..4).fold(0, |bits, index| (bits << 6) | group.get(index).copied().unwrap_or(0));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(bytes).collect()
}
