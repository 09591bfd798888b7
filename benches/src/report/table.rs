//! The table.

use super::Line;

/// Prints a table for people, one block for each shape.
pub(crate) fn print(lines: &[Line]) {
    let memimage = |shape: &str| {
        let line = lines.iter().find(|line| line.shape == shape && line.system.starts_with("memimage"));
        line.map(|line| line.ops_per_s)
    };
    for shape in lines.chunk_by(|a, b| a.shape == b.shape) {
        println!(
            "\n{:<16} {:>13} {:>9} {:>10} {:>10} {:>10} {:>9}",
            shape[0].shape, "ops/s", "memimage", "p50 µs", "p99 µs", "p99.9 µs", "bytes/op"
        );
        for line in shape {
            let ratio = memimage(&line.shape).map(|memimage| line.ops_per_s / memimage);
            println!(
                "{:<16} {:>13} {:>9} {:>10} {:>10} {:>10} {:>9}",
                line.system,
                grouped(line.ops_per_s),
                ratio.map_or_else(|| "-".to_owned(), |ratio| format!("× {ratio:.2}")),
                figure(line.p50_us),
                figure(line.p99_us),
                figure(line.p999_us),
                figure(line.bytes_per_op),
            );
        }
    }
}

/// A figure with one decimal, or a dash.
pub(crate) fn figure(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.1}"))
}

/// A whole number with a comma after each three digits.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap_or("")).collect();
    groups.join(",")
}
