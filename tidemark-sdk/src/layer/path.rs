//! Paths inside a layer: relative, without `..`, checked once where they enter.

use super::format::is_valid_name;
use super::format::limits::MAX_NAME_LEN;
use super::limits::MAX_PATH_LEN;

/// A validated path within a layer: the names from the root down, none for the root itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerPath {
    names: Vec<Vec<u8>>,
}

/// A path that could lead out of the tree it is meant for, or that no guest could name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsafe path {path:?}: {why}")]
pub struct UnsafePath {
    /// The path, made printable.
    pub path: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl LayerPath {
    /// Takes a path as archives have it: `./usr/bin/env`, `usr/lib/`, `.`.
    ///
    /// # Errors
    /// [`UnsafePath`] if it is absolute, has a `..` component or a NUL, or exceeds [`MAX_NAME_LEN`] or
    /// [`MAX_PATH_LEN`].
    pub fn new(path: &[u8]) -> Result<Self, UnsafePath> {
        let refuse = |why| Err(UnsafePath { path: String::from_utf8_lossy(path).into_owned(), why });
        if path.is_empty() {
            return refuse("it is empty");
        }
        if path.first() == Some(&b'/') {
            return refuse("it is absolute");
        }
        if path.len() > MAX_PATH_LEN {
            return refuse("it is too long");
        }
        let mut names = Vec::new();
        for name in path.split(|&byte| byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => return refuse("it contains \"..\""),
                name if name.len() > MAX_NAME_LEN => return refuse("a name in it is too long"),
                name if !is_valid_name(name) => return refuse("it contains a NUL byte"),
                name => names.push(name.to_vec()),
            }
        }
        Ok(Self { names })
    }

    /// The root.
    pub fn root() -> Self {
        Self { names: Vec::new() }
    }

    /// The path of a name in this directory.
    ///
    /// # Errors
    /// [`UnsafePath`] if it is not a single name, or the path gets too long.
    pub fn join(&self, name: &[u8]) -> Result<Self, UnsafePath> {
        let refuse = |why| Err(UnsafePath { path: format!("{self}/{}", String::from_utf8_lossy(name)), why });
        if !is_valid_name(name) {
            return refuse("it is not a name");
        }
        let len: usize = self.names.iter().map(|name| name.len() + 1).sum();
        if len + name.len() > MAX_PATH_LEN {
            return refuse("it is too long");
        }
        let mut names = self.names.clone();
        names.push(name.to_vec());
        Ok(Self { names })
    }

    /// The directory above; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, parents) = self.names.split_last()?;
        Some(Self { names: parents.to_vec() })
    }

    /// The last name; `None` for the root.
    pub fn name(&self) -> Option<&[u8]> {
        self.names.last().map(Vec::as_slice)
    }

    /// As it is from the guest's root: `/usr/bin/env`, bytes as they are.
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.names.is_empty() {
            return b"/".to_vec();
        }
        self.names.iter().flat_map(|name| [b"/", name.as_slice()].concat()).collect()
    }

    /// The directory above and the last name; `None` for the root.
    pub(super) fn split_last(&self) -> Option<(&[Vec<u8>], &[u8])> {
        let (name, parents) = self.names.split_last()?;
        Some((parents, name))
    }

    /// All names, from the root down.
    pub(super) fn names(&self) -> &[Vec<u8>] {
        &self.names
    }
}

impl std::fmt::Display for LayerPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.names.is_empty() {
            return f.write_str("/");
        }
        self.names.iter().try_for_each(|name| write!(f, "/{}", String::from_utf8_lossy(name).escape_debug()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_archives_use_mean_the_same() {
        for path in ["usr/bin", "./usr/bin", "./usr/bin/", "usr//./bin"] {
            assert_eq!(LayerPath::new(path.as_bytes()).expect("safe").to_string(), "/usr/bin");
        }
        for root in [".", "./", "././"] {
            assert_eq!(LayerPath::new(root.as_bytes()), Ok(LayerPath::root()));
        }
    }

    #[test]
    fn names_are_joined_up_to_the_longest_path() {
        let usr = LayerPath::root().join(b"usr").expect("a name");
        assert_eq!(usr.join(b"bin").expect("a name").to_string(), "/usr/bin");
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0"] {
            assert!(usr.join(name).is_err(), "{name:?}");
        }
        let mut path = LayerPath::root();
        while let Ok(longer) = path.join(&[b'x'; MAX_NAME_LEN]) {
            path = longer;
        }
        // Printed with a slash in front.
        assert_eq!(path.to_string().len(), MAX_PATH_LEN + 1);
        assert!(path.join(b"y").is_err());
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for (path, why) in [
            ("", "it is empty"),
            ("/etc/passwd", "it is absolute"),
            ("..", "it contains \"..\""),
            ("a/../../b", "it contains \"..\""),
            ("a/..", "it contains \"..\""),
            ("a\0b", "it contains a NUL byte"),
        ] {
            assert_eq!(LayerPath::new(path.as_bytes()).expect_err("unsafe").why, why, "{path:?}");
        }
        assert!(LayerPath::new("x".repeat(256).as_bytes()).is_err());
        assert!(LayerPath::new("x/".repeat(2048).as_bytes()).is_err());
        assert!(LayerPath::new(b"..a/b..").is_ok(), "dots within a name are harmless");
    }
}
