//! Operating points of circuits, each with its certificate.
//!
//! A [`Solver`] reduces a circuit to the network of its free potentials ([`presolve`](crate::presolve)), and finds the
//! network's state by Newton steps, each a sparse factorization (from the last answer by the method of multipliers,
//! from nothing by an interior point), or by exact coordinate descent. Whatever the method, the answer is
//! checked against the original circuit by a [`Certificate`] that shares no code with the solver.

mod certificate;
mod confirmation;
mod coordinate_descent;
mod interior_point;
mod multipliers;
mod newton;
mod rows;
mod star_mesh;

pub use certificate::Certificate;
pub use rows::RowError;

use confirmation::{Confirmation, Confirmed, End};
use coordinate_descent::{descend, sweep_cost};
use interior_point::InteriorPoint;
use multipliers::{Effort, Multipliers};
use newton::{Newton, Work};
use star_mesh::Plan;

use std::sync::Arc;

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::presolve::{
    Conductances, Network, Numbers, PresolveError, Reduction, Residual, Restored, State,
    Undetermined,
};

/// How a [`Solver`] finds the state of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Coordinate descent for a few sweeps where they cost next to nothing beside a factorization, then directly.
    #[default]
    Auto,
    /// Exact coordinate descent. Where [`max_sweeps`](SolveOptions::max_sweeps) sweeps are not enough, the direct
    /// method takes over; the statistics show the work of both.
    Coordinate,
    /// By Newton steps, each a sparse factorization.
    Direct,
}

/// Settings of a [`Solver`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SolveOptions {
    /// What every measure of the certificate must be below, above 0. Default: 1e-9.
    pub tolerance: f64,
    /// How the state is found. Default: [`Method::Auto`].
    pub method: Method,
    /// The greatest number of sweeps of coordinate descent, from 0. Default: 10000.
    pub max_sweeps: usize,
    /// How long the steps of coordinate descent are at nodes with linear elements alone, in units of those to the
    /// minimum: above 0 and below 2. Other values do not converge, except by the direct method that
    /// takes over. Default: 1.
    pub over_relaxation: f64,
}

impl Default for SolveOptions {
    fn default() -> SolveOptions {
        SolveOptions {
            tolerance: 1e-9,
            method: Method::Auto,
            max_sweeps: 10_000,
            over_relaxation: 1.0,
        }
    }
}

impl SolveOptions {
    /// With another tolerance.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> SolveOptions {
        self.tolerance = tolerance;
        self
    }

    /// With another method.
    #[must_use]
    pub fn with_method(mut self, method: Method) -> SolveOptions {
        self.method = method;
        self
    }

    /// With another greatest number of sweeps, from 0.
    #[must_use]
    pub fn with_max_sweeps(mut self, max_sweeps: usize) -> SolveOptions {
        self.max_sweeps = max_sweeps;
        self
    }

    /// With another length of the steps of coordinate descent, above 0 and below 2.
    #[must_use]
    pub fn with_over_relaxation(mut self, over_relaxation: f64) -> SolveOptions {
        self.over_relaxation = over_relaxation;
        self
    }

    /// Refuses numbers out of their ranges.
    fn check(&self) -> Result<(), PresolveError> {
        let fault = |name, value, range| Err(PresolveError::Option { name, value, range });
        if !(self.tolerance > 0.0 && self.tolerance.is_finite()) {
            return fault("tolerance", self.tolerance, "finite and above 0");
        }
        if !self.over_relaxation.is_finite() {
            return fault("over-relaxation", self.over_relaxation, "finite");
        }
        Ok(())
    }
}

/// Whether a state is the operating point, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The certificate passes, and the error bars are below the tolerance.
    Solved,
    /// All diodes are right and the laws hold as well as double precision allows, but the certificate does not pass or an
    /// error bar is above the tolerance. The bars say how far off the potentials may be.
    AccuracyLimit,
    /// The steps ended before the diodes were right or the laws held. The potentials may be far off.
    IterationLimit,
    /// Numbers went out of the range of double precision. The potentials may be far off.
    Breakdown,
    /// It was [interrupted](crate::interrupt) before the certificate passed.
    Interrupted,
}

