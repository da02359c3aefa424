//! Operating points of circuits, each with its certificate.
//!
//! A [`Solver`] reduces a circuit to the network of its free potentials (its presolve), and finds the
//! network's state by Newton steps, each a sparse factorization (from the last answer by the method of multipliers,
//! from nothing by an interior point), or by exact coordinate descent. Whatever the method, the set of conducting diodes is
//! confirmed and the state refined to 32 digits, and its potentials get [error bars](Solution::accuracy), unless these are
//! [left out](SolveOptions::error_bars) and the certificate passes; and every answer is checked against the original circuit by a [`Certificate`] that shares no code with the solver.
//!
//! # Circuits with controlled sources
//!
//! They have no energy, and so a solver of their own: Newton's method on Kirchhoff's laws and those of all elements (modified nodal
//! analysis), with one sparse LU factorization a step. The certificate is the same, but it proves less. It proves that all these laws
//! hold at the state, each at its own scale; that there is no other such state follows from convexity, which is missing. A
//! negative resistance beside a diode has three states. The solver gives one that Newton's steps lead to from rest, or steps in time,
//! whatever it has solved before. Error bars are estimates of the first order, also where all elements are straight lines.

mod certificate;
mod confirmation;
mod coordinate_descent;
mod error_bars;
mod idle;
mod interior_point;
mod modified_nodal;
mod multifrontal;
mod multipliers;
mod newton;
mod noise;
mod options;
mod rows;
mod solution;
mod solver;
mod trace;
mod variants;
mod welds;

pub use crate::presolve::{PresolveError, Undetermined};
pub use certificate::Certificate;
pub use modified_nodal::{Transfer, TransferError};
pub use options::{Method, SolveOptions};
pub use rows::RowError;
pub use solution::{Solution, Statistics, Status};
pub use solver::Solver;
pub use trace::{Observer, Phase, Step};
pub use variants::solve_variants;

use confirmation::{Confirmation, Confirmed, End};
use coordinate_descent::{Descent, descend, sweep_cost};
use interior_point::InteriorPoint;
use multifrontal::Plan;
use multipliers::{Continuation, Multipliers};
use newton::{Newton, Work};

use std::sync::Arc;

use crate::circuit::Circuit;
use crate::presolve::{
    Conductances, Network, OwnCurrents, ROUNDING, Reduction, Residual, State, Values,
};

/// One way to find a state.
#[derive(Clone, Copy, Debug)]
enum Attempt {
    /// From the last answer by so many sweeps of coordinate descent, and then directly.
    Method { sweeps: usize },
    /// By the direct method, from nothing.
    Direct,
    /// By so many sweeps of coordinate descent, from nothing.
    Coordinate { sweeps: usize },
    /// With all diodes blocking: they are exchanged until they are right.
    Rest,
}

/// What the error bars of a checked state follow from.
struct Checked {
    /// The largest voltage of a source, or forward voltage, in volt.
    held: f64,
    /// See [`Restored`](crate::presolve::Restored).
    widths: Vec<Option<f64>>,
}

/// Solves circuits without controlled sources, which minimise an energy.
struct Reciprocal {
    options: SolveOptions,
    reduction: Arc<Reduction>,
    conductances: Arc<Conductances>,
    plan: Arc<Plan>,
    newton: Newton,
    interior_point: InteriorPoint,
    multipliers: Multipliers,
    residual: Residual,
    last: Option<State>,
}

impl Reciprocal {
    /// See [`Solver::new`].
    fn new(circuit: &Circuit, options: SolveOptions) -> Result<Reciprocal, PresolveError> {
        let reduction = Reduction::new(circuit)?;
        let conductances = reduction.conductances(circuit);
        let conductances = conductances.expect("a reduction fits the circuit that it was made for");
        let edges = reduction.edges();
        let plan = Plan::new(edges.nodes, &edges.ends);
        Ok(Reciprocal {
            options,
            newton: Newton::new(&plan),
            interior_point: InteriorPoint::new(),
            multipliers: Multipliers::new(),
            residual: Residual::default(),
            last: None,
            reduction: Arc::new(reduction),
            conductances: Arc::new(conductances),
            plan: Arc::new(plan),
        })
    }

