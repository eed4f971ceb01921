//! A `Packages` index: which packages a suite has, and how one leads to others (deb-packages(5)).

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::deb822::{self, Stanza};
use super::error::DebianError;
use super::relation::{self, Alternative, Operator};
use super::release::parse_sha256;
use super::version;

/// How many letters may differ between a name that is missing and one that is suggested.
const SUGGESTION_DISTANCE: usize = 2;

/// All packages of a suite, by name and by what they provide.
pub(crate) struct Packages<'a> {
    suite: &'a str,
    by_name: HashMap<&'a str, Stanza<'a>>,
    providers: HashMap<&'a str, Vec<&'a str>>,
}

/// What is needed to download a package and to name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Where it is, below the mirror's base.
    pub(crate) filename: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The SHA-256 of the `.deb`, in lower-case hexadecimal.
    pub(crate) sha256: String,
}

impl std::fmt::Display for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl<'a> Packages<'a> {
    /// Reads an index. Of several versions of a package the latest counts.
    pub(crate) fn parse(text: &'a str, suite: &'a str) -> Self {
        let mut by_name: HashMap<&str, Stanza<'a>> = HashMap::new();
        for stanza in deb822::stanzas(text) {
            let Some(name) = stanza.get("Package") else { continue };
            let version_of = |stanza: &Stanza<'a>| stanza.get("Version").unwrap_or_default();
            match by_name.get(name) {
                Some(known) if version::compare(version_of(known), version_of(&stanza)).is_ge() => {}
                _ => {
                    by_name.insert(name, stanza);
                }
            }
        }
        let mut providers: HashMap<&str, Vec<&str>> = HashMap::new();
        for (name, stanza) in &by_name {
            for provided in relation::dependencies(stanza.get("Provides").unwrap_or_default()).flatten() {
                providers.entry(provided.name).or_default().push(name);
            }
        }
        providers.values_mut().for_each(|names| names.sort_unstable());
        Self { suite, by_name, providers }
    }

    /// The packages named and all that they depend on: dependencies before what needs them, as far as they
    /// form no circle.
    ///
    /// # Errors
    /// [`DebianError::NoPackage`] for a name that is not there, [`DebianError::Unsatisfied`] for a dependency
    /// without a candidate, [`DebianError::Index`] for an entry that lacks what a download needs.
    pub(crate) fn closure(&self, names: &[String]) -> Result<Vec<Package>, DebianError> {
        let mut walk = Walk { seen: BTreeSet::new(), order: Vec::new() };
        for name in names {
            let candidate = self.candidate(&Alternative { name, version: None });
            self.visit(candidate.ok_or_else(|| self.no_package(name))?, &mut walk)?;
        }
        Ok(walk.order)
    }

    /// Depth first, on a stack of our own: the depth is the archive's to choose.
    fn visit(&self, root: &'a str, walk: &mut Walk<'a>) -> Result<(), DebianError> {
        if !walk.seen.insert(root) {
            return Ok(());
        }
        let mut stack = vec![(root, self.dependencies(root, walk)?)];
        while let Some((name, pending)) = stack.last_mut() {
            match pending.pop() {
                Some(next) if walk.seen.insert(next) => stack.push((next, self.dependencies(next, walk)?)),
                Some(_) => {}
                None => {
                    walk.order.push(self.package(name)?);
                    stack.pop();
                }
            }
        }
        Ok(())
    }

    /// What is to be installed for each of a package's dependencies, last first.
    fn dependencies(&self, name: &str, walk: &Walk<'a>) -> Result<Vec<&'a str>, DebianError> {
        let Some(stanza) = self.by_name.get(name) else { return Ok(Vec::new()) };
        let fields = ["Pre-Depends", "Depends"].map(|field| stanza.get(field).unwrap_or_default());
        let mut chosen = Vec::new();
        for alternatives in fields.into_iter().flat_map(relation::dependencies) {
            // An alternative that is taken anyway needs no second package.
            let candidates = || alternatives.iter().filter_map(|alternative| self.candidate(alternative));
            let choice = candidates().find(|name| walk.seen.contains(name)).or_else(|| candidates().next());
            chosen.push(choice.ok_or_else(|| DebianError::Unsatisfied {
                package: name.to_owned(),
                dependency: alternatives.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
                suite: self.suite.to_owned(),
            })?);
        }
        chosen.reverse();
        Ok(chosen)
    }

    /// The package that satisfies an alternative: the one of that name, else the first that provides it.
    fn candidate(&self, wanted: &Alternative<'_>) -> Option<&'a str> {
        if let Some((name, stanza)) = self.by_name.get_key_value(wanted.name)
            && wanted.admits(stanza.get("Version").unwrap_or_default())
        {
            return Some(name);
        }
        let providers = self.providers.get(wanted.name)?;
        providers.iter().copied().find(|name| self.provides(name, wanted))
    }

    /// Only a provision with a version satisfies a dependency with one (deb-control(5), Provides).
    fn provides(&self, name: &str, wanted: &Alternative<'_>) -> bool {
        let field = self.by_name.get(name).and_then(|stanza| stanza.get("Provides")).unwrap_or_default();
        relation::dependencies(field).flatten().any(|provided| {
            provided.name == wanted.name
                && match provided.version {
                    Some((Operator::Equal, version)) => wanted.admits(version),
                    _ => wanted.version.is_none(),
                }
        })
    }

    fn package(&self, name: &str) -> Result<Package, DebianError> {
        let stanza = self.by_name.get(name);
        let field = |field: &'static str| {
            stanza
                .and_then(|stanza| stanza.get(field))
                .ok_or_else(|| DebianError::Index { reason: format!("{name} has no {field}") })
        };
        let malformed =
            |field: &str| DebianError::Index { reason: format!("{name} has a malformed {field}") };
        let filename = field("Filename")?;
        if filename.starts_with('/') || filename.split('/').any(|part| part == "..") {
            return Err(malformed("Filename"));
        }
        Ok(Package {
            name: name.to_owned(),
            version: field("Version")?.to_owned(),
            filename: filename.to_owned(),
            size: field("Size")?.parse().map_err(|_| malformed("Size"))?,
            sha256: parse_sha256(field("SHA256")?).ok_or_else(|| malformed("SHA256"))?,
        })
    }

    fn no_package(&self, name: &str) -> DebianError {
        let distance = |known: &str| strsim::damerau_levenshtein(name, known);
        let nearest = self.by_name.keys().map(|known| (distance(known), *known)).min();
        let suggestion = match nearest {
            Some((distance, known)) if distance <= SUGGESTION_DISTANCE => {
                format!("; did you mean {known:?}?")
            }
            _ => String::new(),
        };
        DebianError::NoPackage { name: name.to_owned(), suite: self.suite.to_owned(), suggestion }
    }
}

struct Walk<'a> {
    seen: BTreeSet<&'a str>,
    order: Vec<Package>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index of packages given as `name version` and further fields.
    fn index(packages: &[(&str, &str)]) -> String {
        let sha = "0".repeat(64);
        packages
            .iter()
            .map(|(name_version, fields)| {
                let (name, version) = name_version.split_once(' ').expect("name and version");
                format!(
                    "Package: {name}\nVersion: {version}\nFilename: pool/{name}.deb\nSize: 1\nSHA256: {sha}\n\
                     {fields}\n\n"
                )
            })
            .collect()
    }

