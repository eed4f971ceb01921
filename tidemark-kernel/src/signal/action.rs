//! Dispositions: what a process does with each signal (`sigaction(2)`).

use super::set::{SIGNALS, SigSet, Signal};
use crate::addr::GuestAddr;

/// `SIG_DFL`.
const SIG_DFL: u64 = 0;
/// `SIG_IGN`.
const SIG_IGN: u64 = 1;

/// Bits of `sa_flags`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ActionFlags(pub u64);

impl ActionFlags {
    /// `SA_NOCLDSTOP`: no `SIGCHLD` when children stop or go on.
    pub const NOCLDSTOP: ActionFlags = ActionFlags(0x1);
    /// `SA_NOCLDWAIT`: children do not become zombies.
    pub const NOCLDWAIT: ActionFlags = ActionFlags(0x2);
    /// `SA_SIGINFO`: the handler takes three arguments. riscv64 passes all three always.
    pub const SIGINFO: ActionFlags = ActionFlags(0x4);
    /// `SA_ONSTACK`: run on the alternative stack.
    pub const ONSTACK: ActionFlags = ActionFlags(0x0800_0000);
    /// `SA_RESTART`: make an interrupted call again.
    pub const RESTART: ActionFlags = ActionFlags(0x1000_0000);
    /// `SA_NODEFER`: do not block the signal in its own handler.
    pub const NODEFER: ActionFlags = ActionFlags(0x4000_0000);
    /// `SA_RESETHAND`: once.
    pub const RESETHAND: ActionFlags = ActionFlags(0x8000_0000);

    /// What Linux keeps of the flags a program sets; the rest reads back as zero, which is how programs probe
    /// (`UAPI_SA_FLAGS`, and `SA_UNSUPPORTED`'s absence).
    pub const KNOWN: ActionFlags = ActionFlags(0x1 | 0x2 | 0x4 | 0x800 | 0xd800_0000);

    /// Whether any bit of `other` is set.
    pub const fn has(self, other: ActionFlags) -> bool {
        self.0 & other.0 != 0
    }
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// [`Signal::default_action`].
    Default,
    /// Nothing.
    Ignore,
    /// Call this function.
    Handler(GuestAddr),
}

/// One entry of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Action {
    /// What to do.
    pub disposition: Disposition,
    /// How.
    pub flags: ActionFlags,
    /// What is blocked besides while the handler runs.
    pub mask: SigSet,
}

/// Bytes of the kernel's `struct sigaction` on riscv64: handler, flags, mask; there is no restorer.
pub const ACTION_BYTES: usize = 24;

impl Action {
    /// `SIG_DFL` without flags.
    pub const DEFAULT: Action =
        Action { disposition: Disposition::Default, flags: ActionFlags(0), mask: SigSet::EMPTY };

    /// From the guest's struct. `SIGKILL` and `SIGSTOP` cannot be in the mask.
    pub fn from_words(words: [u64; 3]) -> Action {
        let disposition = match words[0] {
            SIG_DFL => Disposition::Default,
            SIG_IGN => Disposition::Ignore,
            handler => Disposition::Handler(GuestAddr(handler)),
        };
        Action {
            disposition,
            flags: ActionFlags(words[1] & ActionFlags::KNOWN.0),
            mask: SigSet::from_bits(words[2]).without(SigSet::UNSTOPPABLE),
        }
    }

    /// As the guest sees it.
    pub fn to_words(self) -> [u64; 3] {
        let handler = match self.disposition {
            Disposition::Default => SIG_DFL,
            Disposition::Ignore => SIG_IGN,
            Disposition::Handler(addr) => addr.0,
        };
        [handler, self.flags.0, self.mask.bits()]
    }
}

/// The table of a process.
#[derive(Clone, Debug)]
pub struct Actions {
    table: [Action; SIGNALS as usize],
}

impl Default for Actions {
    fn default() -> Self {
        Actions { table: [Action::DEFAULT; SIGNALS as usize] }
    }
}

impl Actions {
    /// The action for `signal`.
    pub fn get(&self, signal: Signal) -> Action {
        self.table[usize::from(signal.number()) - 1]
    }

    /// Sets it.
    pub fn set(&mut self, signal: Signal, action: Action) {
        self.table[usize::from(signal.number()) - 1] = action;
    }

    /// What `execve(2)` leaves: handlers become default, ignored stays ignored, flags and masks go.
    pub fn reset_for_exec(&mut self) {
        for action in &mut self.table {
            let disposition = match action.disposition {
                Disposition::Ignore => Disposition::Ignore,
                Disposition::Default | Disposition::Handler(_) => Disposition::Default,
            };
            *action = Action { disposition, ..Action::DEFAULT };
        }
    }

    /// `CLONE_CLEAR_SIGHAND`: handlers become default.
    pub fn clear_handlers(&mut self) {
        self.reset_for_exec();
    }

    /// Whether a signal that is not blocked has no effect.
    pub fn ignores(&self, signal: Signal) -> bool {
        use super::set::DefaultAction;
        match self.get(signal).disposition {
            Disposition::Ignore => true,
            Disposition::Default => {
                matches!(signal.default_action(), DefaultAction::Ignore | DefaultAction::Continue)
            }
            Disposition::Handler(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_round_without_what_is_unknown() {
        let action = Action::from_words([0x1000, u64::MAX, u64::MAX]);
        assert_eq!(action.disposition, Disposition::Handler(GuestAddr(0x1000)));
        let [handler, flags, mask] = action.to_words();
        assert_eq!((handler, flags), (0x1000, ActionFlags::KNOWN.0));
        assert_eq!(mask, !SigSet::UNSTOPPABLE.bits());
    }

    #[test]
    fn exec_keeps_what_is_ignored() {
        let mut actions = Actions::default();
        actions.set(Signal::INT, Action { disposition: Disposition::Ignore, ..Action::DEFAULT });
        actions.set(Signal::HUP, Action::from_words([0x1000, 0, 0]));
        actions.reset_for_exec();
        assert!(actions.ignores(Signal::INT));
        assert_eq!(actions.get(Signal::HUP), Action::DEFAULT);
    }
}
