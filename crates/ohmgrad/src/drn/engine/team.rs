//! A team of threads that run the same program, each on its own share, and meet at barriers.
//!
//! A sweep over a small network takes microseconds: less than it takes to wake a sleeping thread. A member that waits
//! therefore spins at first. It does not spin for long: on a machine that has other work, the member that it waits for
//! may have no processor, and would then wait for this one's.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use crate::drn::Architecture;
use crate::interrupt;

/// The fewest conductances worth a thread. With half as many, a step takes about as long as its barriers; and on a machine
/// that has other work, two threads are several times slower than one.
const PER_THREAD: usize = 200_000;
/// How long a waiting member spins before it sleeps: about as long as it takes to put a thread to sleep and to wake it, so
/// that waiting costs at most twice what it costs to know the future.
const SPIN: Duration = Duration::from_micros(20);
/// Spins between two looks at the clock.
const SPINS: u32 = 64;

/// The place where all members of a team wait for one another.
#[derive(Debug)]
pub(crate) struct Barrier {
    members: usize,
    /// How many have come in this round, in a place of its own: whoever waits reads `round` again and again, and must not
    /// be held up by those who arrive.
    arrived: Apart<AtomicUsize>,
    round: Apart<AtomicUsize>,
    broken: AtomicBool,
    interrupted: AtomicBool,
    stopped: AtomicBool,
    /// How many members sleep, or are about to. Whoever ends a round, or breaks the barrier, does so while holding this: a
    /// member that finds the round unfinished while it holds it is counted, and woken.
    sleepers: Mutex<usize>,
    wake: Condvar,
}

/// A value far enough from others for processors not to contend for memory between them.
#[derive(Debug)]
#[repr(align(128))]
struct Apart<T>(T);

impl Barrier {
    fn new(members: usize) -> Self {
        Self {
            members,
            arrived: Apart(AtomicUsize::new(0)),
            round: Apart(AtomicUsize::new(0)),
            broken: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            sleepers: Mutex::new(0),
            wake: Condvar::new(),
        }
    }

    /// Returns when every member has called it.
    ///
    /// # Panics
    /// If another member has panicked.
    pub(crate) fn wait(&self) {
        let round = self.round.0.load(Ordering::Relaxed);
        if self.arrived.0.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
            self.arrived.0.store(0, Ordering::Relaxed);
            if self.interrupted.load(Ordering::Relaxed) {
                self.stopped.store(true, Ordering::Relaxed);
            }
            self.free_all(|| self.round.0.store(round.wrapping_add(1), Ordering::Release));
            return;
        }
        if !self.spin(round) {
            self.sleep(round);
        }
        assert!(self.is_over(round), "another thread of the team panicked");
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

    fn is_over(&self, round: usize) -> bool {
        self.round.0.load(Ordering::Acquire) != round
    }

    /// Whether nothing is left to wait for.
    fn is_free(&self, round: usize) -> bool {
        self.is_over(round) || self.broken.load(Ordering::Relaxed)
    }

    /// Waits for a short time without giving the processor away; returns whether the wait is over.
    fn spin(&self, round: usize) -> bool {
        let mut end = None;
        loop {
            for _ in 0..SPINS {
                if self.is_free(round) {
                    return true;
                }
                std::hint::spin_loop();
            }
            let now = Instant::now();
            if now > *end.get_or_insert(now + SPIN) {
                return false;
            }
        }
    }

    fn sleep(&self, round: usize) {
        let mut sleepers = self.sleepers();
        *sleepers += 1;
        let woken = self.wake.wait_while(sleepers, |_| !self.is_free(round));
        *woken.unwrap_or_else(PoisonError::into_inner) -= 1;
    }

    /// Makes the change that waiting members wait for, and wakes those that sleep.
    fn free_all(&self, change: impl FnOnce()) {
        let sleepers = self.sleepers();
        change();
        let someone_sleeps = *sleepers > 0;
        drop(sleepers); // they need it to wake up
        if someone_sleeps {
            self.wake.notify_all();
        }
    }

