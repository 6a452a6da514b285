//! Lists for people: columns without lines, one row a line, so that `grep` and `awk` work on them.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Row};

use crate::text;

/// Longest cell, in characters.
const MAX_CELL: usize = 120;

/// A list with a heading.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    pub(crate) fn new(headings: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
        Self(table)
    }

    /// Adds a row; what a terminal would act on is left out.
    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells = cells.into_iter().map(|cell| text::short(cell.as_ref(), MAX_CELL));
        self.0.add_row(Row::from(cells.collect::<Vec<_>>()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, line) in self.0.lines().enumerate() {
            // The library pads every cell on both sides.
            let line = line.strip_prefix(' ').unwrap_or(&line);
            write!(f, "{}{}", if number == 0 { "" } else { "\n" }, line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line_whatever_is_in_it() {
        let mut table = Table::new(&["Key", "Title"]);
        table.row(["main", "two\nlines \u{1b}[31mred"]);
        table.row(["agent:main:a", ""]);
        assert_eq!(
            table.to_string(),
            "KEY           TITLE\nmain          two lines [31mred\nagent:main:a"
        );
    }
}
