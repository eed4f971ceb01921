//! A new program's first stack: strings, auxiliary vector, environment, arguments (System V ABI, "Process
//! Initialization"; `getauxval(3)`).
//!
//! Owns the layout as bytes, made in pieces as there may be much of it; where the stack lies and its mapping are the caller's.

use super::strings::Strings;
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
    /// The arguments.
    pub argv: Strings,
    /// The environment.
    pub envp: Strings,
    /// The path that was executed (`AT_EXECFN`).
    pub path: &'a [u8],
    /// Sixteen random bytes (`AT_RANDOM`).
    pub random: [u8; 16],
    /// Further pairs of the auxiliary vector, without `AT_NULL`, `AT_RANDOM` and `AT_EXECFN`.
    pub aux: &'a [(u64, u64)],
}

/// A planned stack, whose bytes are made piece by piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stack {
    /// The first stack pointer: the address of the first byte, a multiple of 16.
    pub sp: u64,
    /// Its bytes, up to the top it was planned for.
    pub len: u64,
    /// Addresses of the argument strings, for `/proc/PID/cmdline`: from the first to after the last.
    pub args: (u64, u64),
    /// Likewise of the environment strings.
    pub env: (u64, u64),
    argv: Strings,
    envp: Strings,
    /// From the auxiliary vector up to the argument strings.
    middle: Vec<u8>,
    /// The path with its NUL.
    path: Vec<u8>,
    /// What comes next.
    part: Part,
    /// How far that is: bytes of text.
    done: usize,
}

/// What a stack consists of, from the bottom up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Count,
    Arguments,
    Environment,
    Middle,
    ArgumentText,
    EnvironmentText,
    Path,
    End,
}

/// Pointers that one piece has at the most, and bytes of text that are looked through for the ends of their strings.
const PIECE_POINTERS: usize = 512;
const PIECE_TEXT: usize = 64 << 10;

/// Plans the stack that ends at `top` (a multiple of 16).
///
/// # Errors
/// `E2BIG` when it would have more than `limit` bytes.
pub fn build(contents: Contents<'_>, top: u64, limit: u64) -> Result<Stack> {
    let Contents { argv, envp, path, random, aux } = contents;
    let (arg_bytes, env_bytes) = (argv.bytes() as u64, envp.bytes() as u64);
    // argc; argv and envp with their NULLs; the vector with three pairs more.
    let pointers = 1 + argv.len() + 1 + envp.len() + 1;
    let words = pointers + 2 * (aux.len() as u64 + 3);
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

    let middle_at = sp + 8 * pointers;
    let mut middle = Vec::with_capacity((args_at - middle_at) as usize);
    let own = [(aux::RANDOM, random_at), (aux::EXECFN, path_at), (aux::NULL, 0)];
    for (key, value) in aux.iter().chain(&own) {
        middle.extend_from_slice(&key.to_le_bytes());
        middle.extend_from_slice(&value.to_le_bytes());
    }
    middle.resize((random_at - middle_at) as usize, 0);
    middle.extend_from_slice(&random);
    middle.resize((args_at - middle_at) as usize, 0);
    Ok(Stack {
        sp,
        len: top - sp,
        args: (args_at, env_at),
        env: (env_at, path_at),
        argv,
        envp,
        middle,
        path: [path, &[0]].concat(),
        part: Part::Count,
        done: 0,
    })
}

impl Stack {
    /// The next bytes from the stack pointer upwards, at most `limit` of them (and [`PIECE_POINTERS`]); none at the end.
    pub fn piece(&mut self, limit: usize) -> Vec<u8> {
        loop {
            let (bytes, next) = match self.part {
                Part::Count => {
                    self.part = Part::Arguments;
                    return self.argv.len().to_le_bytes().to_vec();
                }
                Part::Arguments => (pointers(&self.argv, self.args.0, &mut self.done), Part::Environment),
                Part::Environment => (pointers(&self.envp, self.env.0, &mut self.done), Part::Middle),
                Part::Middle => {
                    (piece(rest(&self.middle, self.done), limit, &mut self.done), Part::ArgumentText)
                }
                Part::ArgumentText => {
                    (piece(self.argv.text(self.done), limit, &mut self.done), Part::EnvironmentText)
                }

                Part::EnvironmentText => {
                    (piece(self.envp.text(self.done), limit, &mut self.done), Part::Path)
                }
                Part::Path => (piece(rest(&self.path, self.done), limit, &mut self.done), Part::End),
                Part::End => return Vec::new(),
            };
            if let Some(bytes) = bytes {
                return bytes;
            }
            (self.part, self.done) = (next, 0);
        }
    }
}

