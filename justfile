# The everyday commands: `just` lists them. Each is a plain cargo command, so that nobody needs just (https://just.systems).

_list:
    @just --list --unsorted

# the example, twice: the second run goes on where the first ended
bank:
    cargo run -p bank
    cargo run -p bank

# all tests, as the README says; `just test promise_6` runs those whose names have this part
test *filter:
    cargo test --workspace {{ filter }}

# the tests of one file or directory of tests/tests: `just suite retention`, `just suite crash pruned`
suite name *filter:
    cargo test -p memimage-tests --test {{ name }} -- {{ filter }}

# what the compiler and clippy say of everything
check:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# formats everything
fmt:
    cargo fmt --all

# the documentation
doc:
    cargo doc -p memimage --no-deps --all-features --open

# the documentation as docs.rs builds it, with the feature of each item: needs a nightly toolchain
docs-rs:
    RUSTDOCFLAGS="--cfg docsrs -D warnings" cargo +nightly doc --workspace --no-deps --all-features

# the expected messages of the macros, written anew: read the difference
bless-ui:
    TRYBUILD=overwrite cargo test -p memimage-compile-tests error_messages

# other expected output, written anew: read the difference
bless *filter:
    UPDATE_EXPECT=1 cargo test --workspace {{ filter }}

# the benchmarks: open, replay, transfer
bench *name:
    cargo bench -p memimage {{ if name == "" { "" } else { "--bench " + name } }}

# memimage beside its limits and beside databases: compare, scale, pause or many
figures command="compare" *arguments:
    cargo run --release -p memimage-benches -- {{ command }} {{ arguments }}

# everything that must hold before a change is merged, of what is committed: some 40 minutes on two cores
ci:
    .ci/run

# crashes, the swarm and damage as deep as a change has to stand them: some minutes
deep:
    .ci/deep

# the suites of RELIABILITY.md at length
long minutes="30" *seed:
    .ci/long {{ minutes }} {{ seed }}

# every pair of features compiles: needs cargo-hack (`cargo install --locked cargo-hack`)
features:
    cargo hack check --feature-powerset --depth 2 --exclude-features default -p memimage

# licences, sources and bans: needs cargo-deny (`cargo install --locked cargo-deny`)
deny:
    cargo deny --offline check bans licenses sources

# the same, and known vulnerabilities: fetches the RustSec database from GitHub
audit:
    cargo deny check

# whether the public interface broke since a revision: needs cargo-semver-checks, and a release or tag to compare with
semver since:
    cargo semver-checks -p memimage --all-features --baseline-rev {{ since }}

# the crates as they would be published, built from their archives
package:
    cargo package --locked -p memimage-derive -p memimage -p memimage-web -p memimage-cli
