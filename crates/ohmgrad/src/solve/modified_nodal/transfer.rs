//! Small changes around an operating point: transfer functions.

use super::lu::Factors;
use super::structure::{Structure, name};
use super::system::{Charging, REGULARIZATION, System};
use crate::circuit::{Circuit, Control, ElementId, NodeId};
use crate::device::Law;
use crate::presolve::PresolveError;
use crate::solve::{Solution, Status};

/// How a voltage or current answers to a source, around an operating point, as `.tf` of SPICE tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Transfer {
    /// The change of the output for a small change of the source, in its unit: volt or ampere, per volt or ampere.
    pub gain: f64,
    /// The resistance that the source sees, in ohm.
    pub input_resistance: f64,
    /// The resistance between the nodes of the output, or that the source sees whose current it is, in ohm.
    pub output_resistance: f64,
}

/// Why there is no transfer function.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// An input that is no source.
    #[error("{0} is no voltage or current source")]
    NoSource(String),
    /// An output that is the current of another element.
    #[error("{0} is no voltage source: only the currents of these are outputs")]
    NoOutput(String),
    /// A source in a loop of voltage sources, whose voltage cannot change by itself.
    #[error("{0} lies in a loop of voltage sources: its voltage cannot change by itself")]
    Loop(String),
    /// A circuit without an operating point, or too large for the memory.
    #[error("the circuit has no tangent at this state")]
    NoTangent,
    /// A state that is not solved.
    #[error("the operating point is not solved: there is nothing to change a little")]
    NotSolved,
    /// A node that nothing holds.
    #[error("node {0} is open: nothing determines its voltage")]
    Open(String),
    /// A circuit without an operating point.
    #[error(transparent)]
    Presolve(#[from] PresolveError),
}

impl Solution {
    /// How `output` answers to a small change of a voltage or current source, by the tangents of all laws at this state.
    ///
    /// ```
    /// use ohmgrad::circuit::Circuit;
    /// use ohmgrad::solve::{SolveOptions, Solver};
    /// let divider = Circuit::builder()
    ///     .voltage_source("v1", "in", "0", 3.0)
    ///     .resistor("r1", "in", "out", 2e3)
    ///     .resistor("r2", "out", "0", 1e3)
    ///     .build()?;
    /// let solution = Solver::new(&divider, SolveOptions::default())?.solve(&divider)?;
    /// let output = divider.find_quantity("v(out)")?;
    /// let transfer = solution.transfer(&divider, output, divider.find_element("v1")?)?;
    /// assert!((transfer.gain - 1.0 / 3.0).abs() < 1e-12);
    /// assert!((transfer.input_resistance - 3e3).abs() < 1e-9);
    /// assert!((transfer.output_resistance - 2e3 / 3.0).abs() < 1e-9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If this is not [solved](Status::Solved), the source is none, the output is the current of another element than a voltage
    /// source, either is in a loop of voltage sources, or at an open node.
    ///
    /// # Panics
    /// If this is no solution of the circuit, or a node or element is one of another.
    pub fn transfer(
        &self,
        circuit: &Circuit,
        output: Control,
        source: ElementId,
    ) -> Result<Transfer, TransferError> {
        if self.status != Status::Solved {
            return Err(TransferError::NotSolved);
        }
        let structure = Structure::new(circuit)?;
        let system = System::new(circuit, &structure.pinned, &structure.idle);
        let place = |id: ElementId| {
            let k = system.equation_of(id);
            let k = k.ok_or_else(|| TransferError::NoOutput(name(circuit, id)))?;
            match structure.looped.contains(&id) {
                true => Err(TransferError::Loop(name(circuit, id))),
                false => Ok(Port::Source(k)),
            }
        };
        let input = match circuit[source].law() {
            Law::VoltageSource { .. } => place(source)?,
            // A current leaves the first node and enters the second.
            Law::CurrentSource { .. } => {
                let [a, b] = circuit[source].nodes();
                Port::Nodes([b, a])
            }
            _ => return Err(TransferError::NoSource(name(circuit, source))),
        };
        let output = match output {
            Control::Voltage(nodes) => Port::Nodes(nodes),
            Control::Current(id) => place(id)?,
        };
        for port in [input, output] {
            self.check_held(circuit, &structure, port)?;
        }
        let mut tangents = Tangents::new(&system, self).ok_or(TransferError::NoTangent)?;
        let answer = tangents.answer(input).ok_or(TransferError::NoTangent)?;
        let mut resistance = |port| tangents.resistance(port).ok_or(TransferError::NoTangent);
        let (input_resistance, output_resistance) = (resistance(input)?, resistance(output)?);
        let transfer = Transfer {
            gain: tangents.read(output, &answer),
            input_resistance,
            output_resistance,
        };
        let numbers = [
            transfer.gain,
            transfer.input_resistance,
            transfer.output_resistance,
        ];
        match numbers.iter().any(|number| number.is_nan()) {
            true => Err(TransferError::NoTangent),
            false => Ok(transfer),
        }
    }

