//! Sweeps of exact block coordinate descent over some examples, each until it is settled.

use std::sync::atomic::{AtomicBool, Ordering};

use pulp::{Simd, WithSimd};

use super::Differentiable;
use super::products::{down, up};
use crate::drn::Settling;
use crate::interrupt::{self, Interrupted};

/// What acts on the free nodes of some examples.
pub(super) struct Load<'a> {
    /// Constant current into every node, in ampere: per layer, example after example.
    pub(super) currents: Vec<Vec<f64>>,
    /// Potentials at which diodes keep the states they have there: a response is sought, to currents alone.
    pub(super) held_at: Option<Vec<&'a [f64]>>,
}

/// Potentials of the free layers, each example after example.
#[derive(Clone, Debug)]
pub(super) struct Relaxed {
    pub(super) potentials: Vec<Vec<f64>>,
    /// Per example, the largest violation of Kirchhoff's current law, relative to the largest current into a node.
    pub(super) residuals: Vec<f64>,
    /// The most sweeps that an example needed.
    pub(super) sweeps: usize,
}

impl Relaxed {
    /// No examples.
    pub(super) fn none(layers: usize) -> Self {
        Self {
            potentials: vec![Vec::new(); layers],
            residuals: Vec::new(),
            sweeps: 0,
        }
    }

    /// The examples of all parts.
    pub(super) fn join(
        layers: usize,
        parts: Vec<Result<Self, Interrupted>>,
    ) -> Result<Self, Interrupted> {
        let mut all = Self::none(layers);
        for part in parts {
            all.append(part?);
        }
        Ok(all)
    }

    pub(super) fn append(&mut self, other: Self) {
        let layers = self.potentials.iter_mut().zip(other.potentials);
        layers.for_each(|(all, other)| all.extend(other));
        self.residuals.extend(other.residuals);
        self.sweeps = self.sweeps.max(other.sweeps);
    }

    /// The first of so many examples that has a potential beyond the range of f64.
    pub(super) fn overflow(&self, examples: usize) -> Option<usize> {
        let first = |layer: &Vec<f64>| {
            let at = layer.iter().position(|v| !v.is_finite())?;
            Some(at / (layer.len() / examples))
        };
        self.potentials.iter().filter_map(first).min()
    }
}

/// What an example's layers violate, in ampere.
#[derive(Clone, Copy, Default)]
struct Violation {
    /// Largest current that moves a node.
    moving: f64,
    /// Largest current into a node that no resistor leads away.
    stranded: f64,
    /// Largest current into a node.
    largest: f64,
}

impl Violation {
    fn relative(self, other: Self) -> f64 {
        let violation = [self.moving, self.stranded, other.moving, other.stranded];
        let violation = violation.into_iter().fold(0.0, f64::max);
        match self.largest.max(other.largest) {
            0.0 => violation,
            largest => violation / largest,
        }
    }
}

/// Settles some examples.
pub(super) struct Relaxation<'a> {
    pub(super) network: &'a Differentiable,
    pub(super) start: Vec<Vec<f64>>,
    pub(super) load: Load<'a>,
    pub(super) until: &'a Settling,
    /// Set by the thread that is interrupted, for all.
    pub(super) stop: &'a AtomicBool,
}

impl WithSimd for Relaxation<'_> {
    type Output = Result<Relaxed, Interrupted>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self {
            network,
            start,
            load,
            until,
            stop,
        } = self;
        let groups = until.order.groups(start.len());
        let (first, second) = (
            &groups[0],
            groups.get(1).map(Vec::as_slice).unwrap_or_default(),
        );
        let count = load.currents[0].len() / network.architecture.width(0);
        let mut sweep = Sweep {
            network,
            load,
            optima: start.clone(),
            potentials: start,
            count,
        };
        let mut residuals = vec![f64::INFINITY; count];
        let unknown = Violation {
            moving: f64::INFINITY,
            ..Violation::default()
        };
        let (mut moved, mut left) = (vec![Violation::default(); count], vec![unknown; count]);
        let mut unsettled: Vec<usize> = (0..count).collect();
        let mut sweeps = 0;
        loop {
            // What the first group would move is what the state as it is violates: the second is at its optimum.
            sweep.find_optima(first, &unsettled, &mut moved);
            unsettled.retain(|&b| {
                residuals[b] = moved[b].relative(left[b]);
                until
                    .tolerance
                    .is_some_and(|tolerance| residuals[b] > tolerance)
            });
            if unsettled.is_empty() || sweeps == until.sweeps {
                let potentials = sweep.potentials;
                return Ok(Relaxed {
                    potentials,
                    residuals,
                    sweeps,
                });
            }
            sweep.move_to_optima(first, &unsettled);
            sweep.find_optima(second, &unsettled, &mut left);
            sweep.move_to_optima(second, &unsettled);
            left.iter_mut().for_each(|left| left.moving = 0.0);
            sweeps += 1;
            if interrupt::requested() {
                stop.store(true, Ordering::Relaxed);
            }
            if stop.load(Ordering::Relaxed) {
                return Err(Interrupted);
            }
        }
    }
}

