//! Relations between packages: `Depends`, `Conflicts`, `Provides` and their like (deb-control(5), Debian policy 7.1).

use std::cmp::Ordering;

use super::version;

/// One package that would satisfy a dependency, or one name that a package provides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alternative<'a> {
    /// The package's name, without an architecture qualifier.
    pub(crate) name: &'a str,
    /// The architecture that follows the name: `any`, or one that is named.
    pub(crate) architecture: Option<&'a str>,
    /// What its version must satisfy.
    pub(crate) version: Option<(Operator, &'a str)>,
}

/// How a version must relate to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Alternative<'_> {
    /// Whether `version` satisfies this alternative's condition.
    pub(crate) fn admits(&self, version: &str) -> bool {
        self.version.is_none_or(|(operator, bound)| {
            let order = version::compare(version, bound);
            match operator {
                Operator::Earlier => order == Ordering::Less,
                Operator::EarlierOrEqual => order != Ordering::Greater,
                Operator::Equal => order == Ordering::Equal,
                Operator::LaterOrEqual => order != Ordering::Less,
                Operator::Later => order == Ordering::Greater,
            }
        })
    }
}

impl std::fmt::Display for Alternative<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)?;
        if let Some(architecture) = self.architecture {
            write!(f, ":{architecture}")?;
        }
        let Some((operator, version)) = self.version else { return Ok(()) };
        let operator = match operator {
            Operator::Earlier => "<<",
            Operator::EarlierOrEqual => "<=",
            Operator::Equal => "=",
            Operator::LaterOrEqual => ">=",
            Operator::Later => ">>",
        };
        write!(f, " ({operator} {version})")
    }
}

/// The dependencies in a field, each with its alternatives, preferred first. What cannot be read is left out.
pub(crate) fn dependencies(field: &str) -> impl Iterator<Item = Vec<Alternative<'_>>> {
    field
        .split(',')
        .map(|dependency| dependency.split('|').filter_map(alternative).collect())
        .filter(|alternatives: &Vec<_>| !alternatives.is_empty())
}

/// `name[:arch] [(operator version)]`; architecture restrictions occur in source packages only.
fn alternative(text: &str) -> Option<Alternative<'_>> {
    let text = text.trim();
    let (name, condition) = match text.split_once('(') {
        Some((name, condition)) => (name.trim(), Some(condition.trim_end().strip_suffix(')')?)),
        None => (text, None),
    };
    let (name, architecture) = match name.split_once(':') {
        Some((name, architecture)) => (name, Some(architecture)),
        None => (name, None),
    };
    if name.is_empty() {
        return None;
    }
    let version = match condition {
        None => None,
        Some(condition) => {
            let condition = condition.trim();
            let split = condition.find(|c| !matches!(c, '<' | '=' | '>'))?;
            let (operator, version) = condition.split_at(split);
            let operator = match operator {
                "<<" => Operator::Earlier,
                // A single `<` or `>` is the historical spelling of `<=` and `>=`.
                "<=" | "<" => Operator::EarlierOrEqual,
                "=" => Operator::Equal,
                ">=" | ">" => Operator::LaterOrEqual,
                ">>" => Operator::Later,
                _ => return None,
            };
            Some((operator, version.trim()))
        }
    };
    Some(Alternative { name, architecture, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_taken_apart() {
        let field = "libc6 (>= 2.41), python3:any (<< 3.14) , awk|mawk (=1-2),\n debconf | debconf-2.0";
        let parsed: Vec<Vec<String>> = dependencies(field)
            .map(|alternatives| alternatives.iter().map(ToString::to_string).collect())
            .collect();
        assert_eq!(
            parsed,
            [
                vec!["libc6 (>= 2.41)"],
                vec!["python3:any (<< 3.14)"],
                vec!["awk", "mawk (= 1-2)"],
                vec!["debconf", "debconf-2.0"]
            ]
        );
        assert_eq!(dependencies("").count(), 0);
    }

    #[test]
    fn conditions_are_applied() {
        for (condition, version, expected) in [
            ("a (>= 2)", "1", false),
            ("a (>= 2)", "2", true),
            ("a (>> 2)", "2", false),
            ("a (<< 2)", "2~rc1", true),
            ("a (<= 2)", "2", true),
            ("a (= 2-1)", "2-1", true),
            ("a (= 2-1)", "2-2", false),
            ("a", "0", true),
        ] {
            let alternatives = dependencies(condition).next().expect(condition);
            assert_eq!(alternatives[0].admits(version), expected, "{condition} by {version}");
        }
    }
}
