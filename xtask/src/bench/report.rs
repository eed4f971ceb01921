//! How outcomes are shown: a table for people, JSON for keeping.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::json;

use super::contest::{Outcome, median};

/// One row an outcome: medians, and how fast ours is where the emulator's is 1.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.name.len()).max().unwrap_or_default().max(4);
    let mut text =
        format!("{:<width$}  {:>14}  {:>14}  {:<6}  {:>6}\n", "what", "tidemark", "qemu", "unit", "speed");
    for outcome in outcomes {
        let (ours, theirs) = (figure(median(&outcome.ours)), figure(median(&outcome.theirs)));
        let (name, unit) = (&outcome.name, &outcome.unit);
        let speed = if outcome.speed().is_nan() { "-".into() } else { format!("{:.3}", outcome.speed()) };
        // Writing to a String can't fail.
        let _ = writeln!(text, "{name:<width$}  {ours:>14}  {theirs:>14}  {unit:<6}  {speed:>6}");
    }
    text
}

/// Every round's values too.
///
/// # Errors
/// If serializing fails.
pub(crate) fn json(outcomes: &[Outcome]) -> Result<String> {
    let rows: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            json!({
                "name": outcome.name,
                "unit": outcome.unit,
                "tidemark": { "median": median(&outcome.ours), "rounds": outcome.ours },
                "qemu": { "median": median(&outcome.theirs), "rounds": outcome.theirs },
                "speed": outcome.speed(),
            })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&rows)? + "\n")
}

/// Four figures or so: as much as a measurement is worth; a dash for none.
fn figure(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    let decimals = if value >= 1000.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        4
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_medians_and_speed() {
        let outcome =
            Outcome { name: "cpu".into(), unit: "1/s".into(), ours: vec![1.0, 9.0, 2.0], theirs: vec![8.0] };
        let table = table(std::slice::from_ref(&outcome));
        let row = table.lines().nth(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
        assert_eq!(row, Some(vec!["cpu", "2.0000", "8.0000", "1/s", "0.250"]));
        assert!(json(&[outcome]).is_ok_and(|text| text.contains("\"speed\": 0.25")));
    }
}
