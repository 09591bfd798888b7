//! What `bank admin` shows of states, and of what changed them.

use expect_test::expect;

use crate::support::{admin, directory, json, shows};

#[test]
fn the_changes_of_an_account_say_which_event_changed_it_from_what_to_what() {
    let directory = directory();
    shows(
        &directory,
        &["changes", "accounts.7"],
        &expect![[r#"
            $ bank admin changes accounts.7
                   1  TIME  deposit {account: 7, amount: 100}
                      accounts.7: absent → 100
                   3  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 100 → 70
                   4  TIME  deposit {account: 7, amount: 100}
                      accounts.7: 70 → 170
                   6  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 170 → 140
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts.7", "--reverse", "--limit", "1"],
        &expect![[r#"
            $ bank admin changes accounts.7 --reverse --limit 1
                   6  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 170 → 140
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts", "--from", "2", "--until", "4"],
        &expect![[r#"
            $ bank admin changes accounts --from 2 --until 4
                   2  TIME  deposit {account: 8, amount: 20}
                      accounts.8: absent → 20
                   3  TIME  withdraw {account: 7, amount: 30}
                      accounts.7: 100 → 70
                   4  TIME  deposit {account: 7, amount: 100}
                      accounts.7: 70 → 170
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts.7", "--limit", "1", "--json"],
        &expect![[r#"
            $ bank admin changes accounts.7 --limit 1 --json
            {"event":{"seq":1,"time":"TIME","name":"deposit","version":1,"rejected":false,"void":false,"metadata":{},"payload":{"account":7,"amount":100}},"changes":[{"path":"accounts.7","after":100}]}
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts.7", "--from", "1000h ago", "--until", "1h ago"],
        &expect![[r#"
            $ bank admin changes accounts.7 --from 1000h ago --until 1h ago
            stderr: note: there is nothing at `accounts.7`: `accounts` has no entry `7` among its 0
        "#]],
    );
    assert_eq!(admin(&directory, &["changes", "accounts.7", "--from", "1h ago"]).lines().count(), 8);
    // the bank has accounts only
    assert_eq!(admin(&directory, &["changes", "accounts"]), admin(&directory, &["changes", ""]));
}

#[test]
fn a_path_that_leads_nowhere_is_told() {
    let directory = directory();
    shows(
        &directory,
        &["changes", "accounts.9"],
        &expect![[r#"
            $ bank admin changes accounts.9
            stderr: note: there is nothing at `accounts.9`: `accounts` has no entry `9` among its 2
        "#]],
    );
    shows(
        &directory,
        &["changes", "account.7"],
        &expect![[r#"
            $ bank admin changes account.7
            stderr: note: there is nothing at `account.7`: the value has no field `account`; it has accounts
        "#]],
    );
    shows(
        &directory,
        &["changes", "accounts..7"],
        &expect![[r#"
            $ bank admin changes accounts..7
            stderr: error: invalid value 'accounts..7' for '<PATH>': this is not a path: expected a field, a key, a number or a text in quotes
            stderr:   accounts..7
            stderr:            ^
            stderr:
            stderr: For more information, try '--help'.
            exit code: Some(2)
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts.9"],
        &expect![[r#"
            $ bank admin state accounts.9
            stderr: error: there is nothing at `accounts.9`: `accounts` has no entry `9` among its 2
            exit code: Some(3)
        "#]],
    );
    shows(
        &directory,
        &["diff", "1", "2", "accounts.9"],
        &expect![[r#"
            $ bank admin diff 1 2 accounts.9
            stderr: error: there is nothing at `accounts.9`: `accounts` has no entry `9` among its 1
            exit code: Some(3)
        "#]],
    );
}

#[test]
fn the_state_at_a_moment() {
    let directory = directory();
    shows(
        &directory,
        &["state"],
        &expect![[r#"
            $ bank admin state
            after event 6, TIME
            Bank
              accounts: 2 entries
                7: 140
                8: 40
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts.7", "--at", "1"],
        &expect![[r#"
            $ bank admin state accounts.7 --at 1
            after event 1, TIME
            100
        "#]],
    );
    shows(
        &directory,
        &["state", "--at", "0"],
        &expect![[r#"
            $ bank admin state --at 0
            before the first event
            Bank
              accounts: {}
        "#]],
    );
    shows(
        &directory,
        &["state", "--json", "--at", "5"],
        &expect![[r#"
            $ bank admin state --json --at 5
            {
              "accounts": {
                "7": 170,
                "8": 40
              }
            }
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts", "--limit", "1", "--offset", "1", "--at", "2"],
        &expect![[r#"
            $ bank admin state accounts --limit 1 --offset 1 --at 2
            after event 2, TIME
            2 entries
              … 1 before
              8: 20
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts", "--limit", "1"],
        &expect![[r#"
            $ bank admin state accounts --limit 1
            after event 6, TIME
            2 entries
              7: 140
              … 1 more
        "#]],
    );
    shows(
        &directory,
        &["state", "accounts", "--depth", "1", "--json"],
        &expect![[r#"
            $ bank admin state accounts --depth 1 --json
            {
              "7": 140,
              "8": 40
            }
        "#]],
    );
    shows(
        &directory,
        &["state", "--at", "7"],
        &expect![[r#"
            $ bank admin state --at 7
            stderr: error: event 7 is not in the journal of `DIR/bank.image`, whose last durable event is 6; help: ask for an event up to 6
            exit code: Some(3)
        "#]],
    );
    let early = admin(&directory, &["state", "--at", "1h ago"]);
    assert!(early.contains("the image was created at") && early.ends_with("exit code: Some(3)\n"), "{early}");
}

#[test]
fn the_difference_between_two_moments() {
    let directory = directory();
    shows(
        &directory,
        &["diff", "1", "6"],
        &expect![[r#"
            $ bank admin diff 1 6
            from event 1 to event 6
            accounts.7: 100 → 140
            accounts.8: absent → 40
            exit code: Some(1)
        "#]],
    );
    shows(
        &directory,
        &["diff", "6", "3", "accounts.7"],
        &expect![[r#"
            $ bank admin diff 6 3 accounts.7
            from event 6 to event 3
            accounts.7: 140 → 70
            exit code: Some(1)
        "#]],
    );
    shows(
        &directory,
        &["diff", "2", "3", "accounts.8"],
        &expect![[r#"
            $ bank admin diff 2 3 accounts.8
            from event 2 to event 3
            no difference
        "#]],
    );
    shows(
        &directory,
        &["diff", "0", "6", "--limit", "1"],
        &expect![[r#"
            $ bank admin diff 0 6 --limit 1
            from event 0 to event 6
            accounts.7: absent → 140
            … 1 more; help: --limit shows more
            exit code: Some(1)
        "#]],
    );
    shows(
        &directory,
        &["diff", "1", "6", "--json"],
        &expect![[r#"
            $ bank admin diff 1 6 --json
            {
              "before": 1,
              "after": 6,
              "differences": [
                {
                  "path": "accounts.7",
                  "before": 100,
                  "after": 140
                },
                {
                  "path": "accounts.8",
                  "after": 40
                }
              ],
              "unlisted": 0
            }
            exit code: Some(1)
        "#]],
    );
}

#[test]
fn equal_states_have_equal_digests() {
    let directory = directory();
    let digest = json(&directory, &["digest"]);
    assert_eq!(digest["seq"], 6);
    let text = admin(&directory, &["digest"]);
    assert_eq!(text, format!("{} after event 6\n", digest["digest"].as_str().unwrap()));
    assert_ne!(digest["digest"], json(&directory, &["digest", "--at", "5"])["digest"]);
    assert_eq!(digest["digest"], json(&directory, &["replay", "--dry-run"])["digest"]);
    assert_eq!(digest["digest"], json(&directory, &["rewrite", "new.image"])["digest"]);
    assert_eq!(digest, json(&directory, &["digest", "--image", "new.image"]));
}
