//! The verb `browse`.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::bank::{Bank, bank};

fn browse(arguments: &[&str]) -> String {
    let arguments = ["memimage browse"].iter().chain(arguments).map(OsString::from);
    format!("{:?}", memimage_web::browse(None, arguments))
}

fn code(code: u8) -> String {
    format!("{:?}", ExitCode::from(code))
}

#[test]
fn an_address_for_other_machines_needs_a_token() {
    let directory = tempfile::tempdir().unwrap();
    drop(bank(&directory));
    let image = directory.path().join("bank.image");
    let image = image.to_str().unwrap();
    assert_eq!(browse(&[image, "--addr", "0.0.0.0:0"]), code(2));
    let token = directory.path().join("token");
    std::fs::write(&token, "short\n").unwrap();
    assert_eq!(browse(&[image, "--token-file", token.to_str().unwrap()]), code(2));
    assert_eq!(browse(&[image, "--token-file", "/none"]), code(3));
}

#[test]
fn wrong_arguments_and_help() {
    assert_eq!(browse(&[]), code(2));
    assert_eq!(browse(&["x", "--addr", "y"]), code(2));
    assert_eq!(browse(&["--help"]), code(0));
    assert_eq!(browse(&["/none"]), code(3));
    let with_model = memimage_web::browse_with::<Bank>(None, ["bank browse", "/none"].map(OsString::from));
    assert_eq!(format!("{with_model:?}"), code(3));
    let preset = |arguments: &[&str]| {
        let image = std::path::Path::new("/none");
        let arguments = ["bank admin browse"].iter().chain(arguments).map(OsString::from);
        format!("{:?}", memimage_web::browse_with::<Bank>(Some(image), arguments))
    };
    assert_eq!([preset(&[]), preset(&["--image", "/other"]), preset(&["/other"])], [code(3), code(3), code(3)]);
    assert_eq!(preset(&["--image", "/other", "/another"]), code(2));
}
