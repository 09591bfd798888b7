//! States of recursive types: each walk of the library is limited, and the limit is an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Error, ErrorKind, Image, Model, Seq, Shape};
use memimage_tests::checksums::update_snapshot;
use serde::{Deserialize, Serialize};

use super::{IMAGE, assert_sound, open, options, snapshots};

/// The limit in levels.
const LIMIT: usize = 512;

/// A thread of std has this stack, in bytes.
const STACK: usize = 2 << 20;

fn on_a_thread(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(test).unwrap();
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// Declares a model with a recursive state, and a test of its limit. `deepen` makes the state deeper by `levels`.
macro_rules! recursive {
    ($test:ident, $levels:literal, $path:literal, $type:ty $(as $name:literal)?, $deepen:expr) => {
        mod $test {
            use super::*;

            #[derive(Default, Serialize, Deserialize, Shape, Model)]
            pub(super) struct Deep {
                before: u64,
                $(#[shape(opaque = $name)])?
                root: $type,
            }

            #[memimage::commands]
            impl Deep {
                #[command]
                fn deepen(&mut self) -> u64 {
                    let root = std::mem::take(&mut self.root);
                    self.root = $deepen(root);
                    self.before += 1;
                    self.before
                }

                #[command]
                fn clear(&mut self) {
                    self.root = Default::default();
                }

                #[command]
                fn fail(&mut self) {
                    self.root = Default::default();
                    panic!("failed half-way");
                }
            }

            #[test]
            fn $test() {
                on_a_thread(run);
            }

            fn run() {
                let disk = SimDisk::new();
                let image = open::<Deep>(&disk).unwrap();
                let accepted = (LIMIT - 20) / $levels;
                (0..accepted).for_each(|_| _ = image.deepen().unwrap());
                assert!(image.admin().snapshot().unwrap().verified);
                assert_sound(&disk);
                // loads the snapshot
                Image::close(image).unwrap();
                let image = open::<Deep>(&disk).unwrap();
                assert_eq!(image.admin().stats().recovery.replayed, 0);
                let digest = image.query(|deep| memimage::digest(deep).unwrap()).unwrap();

                // far beyond the limit, everything works but snapshots and digests
                (0..2000).for_each(|_| _ = image.deepen().unwrap());
                let error = image.admin().snapshot().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::StateTooDeep, "{error}");
                let message = error.to_string();
                assert!(message.contains("nested more than 512 levels deep, at `root") && message.contains($path), "{message}");
                assert!(image.query(|deep| memimage::digest(deep)).unwrap().is_err());
                let count = image.deepen().unwrap();
                assert_eq!(image.fail().unwrap_err().kind(), ErrorKind::Panicked, "which rebuilds the state");
                assert_eq!(image.deepen().unwrap(), count + 1);
                Image::close(image).unwrap();
                assert_sound(&disk);

                // from the older snapshot, and from genesis
                for _ in 0..2 {
                    let image = open::<Deep>(&disk).unwrap();
                    assert_eq!(image.query(|deep| deep.before).unwrap(), count + 1);
                    Image::close(image).unwrap();
                    snapshots(&disk).iter().for_each(|path| memimage::disk::Disk::remove(&disk, path).unwrap());
                }

                // the limit is that of the state, not of its history
                let image = open::<Deep>(&disk).unwrap();
                image.clear().unwrap();
                (0..accepted).for_each(|_| _ = image.deepen().unwrap());
                assert!(image.admin().snapshot().unwrap().verified);
                let state = |image: &Image<Deep>| image.query(|deep| memimage::digest(deep).unwrap()).unwrap();
                let live = state(&image);
                assert_ne!(live, digest, "it has another count");
                Image::close(image).unwrap();
                let image = open::<Deep>(&disk).unwrap();
                assert_eq!((state(&image), image.admin().stats().recovery.replayed), (live, 0));
            }
        }
    };
}

#[derive(Default, Serialize, Deserialize, Shape)]
struct Node {
    value: u64,
    next: Option<Box<Node>>,
}

recursive!(a_list_of_boxes, 2, "next?", Option<Box<Node>>, |next| Some(Box::new(Node { value: 1, next })));

#[derive(Default, Serialize, Deserialize, Shape)]
enum Formula {
    #[default]
    Zero,
    Not(Box<Formula>),
    Pair(Box<Formula>, u8),
    Named {
        inside: Box<Formula>,
    },
}

recursive!(an_enum_of_boxes, 1, "::Named", Formula, |formula| match formula {
    Formula::Zero | Formula::Named { .. } => Formula::Not(Box::new(formula)),
    Formula::Not(_) => Formula::Pair(Box::new(formula), 7),
    Formula::Pair(..) => Formula::Named { inside: Box::new(formula) },
});

#[derive(Default, Serialize, Deserialize, Shape)]
struct Directory(BTreeMap<u8, Box<Directory>>);

recursive!(boxes_in_maps, 2, "[value]", Directory, |directory| Directory(BTreeMap::from([
    (1, Box::new(directory)),
    (2, Box::default())
])));

#[derive(Default, Serialize, Deserialize, Shape)]
struct Lists(Vec<Lists>);

recursive!(lists_of_lists, 2, "[1]", Lists, |lists| Lists(vec![Lists::default(), lists]));

/// A type that the derive does not see.
mod foreign {
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize)]
    pub(super) struct Thread {
        pub(super) replies: Vec<Thread>,
        pub(super) quoted: Option<Box<Thread>>,
    }
}