    fn closure(packages: &[(&str, &str)], names: &[&str]) -> Result<Vec<String>, String> {
        let text = index(packages);
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let closure = Packages::parse(&text, "trixie").closure(&names).map_err(|error| error.to_string())?;
        Ok(closure.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn dependencies_come_first_and_once() {
        let packages = [
            ("app 1", "Pre-Depends: base\nDepends: lib (>= 2), base"),
            ("lib 2", "Depends: base"),
            ("base 3", ""),
            ("other 1", ""),
        ];
        assert_eq!(closure(&packages, &["app"]).expect("closed"), ["base 3", "lib 2", "app 1"]);
        assert_eq!(closure(&packages, &["base", "app", "base"]).expect("closed").len(), 3);
    }

    #[test]
    fn circles_end() {
        let packages = [("a 1", "Depends: b"), ("b 1", "Depends: c"), ("c 1", "Depends: a, c")];
        assert_eq!(closure(&packages, &["a"]).expect("closed"), ["c 1", "b 1", "a 1"]);
    }

    #[test]
    fn the_first_alternative_that_fits_is_taken() {
        let packages =
            [("app 1", "Depends: old (>= 2) | new | newer"), ("old 1", ""), ("new 1", ""), ("newer 1", "")];
        assert_eq!(closure(&packages, &["app"]).expect("closed"), ["new 1", "app 1"]);
        let taken_anyway = closure(&packages, &["newer", "app"]).expect("closed");
        assert_eq!(taken_anyway, ["newer 1", "app 1"]);
    }

    #[test]
    fn provided_names_satisfy() {
        let packages = [
            ("app 1", "Depends: awk, api (>= 2)"),
            ("mawk 1", "Provides: awk, api"),
            ("impl-1 9", "Provides: api (= 1)"),
            ("impl-2 9", "Provides: api (= 2.1)"),
        ];
        assert_eq!(closure(&packages, &["app"]).expect("closed"), ["mawk 1", "impl-2 9", "app 1"]);
        assert_eq!(closure(&packages, &["awk"]).expect("closed"), ["mawk 1"], "also when asked for by name");
    }

    #[test]
    fn the_latest_version_counts() {
        let packages = [("a 1.9", ""), ("a 1.10", ""), ("a 1.2", "")];
        assert_eq!(closure(&packages, &["a"]).expect("closed"), ["a 1.10"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let packages = [("busybox-static 1", ""), ("app 1", "Depends: lib (>= 2) | gone"), ("lib 1", "")];
        assert_eq!(
            closure(&packages, &["busybox-statc"]).expect_err("missing"),
            "there is no package \"busybox-statc\" in trixie for riscv64; did you mean \"busybox-static\"?"
        );
        assert_eq!(
            closure(&packages, &["zzz"]).expect_err("missing"),
            "there is no package \"zzz\" in trixie for riscv64"
        );
        assert_eq!(
            closure(&packages, &["app"]).expect_err("unsatisfied"),
            "app depends on lib (>= 2) | gone, which trixie does not have"
        );
    }

    #[test]
    fn entries_that_could_mislead_a_download_are_refused() {
        for (fields, what) in [
            ("SHA256: ../../x", "SHA256"),
            ("Filename: ../../secret", "Filename"),
            ("Filename: /etc/passwd", "Filename"),
            ("Size: -1", "Size"),
        ] {
            // The first field of a name counts, so the bad one goes in front.
            let text = format!("{fields}\n{}", index(&[("a 1", "")]));
            let error = Packages::parse(&text, "trixie").closure(&["a".into()]).expect_err(what).to_string();
            assert_eq!(error, format!("the package index is malformed: a has a malformed {what}"));
        }
    }

    #[test]
    fn long_chains_need_no_stack() {
        let names: Vec<String> = (0..50_000).map(|i| format!("p{i} 1")).collect();
        let fields: Vec<String> = (0..50_000).map(|i| format!("Depends: p{}", (i + 1) % 50_000)).collect();
        let packages: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(fields.iter().map(String::as_str)).collect();
        assert_eq!(closure(&packages, &["p0"]).expect("closed").len(), 50_000);
    }
}
