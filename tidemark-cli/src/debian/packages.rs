//! A `Packages` index: which packages a suite has, and what each says of others (deb-packages(5)).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::ARCHITECTURE;
use super::deb822::{self, Stanza};
use super::error::DebianError;
use super::relation::{self, Alternative, Operator};
use super::release::parse_sha256;
use super::version;

/// How many letters may differ between a name that is missing and one that is suggested.
const SUGGESTION_DISTANCE: usize = 2;

/// All packages of a suite, by name and by what they provide. As in apt, one version of each is the candidate: the one
/// that is asked for, else the latest.
pub(crate) struct Packages<'a> {
    suite: &'a str,
    entries: Vec<Entry<'a>>,
    by_name: HashMap<&'a str, Id>,
    providers: HashMap<&'a str, Vec<Id>>,
}

/// A package's place in the index.
pub(crate) type Id = usize;

/// One package.
struct Entry<'a> {
    name: &'a str,
    candidate: Stanza<'a>,
    /// The versions that are not the candidate.
    others: Vec<Stanza<'a>>,
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
    /// Packages that must be configured before this one is unpacked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pre_depends: Vec<String>,
}

impl std::fmt::Display for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl<'a> Packages<'a> {
    /// Reads an index.
    pub(crate) fn parse(text: &'a str, suite: &'a str) -> Self {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        let mut by_name: HashMap<&str, Id> = HashMap::new();
        for stanza in deb822::stanzas(text) {
            let Some(name) = stanza.get("Package") else { continue };
            let version_of = |stanza: &Stanza<'a>| stanza.get("Version").unwrap_or_default();
            match by_name.get(name) {
                None => {
                    by_name.insert(name, entries.len());
                    entries.push(Entry { name, candidate: stanza, others: Vec::new() });
                }
                Some(&id) => {
                    let entry = &mut entries[id];
                    let is_later =
                        version::compare(version_of(&stanza), version_of(&entry.candidate)).is_gt();
                    let other =
                        if is_later { std::mem::replace(&mut entry.candidate, stanza) } else { stanza };
                    entry.others.push(other);
                }
            }
        }
        let mut packages = Self { suite, entries, by_name, providers: HashMap::new() };
        packages.collect_providers();
        packages
    }

    /// Who provides which name, in the order of apt's preference.
    fn collect_providers(&mut self) {
        let mut providers: HashMap<&str, Vec<Id>> = HashMap::new();
        for (id, entry) in self.entries.iter().enumerate() {
            for provided in
                relation::dependencies(entry.candidate.get("Provides").unwrap_or_default()).flatten()
            {
                let known = providers.entry(provided.name).or_default();
                if known.last() != Some(&id) {
                    known.push(id);
                }
            }
        }
        for ids in providers.values_mut() {
            ids.sort_by_key(|&id| (!self.is_essential(id), self.priority(id), self.name(id)));
        }
        self.providers = providers;
    }