    /// Sees to it that something determines the voltage between the nodes of a port: both may be of one part that nothing holds.
    fn check_held(
        &self,
        circuit: &Circuit,
        structure: &Structure,
        port: Port,
    ) -> Result<(), TransferError> {
        let Port::Nodes([a, b]) = port else {
            return Ok(());
        };
        let is_one_part = structure.is_open(a) && structure.part_of(a) == structure.part_of(b);
        let mut open = self.undetermined.iter().map(|open| open.node);
        match open.find(|open| [a, b].contains(open)) {
            Some(node) if !is_one_part => Err(TransferError::Open(circuit[node].to_owned())),
            _ => Ok(()),
        }
    }
}

/// Where a circuit is changed, and where it is read.
#[derive(Clone, Copy)]
enum Port {
    /// By a current into the first node and out of the second; the voltage of the first above the second.
    Nodes([NodeId; 2]),
    /// By the voltage of a source, by its equation; its current.
    Source(usize),
}

/// The tangents of all laws at a state.
struct Tangents<'s, 'c> {
    system: &'s System<'c>,
    factors: Factors,
    /// Without what keeps the matrix regular.
    values: Vec<f64>,
}

impl<'s, 'c> Tangents<'s, 'c> {
    fn new(system: &'s System<'c>, solution: &Solution) -> Option<Tangents<'s, 'c>> {
        let x = system.state(&solution.potentials, &solution.currents);
        let (mut misses, mut bent, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let rest = Charging::none();
        system.misses(&x, &rest, &mut misses, &mut bent);
        let mut factors = Factors::new(system.pattern.clone())?;
        system.matrix(&bent, 0.0, REGULARIZATION, &mut values);
        let is_finite = values.iter().all(|value| value.is_finite());
        if !is_finite || !factors.factorize(&values) {
            return None;
        }
        system.matrix(&bent, 0.0, 0.0, &mut values);
        Some(Tangents {
            system,
            factors,
            values,
        })
    }

    /// The change of all unknowns for a unit at a port. Behind large gains, what keeps the matrix regular is not small: then the
    /// matrix is factorized as it is.
    fn answer(&mut self, port: Port) -> Option<Vec<f64>> {
        let right = self.right(port);
        if let Some(answer) = self.refined(&right) {
            return Some(answer);
        }
        match self.factors.factorize(&self.values) {
            true => self.refined(&right),
            false => None,
        }
    }

    fn right(&self, port: Port) -> Vec<f64> {
        let mut right = vec![0.0; self.system.unknowns()];
        match port {
            Port::Source(equation) => right[equation] = 1.0,
            Port::Nodes(nodes) => {
                for (node, sign) in nodes.into_iter().zip([1.0, -1.0]) {
                    if let Some(k) = node.index().checked_sub(1) {
                        right[k] += sign / self.system.scales[k];
                    }
                }
            }
        }
        right
    }

    /// A solution with the factors at hand, if its refinement comes to an end: each equation holds, beside its terms.
    fn refined(&mut self, right: &[f64]) -> Option<Vec<f64>> {
        const REFINEMENTS: usize = 5;
        const ENOUGH: f64 = 1e-12;
        let mut x = vec![0.0; right.len()];
        for _ in 0..REFINEMENTS {
            let product = self.system.pattern.times(&self.values, &x);
            let mut step: Vec<f64> = right.iter().zip(product).map(|(b, ax)| b - ax).collect();
            self.factors.solve(&mut step);
            x.iter_mut().zip(step).for_each(|(x, dx)| *x += dx);
        }
        let sizes = |values: &[f64]| -> Vec<f64> { values.iter().map(|v| v.abs()).collect() };
        let pattern = &self.system.pattern;
        let product = pattern.times(&self.values, &x);
        let terms = pattern.times(&sizes(&self.values), &sizes(&x));
        // What a row that nothing drives is off by is the rounding of the others.
        let driven = right.iter().fold(0.0, |most: f64, b| most.max(b.abs()));
        let rounding = f64::EPSILON * ENOUGH.sqrt() * driven;
        let mut rows = right.iter().zip(product.iter().zip(&terms));
        let holds =
            rows.all(|(b, (ax, terms))| (b - ax).abs() <= ENOUGH * (b.abs() + terms) + rounding);
        holds.then_some(x)
    }

    fn read(&self, port: Port, x: &[f64]) -> f64 {
        match port {
            Port::Source(equation) => x[equation] / self.system.resistance_of(equation),
            Port::Nodes(nodes) => {
                let [a, b] = nodes.map(|node| node.index().checked_sub(1).map_or(0.0, |k| x[k]));
                a - b
            }
        }
    }

    /// The resistance that a port sees. The current of a source flows from + through it to -.
    fn resistance(&mut self, port: Port) -> Option<f64> {
        let answer = self.answer(port)?;
        Some(match (port, self.read(port, &answer)) {
            (Port::Nodes(_), voltage) => voltage,
            (Port::Source(_), 0.0) => f64::INFINITY,
            (Port::Source(_), current) => -1.0 / current,
        })
    }
}
