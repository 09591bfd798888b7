//! The router below a path of another program.

use axum::Router;
use axum::http::StatusCode;
use memimage_web::Page;

use crate::bank::{Bank, bank};
use crate::client::get;

#[tokio::test]
async fn a_nested_router_leads_to_its_own_pages() {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    for (prefix, location) in [("/admin/bank", "bank/log"), ("/admin/bank/", "log")] {
        let router = Router::new().nest(prefix, memimage_web::router::<Bank>(bank.journal().clone()));
        let answer = get(&router, prefix).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, location), "{prefix}");
        // with a token, too: the form for it must be beside the other pages
        let page = Page::new(&bank.journal()).token("0123456789abcdef");
        let router = Router::new().nest_service("/admin/bank", page.router());
        let answer = get(&router, prefix).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, location), "{prefix}");
        assert_eq!(get(&router, "/admin/bank/log").await.status, StatusCode::UNAUTHORIZED);
    }
    let router = Router::new().nest_service("/admin/bank", memimage_web::router::<Bank>(bank.journal().clone()));
    let log = get(&router, "/admin/bank/log").await;
    assert_eq!(log.seqs().len(), 6);
    for attribute in ["href=\"/", "src=\"/", "action=\"/"] {
        log.assert_has_not(attribute);
    }
    assert_eq!(get(&router, "/admin/bank/style.css").await.status, StatusCode::OK);
    let missing = get(&router, "/admin/bank/none").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    missing.assert_has("There is no page /none.");
    let alone = memimage_web::router::<Bank>(bank.journal().clone());
    assert_eq!(get(&alone, "/").await.header("location"), "log");
}
