//! Every row of the kernel's table of system calls has a guest test that names it.

use std::collections::BTreeSet;

use tidemark_kernel::syscall::ROWS;
use tidemark_tests::{Program, families, programs};

fn all_programs() -> Vec<Program> {
    families().iter().flat_map(|family| programs(family)).collect()
}

#[test]
fn every_row_has_a_test() {
    let programs = all_programs();
    let named: BTreeSet<&str> = programs.iter().flat_map(|program| program.tag("syscalls")).collect();
    let missing: Vec<&str> = ROWS.iter().map(|row| row.name).filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty(), "system calls without a guest test: {}", missing.join(" "));
}

#[test]
fn every_program_says_what_it_proves() {
    let silent: Vec<String> = all_programs()
        .into_iter()
        .filter(|program| program.tag("syscalls").is_empty())
        .map(|program| program.name)
        .collect();
    assert!(silent.is_empty(), "without a `// syscalls:` line: {}", silent.join(" "));
}
