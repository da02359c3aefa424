//! The network as a chain: layers of units, each with a law, and connections between neighbouring layers.
//!
//! Layer 0 are the sources, which the features hold at their potentials; then come the free layers, the last of which are
//! the output nodes, an ordinary layer. Connection l joins free layer l (counted from 0) to what is below it.
//! An [`Architecture`](super::Architecture) is how settings say it; the engine, the f64 reference and the files work with
//! the chain.

use super::law::LayerLaw;

/// Units next to one another, with nothing between them.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// Number of units.
    pub(crate) width: usize,
    /// What each of them obeys by itself.
    pub(crate) law: LayerLaw,
}

/// What lies between two layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Connection {
    pub(crate) kind: Kind,
    pub(crate) coupling: Coupling,
    /// Number of nodes below and above.
    pub(crate) below: usize,
    pub(crate) above: usize,
    /// Least and largest value that its parameters may have: of conductances in siemens.
    pub(crate) window: [f32; 2],
}

/// Which nodes a connection joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every unit above to both sources of every feature: first all positive sources, then all negative ones.
    Pairs,
    /// Every unit above to every feature as it is.
    Features,
    /// Every unit above to every unit below.
    Dense,
}

/// What a parameter adds to the energy, v and v' being the states of its two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coupling {
    /// A resistor of conductance g: g (v - v')^2 / 2.
    Resistor,
    /// A weight w: -w v v'.
    Weight,
}

impl Coupling {
    /// Conductance that a parameter offers each of its ends, per unit of the parameter.
    pub(crate) fn conductance(self) -> f64 {
        match self {
            Coupling::Resistor => 1.0,
            Coupling::Weight => 0.0,
        }
    }
}

impl Connection {
    /// Number of parameters.
    pub(crate) fn parameters(&self) -> usize {
        self.below * self.above
    }

    /// Whether a parameter may have this value.
    pub(crate) fn allows(&self, value: f64) -> bool {
        let [least, largest] = self.window.map(f64::from);
        value.is_finite() && (least..=largest).contains(&value)
    }

    /// What values its parameters may have, in words.
    pub(crate) fn rule(&self) -> String {
        let [least, largest] = self.window;
        match self.coupling {
            Coupling::Resistor => {
                format!("a conductance must be finite and within [{least}, {largest}] S")
            }
            Coupling::Weight => "a weight must be finite".to_owned(),
        }
    }
}

/// The least and the largest value that biases may have, in ampere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BiasBounds(pub(crate) [f32; 2]);

impl BiasBounds {
    /// Whether a bias may have this value.
    pub(crate) fn allow(self, value: f64) -> bool {
        let [least, largest] = self.0.map(f64::from);
        value.is_finite() && (least..=largest).contains(&value)
    }

    /// What values biases may have, in words.
    pub(crate) fn rule(self) -> String {
        match self.0 {
            [f32::NEG_INFINITY, f32::INFINITY] => "a bias must be finite".to_owned(),
            [least, largest] => format!("a bias must be finite and within [{least}, {largest}] A"),
        }
    }
}

/// Layers and connections of a network, from the sources to the outputs.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// The free layers.
    pub(crate) layers: Vec<Layer>,
    /// Connection l is that between free layer l and what is below it.
    pub(crate) connections: Vec<Connection>,
}

impl Chain {
    /// The outputs' place among the free layers.
    pub(crate) fn output(&self) -> usize {
        self.layers.len() - 1
    }
}
