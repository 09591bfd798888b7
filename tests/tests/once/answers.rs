//! The answers that a retry gets, and the errors if there is none.

use std::collections::HashMap;

use memimage::{CommandError, ErrorKind, Image, Metadata, Seq};
use memimage_tests::block_on;

use super::{
    Declined, Receipt, RefundsCommands as _, SalesCommands as _, Till, TillPay, TillSell, Unstorable, assert_error, ran,
};

fn till() -> Image<Till> {
    Image::in_memory().unwrap()
}

#[test]
fn a_retry_gets_the_first_answer_and_executes_nothing() {
    let till = till();
    let first = till.once("a").sell(7, 2).unwrap();
    till.sell(7, 1).unwrap();
    assert_eq!(till.once("a").sell(7, 2).unwrap(), first);
    assert_eq!(first, Receipt { number: 1, items: vec![7, 7] });
    assert_eq!((ran(&till), till.journal().seq()), (2, Seq::new(2)));
    assert_eq!(till.once("b").sell(7, 2).unwrap().number, 3, "another key");
}

#[test]
fn a_rejection_is_remembered_like_an_answer() {
    let till = till();
    for _ in 0..3 {
        assert_eq!(till.once("a").pay(500), Err(CommandError::Refused(Declined(500))));
    }
    assert_eq!(till.query(|till| till.declined).unwrap(), 1);
    assert_eq!(till.once("b").pay(50).unwrap(), 50);
    assert_eq!(till.once("b").pay(50).unwrap(), 50);
}

#[test]
fn a_refusal_by_a_check_leaves_no_trace() {
    let till = till();
    assert!(matches!(till.once("a").refund(30), Err(CommandError::Refused(_))));
    assert_eq!(till.journal().seq(), Seq::ZERO);
    till.pay(100).unwrap();
    assert_eq!(till.once("a").refund(30).unwrap(), 70, "the retry is judged anew");
    // now the check would refuse it
    till.refund(60).unwrap();
    assert_eq!(till.once("a").refund(30).unwrap(), 70);
    assert_eq!(till.query(|till| till.cents).unwrap(), 10);
}

#[test]
fn the_metadata_has_the_key() {
    let till = till();
    till.once("a").sell(1, 1).unwrap();
    till.with(Metadata::actor("clerk")).once("b").sell(1, 1).unwrap();
    till.with(Metadata::actor("clerk")).sell(1, 1).unwrap();
    let keys = till.query(|till| till.keys.clone()).unwrap();
    assert_eq!(keys, [Some("a".to_owned()), Some("b".to_owned()), None]);
    // a retry may have other metadata, or get the key in another way
    let metadata = Metadata::actor("another clerk").entry(Metadata::REQUEST, "b");
    assert_eq!(till.with(metadata).sell(1, 1).unwrap().number, 2);
    assert_eq!(
        till.with(Metadata::new().entry(Metadata::REQUEST, "a")).once("b").sell(1, 1).unwrap().number,
        2,
        "the last key counts"
    );
}

#[test]
fn a_key_of_another_request_is_an_error() {
    let till = till();
    till.sell(1, 1).unwrap();
    till.once("a").sell(7, 2).unwrap();
    let error = till.once("a").sell(7, 3).unwrap_err();
    assert_error(&error, ErrorKind::RequestKeyReused, 2, "\"a\"");
    assert!(error.to_string().contains("the command `sell` had other arguments"), "{error}");
    let error = till.once("a").explode(true).unwrap_err();
    assert_error(&error, ErrorKind::RequestKeyReused, 2, "it was the command `sell`, and this is `explode`");
    let Err(CommandError::Image(error)) = till.once("a").refund(0) else { panic!("of another group") };
    assert_error(&error, ErrorKind::RequestKeyReused, 2, "this is `refund`");
    assert_eq!((ran(&till), till.journal().seq()), (2, Seq::new(2)));
    assert_eq!(till.once("a").sell(7, 2).unwrap().number, 2, "the request is still remembered");
}

/// The order of a hash map differs from map to map, so the encoding of its entries does too.
#[test]
fn the_order_of_a_hash_map_is_no_difference() {
    let till = till();
    let names = || (0..50).map(|n| (format!("name {n}"), n)).collect::<HashMap<_, _>>();
    for _ in 0..20 {
        assert_eq!(till.once("a").label(names()).unwrap(), 50);
    }
    assert_eq!(ran(&till), 1);
    let mut other = names();
    other.insert("name 7".to_owned(), 8);
    assert_eq!(till.once("a").label(other).unwrap_err().kind(), ErrorKind::RequestKeyReused);
}

