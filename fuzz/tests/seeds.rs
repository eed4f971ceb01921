//! Replays every seed: what a fuzzer once found stays fixed, also where no fuzzer can be built.

use std::fs;
use std::path::Path;

#[test]
fn every_seed_is_survived() {
    for (name, target) in tidemark_fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
        let mut seeds = 0;
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
            seeds += 1;
        }
        assert!(seeds > 0, "{name} has no seeds");
    }
}

#[test]
fn every_target_has_its_program() {
    for (name, _) in tidemark_fuzz::TARGETS {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets").join(name).with_extension("rs");
        assert!(program.is_file(), "{} is missing", program.display());
    }
}
