//! Newton's method on the equations of a circuit.

use super::faults::are_missed;
use super::lu::Factors;
use super::system::{Bent, System};
use crate::interrupt;
use crate::presolve::Double;

/// The greatest number of Newton steps of one descent, and of a whole path.
const STEPS: usize = 100;
const PATH_STEPS: usize = 1500;

/// How often a step is halved before the descent is given up.
const HALVINGS: i32 = 20;

/// A step is accepted if it leads below the largest of so many residuals before it: piecewise linear equations are often solved
/// in a few steps, some of which lead up.
const MEMORY: usize = 5;

/// Steps below this, relative to the largest unknown, are near the end; those below the other are the end.
const NEAR: f64 = 1e-12;
const NOTHING: f64 = 1e-30;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All equations hold, as well as they can be computed.
    Converged,
    /// The steps ended before.
    Stalled,
    /// Numbers went out of range.
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
    pub(super) factors: &'s mut Factors,
    pub(super) x: Vec<Double>,
    /// By how much `x` misses the equations, and the branches there.
    pub(super) misses: Vec<f64>,
    pub(super) bent: Vec<Bent>,
    pub(super) work: Work,
    /// What the equations shall be missed by.
    aside: Vec<f64>,
    values: Vec<f64>,
}

impl<'s, 'c> Newton<'s, 'c> {
    pub(super) fn new(system: &'s System<'c>, factors: &'s mut Factors) -> Newton<'s, 'c> {
        let size = system.unknowns();
        Newton {
            system,
            factors,
            x: vec![Double::default(); size],
            misses: Vec::new(),
            bent: Vec::new(),
            work: Work::default(),
            aside: vec![0.0; size],
            values: Vec::new(),
        }
    }

    /// Finds a state from rest: by descent, by plain steps, and along a path.
    pub(super) fn find(&mut self) -> End {
        let is_over = |end| matches!(end, End::Converged | End::Interrupted);
        let mut end = self.descend(true, STEPS);
        if is_over(end) {
            return end;
        }
        self.x.fill(Double::default());
        end = self.descend(false, STEPS);
        if is_over(end) || are_missed(self) {
            return end;
        }
        self.x.fill(Double::default());
        self.follow()
    }

    /// Steps until they are over; `is_damped`, they are shortened so that the residual falls.
    fn descend(&mut self, is_damped: bool, most: usize) -> End {
        let mut before = vec![self.measure(None)];
        let mut last = f64::INFINITY;
        for _ in 0..most {
            if interrupt::requested() {
                return End::Interrupted;
            }
            let Some(step) = self.step() else {
                return End::Broken;
            };
            let size = step.iter().fold(0.0, |max: f64, dx| max.max(dx.abs()));
            let scale = self.x.iter().fold(0.0, |max: f64, x| max.max(x.high.abs())) + size;
            let is_near = size <= NEAR * scale;
            let whole = self.measure(Some((&step, 1.0)));
            let limit = before
                .iter()
                .rev()
                .take(MEMORY)
                .fold(0.0, |a: f64, b| a.max(*b));
            let (mut t, mut residual) = (1.0, whole);
            while is_damped && !is_near && !(residual <= (1.0 - 1e-4 * t) * limit) {
                t *= 0.5;
                if t < 0.5_f64.powi(HALVINGS) {
                    return End::Stalled;
                }
                residual = self.measure(Some((&step, t)));
            }
            self.advance(&step, t);
            before.push(residual);
            if size <= NOTHING * scale || is_near && size >= 0.5 * last {
                return End::Converged;
            }
            last = size;
        }
        End::Stalled
    }

    /// Follows the states for which all equations are missed by a share of what rest misses them by, from all of it to
    /// none: as if the sources were turned on, and voltage sources in series with the curves turned off.
    fn follow(&mut self) -> End {
        self.measure(None);
        let rest = self.misses.clone();
        let (mut share, mut stride) = (1.0_f64, 0.1);
        let start = self.work.steps;
        while share > 0.0 {
            if self.work.steps - start > PATH_STEPS || stride < 1e-9 {
                return End::Stalled;
            }
            let next = (share - stride).max(0.0);
            self.aside = rest.iter().map(|miss| next * miss).collect();
            let from = self.x.clone();
            let most = if next > 0.0 { 12 } else { STEPS };
            match self.descend(false, most) {
                End::Converged => {
                    share = next;
                    stride *= 2.0;
                }
                End::Interrupted => return End::Interrupted,
                _ => {
                    self.x = from;
                    stride *= 0.25;
                }
            }
        }
        End::Converged
    }

    /// The step to where the tangents meet.
    fn step(&mut self) -> Option<Vec<f64>> {
        self.work.steps += 1;
        if !self.factorize() {
            return None;
        }
        let misses = self.misses.iter().zip(&self.aside);
        let mut step: Vec<f64> = misses.map(|(miss, aside)| aside - miss).collect();
        self.solve(&mut step);
        step.iter().all(|dx| dx.is_finite()).then_some(step)
    }

    /// Factorizes the matrix of the tangents; whether that went well.
    fn factorize(&mut self) -> bool {
        self.system.matrix(&self.bent, &mut self.values);
        self.values.iter().all(|value| value.is_finite()) && self.factors.factorize(&self.values)
    }

    /// Solves with the last matrix.
    pub(super) fn solve(&mut self, right: &mut [f64]) {
        self.work.solves += 1;
        self.factors.solve(right);
    }

    fn advance(&mut self, step: &[f64], t: f64) {
        for (x, dx) in self.x.iter_mut().zip(step) {
            *x += Double::from(t * dx);
        }
    }

    /// The size of the residual at the state, or at a step from it.
    fn measure(&mut self, ahead: Option<(&[f64], f64)>) -> f64 {
        let (misses, bent) = (&mut self.misses, &mut self.bent);
        match ahead {
            None => self.system.misses(&self.x, misses, bent),
            Some((step, t)) => {
                let x = self.x.iter().zip(step);
                let x: Vec<Double> = x.map(|(x, dx)| *x + Double::from(t * dx)).collect();
                self.system.misses(&x, misses, bent);
            }
        }
        let misses = self.misses.iter().zip(&self.aside);
        misses
            .map(|(miss, aside)| (miss - aside) * (miss - aside))
            .sum::<f64>()
            .sqrt()
    }
}
