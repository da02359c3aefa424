//! Operating points of circuits, each with its certificate.
//!
//! A [`Solver`] reduces a circuit to the network of its free potentials ([`presolve`](crate::presolve)), and finds the
//! network's state by Newton steps, each a sparse factorization (from the last answer by the method of multipliers,
//! from nothing by an interior point), or by exact coordinate descent. Whatever the method, the answer is
//! checked against the original circuit by a [`Certificate`] that shares no code with the solver.

mod certificate;
mod coordinate_descent;
mod interior_point;
mod multipliers;
mod newton;
mod rows;
mod star_mesh;
mod variants;

pub use certificate::Certificate;
pub use rows::RowError;
pub use variants::solve_variants;

use coordinate_descent::{descend, sweep_cost};
use interior_point::InteriorPoint;
use multipliers::{Effort, Multipliers};
use newton::{Newton, Work};
use star_mesh::Plan;

use std::sync::Arc;

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::presolve::{
    Conductances, Network, Numbers, OwnCurrents, PresolveError, Reduction, State, Undetermined,
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
}

/// Whether a state is the operating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The certificate passes.
    Solved,
    /// The method gave up before the certificate passed.
    NotConverged,
    /// It was [interrupted](crate::interrupt) before the certificate passed.
    Interrupted,
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
    /// Power that the elements other than sources take up, in watt.
    pub dissipated_power: f64,
    /// The proof.
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
    last: Option<State>,
}

impl Solver {
    /// Prepares for circuits of the shape of `circuit`.
    ///
    /// # Errors
    /// If the circuit has no operating point.
    pub fn new(circuit: &Circuit, options: SolveOptions) -> Result<Solver, PresolveError> {
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
                Some(conductances) => self.conductances = Arc::new(conductances),
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

    fn solve_numbers(&mut self, circuit: &Circuit, numbers: &Numbers) -> Solution {
        let (state, mut work) = self.find_state(numbers);
        let own = self.reduction.own_currents(circuit, numbers, &state);
        let residual = self.reduction.residual(&own);
        let missed = residual.iter().fold(0.0, |max: f64, r| max.max(r.abs()));
        let corrects = missed > 1e-2 * self.options.tolerance * own.largest && !work.interrupted;
        self.last = Some(state.clone());
        let mut solution = self.certify(circuit, numbers, state.clone(), own);
        if corrects {
            let (state, own) = self.correct(circuit, numbers, state, residual);
            work += self.newton.work;
            let corrected = self.certify(circuit, numbers, state, own);
            if corrected.certificate.worst() < solution.certificate.worst() {
                solution = corrected;
            }
        }
        if work.interrupted && solution.status == Status::NotConverged {
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

    /// The circuit's state for a state of the network, with its certificate.
    fn certify(
        &self,
        circuit: &Circuit,
        numbers: &Numbers,
        state: State,
        own: OwnCurrents,
    ) -> Solution {
        let restored = self.reduction.restore(circuit, numbers, state, own);
        let (potentials, currents) = (restored.potentials, restored.currents);
        let (certificate, dissipated_power) =
            Certificate::check_and_dissipate(circuit, &potentials, &currents);
        Solution {
            status: match certificate.passes(self.options.tolerance) {
                true => Status::Solved,
                false => Status::NotConverged,
            },
            dissipated_power,
            potentials,
            currents,
            certificate,
            undetermined: restored.undetermined,
            statistics: Statistics::default(),
        }
    }

    /// By coordinate descent as far as the method asks for it, and else directly.
    fn find_state(&mut self, numbers: &Numbers) -> (State, Work) {
        let network = &numbers.network;
        let target = 1e-3 * self.options.tolerance;
        let last = self.last.take().filter(|last| last.fits(network));
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

    /// Removes what the merging of parallel resistors has left of rounding, element by element.
    fn correct(
        &mut self,
        circuit: &Circuit,
        numbers: &Numbers,
        mut state: State,
        mut residual: Vec<f64>,
    ) -> (State, OwnCurrents) {
        const CORRECTIONS: usize = 3;
        let network = &numbers.network;
        self.newton.resume(&self.plan, network, &state);
        let mut own = OwnCurrents::default();
        for _ in 0..CORRECTIONS {
            self.newton.correct(&self.plan, network, &residual);
            state = self.newton.finish(network);
            own = self.reduction.own_currents(circuit, numbers, &state);
            residual = self.reduction.residual(&own);
        }
        (state, own)
    }
}

/// Whether sources or forward voltages keep a network from resting at 0 V.
fn is_driven(network: &Network) -> bool {
    network.injections.iter().any(|i| *i != 0.0)
        || network.resistors.iter().any(|r| r.offset != 0.0)
        || network.diodes.iter().any(|d| d.bound < 0.0)
        || network.curved.iter().any(|c| c.offset != 0.0)
}