    /// See [`Solver::fork`].
    fn fork(&self) -> Reciprocal {
        Reciprocal {
            options: self.options,
            newton: Newton::new(&self.plan),
            interior_point: InteriorPoint::new(),
            multipliers: Multipliers::new(),
            residual: Residual::default(),
            last: self.last.clone(),
            reduction: Arc::clone(&self.reduction),
            conductances: Arc::clone(&self.conductances),
            plan: Arc::clone(&self.plan),
        }
    }

    /// See [`Solver::solve`].
    fn solve(&mut self, circuit: &Circuit) -> Result<Solution, PresolveError> {
        if !self.conductances.are_of(circuit) {
            match self.reduction.conductances(circuit) {
                Some(conductances) => {
                    self.conductances = Arc::new(conductances);
                    self.newton.forget();
                }
                None => self.start_afresh(circuit)?,
            }
        }
        if let Some(mut numbers) = self.reduction.numbers(circuit, &self.conductances)? {
            return Ok(self.solve_numbers(circuit, &mut numbers));
        }
        self.start_afresh(circuit)?;
        let numbers = self.reduction.numbers(circuit, &self.conductances)?;
        let mut numbers = numbers.expect("a reduction fits the circuit that it was made for");
        Ok(self.solve_numbers(circuit, &mut numbers))
    }

    /// Prepares for circuits of another shape.
    fn start_afresh(&mut self, circuit: &Circuit) -> Result<(), PresolveError> {
        let mut fresh = Reciprocal::new(circuit, self.options)?;
        std::mem::swap(&mut fresh.newton.trace, &mut self.newton.trace);
        *self = fresh;
        Ok(())
    }

    /// One attempt after the other, until an answer is certified; the best of them.
    fn solve_numbers(&mut self, circuit: &Circuit, numbers: &mut Values) -> Solution {
        let (mut work, mut confirming) = (Work::default(), Work::default());
        let mut best: Option<(Solution, State)> = None;
        let last = self.last.take().filter(|last| last.fits(&numbers.network));
        for (k, attempt) in self.attempts(&numbers.network, last.is_some()).enumerate() {
            self.newton.trace.attempt = k + 1;
            let (state, done) = self.find_state(&numbers.network, attempt, last.as_ref());
            work += done;
            if !self.options.error_bars
                && let Some(solution) = self.certify_alone(circuit, numbers, &state)
            {
                best = Some((solution, state));
                break;
            }
            let mut confirmed = self.confirm(circuit, numbers, &state);
            if confirmed.end == End::Breakdown {
                confirmed.state = state; // what was found before numbers went out of range
            }
            confirming += self.newton.work;
            work.interrupted |= confirming.interrupted;
            let (ended, state) = (confirmed.end, confirmed.state.clone());
            let solution = self.certify(circuit, numbers, confirmed);
            let is_solved = solution.status == Status::Solved;
            if best
                .as_ref()
                .is_none_or(|(best, _)| solution.is_better_than(best))
            {
                best = Some((solution, state));
            }
            // What is confirmed would be found again, to the same digits.
            if ended == End::Confirmed || is_solved || work.interrupted {
                break;
            }
        }
        let (mut solution, state) = best.expect("at least one attempt is made");
        self.last = Some(state);
        if work.interrupted && solution.status != Status::Solved {
            solution.status = Status::Interrupted;
        }
        if !self.options.error_bars {
            solution.accuracy.clear();
        }
        solution.statistics = statistics(work, confirming, numbers.network.nodes);
        solution
    }

    /// What is tried, one after the other: the method, then the others both ways.
    fn attempts(&self, network: &Network, is_warm: bool) -> impl Iterator<Item = Attempt> + use<> {
        const LAST_SWEEPS: usize = 2_000;
        let sweeps = self.sweeps_to_try(network, is_warm);
        let others = self.options.max_sweeps.min(LAST_SWEEPS);
        let direct = (sweeps > 0 || is_warm).then_some(Attempt::Direct);
        // Sweeps that come to no end lead near the answer, and what solves directly from there may lead away from it.
        let coordinate = Some(Attempt::Coordinate { sweeps: others });
        let method = Some(Attempt::Method { sweeps });
        [method, direct, coordinate, Some(Attempt::Rest)]
            .into_iter()
            .flatten()
    }

