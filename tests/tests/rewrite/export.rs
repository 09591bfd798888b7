//! The parts of a rewritten image stay distinct in an export.

use std::sync::Arc;

use memimage::admin::{Export, Import};

use super::model_versions::second;
use super::{NEW, OLD, open, rewrite, source_image};

#[test]
fn parts_of_events_draw_the_same_random_values_after_an_export_and_an_import() {
    let disk = source_image(None);
    rewrite::<second::Desk>(&disk, OLD, NEW).unwrap();
    let mut lines = Vec::new();
    Export::new().run_with(Arc::new(disk.clone()), NEW, &mut lines).unwrap();
    let text = String::from_utf8(lines.clone()).unwrap();
    assert!(text.contains(r#""origin":{"seq":1,"part":2}"#), "{text}");
    Import::new().run_with(Arc::new(disk.clone()), &lines[..], "/copy").unwrap();
    let notes = |path| open::<second::Desk>(&disk, path).read_uncommitted().unwrap().notes.clone();
    assert_eq!(notes("/copy"), notes(NEW));
}
