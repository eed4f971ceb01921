//! Downloads over HTTP: into memory or into a file, bounded in size, checked as they come.

use std::io::{self, Read, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::error::DebianError;
use super::limits::{CONNECT_TIMEOUT, MAX_INRELEASE_LEN, STALL_TIMEOUT};
use crate::progress::Progress;

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
        for chunk in self.get(url)? {
            bytes.extend_from_slice(&chunk.map_err(|error| failed(url, &error))?);
            if bytes.len() as u64 > MAX_INRELEASE_LEN {
                return Err(DebianError::TooLarge { url: url.to_owned(), expected: MAX_INRELEASE_LEN });
            }
        }
        String::from_utf8(bytes).map_err(|_| failed(url, &"it is not text"))
    }

    /// Downloads a file of known size and digest to `out`, showing progress.
    ///
    /// # Errors
    /// [`DebianError::Download`], [`DebianError::TooLarge`] as soon as there is more than `size` bytes,
    /// [`DebianError::Digest`] at the end if it is another file, and what `write_failed` makes of a failure
    /// to write.
    pub(crate) fn file(
        &self,
        url: &str,
        wanted: &Wanted<'_>,
        out: &mut dyn Write,
        progress: &Progress,
        write_failed: &dyn Fn(io::Error) -> DebianError,
    ) -> Result<(), DebianError> {
        let bar = progress.download(wanted.label, wanted.size);
        let mut hasher = Sha256::new();
        let mut received = 0_u64;
        for chunk in self.get(url)? {
            let chunk = chunk.map_err(|error| failed(url, &error))?;
            received += chunk.len() as u64;
            if received > wanted.size {
                return Err(DebianError::TooLarge { url: url.to_owned(), expected: wanted.size });
            }
            hasher.update(&chunk);
            out.write_all(&chunk).map_err(write_failed)?;
            bar.advance(chunk.len());
        }
        if hex(&hasher.finalize()) != wanted.sha256 {
            return Err(DebianError::Digest { what: wanted.what.to_owned() });
        }
        Ok(())
    }

    /// Sends a request; the body comes in chunks from a thread of its own, so that a mirror that stops
    /// sending is noticed while a slow one is waited for.
    fn get(&self, url: &str) -> Result<Chunks, DebianError> {
        let response = self.agent.get(url).call().map_err(|error| failed(url, &error))?;
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
        Ok(Chunks { receiver })
    }
}

/// What a download must turn out to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// What messages call it.
    pub(crate) what: &'a str,
    /// What the progress bar calls it.
    pub(crate) label: &'a str,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub(crate) sha256: &'a str,
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
