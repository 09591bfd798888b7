//! Hosts, tokens, and the headers that bind the browser.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use memimage_web::Page;

use crate::bank::bank;
use crate::client::{any_page, get, page, request, send};

const TOKEN: &str = "a token of 24 characters";
const PAGES: [&str; 9] =
    ["/log", "/event?seq=1", "/state", "/diff", "/changes", "/shapes", "/health", "/live", "/none"];

#[tokio::test]
async fn every_answer_has_a_strict_policy() {
    for address in ["/log", "/none", "/event?seq=x", "/style.css", "/script.js", "/", "/login"] {
        let answer = any_page(address).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{address}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{address}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{address}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{address}");
    }
}

#[tokio::test]
async fn no_page_loads_anything_from_another_host_or_has_inline_code() {
    for address in
        ["/log", "/event?seq=6", "/state", "/diff", "/changes?path=accounts.7", "/shapes", "/health", "/login"]
    {
        let answer = page(address).await;
        answer.assert_has_not("://");
        answer.assert_has_not("style=");
        answer.assert_has_not("<style");
        answer.assert_has_not(" onerror=\"");
        assert_eq!(answer.body.matches("<script").count(), 1, "{}", answer.body);
    }
}

#[tokio::test]
async fn hostile_texts_are_escaped_on_every_page() {
    let pages =
        ["/log", "/event?seq=6", "/state?path=notes", "/diff?to=6", "/changes?path=notes", "/state?path=notes.0"];
    for address in pages {
        let answer = page(address).await;
        answer.assert_has("&lt;script&gt;");
        answer.assert_has_not("<script>");
        answer.assert_has_not("<img");
    }
    for parameter in ["text", "name", "actor", "where", "from", "until"] {
        any_page(&format!("/log?{parameter}=%22%3E%3Cscript%3E")).await.assert_has_not("<script>");
    }
    for address in ["/state?path=%3Cscript%3E", "/state?at=%3Cscript%3E", "/event?seq=%3Cscript%3E", "/%3Cscript%3E"] {
        let answer = any_page(address).await;
        assert!(answer.status.is_client_error(), "{address}: {}", answer.status);
        answer.assert_has_not("<script>");
    }
}

#[tokio::test]
async fn a_request_to_another_host_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let journal = bank.journal().clone();
    let router = memimage_web::router(journal.clone());
    let to = |host: &str| Request::builder().uri("/log").header("host", host).body(Body::empty()).unwrap();
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "10.0.0.1"] {
        let answer = send(&router, to(host)).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
        answer.assert_has_not("deposit");
    }
    for host in ["localhost", "localhost:1", "127.0.0.1", "[::1]:80"] {
        assert_eq!(send(&router, to(host)).await.status, StatusCode::OK, "{host}");
    }
    let without = Request::builder().uri("/log").body(Body::empty()).unwrap();
    assert_eq!(send(&router, without).await.status, StatusCode::MISDIRECTED_REQUEST);

    let named = Page::new(&journal).host("bank.example").router();
    assert_eq!(send(&named, to("bank.example:443")).await.status, StatusCode::OK);
    assert_eq!(send(&named, to("evil.example")).await.status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(send(&Page::new(&journal).any_host().router(), to("evil.example")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_page_needs_the_token() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = Page::new(&bank.journal()).token(TOKEN).router();
    let with = |header: &str, value: &str| {
        let mut request = request("/log");
        request.headers_mut().insert(axum::http::HeaderName::try_from(header).unwrap(), value.parse().unwrap());
        request
    };
    for address in PAGES {
        let answer = get(&router, address).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{address}");
        answer.assert_has_not("deposit");
    }
    assert_eq!(send(&router, with("authorization", &format!("Bearer {TOKEN}"))).await.status, StatusCode::OK);
    for wrong in ["", "Bearer ", "Bearer a token of 24 characterz", &format!("Bearer {TOKEN} "), TOKEN] {
        // the header's own white space at the end is no part of the value
        let expected = if wrong.ends_with(' ') && wrong.len() > 20 { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        let status = send(&router, with("authorization", wrong.trim_end())).await.status;
        assert_eq!(status, expected, "{wrong}");
    }
    let token_as_cookie = with("cookie", &format!("memimage_session={}", TOKEN.replace(' ', "_")));
    assert_eq!(send(&router, token_as_cookie).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&router, &format!("/log?token={}", TOKEN.replace(' ', "+"))).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_form_takes_the_token_and_sets_a_cookie_that_does_not_hold_it() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = Page::new(&bank.journal()).token(TOKEN).router();
    let login = |token: &str, next: &str| {
        let form = format!("token={}&next={next}", token.replace(' ', "+"));
        let request = Request::builder().method(Method::POST).uri("/login").header("host", "127.0.0.1:8080");
        request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(form)).unwrap()
    };
    get(&router, "/event?seq=5").await.assert_has("name=\"next\" value=\"event?seq=5\"");
    let answer = send(&router, login("wrong", "log")).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));

    let answer = send(&router, login(TOKEN, "event%3Fseq%3D5")).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "event?seq=5"));
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("memimage_session_8080="), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax") && !cookie.contains("token"), "{cookie}");
    let mut with_cookie = request("/event?seq=5");
    with_cookie
        .headers_mut()
        .insert("cookie", format!("other=1; {}", cookie.split(';').next().unwrap()).parse().unwrap());
    send(&router, with_cookie).await.assert_has("teller 1");

    for elsewhere in
        ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%5C%5Cevil", "log%0D%0Ax%3Ay", "javascript%3A1", ""]
    {
        let answer = send(&router, login(TOKEN, elsewhere)).await;
        assert_eq!(answer.header("location"), "log", "{elsewhere}");
    }
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = memimage_web::router(bank.journal().clone());
    let check = |origin: &str| {
        let request = Request::builder().method(Method::POST).uri("/check").header("host", "localhost:80");
        request.header("origin", origin).body(Body::empty()).unwrap()
    };
    for origin in ["https://evil.example", "null", "http://localhost:81"] {
        assert_eq!(send(&router, check(origin)).await.status, StatusCode::FORBIDDEN, "{origin}");
    }
    assert_eq!(send(&router, check("http://localhost:80")).await.status, StatusCode::SEE_OTHER);

    // what the browser says about the site takes precedence
    let from = |site: &str, origin: &str| {
        let mut request = check(origin);
        request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        request
    };
    for (site, origin) in [("same-origin", "http://localhost:80"), ("none", "null")] {
        assert_eq!(send(&router, from(site, origin)).await.status, StatusCode::SEE_OTHER, "{site}");
    }
    for site in ["cross-site", "same-site", "", "other"] {
        assert_eq!(send(&router, from(site, "http://localhost:80")).await.status, StatusCode::FORBIDDEN, "{site}");
    }
}

#[test]
#[should_panic(expected = "at least 16 bytes")]
fn a_short_token_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(Page::new(&bank(&directory).journal()).token("short"));
}