#[test]
fn an_answer_that_cannot_be_stored_is_given_once() {
    let till = till();
    assert_eq!(till.once("a").ring().unwrap(), Unstorable);
    assert_error(&till.once("a").ring().unwrap_err(), ErrorKind::AlreadyExecuted, 1, "`Serialize`");
    assert_eq!(till.once("b").name().unwrap(), "till");
    assert_error(&till.once("b").name().unwrap_err(), ErrorKind::AlreadyExecuted, 2, "executed already, as event 2");
}

#[test]
fn a_long_answer_is_not_remembered() {
    let till = till();
    let longest = (64 << 10) - 3; // after the length of the string
    for _ in 0..2 {
        assert_eq!(till.once("a").print(longest).unwrap().len(), longest as usize);
    }
    till.once("b").print(longest + 1).unwrap();
    assert_error(&till.once("b").print(longest + 1).unwrap_err(), ErrorKind::AlreadyExecuted, 2, "64 KiB");
    assert_eq!(ran(&till), 2);
}

#[test]
fn a_key_may_have_any_characters() {
    let till = till();
    let keys = [" ", "\0", "\n", "a\"b", "ключ 🔑", "A", "a", "../..", &"é".repeat(127), &"x".repeat(255)];
    for (key, number) in keys.into_iter().zip(1..) {
        assert_eq!(till.once(key).sell(1, 1).unwrap().number, number);
    }
    for (key, number) in keys.into_iter().zip(1..) {
        assert_eq!(till.once(key).sell(1, 1).unwrap().number, number, "{key:?}");
    }
}

#[test]
fn an_empty_or_long_key_is_an_error() {
    let till = till();
    for (key, text) in
        [(String::new(), "`sell` is empty"), ("é".repeat(128), "`sell` has 256 bytes, and the limit is 255")]
    {
        let error = till.once(key.clone()).sell(1, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequestKey);
        assert!(error.to_string().contains(text), "{error}");
        let entry = till.with(Metadata::new().entry(Metadata::REQUEST, key)).sell(1, 1);
        assert_eq!(entry.unwrap_err().kind(), ErrorKind::InvalidRequestKey);
    }
    assert_eq!(till.journal().seq(), Seq::ZERO);
}

#[test]
fn each_way_to_call_a_command_knows_its_key() {
    let till = till();
    let sell = || TillSell { item: 3, count: 1 };
    let first = till.once("a").submit(sell()).unwrap();
    assert_eq!((first.seq(), first.wait().unwrap().number), (Some(Seq::new(1)), 1));
    till.sell(1, 1).unwrap();
    let once = till.once("a");
    for pending in [once.submit(sell()).unwrap(), once.try_submit(sell()).unwrap()] {
        assert_eq!((pending.seq(), pending.wait().unwrap().number), (Some(Seq::new(1)), 1));
    }
    assert_eq!(block_on(once.execute_async(sell())).unwrap().number, 1);
    let pending = block_on(once.submit_async(sell())).unwrap();
    assert_eq!((pending.seq(), block_on(pending).unwrap().number), (Some(Seq::new(1)), 1));
    let rejected = till.once("b");
    assert_eq!(block_on(rejected.execute_async(TillPay { cents: 101 })), Err(CommandError::Refused(Declined(101))));
    assert_eq!(block_on(rejected.execute_async(TillPay { cents: 101 })), Err(CommandError::Refused(Declined(101))));
    let other = till.once("b").submit(sell()).unwrap();
    assert_eq!(other.seq(), None, "nothing was executed");
    assert_eq!(other.wait().unwrap_err().kind(), ErrorKind::RequestKeyReused);
    assert_eq!(ran(&till), 3);
}

#[test]
fn the_window_counts_events() {
    let till = Image::<Till>::options().remember(3).in_memory().unwrap();
    assert_eq!(till.once("a").sell(1, 1).unwrap().number, 1);
    till.sell(1, 1).unwrap();
    till.sell(1, 1).unwrap();
    assert_eq!(till.once("a").sell(1, 1).unwrap().number, 1, "the third event");
    till.sell(1, 1).unwrap();
    assert_eq!(till.once("a").sell(1, 1).unwrap().number, 5, "forgotten, so executed again");
    assert_eq!(till.once("a").sell(1, 1).unwrap().number, 5);
    let error = Image::<Till>::options().remember(0).in_memory().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOption);
}
