//! Who a process is to permission checks: ids, groups and capabilities (`credentials(7)`, `capabilities(7)`).

/// A user id.
pub type Uid = u32;
/// A group id.
pub type Gid = u32;

/// Capabilities by the bit numbers of `capabilities(7)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities(pub u64);

macro_rules! capabilities {
    ($($name:ident = $bit:literal),* $(,)?) => {
        impl Capabilities {
            $(#[doc = concat!("`CAP_", stringify!($name), "`.")]
            pub const $name: Capabilities = Capabilities(1 << $bit);)*
        }
    };
}

capabilities! {
    CHOWN = 0, DAC_OVERRIDE = 1, DAC_READ_SEARCH = 2, FOWNER = 3, FSETID = 4, KILL = 5, SETGID = 6, SETUID = 7,
    SETPCAP = 8, LINUX_IMMUTABLE = 9, NET_BIND_SERVICE = 10, NET_ADMIN = 12, IPC_LOCK = 14, IPC_OWNER = 15, SYS_CHROOT = 18, SYS_PTRACE = 19, SYS_ADMIN = 21,
    SYS_BOOT = 22, SYS_NICE = 23, SYS_RESOURCE = 24, SYS_TIME = 25, SYS_TTY_CONFIG = 26, MKNOD = 27, LEASE = 28, SETFCAP = 31,
    SYSLOG = 34, WAKE_ALARM = 35, CHECKPOINT_RESTORE = 40,
}

/// `CAP_LAST_CAP`: `CAP_CHECKPOINT_RESTORE`.
pub const LAST_CAPABILITY: u32 = 40;

impl Capabilities {
    /// None.
    pub const NONE: Capabilities = Capabilities(0);
    /// All that exist.
    pub const ALL: Capabilities = Capabilities((1 << (LAST_CAPABILITY + 1)) - 1);

    /// Whether all of `other` are in this set.
    pub const fn has(self, other: Capabilities) -> bool {
        self.0 & other.0 == other.0
    }

    /// The capabilities in both.
    pub const fn and(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 & other.0)
    }

    /// The capabilities in either.
    pub const fn union(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 | other.0)
    }

    /// The capabilities of this set that are not in `other`.
    pub const fn without(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 & !other.0)
    }
}

/// The credentials of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Creds {
    /// Real user id.
    pub uid: Uid,
    /// Effective user id.
    pub euid: Uid,
    /// Saved user id.
    pub suid: Uid,
    /// User id for files.
    pub fsuid: Uid,
    /// Real group id.
    pub gid: Gid,
    /// Effective group id.
    pub egid: Gid,
    /// Saved group id.
    pub sgid: Gid,
    /// Group id for files.
    pub fsgid: Gid,
    /// Supplementary groups, sorted.
    pub groups: Vec<Gid>,
    /// What checks look at.
    pub effective: Capabilities,
    /// What may become effective.
    pub permitted: Capabilities,
    /// What `execve` may pass on.
    pub inheritable: Capabilities,
    /// What can ever be gained.
    pub bounding: Capabilities,
    /// What an unprivileged `execve` keeps.
    pub ambient: Capabilities,
    /// How much user 0 is special.
    pub secure: SecureBits,
}

/// Securebits (`capabilities(7)`), as `PR_SET_SECUREBITS` numbers them. Each has a lock in the bit above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SecureBits(pub u32);

impl SecureBits {
    /// Executing a program as user 0 gains nothing.
    pub const NO_ROOT: SecureBits = SecureBits(1);
    /// Changing user ids changes no capabilities.
    pub const NO_SETUID_FIXUP: SecureBits = SecureBits(1 << 2);
    /// Losing uid 0 keeps the permitted set, until a program is executed.
    pub const KEEP_CAPS: SecureBits = SecureBits(1 << 4);
    /// Nothing can be made ambient.
    pub const NO_AMBIENT_RAISE: SecureBits = SecureBits(1 << 6);

    const BITS: u32 = 0x55;
    const LOCKS: u32 = Self::BITS << 1;

    /// Whether all of `other` are set.
    pub const fn has(self, other: SecureBits) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the lock of `bit` is set.
    pub const fn locks(self, bit: SecureBits) -> bool {
        self.has(SecureBits(bit.0 << 1))
    }

    /// With `bit` set or not.
    pub const fn with(self, bit: SecureBits, set: bool) -> SecureBits {
        SecureBits(if set { self.0 | bit.0 } else { self.0 & !bit.0 })
    }

    /// Whether they may become `new`: locked bits stay, locks too, and there are no others.
    pub const fn may_become(self, new: SecureBits) -> bool {
        let locked = (self.0 & Self::LOCKS) >> 1;
        locked & (self.0 ^ new.0) == 0
            && self.0 & Self::LOCKS & !new.0 == 0
            && new.0 & !(Self::BITS | Self::LOCKS) == 0
    }
}

