//! Classes of characters as Linux's terminals see them: Latin-1 (`lib/ctype.c`).

/// `iscntrl`
pub(super) fn is_control(byte: u8) -> bool {
    byte.is_ascii_control()
}

/// `isalnum`
pub(super) fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || (byte >= 0xc0 && !matches!(byte, 0xd7 | 0xf7))
}

/// `tolower`
pub(super) fn to_lower(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xde => byte + 0x20,
        _ => byte,
    }
}

/// `toupper`
pub(super) fn to_upper(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff => byte - 0x20,
        _ => byte,
    }
}
