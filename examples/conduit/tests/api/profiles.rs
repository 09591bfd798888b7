//! Users as others see them.

use serde_json::json;

use super::server::{Server, errors};

#[test]
fn a_profile_is_shown_to_everybody() {
    let server = Server::start();
    let ada = server.register("ada");
    server.put("/api/user", json!({ "user": { "bio": "counts" } })).token(&ada).send();
    let profile = json!({ "profile": { "username": "ada", "bio": "counts", "image": null, "following": false } });
    let answer = server.get("/api/profiles/ada").send();
    assert_eq!((answer.status, answer.body), (200, profile));
    assert_eq!(server.get("/api/profiles/eve").send(), errors(404, "profile", "not found"));
    assert_eq!(server.get("/api/profiles/%20").send(), errors(404, "profile", "not found"));
    assert_eq!(server.get("/api/profiles/ada").token("x.y.z").send(), errors(401, "token", "is invalid"));
}

#[test]
fn following_twice_is_as_once() {
    let server = Server::start();
    let ada = server.register("ada");
    let bob = server.register("bob");
    for _ in 0..2 {
        let answer = server.post("/api/profiles/ada/follow", json!({})).token(&bob).send();
        assert_eq!((answer.status, &answer.body["profile"]["following"]), (200, &json!(true)));
    }
    assert_eq!(server.get("/api/profiles/ada").token(&bob).send().body["profile"]["following"], json!(true));
    assert_eq!(server.get("/api/profiles/ada").token(&ada).send().body["profile"]["following"], json!(false));
    for _ in 0..2 {
        let answer = server.delete("/api/profiles/ada/follow").token(&bob).send();
        assert_eq!((answer.status, &answer.body["profile"]["following"]), (200, &json!(false)));
    }
    assert_eq!(
        server.post("/api/profiles/eve/follow", json!({})).token(&bob).send(),
        errors(404, "profile", "not found")
    );
    assert_eq!(server.delete("/api/profiles/eve/follow").token(&bob).send(), errors(404, "profile", "not found"));
}
