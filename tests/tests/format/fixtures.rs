//! Images as files: of a directory, and the fixtures in `tests/fixtures`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use super::reader::Files;
use super::{create, create_protected, create_pruned};

/// Reads the files of an image on disk.
pub(crate) fn files_in(root: &Path) -> Files {
    let mut files = Files::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => dirs.push(path),
                false => {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    files.insert(name, fs::read(path).unwrap());
                }
            }
        }
    }
    files
}

const LINE: usize = 32;

/// Loads a fixture: for each file its path and length, then its bytes in lines of an offset and hexadecimal digits. Lines
/// of zeros are omitted.
fn load_fixture(name: &str, create: fn(&Path)) -> Files {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    if std::env::var_os("MEMIMAGE_BLESS").is_some() {
        let directory = tempfile::tempdir().unwrap();
        create(directory.path());
        let mut files = files_in(directory.path());
        files.remove("LOCK");
        fs::write(&path, to_hex(&files)).unwrap();
    }
    from_hex(&fs::read_to_string(&path).unwrap())
}

pub(crate) fn fixture() -> &'static Files {
    static FIXTURE: LazyLock<Files> = LazyLock::new(|| load_fixture("format-1.hex", create));
    &FIXTURE
}

pub(crate) fn pruned_fixture() -> &'static Files {
    static FIXTURE: LazyLock<Files> = LazyLock::new(|| load_fixture("format-1-pruned.hex", create_pruned));
    &FIXTURE
}

pub(crate) fn protected_fixture() -> &'static Files {
    static FIXTURE: LazyLock<Files> = LazyLock::new(|| load_fixture("format-1-protected.hex", create_protected));
    &FIXTURE
}

/// Writes the files of an image into a directory.
pub(crate) fn write_files(files: &Files, root: &Path) {
    for (path, bytes) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn to_hex(files: &Files) -> String {
    let mut text = String::new();
    for (path, bytes) in files {
        writeln!(text, "file {path} {}", bytes.len()).unwrap();
        for (line, offset) in bytes.chunks(LINE).zip((0..).step_by(LINE)) {
            if line.iter().any(|&byte| byte != 0) {
                let digits: String = line.iter().map(|byte| format!("{byte:02x}")).collect();
                writeln!(text, "{offset:06x} {digits}").unwrap();
            }
        }
    }
    text
}

fn from_hex(text: &str) -> Files {
    let mut files = Files::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some((path, len)) = line.strip_prefix("file ").and_then(|file| file.rsplit_once(' ')) {
            path.clone_into(&mut current);
            files.insert(path.to_owned(), vec![0; len.parse().unwrap()]);
            continue;
        }
        let (offset, digits) = line.split_once(' ').unwrap();
        let offset = usize::from_str_radix(offset, 16).unwrap();
        let file = files.get_mut(&current).unwrap();
        for (byte, at) in (0..digits.len()).step_by(2).zip(offset..) {
            file[at] = u8::from_str_radix(&digits[byte..byte + 2], 16).unwrap();
        }
    }
    files
}
