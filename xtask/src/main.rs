//! Build, test, bench and CI steps.

fn main() {}
