//! Licences of dependencies: none that would bind those who embed us.

use super::Complaint;
use super::metadata::Package;

pub(crate) fn check(packages: &[Package]) -> Vec<Complaint> {
    let acceptable = |package: &&Package| !package.licence.as_deref().is_some_and(is_acceptable);
    packages
        .iter()
        .filter(acceptable)
        .map(|package| Complaint {
            place: "Cargo.lock".into(),
            rule: "licences",
            what: format!(
                "{} is under {}",
                package.name,
                package.licence.as_deref().unwrap_or("no SPDX licence")
            ),
        })
        .collect()
}

/// Whether an SPDX expression leaves a choice without any GPL (AGPL and LGPL included).
fn is_acceptable(expression: &str) -> bool {
    // Old manifests write `MIT/Apache-2.0` for an OR.
    let expression = expression.replace('/', " OR ");
    expression.split(" OR ").any(|choice| !choice.contains("GPL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_without_gpl_suffices() {
        assert!(is_acceptable("MIT OR Apache-2.0") && is_acceptable("Apache-2.0 OR GPL-2.0-only"));
        assert!(is_acceptable("(MIT OR Apache-2.0) AND Unicode-3.0") && is_acceptable("Unlicense/MIT"));
        assert!(!is_acceptable("LGPL-3.0-or-later") && !is_acceptable("GPL-2.0 OR AGPL-3.0"));
    }

    #[test]
    fn no_licence_is_a_complaint() {
        let package = |licence: Option<&str>| Package {
            name: "x".into(),
            licence: licence.map(str::to_owned),
            member: false,
            folder: String::new(),
            dependencies: vec![],
        };
        assert_eq!(check(&[package(None)]).len(), 1);
        assert!(check(&[package(Some("MIT"))]).is_empty());
    }
}
