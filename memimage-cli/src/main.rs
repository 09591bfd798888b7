//! The command `memimage`. Its verbs are in the library, so that a program can carry them too.

fn main() -> std::process::ExitCode {
    memimage::admin::run_tool(std::env::args_os())
}
