//! Past versions in a crate of their own, as a large program keeps them.

use memimage::Shape;
use serde::Deserialize;

/// A name alone.
#[derive(Deserialize, Shape)]
pub struct SignV1 {
    name: String,
}

/// Perhaps with a page.
#[derive(Deserialize, Shape)]
pub struct SignV2 {
    /// Who signed.
    pub name: String,
    /// Where.
    pub page: Option<u32>,
}

#[memimage::upcast]
fn sign_1_to_2(old: SignV1) -> SignV2 {
    SignV2 { name: old.name, page: None }
}
