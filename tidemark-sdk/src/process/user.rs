//! As whom a program runs, by name: from the guest's `/etc/passwd` (`passwd(5)`) and `/etc/group` (`group(5)`).

use tidemark_runtime::Runtime;

use crate::error::SpawnError;
use crate::files::{FileError, Files};

/// Bytes of each of the two files that are looked at.
const MAX_DATABASE: usize = 1 << 20;

/// A user as a program has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Supplementary groups, the first group among them.
    pub(super) groups: Vec<u32>,
    /// Name and home directory, if `/etc/passwd` knows the user.
    pub(super) account: Option<(Vec<u8>, Vec<u8>)>,
}

/// Looks up `USER` or `USER:GROUP`, each a name or a number.
pub(super) async fn find(runtime: &Runtime, spec: &str) -> Result<User, SpawnError> {
    let files = Files::new(runtime.clone());
    let passwd = database(&files, "/etc/passwd").await?;
    let group = database(&files, "/etc/group").await?;
    resolve(spec, &passwd, &group).ok_or_else(|| SpawnError::NoSuchUser { user: spec.to_owned() })
}

/// A file's text; none where there is no such file.
async fn database(files: &Files, path: &str) -> Result<Vec<u8>, SpawnError> {
    match files.read_at(path, 0, MAX_DATABASE).await {
        Ok(text) => Ok(text),
        Err(FileError::Gone(gone)) => Err(gone.into()),
        Err(_) => Ok(Vec::new()),
    }
}

fn resolve(spec: &str, passwd: &[u8], group: &[u8]) -> Option<User> {
    let (user, wanted_group) = match spec.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (spec, None),
    };
    let account = lines(passwd)
        .filter(|fields| fields.len() >= 6)
        .find(|fields| fields[0] == user.as_bytes())
        .or_else(|| {
            let uid: u32 = user.parse().ok()?;
            lines(passwd).filter(|fields| fields.len() >= 6).find(|fields| number(fields[2]) == Some(uid))
        });
    let (uid, own_gid) = match &account {
        Some(fields) => (number(fields[2])?, number(fields[3])?),
        // A number needs no account: it is its own group then.
        None => user.parse().ok().map(|uid| (uid, uid))?,
    };
    let gid = match wanted_group {
        None => own_gid,
        Some(name) => lines(group)
            .filter(|fields| fields.len() >= 3)
            .find(|fields| fields[0] == name.as_bytes())
            .map_or_else(|| name.parse().ok(), |fields| number(fields[2]))?,
    };
    let mut groups = vec![gid];
    // An explicit group is the only one, as with `docker run --user`.
    if let (Some(fields), None) = (&account, wanted_group) {
        let member = |list: &[u8]| list.split(|byte| *byte == b',').any(|name| name == fields[0]);
        let others = lines(group).filter(|group| group.len() >= 4 && member(group[3]));
        groups.extend(others.filter_map(|group| number(group[2])));
    }
    groups.sort_unstable();
    groups.dedup();
    let account = account.map(|fields| (fields[0].to_vec(), fields[5].to_vec()));
    Some(User { uid, gid, groups, account })
}

/// The fields of each line; a line that begins with `#` says nothing.
fn lines(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| line.split(|byte| *byte == b':').collect())
}

fn number(field: &[u8]) -> Option<u32> {
    // The highest is `(uid_t) -1`, which is no user.
    std::str::from_utf8(field).ok()?.parse().ok().filter(|number| *number != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] =
        b"root:x:0:0:root:/root:/bin/sh\n# no line\nann:x:1000:100:Ann:/home/ann:/bin/sh\nbad:x::\n";
    const GROUP: &[u8] = b"root:x:0:\nusers:x:100:\nstaff:x:50:bob,ann\nwheel:x:10:annabel\n";

    fn found(spec: &str) -> Option<(u32, u32, Vec<u32>)> {
        resolve(spec, PASSWD, GROUP).map(|user| (user.uid, user.gid, user.groups))
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        assert_eq!(found("ann"), Some((1000, 100, vec![50, 100])));
        assert_eq!(found("1000"), Some((1000, 100, vec![50, 100])));
        assert_eq!(found("ann:staff"), Some((1000, 50, vec![50])));
        assert_eq!(found("ann:7"), Some((1000, 7, vec![7])));
        assert_eq!(found("4242"), Some((4242, 4242, vec![4242])));
        assert_eq!(found("4242:users"), Some((4242, 100, vec![100])));
        let home = resolve("ann", PASSWD, GROUP).and_then(|user| user.account);
        assert_eq!(home, Some((b"ann".to_vec(), b"/home/ann".to_vec())));
    }

    #[test]
    fn what_is_not_there_is_not_made_up() {
        for spec in ["", "nobody", "bad", "ann:nogroup", "ann:", "-1", ":users"] {
            assert_eq!(found(spec), None, "{spec}");
        }
    }
}
