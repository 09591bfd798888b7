//! The output of `compare`: lines of JSON, or a table and a chart.

pub(crate) mod chart;
pub(crate) mod table;

use std::fmt;
use std::io::{self, ErrorKind, StdoutLock, Write};

use anyhow::Result;
use serde::Serialize;

use crate::measure::Round;

/// The figures of one system in one shape. A figure that makes no sense in the shape is `None`.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) system: String,
    pub(crate) shape: String,
    pub(crate) ops_per_s: f64,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    pub(crate) p999_us: Option<f64>,
    pub(crate) bytes_per_op: Option<f64>,
}

impl Line {
    pub(crate) fn new(system: impl ToString, shape: impl ToString, round: &Round) -> Line {
        Line {
            system: system.to_string(),
            shape: shape.to_string(),
            ops_per_s: round.ops_per_s(),
            p50_us: round.latencies.map(|latencies| latencies.p50_us),
            p99_us: round.latencies.map(|latencies| latencies.p99_us),
            p999_us: round.latencies.map(|latencies| latencies.p999_us),
            bytes_per_op: round.bytes_per_op,
        }
    }
}

/// Prints one line of JSON for each value.
pub(crate) fn print_json(lines: &[impl Serialize]) -> Result<()> {
    let lines = lines.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    print(|output| lines.iter().try_for_each(|line| writeln!(output, "{line}")))
}

/// Prints to standard output, without a buffer that outlives the call.
///
/// # Errors
///
/// [`OutputClosed`] if nobody reads the output any more.
pub(crate) fn print(write: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>) -> Result<()> {
    let mut output = io::stdout().lock();
    match write(&mut output).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(OutputClosed.into()),
        result => Ok(result?),
    }
}

/// The reader of standard output has closed it. It ends the program, but is not a failure.
#[derive(Debug)]
pub(crate) struct OutputClosed;

impl fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is closed")
    }
}

impl std::error::Error for OutputClosed {}
