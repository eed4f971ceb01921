//! How outcomes are shown: a table for people, JSON for keeping.

use anyhow::Result;
use serde_json::json;

use super::contest::{Outcome, Where};

/// The ratios that are shown: how fast the first is where the second is 1.
const RATIOS: [(Where, Where); 2] = [(Where::Native, Where::Qemu), (Where::Node, Where::Native)];

/// One row an outcome: medians and ratios.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.name.len()).max().unwrap_or_default().max(4);
    let mut text = format!("{:<width$}", "what");
    for place in Where::ALL {
        text.push_str(&format!("  {:>10}", place.name()));
    }
    text.push_str("  unit  ");
    for (place, other) in RATIOS {
        text.push_str(&format!("  {:>13}", format!("{}/{}", place.name(), other.name())));
    }
    text.push('\n');
    for outcome in outcomes {
        text.push_str(&format!("{:<width$}", outcome.name));
        for place in Where::ALL {
            text.push_str(&format!("  {:>10}", figure(outcome.median(place))));
        }
        text.push_str(&format!("  {:<6}", outcome.unit));
        for (place, other) in RATIOS {
            text.push_str(&format!("  {:>13}", ratio(outcome.speed(place, other))));
        }
        text.push('\n');
    }
    text
}

/// Every round's values too.
///
/// # Errors
/// If serializing fails.
pub(crate) fn json(outcomes: &[Outcome]) -> Result<String> {
    let row = |outcome: &Outcome| {
        let mut row = json!({ "name": outcome.name, "unit": outcome.unit });
        for (place, rounds) in &outcome.rounds {
            row[place.name()] = json!({ "median": outcome.median(*place), "rounds": rounds });
        }
        for (place, other) in RATIOS {
            row[format!("{}/{}", place.name(), other.name())] = json!(outcome.speed(place, other));
        }
        row
    };
    Ok(serde_json::to_string_pretty(&outcomes.iter().map(row).collect::<Vec<_>>())? + "\n")
}

fn ratio(value: f64) -> String {
    if value.is_nan() { "-".to_owned() } else { format!("{value:.3}") }
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
    fn a_row_names_medians_and_ratios() {
        let rounds =
            vec![(Where::Native, vec![1.0, 9.0, 2.0]), (Where::Node, vec![1.0]), (Where::Qemu, vec![8.0])];
        let outcome = Outcome { name: "cpu".into(), unit: "1/s".into(), rounds };
        let table = table(std::slice::from_ref(&outcome));
        let row = table.lines().nth(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
        assert_eq!(row, Some(vec!["cpu", "2.0000", "1.0000", "8.0000", "1/s", "0.250", "0.500"]));
        assert!(json(&[outcome]).is_ok_and(|text| text.contains("\"tidemark/qemu\": 0.25")));
    }

    #[test]
    fn what_was_not_run_is_a_dash() {
        let outcome =
            Outcome { name: "fork".into(), unit: "s".into(), rounds: vec![(Where::Native, vec![1.0])] };
        assert!(table(&[outcome]).lines().nth(1).is_some_and(|row| row.matches(" -").count() == 4));
    }
}
