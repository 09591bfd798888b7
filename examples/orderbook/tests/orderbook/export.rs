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
    // the header names another image, and the checksum in the last line covers the header
    let [again, lines] = [again, lines].map(|export| String::from_utf8(export).unwrap());
    let between = |export: &str| {
        export.lines().skip(1).filter(|line| !line.contains("\"checksum\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(between(&again).len() as u64 > exported.events);
    assert!(between(&again) == between(&lines), "the lines between header and end differ");
    // both continue after the same row
    assert_eq!(copy.ingest(&feed, &[]), program.ingest(&feed, &[]));
    assert_eq!(copy.book(), program.book());
}
