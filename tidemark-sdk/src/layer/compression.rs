//! The compressions that archives come in, told apart by their first bytes; decoders in plain Rust, so that
//! they also run as WebAssembly.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::limits::{XZ_MEMORY_KIB, ZSTD_WINDOW_LEN};

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all, or in a way that is not known here.
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// xz.
    Xz,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Compression {
    /// Tells the compression from a stream's first bytes; six are enough.
    pub fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Decompresses `input` if it is compressed, else passes it on.
///
/// # Errors
/// What reading the first bytes gives; damage found later is reported by the reader that is returned.
pub fn decompressed<'a, R: BufRead + 'a>(mut input: R) -> io::Result<Box<dyn Read + 'a>> {
    let compression = Compression::of(input.fill_buf()?);
    Ok(match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(input, true, XZ_MEMORY_KIB)),
        Compression::Zstd => Box::new(ZstdFrames { frame: None, input: Some(input) }),
    })
}

/// All frames of a Zstandard stream, one after the other (RFC 8878 §3).
struct ZstdFrames<R: BufRead> {
    frame: Option<StreamingDecoder<R, FrameDecoder>>,
    /// The input between frames.
    input: Option<R>,
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(buffer)?;
                if count > 0 {
                    return Ok(count);
                }
            }
            if let Some(frame) = self.frame.take() {
                let stated = frame.decoder.get_checksum_from_data();
                if stated.is_some() && stated != frame.decoder.get_calculated_checksum() {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "zstd checksum differs"));
                }
                self.input = Some(frame.into_inner());
            }
            let Some(mut input) = self.input.take() else { return Ok(0) };
            if input.fill_buf()?.is_empty() {
                self.input = Some(input);
                return Ok(0);
            }
            let frame = StreamingDecoder::new_with_max_window_size(input, ZSTD_WINDOW_LEN)
                .map_err(io::Error::other)?;
            self.frame = Some(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        decompressed(bytes)?.read_to_end(&mut out).map(|_| out)
    }

    fn text() -> Vec<u8> {
        (0..20_000).flat_map(|i: u32| format!("line {i}\n").into_bytes()).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect("options");
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn each_compression_is_recognised_and_undone() {
        let text = text();
        assert_eq!(unpack(&text).expect("plain"), text);
        for (name, packed) in [("gzip", gzip(&text)), ("xz", xz(&text)), ("zstd", zstd(&text))] {
            assert!(packed.len() < text.len() / 2, "{name} compresses");
            assert_eq!(unpack(&packed).expect(name), text, "{name}");
            let twice = [packed.as_slice(), &packed].concat();
            assert_eq!(unpack(&twice).expect(name).len(), 2 * text.len(), "{name}, concatenated");
        }
    }

    #[test]
    fn truncated_and_damaged_streams_are_errors() {
        for (name, packed) in [("gzip", gzip(&text())), ("xz", xz(&text())), ("zstd", zstd(&text()))] {
            for len in [packed.len() / 2, packed.len() - 1] {
                assert!(unpack(&packed[..len]).is_err(), "{name} cut to {len}");
            }
            let mut damaged = packed.clone();
            damaged[packed.len() / 2] ^= 0x10;
            assert!(unpack(&damaged).is_err(), "{name} damaged");
        }
    }

    #[test]
    fn an_empty_stream_is_empty() {
        assert_eq!(unpack(b"").expect("empty"), b"");
    }
}
