//! The network that the solvers see: free potentials x, ground at 0, and branches between them.

use crate::device::Characteristic;

/// The end of a branch that lies on ground.
pub(crate) const GROUND: u32 = u32::MAX;

/// Branches between nodes; an end is a node's number or `GROUND`.
///
/// ```text
/// resistor   i = g (x_a - x_b + c)
/// diode      x_a - x_b <= w + r i,  i >= 0,  one of them with equality
/// nonlinear     i = law(x_a - x_b + c)
/// ```
pub(crate) struct Network<'c> {
    pub(crate) nodes: usize,
    pub(crate) resistors: Vec<Resistor>,
    pub(crate) diodes: Vec<DiodeBranch>,
    pub(crate) nonlinear: Vec<Nonlinear<'c>>,
    /// Current that sources drive into each node, in ampere.
    pub(crate) injections: Vec<f64>,
    /// The largest finite conductance in the circuit, in siemens.
    pub(crate) largest_conductance: f64,
}

impl Network<'_> {
    /// The largest voltage that sources and diodes hold, in volt.
    pub(crate) fn held_voltage(&self) -> f64 {
        let resistors = self.resistors.iter().filter(|r| r.conductance > 0.0);
        let sources = resistors.map(|r| r.offset.abs());
        let bounds = self.diodes.iter().map(|d| d.bound.abs());
        let offsets = self.nonlinear.iter().map(|c| c.offset.abs());
        sources.chain(bounds).chain(offsets).fold(0.0, f64::max)
    }

    /// The largest voltage that sources and diodes hold, or the least that the largest current, of a source or of a nonlinear element
    /// at 0 V, needs, in volt; where there is neither, any will do.
    pub(crate) fn least_voltage(&self) -> f64 {
        let driven = self.injections.iter().map(|current| current.abs());
        let at_rest = self.nonlinear.iter().map(|c| c.law.current(0.0).0.abs());
        let needed = match self.largest_conductance {
            0.0 => 0.0,
            g => driven.chain(at_rest).fold(0.0, f64::max) / g,
        };
        match self.held_voltage().max(needed) {
            0.0 => 1.0,
            voltage => voltage,
        }
    }

    /// All potentials at 0 V and no currents.
    pub(crate) fn rest(&self) -> super::State {
        super::State {
            potentials: vec![0.0; self.nodes],
            remainders: vec![0.0; self.nodes],
            diode_currents: vec![0.0; self.diodes.len()],
            nonlinear_currents: vec![0.0; self.nonlinear.len()],
        }
    }
}

/// Resistors between the same two nodes, in parallel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resistor {
    pub(crate) ends: [u32; 2],
    /// g, in siemens.
    pub(crate) conductance: f64,
    /// c, in volt.
    pub(crate) offset: f64,
}

impl Resistor {
    /// The current, in ampere.
    pub(crate) fn current(&self, state: &super::State) -> f64 {
        self.conductance * state.voltage(self.ends, self.offset)
    }
}

/// An ideal diode behind a resistance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiodeBranch {
    pub(crate) ends: [u32; 2],
    /// w, in volt.
    pub(crate) bound: f64,
    /// r, in ohm.
    pub(crate) resistance: f64,
    /// Its place among the edges of the reduction.
    pub(crate) edge: u32,
    /// The element.
    pub(crate) element: u32,
}

/// An element with a bent characteristic.
#[derive(Clone, Copy)]
pub(crate) struct Nonlinear<'c> {
    pub(crate) ends: [u32; 2],
    /// c, in volt.
    pub(crate) offset: f64,
    pub(crate) law: &'c dyn Characteristic,
    /// Its place among the edges of the reduction.
    pub(crate) edge: u32,
    /// The element.
    pub(crate) element: u32,
}

/// The value at a node, 0 at ground.
pub(crate) fn at(values: &[f64], node: u32) -> f64 {
    values.get(node as usize).copied().unwrap_or(0.0)
}