struct Sweep<'a> {
    network: &'a Differentiable,
    load: Load<'a>,
    potentials: Vec<Vec<f64>>,
    optima: Vec<Vec<f64>>,
    /// Examples, settled ones too.
    count: usize,
}

impl Sweep<'_> {
    /// The potentials at which layers that are no neighbours have the least energy, and what they violate as they are.
    #[inline(always)]
    fn find_optima(&mut self, layers: &[usize], examples: &[usize], violations: &mut [Violation]) {
        examples
            .iter()
            .for_each(|b| violations[*b] = Violation::default());
        for &l in layers {
            self.add_currents(l, examples);
            for &b in examples {
                self.divide(l, b, &mut violations[b]);
            }
        }
    }

    /// v_{l-1} W_l + v_{l+1} W_{l+1}^T + constant currents
    #[inline(always)]
    fn add_currents(&mut self, l: usize, examples: &[usize]) {
        let (currents, v, count) = (&mut self.optima[l], &self.potentials, self.count);
        let width = self.network.architecture.width(l);
        for b in examples {
            let example = b * width..(b + 1) * width;
            currents[example.clone()].copy_from_slice(&self.load.currents[l][example]);
        }
        if let Some(below) = l.checked_sub(1) {
            up(
                &self.network.weights[l],
                &v[below],
                currents,
                examples,
                count,
            );
        }
        if let Some(above) = v.get(l + 1) {
            down(
                &self.network.weights[l + 1],
                above,
                currents,
                examples,
                count,
            );
        }
    }

    /// From currents to potentials: v = clip(current / conductance).
    #[inline(always)]
    fn divide(&mut self, l: usize, b: usize, violation: &mut Violation) {
        let width = self.network.architecture.width(l);
        let example = b * width..(b + 1) * width;
        let sums = &self.network.sums[l];
        for (j, at) in example.enumerate() {
            let current = self.optima[l][at];
            let (lo, hi) = self.interval(l, j, at);
            let optimum = match sums[j] > 0.0 {
                true => {
                    let optimum = (current / sums[j]).clamp(lo, hi);
                    let moved = sums[j] * (self.potentials[l][at] - optimum);
                    violation.moving = violation.moving.max(moved.abs());
                    optimum
                }
                false => {
                    violation.stranded = violation.stranded.max(current.clamp(lo, hi).abs());
                    0.0
                }
            };
            violation.largest = violation.largest.max(current.abs());
            self.optima[l][at] = optimum;
        }
    }

    /// The interval that the diode of a node allows. A node held by its diode or joined to nothing does not respond.
    #[inline(always)]
    fn interval(&self, l: usize, j: usize, at: usize) -> (f64, f64) {
        let (lo, hi) = self.network.architecture.interval(l, j);
        let (lo, hi) = (f64::from(lo), f64::from(hi));
        match &self.load.held_at {
            None => (lo, hi),
            Some(v) if lo < v[l][at] && v[l][at] < hi && self.network.sums[l][j] > 0.0 => {
                (f64::NEG_INFINITY, f64::INFINITY)
            }
            Some(_) => (0.0, 0.0),
        }
    }

    #[inline(always)]
    fn move_to_optima(&mut self, layers: &[usize], examples: &[usize]) {
        for &l in layers {
            let width = self.network.architecture.width(l);
            for b in examples {
                let example = b * width..(b + 1) * width;
                self.potentials[l][example.clone()].copy_from_slice(&self.optima[l][example]);
            }
        }
    }
}
