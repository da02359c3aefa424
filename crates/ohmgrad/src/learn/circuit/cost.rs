//! Costs of output voltages and currents.

use crate::learn::Cost;

impl Cost {
    /// The cost of outputs, in volt or ampere, beside their targets.
    pub(super) fn of_outputs(self, outputs: &[f64], targets: &[f64]) -> f64 {
        let pairs = outputs.iter().zip(targets);
        match self {
            // |o - y|^2 / 2
            Cost::SquaredError => pairs.map(|(o, y)| (o - y).powi(2)).sum::<f64>() / 2.0,
            // -sum of y log softmax(o)
            Cost::CrossEntropy => {
                let log_sum = log_sum(outputs);
                pairs.map(|(o, y)| y * (log_sum - o)).sum()
            }
        }
    }

    /// -dC/do of every output: where the cost pulls it.
    pub(super) fn pulls(self, outputs: &[f64], targets: &[f64]) -> Vec<f64> {
        let pairs = outputs.iter().zip(targets);
        match self {
            Cost::SquaredError => pairs.map(|(o, y)| y - o).collect(),
            // y - softmax(o), for targets that add up to 1.
            Cost::CrossEntropy => {
                let (log_sum, total) = (log_sum(outputs), targets.iter().sum::<f64>());
                let pull = |(o, y): (&f64, &f64)| y - total * (o - log_sum).exp();
                pairs.map(pull).collect()
            }
        }
    }
}

/// log of the sum of exp(o).
fn log_sum(outputs: &[f64]) -> f64 {
    let highest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = outputs.iter().map(|o| (o - highest).exp()).sum();
    highest + sum.ln()
}
