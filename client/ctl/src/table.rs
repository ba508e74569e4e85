//! A table for the eye: columns as wide as their widest cell, no frame.

use crate::text::Colour;

/// A cell, with its colour.
pub(crate) type Cell = (String, Colour);

/// Returns the table as lines, the heading first.
pub(crate) fn render(heading: &[&str], rows: &[Vec<Cell>], in_colour: bool) -> String {
    let widths = widths(heading, rows);
    let heading: Vec<Cell> =
        heading.iter().map(|title| ((*title).to_owned(), Colour::Faint)).collect();
    std::iter::once(&heading).chain(rows).map(|row| line(row, &widths, in_colour)).collect()
}

fn widths(heading: &[&str], rows: &[Vec<Cell>]) -> Vec<usize> {
    let width = |(column, title): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest =
            cells.map(|(text, _)| console::measure_text_width(text)).max().unwrap_or_default();
        widest.max(console::measure_text_width(title))
    };
    heading.iter().enumerate().map(width).collect()
}

fn line(row: &[Cell], widths: &[usize], in_colour: bool) -> String {
    let last = row.len().saturating_sub(1);
    let mut line = String::new();
    for (column, ((text, colour), width)) in row.iter().zip(widths).enumerate() {
        line.push_str(&colour.paint(text, in_colour));
        if column < last {
            let room = width.saturating_sub(console::measure_text_width(text)).saturating_add(GAP);
            line.push_str(&" ".repeat(room));
        }
    }
    line.push('\n');
    line
}

const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_colours_take_no_room() {
        let cell = |text: &str| (text.to_owned(), Colour::Good);
        let rows = [vec![cell("a"), cell("bcd")], vec![cell("long-name"), cell("")]];

        assert_eq!(
            render(&["NAME", "X"], &rows, false),
            "NAME       X\na          bcd\nlong-name  \n"
        );
        let wide = [vec![cell("漢字"), cell("x")], vec![cell("abcde"), cell("y")]];
        assert_eq!(render(&["N", "X"], &wide, false), "N      X\n漢字   x\nabcde  y\n");
        let coloured = render(&["NAME", "X"], &rows, true);
        assert!(coloured.contains("\u{1b}[32ma\u{1b}[0m          \u{1b}[32mbcd"));
    }
}
