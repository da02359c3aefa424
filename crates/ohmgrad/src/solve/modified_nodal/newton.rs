//! Newton's method on the equations of a circuit.

use super::faults::growing;
use super::lu::Factors;
use super::system::{Bent, Charging, REGULARIZATION, System};
use crate::interrupt;
use crate::presolve::Double;
use crate::solve::trace::{Phase, Trace};

/// The greatest number of Newton steps of one descent, of one step in time, and of all of these.
const STEPS: usize = 100;
const STEPS_IN_TIME: usize = 8;
const ALL_STEPS_IN_TIME: usize = 1500;

/// How often a step is halved before the descent is given up.
const HALVINGS: i32 = 20;

/// A step is accepted if it leads below the largest of so many residuals before it: piecewise linear equations are often solved
/// in a few steps, some of which lead up.
const MEMORY: usize = 5;

/// Steps below this, relative to the largest unknown, are enough on the way; they are near the end; they are the end.
const ENOUGH: f64 = 1e-6;
const NEAR: f64 = 1e-12;
const NOTHING: f64 = 1e-30;

/// The slowest charging of capacitors, at which they are left out, and the fastest that is tried.
const SLOWEST: f64 = 1e-6;
const FASTEST: f64 = 1e12;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All equations hold, as well as they can be computed.
    Converged,
    /// The steps ended before.
    Stalled,
    /// Values went out of range.
    Broken,
    Interrupted,
}

/// How many steps and solutions there were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work {
    pub(super) steps: usize,
    pub(super) solves: usize,
}

/// A search for a state, and its last matrix.
pub(super) struct Newton<'s, 'c> {
    pub(super) system: &'s System<'c>,
    factors: &'s mut Factors,
    trace: &'s mut Trace,
    pub(super) x: Vec<Double>,
    /// By how much `x` misses the equations, and the branches there.
    pub(super) misses: Vec<f64>,
    pub(super) bent: Vec<Bent>,
    pub(super) work: Work,
    /// The unknowns that grew without end before steps in time were tried, if any did.
    pub(super) contradiction: Vec<usize>,
    /// Whether matrices are tried as they are before anything keeps them regular.
    is_bare: bool,
    charging: Charging,
    values: Vec<f64>,
}

impl<'s, 'c> Newton<'s, 'c> {
    pub(super) fn new(
        system: &'s System<'c>,
        factors: &'s mut Factors,
        trace: &'s mut Trace,
    ) -> Newton<'s, 'c> {
        Newton {
            system,
            factors,
            trace,
            x: vec![Double::default(); system.unknowns()],
            misses: Vec::new(),
            bent: Vec::new(),
            work: Work::default(),
            contradiction: Vec::new(),
            is_bare: false,
            charging: Charging::none(),
            values: Vec::new(),
        }
    }

    /// Finds a state from rest: by descent, by plain steps, by plain steps with matrices as they are (where a gain is so large
    /// that what keeps them regular is not small beside it), and by steps in time.
    pub(super) fn find(&mut self) -> End {
        let is_over = |end| matches!(end, End::Converged | End::Interrupted);
        self.trace.attempt = 1;
        let end = self.descend(true, STEPS, NEAR);
        if is_over(end) {
            return end;
        }
        for is_bare in [false, true] {
            self.is_bare = is_bare;
            self.x.fill(Double::default());
            self.trace.attempt += 1;
            let end = self.descend(false, STEPS, NEAR);
            if is_over(end) {
                return end;
            }
            if !is_bare {
                self.contradiction = growing(self);
            }
        }
        self.is_bare = false;
        self.x.fill(Double::default());
        self.trace.attempt += 1;
        self.settle()
    }

    /// Lets capacitors beside diodes and curves charge until they carry nothing, by implicit Euler steps that grow.
    fn settle(&mut self) -> End {
        let start = self.work.steps;
        let mut rate = 1.0;
        while self.work.steps - start < ALL_STEPS_IN_TIME && rate < FASTEST {
            self.charging.before.clone_from(&self.x);
            self.charging.rate = rate;
            let end = self.descend(false, STEPS_IN_TIME, ENOUGH);
            self.charging.rate = 0.0;
            match end {
                End::Converged if rate < SLOWEST => return self.descend(false, STEPS, NEAR),
                End::Converged => rate *= 0.5,
                End::Interrupted => return end,
                _ => {
                    self.x.clone_from(&self.charging.before);
                    rate *= 4.0;
                }
            }
        }
        End::Stalled
    }