    fn confirm(&mut self, circuit: &Circuit, numbers: &mut Values, state: &State) -> Confirmed {
        self.newton.work = Work::default();
        let exact = self.reduction.exact_values(circuit, numbers);
        let mut confirmation =
            Confirmation::new(&self.plan, &numbers.network, exact, &mut self.residual);
        confirmation.run(&mut self.newton, state, self.options.tolerance)
    }

    /// The circuit's state for a state of the network, if it is solved by its certificate alone.
    fn certify_alone(
        &self,
        circuit: &Circuit,
        numbers: &Values,
        state: &State,
    ) -> Option<Solution> {
        let own = self.reduction.own_currents(circuit, numbers, state);
        let (solution, _) = self.checked(circuit, numbers, state.clone(), own);
        (solution.status == Status::Solved).then_some(solution)
    }

    /// The circuit's state for a confirmed one of the network, with its certificate and error bars.
    fn certify(&self, circuit: &Circuit, numbers: &Values, confirmed: Confirmed) -> Solution {
        let Confirmed { state, bars, end } = confirmed;
        let own = self.reduction.own_currents(circuit, numbers, &state);
        let (mut solution, checked) = self.checked(circuit, numbers, state, own);
        let voltages = solution
            .potentials
            .iter()
            .fold(checked.held, |max, v| max.max(v.abs()));
        let common = bars.common + ROUNDING * voltages;
        let widths = &checked.widths;
        let accuracy = self
            .reduction
            .accuracy((&solution.potentials, widths), &bars.nodes, common);
        // A bar that is no number bounds nothing.
        let bounded = |bar: f64| if bar.is_nan() { f64::INFINITY } else { bar };
        let accuracy: Vec<f64> = accuracy.into_iter().map(bounded).collect();
        let tolerance = self.options.tolerance;
        let is_accurate = accuracy.iter().all(|bar| *bar <= tolerance * voltages);
        solution.status = match end {
            End::Interrupted => Status::Interrupted,
            End::Breakdown => Status::Breakdown,
            End::Unsettled => Status::IterationLimit,
            _ if solution.status == Status::Solved && is_accurate => Status::Solved,
            End::Confirmed => Status::AccuracyLimit,
            End::Stalled => Status::IterationLimit,
        };
        solution.accuracy = accuracy;
        solution
    }

    /// The circuit's state for a state of the network, with its certificate: solved if it passes.
    fn checked(
        &self,
        circuit: &Circuit,
        numbers: &Values,
        state: State,
        own: OwnCurrents,
    ) -> (Solution, Checked) {
        let tolerance = self.options.tolerance;
        let mut restored = self.reduction.restore(circuit, numbers, state, own);
        let check =
            |currents: &[f64]| Certificate::check_all(circuit, &restored.potentials, currents);
        let mut checked = check(&restored.currents);
        if checked.certificate.kcl > tolerance {
            self.reduction.rebalance(circuit, &mut restored.currents);
            checked = check(&restored.currents);
        }
        let solution = Solution {
            status: match checked.certificate.passes(tolerance) {
                true => Status::Solved,
                false => Status::AccuracyLimit,
            },
            dissipated_power: checked.dissipated,
            potentials: restored.potentials,
            currents: restored.currents,
            accuracy: Vec::new(),
            certificate: checked.certificate,
            undetermined: restored.undetermined,
            statistics: Statistics::default(),
        };
        let held = checked.held;
        let widths = restored.widths;
        (solution, Checked { held, widths })
    }

    fn find_state(
        &mut self,
        network: &Network,
        attempt: Attempt,
        last: Option<&State>,
    ) -> (State, Work) {
        match attempt {
            Attempt::Method { sweeps: 0 } => self.find_directly(network, last),
            Attempt::Method { sweeps } => {
                let descent = self.descend(network, last, sweeps);
                let work = descent.work();
                if descent.converged || descent.interrupted {
                    return (descent.state, work);
                }
                let (state, mut direct) = self.find_directly(network, Some(&descent.state));
                direct += work;
                (state, direct)
            }
            Attempt::Direct => self.find_directly(network, None),
            Attempt::Coordinate { sweeps } => {
                let descent = self.descend(network, None, sweeps);
                let work = descent.work();
                (descent.state, work)
            }
            Attempt::Rest => (network.rest(), Work::default()),
        }
    }

