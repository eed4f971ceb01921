//! Real Debian programs beside the emulator: the rows, their bounds, and the roots that both sides run in.
//!
//! A row is a script for bash that prints its own figures, `bench: NAME VALUE UNIT`, or one that is timed from the command
//! line to its end. Here it runs from a layer that `tidemark fetch` made; on the other side in a chroot with the same files,
//! where the emulator is registered as the interpreter of riscv64 programs. That takes root and `binfmt_misc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::contest::{Contest, Outcome, Side, Where};
use crate::{project, tools};

/// What the rows run.
const PACKAGES: [&str; 14] = [
    "libc-bin",
    "dash",
    "bash",
    "coreutils",
    "findutils",
    "tar",
    "gzip",
    "xz-utils",
    "perl",
    "python3-minimal",
    "make",
    "gcc",
    "libc6-dev",
    "sed",
];
/// Where the kernel takes interpreters of foreign programs (`Documentation/admin-guide/binfmt-misc.rst`).
const BINFMT: &str = "/proc/sys/fs/binfmt_misc";
/// An ELF file for riscv64: class 64, little-endian, executable or shared, machine 243.
const RULE: &str = r"M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";
/// How long a shell gets to come to its prompt before its memory is looked at.
const SETTLED: Duration = Duration::from_secs(3);

/// What a figure has to keep, as issue 3 asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// At most so many times the emulator's time.
    Time(f64),
    /// At least so much of the emulator's rate.
    Rate(f64),
    /// At most so much, in the figure's own unit.
    Most(f64),
    /// At least so much, in the figure's own unit.
    Least(f64),
}

struct Row {
    name: &'static str,
    script: &'static str,
    bound: Bound,
    /// Whether the emulator runs it, too.
    on_both: bool,
}

const fn row(name: &'static str, bound: Bound, script: &'static str) -> Row {
    Row { name, script, bound, on_both: true }
}

/// Prints how long commands take: `timed NAME COMMAND…`.
const TIMED: &str = r#"
timed() { local name=$1 start=$EPOCHREALTIME; shift; "$@" >/dev/null; local end=$EPOCHREALTIME
  printf 'bench: %s %d us\n' "$name" $((${end/./} - ${start/./})); }
rate() { local name=$1 mib=$2 start=$EPOCHREALTIME; shift 2; "$@" >/dev/null 2>&1; local end=$EPOCHREALTIME
  printf 'bench: %s %d KiB/s\n' "$name" $((mib * 1024 * 1000000 / (${end/./} - ${start/./}))); }
set -e; cd "$(mktemp -d)"
"#;

/// The most that a program of the suite may take, in the emulator's time.
const SUITE: Bound = Bound::Time(6.0);

