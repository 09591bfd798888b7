//! Calls that return a different value on replay. A test compares this list with `clippy.toml`.

/// A function that a command should not call.
pub(super) struct NondeterministicCall {
    /// The function's path in `clippy.toml`.
    pub(super) path: &'static str,
    /// The number of trailing path segments that identify the function. `fastrand::Rng::new` needs three segments, because a
    /// user may have their own `Rng::new`.
    last: usize,
    /// Whether the function takes no arguments.
    pub(super) takes_nothing: bool,
    /// What to use instead of the function. `clippy.toml` has the same text in the key `reason`.
    pub(super) help: &'static str,
}

impl NondeterministicCall {
    /// The trailing path segments that identify the function.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let count = self.path.split("::").count();
        self.path.split("::").skip(count - self.last)
    }
}

/// A function that is identified by the last two segments of its path.
const fn call(path: &'static str, help: &'static str) -> NondeterministicCall {
    NondeterministicCall { path, last: 2, takes_nothing: false, help }
}

/// A function that takes no arguments.
const fn bare(path: &'static str, help: &'static str) -> NondeterministicCall {
    NondeterministicCall { takes_nothing: true, ..call(path, help) }
}

const TIME: &str = "use `ctx.time()`, which is recorded";
const INSTANT: &str = "use `ctx.time().as_micros()`";
const DRAW: &str = "use `ctx.random()`";
const ID: &str = "use `ctx.time()` and `ctx.random()`";
const ARGUMENT: &str = "pass it as an argument, which is recorded";
const FILE: &str = "pass the content of the file as an argument, which is recorded";
const PROCESS: &str = "do not depend on the process that runs the command";

pub(super) const CALLS: &[NondeterministicCall] = &[
    // time
    call("std::time::SystemTime::now", TIME),
    call("std::time::SystemTime::elapsed", "use `ctx.time().since(earlier)`"),
    call("std::time::Instant::now", TIME),
    call("chrono::Utc::now", INSTANT),
    call("chrono::Local::now", INSTANT),
    call("jiff::Timestamp::now", INSTANT),
    call("jiff::Zoned::now", INSTANT),
    call("time::OffsetDateTime::now_utc", INSTANT),
    call("time::OffsetDateTime::now_local", INSTANT),
    // random values
    call("rand::random", DRAW),
    call("rand::random_range", "use `ctx.random().below(bound)`"),
    call("rand::random_bool", "compare `ctx.random().f64()`"),
    call("rand::random_ratio", "compare `ctx.random().below(denominator)`"),
    call("rand::random_iter", DRAW),
    call("rand::fill", DRAW),
    call("rand::rng", DRAW),
    NondeterministicCall { last: 1, ..call("rand::thread_rng", DRAW) },
    call("fastrand::u64", "use `ctx.random().u64()`"),
    call("fastrand::shuffle", "use `ctx.random().shuffle(items)`"),
    NondeterministicCall { last: 3, ..call("fastrand::Rng::new", DRAW) },
    call("getrandom::fill", DRAW),
    call("getrandom::u64", "use `ctx.random().u64()`"),
    call("uuid::Uuid::new_v4", "use `ctx.random().u128()` and `uuid::Uuid::from_u128`"),
    call("uuid::Uuid::now_v6", ID),
    call("uuid::Uuid::now_v7", ID),
    call("std::hash::RandomState::new", "use a map whose order is the same in each process, such as `BTreeMap`"),
    // the environment: files, arguments, the process
    call("std::env::var", ARGUMENT),
    call("std::env::var_os", ARGUMENT),
    bare("std::env::vars", ARGUMENT),
    bare("std::env::args", ARGUMENT),
    bare("std::env::args_os", ARGUMENT),
    call("std::fs::read", FILE),
    call("std::fs::read_to_string", FILE),
    call("std::fs::read_dir", FILE),
    call("std::fs::read_link", FILE),
    bare("std::process::id", PROCESS),
    bare("std::thread::current", PROCESS),
    NondeterministicCall { last: 1, ..bare("std::thread::available_parallelism", PROCESS) },
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The paths and reasons in a `clippy.toml`.
    fn listed(file: &str) -> Vec<(String, String)> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let value = |line: &str, key: &str| {
            let (_, rest) = line.split_once(&format!("{key} = \""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let entries = text.lines().filter(|line| line.trim_start().starts_with('{'));
        entries.map(|line| (value(line, "path").unwrap(), value(line, "reason").unwrap())).collect()
    }

    #[test]
    fn the_macros_and_clippy_have_the_same_list() {
        let calls: Vec<_> = CALLS.iter().map(|call| (call.path.to_owned(), call.help.to_owned())).collect();
        assert_eq!(listed("../clippy.toml"), calls);
    }

    #[test]
    fn the_list_of_the_library_is_its_first_part() {
        let all = listed("../clippy.toml");
        let part = listed("../memimage/clippy.toml");
        assert!(part.len() > 20, "{part:?}");
        assert_eq!(part, all[..part.len()]);
    }
}