impl Status {
    /// The status as one word, for files and tables: `solved`, `accuracy_limit`, `iteration_limit`,
    /// `numerical_breakdown` or `interrupted`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Solved => "solved",
            Status::AccuracyLimit => "accuracy_limit",
            Status::IterationLimit => "iteration_limit",
            Status::Breakdown => "numerical_breakdown",
            Status::Interrupted => "interrupted",
        }
    }
}

/// Where an attempt begins.
#[derive(Clone, Copy, Debug)]
enum Attempt {
    /// As the method says.
    Method,
    /// By the direct method, from nothing.
    Direct,
    /// With all diodes blocking: they are exchanged until they are right.
    Rest,
}

/// How much work a solve was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Newton steps.
    pub iterations: usize,
    /// Factorizations of the linear network.
    pub factorizations: usize,
    /// Solutions of linear networks.
    pub linear_solves: usize,
    /// Sweeps of coordinate descent.
    pub sweeps: usize,
    /// Nodes of the network after presolve.
    pub nodes: usize,
}

/// A state of a circuit, and how well it obeys the laws.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solution {
    /// Whether it is the operating point.
    pub status: Status,
    /// Potentials of the nodes, in volt, in the order of [`Circuit::node_names`].
    pub potentials: Vec<f64>,
    /// Currents of the elements, in ampere, in the order of [`Circuit::elements`].
    pub currents: Vec<f64>,
    /// How far off each potential may be, in volt, in the order of [`Circuit::node_names`]: its error bar. Of a node
    /// whose potential is open, how far off its voltage to the nodes that it moves with may be.
    pub accuracy: Vec<f64>,
    /// Power that the elements other than sources take up, in watt.
    pub dissipated_power: f64,
    /// How well the laws hold.
    pub certificate: Certificate,
    /// Nodes whose potentials the circuit leaves open.
    pub undetermined: Vec<Undetermined>,
    /// The work done.
    pub statistics: Statistics,
}

impl Solution {
    /// The potential of a node, in volt.
    pub fn potential(&self, node: NodeId) -> f64 {
        self.potentials[node.index()]
    }

    /// Whether it is worth more than another answer: by its status, then by its error bars.
    fn is_better_than(&self, other: &Solution) -> bool {
        let worst = |bars: &[f64]| bars.iter().copied().fold(0.0, f64::max);
        let rank = |status| match status {
            Status::Solved => 0,
            Status::AccuracyLimit => 1,
            _ => 2,
        };
        match rank(self.status).cmp(&rank(other.status)) {
            std::cmp::Ordering::Equal => worst(&self.accuracy) < worst(&other.accuracy),
            order => order.is_lt(),
        }
    }

    /// The current through an element, in ampere.
    pub fn current(&self, element: ElementId) -> f64 {
        self.currents[element.index()]
    }
}