    fn sleepers(&self) -> MutexGuard<'_, usize> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of threads that pay for a network of this size: one for every 200,000 conductances, at least one, and at most
/// one per processor. Results do not depend on it.
///
/// On a machine that has other work as well, training with so many threads is about as fast as with one.
///
/// ```
/// use ohmgrad::drn::{Architecture, default_threads};
/// let small = Architecture::new(784, vec![100], 10);
/// assert_eq!(default_threads(&small), 1);
/// ```
pub fn default_threads(architecture: &Architecture) -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    (architecture.conductances() / PER_THREAD).clamp(1, processors)
}

/// Frees the others if a member panics.
struct BreakOnPanic<'a>(&'a Barrier);

impl Drop for BreakOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let barrier = self.0;
            barrier.free_all(|| barrier.broken.store(true, Ordering::Relaxed));
        }
    }
}

/// Runs `program(index, member, barrier)` once per member, each on a thread of its own, the first on
/// the calling thread; returns what the first returned.
///
/// # Panics
/// If a member panics. If the system refuses a thread: no member has begun then.
pub(crate) fn run<M: Send, R>(
    members: impl ExactSizeIterator<Item = M>,
    program: impl Fn(usize, M, &Barrier) -> R + Sync,
) -> R {
    run_on(|_| Builder::new(), members, program)
}

/// [`run`], with the threads that `thread` gives the members.
fn run_on<M: Send, R>(
    thread: impl Fn(usize) -> Builder,
    members: impl ExactSizeIterator<Item = M>,
    program: impl Fn(usize, M, &Barrier) -> R + Sync,
) -> R {
    let (count, barrier) = (members.len(), Barrier::new(members.len()));
    // Whether all threads are there: a member that began before would wait for those that never come.
    let all_there = OnceLock::new();
    let member = |index, member| {
        let _guard = BreakOnPanic(&barrier);
        program(index, member, &barrier)
    };
    let mut members = members.enumerate();
    let (_, first) = members.next().expect("a team has at least one member");
    thread::scope(|scope| {
        let (member, all_there) = (&member, &all_there);
        let refused = members.find_map(|(index, other)| {
            let work = move || {
                if *all_there.wait() {
                    member(index, other);
                }
            };
            thread(index).spawn_scoped(scope, work).err()
        });
        all_there.get_or_init(|| refused.is_none());
        match refused {
            None => member(0, first),
            Some(error) => {
                panic!("the system refuses one of {count} threads ({error}): use fewer threads")
            }
        }
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

    /// More threads than processors, some of which come late: most waits end in the kernel, and some as they get there.
    #[test]
    fn no_member_sleeps_through_the_end_of_a_round() {
        let (counter, members, rounds) = (AtomicUsize::new(0), 8, 2000);
        run(vec![(); members].into_iter(), |index, (), barrier| {
            for round in 1..=rounds {
                if (index + round) % 97 == 0 {
                    thread::sleep(2 * SPIN);
                }
                counter.fetch_add(1, Ordering::Relaxed);
                barrier.wait();
                assert_eq!(counter.load(Ordering::Relaxed), members * round);
                barrier.wait();
            }
        });
    }

    #[test]
    #[should_panic(expected = "panicked")]
    fn a_panic_of_one_member_ends_all() {
        run([(); 2].into_iter(), |index, (), barrier: &Barrier| {
            assert_ne!(index, 1, "member 1 fails");
            barrier.wait();
        });
    }

    #[test]
    #[should_panic(expected = "panicked")]
    fn a_panic_wakes_those_that_sleep() {
        run([(); 3].into_iter(), |index, (), barrier: &Barrier| {
            if index == 1 {
                while *barrier.sleepers() < 2 {
                    thread::yield_now();
                }
                panic!("of the test");
            }
            barrier.wait();
        });
    }

    #[test]
    fn nobody_waits_for_a_thread_that_the_system_refuses() {
        let begun = AtomicUsize::new(0);
        let size = |index| match index {
            2 => Builder::new().stack_size(isize::MAX as usize / 2),
            _ => Builder::new(),
        };
        let team = std::panic::catch_unwind(|| {
            run_on(size, [(); 4].into_iter(), |_, (), barrier| {
                begun.fetch_add(1, Ordering::Relaxed);
                barrier.wait();
            });
        });
        let panic = team.expect_err("no machine has so large a stack");
        let message = panic.downcast_ref::<String>().expect("it is formatted");
        assert!(message.contains("one of 4 threads"), "{message}");
        assert_eq!(begun.into_inner(), 0);
    }
}
