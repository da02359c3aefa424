//! What the machine can do at best: the speed of memory, by an array that is read, changed and written in place, as
//! conductances are; and that of arithmetic, by multiply-adds that stay in registers.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pulp::{Arch, Simd};

use super::team::Barrier;
use crate::drn::simd::{BLOCK, Kernel, Row, lanes_mut};

/// Bytes per second that no thread reads and writes, not even those next to its processor.
const FASTEST: f64 = 1e12;

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

    /// Passes over the array, together with the other threads, until `time` is over, or no memory could be so fast if the clock
    /// went; returns how long each pass took.
    pub(crate) fn passes(
        &mut self,
        arch: Arch,
        time: Duration,
        barrier: &Barrier,
    ) -> Vec<Duration> {
        let mut passes = Vec::new();
        let most = (time.as_secs_f64() * FASTEST / size_of_val(&*self.rows) as f64) as usize;
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
            let is_over = Instant::now() > end || passes.len() > most;
            self.done.store(is_over, Ordering::Relaxed);
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

/// Rounds of one measurement of the arithmetic.
const ROUNDS: usize = 20_000;

/// Chains of multiply-adds that do not wait for one another: more than are under way at once on any processor.
const CHAINS: usize = 12;

/// Multiply-adds per second that this thread makes at best, in f32.
pub(crate) fn multiply_adds_per_second(arch: Arch) -> f64 {
    let mut done = 0;
    let start = Instant::now();
    MultiplyAdd { done: &mut done }.run_on(arch);
    done as f64 / start.elapsed().as_secs_f64().max(1e-9)
}

struct MultiplyAdd<'a> {
    /// Out: how many were made.
    done: &'a mut u64,
}

impl Kernel for MultiplyAdd<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let (factor, term) = (
            simd.splat_f32s(black_box(0.5)),
            simd.splat_f32s(black_box(1.0)),
        );
        let mut chains = [term; CHAINS];
        for _ in 0..ROUNDS {
            for chain in &mut chains {
                *chain = simd.mul_add_e_f32s(*chain, factor, term);
            }
        }
        black_box(chains.map(|chain| simd.reduce_sum_f32s(chain)));
        *self.done += (ROUNDS * CHAINS * S::F32_LANES) as u64;
    }
}
