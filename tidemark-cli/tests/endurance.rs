//! Much for long: what passes through a guest leaves nothing behind in the host's memory.

#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use support::guests::busybox;

/// 10 GiB, in blocks of 1 MiB.
const BLOCKS: u32 = 10_240;

/// The most memory that the emulator may ever have had, in bytes.
const MOST_MEMORY: u64 = 256 << 20;

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Waits for its end, and returns the most memory it was seen to have had at once, in bytes.
fn most_memory(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("it can be waited for").is_none() {
        // A process that has ended but was not waited for has no such line.
        let high_water = fs::read_to_string(&status).ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        });
        most = most.max(high_water.unwrap_or(0) << 10);
        sleep(BETWEEN_LOOKS);
    }
    most
}

#[test]
fn ten_gibibytes_pass_through_two_cats_and_memory_stays_flat() {
    let root = tempfile::tempdir().expect("temporary directory");
    fs::create_dir(root.path().join("bin")).expect("created");
    fs::copy(busybox(), root.path().join("bin/busybox")).expect("copied");
    let script = format!(
        "busybox dd if=/dev/zero bs=1M count={BLOCKS} 2>/dev/null | busybox cat | busybox cat | \
         busybox dd of=/dev/null bs=1M iflag=fullblock 2>&1"
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .arg("run")
        .arg("--rootfs")
        .arg(root.path())
        .args(["--", "busybox", "sh", "-c", &script])
        .env("XDG_CACHE_HOME", root.path().join("cache"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let most = most_memory(&mut child);
    let mut said = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut said).expect("read");
    assert!(child.wait().expect("ended").success(), "{said}");
    assert!(said.contains(&format!("{BLOCKS}+0 records in")), "{said}");
    assert!((1..MOST_MEMORY).contains(&most), "{most} bytes");
}
