//! `struct sockaddr_un` (`unix(7)`, "Address format").
//!
//! An address is kept as the bytes of `sun_path`: a path with its NUL, or a zero byte and an abstract name. A socket
//! without a name has none.

use crate::errno::{Errno, Result};

/// Bytes of `sun_family`.
pub(crate) const FAMILY_BYTES: usize = 2;
/// Bytes of a whole `struct sockaddr_un`.
const FULL_BYTES: usize = FAMILY_BYTES + 108;
/// `AF_UNIX`
const AF_UNIX: u16 = 1;
/// `AF_UNSPEC`
const AF_UNSPEC: u16 = 0;

/// An address as a guest gave it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Address {
    /// A path, without its NUL.
    Path(Vec<u8>),
    /// A zero byte and a name, which may hold any bytes.
    Abstract(Vec<u8>),
}

/// What a guest's `struct sockaddr` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Given {
    /// An address.
    Address(Address),
    /// No more than the family: `bind(2)` chooses a name ("Autobind feature").
    Family,
    /// `AF_UNSPEC`: `connect(2)` of a datagram socket forgets its peer.
    Unspecified,
}

impl Given {
    /// From the bytes of a `struct sockaddr`.
    ///
    /// # Errors
    /// `EINVAL` for another family or a wrong length.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Given> {
        let (family, path) = bytes.split_first_chunk::<FAMILY_BYTES>().ok_or(Errno::EINVAL)?;
        match u16::from_le_bytes(*family) {
            AF_UNSPEC => Ok(Given::Unspecified),
            AF_UNIX if bytes.len() > FULL_BYTES => Err(Errno::EINVAL),
            AF_UNIX => Ok(match path.first() {
                None => Given::Family,
                Some(0) => Given::Address(Address::Abstract(path.to_vec())),
                Some(_) => {
                    let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
                    Given::Address(Address::Path(path.get(..end).unwrap_or_default().to_vec()))
                }
            }),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The address, where there must be one.
    ///
    /// # Errors
    /// `EINVAL`.
    pub(crate) fn address(self) -> Result<Address> {
        match self {
            Given::Address(address) => Ok(address),
            Given::Family | Given::Unspecified => Err(Errno::EINVAL),
        }
    }
}

/// The bytes of a `struct sockaddr_un` with this name.
pub(crate) fn encode(name: Option<&[u8]>) -> Vec<u8> {
    [&AF_UNIX.to_le_bytes(), name.unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count() {
        let path = |bytes: &[u8]| Given::decode(&[&[1, 0], bytes].concat());
        assert_eq!(path(b""), Ok(Given::Family));
        assert_eq!(path(b"/a\0rest"), Ok(Given::Address(Address::Path(b"/a".to_vec()))));
        assert_eq!(path(b"\0a\0"), Ok(Given::Address(Address::Abstract(b"\0a\0".to_vec()))));
        assert_eq!(path(b"\0"), Ok(Given::Address(Address::Abstract(b"\0".to_vec()))));
        assert_eq!(path(&[b'x'; 108]), Ok(Given::Address(Address::Path(vec![b'x'; 108]))));
        assert_eq!(path(&[b'x'; 109]), Err(Errno::EINVAL));
        assert_eq!(Given::decode(&[1]), Err(Errno::EINVAL));
        assert_eq!(Given::decode(&[2, 0, 1]), Err(Errno::EINVAL));
        assert_eq!(Given::decode(&[0, 0]), Ok(Given::Unspecified));
        assert_eq!(encode(Some(b"\0x")), [1, 0, 0, b'x']);
    }
}
