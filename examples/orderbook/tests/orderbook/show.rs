//! The output of `depth` and `best`, which create no image.

use crate::feed::HEADER;
use crate::program::Program;

#[test]
fn depth_shows_the_best_prices_first() {
    let program = Program::new();
    let rows = "1,0,0,78383.0,0.32130851,created,bid\n2,0,0,78333.0,0.24148480,created,ask\n\
                3,0,0,78384.5,12.0,created,bid\n4,0,0,78384.5,1.0,created,bid\n5,0,0,1.0,1e-08,created,bid\n";
    program.ingest(&program.file("feed.csv", HEADER.to_owned() + rows), &[]);
    let expected = "\
orders           volume           bid |           ask           volume orders
     2      13.00000000      78384.50 |      78333.00       0.24148480      1
     1       0.32130851      78383.00 |
";
    assert_eq!(program.run("depth", &["--levels", "2"]), expected);
    assert_eq!(program.run("depth", &["--levels", "9"]).lines().count(), 4);
    program.fail("depth", &["--levels", "0"]);
}

#[test]
fn a_mistyped_image_is_an_error_and_is_not_created() {
    let program = Program::new();
    for (verb, words) in [("best", &[][..]), ("depth", &["--levels", "3"])] {
        let error = program.fail(verb, words);
        assert!(error.contains("there is no image at") && error.contains("book.image"), "{error}");
        assert!(!program.image().exists());
    }
}
