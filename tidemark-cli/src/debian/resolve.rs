//! From names to packages: what must be installed with what is asked for, as apt chooses it.
//!
//! A backtracking search. Each package has one candidate version; a dependency is a clause of which one package must be
//! installed. What a clause leaves no choice about is done at once; else the first alternative is tried, then the next.
//! Conflicts rule packages out. So the outcome is the first choice everywhere, where that is possible.

use std::collections::{HashMap, VecDeque};

use super::error::DebianError;
use super::packages::{Id, Package, Packages};
use super::relation;
use super::resolution::Resolution;

/// So many dead ends are looked at before a request counts as too hard.
const MAX_DEAD_ENDS: u32 = 10_000;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal<'a> {
    /// Names of packages.
    pub(super) names: &'a [String],
    /// Whether what packages recommend is wanted, where it can be had.
    pub(super) recommends: bool,
    /// Which essential packages come along.
    pub(super) essential: Essential,
}

/// Which essential packages come along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Essential {
    /// All, unless what is asked for needs nothing.
    IfNeeded,
    /// None but those that are depended upon.
    No,
}

/// Finds the packages that `goal` needs.
///
/// # Errors
/// [`DebianError::NoPackage`] and [`DebianError::Virtual`] for a name, [`DebianError::Unsatisfied`] and
/// [`DebianError::Conflict`] if it cannot be done, [`DebianError::Index`] for an entry that lacks what a download needs.
pub(super) fn resolve(index: &Packages<'_>, goal: Goal<'_>) -> Result<Resolution, DebianError> {
    let wanted = goal.names.iter().map(|name| index.named(name)).collect::<Result<Vec<_>, _>>()?;
    let wants_base =
        goal.essential == Essential::IfNeeded && !wanted.iter().all(|&id| is_self_contained(index, id));
    let essential = if wants_base { index.essential() } else { Vec::new() };
    // The base is the same for all requests, as on any Debian; unless what is asked for conflicts with it.
    let mut solver = Solver::new(index);
    solver.ask_for(&essential);
    solver.solve()?;
    let solved = solver.also(&wanted);
    let mut solver = match solved {
        Ok(solver) => solver,
        Err(first) if essential.is_empty() => return Err(first),
        Err(first) => {
            let mut solver = Solver::new(index);
            solver.ask_for(&wanted);
            solver.ask_for(&essential);
            solver.solve().map_err(|_| first)?;
            solver
        }
    };
    if goal.recommends {
        solver.add_recommended();
    }
    let mut order = Order { solver: &solver, seen: vec![false; index.len()], out: Vec::new() };
    essential.iter().for_each(|&id| order.visit(id));
    let base_len = order.out.len();
    wanted.iter().copied().chain(0..index.len()).for_each(|id| order.visit(id));
    let mut packages =
        order.out.iter().map(|&id| solver.package(id)).collect::<Result<Vec<_>, DebianError>>()?;
    let rest = packages.split_off(base_len);
    Ok(Resolution { base: packages, packages: rest })
}

/// Whether a package runs on its own: made for the architecture, but in need of no library, not even the C library.
/// Scripts, which may use any essential package without saying so, are for all architectures.
fn is_self_contained(index: &Packages<'_>, id: Id) -> bool {
    index.field(id, "Architecture") != "all"
        && index.field(id, "Essential") != "yes"
        && ["Pre-Depends", "Depends"].iter().all(|field| index.field(id, field).is_empty())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Installed,
    Excluded,
}

/// One package of these is to be installed.
#[derive(Clone, Debug)]
struct Clause {
    /// Who needs it; `None` for what was asked for.
    by: Option<Id>,
    /// As the field has it.
    text: String,
    choices: Vec<Id>,
}

/// A choice that was made, and what to undo with it.
#[derive(Clone, Copy, Debug)]
struct Level {
    trail: usize,
    clauses: usize,
    cursor: usize,
    chosen: Id,
}

