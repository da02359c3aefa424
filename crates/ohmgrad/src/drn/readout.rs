//! How the output nodes are read.

use serde::{Deserialize, Serialize};

/// What the output nodes are read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Readout {
    /// Every node is an output: its potential.
    #[default]
    Nodes,
    /// Two nodes are an output, which can be negative although all conductances are positive: v_2k - v_2k+1, in volt.
    /// Their number must be even.
    Pairs,
}

impl Readout {
    /// Nodes that an output is read from.
    pub(crate) fn nodes(self) -> usize {
        match self {
            Readout::Nodes => 1,
            Readout::Pairs => 2,
        }
    }

    /// The outputs of one example, in volt; `potentials` are those of its output nodes.
    ///
    /// ```
    /// use ohmgrad::drn::Readout;
    ///
    /// let potentials = [0.5, 2.0, 1.0, 0.25];
    /// assert!(Readout::Nodes.read(&potentials).eq([0.5, 2.0, 1.0, 0.25]));
    /// assert!(Readout::Pairs.read(&potentials).eq([-1.5, 0.75]));
    /// ```
    pub fn read(self, potentials: &[f32]) -> impl ExactSizeIterator<Item = f32> + Clone {
        potentials.chunks(self.nodes()).map(|nodes| match nodes {
            [plus, minus] => plus - minus,
            _ => nodes[0],
        })
    }

    /// Adds to each output, by moving its nodes equally far.
    pub(crate) fn shift(self, potentials: &mut [f32], shifts: impl Iterator<Item = f32>) {
        for (nodes, shift) in potentials.chunks_mut(self.nodes()).zip(shifts) {
            match nodes {
                [plus, minus] => {
                    *plus += 0.5 * shift;
                    *minus -= 0.5 * shift;
                }
                _ => nodes[0] += shift,
            }
        }
    }

    /// The conductance, in siemens, that each output presents; that of a pair is its nodes' in series.
    pub(crate) fn conductances(self, nodes: &[f32]) -> impl Iterator<Item = f32> + Clone {
        nodes.chunks(self.nodes()).map(|nodes| match nodes {
            [plus, minus] if *plus > 0.0 && *minus > 0.0 => plus * (minus / (plus + minus)),
            [_, _] => 0.0,
            _ => nodes[0],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_presents_the_conductance_that_bounds_negative_nudges() {
        let pairs: Vec<f32> = Readout::Pairs
            .conductances(&[3.0, 0.75, 0.0, 2.0])
            .collect();
        assert!((pairs[0] - 0.6).abs() < 1e-6);
        assert_eq!(pairs[1], 0.0);
        assert!(Readout::Nodes.conductances(&[3.0, 0.75]).eq([3.0, 0.75]));
    }
}
