//! `--user`: as whom the program runs in the guest.

use tidemark_sdk::{FileError, Tidemark};

/// Who the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserArg {
    user: Id,
    group: Option<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Id {
    Number(u32),
    Name(String),
}

/// Who that is in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Name and home directory, if the guest knows them.
    pub(crate) known_as: Option<(String, String)>,
}

/// Why nobody can be found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserError {
    #[error("the guest has no {what} named {name}: give a number, or one of those in its {file}")]
    Unknown { what: &'static str, name: String, file: &'static str },
    #[error(transparent)]
    Files(#[from] FileError),
}

/// Takes `NAME`, `UID`, `NAME:GROUP` or `UID:GID`.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn parse(text: &str) -> Result<UserArg, String> {
    let id = |text: &str| match text.parse() {
        // -1 means 'as it is' to the calls that set ids.
        Ok(u32::MAX) => Err("that number is nobody's".to_owned()),
        Ok(number) => Ok(Id::Number(number)),
        Err(_) if text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit()) || text.contains(':') => {
            Err("give NAME, UID or either with :GROUP, such as nobody or 1000:1000".to_owned())
        }
        Err(_) => Ok(Id::Name(text.to_owned())),
    };
    Ok(match text.split_once(':') {
        Some((user, group)) => UserArg { user: id(user)?, group: Some(id(group)?) },
        None => UserArg { user: id(text)?, group: None },
    })
}

/// Finds the user in the guest's `/etc/passwd` and the group in its `/etc/group`.
///
/// # Errors
/// [`UserError`].
pub(crate) async fn find(arg: &UserArg, tidemark: &Tidemark) -> Result<User, UserError> {
    let passwd = read(tidemark, "/etc/passwd").await?;
    let groups = match &arg.group {
        Some(Id::Name(_)) => read(tidemark, "/etc/group").await?,
        _ => String::new(),
    };
    look_up(arg, &passwd, &groups)
}

async fn read(tidemark: &Tidemark, path: &str) -> Result<String, UserError> {
    match tidemark.files().read(path).await {
        Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
        Err(error) if error.errno() == Some(tidemark_sdk::Errno::ENOENT) => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}

/// The lines are `name:password:uid:gid:gecos:home:shell` (passwd(5)) and `name:password:gid:members` (group(5)).
fn look_up(arg: &UserArg, passwd: &str, groups: &str) -> Result<User, UserError> {
    let entries = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut entries = entries.filter_map(|fields| match fields[..] {
        [name, _, uid, gid, _, home, ..] => Some((name, uid.parse().ok()?, gid.parse().ok()?, home)),
        _ => None,
    });
    let known = entries.find(|(name, uid, ..)| match &arg.user {
        Id::Number(number) => number == uid,
        Id::Name(wanted) => wanted == name,
    });
    let uid = match (&arg.user, &known) {
        (Id::Number(number), _) => *number,
        (Id::Name(_), Some((_, uid, ..))) => *uid,
        (Id::Name(name), None) => {
            return Err(UserError::Unknown { what: "user", name: name.clone(), file: "/etc/passwd" });
        }
    };
    let gid = match &arg.group {
        Some(Id::Number(number)) => *number,
        Some(Id::Name(name)) => group(groups, name)?,
        // Whom the guest does not know is in the group of the same number.
        None => known.map_or(uid, |(_, _, gid, _)| gid),
    };
    Ok(User { uid, gid, known_as: known.map(|(name, _, _, home)| (name.to_owned(), home.to_owned())) })
}

fn group(groups: &str, name: &str) -> Result<u32, UserError> {
    groups
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))
        .and_then(|fields| fields.get(2)?.parse().ok())
        .ok_or_else(|| UserError::Unknown { what: "group", name: name.to_owned(), file: "/etc/group" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\nme:x:1000:100::/home/me:/bin/sh\n";
    const GROUPS: &str = "root:x:0:\nvideo:x:44:me\n";

    fn user(text: &str) -> Result<(u32, u32, Option<String>), String> {
        let user = look_up(&parse(text)?, PASSWD, GROUPS).map_err(|error| error.to_string())?;
        Ok((user.uid, user.gid, user.known_as.map(|(_, home)| home)))
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        let home = Some("/home/me".to_owned());
        assert_eq!(user("me"), Ok((1000, 100, home.clone())));
        assert_eq!(user("1000"), Ok((1000, 100, home.clone())));
        assert_eq!(user("1000:7"), Ok((1000, 7, home.clone())));
        assert_eq!(user("me:video"), Ok((1000, 44, home)));
        assert_eq!(user("42"), Ok((42, 42, None)));
        assert!(user("you").expect_err("unknown").contains("no user named you"));
        assert!(user("me:them").expect_err("unknown").contains("no group named them"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", ":", "me:", ":me", "1:2:3", "4294967295", "99999999999"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