#[derive(Clone)]
struct Solver<'a, 'i> {
    index: &'a Packages<'i>,
    states: Vec<State>,
    /// The clause for which a package was installed.
    reasons: HashMap<Id, usize>,
    /// Which installed package a package was excluded by.
    excluded_by: HashMap<Id, Id>,
    /// What was installed or excluded, in order.
    trail: Vec<Id>,
    clauses: Vec<Clause>,
    /// The clauses that each package would satisfy.
    occurs: HashMap<Id, Vec<usize>>,
    /// Clauses to look at again.
    dirty: VecDeque<usize>,
    /// All clauses before it are satisfied.
    cursor: usize,
    levels: Vec<Level>,
    dead_ends: u32,
}

impl<'a, 'i> Solver<'a, 'i> {
    fn new(index: &'a Packages<'i>) -> Self {
        Self {
            index,
            states: vec![State::Open; index.len()],
            reasons: HashMap::new(),
            excluded_by: HashMap::new(),
            trail: Vec::new(),
            clauses: Vec::new(),
            occurs: HashMap::new(),
            dirty: VecDeque::new(),
            cursor: 0,
            levels: Vec::new(),
            dead_ends: 0,
        }
    }

    fn ask_for(&mut self, wanted: &[Id]) {
        for &id in wanted {
            let text = self.index.name(id).to_owned();
            self.add_clause(Clause { by: None, text, choices: vec![id] });
        }
    }

    /// Goes on with further packages: what is chosen stays chosen.
    fn also(&self, wanted: &[Id]) -> Result<Self, DebianError> {
        let mut solver = self.clone();
        solver.levels.clear();
        solver.ask_for(wanted);
        solver.solve()?;
        Ok(solver)
    }

    /// Searches until all clauses are satisfied.
    ///
    /// # Errors
    /// What stood in the way of the first choices.
    fn solve(&mut self) -> Result<(), DebianError> {
        let mut first = None;
        loop {
            let step = match self.propagate() {
                Ok(()) => match self.next_open() {
                    None => return Ok(()),
                    Some((clause, chosen)) => {
                        self.levels.push(Level {
                            trail: self.trail.len(),
                            clauses: self.clauses.len(),
                            cursor: self.cursor,
                            chosen,
                        });
                        self.install(chosen, clause)
                    }
                },
                Err(error) => Err(error),
            };
            let Err(error) = step else { continue };
            let error = first.get_or_insert(error);
            self.dead_ends += 1;
            let Some(level) = self.levels.pop().filter(|_| self.dead_ends < MAX_DEAD_ENDS) else {
                return Err(std::mem::replace(error, DebianError::Index { reason: String::new() }));
            };
            self.undo(level);
        }
    }

    /// Back to before a choice, which is ruled out.
    fn undo(&mut self, level: Level) {
        for id in self.trail.drain(level.trail..) {
            self.states[id] = State::Open;
            self.reasons.remove(&id);
            self.excluded_by.remove(&id);
        }
        for (number, clause) in self.clauses.iter().enumerate().skip(level.clauses) {
            for choice in &clause.choices {
                if let Some(occurs) = self.occurs.get_mut(choice) {
                    occurs.retain(|&clause| clause != number);
                }
            }
        }
        self.clauses.truncate(level.clauses);
        self.cursor = level.cursor;
        self.dirty.clear();
        self.exclude(level.chosen, None);
    }

