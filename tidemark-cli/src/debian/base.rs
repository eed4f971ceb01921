//! The ground that packages are unpacked on: what must be there before the first package is, and, where no essential
//! package comes along, what programs expect of any Debian.

use std::io::{Seek, Write};

use tidemark_sdk::layer::format::Meta;
use tidemark_sdk::layer::{Attributes, BuildError, LayerBuilder, LayerPath};

/// Changes whenever this file's content does: layers with another base are built anew.
pub(super) const BASE_VERSION: u32 = 2;

/// Directories and modes, as `base-files` has them.
const DIRECTORIES: [(&str, u16); 19] = [
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/local", 0o755),
    ("usr/sbin", 0o755),
    ("usr/share", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];

/// Debian's merged `/usr`: packages ship below `/usr`, the programs in them name the old paths, among them
/// that of the ELF interpreter.
const SYMLINKS: [(&str, &str); 3] = [("bin", "usr/bin"), ("lib", "usr/lib"), ("sbin", "usr/sbin")];

/// The users and groups that programs look for, where `base-passwd` is not there to define them.
const USERS: [(&str, &str); 2] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
];

/// What the system's administrator, or whoever runs a container, writes.
const FILES: [(&str, &str); 1] =
    [("etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")];

/// What comes onto the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// A base system, which is configured.
    Installed,
    /// Packages' files alone.
    Alone,
}

/// Lays the ground in an empty layer.
///
/// # Errors
/// [`BuildError::Write`].
pub(super) fn lay<W: Write + Seek>(builder: &mut LayerBuilder<W>, ground: Ground) -> Result<(), BuildError> {
    builder.directory(&LayerPath::root(), with_mode(0o755))?;
    for (path, mode) in DIRECTORIES {
        builder.directory(&LayerPath::new(path.as_bytes())?, with_mode(mode))?;
    }
    for (path, target) in SYMLINKS {
        builder.symlink(&LayerPath::new(path.as_bytes())?, with_mode(0o777), target.as_bytes())?;
    }
    let users = if ground == Ground::Alone { USERS.as_slice() } else { &[] };
    for (path, content) in FILES.iter().chain(users) {
        builder.file(&LayerPath::new(path.as_bytes())?, with_mode(0o644), &mut content.as_bytes())?;
    }
    Ok(())
}

fn with_mode(mode: u16) -> Attributes {
    Attributes { meta: Meta { mode, ..Meta::default() }, ..Attributes::default() }
}
