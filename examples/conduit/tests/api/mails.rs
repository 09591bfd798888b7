//! One mail for each new follower.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::Server;

/// The mails once there are so many, or what there is after a while.
fn mails(server: &Server, number: usize) -> Vec<(String, String)> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let text = fs::read_to_string(server.directory().join("conduit.image.mails")).unwrap();
        let mails: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if mails.len() == number || Instant::now() > deadline {
            let field = |mail: &Value, name: &str| mail[name].as_str().unwrap().to_owned();
            return mails.iter().map(|mail| (field(mail, "to"), field(mail, "text"))).collect();
        }
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn each_new_follower_is_one_mail() {
    let mut server = Server::start();
    server.register("ada");
    let [bob, eve] = ["bob", "eve"].map(|name| server.register(name));
    let follow =
        |server: &Server, token: &str| server.post("/api/profiles/ada/follow", json!({})).token(token).send().status;
    assert_eq!((follow(&server, &bob), follow(&server, &bob)), (200, 200));
    let first = ("ada@example.org".to_owned(), "bob follows you on Conduit.".to_owned());
    assert_eq!(mails(&server, 1), std::slice::from_ref(&first));
    // a follower who comes back is not new
    server.delete("/api/profiles/ada/follow").token(&bob).send();
    follow(&server, &bob);
    server.kill_and_restart();
    follow(&server, &eve);
    let second = ("ada@example.org".to_owned(), "eve follows you on Conduit.".to_owned());
    assert_eq!(mails(&server, 2), [first.clone(), second.clone()]);
    // a start reads no event twice, and an event that comes again sends no mail again
    server.stop_and_restart(&[]);
    server.terminate();
    fs::remove_dir_all(server.image().join("subscription")).unwrap();
    server.restart(&[]);
    server.register("joe");
    thread::sleep(Duration::from_millis(200)); // the mailer has time to err
    assert_eq!(mails(&server, 2), [first, second]);
}
