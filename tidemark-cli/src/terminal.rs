//! The terminal that Tidemark runs at: raw while a guest's programs use it, and as it was before on every way out.
//!
//! Owns the saved attributes. What the keys mean is decided by the guest's own terminal, which gets them as they are.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, Once, PoisonError};

use rustix::stdio;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::cli::TtyMode;

/// The attributes to go back to, while the terminal is raw.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// The size of a terminal that nothing is known of, in characters.
const FALLBACK_SIZE: (u16, u16) = (80, 24);

/// Whether the guest program gets a terminal.
pub(crate) fn is_wanted(mode: TtyMode) -> bool {
    match mode {
        TtyMode::Auto => io::stdin().is_terminal() && io::stdout().is_terminal(),
        TtyMode::Yes => true,
        TtyMode::No => false,
    }
}

/// The terminal's size in characters: columns and rows.
pub(crate) fn size() -> (u16, u16) {
    match tcgetwinsize(stdio::stdout()).or_else(|_| tcgetwinsize(stdio::stdin())) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => FALLBACK_SIZE,
    }
}

/// The terminal is raw as long as this lives.
pub(crate) struct RawMode(());

impl RawMode {
    /// Makes the terminal of standard input raw; does nothing where that is none.
    ///
    /// # Errors
    /// What the terminal answers.
    pub(crate) fn enter() -> io::Result<RawMode> {
        static HOOK: Once = Once::new();
        if !io::stdin().is_terminal() {
            return Ok(RawMode(()));
        }
        let attributes = tcgetattr(stdio::stdin())?;
        let mut raw = attributes.clone();
        raw.make_raw();
        *lock() = Some(attributes);
        HOOK.call_once(|| {
            // A panic's message is read on a terminal that works.
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                before(panic);
            }));
        });
        tcsetattr(stdio::stdin(), OptionalActions::Now, &raw).inspect_err(|_| *lock() = None)?;
        Ok(RawMode(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// Puts the terminal back as it was; for ways out that drop nothing. Does nothing the second time.
pub(crate) fn restore() {
    if let Some(attributes) = lock().take() {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(stdio::stdin(), OptionalActions::Now, &attributes);
    }
}

/// What ends a line of Tidemark's own on standard error.
pub(crate) fn line_end() -> &'static str {
    if lock().is_some() { "\r\n" } else { "\n" }
}

fn lock() -> std::sync::MutexGuard<'static, Option<Termios>> {
    SAVED.lock().unwrap_or_else(PoisonError::into_inner)
}
