//! Requests to a router.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::bank::{Bank, bank};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The seqs of the events in the log.
    pub(crate) fn seqs(&self) -> Vec<u64> {
        let links = self.body.split("class=\"seq\" href=\"event?seq=").skip(1);
        links.map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
    }

    pub(crate) fn assert_has(&self, text: &str) {
        assert!(self.body.contains(text), "`{text}` is not in {} {}", self.status, self.body);
    }

    pub(crate) fn assert_has_not(&self, text: &str) {
        assert!(!self.body.contains(text), "`{text}` is in {} {}", self.status, self.body);
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

pub(crate) async fn get(router: &Router, address: &str) -> Answer {
    send(router, request(address)).await
}

/// A request to this machine.
pub(crate) fn request(address: &str) -> Request<Body> {
    Request::builder().uri(address).header("host", "127.0.0.1:8080").body(Body::empty()).unwrap()
}

/// A page of the [`bank`], which must succeed.
pub(crate) async fn page(address: &str) -> Answer {
    let answer = any_page(address).await;
    assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.body);
    answer
}

/// A page of the [`bank`], or an error.
pub(crate) async fn any_page(address: &str) -> Answer {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    get(&memimage_web::router::<Bank>(bank.journal().clone()), address).await
}
