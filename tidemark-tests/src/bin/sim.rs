//! `cargo xtask sim`: guest programs in simulated worlds, each world from a seed that is told when it fails.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use tidemark_tests::sim::{SCENARIOS, judge, simulate};
use tidemark_tests::{Program, families, programs};

/// Run guest programs in simulated worlds.
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Options {
    /// Only scenarios whose name contains one of these
    names: Vec<String>,
    /// How many worlds each scenario is run in
    #[arg(long, default_value_t = 50)]
    seeds: u64,
    /// The first world's seed: a failure names its own, to be run again with `--seeds 1`
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Choose among all guest programs, not only the scenarios
    #[arg(long)]
    any: bool,
    /// Run each world twice, and fail if the runs differ in a single step
    #[arg(long)]
    replay: bool,
    /// How many worlds at once
    #[arg(long, default_value_t = thread::available_parallelism().map_or(1, usize::from))]
    jobs: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let started = Instant::now();
    let scenarios = chosen(&options);
    let worlds: Vec<(&Program, u64)> = scenarios
        .iter()
        .flat_map(|program| (0..options.seeds).map(move |n| (program, options.seed.wrapping_add(n))))
        .collect();
    let (next, steps, failures) = (AtomicUsize::new(0), Mutex::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                while let Some((program, seed)) = worlds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (made, failure) = visit(program, *seed, options.replay);
                    *steps.lock().expect("no panic under it") += made;
                    if let Some(failure) = failure {
                        println!("{failure}");
                        failures.lock().expect("no panic under it").push(failure);
                    }
                }
            });
        }
    });
    let (failed, steps) =
        (failures.lock().map_or(1, |all| all.len()), steps.lock().map_or(0, |steps| *steps));
    println!(
        "{} scenarios in {} worlds each, {steps} steps, {failed} failed, {:.1} s",
        scenarios.len(),
        options.seeds,
        started.elapsed().as_secs_f64()
    );
    if failed == 0 && !worlds.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The steps made, and what was wrong.
fn visit(program: &Program, seed: u64, replay: bool) -> (u64, Option<String>) {
    let run = simulate(program, seed);
    let again = replay.then(|| simulate(program, seed));
    let complaint = match (judge(program, &run), again) {
        (Some(complaint), _) => Some(complaint),
        (None, Some(again)) if again.digest != run.digest => {
            Some(format!("  two runs differ: {} steps, then {}", run.steps, again.steps))
        }
        (None, _) => None,
    };
    let how = format!("run it again with `cargo xtask sim {} --seed {seed} --seeds 1`", program.name);
    (run.steps, complaint.map(|complaint| format!("{} with seed {seed}: {how}\n{complaint}", program.name)))
}

fn chosen(options: &Options) -> Vec<Program> {
    let names = &options.names;
    let is_named =
        |program: &str| names.is_empty() || names.iter().any(|name| program.contains(name.as_str()));
    let all = families().into_iter().flat_map(|family| programs(&family));
    all.filter(|program| options.any || SCENARIOS.contains(&program.name.as_str()))
        .filter(|program| is_named(&program.name))
        .collect()
}
