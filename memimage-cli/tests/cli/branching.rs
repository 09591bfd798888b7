//! The verb `branch`: a copy of the history up to some moment.

use std::time::Duration;

use expect_test::expect;
use memimage::{Image, Key, Keys, Moment, Retention, Seq};

use crate::support::{Stock, StockCommands as _, command, create, record, run, shown};

#[test]
fn a_branch_has_the_events_up_to_its_end_and_its_program_opens_it() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    expect![[r#"
        branched the events up to 2 into DIR/before.image
    "#]]
    .assert_eq(&run(directory.path(), &["branch", "stock.image", "before.image", "--at", "2"]));
    let of = |image: &str| run(directory.path(), &["log", image, "--json", "--until", "2"]);
    assert_eq!(of("before.image"), of("stock.image"));
    assert!(run(directory.path(), &["check", "before.image"]).ends_with("\nsound\n"));

    let branch = Image::<Stock>::open(directory.path().join("before.image")).unwrap();
    let parent = memimage::Journal::<Stock>::open(directory.path().join("stock.image")).unwrap();
    let before = parent.at(Moment::Seq(Seq::new(2))).unwrap();
    assert_eq!(branch.query(|stock| stock.count("nail")).unwrap(), before.count("nail"));
    branch.remove("nail".to_owned(), 1).unwrap();
    assert_eq!(branch.journal().seq(), Seq::new(3), "the branch goes on with the next seq");
    Image::close(branch).unwrap();
}

#[test]
fn a_branch_of_all_events_beside_the_owner_as_json() {
    let directory = tempfile::tempdir().unwrap();
    let stock = Image::<Stock>::open(directory.path().join("stock.image")).unwrap();
    record(&stock);
    stock.journal().sync().unwrap();
    std::thread::sleep(Duration::from_millis(5));
    expect![[r#"
        {
          "path": "DIR/copy.image",
          "uuid": "UUID",
          "parent": "UUID",
          "seq": 4,
          "events": 4,
          "void": 0,
          "lost": []
        }
    "#]]
    .assert_eq(&run(directory.path(), &["branch", "stock.image", "copy.image", "--json"]));
    // the owner goes on
    stock.remove("nail".to_owned(), 1).unwrap();
    Image::close(stock).unwrap();
    let by_time = run(directory.path(), &["branch", "stock.image", "now.image", "--at", "0s ago"]);
    assert!(by_time.starts_with("branched the events up to 5 "), "{by_time}");
    let none = run(directory.path(), &["branch", "stock.image", "none.image", "--at", "0"]);
    assert!(none.starts_with("branched the events up to 0 "), "{none}");
    let empty = Image::<Stock>::open(directory.path().join("none.image")).unwrap();
    assert_eq!(empty.query(|stock| stock.count("nail")).unwrap(), 0);
    Image::close(empty).unwrap();
}

#[test]
fn void_events_stay_void_and_later_outcomes_may_differ() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stock.image");
    create(&path);
    // without the delivery, the removal of 30 nails was rejected
    let void = run(directory.path(), &["void", "stock.image", "1", "--reason", "a mistake", "--by", "ada", "--yes"]);
    assert!(!void.contains("exit code"), "{void}");
    let branched = run(directory.path(), &["branch", "stock.image", "copy.image"]);
    assert!(!branched.contains("exit code"), "{branched}");
    let voids = run(directory.path(), &["log", "copy.image", "--where", "void"]);
    assert_eq!(voids.lines().count(), 1, "{voids}");
    let check = run(directory.path(), &["check", "copy.image"]);
    assert!(check.ends_with("\nsound\n"), "{check}");
    let counts = |path: &str| {
        let stock = Image::<Stock>::open(directory.path().join(path)).unwrap();
        let counts = stock.query(|stock| ["nail", "nut"].map(|item| stock.count(item))).unwrap();
        Image::close(stock).unwrap();
        counts
    };
    assert_eq!(counts("copy.image"), counts("stock.image"));
    assert_eq!(counts("copy.image"), [0, 7]);
}

#[test]
fn a_branch_has_the_keys_of_its_parent() {
    let directory = tempfile::tempdir().unwrap();
    let keys = || Keys::new(3, |number| (number == 3).then(|| Key::new([0x5a; 32])));
    let stock = || Image::<Stock>::options().encryption(keys()).chain(keys());
    let image = stock().open(directory.path().join("stock.image")).unwrap();
    record(&image);
    Image::close(image).unwrap();
    let line = format!("3 {}", "5a".repeat(32));
    let protected = |arguments: &[&str]| {
        let mut command = command(directory.path(), arguments);
        command.env("MEMIMAGE_ENCRYPTION_KEYS", &line).env("MEMIMAGE_CHAIN_KEYS", &line);
        shown(directory.path(), &command.output().unwrap())
    };
    let branched = protected(&["branch", "stock.image", "copy.image", "--at", "3"]);
    assert!(branched.starts_with("branched the events up to 3 "), "{branched}");
    let without_keys = run(directory.path(), &["log", "copy.image"]);
    assert!(without_keys.contains("encrypted") && without_keys.ends_with("exit code: Some(3)\n"), "{without_keys}");
    assert_eq!(protected(&["log", "copy.image"]).lines().count(), 3);
    Image::close(stock().open(directory.path().join("copy.image")).unwrap()).unwrap();
}

#[test]
fn branches_that_cannot_be_made() {
    let directory = tempfile::tempdir().unwrap();
    create(&directory.path().join("stock.image"));
    std::fs::create_dir(directory.path().join("full")).unwrap();
    std::fs::write(directory.path().join("full/file"), "text").unwrap();
    let branch = |arguments: &[&str]| run(directory.path(), &[&["branch", "stock.image"], arguments].concat());
    for (arguments, message, code) in [
        (&["full"][..], "a directory that is not empty", 3),
        (&["stock.image/copy"], "a place inside the source image", 3),
        (
            &["copy", "--at", "5"],
            "event 5 is not in the journal of `DIR/stock.image`, whose last durable event is 4",
            3,
        ),
        (&["copy", "--at", "1999-01-01"], "the image was created at", 3),
        (&["copy", "--at", "yesterday"], "this is no moment", 2),
        (&[], "<DIRECTORY>", 2),
    ] {
        let output = branch(arguments);
        assert!(output.contains(message), "{arguments:?}: {output}");
        assert!(output.ends_with(&format!("exit code: Some({code})\n")), "{arguments:?}: {output}");
    }
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing is left: {names:?}");
}

#[test]
fn a_pruned_image_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let options = Image::<Stock>::options().segment_bytes(16 << 10).retention(Retention::Events(0));
    let stock = options.open(directory.path().join("stock.image")).unwrap();
    for _ in 0..4 {
        for _ in 0..100 {
            stock.remove("nail".to_owned(), 0).unwrap();
        }
        stock.admin().snapshot().unwrap();
    }
    Image::close(stock).unwrap();
    assert!(!run(directory.path(), &["info", "stock.image"]).contains("events       1 to"), "the image was pruned");
    for verb in
        [&["branch", "stock.image", "new.image"][..], &["rewrite", "stock.image", "new.image", "--drop-event", "x"]]
    {
        let output = run(directory.path(), verb);
        assert!(output.contains("its first events were pruned"), "{verb:?}: {output}");
        assert!(output.ends_with("exit code: Some(3)\n"), "{verb:?}: {output}");
    }
    assert!(!directory.path().join("new.image").exists());
}
