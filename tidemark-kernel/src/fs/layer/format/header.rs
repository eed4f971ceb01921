//! The layer file's header: where the index is and what it hashes to.

use super::FormatError;

/// The first eight bytes of every layer file.
pub const MAGIC: [u8; 8] = *b"TIDELAYR";
/// The version that this build writes, and the only one it reads.
pub const FORMAT_VERSION: u32 = 1;
/// Length of the header, in bytes.
pub const HEADER_LEN: usize = 72;
/// File contents start at multiples of this, in bytes: the guest's page size.
pub const PAGE_SIZE: u64 = 4096;

/// A layer file's header, validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the index starts, in bytes from the start of the file; contents end at or before it.
    pub index_offset: u64,
    /// Length of the index in bytes.
    pub index_len: u64,
    /// Length of the whole file in bytes.
    pub file_len: u64,
    /// SHA-256 of the index.
    pub index_sha256: [u8; 32],
}

impl Header {
    /// The header's bytes, for the start of the file.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let page_size = u32::to_le_bytes(PAGE_SIZE as u32);
        let mut out = [0; HEADER_LEN];
        let fields: [&[u8]; 7] = [
            &MAGIC,
            &FORMAT_VERSION.to_le_bytes(),
            &page_size,
            &self.index_offset.to_le_bytes(),
            &self.index_len.to_le_bytes(),
            &self.file_len.to_le_bytes(),
            &self.index_sha256,
        ];
        let mut at = 0;
        for field in fields {
            out[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        }
        out
    }

    /// Reads and validates a header from the first bytes of a file; what follows it is not looked at.
    ///
    /// # Errors
    /// [`FormatError::NotALayer`] without the magic, [`FormatError::Version`] for another version's file,
    /// [`FormatError::Truncated`] below [`HEADER_LEN`] bytes, [`FormatError::Invalid`] if its numbers do not
    /// fit together.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(FormatError::NotALayer);
        }
        let bytes: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(FormatError::Truncated)?;
        // The offsets below are constants within a fixed-size array.
        let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let found = u32_at(8);
        if found != FORMAT_VERSION {
            return Err(FormatError::Version { found });
        }
        if u64::from(u32_at(12)) != PAGE_SIZE {
            return Err(FormatError::Invalid("page size"));
        }
        let header = Self {
            index_offset: u64_at(16),
            index_len: u64_at(24),
            file_len: u64_at(32),
            index_sha256: std::array::from_fn(|i| bytes[40 + i]),
        };
        let aligned = header.index_offset.is_multiple_of(PAGE_SIZE) && header.index_offset >= PAGE_SIZE;
        if !aligned || header.index_offset.checked_add(header.index_len) != Some(header.file_len) {
            return Err(FormatError::Invalid("index is not the page-aligned end of the file"));
        }
        Ok(header)
    }
}
