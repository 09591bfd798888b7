//! Encrypted and chained images.

use memimage::{Image, Key, Keys};

use crate::support::{Stock, command, record, run, shown};

const KEY: [u8; 32] = [0x5a; 32];

fn hex(key: [u8; 32]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn keys_come_from_a_file_or_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let keys = || Keys::new(3, |number| (number == 3).then(|| Key::new(KEY)));
    let stock =
        Image::<Stock>::options().encryption(keys()).chain(keys()).open(directory.path().join("stock.image")).unwrap();
    record(&stock);
    Image::close(stock).unwrap();

    let without = run(directory.path(), &["log", "stock.image"]);
    assert!(without.contains("encrypted") && without.contains("--encryption-keys"), "{without}");
    assert!(without.ends_with("exit code: Some(3)\n"), "{without}");

    std::fs::write(directory.path().join("keys"), format!("# the keys\n3 {}\n", hex(KEY))).unwrap();
    let arguments = ["log", "stock.image", "--encryption-keys", "keys", "--chain-keys", "keys"];
    let log = run(directory.path(), &arguments);
    assert_eq!(log.lines().count(), 4, "{log}");

    let mut by_environment = command(directory.path(), &["log", "stock.image"]);
    let line = format!("3 {}", hex(KEY));
    by_environment.env("MEMIMAGE_ENCRYPTION_KEYS", &line).env("MEMIMAGE_CHAIN_KEYS", &line);
    assert_eq!(shown(directory.path(), &by_environment.output().unwrap()), log);

    for (text, message) in [
        (format!("3 {}", hex([1; 32])), "key"),
        ("3 5a".to_owned(), "line 1: this is no key"),
        (hex(KEY), "line 1: there is no key after the number"),
        ("# nothing".to_owned(), "there is no key"),
    ] {
        std::fs::write(directory.path().join("keys"), text).unwrap();
        let output = run(directory.path(), &arguments);
        assert!(output.contains(message) && output.contains("exit code"), "{message}: {output}");
        assert!(!output.contains(&hex(KEY)), "the key is shown: {output}");
    }
}
