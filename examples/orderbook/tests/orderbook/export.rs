//! An image that was imported from an export.

use memimage::admin;

use crate::feed::BITSTAMP;
use crate::program::Program;

#[test]
fn an_imported_book_equals_the_exported_one_and_goes_on() {
    let (program, copy) = (Program::new(), Program::new());
    let feed = program.file("bitstamp.csv.gz", BITSTAMP);
    let counts = program.ingest(&feed, &["--limit", "1500"]);
    let mut lines = Vec::new();
    let exported = admin::export(program.image(), &mut lines).unwrap();
    assert_eq!((exported.seq.get(), exported.undecoded), (counts.seq, 0));
    admin::import(&lines[..], copy.image()).unwrap();
    assert_eq!(copy.book(), program.book());
    let mut again = Vec::new();
    admin::export(copy.image(), &mut again).unwrap();
    let events = |lines: &[u8]| lines.iter().position(|byte| *byte == b'\n').map(|end| lines[end..].to_vec()).unwrap();
    assert!(events(&again) == events(&lines), "the lines after the header differ");
    // both continue after the same row
    assert_eq!(copy.ingest(&feed, &[]), program.ingest(&feed, &[]));
    assert_eq!(copy.book(), program.book());
}
