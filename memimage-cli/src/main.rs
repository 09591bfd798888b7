//! The command `memimage`. Its verbs are in the library, so that a program can carry them too.

use std::process::ExitCode;

use memimage::admin::Tool;

fn main() -> ExitCode {
    memimage_replication::add_verbs(Tool::new())
        .verb("browse", "Serves a page that shows the image: events, shapes, figures", memimage_web::browse)
        .run(std::env::args_os())
}
