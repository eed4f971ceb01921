//! Downloads over HTTP: into memory or into a file, bounded in size, checked as they come, gone on with where they broke
//! off.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::error::DebianError;
use super::limits::{CONNECT_TIMEOUT, MAX_ATTEMPTS, MAX_INRELEASE_LEN, STALL_TIMEOUT};
use crate::progress::Bar;

/// How much is read from the network at a time, in bytes.
const CHUNK_LEN: usize = 64 * 1024;
/// How many chunks may wait to be written.
const CHUNKS_IN_FLIGHT: usize = 16;

/// An HTTP client. Proxies are taken from the usual variables.
#[derive(Debug)]
pub(crate) struct Downloader {
    agent: Agent,
}

impl Downloader {
    pub(crate) fn new() -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(STALL_TIMEOUT))
            .user_agent(concat!("tidemark/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.new_agent() }
    }

    /// Downloads a small text.
    ///
    /// # Errors
    /// [`DebianError::Download`]; [`DebianError::TooLarge`] beyond [`MAX_INRELEASE_LEN`].
    pub(crate) fn text(&self, url: &str) -> Result<String, DebianError> {
        let mut bytes = Vec::new();
        let (_, chunks) = self.get(url, 0).map_err(Broken::into_error)?;
        for chunk in chunks {
            bytes.extend_from_slice(&chunk.map_err(|error| failed(url, &error))?);
            if bytes.len() as u64 > MAX_INRELEASE_LEN {
                return Err(DebianError::TooLarge { url: url.to_owned(), expected: MAX_INRELEASE_LEN });
            }
        }
        String::from_utf8(bytes).map_err(|_| failed(url, &"it is not text"))
    }

    /// Downloads whatever a URL has into `out`; returns its SHA-256 in lower-case hexadecimal.
    ///
    /// # Errors
    /// [`DebianError::Download`]; [`DebianError::TooLong`] beyond `max_len` bytes; and what `write_failed` makes of a
    /// failure to write.
    pub(crate) fn stream(
        &self,
        url: &str,
        max_len: u64,
        out: &mut File,
        bar: &Bar,
        write_failed: &dyn Fn(io::Error) -> DebianError,
    ) -> Result<String, DebianError> {
        let mut hasher = Sha256::new();
        let mut len = 0;
        let (_, chunks) = self.get(url, 0).map_err(Broken::into_error)?;
        for chunk in chunks {
            let chunk = chunk.map_err(|error| failed(url, &error))?;
            len += chunk.len() as u64;
            if len > max_len {
                return Err(DebianError::TooLong { url: url.to_owned(), max_len });
            }
            hasher.update(&chunk);
            out.write_all(&chunk).map_err(write_failed)?;
            bar.advance(chunk.len() as u64);
        }
        Ok(hex(&hasher.finalize()))
    }

    /// Downloads a file of known size and digest into `file`, going on where an earlier download broke off: what `file` has
    /// counts as the beginning. A transfer that breaks off is gone on with, too, as long as there is progress.
    ///
    /// # Errors
    /// [`DebianError::Download`], after which `file` has what came; [`DebianError::TooLarge`] and
    /// [`DebianError::Digest`] if it is another file, after which `file` is empty; and what `failed` makes of a
    /// failure to read or write it.
    pub(crate) fn file(
        &self,
        url: &str,
        wanted: &Wanted<'_>,
        file: &mut File,
        bar: &Bar,
        failed: &dyn Fn(io::Error) -> DebianError,
    ) -> Result<(), DebianError> {
        let mut attempts = 0;
        let mut counted = 0;
        loop {
            attempts += 1;
            let mut part = Part::there_is(file, bar, &mut counted).map_err(failed)?;
            let resumed = part.len > 0;
            let ended =
                if part.len < wanted.size { self.rest(url, wanted, &mut part, failed) } else { Ok(()) };
            let len = part.len;
            match ended.and_then(|()| part.check(wanted)) {
                Ok(()) => return Ok(()),
                Err(Broken::Off { .. }) if len > 0 && attempts < MAX_ATTEMPTS => {}
                Err(Broken::Off { error }) => return Err(error),
                Err(Broken::Useless { .. }) if resumed && attempts < MAX_ATTEMPTS => {
                    // What was there from before may be at fault.
                    file.set_len(0).map_err(failed)?;
                }
                Err(Broken::Useless { error }) => {
                    file.set_len(0).map_err(failed)?;
                    return Err(error);
                }
            }
        }
    }

    /// Asks for what is missing of a file, and adds what comes.
    fn rest(
        &self,
        url: &str,
        wanted: &Wanted<'_>,
        part: &mut Part<'_>,
        write_failed: &dyn Fn(io::Error) -> DebianError,
    ) -> Result<(), Broken> {
        let off = |error| Broken::Off { error };
        let (start, chunks) = self.get(url, part.len)?;
        if start != part.len {
            part.restart().map_err(|error| off(write_failed(error)))?;
        }
        for chunk in chunks {
            let chunk = chunk.map_err(|error| off(failed(url, &error)))?;
            if part.len + chunk.len() as u64 > wanted.size {
                let error = DebianError::TooLarge { url: url.to_owned(), expected: wanted.size };
                return Err(Broken::Useless { error });
            }
            part.add(&chunk).map_err(|error| off(write_failed(error)))?;
        }
        if part.len < wanted.size {
            return Err(off(failed(url, &"the transfer broke off")));
        }
        Ok(())
    }

    /// Sends a request for a file from `start` on; tells where what comes starts, which is 0 if the server has no parts.
    /// The body comes in chunks from a thread of its own, so that a mirror that stops sending is noticed while a slow one
    /// is waited for.
    fn get(&self, url: &str, start: u64) -> Result<(u64, Chunks), Broken> {
        let mut request = self.agent.get(url);
        if start > 0 {
            request = request.header("Range", format!("bytes={start}-"));
        }
        let response = request.call().map_err(|error| match error {
            // Nothing there to go on with (RFC 9110, 15.5.17).
            ureq::Error::StatusCode(416) => Broken::Useless { error: failed(url, &error) },
            error => Broken::Off { error: failed(url, &error) },
        })?;
        let range = response.headers().get("Content-Range").and_then(|range| range.to_str().ok());
        let is_rest = range.is_some_and(|range| range.starts_with(&format!("bytes {start}-")));
        let start = match response.status().as_u16() {
            206 if is_rest => start,
            206 => return Err(Broken::Useless { error: failed(url, &"the mirror sent another part") }),
            _ => 0,
        };
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let (sender, receiver) = mpsc::sync_channel(CHUNKS_IN_FLIGHT);
        thread::spawn(move || {
            let mut buffer = vec![0; CHUNK_LEN];
            loop {
                let chunk = match body.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(len) => Ok(buffer[..len].to_vec()),
                    Err(error) => Err(error),
                };
                let last = chunk.is_err();
                // A receiver that is gone has seen enough.
                if sender.send(chunk).is_err() || last {
                    return;
                }
            }
        });
        Ok((start, Chunks { receiver }))
    }
}

