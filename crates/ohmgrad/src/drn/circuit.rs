//! A deep resistive network as a circuit of its elements.

use super::law::Unit;
use super::{Energy, Network};
use crate::circuit::{Circuit, CircuitBuilder, CircuitError};
use crate::device::Law;

/// Why a network and an example make no circuit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ToCircuitError {
    /// An example of another length.
    #[error("the example has {found} features, the network takes {expected}")]
    Features {
        /// The network's number of features.
        expected: usize,
        /// The example's.
        found: usize,
    },
    /// A network that is none of resistors.
    #[error("a Hopfield network is no circuit of resistors, diodes and sources: it has no netlist")]
    NotResistive,
    /// A feature that makes a source of a voltage that is not finite.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
}

impl Network {
    /// The network, driven by the features of one example, as a circuit.
    ///
    /// Feature i drives the nodes `p<i>` and `n<i>` by the sources `vp<i>` and `vn<i>`, at plus and minus the input
    /// gain times its value. Hidden units are the nodes `h<l>_<j>` (layers counted from 1), outputs
    /// `o<j>`. Conductances that are not zero are resistors `r<l>_<i>_<j>`, biases that are not zero current sources
    /// `i<l>_<j>`; `l` is the layer above. What a unit has by itself is the element `d<l>_<j>` to ground, or `d<l>_<j>_0` and
    /// `d<l>_<j>_1` where these are two.
    ///
    /// # Errors
    /// If there is not one value per feature, or one is not finite; and for a Hopfield network.
    pub fn to_circuit(&self, features: &[f64]) -> Result<Circuit, ToCircuitError> {
        let architecture = self.architecture();
        if architecture.energy == Energy::Hopfield {
            return Err(ToCircuitError::NotResistive);
        }
        let (expected, found) = (architecture.features, features.len());
        if found != expected {
            return Err(ToCircuitError::Features { expected, found });
        }
        let mut builder = Circuit::builder();
        let gain = f64::from(architecture.input_gain);
        for (sign, letter) in [(gain, 'p'), (-gain, 'n')] {
            for (i, feature) in features.iter().enumerate() {
                // Adding 0 turns -0 into 0.
                let voltage = sign * feature + 0.0;
                let law = Law::VoltageSource { voltage };
                builder.push(format!("v{letter}{i}"), &format!("{letter}{i}"), "0", law);
            }
        }
        for l in 0..architecture.matrices() {
            self.push_resistors(&mut builder, l);
            self.push_biases(&mut builder, l);
        }
        self.push_elements(&mut builder);
        Ok(builder.build()?)
    }

    /// The name of node `j` of layer `l`; layer 0 is the input.
    fn node_name(&self, l: usize, j: usize) -> String {
        let architecture = self.architecture();
        match l {
            0 if j < architecture.features => format!("p{j}"),
            0 => format!("n{}", j - architecture.features),
            l if l > architecture.hidden.len() => format!("o{j}"),
            l => format!("h{l}_{j}"),
        }
    }

    fn push_resistors(&self, builder: &mut CircuitBuilder, l: usize) {
        let (_, columns) = self.architecture().shape(l);
        for (k, conductance) in self.weights(l).into_iter().enumerate() {
            let (i, j) = (k / columns, k % columns);
            let (below, above) = (self.node_name(l, i), self.node_name(l + 1, j));
            if conductance != 0.0 {
                let conductance = f64::from(conductance);
                let law = Law::Resistor { conductance };
                builder.push(format!("r{}_{i}_{j}", l + 1), &below, &above, law);
            }
        }
    }

    fn push_biases(&self, builder: &mut CircuitBuilder, l: usize) {
        for (j, bias) in self.biases(l).into_iter().enumerate() {
            if bias != 0.0 {
                let current = f64::from(bias);
                let law = Law::CurrentSource { current };
                let node = self.node_name(l + 1, j);
                builder.push(format!("i{}_{j}", l + 1), "0", &node, law);
            }
        }
    }

    fn push_elements(&self, builder: &mut CircuitBuilder) {
        for (l, layer) in self.chain().layers.iter().enumerate() {
            let width = layer.width;
            for index in 0..width {
                let node = self.node_name(l + 1, index);
                let devices = layer.law.element(Unit { index, width }).devices();
                let count = devices.len();
                for (k, (law, to_ground)) in devices.into_iter().enumerate() {
                    let name = match count {
                        1 => format!("d{}_{index}", l + 1),
                        _ => format!("d{}_{index}_{k}", l + 1),
                    };
                    let (from, to) = match to_ground {
                        true => (node.as_str(), "0"),
                        false => ("0", node.as_str()),
                    };
                    builder.push(name, from, to, law);
                }
            }
        }
    }
}
