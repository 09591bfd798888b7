//! Images of another model, and images in a newer format.

use expect_test::expect;
use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Model, Shape};
use memimage_tests::frames::frames;
use serde::{Deserialize, Serialize};

use super::{
    DiskClone as _, ROOT, assert_intact, assert_refused, assert_refused_through, check, ledger, open, patch_frame,
    patch_header, remove, segment, snapshot,
};

#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "shop")]
struct Shop {
    sold: u64,
}

#[memimage::commands]
impl Shop {
    #[command]
    fn sell(&mut self) -> u64 {
        self.sold += 1;
        self.sold
    }
}

#[test]
fn an_image_of_another_model_is_refused() {
    let (disk, state) = ledger(20, &[10]);
    let error = assert_refused_through(&disk, &disk, Image::<Shop>::options());
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    check(
        &error,
        expect![[
            r#"the image `/ledger` belongs to the model `Ledger`, not to `shop`; nothing was changed; help: open the image with the program of its model, or, if the model was renamed, write `#[model(name = "Ledger")]`"#
        ]],
    );
    assert_intact(&disk, 20, state);

    let shop = SimDisk::new();
    Image::<Shop>::options().open_with(shop.shared(), ROOT).unwrap().sell().unwrap();
    check(
        &assert_refused(&shop),
        expect![[
            r#"the image `/ledger` belongs to the model `shop`, not to `Ledger`; nothing was changed; help: open the image with the program of its model, or, if the model was renamed, write `#[model(name = "shop")]`"#
        ]],
    );
}

#[test]
fn a_newer_format_is_refused() {
    let (intact, _) = ledger(20, &[]);
    let fields =
        [(8, "version"), (24, "read-only-compatible"), (32, "incompatible"), (144, "checksum"), (145, "cipher")];
    let mut texts = String::new();
    for number in [1, 2] {
        for (at, word) in fields {
            let disk = intact.fork();
            patch_header(&disk, &segment(number), at, 4);
            let error = assert_refused(&disk);
            assert!(error.kind() == ErrorKind::Incompatible, "{word}: {error}");
            if number == 2 {
                texts += &format!("{word}: {error}\n");
            }
        }
    }
    expect![[r#"
        version: `/ledger/journal/00000002.journal` has a format that this version of memimage cannot read: the format version of the file is 4, but this version of memimage supports only 1; nothing was changed; help: use a newer version of memimage
        read-only-compatible: `/ledger/journal/00000002.journal` has a format that this version of memimage cannot write to: the file uses unknown features (0x4); nothing was changed; help: use a newer version of memimage
        incompatible: `/ledger/journal/00000002.journal` has a format that this version of memimage cannot read: the file uses unknown features (0x4); nothing was changed; help: use a newer version of memimage
        checksum: `/ledger/journal/00000002.journal` has a format that this version of memimage cannot read: the file uses the unknown checksum 4; nothing was changed; help: use a newer version of memimage
        cipher: `/ledger/journal/00000002.journal` has a format that this version of memimage cannot read: the file uses an unknown cipher, compression or chain (4, 0, 0); nothing was changed; help: use a newer version of memimage
    "#]].assert_eq(&texts);

    // an unknown compatible feature is ignored
    let disk = intact.fork();
    patch_header(&disk, &segment(2), 16, 2);
    open(&disk).unwrap();
}

#[test]
fn a_frame_of_a_newer_format_is_refused() {
    let (intact, state) = ledger(4, &[]);
    let last = frames(&intact.read(segment(1)).unwrap()).pop().unwrap();
    let mut texts = String::new();
    for (case, change) in [("kind", (6, 99)), ("cipher", (64, 2)), ("compression", (65, 1))] {
        let disk = intact.fork();
        patch_frame(&disk, 1, &last, &[change]);
        let error = assert_refused(&disk);
        assert!(error.kind() == ErrorKind::Incompatible, "{case}: {error}");
        texts += &format!("{case}: {error}\n");
    }
    expect![[r#"
        kind: `/ledger/journal/00000001.journal` has a format that this version of memimage cannot read: a frame has the unknown kind 99, at byte 10240; nothing was changed; help: use a newer version of memimage
        cipher: `/ledger/journal/00000001.journal` has a format that this version of memimage cannot read: a frame has the unknown cipher 2, at byte 10240; nothing was changed; help: use a newer version of memimage
        compression: `/ledger/journal/00000001.journal` has a format that this version of memimage cannot read: a frame has the unknown compression 1, at byte 10240; nothing was changed; help: use a newer version of memimage
    "#]].assert_eq(&texts);

    // a frame of an unknown but skippable kind is skipped
    let image = open(&intact).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    remove(&intact, &snapshot(4));
    let last = frames(&intact.read(segment(1)).unwrap()).pop().unwrap();
    assert_eq!(intact.read(segment(1)).unwrap()[last.start + 6], 4, "the digest of the snapshot");
    patch_frame(&intact, 1, &last, &[(6, 99)]);
    assert_intact(&intact, 4, state);
}
