//! The guide shows this crate's files, whole and as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Where a file's part in the guide ends.
const END: &str = "\n// What follows is not in the guide.";

/// The files that the guide builds, and their parts put together: the blocks below a line of the file's name.
fn shown(guide: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut file = None;
    let mut in_block = false;
    for line in guide.lines() {
        match (&file, in_block) {
            (_, false) if line.ends_with(".rs`:") => {
                file = line.strip_prefix('`').and_then(|l| l.strip_suffix("`:"))
            }
            (Some(_), false) if line.starts_with("```r") => in_block = true,
            (Some(_), true) if line == "```" => (file, in_block) = (None, false),
            // rustdoc hides these.
            (Some(_), true) if line.starts_with("# ") => {}
            (Some(name), true) => {
                let text: &mut String = files.entry((*name).to_owned()).or_default();
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
    }
    files
}

#[test]
fn the_guide_shows_every_file_as_it_is() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(crate_folder.join("../../docs/write-a-host.md")).unwrap();
    let shown = shown(&guide);
    for (name, text) in &shown {
        let file = fs::read_to_string(crate_folder.join(name)).unwrap();
        let file = file.split_once(END).map_or(file.as_str(), |(before, _)| before);
        let same = file.lines().zip(text.lines()).take_while(|(file, guide)| file == guide).count();
        assert_eq!(file, *text, "{name} and docs/write-a-host.md part at line {}", same + 1);
    }
    let sources = fs::read_dir(crate_folder.join("src")).unwrap();
    for source in sources.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        assert!(shown.contains_key(&format!("src/{source}")), "the guide does not show src/{source}");
    }
    assert!(shown.contains_key("tests/conformance.rs"));
}
