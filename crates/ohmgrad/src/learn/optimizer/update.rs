//! Update laws: the direction in which one step changes a parameter.

use serde::{Deserialize, Serialize};

use super::OptimizerError;

/// An update law. One step changes a parameter p with learning rate r along a direction d, which the law makes from the
/// gradient g (weight decay included) and from what it remembers of earlier steps, its registers (0 at first):
///
/// ```text
/// p <- clamp(p - r d)
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// Stochastic gradient descent: `d = g`.
    #[default]
    Sgd,
    /// Gradient descent with momentum (Polyak 1964), one register: `v <- momentum v + g, d = v`.
    Momentum {
        /// Share of the velocity that is kept from one step to the next. In [0, 1); default 0.9.
        momentum: f32,
    },
    /// Adam (Kingma and Ba, ICLR 2015, Algorithm 1), two registers; t counts the steps from 1:
    ///
    /// ```text
    /// m <- beta1 m + (1 - beta1) g
    /// s <- beta2 s + (1 - beta2) g^2
    /// d = m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + epsilon)
    /// ```
    Adam {
        /// Share of the mean gradient that is kept. In [0, 1); default 0.9.
        beta1: f32,
        /// Share of the mean square that is kept. In [0, 1); default 0.999.
        beta2: f32,
        /// What keeps the quotient finite, in units of the gradient. Finite and at least 1e-30; default 1e-8.
        epsilon: f32,
    },
}

impl Update {
    /// Momentum with its default, 0.9.
    pub const MOMENTUM: Self = Self::Momentum { momentum: 0.9 };
    /// Adam with its defaults: 0.9, 0.999 and 1e-8.
    pub const ADAM: Self = Self::Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
    };

    /// Checks all numbers.
    ///
    /// # Errors
    /// The first number that is out of range, by name.
    pub fn validate(self) -> Result<(), OptimizerError> {
        let share = |name, value: f32| {
            let allowed = (0.0..1.0).contains(&value);
            OptimizerError::unless(allowed, name, value, "at least 0 and below 1")
        };
        match self {
            Update::Sgd => Ok(()),
            Update::Momentum { momentum } => share("momentum", momentum),
            Update::Adam {
                beta1,
                beta2,
                epsilon,
            } => {
                share("beta1", beta1)?;
                share("beta2", beta2)?;
                let allowed = epsilon.is_finite() && epsilon >= 1e-30;
                OptimizerError::unless(allowed, "epsilon", epsilon, "finite and at least 1e-30")
            }
        }
    }

    /// Numbers that are remembered of each parameter.
    pub(crate) fn registers(self) -> usize {
        self.register_names().len()
    }

    /// Their names.
    pub(crate) fn register_names(self) -> &'static [&'static str] {
        match self {
            Update::Sgd => &[],
            Update::Momentum { .. } => &["velocity"],
            Update::Adam { .. } => &["first_moment", "second_moment"],
        }
    }

    /// The direction of step `t`, counted from 1. `registers` are those of the parameter.
    pub(crate) fn direction(self, gradient: f64, registers: &mut [f64], t: u64) -> f64 {
        match (self, registers) {
            (Update::Sgd, _) => gradient,
            (Update::Momentum { momentum }, [velocity]) => {
                *velocity = f64::from(momentum) * *velocity + gradient;
                *velocity
            }
            (
                Update::Adam {
                    beta1,
                    beta2,
                    epsilon,
                },
                [mean, square],
            ) => {
                let (beta1, beta2) = (f64::from(beta1), f64::from(beta2));
                *mean = beta1 * *mean + (1.0 - beta1) * gradient;
                *square = beta2 * *square + (1.0 - beta2) * gradient * gradient;
                // Both start at 0, which is too near to 0 in the first steps by these factors.
                let t = i32::try_from(t).unwrap_or(i32::MAX);
                let (mean, square) = (
                    *mean / (1.0 - beta1.powi(t)),
                    *square / (1.0 - beta2.powi(t)),
                );
                mean / (square.sqrt() + f64::from(epsilon))
            }
            (law, registers) => unreachable!("{law:?} with {} registers", registers.len()),
        }
    }
}

/// What an update law remembers of all parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Memory {
    /// Steps made.
    steps: u64,
    /// The registers of the first parameter, then those of the second, and so on.
    registers: Vec<f64>,
}

impl Memory {
    /// That before the first step.
    pub(crate) fn new(law: Update, parameters: usize) -> Self {
        Self {
            steps: 0,
            registers: vec![0.0; law.registers() * parameters],
        }
    }

    /// Whether it is one of so many parameters.
    pub(crate) fn fits(&self, law: Update, parameters: usize) -> bool {
        self.registers.len() == law.registers() * parameters
    }

    /// The directions of the next step, from the gradient by every parameter.
    pub(crate) fn directions(&mut self, law: Update, gradients: &[f64]) -> Vec<f64> {
        self.steps += 1;
        let (t, count) = (self.steps, law.registers());
        let each = gradients.iter().enumerate().map(|(k, gradient)| {
            law.direction(*gradient, &mut self.registers[k * count..][..count], t)
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRADIENTS: [f64; 6] = [0.3, -1.2, 0.0, 4.0, 0.25, -0.01];

    fn walk(law: Update) -> Vec<f64> {
        let mut memory = Memory::new(law, 1);
        let step = |gradient: &f64| memory.directions(law, &[*gradient])[0];
        GRADIENTS.iter().map(step).collect()
    }

    #[test]
    fn gradient_descent_follows_the_gradient() {
        assert_eq!(walk(Update::Sgd), GRADIENTS);
    }

    /// v_n = sum over k <= n of momentum^(n - k) g_k
    #[test]
    fn momentum_is_a_geometric_sum() {
        let found = walk(Update::Momentum { momentum: 0.5 });
        for (n, found) in found.into_iter().enumerate() {
            let terms = GRADIENTS[..=n].iter().rev().enumerate();
            let expected: f64 = terms.map(|(k, g)| 0.5_f64.powi(k as i32) * g).sum();
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }

    /// Adam, written like Algorithm 1 of Kingma and Ba.
    #[test]
    fn adam_is_the_published_algorithm() {
        let (b1, b2, eps) = (0.75, 0.9375, 0.125); // exact in f32
        let found = walk(Update::Adam {
            beta1: 0.75,
            beta2: 0.9375,
            epsilon: 0.125,
        });
        let (mut m, mut v) = (0.0, 0.0);
        for (n, (g, found)) in GRADIENTS.into_iter().zip(found).enumerate() {
            let t = n as f64 + 1.0;
            m = b1 * m + (1.0 - b1) * g;
            v = b2 * v + (1.0 - b2) * g * g;
            let (m_hat, v_hat): (f64, f64) =
                (m / (1.0 - f64::powf(b1, t)), v / (1.0 - f64::powf(b2, t)));
            let expected = m_hat / (v_hat.sqrt() + eps);
            assert!(
                (found - expected).abs() < 1e-12,
                "step {t}: {found} {expected}"
            );
        }
    }

    /// The first step of Adam has the size of the rate, whatever that of the gradient is.
    #[test]
    fn adam_begins_with_the_sign_of_the_gradient() {
        for gradient in [1e-3, -7.0, 1e9] {
            let direction = Memory::new(Update::ADAM, 1).directions(Update::ADAM, &[gradient])[0];
            assert!((direction - gradient.signum()).abs() < 1e-4, "{direction}");
        }
    }
}
