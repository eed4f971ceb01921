//! A new program's first stack: strings, auxiliary vector, environment, arguments (System V ABI, "Process
//! Initialization"; `getauxval(3)`).
//!
//! Owns the layout as bytes; where the stack lies and its mapping are the caller's.

use crate::errno::{Errno, Result};

/// Keys of the auxiliary vector (`linux/auxvec.h`).
pub mod aux {
    #![allow(missing_docs, reason = "the names are those of getauxval(3)")]
    pub const NULL: u64 = 0;
    pub const PHDR: u64 = 3;
    pub const PHENT: u64 = 4;
    pub const PHNUM: u64 = 5;
    pub const PAGESZ: u64 = 6;
    pub const BASE: u64 = 7;
    pub const FLAGS: u64 = 8;
    pub const ENTRY: u64 = 9;
    pub const UID: u64 = 11;
    pub const EUID: u64 = 12;
    pub const GID: u64 = 13;
    pub const EGID: u64 = 14;
    pub const HWCAP: u64 = 16;
    pub const CLKTCK: u64 = 17;
    pub const SECURE: u64 = 23;
    pub const RANDOM: u64 = 25;
    pub const HWCAP2: u64 = 26;
    pub const EXECFN: u64 = 31;
    pub const SYSINFO_EHDR: u64 = 33;
    pub const MINSIGSTKSZ: u64 = 51;
}

/// `AT_HWCAP`: a bit for each letter of the instruction set: I, M, A, F, D, C (`asm/hwcap.h`).
pub const HWCAP: u64 =
    letter(b'i') | letter(b'm') | letter(b'a') | letter(b'f') | letter(b'd') | letter(b'c');

const fn letter(letter: u8) -> u64 {
    1 << (letter - b'a')
}

/// What goes onto the stack.
#[derive(Clone, Debug)]
pub struct Contents<'a> {
    /// The arguments, without their NULs.
    pub argv: &'a [Vec<u8>],
    /// The environment, likewise.
    pub envp: &'a [Vec<u8>],
    /// The path that was executed (`AT_EXECFN`).
    pub path: &'a [u8],
    /// Sixteen random bytes (`AT_RANDOM`).
    pub random: [u8; 16],
    /// Further pairs of the auxiliary vector, without `AT_NULL`, `AT_RANDOM` and `AT_EXECFN`.
    pub aux: &'a [(u64, u64)],
}

/// A built stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stack {
    /// Its bytes, which end at the top it was built for.
    pub bytes: Vec<u8>,
    /// The first stack pointer: the address of the first byte, a multiple of 16.
    pub sp: u64,
    /// Addresses of the argument strings, for `/proc/PID/cmdline`: from the first to after the last.
    pub args: (u64, u64),
    /// Likewise of the environment strings.
    pub env: (u64, u64),
}

/// Builds the stack that ends at `top` (a multiple of 16).
///
/// # Errors
/// `E2BIG` when it would have more than `limit` bytes.
pub fn build(contents: &Contents<'_>, top: u64, limit: u64) -> Result<Stack> {
    let Contents { argv, envp, path, random, aux } = contents;
    let strings = |list: &[Vec<u8>]| list.iter().map(|s| s.len() as u64 + 1).sum::<u64>();
    let (arg_bytes, env_bytes) = (strings(argv), strings(envp));
    // argc; argv and envp with their NULLs; the vector with three pairs more.
    let words = 1 + argv.len() as u64 + 1 + envp.len() as u64 + 1 + 2 * (aux.len() as u64 + 3);
    let string_bytes = arg_bytes + env_bytes + path.len() as u64 + 1;
    let total = string_bytes + random.len() as u64 + 8 * words + 2 * 16;
    if total > limit || total > top {
        return Err(Errno::E2BIG);
    }

    let args_at = top - string_bytes;
    let env_at = args_at + arg_bytes;
    let path_at = env_at + env_bytes;
    let random_at = (args_at - random.len() as u64) & !15;
    let sp = (random_at - 8 * words) & !15;

    let mut bytes = Vec::with_capacity((top - sp) as usize);
    let mut push = |word: u64| bytes.extend_from_slice(&word.to_le_bytes());
    push(argv.len() as u64);
    for (list, start) in [(argv, args_at), (envp, env_at)] {
        let mut at = start;
        for string in list.iter() {
            push(at);
            at += string.len() as u64 + 1;
        }
        push(0);
    }
    let own = [(aux::RANDOM, random_at), (aux::EXECFN, path_at), (aux::NULL, 0)];
    for (key, value) in aux.iter().chain(&own) {
        push(*key);
        push(*value);
    }
    bytes.resize((random_at - sp) as usize, 0);
    bytes.extend_from_slice(random);
    bytes.resize((args_at - sp) as usize, 0);
    for string in argv.iter().chain(envp.iter()).map(Vec::as_slice).chain([*path]) {
        bytes.extend_from_slice(string);
        bytes.push(0);
    }
    debug_assert_eq!(bytes.len() as u64, top - sp);
    Ok(Stack { bytes, sp, args: (args_at, env_at), env: (env_at, path_at) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOP: u64 = 0x7fff_f000;

    fn strings() -> impl Strategy<Value = Vec<Vec<u8>>> {
        proptest::collection::vec(proptest::collection::vec(1u8.., 0..20), 0..6)
    }

    proptest! {
        #[test]
        fn a_program_finds_what_was_given(argv in strings(), envp in strings(), path in "[a-z/]{1,9}") {
            let contents = Contents {
                argv: &argv, envp: &envp, path: path.as_bytes(), random: [7; 16], aux: &[(aux::PAGESZ, 4096)],
            };
            let stack = build(&contents, TOP, 1 << 20).unwrap();
            prop_assert_eq!(stack.sp % 16, 0);
            let word = |at: u64| {
                let at = (at - stack.sp) as usize;
                u64::from_le_bytes(stack.bytes[at..at + 8].try_into().unwrap())
            };
            let string = |at: u64| {
                let rest = &stack.bytes[(at - stack.sp) as usize..];
                rest.split(|byte| *byte == 0).next().unwrap().to_vec()
            };
            prop_assert_eq!(word(stack.sp), argv.len() as u64);
            let mut at = stack.sp + 8;
            for list in [&argv, &envp] {
                for expected in list {
                    prop_assert_eq!(&string(word(at)), expected);
                    at += 8;
                }
                prop_assert_eq!(word(at), 0);
                at += 8;
            }
            let mut vector = std::collections::BTreeMap::new();
            while word(at) != aux::NULL {
                vector.insert(word(at), word(at + 8));
                at += 16;
            }
            prop_assert_eq!(vector[&aux::PAGESZ], 4096);
            prop_assert_eq!(string(vector[&aux::EXECFN]), path.as_bytes());
            let random = (vector[&aux::RANDOM] - stack.sp) as usize;
            prop_assert_eq!(&stack.bytes[random..random + 16], &[7; 16]);
        }
    }

    #[test]
    fn too_much_is_refused() {
        let argv = vec![vec![b'x'; 5000]];
        let contents = Contents { argv: &argv, envp: &[], path: b"/x", random: [0; 16], aux: &[] };
        assert_eq!(build(&contents, TOP, 4096), Err(Errno::E2BIG));
        assert!(build(&contents, TOP, 8192).is_ok());
    }
}
