//! Past versions of a payload in a separate crate, as in a large program.

use memimage::Shape;
use serde::Deserialize;

/// Version 1: only a name.
#[derive(Deserialize, Shape)]
pub struct SignV1 {
    name: String,
}

/// Version 2: with an optional page.
#[derive(Deserialize, Shape)]
pub struct SignV2 {
    /// The name of the signer.
    pub name: String,
    /// The signed page.
    pub page: Option<u32>,
}

#[memimage::upcast]
fn sign_1_to_2(old: SignV1) -> SignV2 {
    SignV2 { name: old.name, page: None }
}