/// What a download must turn out to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// What messages call it.
    pub(crate) what: &'a str,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub(crate) sha256: &'a str,
}

/// Why a transfer did not bring a file to its end.
enum Broken {
    /// What came so far may be good: it can be gone on with.
    Off { error: DebianError },
    /// It is not what was wanted.
    Useless { error: DebianError },
}

impl Broken {
    fn into_error(self) -> DebianError {
        match self {
            Self::Off { error } | Self::Useless { error } => error,
        }
    }
}

/// The beginning of a file that is being downloaded.
struct Part<'a> {
    file: &'a mut File,
    len: u64,
    hasher: Sha256,
    bar: &'a Bar,
    /// How much of this file the bar shows; it never goes back.
    counted: &'a mut u64,
}

impl<'a> Part<'a> {
    /// What a file has already.
    fn there_is(file: &'a mut File, bar: &'a Bar, counted: &'a mut u64) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; CHUNK_LEN];
        let mut len = 0;
        file.seek(SeekFrom::Start(0))?;
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => {
                    hasher.update(&buffer[..count]);
                    len += count as u64;
                }
            }
        }
        let mut part = Self { file, len, hasher, bar, counted };
        part.count();
        Ok(part)
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = Sha256::new();
        self.len = 0;
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        self.count();
        Ok(())
    }

    fn count(&mut self) {
        let new = self.len.saturating_sub(*self.counted);
        self.bar.advance(new);
        *self.counted += new;
    }

    fn check(self, wanted: &Wanted<'_>) -> Result<(), Broken> {
        if hex(&self.hasher.finalize()) == wanted.sha256 {
            return Ok(());
        }
        Err(Broken::Useless { error: DebianError::Digest { what: wanted.what.to_owned() } })
    }
}

struct Chunks {
    receiver: Receiver<io::Result<Vec<u8>>>,
}

impl Iterator for Chunks {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.receiver.recv_timeout(STALL_TIMEOUT) {
            Ok(chunk) => Some(chunk),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let seconds = Duration::as_secs(&STALL_TIMEOUT);
                Some(Err(io::Error::other(format!("nothing received for {seconds} s"))))
            }
        }
    }
}

fn failed(url: &str, reason: &dyn std::fmt::Display) -> DebianError {
    // One line, whatever the library says.
    let reason = reason.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    DebianError::Download { url: url.to_owned(), reason }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
