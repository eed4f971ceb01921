//! Real command lines of Debian's programs: the rows of tests/userland, and that they cover what they promise.

use std::collections::BTreeSet;

use tidemark_sdk::Schedule;
use tidemark_tests::userland::{Mode, Place, SLOW, Selection, families, run};

/// Rows at once: each sandbox has two workers, but most rows wait as much as they work.
const JOBS: usize = 2;
/// How many command lines the suite promises at least.
const LEAST: usize = 250;

/// The tools of Debian's coreutils: `dpkg -L coreutils | grep bin/`, so that a row that goes missing is noticed.
const COREUTILS: &str = "[ arch b2sum base32 base64 basename basenc cat chcon chgrp chmod chown chroot cksum comm cp csplit \
    cut date dd df dir dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install join \
    link ln logname ls md5sum md5sum.textutils mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk \
    pinky pr printenv printf ptx pwd readlink realpath rm rmdir runcon seq sha1sum sha224sum sha256sum sha384sum sha512sum \
    shred shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname \
    unexpand uniq unlink users vdir wc who whoami yes";

/// `TIDEMARK_USERLAND` says which: a tag (`smoke` where it is not set), or `all`.
#[test]
fn rows_do_what_they_did_on_the_oracle() {
    let which = std::env::var("TIDEMARK_USERLAND").unwrap_or_else(|_| "smoke".to_owned());
    let tags = if which == "all" { Vec::new() } else { vec![which] };
    let selection = Selection { tags, ..Selection::default() };
    let report = run(Mode::Check, &selection, Place::Here(Schedule::Fair), JOBS).expect("rows and roots");
    assert!(report.count > 0, "no rows selected");
    let failed = report.failures.len();
    assert!(failed == 0, "{failed} of {} rows failed:\n\n{}", report.count, report.failures.join("\n"));
}

#[test]
fn every_tool_of_coreutils_has_a_row() {
    let families = families().expect("rows");
    let family = families.iter().find(|family| family.name == "coreutils").expect("a family for coreutils");
    let named: BTreeSet<&str> = family.rows.iter().map(|row| row.name.as_str()).collect();
    let missing: Vec<&str> = COREUTILS.split_whitespace().filter(|tool| !named.contains(tool)).collect();
    assert!(missing.is_empty(), "tools without a row: {}", missing.join(" "));
    // A row about a tool uses it.
    for row in &family.rows {
        assert!(row.command(family).join(" ").contains(&row.name), "{}", row.name);
    }
}

#[test]
fn there_are_as_many_rows_as_promised() {
    let count: usize = families().expect("rows").iter().map(|family| family.rows.len()).sum();
    assert!(count >= LEAST, "{count} rows");
}

#[test]
fn every_family_but_slow_ones_is_part_of_the_quick_run() {
    for family in families().expect("rows") {
        if family.rows.iter().all(|row| row.tags.contains(SLOW)) {
            continue;
        }
        let quick = family.rows.iter().any(|row| row.tags.contains("smoke"));
        assert!(quick, "{} has no row tagged smoke", family.name);
    }
}
