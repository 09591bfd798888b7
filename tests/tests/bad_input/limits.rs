//! Payloads and options outside their limits.

use expect_test::expect;
use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image};
use memimage_tests::{LedgerCommands, LedgerDeposit, LedgerFile};

use super::{DiskClone as _, ROOT, assert_intact, assert_refused_untouched, check, options, state};

#[test]
fn a_payload_over_the_limit_is_refused() {
    let disk = SimDisk::new();
    let image = options().record_bytes_max(1_000).open_with(disk.shared(), ROOT).unwrap();
    for deposits in 1..4 {
        let before = state(&image);
        let error = image.file(vec![7; 1_000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RecordTooLarge);
        if deposits == 1 {
            check(
                &error,
                expect![
                    "the command `file` is too large: its record takes 1011 bytes, and the limit is 1000; nothing was recorded; help: split the command, or raise `options().record_bytes_max`"
                ],
            );
        }
        assert_eq!(
            image.submit(LedgerFile { bytes: vec![7; 100_000] }).map(drop).unwrap_err().kind(),
            ErrorKind::RecordTooLarge
        );
        assert_eq!(
            image.try_submit(LedgerFile { bytes: vec![7; 100_000] }).map(drop).unwrap_err().kind(),
            ErrorKind::RecordTooLarge
        );
        assert_eq!(state(&image), before);
        // a batch that is open at the same time is not affected
        let pending = image.submit(LedgerDeposit { account: 1, amount: 1 }).unwrap();
        assert_eq!(image.file(vec![7; 1_000]).unwrap_err().kind(), ErrorKind::RecordTooLarge);
        assert_eq!(pending.wait().unwrap(), deposits);
        image.file(vec![7; 900]).unwrap();
    }
    let state = state(&image);
    Image::close(image).unwrap();
    // the limit applies to new records only
    let image = options().record_bytes_max(10).open_with(disk.shared(), ROOT).unwrap();
    assert_eq!(image.file(vec![7; 900]).unwrap_err().kind(), ErrorKind::RecordTooLarge);
    Image::close(image).unwrap();
    assert_intact(&disk, 6, state);
}

#[test]
fn options_out_of_range_are_refused() {
    let disk = SimDisk::new();
    let mut texts = String::new();
    for options in [
        options().segment_bytes(8 << 10),
        options().segment_bytes((16 << 10) + 1),
        options().segment_bytes(2 << 30),
        options().segment_bytes(0),
        options().align_bytes(0),
        options().align_bytes(1024),
        options().batch_bytes(0),
        options().batch_bytes((1 << 30) + 1),
        options().pending_batches_max(0),
        options().record_bytes_max(0),
        options().record_bytes_max((1 << 30) + 1),
    ] {
        texts += &format!("{}\n", assert_refused_untouched(&disk, options));
    }
    expect![[r#"
        the option `segment_bytes` cannot be 8192: it must be a multiple of 4096 from 16 KiB to 1 GiB
        the option `segment_bytes` cannot be 16385: it must be a multiple of 4096 from 16 KiB to 1 GiB
        the option `segment_bytes` cannot be 2147483648: it must be a multiple of 4096 from 16 KiB to 1 GiB
        the option `segment_bytes` cannot be 0: it must be a multiple of 4096 from 16 KiB to 1 GiB
        the option `align_bytes` cannot be 0: it must be 8, 512 or 4096
        the option `align_bytes` cannot be 1024: it must be 8, 512 or 4096
        the option `batch_bytes` cannot be 0: it must be from 1 byte to 1 GiB
        the option `batch_bytes` cannot be 1073741825: it must be from 1 byte to 1 GiB
        the option `pending_batches_max` cannot be 0: it must be at least 1
        the option `record_bytes_max` cannot be 0: it must be from 1 byte to 1 GiB
        the option `record_bytes_max` cannot be 1073741825: it must be from 1 byte to 1 GiB
    "#]]
    .assert_eq(&texts);
    for options in [
        options().segment_bytes(1 << 30),
        options().align_bytes(8),
        options().batch_bytes(1),
        options().pending_batches_max(1),
        options().record_bytes_max(1 << 30),
    ] {
        options.in_memory().unwrap();
    }
}

/// A command with a recursive argument.
mod nested {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape)]
    pub(crate) struct Chain {
        pub(crate) next: Option<Box<Chain>>,
    }

    impl Chain {
        pub(crate) fn of(links: usize) -> Chain {
            let mut chain = Chain::default();
            for _ in 1..links {
                chain = Chain { next: Some(Box::new(chain)) };
            }
            chain
        }
    }

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(crate) struct Chains {
        pub(crate) taken: u32,
    }

    #[memimage::commands]
    impl Chains {
        #[command]
        pub(crate) fn take(&mut self, chain: Chain) {
            self.taken += 1;
            drop(chain);
        }
    }
}

#[test]
fn a_payload_nested_too_deep_is_refused_before_it_is_recorded() {
    use nested::{Chain, Chains, ChainsCommands as _};

    let chains = Image::<Chains>::in_memory().unwrap();
    chains.take(Chain::of(60)).unwrap();
    let error = chains.take(Chain::of(200)).unwrap_err().to_string();
    assert!(error.contains("`take`") && error.contains("nested too deep"), "{error}");
    assert_eq!((chains.journal().seq().get(), chains.read_uncommitted().unwrap().taken), (1, 1));
    chains.take(Chain::of(1)).unwrap();
}