const ROWS: [Row; 12] = [
    row("sha256sum", SUITE, "head -c 30M /dev/zero >f; timed 30MiB sha256sum f"),
    row("md5sum", SUITE, "head -c 60M /dev/zero >f; timed 60MiB md5sum f"),
    row("gzip", SUITE, "seq 400000 >f; timed 2.7MB gzip -k f; timed back gzip -dc f.gz"),
    row("xz", SUITE, "seq 100000 >f; timed 0.6MB xz -1k f; timed back xz -dc f.xz"),
    row("sort", SUITE, "seq 150000 | tac >f; timed 150000 sort f; timed numbers sort -n f"),
    row("python3", SUITE, r#"timed loop python3 -c 's = 0
for i in range(700000): s += i * i % 7
print(s)'"#),
    row("perl", SUITE, r#"timed loop perl -e '$s += $_ * $_ % 7 for 1 .. 1000000; print $s'"#),
    row("bash", SUITE, "loop() { for ((i = 0; i < 60000; i++)); do ((s += i * i % 7)) || :; done; }; timed loop loop"),
    row("files", SUITE, "make_them() { for ((i = 0; i < 2000; i++)); do echo x >f$i; done; }
        timed 2000-made make_them; timed 2000-removed rm -r \"$PWD\""),
    row("tmpfs", Bound::Rate(0.5), "rate written 320 dd if=/dev/zero of=f bs=64k count=5120
        rate overwritten 320 dd if=/dev/zero of=f bs=64k count=5120 conv=notrunc; rate read 320 dd if=f of=/dev/null bs=64k"),
    row("pipes", Bound::Rate(0.5), "through() { head -c 300M /dev/zero | cat | wc -c; }; rate two 300 through"),
    row("fork+exec", Bound::Most(5000.0), "many() { for ((i = 0; i < 200; i++)); do /bin/true; done; }
        start=$EPOCHREALTIME; many; end=$EPOCHREALTIME; printf 'bench: true %d us\\n' $(((${end/./} - ${start/./}) / 200))"),
];

/// 51 C files of some 50 functions each, and one that calls them; built with one and with two jobs.
const MAKE: &str = r#"
for ((f = 0; f < 50; f++)); do
  for ((g = 0; g < 50; g++)); do
    echo "int f${f}_$g(int *a, int n) { int s = $g; for (int i = 0; i < n; i++) s += a[i] * a[(i + $f) % n] ^ s; return s; }"
  done >f$f.c
  echo "int f${f}_0(int *, int);"
done >all.h
{ cat all.h; echo 'int main(void) { int a[3] = {1, 2, 3}, s = 0;'
  for ((f = 0; f < 50; f++)); do echo "s += f${f}_0(a, 3);"; done; echo 'return s == 0; }'; } >main.c
printf 'all: $(patsubst %%.c,%%.o,$(wildcard *.c))\n\tgcc -o all $^\n%%.o: %%.c\n\tgcc -O1 -c $<\n' >Makefile
one=$EPOCHREALTIME; make -s -j1; ./all
rm ./*.o all; two=$EPOCHREALTIME; make -s -j2; ./all; end=$EPOCHREALTIME
one=$((${two/./} - ${one/./})); two=$((${end/./} - ${two/./}))
printf 'bench: -j1 %d us\nbench: -j2 %d us\nbench: gain %d.%02d x\n' $one $two $((one / two)) $((one * 100 / two % 100))
"#;

/// Runs the rows whose name contains `filter`; what came of each, and its bound.
///
/// # Errors
/// If something is missing, or a row fails.
pub(super) fn measure(tidemark: &Path, filter: &str, rounds: usize) -> Result<Vec<(Outcome, Option<Bound>)>> {
    let matches = |name: &str| format!("debian {name}").contains(filter);
    let known = ROWS.iter().map(|row| row.name).chain(["bash -c true", "make", "memory"]);
    if !known.into_iter().any(matches) {
        return Ok(vec![]);
    }
    let arena = Arena::new(tidemark)?;
    let mut outcomes = Vec::new();
    if matches("bash -c true") {
        let contest = Contest { name: "debian bash -c true".into(), sides: arena.shortest() };
        outcomes.extend(contest.run(rounds)?.into_iter().map(|outcome| (outcome, Some(Bound::Time(1.0)))));
    }
    for row in ROWS.iter().filter(|row| matches(row.name)) {
        let script = format!("{TIMED}{}", row.script);
        let contest =
            Contest { name: format!("debian {}", row.name), sides: arena.sides(&script, row.on_both) };
        outcomes.extend(contest.run(rounds)?.into_iter().map(|outcome| (outcome, Some(row.bound))));
    }
    if matches("make") {
        let script = format!("{TIMED}{MAKE}");
        let contest = Contest { name: "debian make".into(), sides: arena.sides(&script, false) };
        outcomes.extend(contest.run(1)?.into_iter().map(|outcome| {
            let bound = outcome.name.ends_with("gain").then_some(Bound::Least(1.7));
            (outcome, bound)
        }));
    }
    if matches("memory") {
        let mib = arena.memory_of_a_shell()?;
        let rounds = vec![(Where::Native, vec![mib])];
        let outcome = Outcome { name: "debian memory bash-session".into(), unit: "MiB".into(), rounds };
        outcomes.push((outcome, Some(Bound::Most(40.0))));
    }
    Ok(outcomes)
}

/// Whether a figure keeps its bound; with what it was compared.
pub(super) fn verdict(outcome: &Outcome, bound: Bound) -> (bool, String) {
    let (value, speed) = (outcome.median(Where::Native), outcome.speed(Where::Native, Where::Qemu));
    match bound {
        Bound::Time(most) => (1.0 / speed <= most, format!("{:.2} x its time, at most {most}", 1.0 / speed)),
        Bound::Rate(least) => (speed >= least, format!("{speed:.2} of its rate, at least {least}")),
        Bound::Most(most) => (value <= most, format!("at most {most} {}", outcome.unit)),
        Bound::Least(least) => (value >= least, format!("at least {least} {}", outcome.unit)),
    }
}

/// The same files on both sides, and the emulator registered while this lives.
struct Arena {
    tidemark: PathBuf,
    qemu: PathBuf,
    layer: PathBuf,
    root: PathBuf,
    registration: PathBuf,
}

impl Arena {
    fn new(tidemark: &Path) -> Result<Self> {
        let fetched = Command::new(tidemark)
            .args(["fetch", "--quiet", "--no-essential"])
            .args(PACKAGES)
            .stderr(Stdio::inherit())
            .output()
            .context("cannot fetch packages")?;
        ensure!(fetched.status.success(), "the packages of the Debian rows cannot be had");
        let layer = PathBuf::from(String::from_utf8(fetched.stdout)?.trim_end());
        let root = unpacked(tidemark, &layer)?;
        let name = format!("tidemark-bench-{}", std::process::id());
        // Last registered, first asked; `F` opens the emulator now, so that it is found in a chroot.
        let qemu = tools::oracle()?.canonicalize()?;
        let rule = format!(":{name}:{RULE}:{}:POCF", qemu.display());
        fs::write(Path::new(BINFMT).join("register"), rule)
            .with_context(|| format!("the Debian rows need root, and binfmt_misc mounted on {BINFMT}"))?;
        let registration = Path::new(BINFMT).join(name);
        Ok(Self { tidemark: tidemark.to_owned(), qemu, layer, root, registration })
    }

    /// `bash -c true` from the command line to its end, as somebody types it; without a chroot in the emulator, as it starts
    /// nothing else.
    fn shortest(&self) -> Vec<(Where, Side)> {
        let text = |parts: &[&str]| parts.iter().map(PathBuf::from).collect::<Vec<_>>();
        let packages = PACKAGES.join(",");
        let here =
            text(&["run", "--quiet", "--no-essential", "--debian", &packages, "--", "bash", "-c", "true"]);
        let there = vec![self.qemu.clone(), "-L".into(), self.root.clone(), self.root.join("usr/bin/bash")];
        vec![
            (Where::Native, Side::new(&[vec![self.tidemark.clone()], here].concat())),
            (Where::Qemu, Side::new(&[there, text(&["-c", "true"])].concat())),
        ]
    }

    /// `bash -c SCRIPT` here and, if `on_both`, in the emulator, in a `/tmp` and `/proc` of its own.
    fn sides(&self, script: &str, on_both: bool) -> Vec<(Where, Side)> {
        let text = |parts: &[&str]| parts.iter().map(PathBuf::from).collect::<Vec<_>>();
        let here = [
            text(&[]),
            vec![self.tidemark.clone()],
            text(&["run", "--quiet", "--layer"]),
            vec![self.layer.clone()],
        ];
        let here = [here.concat(), text(&["--", "bash", "-c", script])].concat();
        let mut sides = vec![(Where::Native, Side::new(&here))];
        if on_both {
            let mounts = "mount -t tmpfs none \"$0/tmp\"; mount -t proc none \"$0/proc\"; mount --rbind /dev \"$0/dev\"; \
                          exec env -i PATH=/usr/bin:/bin HOME=/root \"$(command -v chroot)\" \"$0\" bash -c \"$1\"";
            let there = text(&["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", mounts]);
            let there = [there, vec![self.root.clone()], text(&[script])].concat();
            sides.push((Where::Qemu, Side::new(&there)));
        }
        sides
    }

    /// What the process that a shell waits in takes of the machine's memory, in MiB: the guest's memory, in which the touched
    /// files of its layers are, and Tidemark's own.
    fn memory_of_a_shell(&self) -> Result<f64> {
        let mut shell = Command::new(&self.tidemark)
            .args(["run", "--quiet", "--layer"])
            .arg(&self.layer)
            .args(["--", "bash", "-c", "ls -l /usr/bin >/dev/null; cat /etc/passwd >/dev/null; read x"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start a shell")?;
        std::thread::sleep(SETTLED);
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", shell.id()));
        // Its standard input ends, and so does it.
        drop(shell.stdin.take());
        shell.wait()?;
        let rollup = rollup.context("cannot read how much memory it takes")?;
        let anonymous = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:"));
        let kib = anonymous.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        Ok(kib.context("smaps_rollup has no Anonymous line")? / 1024.0)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // Nothing is left but a name if this fails.
        _ = fs::write(&self.registration, "-1");
    }
}

/// The layer as a folder; unpacked the first time, by its own tar.
fn unpacked(tidemark: &Path, layer: &Path) -> Result<PathBuf> {
    let folder = project::target().join("bench").join(layer.file_stem().context("a layer has a name")?);
    if folder.is_dir() {
        return Ok(folder);
    }
    let unfinished = folder.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;
    let mut packing = Command::new(tidemark)
        .args(["run", "--quiet", "--layer"])
        .arg(layer)
        .args(["--", "tar", "--one-file-system", "-C", "/", "-cf", "-", "."])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run tar in a guest")?;
    let archive = packing.stdout.take().context("its output")?;
    let unpacking =
        Command::new("tar").arg("-C").arg(&unfinished).args(["-xf", "-"]).stdin(archive).status()?;
    ensure!(packing.wait()?.success() && unpacking.success(), "the layer cannot be unpacked");
    fs::rename(&unfinished, &folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(unit: &str, here: f64, there: f64) -> Outcome {
        let rounds = vec![(Where::Native, vec![here]), (Where::Qemu, vec![there])];
        Outcome { name: "made-up".into(), unit: unit.into(), rounds }
    }

    #[test]
    fn bounds_are_on_times_rates_and_figures() {
        assert!(verdict(&outcome("us", 600.0, 100.0), Bound::Time(6.0)).0);
        assert!(!verdict(&outcome("us", 601.0, 100.0), Bound::Time(6.0)).0);
        assert!(verdict(&outcome("KiB/s", 50.0, 100.0), Bound::Rate(0.5)).0);
        assert!(!verdict(&outcome("KiB/s", 49.0, 100.0), Bound::Rate(0.5)).0);
        assert!(verdict(&outcome("us", 5000.0, 1.0), Bound::Most(5000.0)).0);
        assert!(!verdict(&outcome("x", 1.69, 1.0), Bound::Least(1.7)).0);
    }

    #[test]
    fn a_figure_that_the_emulator_does_not_have_keeps_no_ratio() {
        let mut alone = outcome("us", 1.0, 1.0);
        alone.rounds.pop();
        assert!(!verdict(&alone, Bound::Time(6.0)).0);
    }
}
