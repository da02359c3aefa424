//! What learning makes small.

use serde::{Deserialize, Serialize};

/// The cost of an example, as a function of the output potentials v (in volt) and the one-hot target y.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cost {
    /// |v - y|^2 / 2. Its nudge is a conductance to a source at the target.
    #[default]
    SquaredError,
    /// -log softmax(v)_label, with potentials in volt. Its nudge is a current, beta (y - softmax(v)) with v the free
    /// potentials.
    CrossEntropy,
}

impl Cost {
    /// The cost of outputs beside their targets, given as pairs. Targets of cross-entropy add up to 1, or are all 0 where
    /// nothing is wanted.
    pub(crate) fn of(self, pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
        match self {
            // |v - y|^2 / 2
            Cost::SquaredError => pairs.map(|(v, y)| (v - y).powi(2)).sum::<f64>() / 2.0,
            // -sum of y log softmax(v)
            Cost::CrossEntropy => {
                let log_sum = log_sum(pairs.clone().map(|(v, _)| v));
                pairs.map(|(v, y)| y * (log_sum - v)).sum()
            }
        }
    }

    /// Where the cost of these outputs pulls each of them.
    pub(crate) fn pull(self, pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Pull {
        match self {
            Cost::SquaredError => Pull::Target,
            Cost::CrossEntropy => Pull::Softmax {
                log_sum: log_sum(pairs.clone().map(|(v, _)| v)),
                total: pairs.map(|(_, y)| y).sum(),
            },
        }
    }
}

/// The derivative of a cost by each output, with the other sign.
pub(crate) enum Pull {
    Target,
    Softmax { log_sum: f64, total: f64 },
}

impl Pull {
    /// On an output v with the target y.
    pub(crate) fn on(&self, v: f64, y: f64) -> f64 {
        match self {
            Pull::Target => y - v,
            Pull::Softmax { log_sum, total } => y - total * (v - log_sum).exp(),
        }
    }
}

/// log of the sum of exp(v).
fn log_sum(outputs: impl Iterator<Item = f64> + Clone) -> f64 {
    let highest = outputs.clone().fold(f64::NEG_INFINITY, f64::max);
    highest + outputs.map(|v| (v - highest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulls_are_the_derivatives_of_the_costs() {
        let outputs = [(0.3, 0.0), (-1.2, 1.0), (2.0, 0.0)];
        for cost in [Cost::SquaredError, Cost::CrossEntropy] {
            let pull = cost.pull(outputs.iter().copied());
            for (k, (v, y)) in outputs.into_iter().enumerate() {
                let pull = pull.on(v, y);
                let at = |step: f64| {
                    let mut moved = outputs;
                    moved[k].0 += step;
                    cost.of(moved.iter().copied())
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                let off = (slope + pull).abs();
                assert!(off < 1e-9, "{cost:?}, output {k}: {slope} for {}", -pull);
            }
        }
    }

    #[test]
    fn large_outputs_do_not_overflow() {
        let outputs = [(1e4, 0.0), (-1e4, 1.0)].into_iter();
        assert_eq!(Cost::CrossEntropy.of(outputs.clone()), 2e4);
        let pull = Cost::CrossEntropy.pull(outputs);
        assert_eq!([pull.on(1e4, 0.0), pull.on(-1e4, 1.0)], [-1.0, 1.0]);
    }
}
