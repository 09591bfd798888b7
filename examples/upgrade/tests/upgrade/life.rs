//! One image from the first stage to the last, whose programs are all killed.

use std::path::{Path, PathBuf};

use memimage::Image;
use tempfile::TempDir;
use upgrade::{PROGRAMS, Stage, stage1, stage2, stage3, stage4, stage5};

use crate::files::copy;

/// The output of stage 3 after a day of each stage up to it.
const SHOWN_BY_3: &str = "16 events: 16 replayed
card 1: Ada King, 550
card 2: Max Bell, 100
card 3: Grace Hopper, 950
card 4: Alan Turing, 1200
guest book: Strong espresso.
guest book: Cocoa at last.
guest book: I come every day.
";

/// The output of stage 5 after a day of each stage.
const SHOWN_BY_5: &str = "24 events: a snapshot of 19, and 5 replayed
card 1: Ada King, 550
card 2: Max Bell, 100
card 3: Grace Hopper, 950
card 4: Alan Turing, 1200
card 5: Mary Shelley, 440
card 6: Emmy Noether, 570
owed: 3810
guest book, card 6: Best in town.
";

/// An image whose programs never close it.
struct KilledImage {
    directory: TempDir,
    programs: usize,
}

impl KilledImage {
    /// The image as the last program left it.
    fn image(&self) -> PathBuf {
        self.directory.path().join(format!("{}.image", self.programs))
    }

    /// Runs a day of one stage, and copies the files as a kill would leave them for the next program.
    fn day<M: Stage>(&mut self) {
        let path = self.image();
        let running: Image<M> = Image::options().segment_bytes(16 << 10).open(&path).unwrap();
        M::day(&running).unwrap();
        self.programs += 1;
        copy(&path, &self.image());
    }
}

fn show(stage: usize, image: &Path) -> String {
    PROGRAMS[stage - 1].show(image).unwrap()
}

#[test]
fn an_image_can_be_used_through_all_stages() {
    let mut image = KilledImage { directory: tempfile::tempdir().unwrap(), programs: 0 };
    image.day::<stage1::Cafe>();
    image.day::<stage2::Cafe>();
    image.day::<stage3::Cafe>();
    assert_eq!(show(3, &image.image()), SHOWN_BY_3);
    image.day::<stage4::Cafe>();
    image.day::<stage5::Cafe>();
    assert_eq!(show(5, &image.image()), SHOWN_BY_5);

    // without the snapshot of stage 4, the complete journal is replayed to the same state
    std::fs::remove_dir_all(image.image().join("snapshot")).unwrap();
    assert_eq!(show(5, &image.image()).replace("24 replayed", "a snapshot of 19, and 5 replayed"), SHOWN_BY_5);
}
