//! What the parameters of a layered network follow, step by step.

use super::{Optimizer, Schedule, Update};
use crate::drn::{Architecture, BiasBounds, UpdateLaw};

/// The laws of all parameters in one step, in the numbers that the engine's kernels want.
#[derive(Clone, Debug)]
pub(crate) struct Laws {
    update: Update,
    schedule: Schedule,
    /// Learning rate and weight decay of all matrices, then of all biases.
    rates: Vec<[f32; 2]>,
    matrices: usize,
    bounds: BiasBounds,
    laws: Vec<UpdateLaw>,
}

impl Optimizer {
    /// The laws of a network's parameters; [`Laws::set`] says of which step.
    pub(crate) fn laws(&self, architecture: &Architecture) -> Laws {
        let names = architecture.parameter_names();
        let matrices = architecture.matrices();
        let rates = names.iter().enumerate().map(|(p, name)| {
            // Biases have no weight decay.
            let decay = if p < matrices { self.weight_decay } else { 0.0 };
            [self.learning_rates[name], decay]
        });
        Laws {
            update: self.update,
            schedule: self.schedule,
            rates: rates.collect(),
            matrices,
            bounds: architecture.bias_bounds(),
            laws: Vec::with_capacity(names.len()),
        }
    }
}

impl Laws {
    /// Laws that add up gradients in a register and change no parameter: momentum that forgets nothing, at rate 0.
    pub(crate) fn accumulating(architecture: &Architecture) -> Self {
        let matrices = architecture.matrices();
        Self {
            update: Update::Momentum { momentum: 1.0 },
            schedule: Schedule::default(),
            rates: vec![[0.0; 2]; 2 * matrices],
            matrices,
            bounds: architecture.bias_bounds(),
            laws: Vec::with_capacity(2 * matrices),
        }
    }

    /// Sets the laws of a step at time `t` in epochs, before which there were `steps` others.
    pub(crate) fn set(&mut self, t: f64, steps: u64) {
        let (factor, update) = (self.schedule.factor(t), self.update);
        let laws = self.rates.iter().map(|&[rate, decay]| {
            let rate = f64::from(rate) * factor;
            law(update, rate, decay, steps + 1)
        });
        self.laws.clear();
        self.laws.extend(laws);
    }

    /// What all biases may be.
    pub(crate) fn bias_bounds(&self) -> BiasBounds {
        self.bounds
    }

    /// Those of all matrices, and of all biases.
    pub(crate) fn all(&self) -> (&[UpdateLaw], &[UpdateLaw]) {
        self.laws.split_at(self.matrices)
    }
}

/// The law of step `t`, counted from 1. Adam's corrections of both moments are moved to rate and epsilon:
///
/// ```text
/// m / (1 - b1^t) / (sqrt(s / (1 - b2^t)) + epsilon)
///     = (sqrt(1 - b2^t) / (1 - b1^t)) m / (sqrt(s) + sqrt(1 - b2^t) epsilon)
/// ```
fn law(update: Update, rate: f64, decay: f32, t: u64) -> UpdateLaw {
    match update {
        Update::Sgd => UpdateLaw::Descent {
            rate: rate as f32,
            decay,
        },
        Update::Momentum { momentum } => UpdateLaw::Momentum {
            rate: rate as f32,
            momentum,
            decay,
        },
        Update::Adam {
            beta1,
            beta2,
            epsilon,
        } => {
            let t = i32::try_from(t).unwrap_or(i32::MAX);
            let missing = |beta: f32| 1.0 - f64::from(beta).powi(t);
            let second = missing(beta2).sqrt();
            UpdateLaw::Adam {
                rate: (rate * second / missing(beta1)) as f32,
                beta1,
                beta2,
                epsilon: (f64::from(epsilon) * second) as f32,
                decay,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine's law in f64 against the optimiser's own, over some steps.
    #[test]
    fn both_forms_of_every_update_agree() {
        for update in [Update::Sgd, Update::MOMENTUM, Update::ADAM] {
            let (mut registers, mut p, mut q) = ([0.0_f64; 2], 0.5_f64, 0.5_f64);
            let mut memory = [0.0; 2];
            for t in 1..40 {
                let gradient = (t as f64).sin();
                let [first, second] = &mut registers;
                law(update, 0.125, 0.0, t).apply(
                    std::slice::from_mut(&mut p),
                    &[gradient],
                    [first, second].map(std::slice::from_mut),
                    [f32::NEG_INFINITY, f32::INFINITY],
                );
                let memory = &mut memory[..update.registers()];
                q -= 0.125 * update.direction(gradient, memory, t);
                assert!((p - q).abs() < 1e-6, "{update:?}, step {t}: {p} for {q}");
            }
        }
    }
}
