//! The session in the guide's chapter *looking inside*: each command prints what the chapter shows.

use std::path::Path;
use std::process::Command;

use crate::support::{directory, without_times};

const CHAPTER: &str = include_str!("../../../../memimage/src/guide/looking_inside.rs");

/// The commands of the chapter, each with the output that the chapter shows.
fn session() -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut is_console = false;
    for line in CHAPTER.lines() {
        let Some(line) = line.strip_prefix("//!").map(|line| line.strip_prefix(' ').unwrap_or(line)) else { continue };
        match line {
            "```console" => is_console = true,
            "```" => is_console = false,
            _ if !is_console => {}
            _ => match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, Some((_, output))) => *output += &format!("{line}\n"),
                (None, None) => panic!("an output before the first command: {line}"),
            },
        }
    }
    commands
}

#[test]
fn each_command_of_the_chapter_prints_what_the_chapter_shows() {
    let directory = directory();
    let programs = Path::new(env!("CARGO_BIN_EXE_bank")).parent().unwrap();
    let session = session();
    assert!(session.len() > 7, "{session:?}");
    for (command, shown) in session {
        let script = format!("PATH='{}':\"$PATH\"; {command}", programs.display());
        let output = Command::new("sh").args(["-c", &script]).current_dir(directory.path()).output().unwrap();
        let printed = [output.stdout, output.stderr].map(|stream| String::from_utf8(stream).unwrap()).concat();
        let printed = printed.replace(&format!("{}/", directory.path().display()), "");
        assert_eq!(without_times(&printed), without_times(&shown), "$ {command}\n{printed}");
    }
}
