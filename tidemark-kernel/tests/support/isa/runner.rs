//! Runs generated programs: on our processor, and under qemu.

use super::super::bare::Machine;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tidemark_kernel::cpu::exit::{ECALL_LEN, Exit};
use tidemark_kernel::cpu::hart::Hart;

/// qemu's processor with exactly our extensions.
const QEMU_CPU: &str =
    "rv64i,m=on,a=on,f=on,d=on,c=on,zicsr=on,zifencei=on,zicntr=on,zba=on,zbb=on,zbs=on,zicond=on";

/// Offset of `pc` in a `ucontext`.
const UCONTEXT_PC: u64 = 176;

/// Runs a program on our processor, in slices of `slice` instructions, and returns its output and how many instructions it took.
///
/// # Panics
///
/// If it stops other than by `exit`.
pub(crate) fn run_here(elf: &[u8], slice: u64) -> (Vec<u8>, u64) {
    let mut machine = Machine::new(16 << 20);
    machine.load_elf(elf);
    let mut handler = 0;
    let mut stack = 0;
    let mut interrupted: Option<Hart> = None;
    let mut retired = 0;
    loop {
        let before = machine.hart.instret();
        let exit = machine.run(slice);
        let used = machine.hart.instret() - before;
        assert!(used <= slice, "{used} instructions retired on a budget of {slice}");
        assert!(exit != Exit::Budget || used == slice, "budget used up after {used} of {slice} instructions");
        retired += used;
        match exit {
            Exit::Budget => {}
            Exit::Illegal { .. } => {
                // Delivery of SIGILL, as far as the handler can tell.
                interrupted = Some(machine.hart.clone());
                machine.write(stack + UCONTEXT_PC, &machine.hart.pc().to_le_bytes());
                machine.hart.set_x(12, stack);
                machine.hart.set_pc(handler);
            }
            Exit::Ecall => {
                let arguments: [u64; 4] = std::array::from_fn(|i| machine.hart.x(10 + i));
                match machine.hart.x(17) {
                    64 => {
                        let bytes = machine.read(arguments[1], arguments[2] as usize);
                        machine.output.extend(bytes);
                    }
                    93 => return (machine.output, retired),
                    132 => stack = word(&machine.read(arguments[0], 8)),
                    134 => handler = word(&machine.read(arguments[1], 8)),
                    139 => {
                        machine.hart = interrupted.take().expect("a signal is being handled");
                        machine.hart.set_pc(word(&machine.read(stack + UCONTEXT_PC, 8)));
                        continue;
                    }
                    number => panic!("unexpected syscall {number}"),
                }
                machine.hart.set_pc(machine.hart.pc() + ECALL_LEN);
            }
            other => panic!("{other:?} at {:#x}", machine.hart.pc()),
        }
    }
}

/// A `qemu-riscv64` to compare with.
pub(crate) struct Qemu {
    binary: PathBuf,
    scratch: PathBuf,
}

impl Qemu {
    /// The one that the environment variable `TIDEMARK_QEMU` names, if it does.
    pub(crate) fn from_env() -> Option<Self> {
        let binary = PathBuf::from(std::env::var_os("TIDEMARK_QEMU")?);
        let scratch = std::env::temp_dir().join(format!("tidemark-isa-{}", std::process::id()));
        Some(Self { binary, scratch })
    }

    /// Runs a program and returns its output.
    ///
    /// # Panics
    ///
    /// If qemu cannot be started or the program does not end with code 0.
    pub(crate) fn run(&self, elf: &[u8]) -> Vec<u8> {
        write_executable(&self.scratch, elf);
        let mut command = Command::new(&self.binary);
        let output = command.args(["-cpu", QEMU_CPU]).arg(&self.scratch).output().expect("qemu starts");
        std::fs::remove_file(&self.scratch).expect("the scratch file is ours");
        assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

fn write_executable(path: &Path, elf: &[u8]) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o755).open(path);
    file.and_then(|mut file| file.write_all(elf)).expect("the temporary directory is writable");
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}
