//! Stopping a long computation from outside, as Ctrl-C does in an interactive session.
//!
//! Settling, evaluation, training, solves and rows of solves ask now and then, on the thread that called them, whether to go on.
//! They ask nothing unless they run in [`interruptible`]; if the answer is to stop, they end with an error, or
//! [a status](crate::solve::Status), that says so.
//!
//! ```
//! use ohmgrad::drn::{Architecture, Network, SettleError, Settling, SweepOrder};
//! use ohmgrad::interrupt::{Interrupted, interruptible};
//!
//! let network = Network::random(&Architecture::new(2, vec![4], 1), 0, 1)?;
//! let endless = Settling::sweeps(SweepOrder::Forward, usize::MAX);
//! let outcome = interruptible(|| true, || network.settle(&[0.3, 0.7], &endless));
//! assert_eq!(outcome, Err(SettleError::Interrupted(Interrupted)));
//! # Ok::<(), ohmgrad::drn::ArchitectureError>(())
//! ```

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two questions.
const INTERVAL: Duration = Duration::from_millis(50);

/// A computation was asked to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the computation was interrupted")]
pub struct Interrupted;

struct Watch {
    stop: Box<dyn FnMut() -> bool>,
    next: Instant,
}

thread_local! {
    static WATCH: Cell<Option<Watch>> = const { Cell::new(None) };
}

/// Puts a watch back when it is dropped.
struct PutBack(Option<Watch>);

impl Drop for PutBack {
    fn drop(&mut self) {
        WATCH.set(self.0.take());
    }
}

/// Does `work`, and asks `stop` about every 50 ms whether to stop it.
///
/// `stop` is called on this thread. It may itself call this library; what it calls asks nothing.
pub fn interruptible<R>(stop: impl FnMut() -> bool + 'static, work: impl FnOnce() -> R) -> R {
    let watch = Watch {
        stop: Box::new(stop),
        next: Instant::now() + INTERVAL,
    };
    let _outer = PutBack(WATCH.replace(Some(watch)));
    work()
}

/// Whether this thread is to stop what it computes.
pub(crate) fn requested() -> bool {
    let mut watch = PutBack(WATCH.take());
    let Some(Watch { stop, next }) = &mut watch.0 else {
        return false;
    };
    if Instant::now() < *next {
        return false;
    }
    let answer = stop();
    *next = Instant::now() + INTERVAL;
    answer
}

/// An error if this thread is to stop what it computes.
pub(crate) fn check() -> Result<(), Interrupted> {
    match requested() {
        true => Err(Interrupted),
        false => Ok(()),
    }
}

/// A request to stop work that many threads share, none of which is the one to ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Does a part of the work on this thread: what it calls hears the request.
    pub(crate) fn heard_in<R>(&self, work: impl FnOnce() -> R) -> R {
        let stop = self.clone();
        interruptible(move || stop.is_requested(), work)
    }
}

/// Does `work` on another thread, if this one is watched, and requests it to stop when this one is to stop: for work that
/// many threads share.
///
/// # Errors
/// If it was requested to stop.
pub(crate) fn heed<R: Send>(work: impl FnOnce(&Stop) -> R + Send) -> Result<R, Interrupted> {
    let stop = Stop::default();
    let is_watched = PutBack(WATCH.take()).0.is_some();
    if !is_watched {
        return Ok(work(&stop));
    }
    let done = thread::scope(|scope| {
        let (ends, ended) = channel::<()>();
        let stop = &stop;
        let shared = Arc::new(Mutex::new(Some(work)));
        let taken = Arc::clone(&shared);
        let working = thread::Builder::new().spawn_scoped(scope, move || {
            let _ends = ends;
            take(&taken)(stop)
        });
        let Ok(working) = working else {
            return take(&shared)(stop); // the system refuses the thread: nobody asks meanwhile
        };
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
            if requested() {
                stop.0.store(true, Ordering::Relaxed);
                break;
            }
        }
        working.join().unwrap_or_else(|panic| resume_unwind(panic))
    });
    match stop.is_requested() {
        true => Err(Interrupted),
        false => Ok(done),
    }
}

/// What two threads might do, and only one does.
fn take<W>(shared: &Mutex<Option<W>>) -> W {
    let mut work = shared.lock().unwrap_or_else(PoisonError::into_inner);
    work.take().expect("the work is done once")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks until the answer is to stop.
    fn wait() {
        while !requested() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn work_is_asked_only_within_its_watch() {
        assert!(!requested());
        interruptible(|| true, wait);
        std::thread::sleep(INTERVAL);
        assert!(!requested());
    }

    #[test]
    fn shared_work_is_stopped_once_from_the_thread_that_waits_for_it() {
        let work = |stop: &Stop| {
            stop.heard_in(wait);
            thread::sleep(3 * INTERVAL);
        };
        let mut asked = 0;
        let ask = move || {
            asked += 1;
            assert_eq!(asked, 1, "it was told to stop");
            true
        };
        assert_eq!(interruptible(ask, || heed(work)), Err(Interrupted));
        assert_eq!(heed(|_| 8), Ok(8));
        assert_eq!(interruptible(|| false, || heed(|_| 9)), Ok(9));
    }

    #[test]
    fn an_inner_watch_hides_the_outer_one_until_it_ends() {
        interruptible(
            || true,
            || {
                interruptible(
                    || false,
                    || {
                        std::thread::sleep(2 * INTERVAL);
                        assert!(!requested());
                    },
                );
                wait();
            },
        );
    }

    #[test]
    fn a_question_may_start_work_of_its_own() {
        let stop = || {
            interruptible(|| true, wait);
            !requested()
        };
        interruptible(stop, wait);
    }

    #[test]
    fn a_watch_ends_with_a_panic() {
        let panicked =
            std::panic::catch_unwind(|| interruptible(|| true, || panic!("of the test")));
        assert!(panicked.is_err());
        std::thread::sleep(INTERVAL);
        assert!(!requested());
    }
}
