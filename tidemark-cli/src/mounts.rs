//! `--mount`: folders of this machine in the guest.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use tidemark_sdk::Config;
use tidemark_sdk::bridge::{HostFolder, MountOptions};

/// A folder of this machine, and where the guest sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MountArg {
    host: PathBuf,
    guest: Vec<u8>,
    read_only: bool,
}

/// Why a folder cannot be mounted.
#[derive(Debug, thiserror::Error)]
#[error("cannot mount {}: {source}; give a folder that you may read", host.display())]
pub(crate) struct MountError {
    host: PathBuf,
    source: std::io::Error,
}

/// Takes `HOST:GUEST`, with `:ro` or `:rw` after it.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn parse(text: OsString) -> Result<MountArg, String> {
    const SHAPE: &str = "give HOST:GUEST or HOST:GUEST:ro, such as ./src:/src:ro";
    let bytes = text.as_bytes();
    let (bytes, read_only) = match (bytes.strip_suffix(b":ro"), bytes.strip_suffix(b":rw")) {
        (Some(rest), _) => (rest, true),
        (_, Some(rest)) => (rest, false),
        _ => (bytes, false),
    };
    let colon = bytes.iter().rposition(|byte| *byte == b':').ok_or(SHAPE)?;
    let (host, guest) = (&bytes[..colon], &bytes[colon + 1..]);
    if host.is_empty() || guest.is_empty() {
        return Err(SHAPE.into());
    }
    if guest[0] != b'/' {
        return Err("the guest's side must be an absolute path, such as /src".into());
    }
    if guest.iter().all(|byte| *byte == b'/') {
        return Err("the guest's root cannot be mounted over; --rootfs makes a folder the root".into());
    }
    if guest.split(|byte| *byte == b'/').any(|name| name == b"..") {
        return Err("the guest's side must not have .. in it".into());
    }
    let host = PathBuf::from(OsString::from_vec(host.to_vec()));
    Ok(MountArg { host, guest: guest.to_vec(), read_only })
}

/// Opens the folders and adds them to the guest's files.
///
/// # Errors
/// [`MountError`] for one that is not there, not a folder or not readable.
pub(crate) fn mount(mut config: Config, mounts: &[MountArg]) -> Result<Config, MountError> {
    for mount in mounts {
        let open = if mount.read_only { HostFolder::open_read_only } else { HostFolder::open };
        let folder = open(&mount.host).map_err(|source| MountError { host: mount.host.clone(), source })?;
        let mut options = MountOptions::default();
        options.read_only = mount.read_only;
        config = config.mount(&mount.guest, folder, options);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_taken_apart_from_the_right() {
        let good = [
            ("./a:/b", ("./a", "/b", false)),
            ("/a:/b:ro", ("/a", "/b", true)),
            ("a:b:/c:rw", ("a:b", "/c", false)),
        ];
        for (text, (host, guest, read_only)) in good {
            let expected = MountArg { host: host.into(), guest: guest.into(), read_only };
            assert_eq!(parse(text.into()), Ok(expected), "{text}");
        }
        for bad in ["", "a", ":", "a:", ":/b", "a:b", "a:/", "a://", "a:/b/../c", "a:ro", ":ro"] {
            assert!(parse(bad.into()).is_err(), "{bad}");
        }
    }
}
