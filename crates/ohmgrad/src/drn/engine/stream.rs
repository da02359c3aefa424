//! The speed of memory: an array that is read, changed and written in place, as conductances are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pulp::{Arch, Simd};

use super::team::Barrier;
use crate::drn::simd::{BLOCK, Kernel, Row, lanes_mut};

/// One thread's part of the array.
pub(crate) struct Stream {
    rows: Vec<Row>,
    /// Whether the first thread has seen the time run out; the same for all.
    done: std::sync::Arc<AtomicBool>,
}

impl Stream {
    /// An array of `values` numbers, split over the threads.
    pub(crate) fn split(values: usize, threads: usize) -> Vec<Self> {
        let done = std::sync::Arc::new(AtomicBool::new(false));
        let rows = values.div_ceil(BLOCK * threads);
        let part = |_| Self {
            rows: vec![Row::ZERO; rows],
            done: done.clone(),
        };
        (0..threads).map(part).collect()
    }

    /// Passes over the array, together with the other threads, until `time` is over; returns how long
    /// each pass took.
    pub(crate) fn passes(
        &mut self,
        arch: Arch,
        time: Duration,
        barrier: &Barrier,
    ) -> Vec<Duration> {
        let mut passes = Vec::new();
        let end = Instant::now() + time;
        loop {
            barrier.wait();
            let start = Instant::now();
            Increment {
                rows: &mut self.rows,
            }
            .run_on(arch);
            barrier.wait();
            passes.push(start.elapsed());
            self.done.store(Instant::now() > end, Ordering::Relaxed);
            barrier.wait();
            if self.done.load(Ordering::Relaxed) {
                return passes;
            }
        }
    }
}

/// Adds 1 to every number: the least that a pass over memory in place can do.
struct Increment<'a> {
    rows: &'a mut [Row],
}

impl Kernel for Increment<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let one = simd.splat_f32s(1.0);
        for row in self.rows {
            for v in lanes_mut::<S, N>(row) {
                *v = simd.add_f32s(*v, one);
            }
        }
    }
}
