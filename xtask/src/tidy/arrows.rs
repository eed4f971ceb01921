//! Which of our crates may depend on which: the design's section on crates, as a table.

use super::Complaint;
use super::metadata::Package;

/// Each crate and those right below it. What those depend on may be named too; nothing else.
const ARROWS: &[(&str, &[&str])] = &[
    ("tidemark-cli", &["tidemark-sdk", "tidemark-host-native"]),
    ("tidemark-js", &["tidemark-sdk", "tidemark-host-web", "tidemark-host-node"]),
    ("tidemark-sdk", &["tidemark-runtime", "tidemark-net-policy"]),
    ("tidemark-runtime", &["tidemark-kernel"]),
    ("tidemark-kernel", &["tidemark-host"]),
    ("tidemark-host-native", &["tidemark-host"]),
    ("tidemark-host-web", &["tidemark-host"]),
    ("tidemark-host-node", &["tidemark-host"]),
    ("tidemark-host", &[]),
    ("tidemark-net-policy", &[]),
    // Not shipped.
    ("custom-host", &["tidemark-sdk"]),
    ("tidemark-fuzz", &["tidemark-sdk"]),
    ("tidemark-tests", &["tidemark-sdk", "tidemark-host-native"]),
    ("xtask", &[]),
];

pub(crate) fn check(packages: &[Package]) -> Vec<Complaint> {
    let complain = |package: &Package, what| Complaint {
        place: format!("{}/Cargo.toml", package.folder),
        rule: "arrows",
        what,
    };
    let ours = |name: &str| packages.iter().any(|package| package.member && package.name == name);
    let mut complaints = Vec::new();
    for package in packages.iter().filter(|package| package.member) {
        if !ARROWS.iter().any(|(name, _)| *name == package.name) {
            complaints
                .push(complain(package, format!("{} is not in the design's list of crates", package.name)));
            continue;
        }
        let below = below(&package.name);
        for wrong in package.dependencies.iter().filter(|name| ours(name) && !below.contains(&name.as_str()))
        {
            complaints.push(complain(package, format!("{} must not depend on {wrong}", package.name)));
        }
    }
    complaints
}

/// Everything that arrows lead to from `name`.
fn below(name: &str) -> Vec<&'static str> {
    let mut reached: Vec<&str> = Vec::new();
    let mut ahead: Vec<&str> =
        ARROWS.iter().filter(|(from, _)| *from == name).flat_map(|(_, to)| *to).copied().collect();
    while let Some(next) = ahead.pop() {
        if !reached.contains(&next) {
            reached.push(next);
            ahead.extend(ARROWS.iter().filter(|(from, _)| *from == next).flat_map(|(_, to)| *to));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        Package { name: name.into(), licence: None, member: true, folder: name.into(), dependencies }
    }

    #[test]
    fn arrows_lead_down_only() {
        let good = [member("tidemark-host", &[]), member("tidemark-kernel", &["tidemark-host"])];
        assert!(check(&good).is_empty());
        let bad = [member("tidemark-host", &["tidemark-kernel"]), member("tidemark-kernel", &[])];
        assert_eq!(check(&bad).len(), 1);
        assert_eq!(check(&[member("tidemark-extra", &[])]).len(), 1);
    }

    #[test]
    fn a_host_never_sees_the_kernel() {
        assert!(!below("tidemark-host-native").contains(&"tidemark-kernel"));
        assert!(below("tidemark-cli").contains(&"tidemark-host"));
    }
}
