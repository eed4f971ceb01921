//! Every error that a manual page documents for a system call is provoked by a guest program, or excused with a reason.
//!
//! `tests/guests/errors/documented.txt` has what the pages say, `excused.txt` the reasons. What is proved is found in the
//! expected output of the family `errors` (`call: ERROR`), and in the `CHECK_ERR` of all programs.

use std::collections::{BTreeMap, BTreeSet};

use tidemark_kernel::syscall::{ROWS, Support};
use tidemark_tests::{families, programs, sources};

/// A call and an error.
type Pair = (String, String);

/// Functions of the C library whose system call has another name.
const ALIASES: &[(&str, &str)] = &[
    ("open", "openat"),
    ("mkdir", "mkdirat"),
    ("mknod", "mknodat"),
    ("mkfifo", "mknodat"),
    ("unlink", "unlinkat"),
    ("rmdir", "unlinkat"),
    ("rename", "renameat2"),
    ("renameat", "renameat2"),
    ("link", "linkat"),
    ("symlink", "symlinkat"),
    ("readlink", "readlinkat"),
    ("chmod", "fchmodat"),
    ("chown", "fchownat"),
    ("lchown", "fchownat"),
    ("stat", "newfstatat"),
    ("lstat", "newfstatat"),
    ("fstatat", "newfstatat"),
    ("access", "faccessat"),
    ("dup2", "dup3"),
    ("pipe", "pipe2"),
    ("send", "sendto"),
    ("recv", "recvfrom"),
    ("waitpid", "wait4"),
    ("eventfd", "eventfd2"),
    ("signalfd", "signalfd4"),
    ("epoll_wait", "epoll_pwait"),
    ("poll", "ppoll"),
    ("select", "pselect6"),
    ("sigaction", "rt_sigaction"),
    ("sigprocmask", "rt_sigprocmask"),
    ("sigtimedwait", "rt_sigtimedwait"),
    ("pread", "pread64"),
    ("pwrite", "pwrite64"),
    ("prlimit", "prlimit64"),
    ("futimens", "utimensat"),
    ("sigqueue", "rt_sigqueueinfo"),
    ("mq_send", "mq_timedsend"),
    ("mq_receive", "mq_timedreceive"),
];

/// Errors with two names.
fn canonical(error: &str) -> &str {
    match error {
        "ENOTSUP" => "EOPNOTSUPP",
        "EWOULDBLOCK" => "EAGAIN",
        error => error,
    }
}

fn read(name: &str) -> String {
    let path = sources().join("errors").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let entry = |line: &str| {
        let (call, errors) = line.split_once(':').expect("a line is `call: ERRORS`");
        (call.to_owned(), errors.split_whitespace().map(|error| canonical(error).to_owned()).collect())
    };
    lines(&read("documented.txt")).map(entry).collect()
}

/// The pairs that are excused, and the errors that are so for every call.
fn excused() -> (BTreeSet<Pair>, BTreeSet<String>) {
    let (mut pairs, mut all) = (BTreeSet::new(), BTreeSet::new());
    for line in lines(&read("excused.txt")) {
        let (what, reason) = line.split_once(": ").expect("an excuse is `calls ERRORS: reason`");
        assert!(!reason.is_empty(), "without a reason: {line}");
        let (errors, calls): (Vec<&str>, Vec<&str>) = what
            .split_whitespace()
            .partition(|word| word.starts_with(|first: char| first.is_ascii_uppercase()));
        assert!(!errors.is_empty() && !calls.is_empty(), "`calls ERRORS: reason` is not: {line}");
        for error in errors.into_iter().map(canonical) {
            for call in &calls {
                if *call == "*" {
                    all.insert(error.to_owned());
                } else {
                    pairs.insert(((*call).to_owned(), error.to_owned()));
                }
            }
        }
    }
    (pairs, all)
}

/// The arguments of each `CHECK_ERR(…)` of a program.
fn checks(source: &str) -> impl Iterator<Item = &str> {
    source.match_indices("CHECK_ERR(").filter_map(|(at, name)| {
        let rest = &source[at + name.len()..];
        let mut depth = 1;
        let end = rest.find(|letter| {
            depth += match letter {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        })?;
        Some(&rest[..end])
    })
}

/// The calls that an expression of C makes.
fn calls_in(expression: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut calls = Vec::new();
    for word in expression.split(|letter| !is_part(letter)) {
        let name = match word.strip_prefix("SYS_") {
            Some(name) => name,
            None if expression.contains(&format!("{word}(")) => word,
            None => continue,
        };
        let alias = ALIASES.iter().find(|(library, _)| *library == name);
        calls.push(alias.map_or(name, |(_, call)| call).to_owned());
    }
    calls
}

/// What the programs prove.
fn proved() -> BTreeSet<Pair> {
    let mut pairs = BTreeSet::new();
    for program in families().iter().flat_map(|family| programs(family)) {
        let source = std::fs::read_to_string(&program.source).unwrap_or_default();
        for (expression, error) in checks(&source).filter_map(|check| check.rsplit_once(',')) {
            for call in calls_in(expression) {
                pairs.insert((call, canonical(error.trim()).to_owned()));
            }
        }
        if program.name.starts_with("errors/") {
            let expected = program.expected();
            let told = expected.lines().filter_map(|line| line.split_once(": "));
            pairs.extend(told.map(|(call, error)| (call.to_owned(), canonical(error).to_owned())));
        }
    }
    pairs
}

#[test]
fn every_call_is_looked_up() {
    let documented = documented();
    let rows = ROWS.iter().filter(|row| !matches!(row.support, Support::Refused(..)));
    let missing: Vec<&str> =
        rows.map(|row| row.name).filter(|name| !documented.contains_key(*name)).collect();
    assert!(missing.is_empty(), "not in documented.txt: {}", missing.join(" "));
}

#[test]
fn every_documented_error_is_proved_or_excused() {
    let (pairs, all) = excused();
    let proved = proved();
    let mut missing = Vec::new();
    for (call, errors) in documented() {
        for error in errors {
            let pair = (call.clone(), error);
            if !proved.contains(&pair) && !pairs.contains(&pair) && !all.contains(&pair.1) {
                missing.push(format!("{} {}", pair.0, pair.1));
            }
        }
    }
    assert!(missing.is_empty(), "neither proved nor excused: {}", missing.join(", "));
}

#[test]
fn no_excuse_is_stale() {
    let documented = documented();
    let proved = proved();
    let (pairs, _) = excused();
    let is_documented =
        |(call, error): &Pair| documented.get(call).is_some_and(|errors| errors.contains(error));
    let stale: Vec<String> = pairs
        .iter()
        .filter(|pair| proved.contains(*pair) || !is_documented(pair))
        .map(|(call, error)| format!("{call} {error}"))
        .collect();
    assert!(stale.is_empty(), "excused, but proved or not documented: {}", stale.join(", "));
}