/// The next pointers to strings that lie from `base` on, the last with the null pointer after it.
fn pointers(strings: &Strings, base: u64, done: &mut usize) -> Option<Vec<u8>> {
    let end = strings.bytes();
    if *done > end {
        return None;
    }
    let mut bytes = Vec::with_capacity(8 * PIECE_POINTERS);
    let from = *done;
    while *done < end && *done - from < PIECE_TEXT && bytes.len() < 8 * (PIECE_POINTERS - 1) {
        bytes.extend_from_slice(&(base + *done as u64).to_le_bytes());
        *done = strings.after(*done);
    }
    if *done == end {
        bytes.extend_from_slice(&[0; 8]);
        *done = end + 1;
    }
    Some(bytes)
}

fn rest(whole: &[u8], done: usize) -> &[u8] {
    whole.get(done..).unwrap_or_default()
}

/// The next bytes of a text; `None` at its end.
fn piece(rest: &[u8], limit: usize, done: &mut usize) -> Option<Vec<u8>> {
    let piece = rest[..rest.len().min(limit)].to_vec();
    *done += piece.len();
    Some(piece).filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOP: u64 = 0x7fff_f000;

    fn strings() -> impl Strategy<Value = Vec<Vec<u8>>> {
        proptest::collection::vec(proptest::collection::vec(1u8.., 0..20), 0..6)
    }

    fn whole(stack: &mut Stack, limit: usize) -> Vec<u8> {
        let pieces = core::iter::from_fn(|| Some(stack.piece(limit)).filter(|piece| !piece.is_empty()));
        pieces.flatten().collect()
    }

    #[test]
    fn many_arguments_come_in_pieces_that_are_bounded() {
        let argv: Strings = (0..3 * PIECE_POINTERS).map(|index| index.to_string()).collect();
        let count = argv.len();
        let contents = Contents { argv, envp: Strings::default(), path: b"/x", random: [0; 16], aux: &[] };
        let mut stack = build(contents, TOP, 1 << 20).unwrap();
        let mut most = 0;
        while let piece @ 1.. = stack.piece(4096).len() {
            most = most.max(piece);
        }
        assert!(most <= 4096 && count as usize * 8 > 4096);
    }

    proptest! {
        #[test]
        fn a_program_finds_what_was_given(
            argv in strings(), envp in strings(), path in "[a-z/]{1,9}", limit in 1usize..40,
        ) {
            let contents = Contents {
                argv: argv.iter().collect(),
                envp: envp.iter().collect(),
                path: path.as_bytes(),
                random: [7; 16],
                aux: &[(aux::PAGESZ, 4096)],
            };
            let mut stack = build(contents, TOP, 1 << 20).unwrap();
            let bytes = whole(&mut stack, limit);
            prop_assert_eq!(bytes.len() as u64, stack.len);
            prop_assert_eq!(stack.sp % 16, 0);
            let word = |at: u64| {
                let at = (at - stack.sp) as usize;
                u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
            };
            let string = |at: u64| {
                let rest = &bytes[(at - stack.sp) as usize..];
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
            prop_assert_eq!(&bytes[random..random + 16], &[7; 16]);
        }
    }

    #[test]
    fn too_much_is_refused() {
        let argv: Strings = [[b'x'; 5000]].iter().collect();
        let contents = Contents { argv, envp: Strings::default(), path: b"/x", random: [0; 16], aux: &[] };
        assert_eq!(build(contents.clone(), TOP, 4096), Err(Errno::E2BIG));
        assert!(build(contents, TOP, 8192).is_ok());
    }
}