    /// Makes a version the candidate of its package.
    ///
    /// # Errors
    /// [`DebianError::NoPackage`], [`DebianError::NoVersion`].
    pub(crate) fn pin(&mut self, name: &str, version: &str) -> Result<(), DebianError> {
        let id = *self.by_name.get(name).ok_or_else(|| self.no_package(name))?;
        let suite = self.suite.to_owned();
        let entry = &mut self.entries[id];
        let is_wanted = |stanza: &Stanza<'_>| {
            stanza.get("Version").is_some_and(|known| version::compare(known, version).is_eq())
        };
        if !is_wanted(&entry.candidate) {
            let Some(other) = entry.others.iter_mut().find(|other| is_wanted(other)) else {
                let stanzas = std::iter::once(&entry.candidate).chain(&entry.others);
                let known: Vec<&str> = stanzas.filter_map(|stanza| stanza.get("Version")).collect();
                return Err(DebianError::NoVersion {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    suite,
                    known: known.join(" and "),
                });
            };
            std::mem::swap(&mut entry.candidate, other);
            self.collect_providers();
        }
        Ok(())
    }

    /// The package that a user names: a real one, or the only one that provides the name.
    ///
    /// # Errors
    /// [`DebianError::NoPackage`], [`DebianError::Virtual`] if several provide it.
    pub(crate) fn named(&self, name: &str) -> Result<Id, DebianError> {
        if let Some(&id) = self.by_name.get(name) {
            return Ok(id);
        }
        match self.providers.get(name).map(Vec::as_slice) {
            Some(&[only]) => Ok(only),
            Some(several @ [_, ..]) => Err(DebianError::Virtual {
                name: name.to_owned(),
                providers: several.iter().map(|&id| self.name(id)).collect::<Vec<_>>().join(", "),
            }),
            _ => Err(self.no_package(name)),
        }
    }

    /// All packages without which no Debian system works (`Essential: yes`).
    pub(crate) fn essential(&self) -> Vec<Id> {
        (0..self.entries.len()).filter(|&id| self.is_essential(id)).collect()
    }

    fn is_essential(&self, id: Id) -> bool {
        self.field(id, "Essential") == "yes"
    }

    /// Apt's rank of a package among those that provide the same; lower is better.
    fn priority(&self, id: Id) -> usize {
        const PRIORITIES: [&str; 5] = ["required", "important", "standard", "optional", "extra"];
        let priority = self.field(id, "Priority");
        PRIORITIES.iter().position(|known| *known == priority).unwrap_or(PRIORITIES.len())
    }

    /// How many packages there are; their places are below it.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// A package's name.
    pub(crate) fn name(&self, id: Id) -> &'a str {
        self.entries.get(id).map_or("", |entry| entry.name)
    }

    /// The version of a package's candidate.
    pub(crate) fn version(&self, id: Id) -> &'a str {
        self.field(id, "Version")
    }

    /// The suite that this is the index of.
    pub(crate) fn suite(&self) -> &'a str {
        self.suite
    }

    /// The version that a name's real package has; `None` if there is none.
    pub(crate) fn version_of_name(&self, name: &str) -> Option<&'a str> {
        self.by_name.get(name).map(|&id| self.version(id))
    }

    /// A field of a package's candidate; empty if it is not there.
    pub(crate) fn field(&self, id: Id, name: &str) -> &'a str {
        self.entries.get(id).and_then(|entry| entry.candidate.get(name)).unwrap_or_default()
    }

    /// The packages that satisfy an alternative, preferred first: the one of that name, then those that provide it.
    pub(crate) fn satisfying(&self, wanted: &Alternative<'_>) -> Vec<Id> {
        let real = self.by_name.get(wanted.name).copied().filter(|&id| {
            wanted.admits(self.version(id)) && self.is_of_architecture(id, wanted.architecture)
        });
        // `:any` asks for a package that may be foreign; what others provide is not such a package (deb-control(5)).
        let virtual_too = wanted.architecture.is_none_or(|architecture| architecture == ARCHITECTURE);
        let providers = self.providers.get(wanted.name).filter(|_| virtual_too).into_iter().flatten();
        let providers = providers.copied().filter(|&id| real != Some(id) && self.provides(id, wanted));
        real.into_iter().chain(providers).collect()
    }

    /// Whether a package can stand for one of that architecture here, where all are native (deb-control(5),
    /// Multi-Arch).
    fn is_of_architecture(&self, id: Id, architecture: Option<&str>) -> bool {
        match architecture {
            None => true,
            Some("any") => self.field(id, "Multi-Arch") == "allowed",
            Some(architecture) => {
                architecture == ARCHITECTURE || architecture == self.field(id, "Architecture")
            }
        }
    }

    /// Only a provision with a version satisfies a dependency with one (deb-control(5), Provides).
    fn provides(&self, id: Id, wanted: &Alternative<'_>) -> bool {
        relation::dependencies(self.field(id, "Provides")).flatten().any(|provided| {
            provided.name == wanted.name
                && match provided.version {
                    Some((Operator::Equal, version)) => wanted.admits(version),
                    _ => wanted.version.is_none(),
                }
        })
    }

    /// What is needed to download a package.
    ///
    /// # Errors
    /// [`DebianError::Index`] for an entry that lacks it, or that could mislead a download.
    pub(crate) fn package(&self, id: Id, pre_depends: Vec<String>) -> Result<Package, DebianError> {
        let name = self.name(id);
        let field = |field: &'static str| match self.field(id, field) {
            "" => Err(DebianError::Index { reason: format!("{name} has no {field}") }),
            value => Ok(value),
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
            pre_depends,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::resolve::tests::index;

    fn satisfying(packages: &[(&str, &str)], relation: &str) -> Vec<String> {
        let text = index(packages);
        let packages = Packages::parse(&text, "trixie");
        let wanted = relation::dependencies(relation).next().expect(relation);
        packages.satisfying(&wanted[0]).into_iter().map(|id| packages.name(id).to_owned()).collect()
    }

    #[test]
    fn real_packages_come_before_those_that_provide_by_rank() {
        let packages = [
            ("gawk 1", "Priority: optional\nProvides: awk"),
            ("original-awk 1", "Provides: awk\nPriority: optional"),
            ("mawk 1", "Priority: required\nProvides: awk"),
            ("essential-awk 1", "Priority: extra\nEssential: yes\nProvides: awk"),
        ];
        assert_eq!(satisfying(&packages, "awk"), ["essential-awk", "mawk", "gawk", "original-awk"]);
        let with_real = [packages[0], ("awk 1", "Priority: extra")];
        assert_eq!(satisfying(&with_real, "awk"), ["awk", "gawk"]);
    }

    #[test]
    fn versions_are_demanded_of_provisions_too() {
        let packages = [("a 1", "Provides: api, x (= 5)"), ("b 1", "Provides: api (= 2.1), x (>= 5)")];
        assert_eq!(satisfying(&packages, "api"), ["a", "b"]);
        assert_eq!(satisfying(&packages, "api (>= 2)"), ["b"]);
        assert_eq!(satisfying(&packages, "x (>= 5)"), ["a"], "only an exact version is one");
    }

    #[test]
    fn qualifiers_ask_for_architectures() {
        let packages = [("py 1", "Multi-Arch: allowed"), ("tool 1", "Multi-Arch: foreign"), ("lib 1", "")];
        assert_eq!(satisfying(&packages, "py:any"), ["py"]);
        assert_eq!(satisfying(&packages, "tool:any"), [""; 0]);
        assert_eq!(satisfying(&packages, "lib:riscv64"), ["lib"]);
        assert_eq!(satisfying(&packages, "lib:amd64"), [""; 0]);
    }

    #[test]
    fn a_version_can_be_asked_for() {
        let text = index(&[("a 1.9", ""), ("a 1.10", "Provides: new"), ("a 1.2", "Provides: old")]);
        let mut packages = Packages::parse(&text, "trixie");
        assert_eq!(packages.version_of_name("a"), Some("1.10"));
        assert!(packages.named("new").is_ok() && packages.named("old").is_err());
        packages.pin("a", "1.2").expect("there");
        assert_eq!(packages.version_of_name("a"), Some("1.2"));
        assert!(packages.named("old").is_ok() && packages.named("new").is_err());
        let error = packages.pin("a", "3").expect_err("missing").to_string();
        assert_eq!(error, "there is no version 3 of a in trixie, but 1.2 and 1.9 and 1.10: leave out \"=3\"");
    }

    #[test]
    fn names_that_several_provide_are_to_be_chosen_from() {
        let text = index(&[("gawk 1", "Provides: awk"), ("mawk 1", "Provides: awk, one")]);
        let packages = Packages::parse(&text, "trixie");
        assert_eq!(packages.named("one").map(|id| packages.name(id)).expect("one"), "mawk");
        let error = packages.named("awk").map(drop).expect_err("two").to_string();
        assert_eq!(error, "several packages provide \"awk\": name one of gawk, mawk");
    }

    #[test]
    fn what_is_missing_is_named() {
        let text = index(&[("busybox-static 1", "")]);
        let packages = Packages::parse(&text, "trixie");
        assert_eq!(
            packages.named("busybox-statc").expect_err("missing").to_string(),
            "there is no package \"busybox-statc\" in trixie for riscv64; did you mean \"busybox-static\"?"
        );
        assert_eq!(
            packages.named("zzz").expect_err("missing").to_string(),
            "there is no package \"zzz\" in trixie for riscv64"
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
            let error = Packages::parse(&text, "trixie").package(0, Vec::new()).expect_err(what).to_string();
            assert_eq!(error, format!("the package index is malformed: a has a malformed {what}"));
        }
    }
}
