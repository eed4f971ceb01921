//! `--limit` and `tidemark limits`: what a guest may use, by name.
//!
//! The names are those of the fields of [`Limits`], with dashes.

use std::fmt::Write;

use tidemark_sdk::Limits;

/// One limit.
struct Row {
    name: &'static str,
    unit: &'static str,
    what: &'static str,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64) -> Option<()>,
}

macro_rules! rows {
    ($($field:ident $name:literal $unit:literal $what:literal;)*) => {
        const ROWS: &[Row] = &[$(Row {
            name: $name,
            unit: $unit,
            what: $what,
            get: |limits| limits.$field as u64,
            set: |limits, value| {
                limits.$field = value.try_into().ok()?;
                Some(())
            },
        }),*];
    };
}

rows! {
    memory_bytes "memory" "bytes" "guest memory, files in memory included; the same as --memory";
    processes "processes" "" "processes, zombies included";
    threads "threads" "" "threads of all processes";
    open_files "open-files" "" "open files of all processes";
    descriptors "descriptors" "" "descriptors of one process (RLIMIT_NOFILE)";
    pipe_bytes "pipe-bytes" "bytes" "what a new pipe holds";
    socket_bytes "socket-bytes" "bytes" "what a socket's buffers can be set to";
    path_bytes "path-bytes" "bytes" "a path, its final NUL included (PATH_MAX)";
    name_bytes "name-bytes" "bytes" "one name in a path (NAME_MAX)";
    symlinks "symlinks" "" "symbolic links followed in one path";
    exec_bytes "exec-bytes" "bytes" "arguments and environment of a program";
    mappings "mappings" "" "mapped areas of one process (vm.max_map_count)";
    inodes "inodes" "" "files in one file system in memory";
    stack_bytes "stack-bytes" "bytes" "a program's stack (RLIMIT_STACK)";
    queued_signals "queued-signals" "" "queued real-time signals of one process";
    terminals "terminals" "" "pseudoterminals";
}

/// One `--limit NAME=N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitArg {
    row: usize,
    value: u64,
}

/// Takes `NAME=N`, where N may have a binary unit.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn parse(text: &str) -> Result<LimitArg, String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=N, such as processes=100")?;
    let row = ROWS.iter().position(|row| row.name == name).ok_or_else(|| unknown(name))?;
    let value = crate::values::bytes(value)?;
    if value == 0 {
        return Err("a guest needs at least one".into());
    }
    // Whether the field can hold it is known from one that can be thrown away.
    (ROWS[row].set)(&mut Limits::default(), value).ok_or("that is more than can be counted")?;
    Ok(LimitArg { row, value })
}

fn unknown(name: &str) -> String {
    let nearest = ROWS
        .iter()
        .map(|row| (strsim::osa_distance(row.name, name), row.name))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let hint = nearest.map(|(_, name)| format!("did you mean {name}? ")).unwrap_or_default();
    format!("there is no limit named {name:?}; {hint}`tidemark limits` lists them")
}

/// Sets limits, later ones over earlier ones.
pub(crate) fn apply(limits: &mut Limits, args: &[LimitArg]) {
    for arg in args {
        // It was found to fit when it was taken.
        let _ = ROWS.get(arg.row).and_then(|row| (row.set)(limits, arg.value));
    }
}

/// All limits, with what they are at first.
pub(crate) fn list() -> String {
    let defaults = Limits::default();
    let mut text = String::from("NAME             DEFAULT  WHAT\n");
    for row in ROWS {
        let value = (row.get)(&defaults);
        let shown = match value {
            _ if row.unit.is_empty() => value.to_string(),
            _ if value.is_multiple_of(1 << 30) => format!("{}G", value >> 30),
            _ if value.is_multiple_of(1 << 20) => format!("{}M", value >> 20),
            _ if value.is_multiple_of(1 << 10) => format!("{}K", value >> 10),
            _ => value.to_string(),
        };
        let unit = if row.unit.is_empty() { String::new() } else { format!(", in {}", row.unit) };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<16} {shown:>7}  {}{unit}", row.name, row.what);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_can_be_set_and_listed() {
        let debug = format!("{:#?}", Limits::default());
        let fields: Vec<_> =
            debug.lines().filter_map(|line| line.trim().split_once(": ")).map(|(name, _)| name).collect();
        assert_eq!(fields.len(), ROWS.len(), "{fields:?}");
        for (number, row) in ROWS.iter().enumerate() {
            let mut limits = Limits::default();
            let arg = parse(&format!("{}=12345", row.name)).expect(row.name);
            assert_eq!(arg, LimitArg { row: number, value: 12345 });
            apply(&mut limits, &[arg]);
            assert_eq!((row.get)(&limits), 12345, "{}", row.name);
            assert!(list().contains(row.name));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(parse("proceses=3").expect_err("misspelt").contains("did you mean processes?"));
        assert!(parse("bananas=3").expect_err("unknown").contains("tidemark limits"));
        assert_eq!(parse("stack-bytes=1M"), Ok(LimitArg { row: 13, value: 1 << 20 }));
        for bad in ["processes", "processes=", "processes=x", "processes=0", "processes=99999999999", "=3"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
