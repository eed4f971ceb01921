//! Tiny guests assembled by hand, so that these tests need no cross compiler.

#![allow(dead_code, reason = "each test program uses some of it")]

use std::io::Cursor;
use std::sync::Arc;

use tidemark_host_native::{NativeConfig, NativeHost};
use tidemark_kernel::fs::layer::Layer;
use tidemark_kernel::fs::layer::format::Meta;
use tidemark_sdk::layer::{Attributes, LayerBuilder, LayerPath, layer_from_bytes};
use tidemark_sdk::{Command, Config, Tidemark};

/// Where the images below are loaded.
const BASE: u64 = 0x1_0000;
const HEADERS: usize = 64 + 56;

/// A static riscv64 ELF executable of one segment that holds `code` and may be read and executed (ELF-64 object file
/// format, version 1.5).
pub fn elf(code: &[u32]) -> Vec<u8> {
    let size = (HEADERS + 4 * code.len()) as u64;
    let mut image = Vec::new();
    image.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    image.extend(2u16.to_le_bytes()); // ET_EXEC
    image.extend(243u16.to_le_bytes()); // EM_RISCV
    image.extend(1u32.to_le_bytes());
    image.extend((BASE + HEADERS as u64).to_le_bytes()); // entry
    image.extend(64u64.to_le_bytes()); // program headers
    image.extend(0u64.to_le_bytes());
    image.extend(5u32.to_le_bytes()); // RVC, double float ABI
    for half in [64u16, 56, 1, 64, 0, 0] {
        image.extend(half.to_le_bytes());
    }
    image.extend(1u32.to_le_bytes()); // PT_LOAD
    image.extend(5u32.to_le_bytes()); // readable, executable
    for word in [0, BASE, BASE, size, size, 0x1000] {
        image.extend(word.to_le_bytes());
    }
    for instruction in code {
        image.extend(instruction.to_le_bytes());
    }
    image
}

/// `addi rd, x0, value`.
pub const fn li(rd: u32, value: i32) -> u32 {
    ((value as u32 & 0xfff) << 20) | (rd << 7) | 0x13
}

pub const ECALL: u32 = 0x73;
/// `j .`
pub const SPIN: u32 = 0x6f;

/// Exits with `code`.
pub fn exit_with(code: i32) -> Vec<u8> {
    elf(&[li(10, code), li(17, 94), ECALL])
}

/// Runs for ever.
pub fn spin() -> Vec<u8> {
    elf(&[SPIN])
}

/// A sandbox with Debian's busybox as its shell, from `TIDEMARK_BUSYBOX`, which `cargo xtask test` sets, or where
/// `cargo xtask setup` puts it.
pub fn with_busybox(config: Config) -> Tidemark {
    let path = std::env::var_os("TIDEMARK_BUSYBOX").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debian/busybox"),
        std::path::PathBuf::from,
    );
    let busybox = std::fs::read(&path).unwrap_or_else(|error| {
        panic!("no busybox at {} ({error}): cargo xtask setup fetches it", path.display())
    });
    let files =
        layer(&[("bin/busybox", busybox), ("etc/passwd", PASSWD.into()), ("etc/group", GROUP.into())]);
    let host = NativeHost::new(&NativeConfig::default()).unwrap();
    Tidemark::create(host, config.layer(files)).unwrap()
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:100:Ann:/home/ann:/bin/sh\n";
const GROUP: &str = "root:x:0:\nusers:x:100:\nstaff:x:50:ann\n";

/// A command that runs a script in busybox' shell; its tools are builtins there.
pub fn sh(tidemark: &Tidemark, script: &str) -> Command {
    let mut command = tidemark.command("/bin/busybox");
    command.args(["sh", "-c", script]);
    command
}

/// A layer with these executables in its root.
pub fn layer(files: &[(&str, Vec<u8>)]) -> Arc<Layer> {
    let mut builder = LayerBuilder::new(Cursor::new(Vec::new())).unwrap();
    for (name, content) in files {
        let attributes =
            Attributes { meta: Meta { mode: 0o755, ..Meta::default() }, ..Attributes::default() };
        let path = LayerPath::new(name.as_bytes()).unwrap();
        builder.file(&path, attributes, &mut content.as_slice()).unwrap();
    }
    layer_from_bytes(builder.finish().unwrap().into_inner()).unwrap()
}
