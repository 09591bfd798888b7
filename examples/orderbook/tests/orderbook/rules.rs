//! The effect of each row on the book.

use crate::feed::HEADER;
use crate::program::Program;

/// Applies rows of the form `id price volume action direction`, and compares the output of `best`.
#[track_caller]
fn check(rows: &[&str], refused: u64, orders: u64, bid: &str, ask: &str) {
    let program = Program::new();
    let mut feed = HEADER.to_owned();
    for row in rows {
        let row: Vec<&str> = row.split(' ').collect();
        feed += &format!("{},0,0,{},{},{},{}\n", row[0], row[1], row[2], row[3], row[4]);
    }
    let counts = program.ingest(&program.file("feed.csv", feed), &[]);
    assert_eq!(counts.refused, refused);
    let best = format!("{{\"seq\":{},\"orders\":{orders},\"bid\":{bid},\"ask\":{ask}}}\n", counts.applied);
    assert_eq!(program.run("best", &[]), best);
}

#[test]
fn a_book_without_rows_is_empty() {
    check(&[], 0, 0, "null", "null");
}

#[test]
fn orders_at_one_price_add_up() {
    let rows = ["1 10.0 0.5 created bid", "2 10.00 1e-08 created bid", "3 9.99 7 created bid"];
    check(&rows, 0, 3, "[1000,50000001,2]", "null");
}

#[test]
fn best_is_the_highest_bid_and_the_lowest_ask_even_if_they_cross() {
    let rows = ["1 10 1 created bid", "2 11 1 created bid", "3 9 1 created ask", "4 10 1 created ask"];
    check(&rows, 0, 4, "[1100,100000000,1]", "[900,100000000,1]");
}

#[test]
fn created_is_refused_if_the_order_is_open_or_has_no_volume() {
    let rows = ["1 10 1 created ask", "1 11 1 created bid", "2 10 0.0 created bid"];
    check(&rows, 2, 1, "null", "[1000,100000000,1]");
}

#[test]
fn changed_replaces_price_and_volume_and_keeps_the_side() {
    let rows = ["1 10 1 created bid", "2 10 1 created bid", "1 9 0.5 changed ask", "2 8 3 changed bid"];
    check(&rows, 0, 2, "[900,50000000,1]", "null");
}

#[test]
fn changed_is_refused_if_the_order_is_not_open_or_has_no_volume() {
    let rows = ["1 10 1 created bid", "2 10 1 changed bid", "1 12 0 changed bid"];
    check(&rows, 2, 1, "[1000,100000000,1]", "null");
}

#[test]
fn deleted_ignores_price_and_volume_and_is_refused_if_the_order_is_not_open() {
    let rows = ["1 10 1 created bid", "1 99 0.0 deleted ask", "1 10 1 deleted bid"];
    check(&rows, 1, 0, "null", "null");
}

#[test]
fn an_order_may_be_created_again_after_it_was_deleted() {
    let rows = ["1 10 1 created bid", "1 10 1 deleted bid", "1 12 2 created ask"];
    check(&rows, 0, 1, "null", "[1200,200000000,1]");
}

#[test]
fn totals_do_not_overflow() {
    let rows = ["1 1 184467440737.09551615 created bid", "2 1 184467440737.09551615 created bid"];
    check(&rows, 0, 2, "[100,36893488147419103230,2]", "null");
}
