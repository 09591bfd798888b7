//! One image from the first stage to the last. Each program is killed.

use std::path::{Path, PathBuf};

use memimage::Image;
use tempfile::TempDir;
use upgrade::{PROGRAMS, Stage, stage1, stage2, stage3, stage4, stage5};

use crate::files::copy;

/// What the third stage finds after a day of each stage up to it.
const OF_THREE: &str = "16 events: 16 replayed
card 1: Ada King, 550
card 2: Max Bell, 100
card 3: Grace Hopper, 950
card 4: Alan Turing, 1200
guest book: Strong espresso.
guest book: Cocoa at last.
guest book: I come every day.
";

/// What the last stage finds after a day of each stage.
const OF_FIVE: &str = "24 events: a snapshot of 19, and 5 replayed
card 1: Ada King, 550
card 2: Max Bell, 100
card 3: Grace Hopper, 950
card 4: Alan Turing, 1200
card 5: Mary Shelley, 440
card 6: Emmy Noether, 570
owed: 3810
guest book, card 6: Best in town.
";

/// An image that was written by programs which never got to close it.
struct Life {
    directory: TempDir,
    programs: usize,
}

impl Life {
    /// The image as the last program left it.
    fn image(&self) -> PathBuf {
        self.directory.path().join(format!("{}.image", self.programs))
    }

    /// A day of one stage's program, which is killed at its end: the next one finds what is in the files then.
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
fn an_image_lives_through_all_stages() {
    let mut life = Life { directory: tempfile::tempdir().unwrap(), programs: 0 };
    life.day::<stage1::Cafe>();
    life.day::<stage2::Cafe>();
    life.day::<stage3::Cafe>();
    assert_eq!(show(3, &life.image()), OF_THREE);
    life.day::<stage4::Cafe>();
    life.day::<stage5::Cafe>();
    assert_eq!(show(5, &life.image()), OF_FIVE);

    // without the snapshot of stage 4 all is replayed, to the same state
    std::fs::remove_dir_all(life.image().join("snapshot")).unwrap();
    assert_eq!(show(5, &life.image()).replace("24 replayed", "a snapshot of 19, and 5 replayed"), OF_FIVE);
}
