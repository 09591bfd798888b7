//! The chart: commands a second as bars, on a logarithmic scale, in SVG.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::Line;
use super::table::grouped;

const ROW: usize = 18;
const LEFT: usize = 130;
const BARS: f64 = 600.0;
const WIDTH: usize = 860;

/// Writes the chart to a file.
pub(crate) fn write(lines: &[Line], path: &Path) -> Result<()> {
    std::fs::write(path, svg(lines)).with_context(|| format!("the chart cannot be written to {}", path.display()))
}

fn svg(lines: &[Line]) -> String {
    let shapes: Vec<_> = lines.chunk_by(|a, b| a.shape == b.shape).collect();
    let height = ROW * (lines.len() + 2 * shapes.len() + 1);
    let top = lines.iter().map(|line| line.ops_per_s).fold(10.0, f64::max).log10();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut y = ROW;
    for shape in shapes {
        text(&mut svg, 8, y, "start", &format!("{} (commands a second, logarithmic)", shape[0].shape));
        for line in shape {
            y += ROW;
            let width = BARS * line.ops_per_s.max(1.0).log10() / top;
            let fill = if line.system.starts_with("memimage") { "#c2410c" } else { "#64748b" };
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\" fill=\"{fill}\"/>",
                y - ROW + 6,
                ROW - 4
            );
            text(&mut svg, LEFT - 6, y, "end", &line.system);
            text(&mut svg, LEFT + width as usize + 6, y, "start", &grouped(line.ops_per_s));
        }
        y += 2 * ROW;
    }
    svg + "</svg>\n"
}

/// Adds a text; the names of systems and shapes need no escapes.
fn text(svg: &mut String, x: usize, y: usize, anchor: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>");
}