    fn descend(&mut self, network: &Network, last: Option<&State>, sweeps: usize) -> Descent {
        let rest = network.rest();
        // Where nothing drives the network, rest is the answer, and a descent to it would have no end.
        let start = last.filter(|_| is_driven(network)).unwrap_or(&rest);
        let target = 1e-3 * self.options.tolerance;
        let omega = self.options.over_relaxation;
        descend(
            network,
            start,
            target,
            sweeps,
            omega,
            &mut self.newton.trace,
        )
    }

    /// How many sweeps of coordinate descent come before the direct method.
    ///
    /// [`Method::Auto`] tries 200, where they cost less than a tenth of the ten factorizations that a direct solution
    /// may take (a branch end is worth ten multiplications), and only from a warm start or without
    /// nonlinear elements.
    fn sweeps_to_try(&self, network: &Network, warm: bool) -> usize {
        const SWEEPS: usize = 200;
        const MULTIPLICATIONS: f64 = 10.0;
        let most = self.options.max_sweeps;
        match self.options.method {
            Method::Direct => 0,
            Method::Coordinate => most,
            Method::Auto => {
                let sweeps = MULTIPLICATIONS * (SWEEPS * sweep_cost(network)) as f64;
                let tries = (warm || network.nonlinear.is_empty()) && sweeps < self.plan.work();
                if tries { most.min(SWEEPS) } else { 0 }
            }
        }
    }

    /// From the last answer or from rest if few diodes switch, else by the interior point, made exact.
    fn find_directly(&mut self, network: &Network, last: Option<&State>) -> (State, Work) {
        let (newton, plan) = (&mut self.newton, &self.plan);
        let target = 1e-3 * self.options.tolerance;
        let multipliers = &mut self.multipliers;
        let mut solve = |newton: &mut Newton, start: &State, continuation| {
            multipliers.solve(newton, plan, network, start, target, continuation)
        };
        let mut work = Work::default();
        let rest = network.rest();
        // From rest, ideal diodes may all switch in a few guesses; nonlinear elements need a better start. Where nothing
        // drives the network, rest is the answer, and any other start would end at some rounding error.
        let from_rest = match network.nonlinear.is_empty() && last.is_none() {
            true => Continuation::GUESS,
            false => Continuation::LOOK,
        };
        for (start, continuation) in [(Some(&rest), from_rest), (last, Continuation::GUESS)] {
            let Some(start) = start else { continue };
            let (guess, distance) = solve(newton, start, continuation);
            work += newton.work;
            if distance <= target || work.interrupted {
                return (guess, work);
            }
        }
        let enough = 0.1 * self.options.tolerance;
        let mut best = self.interior_point.solve(newton, plan, network, enough);
        work += newton.work;
        if work.interrupted {
            return (best.0, work);
        }
        for (start, continuation) in [
            (None, Continuation::POLISH),
            (None, Continuation::SURE),
            (Some(&rest), Continuation::SURE),
        ] {
            let other = solve(newton, start.unwrap_or(&best.0), continuation);
            work += newton.work;
            if other.1 < best.1 || other.1 <= target {
                best = other;
            }
            if best.1 <= enough || work.interrupted {
                break;
            }
        }
        (best.0, work)
    }
}

fn statistics(work: Work, confirming: Work, nodes: usize) -> Statistics {
    Statistics {
        iterations: work.iterations,
        factorizations: work.factorizations,
        linear_solves: work.solves,
        confirming_factorizations: confirming.factorizations,
        confirming_solves: confirming.solves,
        sweeps: work.sweeps,
        nodes,
    }
}

/// Whether sources or forward voltages keep a network from resting at 0 V.
fn is_driven(network: &Network) -> bool {
    network.injections.iter().any(|i| *i != 0.0)
        || network.resistors.iter().any(|r| r.offset != 0.0)
        || network.diodes.iter().any(|d| d.bound < 0.0)
        || network.nonlinear.iter().any(|c| c.offset != 0.0)
}
