//! A bank whose pages are served at an address.

use memimage::Image;
use memimage_web::Page;
use tempfile::TempDir;

use crate::bank::{Bank, bank};

/// An image, and the address of its pages.
pub(crate) struct Served {
    pub(crate) bank: Image<Bank>,
    pub(crate) address: String,
    _runtime: tokio::runtime::Runtime,
    _directory: TempDir,
}

pub(crate) fn served() -> Served {
    served_with(|page| page)
}

/// Like [`served`], with options of the pages.
pub(crate) fn served_with(options: impl FnOnce(Page) -> Page) -> Served {
    let directory = tempfile::tempdir().unwrap();
    let bank = bank(&directory);
    let router = axum::Router::new().nest_service("/admin", options(Page::new(&bank.journal())).router());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = format!("http://{}/admin", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, router).await });
    Served { bank, address, _runtime: runtime, _directory: directory }
}
