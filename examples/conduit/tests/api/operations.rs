//! What operators and browsers need.

use std::process::Stdio;

use serde_json::{Value, json};
use ureq::http::Method;

use super::server::{Server, conduit, errors};

#[test]
fn health_and_figures_are_shown() {
    let server = Server::start();
    assert_eq!(server.get("/healthz").send().body, json!("ok\n"));
    let ada = server.register("ada");
    server.publish(&ada, "A", &[]);
    server.get("/api/articles/a").send();
    let Value::String(figures) = server.get("/metrics").send().body else { panic!("a text") };
    let line = r#"conduit_requests_total{method="GET",route="/api/articles/{slug}",status="200"} 1"#;
    assert!(figures.contains(line), "{figures}");
    assert!(figures.contains("memimage_"), "{figures}");
}

#[test]
fn a_request_has_an_id_which_its_event_has_too() {
    let server = Server::start();
    let (_, headers) = server.get("/api/tags").try_send().unwrap();
    assert_eq!(headers["x-request-id"].len(), 36);
    let body = super::server::registration("ada");
    let (_, headers) = server.post("/api/users", body).header("x-request-id", "request 7").try_send().unwrap();
    assert_eq!(headers["x-request-id"], "request 7");
    let log = conduit().args(["admin", "log", "--json"]).arg(server.image()).output().unwrap();
    let log = String::from_utf8(log.stdout).unwrap();
    assert!(log.contains("request 7"), "{log}");
    assert!(!log.contains("ada@example.org"), "{log}");
}

#[test]
fn browsers_of_other_sites_may_ask() {
    let server = Server::start();
    let call = server.call(Method::OPTIONS, "/api/articles").header("origin", "https://example.org");
    let (answer, headers) = call.header("access-control-request-method", "POST").try_send().unwrap();
    assert_eq!(
        (answer.status, &headers["access-control-allow-origin"]),
        (200, &ureq::http::HeaderValue::from_static("*"))
    );
}

#[test]
fn other_paths_and_methods_are_refused() {
    let server = Server::start();
    assert_eq!(server.get("/api/x").send(), errors(404, "path", "not found"));
    assert_eq!(server.get("/").send(), errors(404, "path", "not found"));
    let (answer, headers) = server.delete("/api/tags").try_send().unwrap();
    assert_eq!((answer.status, headers["allow"].to_str().unwrap()), (405, "GET,HEAD"));
}

#[test]
fn the_page_is_shown_to_those_who_have_its_token() {
    let server = Server::with(&["--admin-token", "0123456789abcdef"]);
    let ada = server.register("ada");
    server.publish(&ada, "A", &[]);
    let page = |token: &str| server.get("/admin/log").header("authorization", &format!("Bearer {token}")).send();
    let shown = page("0123456789abcdef");
    assert_eq!(shown.status, 200);
    assert!(shown.body.as_str().unwrap().contains("publish"));
    assert_ne!(page("0123456789abcdeX").status, 200);
    assert_eq!(Server::start().get("/admin/log").send().status, 404);
}

#[test]
fn mistakes_at_the_start_are_explained() {
    let server = Server::start();
    let start = |arguments: &[&str]| {
        let output = conduit().args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let image = server.image();
    let image = image.to_str().unwrap();
    assert!(start(&["--image", image, "--addr", "127.0.0.1:0"]).contains("in use by pid"), "a second owner");
    let used = server.address.to_string();
    let other = server.directory().join("other");
    assert!(start(&["--image", other.to_str().unwrap(), "--addr", &used]).contains("in use"), "a used address");
    assert!(start(&["--follow", "/nowhere/at/all"]).contains("/nowhere/at/all"));
    assert!(start(&[]).contains("--image"));
    assert!(start(&["--image", image, "--admin-token", "short"]).contains("16 bytes"));
    assert!(start(&["--store", "postgres"]).contains("--database"));
}
