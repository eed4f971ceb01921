//! News that somebody may read more slowly than they come: a bounded queue between the control loop and a stream.
//!
//! Owns the bound and what is told when it is reached. The newest news are lost then, never the order.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::Stream;

/// One item of a feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News<T> {
    /// Something happened.
    Item(T),
    /// This many items could not be kept, because nobody read them.
    Lost(u64),
}

/// Items that are kept for a slow reader.
const CAPACITY: usize = 4096;

struct State<T> {
    queue: VecDeque<T>,
    lost: u64,
    reader: Option<Waker>,
    /// No more will come.
    ended: bool,
    /// Nobody reads any more.
    abandoned: bool,
}

type Queue<T> = Arc<Mutex<State<T>>>;

fn lock<T>(queue: &Queue<T>) -> MutexGuard<'_, State<T>> {
    // Its holders only push and take: what a panicking one left is whole.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end that news go into. Dropping it ends the stream.
pub(crate) struct FeedSender<T>(Queue<T>);

/// News as a stream; it ends with the sandbox. Dropping it unsubscribes.
pub struct Feed<T>(Queue<T>);

/// Both ends of a feed.
pub(crate) fn feed<T>() -> (FeedSender<T>, Feed<T>) {
    let state = State { queue: VecDeque::new(), lost: 0, reader: None, ended: false, abandoned: false };
    let queue = Arc::new(Mutex::new(state));
    (FeedSender(Arc::clone(&queue)), Feed(queue))
}

impl<T> FeedSender<T> {
    /// Adds an item, or counts it as lost; false when nobody reads any more.
    pub(crate) fn send(&self, item: T) -> bool {
        let mut state = lock(&self.0);
        if state.abandoned {
            return false;
        }
        if state.lost > 0 || state.queue.len() >= CAPACITY {
            state.lost += 1;
        } else {
            state.queue.push_back(item);
        }
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        true
    }
}

impl<T> Drop for FeedSender<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.ended = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl<T> Stream for Feed<T> {
    type Item = News<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<News<T>>> {
        let mut state = lock(&self.0);
        if let Some(item) = state.queue.pop_front() {
            return Poll::Ready(Some(News::Item(item)));
        }
        match std::mem::take(&mut state.lost) {
            0 if state.ended => Poll::Ready(None),
            0 => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            lost => Poll::Ready(Some(News::Lost(lost))),
        }
    }
}

impl<T> Drop for Feed<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.abandoned = true;
        state.queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use futures::StreamExt as _;

    fn now<T>(feed: &mut Feed<T>) -> Option<Option<News<T>>> {
        feed.next().now_or_never()
    }

    #[test]
    fn a_slow_reader_is_told_how_much_it_missed_and_goes_on() {
        let (sender, mut feed) = feed();
        for number in 0..CAPACITY + 7 {
            assert!(sender.send(number));
        }
        for number in 0..CAPACITY {
            assert_eq!(now(&mut feed), Some(Some(News::Item(number))));
            // Order is kept: what follows a gap comes after it was told.
            sender.send(0);
        }
        assert_eq!(now(&mut feed), Some(Some(News::Lost(7 + CAPACITY as u64))));
        assert_eq!(now(&mut feed), None);
        sender.send(1);
        drop(sender);
        assert_eq!(now(&mut feed), Some(Some(News::Item(1))));
        assert_eq!(now(&mut feed), Some(None));
    }

    #[test]
    fn a_sender_learns_that_nobody_reads() {
        let (sender, feed) = feed();
        drop(feed);
        assert!(!sender.send(1));
    }
}