/// Solves circuits of one shape, again and again.
///
/// It keeps the reduction, the order of elimination and all workspaces, and starts from the last answer. A circuit of
/// another shape is legal, and makes it start afresh.
pub struct Solver {
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

impl Solver {
    /// Prepares for circuits of the shape of `circuit`.
    ///
    /// # Errors
    /// If the circuit has no operating point, or an option is out of its range.
    pub fn new(circuit: &Circuit, options: SolveOptions) -> Result<Solver, PresolveError> {
        options.check()?;
        let reduction = Reduction::new(circuit)?;
        let conductances = reduction.conductances(circuit);
        let conductances = conductances.expect("a reduction fits the circuit that it was made for");
        let edges = reduction.edges();
        let plan = Plan::new(edges.nodes, &edges.ends);
        Ok(Solver {
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

    /// The settings.
    pub fn options(&self) -> SolveOptions {
        self.options
    }

    /// A solver for circuits of the same shape that starts from the same state.
    fn fork(&self) -> Solver {
        Solver {
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

    /// The state of the last answer, from which the next solve starts.
    pub(crate) fn last(&self) -> Option<&State> {
        self.last.as_ref()
    }

    /// Makes the next solve start from another state; one of a network of another shape is not used.
    pub(crate) fn start_from(&mut self, state: State) {
        self.last = Some(state);
    }

    /// A solver for circuits of the same shape that starts from no answer.
    pub(crate) fn fork_cold(&self) -> Solver {
        Solver {
            last: None,
            ..self.fork()
        }
    }

    /// Finds the operating point of a circuit.
    ///
    /// ```
    /// use ohmgrad::circuit::Circuit;
    /// use ohmgrad::solve::{SolveOptions, Solver, Status};
    /// let rectifier = Circuit::builder()
    ///     .voltage_source("v1", "in", "0", 5.0)
    ///     .ideal_diode("d1", "in", "out", 0.7)
    ///     .resistor("r1", "out", "0", 1e3)
    ///     .build()?;
    /// let mut solver = Solver::new(&rectifier, SolveOptions::default())?;
    /// let solution = solver.solve(&rectifier)?;
    /// assert_eq!(solution.status, Status::Solved);
    /// let out = rectifier.node("out").expect("it was just added");
    /// assert!((solution.potential(out) - 4.3).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the circuit has no operating point. Not finding one that exists is a [`Status`], as is an interruption.
    pub fn solve(&mut self, circuit: &Circuit) -> Result<Solution, PresolveError> {
        if !self.conductances.are_of(circuit) {
            match self.reduction.conductances(circuit) {
                Some(conductances) => {
                    self.conductances = Arc::new(conductances);
                    self.newton.forget();
                }
                None => *self = Solver::new(circuit, self.options)?,
            }
        }
        if let Some(numbers) = self.reduction.numbers(circuit, &self.conductances)? {
            return Ok(self.solve_numbers(circuit, &numbers));
        }
        *self = Solver::new(circuit, self.options)?;
        let numbers = self.reduction.numbers(circuit, &self.conductances)?;
        let numbers = numbers.expect("a reduction fits the circuit that it was made for");
        Ok(self.solve_numbers(circuit, &numbers))
    }

    /// One attempt after the other, until an answer is certified; the best of them.
    fn solve_numbers(&mut self, circuit: &Circuit, numbers: &Numbers) -> Solution {
        let mut work = Work::default();
        let mut best: Option<Solution> = None;
        for attempt in [Attempt::Method, Attempt::Direct, Attempt::Rest] {
            let (state, done) = self.find_state(numbers, attempt);
            work += done;
            let confirmed = self.confirm(circuit, numbers, &state);
            work += self.newton.work;
            let ended = confirmed.end;
            self.last = Some(confirmed.state.clone());
            let solution = self.certify(circuit, numbers, confirmed);
            if best
                .as_ref()
                .is_none_or(|best| solution.is_better_than(best))
            {
                best = Some(solution);
            }
            // What is confirmed would be found again, to the same digits.
            if ended == End::Confirmed || work.interrupted {
                break;
            }
        }
        let mut solution = best.expect("at least one attempt is made");
        if work.interrupted && solution.status != Status::Solved {
            solution.status = Status::Interrupted;
        }
        solution.statistics = Statistics {
            iterations: work.iterations,
            factorizations: work.factorizations,
            linear_solves: work.solves,
            sweeps: work.sweeps,
            nodes: numbers.network.nodes,
        };
        solution
    }

    fn confirm(&mut self, circuit: &Circuit, numbers: &Numbers, state: &State) -> Confirmed {
        self.newton.work = Work::default();
        let mut confirmation = Confirmation::new(
            &self.plan,
            &self.reduction,
            circuit,
            numbers,
            &mut self.residual,
        );
        confirmation.run(&mut self.newton, state)
    }

    /// The circuit's state for a confirmed one of the network, with its certificate and error bars.
    fn certify(&self, circuit: &Circuit, numbers: &Numbers, confirmed: Confirmed) -> Solution {
        let Confirmed {
            state,
            bars,
            common,
            faint,
            end,
        } = confirmed;
        let own = self.reduction.own_currents(circuit, numbers, &state, faint);
        let mut restored = self.reduction.restore(circuit, numbers, state, own);
        let check =
            |state: &Restored| Certificate::check_all(circuit, &state.potentials, &state.currents);
        let mut checked = check(&restored);
        if checked.certificate.kcl > self.options.tolerance {
            self.reduction.rebalance(circuit, &mut restored.currents);
            checked = check(&restored);
        }
        // Voltages are decimal numbers, held in binary.
        let common = common + 2.0 * f64::EPSILON * checked.held;
        let accuracy = self.reduction.accuracy(numbers, &restored, &bars, common);
        let (potentials, currents) = (restored.potentials, restored.currents);
        let certificate = checked.certificate;
        let tolerance = self.options.tolerance;
        let voltages = potentials
            .iter()
            .fold(checked.held, |max, v| max.max(v.abs()));
        let accurate = accuracy.iter().all(|bar| *bar <= tolerance * voltages);
        Solution {
            status: match end {
                End::Interrupted => Status::Interrupted,
                End::Breakdown => Status::Breakdown,
                End::Unsettled => Status::IterationLimit,
                End::Confirmed if certificate.passes(tolerance) && accurate => Status::Solved,
                End::Confirmed => Status::AccuracyLimit,
            },
            dissipated_power: checked.dissipated,
            potentials,
            currents,
            accuracy,
            certificate,
            undetermined: restored.undetermined,
            statistics: Statistics::default(),
        }
    }

    /// By coordinate descent as far as the method asks for it, and else directly; or as a later attempt.
    fn find_state(&mut self, numbers: &Numbers, attempt: Attempt) -> (State, Work) {
        let network = &numbers.network;
        let target = 1e-3 * self.options.tolerance;
        let last = self.last.take().filter(|last| last.fits(network));
        match attempt {
            Attempt::Method => (),
            Attempt::Direct => return self.find_directly(network, None),
            Attempt::Rest => return (network.rest(), Work::default()),
        }
        let max_sweeps = self.sweeps_to_try(network, last.is_some());
        if max_sweeps == 0 {
            return self.find_directly(network, last);
        }
        // Where nothing drives the network, rest is the answer, and a descent to it would have no end.
        let start = last.filter(|_| is_driven(network));
        let start = start.unwrap_or_else(|| network.rest());
        let omega = self.options.over_relaxation;
        let descent = descend(network, &start, target, max_sweeps, omega);
        let mut work = Work {
            sweeps: descent.sweeps,
            interrupted: descent.interrupted,
            ..Work::default()
        };
        if descent.converged || descent.interrupted {
            return (descent.state, work);
        }
        let (state, direct) = self.find_directly(network, Some(descent.state));
        work += direct;
        (state, work)
    }

    /// How many sweeps of coordinate descent come before the direct method.
    ///
    /// [`Method::Auto`] tries 200, where they cost less than a tenth of the ten factorizations that a direct solution
    /// may take (a branch end is worth ten multiplications), and only from a warm start or without
    /// curved elements.
    fn sweeps_to_try(&self, network: &Network, warm: bool) -> usize {
        const SWEEPS: usize = 200;
        const MULTIPLICATIONS: f64 = 10.0;
        let most = self.options.max_sweeps;
        match self.options.method {
            Method::Direct => 0,
            Method::Coordinate => most,
            Method::Auto => {
                let sweeps = MULTIPLICATIONS * (SWEEPS * sweep_cost(network)) as f64;
                let tries = (warm || network.curved.is_empty()) && sweeps < self.plan.work();
                if tries { most.min(SWEEPS) } else { 0 }
            }
        }
    }

    /// From the last answer or from rest if few diodes switch, else by the interior point, made exact.
    fn find_directly(&mut self, network: &Network, last: Option<State>) -> (State, Work) {
        let (newton, plan) = (&mut self.newton, &self.plan);
        let target = 1e-3 * self.options.tolerance;
        let multipliers = &mut self.multipliers;
        let mut solve = |newton: &mut Newton, start: &State, effort| {
            multipliers.solve(newton, plan, network, start, target, effort)
        };
        let mut work = Work::default();
        let rest = network.rest();
        // From rest, ideal diodes may all switch in a few guesses; curved elements need a better start. Where nothing
        // drives the network, rest is the answer, and any other start would end at some rounding error.
        let from_rest = match network.curved.is_empty() && last.is_none() {
            true => Effort::GUESS,
            false => Effort::LOOK,
        };
        for (start, effort) in [(Some(&rest), from_rest), (last.as_ref(), Effort::GUESS)] {
            let Some(start) = start else { continue };
            let (guess, distance) = solve(newton, start, effort);
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
        for (start, effort) in [
            (None, Effort::POLISH),
            (None, Effort::SURE),
            (Some(&rest), Effort::SURE),
        ] {
            let other = solve(newton, start.unwrap_or(&best.0), effort);
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

/// Whether sources or forward voltages keep a network from resting at 0 V.
fn is_driven(network: &Network) -> bool {
    network.injections.iter().any(|i| *i != 0.0)
        || network.resistors.iter().any(|r| r.offset != 0.0)
        || network.diodes.iter().any(|d| d.bound < 0.0)
        || network.curved.iter().any(|c| c.offset != 0.0)
}
