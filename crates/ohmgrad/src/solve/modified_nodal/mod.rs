//! Circuits with controlled sources: modified nodal analysis by a damped Newton method.
//!
//! Such a circuit has no energy whose minimum is its state: its matrices are not symmetric, and its elements may deliver
//! power. So its [equations](system) are solved as they are, whole, with one sparse LU factorization for each Newton step. Sums are
//! kept to 32 digits, so that currents that nearly cancel keep theirs.
//!
//! The certificate is the same, and proves less: every law of Kirchhoff and every element's law holds at the state, each at its
//! own scale. That there is no other such state does not follow, as it does from convexity: a negative resistance beside a
//! diode has several. The state is one that Newton's steps lead to from rest or, where they lead nowhere, one that is reached in
//! time from rest with capacitors beside all diodes and curves; it depends on the circuit alone. Whether a real circuit would stay
//! there depends on its capacitances, which are not in it.

mod faults;
mod lu;
mod newton;
mod open;
mod structure;
mod system;
mod transfer;

pub use transfer::{Transfer, TransferError};

use super::trace::Trace;
use super::{Certificate, Solution, SolveOptions, Statistics, Status};
use crate::circuit::Circuit;
use crate::presolve::{Double, PresolveError};
use lu::Factors;
use newton::{End, Newton, Work};
use structure::{Structure, hash};
use system::System;

/// By how much error bars are longer than what they follow from.
const MARGIN: f64 = 4.0;

/// How many patterns of signs error bars are estimated with.
const PATTERNS: usize = 8;

/// Solves circuits, again and again; what depends on a circuit's shape alone is kept from one to the next.
pub(super) struct ModifiedNodal {
    options: SolveOptions,
    factors: Option<Factors>,
    /// Where steps are shown.
    pub(super) trace: Trace,
}

impl ModifiedNodal {
    pub(super) fn new(options: SolveOptions) -> ModifiedNodal {
        ModifiedNodal {
            options,
            factors: None,
            trace: Trace::default(),
        }
    }

    /// Another one that starts alike.
    pub(super) fn fork(&self) -> ModifiedNodal {
        ModifiedNodal::new(self.options)
    }

    pub(super) fn options(&self) -> SolveOptions {
        self.options
    }

    /// Finds a state of a circuit.
    ///
    /// # Errors
    /// If sources contradict one another, or a current has nowhere to go.
    pub(super) fn solve(&mut self, circuit: &Circuit) -> Result<Solution, PresolveError> {
        let structure = Structure::new(circuit)?;
        let system = System::new(circuit, &structure.pinned, &structure.idle);
        let known = self
            .factors
            .take()
            .filter(|known| known.are_of(&system.pattern));
        let Some(mut factors) = known.or_else(|| Factors::new(system.pattern.clone())) else {
            let rest = vec![Double::default(); system.unknowns()];
            return Ok(solution_at(self.options, circuit, &system, &rest, End::Broken).0);
        };
        let mut newton = Newton::new(&system, &mut factors, &mut self.trace);
        let end = newton.find();
        faults::check(circuit, &structure, &newton, end)?;
        let (mut solution, held) = solution_at(self.options, circuit, &system, &newton.x, end);
        if end == End::Converged {
            solution.undetermined = open::find(circuit, &structure, &mut newton);
            add_bars(self.options, circuit, &mut newton, &mut solution, held);
        }
        let Work { steps, solves } = newton.work;
        solution.statistics = Statistics {
            iterations: steps,
            factorizations: steps,
            linear_solves: solves,
            nodes: system.nodes,
            ..Statistics::default()
        };
        self.factors = Some(factors);
        Ok(solution)
    }
}

/// The state with its certificate, and the largest voltage of a source or forward voltage.
fn solution_at(
    options: SolveOptions,
    circuit: &Circuit,
    system: &System,
    x: &[Double],
    end: End,
) -> (Solution, f64) {
    let nodes = x[..system.nodes].iter().map(|x| x.value());
    let potentials: Vec<f64> = std::iter::once(0.0).chain(nodes).collect();
    let currents = system.currents(x);
    let checked = Certificate::check_all(circuit, &potentials, &currents);
    let status = match end {
        End::Interrupted => Status::Interrupted,
        End::Broken => Status::Breakdown,
        End::Stalled => Status::IterationLimit,
        End::Converged if checked.certificate.passes(options.tolerance) => Status::Solved,
        End::Converged => Status::AccuracyLimit,
    };
    let solution = Solution {
        status,
        dissipated_power: checked.dissipated,
        potentials,
        currents,
        accuracy: Vec::new(),
        certificate: checked.certificate,
        undetermined: Vec::new(),
        statistics: Statistics::default(),
    };
    (solution, checked.held)
}

/// Adds error bars, if they are asked for: what the rounding of laws and of sources moves, to first order, with several patterns of
/// signs. Without an inverse that has no negative entry there is no bound from one solution.
fn add_bars(
    options: SolveOptions,
    circuit: &Circuit,
    newton: &mut Newton,
    solution: &mut Solution,
    held: f64,
) {
    if !options.error_bars {
        return;
    }
    let digits = faults::digits(circuit, newton);
    let mut bars = vec![0.0_f64; newton.system.nodes];
    for pattern in 0..PATTERNS {
        let mut moved = faults::round_currents(circuit, newton, |k| sign(pattern, k));
        for (k, (moved, digits)) in moved.iter_mut().zip(&digits).enumerate() {
            *moved += if sign(pattern, k) { *digits } else { -digits };
        }
        newton.solve(&mut moved);
        for (bar, moved) in bars.iter_mut().zip(&moved) {
            *bar = bar.max(moved.abs());
        }
    }
    let potentials = &solution.potentials;
    let bars = bars.iter().zip(&potentials[1..]);
    let bar = |(bar, v): (&f64, &f64)| match MARGIN * bar + 2.0 * f64::EPSILON * v.abs() {
        bar if bar.is_nan() => f64::INFINITY,
        bar => bar,
    };
    let accuracy: Vec<f64> = std::iter::once(0.0).chain(bars.map(bar)).collect();
    let volts = potentials.iter().fold(held, |max: f64, v| max.max(v.abs()));
    let enough = options.tolerance * volts;
    let mut is_open = vec![false; accuracy.len()];
    for open in &solution.undetermined {
        is_open[open.node.index()] = true;
    }
    let mut bars = accuracy.iter().zip(&is_open);
    let is_long = bars.any(|(bar, is_open)| *bar > enough && !is_open);
    if solution.status == Status::Solved && is_long {
        solution.status = Status::AccuracyLimit;
    }
    solution.accuracy = accuracy;
}

/// A sign of an equation, at random but always the same one; in the first pattern all are alike.
fn sign(pattern: usize, equation: usize) -> bool {
    pattern == 0 || (hash(equation) >> pattern) & 1 == 0
}