    /// Steps until they are below `enough` and no longer become smaller; `is_damped`, they are shortened so that the residual
    /// falls.
    fn descend(&mut self, is_damped: bool, most: usize, enough: f64) -> End {
        let mut before = vec![self.measure(None)];
        let mut last = f64::INFINITY;
        for k in 0..most {
            self.tell(k, before[k]);
            if interrupt::requested() {
                return End::Interrupted;
            }
            let Some(step) = self.step() else {
                return End::Broken;
            };
            let size = step.iter().fold(0.0, |max: f64, dx| max.max(dx.abs()));
            let scale = self
                .x
                .iter()
                .fold(size, |max: f64, x| max.max(x.high.abs()));
            let is_near = size <= enough * scale;
            let recent = before.iter().rev().take(MEMORY);
            let limit = recent.fold(0.0, |max: f64, residual| max.max(*residual));
            let mut t = 1.0;
            let mut residual = self.measure(Some((&step, t)));
            while is_damped && !is_near && !falls(residual, t, limit) {
                t *= 0.5;
                if t < 0.5_f64.powi(HALVINGS) {
                    return End::Stalled;
                }
                residual = self.measure(Some((&step, t)));
            }
            for (x, dx) in self.x.iter_mut().zip(&step) {
                *x += Double::from(t * dx);
            }
            before.push(residual);
            let is_last = is_near && (enough > NEAR || size >= 0.5 * last);
            if size <= NOTHING * scale || is_last {
                self.tell(k + 1, residual);
                return End::Converged;
            }
            last = size;
        }
        End::Stalled
    }

    /// Shows the state before a step, with its residual relative to the largest unknown.
    fn tell(&mut self, number: usize, residual: f64) {
        let scale = self.x.iter().fold(0.0, |max: f64, x| max.max(x.high.abs()));
        let scale = scale.max(self.system.drive());
        let missed = if residual == 0.0 {
            0.0
        } else {
            residual / scale
        };
        let phase = match self.charging.rate > 0.0 {
            true => Phase::Settling,
            false => Phase::Equations,
        };
        self.trace.tell(phase, number, missed, 0);
    }

    /// The step to where the tangents meet; with more that keeps the matrix regular where it is singular all the same.
    fn step(&mut self) -> Option<Vec<f64>> {
        self.work.steps += 1;
        let bare = self.is_bare.then_some(0.0);
        let more = [1.0, 1e3, 1e6];
        bare.into_iter()
            .chain(more)
            .find_map(|more| self.regular_step(more * REGULARIZATION))
    }

    fn regular_step(&mut self, regularization: f64) -> Option<Vec<f64>> {
        let rate = self.charging.rate;
        let system = self.system;
        system.matrix(&self.bent, rate, regularization, &mut self.values);
        let is_finite = self.values.iter().all(|value| value.is_finite());
        if !is_finite || !self.factors.factorize(&self.values) {
            return None;
        }
        let mut step: Vec<f64> = self.misses.iter().map(|miss| -miss).collect();
        self.solve(&mut step);
        step.iter().all(|dx| dx.is_finite()).then_some(step)
    }

    /// Solves with the last matrix.
    pub(super) fn solve(&mut self, right: &mut [f64]) {
        self.work.solves += 1;
        self.factors.solve(right);
    }

    /// The size of the residual at the state, or at a step from it.
    fn measure(&mut self, ahead: Option<(&[f64], f64)>) -> f64 {
        let (misses, bent) = (&mut self.misses, &mut self.bent);
        match ahead {
            None => self.system.misses(&self.x, &self.charging, misses, bent),
            Some((step, t)) => {
                let x = self.x.iter().zip(step);
                let x: Vec<Double> = x.map(|(x, dx)| *x + Double::from(t * dx)).collect();
                self.system.misses(&x, &self.charging, misses, bent);
            }
        }
        let squares = self.misses.iter().map(|miss| miss * miss);
        squares.sum::<f64>().sqrt()
    }
}

/// Whether the residual of a step of length t is low enough; one that is no number is not.
fn falls(residual: f64, t: f64, limit: f64) -> bool {
    residual <= (1.0 - 1e-4 * t) * limit
}
