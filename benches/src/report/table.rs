//! Tables for people.

use std::io::{self, Write};
use std::mem;

use super::Line;

/// The least width of the first column.
const FIRST_COLUMN: usize = 15;

/// Writes the results of `compare`, one table for each shape, the served class apart.
pub(crate) fn write(output: &mut impl Write, lines: &[Line]) -> io::Result<()> {
    let mut served = false;
    for shape in lines.chunk_by(|a, b| a.shape == b.shape) {
        let memimage = shape.iter().find(|line| line.system.starts_with("memimage")).map(|line| line.ops_per_s);
        let memimage = memimage.filter(|ops_per_s| *ops_per_s > 0.0);
        let rows = shape.iter().map(|line| {
            let ratio = memimage.map_or_else(|| "-".to_owned(), |memimage| format!("{:.2}", line.ops_per_s / memimage));
            let figures = [line.p50_us, line.p99_us, line.p999_us, line.bytes_per_op].map(figure);
            let figures = figures.map(|figure| format!("{figure:>9}"));
            [line.system.clone(), format!("{:>10}", grouped(line.ops_per_s)), ratio]
                .into_iter()
                .chain(figures)
                .collect()
        });
        if shape[0].shape.starts_with("served-") && !mem::replace(&mut served, true) {
            writeln!(output, "\nBehind a socket, with clients in another process:")?;
        }
        writeln!(output)?;
        let header = [&shape[0].shape, "ops/s", "ratio to memimage", "p50 µs", "p99 µs", "p99.9 µs", "bytes/op"];
        write_columns(output, &header, &rows.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Writes rows in columns: the first column to the left, the others to the right.
pub(crate) fn write_columns(output: &mut impl Write, header: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        let least = if column == 0 { FIRST_COLUMN } else { 0 };
        cells.chain([header[column].chars().count(), least]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..header.len()).map(width).collect();
    let header = header.iter().map(|cell| (*cell).to_owned()).collect();
    for row in [&header].into_iter().chain(rows) {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        writeln!(output, "{}", cells.collect::<Vec<_>>().join("  "))?;
    }
    Ok(())
}

/// A figure with one decimal, or a dash.
pub(crate) fn figure(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.1}"))
}

/// A whole number with a comma after each three digits.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap_or_default());
    groups.collect::<Vec<_>>().join(",")
}