impl Creds {
    /// A user with one group; user 0 has every capability.
    pub fn user(uid: Uid, gid: Gid) -> Creds {
        let held = if uid == 0 { Capabilities::ALL } else { Capabilities::NONE };
        Creds {
            uid,
            euid: uid,
            suid: uid,
            fsuid: uid,
            gid,
            egid: gid,
            sgid: gid,
            fsgid: gid,
            groups: Vec::new(),
            effective: held,
            permitted: held,
            inheritable: Capabilities::NONE,
            bounding: Capabilities::ALL,
            ambient: Capabilities::NONE,
            secure: SecureBits::default(),
        }
    }

    /// Whether a check for these capabilities passes.
    pub const fn can(&self, needed: Capabilities) -> bool {
        self.effective.has(needed)
    }

    /// Whether the process belongs to `group` for files.
    pub fn in_group(&self, group: Gid) -> bool {
        self.fsgid == group || self.groups.binary_search(&group).is_ok()
    }

    /// What a change of user ids does to capabilities (`capabilities(7)`, "Effect of user ID changes").
    pub fn after_uid_change(&mut self, old: (Uid, Uid, Uid)) {
        if self.secure.has(SecureBits::NO_SETUID_FIXUP) {
            return;
        }
        let had_root = old.0 == 0 || old.1 == 0 || old.2 == 0;
        let has_root = self.uid == 0 || self.euid == 0 || self.suid == 0;
        if had_root && !has_root {
            if !self.secure.has(SecureBits::KEEP_CAPS) {
                self.permitted = Capabilities::NONE;
            }
            self.effective = Capabilities::NONE;
            self.ambient = Capabilities::NONE;
        }
        if old.1 == 0 && self.euid != 0 {
            self.effective = Capabilities::NONE;
        }
        if old.1 != 0 && self.euid == 0 {
            self.effective = self.permitted;
        }
    }

    /// What a change of the file-system user id does to capabilities.
    pub fn after_fsuid_change(&mut self, old: Uid) {
        if self.secure.has(SecureBits::NO_SETUID_FIXUP) {
            return;
        }
        let files = Capabilities(0x1f) // CHOWN to FSETID
            .union(Capabilities::LINUX_IMMUTABLE)
            .union(Capabilities::MKNOD);
        if old == 0 && self.fsuid != 0 {
            self.effective = self.effective.without(files);
        }
        if old != 0 && self.fsuid == 0 {
            self.effective = self.effective.union(self.permitted.and(files));
        }
    }

    /// What `execve(2)` does (`capabilities(7)`, "Transformation of capabilities during execve()"; files have none): set-id
    /// bits are applied by the caller before. `no_new_privs` blocks gains there, not here.
    pub fn after_exec(&mut self) {
        self.suid = self.euid;
        self.sgid = self.egid;
        self.fsuid = self.euid;
        self.fsgid = self.egid;
        if self.euid != self.uid || self.egid != self.gid {
            self.ambient = Capabilities::NONE;
        }
        let root = !self.secure.has(SecureBits::NO_ROOT) && (self.uid == 0 || self.euid == 0);
        let gained = if root { self.inheritable.union(self.bounding) } else { Capabilities::NONE };
        self.permitted = gained.union(self.ambient);
        self.effective = if root && self.euid == 0 { self.permitted } else { self.ambient };
        self.secure = self.secure.with(SecureBits::KEEP_CAPS, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_up_root_gives_up_capabilities() {
        let mut creds = Creds::user(0, 0);
        creds.uid = 1000;
        creds.euid = 1000;
        creds.suid = 1000;
        creds.after_uid_change((0, 0, 0));
        assert!(!creds.can(Capabilities::KILL));
        assert_eq!(creds.permitted, Capabilities::NONE);
    }

    #[test]
    fn locked_bits_stay() {
        let locked = SecureBits(3);
        assert!(SecureBits(0).may_become(locked) && locked.may_become(SecureBits(3 | 1 << 4)));
        assert!(!locked.may_become(SecureBits(2)) && !locked.may_become(SecureBits(1)));
        assert!(!SecureBits(0).may_become(SecureBits(1 << 8)));
    }

    #[test]
    fn a_saved_root_id_gets_them_back() {
        let mut creds = Creds::user(0, 0);
        creds.euid = 1000;
        creds.after_uid_change((0, 0, 0));
        assert!(!creds.can(Capabilities::KILL));
        creds.euid = 0;
        creds.after_uid_change((0, 1000, 0));
        assert!(creds.can(Capabilities::KILL));
    }
}
