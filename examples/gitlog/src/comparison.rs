//! The files of all commits in an image, of any size, compared with git in one pass through its journal.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use memimage::Journal;

use crate::past::newest;
use crate::report;
use crate::repository::Repository;

#[test]
#[ignore = "GITLOG_REPOSITORY and GITLOG_IMAGE name a repository, and the image into which it was imported"]
fn every_commit_in_an_image_has_the_files_that_git_prints() {
    let journal = Journal::<Repository>::open(PathBuf::from(variable("GITLOG_IMAGE"))).unwrap();
    let mut commits: Vec<_> = newest(&journal).unwrap().commits().map(|(id, seq)| (seq, id)).collect();
    commits.sort_unstable();
    let mut past = journal.at(commits.first().expect("the image has commits").0).unwrap();
    let mut files = 0;
    for (seq, id) in &commits {
        past.seek(*seq).unwrap();
        for is_raw in [false, true] {
            let mut printed = Vec::new();
            report::tree(&past, is_raw, &mut printed).unwrap();
            let mut git = Command::new("git");
            git.arg("-C").arg(variable("GITLOG_REPOSITORY")).args(["-c", "core.quotePath=false", "ls-tree", "-r"]);
            let listed = git.args(is_raw.then_some("-z")).arg(id.to_string()).output().unwrap();
            assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
            assert!(printed == listed.stdout, "commit {id} differs, raw: {is_raw}");
            files += printed.iter().filter(|byte| is_raw && **byte == 0).count();
        }
    }
    println!("{} commits with {files} files are equal", commits.len());
}

#[expect(clippy::disallowed_methods, reason = "a test may read its arguments, and a command may not")]
fn variable(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set"))
}
