//! A user who leaves takes the personal data along: out of the image, its history, and its backups.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::server::{Server, article, conduit, errors};

const SECRETS: [&str; 3] = ["ada.lovelace@example.org", "I count on the engine", "https://example.org/portrait-of-ada"];

/// All bytes of all files below a directory.
fn bytes(directory: &Path, into: &mut Vec<u8>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes(&path, into);
        } else {
            into.extend(fs::read(path).unwrap());
        }
    }
}

fn found(directory: &Path) -> Vec<&'static str> {
    let mut all = Vec::new();
    bytes(directory, &mut all);
    let is_in = |secret: &&str| all.windows(secret.len()).any(|window| window == secret.as_bytes());
    SECRETS.into_iter().filter(is_in).collect()
}

fn admin(arguments: &[&str], path: &Path) -> String {
    let output = conduit().arg("admin").args(arguments).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_deleted_user_leaves_no_personal_data() {
    let mut server = Server::with(&["--snapshot-every", "2"]);
    let [email, bio, picture] = SECRETS;
    let body = json!({ "user": { "username": "ada", "email": email, "password": "a secret" } });
    let ada = server.post("/api/users", body).send().body["user"]["token"].as_str().unwrap().to_owned();
    let bob = server.register("bob");
    assert_eq!(
        server.put("/api/user", json!({ "user": { "bio": bio, "image": picture } })).token(&ada).send().status,
        200
    );
    server.publish(&ada, "A", &["x"]);
    server.publish(&bob, "B", &["x"]);
    assert_eq!(
        server.post("/api/articles/b/comments", json!({ "comment": { "body": "x" } })).token(&ada).send().status,
        201
    );
    assert_eq!(server.post("/api/articles/b/favorite", json!({})).token(&ada).send().status, 200);
    assert_eq!(server.post("/api/profiles/ada/follow", json!({})).token(&bob).send().status, 200);
    // nothing of it is readable on disk even before; a mail to the user is
    let image = server.image();
    let backup = server.directory().join("backup");
    let taken = conduit().args(["admin", "backup"]).arg(&image).arg(&backup).output().unwrap();
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    assert!(found(&image).is_empty() && found(&backup).is_empty());
    let before = admin(&["check"], &image);
    assert!(!before.is_empty());

    assert_eq!(server.delete("/api/user").token(&ada).send().status, 204);
    assert_eq!(server.get("/api/user").token(&ada).send(), errors(401, "token", "is invalid"));
    assert_eq!(server.post("/api/articles", article("C", &[])).token(&ada).send(), errors(401, "token", "is invalid"));
    assert_eq!(server.delete("/api/user").token(&ada).send(), errors(401, "token", "is invalid"));
    assert_eq!(server.get("/api/profiles/ada").send(), errors(404, "profile", "not found"));
    assert_eq!(server.get("/api/articles/a").send(), errors(404, "article", "not found"));
    let kept = server.get("/api/articles/b").send().body;
    assert_eq!(kept["article"]["favoritesCount"], json!(0));
    assert_eq!(server.get("/api/articles/b/comments").send().body, json!({ "comments": [] }));

    // the mailer removes the mails to the user; then nothing is left in any file
    for _ in 0..1_000 {
        if found(server.directory()).is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(found(server.directory()), [""; 0]);
    server.stop_and_restart(&[]);
    assert_eq!(found(server.directory()), [""; 0]);
    admin(&["check"], &image);
    let log = admin(&["log"], &image);
    assert!(log.contains("delete_user") && SECRETS.iter().all(|secret| !log.contains(secret)), "{log}");
    // the past without the name is still the past
    let state = admin(&["state", "--at", "3"], &image);
    assert!(SECRETS.iter().all(|secret| !state.contains(secret)), "{state}");
    // name and address are free
    server.register("ada");
    let body = json!({ "user": { "username": "ada2", "email": email, "password": "a secret" } });
    assert_eq!(server.post("/api/users", body).send().status, 201);
}
