//! Interpreter scripts: the `#!` line, as Linux reads it (`execve(2)`, `fs/binfmt_script.c`).

/// Bytes of a file that are looked at for its kind (`BINPRM_BUF_SIZE`).
pub const HEAD_BYTES: usize = 256;

/// Scripts that lead to a program, one interpreting the other, at the most, before `ELOOP` (`fs/exec.c`, `exec_binprm`).
pub const MAX_DEPTH: u32 = 5;

/// What a `#!` line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Script<'a> {
    /// The interpreter's path.
    pub interpreter: &'a [u8],
    /// The rest of the line, as one argument.
    pub argument: Option<&'a [u8]>,
}

/// Reads the line at the head of a file (its first [`HEAD_BYTES`] bytes or fewer). `None` if there is no such line or
/// no path in it; also if the path does not end within the head, so that it may be cut off.
pub fn parse(head: &[u8]) -> Option<Script<'_>> {
    let line = head.strip_prefix(b"#!")?;
    let whole = line.iter().position(|byte| *byte == b'\n').map(|end| &line[..end]);
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let text = trim(whole.unwrap_or(line));
    let path_end = text.iter().position(|byte| blank(byte) || *byte == 0).unwrap_or(text.len());
    let (interpreter, rest) = text.split_at(path_end);
    let cut_off = whole.is_none() && rest.is_empty() && head.len() >= HEAD_BYTES;
    if interpreter.is_empty() || cut_off {
        return None;
    }
    let rest = trim(rest.split(|byte| *byte == 0).next().unwrap_or_default());
    Some(Script { interpreter, argument: (!rest.is_empty()).then_some(rest) })
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_one_argument() {
        let script = |head: &'static [u8]| parse(head).map(|s| (s.interpreter, s.argument));
        assert_eq!(script(b"#!/bin/sh\necho"), Some((&b"/bin/sh"[..], None)));
        assert_eq!(
            script(b"#! /usr/bin/env  python3 -u \n"),
            Some((&b"/usr/bin/env"[..], Some(&b"python3 -u"[..])))
        );
        assert_eq!(script(b"#!/bin/sh"), Some((&b"/bin/sh"[..], None)));
        assert_eq!(script(b"#!\n"), None);
        assert_eq!(script(b"#!   \t\n/bin/sh"), None);
        assert_eq!(script(b"echo"), None);
    }

    #[test]
    fn a_path_that_may_be_cut_off_is_none() {
        let mut head = b"#!/".to_vec();
        head.resize(HEAD_BYTES, b'a');
        assert_eq!(parse(&head), None);
        head[100] = b' ';
        assert!(parse(&head).is_some());
    }
}
