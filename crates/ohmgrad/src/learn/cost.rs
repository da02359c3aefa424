//! What learning makes small.

use serde::{Deserialize, Serialize};

/// The cost of an example, as a function of the output potentials v (in volt) and the one-hot target y.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cost {
    /// |v - y|^2 / 2. Its nudge is a conductance to a source at the target.
    #[default]
    SquaredError,
    /// -log softmax(v)_label, with potentials in volt. Its nudge is a current, beta (y - softmax(v)) with v the free
    /// potentials.
    CrossEntropy,
}

impl Cost {
    /// The cost.
    pub(crate) fn of(self, outputs: &[f32], label: usize) -> f64 {
        let outputs = || outputs.iter().map(|v| f64::from(*v));
        match self {
            Cost::SquaredError => {
                let target = |k| f64::from(u8::from(k == label));
                let squares = outputs().enumerate().map(|(k, v)| (v - target(k)).powi(2));
                squares.sum::<f64>() / 2.0
            }
            Cost::CrossEntropy => {
                let highest = outputs().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = outputs().map(|v| (v - highest).exp()).sum();
                sum.ln() + highest - outputs().nth(label).unwrap_or(f64::NAN)
            }
        }
    }

    /// The derivative by each output potential, with the other sign: where the cost pulls the outputs.
    pub(crate) fn pull(self, outputs: &[f32], target: &[f32], pull: &mut [f32]) {
        match self {
            Cost::SquaredError => pull.copy_from_slice(outputs),
            Cost::CrossEntropy => softmax(outputs, pull),
        }
        for (pull, target) in pull.iter_mut().zip(target) {
            *pull = target - *pull;
        }
    }
}

fn softmax(outputs: &[f32], shares: &mut [f32]) {
    let highest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (share, v) in shares.iter_mut().zip(outputs) {
        *share = (v - highest).exp();
        sum += *share;
    }
    for share in shares {
        *share /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulls_are_the_derivatives_of_the_costs() {
        let outputs = [0.3, -1.2, 2.0_f32];
        let target = [0.0, 1.0, 0.0];
        for cost in [Cost::SquaredError, Cost::CrossEntropy] {
            let mut pull = [0.0; 3];
            cost.pull(&outputs, &target, &mut pull);
            for k in 0..3 {
                let at = |step: f32| {
                    let mut moved = outputs;
                    moved[k] += step;
                    cost.of(&moved, 1)
                };
                let step = 1.0 / 64.0;
                let slope = (at(step) - at(-step)) / (2.0 * f64::from(step));
                let off = (slope + f64::from(pull[k])).abs();
                assert!(off < 1e-4, "{cost:?}, output {k}: {slope} for {}", -pull[k]);
            }
        }
    }

    #[test]
    fn large_outputs_do_not_overflow() {
        let outputs = [1e4, -1e4];
        assert!((Cost::CrossEntropy.of(&outputs, 1) - 2e4).abs() < 1e-6);
        let mut pull = [0.0; 2];
        Cost::CrossEntropy.pull(&outputs, &[0.0, 1.0], &mut pull);
        assert_eq!(pull, [-1.0, 1.0]);
    }
}