recursive!(
    an_opaque_recursive_type,
    2,
    "quoted?",
    foreign::Thread as "foreign::Thread",
    |thread: foreign::Thread| match thread.quoted {
        Some(_) => foreign::Thread { replies: vec![thread], quoted: None },
        None => foreign::Thread { replies: Vec::new(), quoted: Some(Box::new(thread)) },
    }
);

/// A number of nodes of a list that is deeper than the limit: each node has two levels.
const TOO_MANY: usize = LIMIT / 2 + 100;

/// A model whose initial state is deeper than the limit.
#[derive(Serialize, Deserialize, Shape, Model)]
struct DeepDefault {
    top: Option<Box<Node>>,
}

fn nodes(count: usize) -> Option<Box<Node>> {
    (0..count).fold(None, |next, _| Some(Box::new(Node { value: 0, next })))
}

impl Default for DeepDefault {
    fn default() -> DeepDefault {
        DeepDefault { top: nodes(TOO_MANY) }
    }
}

#[memimage::commands]
impl DeepDefault {
    #[command]
    fn push(&mut self) {
        self.top = Some(Box::new(Node { value: 0, next: self.top.take() }));
    }
}

#[test]
fn an_initial_state_beyond_the_limit_creates_no_image() {
    on_a_thread(|| {
        let disk = SimDisk::new();
        let creating: [&dyn Fn() -> Result<Image<DeepDefault>, Error>; 2] = [&|| open(&disk), &|| {
            let given = DeepDefault { top: nodes(TOO_MANY) };
            options().genesis(given).open_with(Arc::new(disk.clone()), IMAGE)
        }];
        for create in creating {
            let error = create().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StateTooDeep, "{error}");
            assert!(!disk.files().iter().any(|path| path.ends_with("00000001.journal")), "{:?}", disk.files());
        }
        let given = DeepDefault { top: nodes(200) };
        let image = options().genesis(given).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
        image.push().unwrap();
        Image::close(image).unwrap();
        assert_sound(&disk);
        assert!(open::<DeepDefault>(&disk).is_ok());
    });
}

/// One byte for each level.
#[derive(Default, Serialize, Deserialize, Shape)]
struct Level {
    below: Option<Box<Level>>,
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Depths {
    block: Vec<u8>,
    level: Level,
}

#[memimage::commands]
impl Depths {
    #[command]
    fn fill(&mut self, levels: u32) {
        self.block = vec![1; levels as usize];
    }
}

/// The checksums of the snapshot are right, but no image wrote it.
#[test]
fn a_forged_snapshot_beyond_the_limit_is_not_loaded() {
    on_a_thread(|| {
        let disk = SimDisk::new();
        let image = open::<Depths>(&disk).unwrap();
        image.fill(100_000).unwrap();
        image.admin().snapshot().unwrap();
        Image::close(image).unwrap();

        // the bytes of the block become those of 100,000 levels
        let path = snapshots(&disk).pop().unwrap();
        let mut snapshot = disk.read(&path).unwrap();
        let state = 4096 + 8;
        assert_eq!(snapshot[state..state + 4], [0xa0, 0x8d, 0x06, 1], "the length of the block, and its first byte");
        snapshot[state..state + 3].copy_from_slice(&[0x80, 0x80, 0]);
        update_snapshot(&mut snapshot);
        disk.write(&path, 0, &snapshot).unwrap();

        let image = open::<Depths>(&disk).unwrap();
        let recovery = image.admin().stats().recovery;
        assert_eq!((recovery.snapshot, recovery.seq), (None, Seq::new(1)));
        assert!(recovery.unusable_snapshots[0].1.contains("nested more than 512 levels deep"), "{recovery:?}");
        assert_eq!(image.query(|depths| depths.block.len()).unwrap(), 100_000);
    });
}
