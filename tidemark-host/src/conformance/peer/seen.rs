//! What the peer remembers of an exchange, under the name that the case gave it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All exchanges that have a name.
#[derive(Debug, Default)]
pub(super) struct Seen {
    exchanges: Mutex<HashMap<String, Exchange>>,
}

/// One exchange.
#[derive(Clone, Debug, Default)]
struct Exchange {
    begun: bool,
    released: bool,
    sent: u64,
    received: u64,
    end: Option<String>,
}

impl fmt::Display for Exchange {
    /// In the form that `conformance::net::Told` reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { begun, sent, received, end, .. } = self;
        write!(f, "{begun} {sent} {received} {}", end.as_deref().unwrap_or("-"))
    }
}

impl Seen {
    /// What was seen of an exchange, as text.
    pub(super) fn tell(&self, name: &str) -> String {
        self.lock().entry(name.to_owned()).or_default().to_string()
    }

    /// Lets an exchange go on that waits for it.
    pub(super) fn release(&self, name: &str) {
        self.lock().entry(name.to_owned()).or_default().released = true;
    }

    pub(super) fn is_released(&self, name: &str) -> bool {
        self.lock().get(name).is_some_and(|exchange| exchange.released)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Exchange>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes down what becomes of one exchange. If it is dropped before an end was told, the exchange was aborted.
#[derive(Debug)]
pub(super) struct Witness {
    seen: Arc<Seen>,
    name: String,
}

impl Witness {
    pub(super) fn new(seen: &Arc<Seen>, name: &str) -> Self {
        let witness = Self { seen: Arc::clone(seen), name: name.to_owned() };
        witness.note(|exchange| exchange.begun = true);
        witness
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.note(|exchange| exchange.sent += bytes as u64);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.note(|exchange| exchange.received += bytes as u64);
    }

    /// The exchange's end; only the first counts.
    pub(super) fn ended(&self, how: impl Into<String>) {
        self.note(|exchange| {
            exchange.end.get_or_insert_with(|| how.into());
        });
    }

    fn note(&self, change: impl FnOnce(&mut Exchange)) {
        change(self.seen.lock().entry(self.name.clone()).or_default());
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.ended("aborted");
    }
}