    /// Does all that is left no choice about.
    fn propagate(&mut self) -> Result<(), DebianError> {
        while let Some(number) = self.dirty.pop_front() {
            let clause = &self.clauses[number];
            if clause.choices.iter().any(|&id| self.states[id] == State::Installed) {
                continue;
            }
            let mut open = clause.choices.iter().filter(|&&id| self.states[id] == State::Open);
            match (open.next(), open.next()) {
                (None, _) => return Err(self.unsatisfied(number)),
                (Some(&only), None) => self.install(only, number)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The first clause with a choice to make, and what to choose.
    fn next_open(&mut self) -> Option<(usize, Id)> {
        while let Some(clause) = self.clauses.get(self.cursor) {
            let is_met = clause.choices.iter().any(|&id| self.states[id] == State::Installed);
            match clause.choices.iter().find(|&&id| self.states[id] == State::Open) {
                Some(&choice) if !is_met => return Some((self.cursor, choice)),
                _ => self.cursor += 1,
            }
        }
        None
    }

    fn install(&mut self, id: Id, reason: usize) -> Result<(), DebianError> {
        self.states[id] = State::Installed;
        self.reasons.insert(id, reason);
        self.trail.push(id);
        let index = self.index;
        for field in ["Conflicts", "Breaks"] {
            for relation in relation::dependencies(index.field(id, field)).flatten() {
                for other in index.satisfying(&relation).into_iter().filter(|&other| other != id) {
                    match self.states[other] {
                        State::Installed => return Err(self.conflict(id, other)),
                        State::Open => self.exclude(other, Some(id)),
                        State::Excluded => {}
                    }
                }
            }
        }
        for field in ["Pre-Depends", "Depends"] {
            self.add_dependencies(id, field);
        }
        Ok(())
    }

    fn exclude(&mut self, id: Id, by: Option<Id>) {
        self.states[id] = State::Excluded;
        if let Some(by) = by {
            self.excluded_by.insert(id, by);
        }
        self.trail.push(id);
        self.dirty.extend(self.occurs.get(&id).into_iter().flatten());
    }

    fn add_dependencies(&mut self, id: Id, field: &str) {
        for alternatives in relation::dependencies(self.index.field(id, field)) {
            let text = alternatives.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
            let mut choices = Vec::new();
            for choice in alternatives.iter().flat_map(|alternative| self.index.satisfying(alternative)) {
                if !choices.contains(&choice) {
                    choices.push(choice);
                }
            }
            self.add_clause(Clause { by: Some(id), text, choices });
        }
    }

    fn add_clause(&mut self, clause: Clause) {
        let number = self.clauses.len();
        for &choice in &clause.choices {
            self.occurs.entry(choice).or_default().push(number);
        }
        self.clauses.push(clause);
        self.dirty.push_back(number);
    }

    /// Adds what the installed packages recommend, and what comes with that, as far as it goes.
    fn add_recommended(&mut self) {
        let mut at = 0;
        while let Some(&id) = self.trail.get(at) {
            at += 1;
            if self.states[id] != State::Installed {
                continue;
            }
            for alternatives in relation::dependencies(self.index.field(id, "Recommends")) {
                let choices: Vec<Id> =
                    alternatives.iter().flat_map(|alternative| self.index.satisfying(alternative)).collect();
                if choices.iter().any(|&choice| self.states[choice] == State::Installed) {
                    continue;
                }
                if let Some(solver) = choices.iter().find_map(|&choice| self.also(&[choice]).ok()) {
                    *self = solver;
                }
            }
        }
    }

    /// Why a package is to be installed, from what was asked for on: `app depends on lib, lib depends on base`.
    fn chain(&self, id: Id) -> Vec<String> {
        let mut chain = Vec::new();
        let mut at = id;
        while let Some(clause) = self.reasons.get(&at).and_then(|&reason| self.clauses.get(reason)) {
            let Some(by) = clause.by.filter(|_| chain.len() < self.index.len()) else { break };
            chain.push(format!("{} depends on {}", self.index.name(by), clause.text));
            at = by;
        }
        chain.reverse();
        chain
    }

    fn unsatisfied(&self, number: usize) -> DebianError {
        let clause = &self.clauses[number];
        let blocked =
            clause.choices.iter().find_map(|choice| Some((*choice, *self.excluded_by.get(choice)?)));
        if let Some((blocked, by)) = blocked {
            let mut chains = clause.by.map_or_else(Vec::new, |by| self.chain(by));
            if let Some(by) = clause.by {
                chains.push(format!("{} depends on {}", self.index.name(by), clause.text));
            }
            return self.conflict_between(by, blocked, chains);
        }
        let mut chain = clause.by.map_or_else(Vec::new, |by| self.chain(by));
        chain.push(format!("{} depends on {}", clause.by.map_or("", |by| self.index.name(by)), clause.text));
        let suite = self.index.suite();
        let name = clause.text.split([' ', ':']).next().unwrap_or_default();
        let reason = match self.index.version_of_name(name) {
            Some(version) if !clause.text.contains('|') => format!("but {suite} has {name} {version}"),
            _ => format!("which {suite} does not have"),
        };
        DebianError::Unsatisfied { chain: chain.join(", "), reason }
    }

    fn conflict(&self, one: Id, other: Id) -> DebianError {
        self.conflict_between(one, other, self.chain(other))
    }

    fn conflict_between(&self, one: Id, other: Id, mut chains: Vec<String>) -> DebianError {
        chains.extend(self.chain(one));
        chains.dedup();
        let because = if chains.is_empty() { String::new() } else { format!("; {}", chains.join(", ")) };
        DebianError::Conflict {
            one: self.index.name(one).to_owned(),
            other: self.index.name(other).to_owned(),
            because,
        }
    }

    /// The installed packages that a package depends on, by field.
    fn needs(&self, id: Id, field: &str) -> Vec<Id> {
        relation::dependencies(self.index.field(id, field))
            .filter_map(|alternatives| {
                alternatives
                    .iter()
                    .flat_map(|alternative| self.index.satisfying(alternative))
                    .find(|&choice| self.states[choice] == State::Installed)
            })
            .collect()
    }

    fn package(&self, id: Id) -> Result<Package, DebianError> {
        let pre_depends = self.needs(id, "Pre-Depends");
        self.index.package(id, pre_depends.iter().map(|&id| self.index.name(id).to_owned()).collect())
    }
}

/// A walk over the installed packages: dependencies before what needs them, as far as they form no circle.
struct Order<'s, 'a, 'i> {
    solver: &'s Solver<'a, 'i>,
    seen: Vec<bool>,
    out: Vec<Id>,
}

impl Order<'_, '_, '_> {
    /// Depth first, on a stack of our own: the depth is the archive's to choose.
    fn visit(&mut self, root: Id) {
        if self.solver.states[root] != State::Installed || std::mem::replace(&mut self.seen[root], true) {
            return;
        }
        let mut stack = vec![(root, self.needs(root))];
        while let Some((id, pending)) = stack.last_mut() {
            match pending.pop() {
                Some(next) if !std::mem::replace(&mut self.seen[next], true) => {
                    stack.push((next, self.needs(next)));
                }
                Some(_) => {}
                None => {
                    self.out.push(*id);
                    stack.pop();
                }
            }
        }
    }

    /// What comes before a package, last first. A circle is cut at a `Depends` rather than a `Pre-Depends`, if it can be.
    fn needs(&self, id: Id) -> Vec<Id> {
        let mut needs = self.solver.needs(id, "Pre-Depends");
        needs.extend(self.solver.needs(id, "Depends"));
        needs.reverse();
        needs
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// An index of packages given as `name version` and further fields.
    pub(in super::super) fn index(packages: &[(&str, &str)]) -> String {
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

    fn resolved(packages: &[(&str, &str)], names: &[&str], recommends: bool) -> Result<Resolution, String> {
        let text = index(packages);
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let goal = Goal { names: &names, recommends, essential: Essential::IfNeeded };
        resolve(&Packages::parse(&text, "trixie"), goal).map_err(|error| error.to_string())
    }

    fn names(packages: &[Package]) -> Vec<&str> {
        packages.iter().map(|package| package.name.as_str()).collect()
    }

    /// The names of all packages that come with `names`, in order.
    fn closure(packages: &[(&str, &str)], wanted: &[&str]) -> Result<String, String> {
        let resolution = resolved(packages, wanted, false)?;
        let all: Vec<Package> = resolution.all().cloned().collect();
        Ok(names(&all).join(" "))
    }

    #[test]
    fn dependencies_come_first_and_once() {
        let packages = [
            ("app 1", "Pre-Depends: base\nDepends: lib (>= 2), base"),
            ("lib 2", "Depends: base"),
            ("base 3", ""),
            ("other 1", ""),
        ];
        assert_eq!(closure(&packages, &["app"]).expect("closed"), "base lib app");
        assert_eq!(closure(&packages, &["base", "app", "base"]).expect("closed"), "base lib app");
        let app = resolved(&packages, &["app"], false).expect("closed").packages.pop().expect("the last");
        assert_eq!(app.pre_depends, ["base"]);
    }

    #[test]
    fn circles_end() {
        let packages = [("a 1", "Depends: b"), ("b 1", "Depends: c"), ("c 1", "Depends: a, c")];
        assert_eq!(closure(&packages, &["a"]).expect("closed"), "c b a");
    }

    #[test]
    fn the_first_alternative_that_fits_is_taken() {
        let packages =
            [("app 1", "Depends: old (>= 2) | new | newer"), ("old 1", ""), ("new 1", ""), ("newer 1", "")];
        assert_eq!(closure(&packages, &["app"]).expect("closed"), "new app");
        assert_eq!(closure(&packages, &["newer", "app"]).expect("closed"), "newer app", "taken anyway");
        assert_eq!(closure(&packages, &["app", "newer"]).expect("closed"), "newer app", "in any order");
    }

    #[test]
    fn an_alternative_that_leads_nowhere_is_given_up() {
        let packages = [
            ("app 1", "Depends: first | second"),
            ("first 1", "Depends: middle"),
            ("middle 1", "Depends: gone | blocked"),
            ("blocked 1", "Conflicts: app"),
            ("second 1", ""),
        ];
        assert_eq!(closure(&packages, &["app"]).expect("closed"), "second app");
    }

    #[test]
    fn conflicts_steer_choices() {
        let packages = [
            ("app 1", "Depends: mta"),
            ("exim 1", "Provides: mta\nConflicts: mta\nPriority: important"),
            ("postfix 1", "Provides: mta\nConflicts: mta"),
            ("hater 1", "Breaks: exim (<< 2)"),
            ("tool 1", "Depends: postfix"),
        ];
        assert_eq!(closure(&packages, &["app"]).expect("closed"), "exim app");
        assert_eq!(closure(&packages, &["app", "hater"]).expect("closed"), "postfix app hater");
        assert_eq!(closure(&packages, &["app", "tool"]).expect("closed"), "postfix app tool");
        assert_eq!(
            closure(&packages, &["hater", "exim"]).expect_err("conflict"),
            "hater and exim cannot be installed together: leave one out"
        );
        assert_eq!(
            closure(&packages, &["exim", "tool"]).expect_err("conflict"),
            "exim and postfix cannot be installed together; tool depends on postfix: leave one out"
        );
    }

    #[test]
    fn what_cannot_be_satisfied_is_told_with_its_chain() {
        let packages = [
            ("app 1", "Depends: lib (>= 2) | gone"),
            ("old 1", "Depends: lib (>= 2)"),
            ("user 1", "Depends: old"),
            ("lib 1", ""),
        ];
        assert_eq!(
            closure(&packages, &["app"]).expect_err("unsatisfied"),
            "app depends on lib (>= 2) | gone, which trixie does not have: leave it out, or try another mirror"
        );
        assert_eq!(
            closure(&packages, &["user"]).expect_err("unsatisfied"),
            "user depends on old, old depends on lib (>= 2), but trixie has lib 1: leave it out, or try another mirror"
        );
    }

    #[test]
    fn essential_packages_are_the_base_of_all_but_static_programs() {
        let packages = [
            ("shell 1", "Essential: yes\nPre-Depends: libc\nDepends: awk"),
            ("libc 1", "Architecture: riscv64"),
            ("mawk 1", "Provides: awk\nPriority: required\nDepends: libc"),
            ("gawk 1", "Provides: awk\nDepends: libc"),
            ("script 1", "Architecture: all"),
            ("static 1", "Architecture: riscv64"),
            ("hater 1", "Conflicts: mawk\nDepends: libc"),
        ];
        let resolved = |names: &[&str]| resolved(&packages, names, false).expect("closed");
        for name in ["script", "gawk", "shell"] {
            let resolution = resolved(&[name]);
            assert_eq!(names(&resolution.base), ["libc", "mawk", "shell"], "the same with {name}");
            assert!(!names(&resolution.packages).contains(&"shell"));
        }
        let alone = resolved(&["static"]);
        assert_eq!((names(&alone.base), names(&alone.packages)), (vec![], vec!["static"]));
        let conflicting = resolved(&["hater"]);
        assert_eq!(names(&conflicting.base), ["libc", "gawk", "shell"], "another, if there must be");
    }

    #[test]
    fn recommended_packages_come_if_wanted_and_possible() {
        let packages = [
            ("app 1", "Recommends: extra, gone, enemy, first | second"),
            ("extra 1", "Depends: lib\nRecommends: more"),
            ("more 1", ""),
            ("lib 1", ""),
            ("enemy 1", "Conflicts: app"),
            ("first 1", "Depends: gone"),
            ("second 1", ""),
        ];
        let all = resolved(&packages, &["app"], true).expect("closed").packages;
        let mut all = names(&all);
        all.sort_unstable();
        assert_eq!(all, ["app", "extra", "lib", "more", "second"]);
        assert_eq!(closure(&packages, &["app"]).expect("closed"), "app");
    }

    #[test]
    fn long_chains_need_no_stack() {
        let names: Vec<String> = (0..20_000).map(|i| format!("p{i} 1")).collect();
        let fields: Vec<String> = (0..20_000).map(|i| format!("Depends: p{}", (i + 1) % 20_000)).collect();
        let packages: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(fields.iter().map(String::as_str)).collect();
        assert_eq!(closure(&packages, &["p0"]).expect("closed").split(' ').count(), 20_000);
    }

    /// What a small archive can be: for each package its dependencies, as alternatives, and its conflicts.
    type Archive = Vec<(Vec<Vec<usize>>, Vec<usize>)>;

    fn is_solution(archive: &Archive, installed: u32, wanted: usize) -> bool {
        let has = |id: usize| installed & (1 << id) != 0;
        has(wanted)
            && archive.iter().enumerate().all(|(id, (depends, conflicts))| {
                !has(id)
                    || (depends.iter().all(|clause| clause.iter().any(|&other| has(other)))
                        && conflicts.iter().all(|&other| other == id || !has(other)))
            })
    }

    proptest! {
        /// A solution is found if there is one, and is one.
        #[test]
        fn it_finds_what_trying_all_finds(
            archive in vec((vec(vec(0..8_usize, 1..3), 0..3), vec(0..8_usize, 0..2)), 8),
        ) {
            let names: Vec<String> = (0..8).map(|id| format!("p{id} 1")).collect();
            let fields: Vec<String> = archive
                .iter()
                .map(|(depends, conflicts)| {
                    let clause = |clause: &Vec<usize>| {
                        clause.iter().map(|id| format!("p{id}")).collect::<Vec<_>>().join(" | ")
                    };
                    let depends = depends.iter().map(clause).collect::<Vec<_>>().join(", ");
                    let conflicts = conflicts.iter().map(|id| format!("p{id}")).collect::<Vec<_>>().join(", ");
                    format!("Depends: {depends}\nConflicts: {conflicts}")
                })
                .collect();
            let packages: Vec<(&str, &str)> =
                names.iter().map(String::as_str).zip(fields.iter().map(String::as_str)).collect();
            let exists = (0..1_u32 << 8).any(|installed| is_solution(&archive, installed, 0));
            match closure(&packages, &["p0"]) {
                Ok(found) => {
                    let number = |name: &str| name[1..].parse::<usize>().expect("a number");
                    let installed = found.split(' ').fold(0, |set, name| set | 1 << number(name));
                    prop_assert!(is_solution(&archive, installed, 0), "{found}");
                }
                Err(error) => prop_assert!(!exists, "{error}"),
            }
        }
    }
}
