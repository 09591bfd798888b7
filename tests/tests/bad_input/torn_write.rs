//! A torn write that recovery must not report as damage.

use std::sync::mpsc;

use memimage::disk::{SimDisk, Unsynced};
use memimage::{Image, Model, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

use super::{DiskClone as _, ROOT};

/// A model with a command whose shape takes more than a sector.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "wide")]
struct Wide {
    filed: u64,
}

#[derive(Debug, Serialize, Deserialize, Shape)]
struct Form {
    a_question_with_a_rather_long_name_number_1: Option<u8>,
    a_question_with_a_rather_long_name_number_2: Option<u8>,
    a_question_with_a_rather_long_name_number_3: Option<u8>,
    a_question_with_a_rather_long_name_number_4: Option<u8>,
    a_question_with_a_rather_long_name_number_5: Option<u8>,
    a_question_with_a_rather_long_name_number_6: Option<u8>,
    a_question_with_a_rather_long_name_number_7: Option<u8>,
    a_question_with_a_rather_long_name_number_8: Option<u8>,
    a_question_with_a_rather_long_name_number_9: Option<u8>,
    a_question_with_a_rather_long_name_number_10: Option<u8>,
    a_question_with_a_rather_long_name_number_11: Option<u8>,
    a_question_with_a_rather_long_name_number_12: Option<u8>,
    rest: Vec<u8>,
}

#[memimage::commands]
impl Wide {
    #[command]
    fn fill_in(&mut self, form: Form) -> u64 {
        self.filed += form.rest.len() as u64;
        self.filed
    }
}

fn form() -> Form {
    Form {
        a_question_with_a_rather_long_name_number_1: None,
        a_question_with_a_rather_long_name_number_2: None,
        a_question_with_a_rather_long_name_number_3: None,
        a_question_with_a_rather_long_name_number_4: None,
        a_question_with_a_rather_long_name_number_5: None,
        a_question_with_a_rather_long_name_number_6: None,
        a_question_with_a_rather_long_name_number_7: None,
        a_question_with_a_rather_long_name_number_8: None,
        a_question_with_a_rather_long_name_number_9: None,
        a_question_with_a_rather_long_name_number_10: None,
        a_question_with_a_rather_long_name_number_11: None,
        a_question_with_a_rather_long_name_number_12: None,
        rest: vec![7; 1_000],
    }
}

/// Regression: a snapshot was made after the last event in a segment, and a power cut then cut the first frame of the next
/// segment after its header. Recovery began at that header and took the frame for a synced one.
#[test]
fn a_torn_first_frame_of_a_segment_after_a_snapshot_is_recovered() {
    let options = || Image::<Wide>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
    let mut cuts = 0;
    for events in 1..16 {
        let disk = SimDisk::new();
        let image = options().open_with(disk.shared(), ROOT).unwrap();
        (0..events).for_each(|_| _ = image.fill_in(form()).unwrap());
        image.admin().snapshot().unwrap();
        let (forks, observed) = mpsc::channel();
        disk.observe(move |operation, fork| _ = forks.send((operation.clone(), fork.clone())));
        image.fill_in(form()).unwrap();
        drop((image, disk));
        for (operation, fork) in observed {
            for mask in 0..8_usize {
                let cut = fork.crash(|unsynced| match unsynced {
                    Unsynced::Sector { index, .. } => mask & (1 << (index % 8).min(2)) != 0,
                    _ => true,
                });
                let image = options()
                    .open_with(cut.shared(), ROOT)
                    .unwrap_or_else(|error| panic!("{events}, {operation:?}, {mask:03b}: {error}"));
                let filed = image.query(|wide| wide.filed).unwrap();
                assert!(image.journal().seq().get() == events || image.journal().seq().get() == events + 1);
                assert_eq!(filed, image.journal().seq().get() * 1_000);
                cuts += 1;
            }
        }
    }
    assert!(cuts > 100, "{cuts}");
}
