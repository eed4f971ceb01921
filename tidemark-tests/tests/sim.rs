//! Simulated worlds, a few: `cargo xtask sim` visits many.

use tidemark_tests::sim::{SCENARIOS, judge, simulate};
use tidemark_tests::{Program, families, programs};

fn scenarios() -> Vec<Program> {
    let all = families().into_iter().flat_map(|family| programs(&family));
    all.filter(|program| SCENARIOS.contains(&program.name.as_str())).collect()
}

#[test]
fn every_scenario_is_a_guest_program() {
    assert_eq!(scenarios().len(), SCENARIOS.len());
}

#[test]
fn guests_do_in_simulated_worlds_what_they_do_on_linux() {
    for program in scenarios() {
        for seed in 0..2 {
            let complaint = judge(&program, &simulate(&program, seed));
            assert_eq!(complaint, None, "{} with seed {seed}", program.name);
        }
    }
}

/// Also of what the guest's own randomness decides: it comes from the world's.
#[test]
fn a_world_can_be_visited_again() {
    for program in scenarios().iter().filter(|program| program.name.starts_with("futex")) {
        let (first, again) = (simulate(program, 7), simulate(program, 7));
        assert_eq!((first.steps, first.digest), (again.steps, again.digest), "{}", program.name);
        assert_eq!(first.outcome.output, again.outcome.output, "{}", program.name);
        assert_ne!(first.digest, simulate(program, 8).digest, "{}", program.name);
    }
}
