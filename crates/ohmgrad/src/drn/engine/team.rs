//! A team of threads that run the same program, each on its own share, and meet at barriers.
//!
//! A sweep over a small network takes microseconds: less than it takes to wake a sleeping thread. The
//! members therefore wait by spinning, and only yield when the wait is long.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::interrupt;

/// Spins before a waiting member offers its processor to others.
const SPINS: u32 = 4096;

/// The place where all members of a team wait for one another.
#[derive(Debug)]
pub(crate) struct Barrier {
    members: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
    interrupted: AtomicBool,
    stopped: AtomicBool,
}

impl Barrier {
    fn new(members: usize) -> Self {
        Self {
            members,
            arrived: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        }
    }

    /// Returns when every member has called it.
    pub(crate) fn wait(&self) {
        let round = self.round.load(Ordering::Relaxed);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
            self.arrived.store(0, Ordering::Relaxed);
            if self.interrupted.load(Ordering::Relaxed) {
                self.stopped.store(true, Ordering::Relaxed);
            }
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut spins = 0;
        while self.round.load(Ordering::Acquire) == round {
            assert!(
                !self.broken.load(Ordering::Relaxed),
                "another thread of the team panicked"
            );
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// Stops the team where it meets next, if the calling thread is [interrupted](interrupt).
    pub(crate) fn heed_interrupts(&self) {
        if interrupt::requested() {
            self.interrupted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the team was interrupted before it last met: the same for all members until they meet again.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Frees the others if a member panics.
struct BreakOnPanic<'a>(&'a Barrier);

impl Drop for BreakOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.store(true, Ordering::Relaxed);
        }
    }
}

/// Runs `program(index, member, barrier)` once per member, each on a thread of its own, the first on
/// the calling thread; returns what the first returned.
pub(crate) fn run<M: Send, R>(
    members: impl ExactSizeIterator<Item = M>,
    program: impl Fn(usize, M, &Barrier) -> R + Sync,
) -> R {
    let barrier = Barrier::new(members.len());
    let member = |index, member| {
        let _guard = BreakOnPanic(&barrier);
        program(index, member, &barrier)
    };
    let mut members = members.enumerate();
    let (_, first) = members.next().expect("a team has at least one member");
    std::thread::scope(|scope| {
        for (index, other) in members {
            scope.spawn(move || drop(member(index, other)));
        }
        member(0, first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_meet_at_every_barrier() {
        let (counter, rounds) = (AtomicUsize::new(0), 200);
        let count = |_, (), barrier: &Barrier| {
            for round in 1..=rounds {
                counter.fetch_add(1, Ordering::Relaxed);
                barrier.wait();
                assert_eq!(counter.load(Ordering::Relaxed), 3 * round);
                barrier.wait();
            }
        };
        run([(); 3].into_iter(), count);
    }

    #[test]
    fn all_members_stop_at_the_same_meeting() {
        let count = |_, (), barrier: &Barrier| {
            let mut rounds = 0;
            while !barrier.stopped() {
                barrier.heed_interrupts();
                barrier.wait();
                rounds += 1;
            }
            rounds
        };
        let rounds = std::sync::Mutex::new(Vec::new());
        interrupt::interruptible(
            || true,
            || {
                run([(); 3].into_iter(), |index, (), barrier: &Barrier| {
                    let count = count(index, (), barrier);
                    rounds.lock().unwrap().push(count);
                });
            },
        );
        let rounds = rounds.into_inner().unwrap();
        assert_eq!(rounds, [rounds[0]; 3]);
    }

    #[test]
    #[should_panic(expected = "panicked")]
    fn a_panic_of_one_member_ends_all() {
        run([(); 2].into_iter(), |index, (), barrier: &Barrier| {
            assert_ne!(index, 1, "member 1 fails");
            barrier.wait();
        });
    }
}
