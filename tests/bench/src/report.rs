//! Figures beside their budgets.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

/// One figure.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    detail: String,
    budget: Option<Budget>,
}

#[derive(Debug, Clone, Copy)]
enum Budget {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { what: what.into(), value, unit, detail: String::new(), budget: None }
    }

    pub(crate) fn at_most(self, budget: f64) -> Self {
        Self { budget: Some(Budget::AtMost(budget)), ..self }
    }

    pub(crate) fn at_least(self, budget: f64) -> Self {
        Self { budget: Some(Budget::AtLeast(budget)), ..self }
    }

    /// What else was seen, shown beside the figure.
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// Whether the budget is kept; `None` without a budget.
    pub(crate) fn ok(&self) -> Option<bool> {
        self.budget.map(|budget| match budget {
            Budget::AtMost(most) => self.value <= most,
            Budget::AtLeast(least) => self.value >= least,
        })
    }

    fn cells(&self) -> [String; 5] {
        let budget = self.budget.map(|budget| match budget {
            Budget::AtMost(most) => format!("≤ {most} {}", self.unit),
            Budget::AtLeast(least) => format!("≥ {least} {}", self.unit),
        });
        let verdict = self.ok().map_or("", |ok| if ok { "ok" } else { "over" });
        [
            self.what.clone(),
            format!("{} {}", rounded(self.value), self.unit),
            budget.unwrap_or_default(),
            verdict.to_owned(),
            self.detail.clone(),
        ]
    }

    fn json(&self) -> Value {
        let budget = self.budget.map(|budget| match budget {
            Budget::AtMost(most) => json!({"atMost": most}),
            Budget::AtLeast(least) => json!({"atLeast": least}),
        });
        json!({"what": self.what, "value": self.value, "unit": self.unit, "budget": budget,
            "ok": self.ok(), "detail": self.detail})
    }
}

/// Three significant digits, or all digits before the point.
fn rounded(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 || size == 0.0 => 2,
        _ => 4,
    };
    format!("{value:.digits$}")
}

/// Writes the figures to standard output.
#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
pub(crate) fn print(rows: &[Row], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["What", "Figure", "Budget", "", "Detail"]);
    for row in rows {
        table.add_row(row.cells());
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!("{table}");
    Ok(())
}

/// Says what is being measured.
#[expect(clippy::print_stderr, reason = "measuring takes minutes")]
pub(crate) fn progress(what: &str) {
    eprintln!("measuring {what}…");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_kept_up_to_its_limit() {
        let row = |value| Row::new("x", value, "ms").at_most(3.0);
        assert_eq!([row(3.0).ok(), row(3.1).ok()], [Some(true), Some(false)]);
        assert_eq!(Row::new("x", 2.0, "/s").at_least(3.0).ok(), Some(false));
        assert_eq!(Row::new("x", 2.0, "/s").ok(), None);
    }
}
