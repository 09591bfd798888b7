//! The image of version 1, whose articles had no slug among their arguments and whose model did not know who is leaving.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::server::Server;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn the_image_of_version_1_is_read_and_continued() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("conduit.image");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/version1"), &image);
    let server = Server::open(&image, "127.0.0.1:0", &[]);
    let login = |name: &str| {
        let user = json!({ "email": format!("{name}@example.org"), "password": format!("password of {name}") });
        let answer = server.post("/api/users/login", json!({ "user": user })).send();
        assert_eq!(answer.status, 200);
        (answer.body["user"]["token"].as_str().unwrap().to_owned(), answer.body["user"]["bio"].clone())
    };
    let (ada, bio) = login("ada");
    let (bob, _) = login("bob");
    assert_eq!(bio, json!("I count on the engine"));
    let list = server.get("/api/articles").token(&bob).send().body;
    let seen: Vec<Value> = list["articles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|article| {
            json!([article["slug"], article["title"], article["favoritesCount"], article["author"]["following"]])
        })
        .collect();
    // the addresses of old articles are as they were, though the rule for new ones is another
    let expected = json!([
        ["renamed--at-last", "Renamed, at last", 0, false],
        ["-ber-alles", "Über alles", 0, true],
        ["how-it--began-", "How it  began!", 0, false],
        ["how-it-began", "How it began", 1, true],
    ]);
    assert_eq!(json!(seen), expected);
    let comments = server.get("/api/articles/how-it-began/comments").send().body;
    assert_eq!(comments["comments"][0]["body"], json!("Well said."));
    assert_eq!(server.publish(&ada, "Über alles", &[]), "über-alles");
    assert_eq!(server.publish(&ada, "How it began", &[]), "how-it-began-2");
    assert_eq!(server.delete("/api/user").token(&ada).send().status, 204);
    assert_eq!(server.get("/api/articles").send().body["articlesCount"], json!(2));
}
