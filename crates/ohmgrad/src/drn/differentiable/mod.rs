//! The network in f64, as a function that can be differentiated: what automatic differentiation needs of it.
//!
//! A function L of the settled outputs is differentiated by one response. Let e be what the currents dL/dv into the
//! output nodes change in the settled state v, with the diodes as they are (e = 0 at the sources). Then
//!
//! ```text
//! dL/dg_ij = -(e_i - e_j) (v_i - v_j)                    of the conductance between the nodes i and j
//! dL/db_j  = e_j                                          of the bias current into node j
//! dL/dx_p  = gain * sum over j of (g_pj - g_nj) e_j       of the feature that drives the sources p and n
//! ```
//!
//! since the state is where the energy E is stationary: dv = -(d2E/dv2)^-1 d(dE/dv), and e = (d2E/dv2)^-1 dL/dv (the
//! adjoint method). Equilibrium propagation estimates e and v by the difference and the mean of two states, nudged with
//! the currents -beta dL/dv and +beta dL/dv (Scellier and Bengio 2017, with the cost linearised at the free state).

use std::ops::Range;
use std::thread::Builder;

use super::law::Load;
use super::network::check;
use super::program::{Machine, Settle, settle_alone};
use super::reference::{Layers, Reference, ReferenceBatch, Rise};
use super::{
    Architecture, ArchitectureError, Energy, ParameterError, Readout, SettleError, Settling,
    SettlingError, SweepOrder,
};
use crate::interrupt::{self, Interrupted};

#[cfg(test)]
mod tests;

/// Multiplications that are worth a thread.
const WORK: usize = 1 << 16;

/// A deep resistive network whose parameters, states and derivatives are in f64.
///
/// Sweeps are asynchronous, and every example stops by itself: no result depends on the other examples or on the
/// number of threads.
///
/// ```
/// use ohmgrad::drn::{Architecture, Differentiable, GradientMethod};
///
/// // A divider: x over 3 S and -x over 1 S make x / 2 at the output.
/// let weights = vec![vec![3.0, 1.0]];
/// let network = Differentiable::new(&Architecture::new(1, vec![], 1), weights, vec![vec![0.0]], 1)?;
/// let settled = network.settle(&[2.0], 1e-12, 100)?;
/// assert_eq!(settled.outputs(), [1.0]);
/// let gradient = network.gradient(&settled, &[1.0], GradientMethod::Adjoint, 1e-12, 100)?;
/// assert_eq!(gradient.inputs, [0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Differentiable {
    architecture: Architecture,
    /// The same with every output node read by itself, as it is differentiated.
    network: Reference,
    threads: usize,
}

/// A state of some examples, or a response.
#[derive(Clone, Debug)]
struct Settled {
    /// Of the free layers, each example after example.
    potentials: Layers,
    /// Per example, the largest violation of Kirchhoff's current law, relative to the largest current into a node.
    residuals: Vec<f64>,
    /// The most sweeps that an example needed.
    sweeps: usize,
}

/// Examples that a [`Differentiable`] network has settled.
#[derive(Clone, Debug)]
pub struct Equilibrium {
    /// Potentials of the sources, example after example.
    sources: Vec<f64>,
    state: Settled,
}

impl Equilibrium {
    /// Output potentials in volt, example after example.
    pub fn outputs(&self) -> &[f64] {
        self.state
            .potentials
            .last()
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Potentials in volt of the hidden layers, each example after example.
    pub fn hidden(&self) -> &[Vec<f64>] {
        self.state
            .potentials
            .split_last()
            .map_or(&[], |(_, hidden)| hidden)
    }

    /// Per example, the largest violation of Kirchhoff's current law, relative to the largest current into a node.
    pub fn residuals(&self) -> &[f64] {
        &self.state.residuals
    }

    /// The most sweeps that an example needed.
    pub fn sweeps(&self) -> usize {
        self.state.sweeps
    }
}

/// How the derivatives are found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum GradientMethod {
    /// By the response of the settled state: exact wherever no diode is at its switching point.
    Adjoint,
    /// By two states nudged by currents into the outputs, -beta and +beta times the derivatives of L by the outputs.
    EquilibriumPropagation {
        /// Strength of the nudge, in siemens where L is in watt per siemens (volt squared). Finite and above 0.
        beta: f64,
    },
}

/// Derivatives of a function L of the outputs of all examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// By each conductance, shaped as the parameters.
    pub weights: Vec<Vec<f64>>,
    /// By each bias.
    pub biases: Vec<Vec<f64>>,
    /// By each feature of each example.
    pub inputs: Vec<f64>,
    /// Per example, the residual of the response or the larger one of the two nudged states.
    pub residuals: Vec<f64>,
}

/// Why derivatives cannot be had.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GradientError {
    /// Not one derivative for each output.
    #[error(
        "{found} derivatives by the outputs were given: {expected} are needed, one per output and example"
    )]
    Length {
        /// Number needed.
        expected: usize,
        /// Number given.
        found: usize,
    },
    /// A derivative by an output that is not finite.
    #[error("the derivative by output {output} of example {example} is {value}: it must be finite")]
    NotFinite {
        /// The example.
        example: usize,
        /// The output.
        output: usize,
        /// The value.
        value: f64,
    },
    /// A nudge that is not finite and positive.
    #[error("beta is {0}: it must be finite and above 0")]
    Beta(f64),
    /// The stopping rule is out of range.
    #[error(transparent)]
    Settling(#[from] SettlingError),
    /// It was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Potentials or derivatives beyond the range of f64.
    #[error("the derivatives of example {example} overflow: scale what is differentiated down")]
    Overflow {
        /// The example.
        example: usize,
    },
}

impl Differentiable {
    /// A network with these conductances (siemens, each matrix row-major, shaped as [`Architecture::shape`]) and biases
    /// (ampere, one vector per free layer), on at most `threads` threads.
    ///
    /// # Errors
    /// If the architecture is not valid or a Hopfield network, a parameter is missing or has the wrong number of values, or a value is not
    /// finite or outside the bounds.
    pub fn new(
        architecture: &Architecture,
        weights: Vec<Vec<f64>>,
        biases: Vec<Vec<f64>>,
        threads: usize,
    ) -> Result<Self, DifferentiableError> {
        architecture.validate()?;
        if architecture.energy == Energy::Hopfield {
            return Err(DifferentiableError::NotResistive);
        }
        let chain = architecture.chain();
        for (l, connection) in chain.connections.iter().enumerate() {
            let columns = connection.above;
            let [weights, biases] =
                [&weights, &biases].map(|all| all.get(l).map_or(&[][..], |p| p));
            check(
                &format!("W{}", l + 1),
                weights,
                connection.parameters(),
                |g| connection.allows(g),
                |g| g as f32,
                &connection.rule(),
            )?;
            let bounds = architecture.bias_bounds();
            check(
                &format!("b{}", l + 1),
                biases,
                columns,
                |b| bounds.allow(b),
                |b| b as f32,
                &bounds.rule(),
            )?;
        }
        let nodes = architecture.clone().with_readout(Readout::Nodes);
        Ok(Self {
            architecture: architecture.clone(),
            network: Reference::new(&nodes, weights, biases),
            threads: threads.max(1),
        })
    }

    /// Shape, gains and bounds.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Settles `features` from 0 V, example after example, until the residual of each example is at most `tolerance`
    /// (above 0; 1e-14 is near the rounding of f64), in at most `sweeps` sweeps (at least 1). There may be no examples.
    ///
    /// # Errors
    /// If the features are not whole examples or one of them is not finite, potentials overflow, the stopping rule is out
    /// of range, or it is [interrupted](crate::interrupt). Too few sweeps are not an error: the residuals tell.
    pub fn settle(
        &self,
        features: &[f64],
        tolerance: f64,
        sweeps: usize,
    ) -> Result<Equilibrium, SettleError> {
        let until = until(tolerance, sweeps)?;
        self.check_features(features)?;
        let sources = self.network.sources(features);
        let examples = features.len() / self.architecture().features;
        let settle = settle_alone(self.network.chain.layers.len(), until);
        let state = self.on_examples(examples, |part| {
            let mut batch = self.batch(&sources, &part, 1);
            let sweeps = batch.settle(&settle, &[]);
            finished(batch, 0, sweeps)
        })?;
        match state.overflow(examples) {
            Some(example) => Err(SettleError::Overflow { example }),
            None => Ok(Equilibrium { sources, state }),
        }
    }

    /// The derivatives of L by all parameters and features, from those by the outputs of `settled`, which this network
    /// has settled: one per output, example after example. `tolerance` and `sweeps` as for [`Self::settle`].
    ///
    /// # Errors
    /// If there is not one finite derivative per output, a setting is out of range, numbers overflow, or it is
    /// [interrupted](crate::interrupt).
    pub fn gradient(
        &self,
        settled: &Equilibrium,
        by_outputs: &[f64],
        method: GradientMethod,
        tolerance: f64,
        sweeps: usize,
    ) -> Result<Gradient, GradientError> {
        let until = until(tolerance, sweeps)?;
        self.check_derivatives(settled, by_outputs)?;
        let examples = settled.residuals().len();
        let response = match method {
            GradientMethod::Adjoint => self.response(settled, by_outputs, until)?,
            GradientMethod::EquilibriumPropagation { beta } if beta.is_finite() && beta > 0.0 => {
                let nudged = |strength: f64| {
                    let currents: Vec<f64> = by_outputs.iter().map(|i| strength * i).collect();
                    self.nudged(settled, &currents, until)
                };
                let (first, second) = (nudged(beta)?, nudged(-beta)?);
                return self.contrast(settled, &second, &first, 0.5 / beta);
            }
            GradientMethod::EquilibriumPropagation { beta } => {
                return Err(GradientError::Beta(beta));
            }
        };
        // The states half a response away on both sides: their mean is the settled state, their difference the response.
        let side = |half: f64| Settled {
            potentials: combine(&settled.state, &response, |v, e| v + half * e),
            residuals: response.residuals.clone(),
            sweeps: 0,
        };
        if let Some(example) = response.overflow(examples) {
            return Err(GradientError::Overflow { example });
        }
        self.contrast(settled, &side(-0.5), &side(0.5), 1.0)
    }

    /// The response of the settled state to currents into the outputs, with the diodes as they are.
    fn response(
        &self,
        settled: &Equilibrium,
        currents: &[f64],
        until: Settling,
    ) -> Result<Settled, Interrupted> {
        let settle = Settle {
            states: 1..2,
            loads: vec![Load::Current(1.0)],
            response_of: Some(0),
            ..settle_alone(self.network.chain.layers.len(), until)
        };
        self.pushed(settled, currents, &settle, |_| {})
    }

    /// The settled state after these currents were let into the outputs.
    fn nudged(
        &self,
        settled: &Equilibrium,
        currents: &[f64],
        until: Settling,
    ) -> Result<Settled, Interrupted> {
        let settle = Settle {
            states: 1..2,
            loads: vec![Load::Current(1.0)],
            ..settle_alone(self.network.chain.layers.len(), until)
        };
        self.pushed(settled, currents, &settle, |batch| batch.copy(0, 1, &[]))
    }

    /// State 1 of a batch whose state 0 is settled, with currents into the outputs.
    fn pushed(
        &self,
        settled: &Equilibrium,
        currents: &[f64],
        settle: &Settle,
        start: impl Fn(&mut ReferenceBatch) + Sync,
    ) -> Result<Settled, Interrupted> {
        let per_example = self.architecture().outputs;
        self.on_examples(settled.residuals().len(), |part| {
            let mut batch = self.batch(&settled.sources, &part, 2);
            batch.states[0] = self.part(&settled.state.potentials, &part);
            start(&mut batch);
            let currents = &currents[part.start * per_example..part.end * per_example];
            let sweeps = batch.settle(settle, currents);
            finished(batch, 1, sweeps)
        })
    }

    /// The gradient along two states: scale times their contrast, with the sign of a gradient by the parameters.
    fn contrast(
        &self,
        settled: &Equilibrium,
        first: &Settled,
        second: &Settled,
        scale: f64,
    ) -> Result<Gradient, GradientError> {
        let examples = settled.residuals().len();
        for state in [first, second] {
            if let Some(example) = state.overflow(examples) {
                return Err(GradientError::Overflow { example });
            }
        }
        let layers = first.potentials.iter().zip(&second.potentials);
        let rises: Vec<Rise> = layers
            .map(|(first, second)| Rise::between(first, second))
            .collect();
        let scaled = |values: Vec<f64>, by: f64| values.into_iter().map(|x| by * x).collect();
        let weights = self.by_weights(&settled.sources, &rises);
        let biases = rises
            .iter()
            .enumerate()
            .map(|(l, rise)| self.by_biases(l, &rise.rise));
        let residuals = first.residuals.iter().zip(&second.residuals);
        Ok(Gradient {
            biases: biases.map(|sums| scaled(sums, scale)).collect(),
            inputs: scaled(self.by_inputs(&rises[0].rise, examples), scale),
            // The state answers a current with e: the energy's derivative by a conductance has the other sign.
            weights: weights.into_iter().map(|g| scaled(g, -scale)).collect(),
            residuals: residuals.map(|(a, b)| a.max(*b)).collect(),
        })
    }

    /// Some examples, which stop one by one.
    fn batch(&self, sources: &[f64], part: &Range<usize>, states: usize) -> ReferenceBatch<'_> {
        let width = self.architecture().input_nodes();
        let sources = &sources[part.start * width..part.end * width];
        ReferenceBatch::new(&self.network, self.network.drive(sources), states, true)
    }

    /// Settles parts of the examples, each on a thread.
    fn on_examples(
        &self,
        examples: usize,
        work: impl Fn(Range<usize>) -> Result<Settled, Interrupted> + Sync,
    ) -> Result<Settled, Interrupted> {
        let layers = self.architecture().free_layers();
        let mut all = Settled {
            potentials: vec![Vec::new(); layers],
            residuals: Vec::new(),
            sweeps: 0,
        };
        let multiplications = examples * self.architecture().conductances();
        let parts = interrupt::heed(|stop| {
            self.on_threads(examples, multiplications, |part| {
                stop.heard_in(|| work(part))
            })
        })?;
        for part in parts {
            all.append(part?);
        }
        Ok(all)
    }

    /// Does `work` on parts of `0..count`, in order, each on a thread if it multiplies enough.
    fn on_threads<R: Send>(
        &self,
        count: usize,
        multiplications: usize,
        work: impl Fn(Range<usize>) -> R + Sync,
    ) -> Vec<R> {
        let parts = self
            .threads
            .min(1 + multiplications / WORK)
            .min(count)
            .max(1);
        let part = |k: usize| k * count / parts..(k + 1) * count / parts;
        std::thread::scope(|scope| {
            let work = &work;
            let start = |k: usize| {
                let started = Builder::new().spawn_scoped(scope, move || work(part(k)));
                (k, started.ok())
            };
            let others: Vec<_> = (1..parts).map(start).collect();
            let mut results = vec![work(part(0))];
            for (k, other) in others {
                match other.map(|thread| thread.join()) {
                    Some(Ok(result)) => results.push(result),
                    Some(Err(panic)) => std::panic::resume_unwind(panic),
                    None => results.push(work(part(k))), // the system has refused the thread
                }
            }
            results
        })
    }

    /// The layers of some examples.
    fn part(&self, layers: &Layers, part: &Range<usize>) -> Layers {
        let slice = |(l, layer): (usize, &Vec<f64>)| {
            let width = self.network.width(l);
            layer[part.start * width..part.end * width].to_vec()
        };
        layers.iter().enumerate().map(slice).collect()
    }

    /// The contrast of every matrix, added up over the examples.
    fn by_weights(&self, sources: &[f64], rises: &[Rise]) -> Vec<Vec<f64>> {
        let unmoved = &Rise::between(sources, sources);
        let matrix = |l: usize| {
            let below = l.checked_sub(1).map_or(unmoved, |below| &rises[below]);
            let (rows, columns) = self.architecture().shape(l);
            let multiplications = rises[l].rise.len() * rows;
            debug_assert_eq!(rises[l].rise.len() % columns, 0);
            let parts = self.on_threads(rows, multiplications, |rows| {
                self.network.contrast_rows(l, rows, below, &rises[l])
            });
            parts.concat()
        };
        (0..rises.len()).map(matrix).collect()
    }

    /// e_j, added up over the examples.
    fn by_biases(&self, l: usize, e: &[f64]) -> Vec<f64> {
        let width = self.network.width(l);
        let mut sums = vec![0.0; width];
        for e in e.chunks_exact(width) {
            sums.iter_mut().zip(e).for_each(|(sum, e)| *sum += e);
        }
        sums
    }

    /// gain sum of (g_pj - g_nj) e_j.
    fn by_inputs(&self, e: &[f64], examples: usize) -> Vec<f64> {
        let (features, width) = (self.architecture().features, self.network.width(0));
        let gain = f64::from(self.architecture().input_gain);
        let parts = self.on_threads(examples, examples * 2 * features * width, |part| {
            let into_sources = self
                .network
                .currents_into_sources(&e[part.start * width..part.end * width]);
            let pairs = into_sources.chunks_exact(2 * features).flat_map(|pairs| {
                let (positive, negative) = pairs.split_at(features);
                positive.iter().zip(negative).map(|(p, n)| gain * (p - n))
            });
            pairs.collect::<Vec<f64>>()
        });
        parts.concat()
    }

    fn check_features(&self, inputs: &[f64]) -> Result<(), SettleError> {
        let features = self.architecture().features;
        if !inputs.len().is_multiple_of(features) {
            let found = inputs.len();
            return Err(SettleError::Inputs { features, found });
        }
        match inputs.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(at) => Err(SettleError::NotFinite {
                example: at / features,
                index: at % features,
                value: inputs[at] as f32,
            }),
        }
    }

    fn check_derivatives(
        &self,
        settled: &Equilibrium,
        by_outputs: &[f64],
    ) -> Result<(), GradientError> {
        let (expected, found) = (settled.outputs().len(), by_outputs.len());
        if found != expected {
            return Err(GradientError::Length { expected, found });
        }
        let outputs = self.architecture().outputs;
        match by_outputs.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(at) => Err(GradientError::NotFinite {
                example: at / outputs,
                output: at % outputs,
                value: by_outputs[at],
            }),
        }
    }
}

/// Why a [`Differentiable`] network cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DifferentiableError {
    /// A network of another energy.
    #[error(
        "a Hopfield network has no conductances to differentiate by: energy must be co-content"
    )]
    NotResistive,
    /// The architecture is not valid.
    #[error(transparent)]
    Architecture(#[from] ArchitectureError),
    /// A parameter is not valid.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

fn until(tolerance: f64, sweeps: usize) -> Result<Settling, SettlingError> {
    let settling = Settling::tolerance(SweepOrder::Asynchronous, tolerance, sweeps);
    settling.validate().map(|()| settling)
}

/// A state of a batch, unless it was interrupted.
fn finished(batch: ReferenceBatch, state: usize, sweeps: usize) -> Result<Settled, Interrupted> {
    let ReferenceBatch {
        mut states,
        residuals,
        interrupted,
        ..
    } = batch;
    match interrupted {
        true => Err(Interrupted),
        false => Ok(Settled {
            potentials: std::mem::take(&mut states[state]),
            residuals,
            sweeps,
        }),
    }
}

impl Settled {
    fn append(&mut self, other: Self) {
        let layers = self.potentials.iter_mut().zip(other.potentials);
        layers.for_each(|(all, other)| all.extend(other));
        self.residuals.extend(other.residuals);
        self.sweeps = self.sweeps.max(other.sweeps);
    }

    /// The first of so many examples that has a potential beyond the range of f64.
    fn overflow(&self, examples: usize) -> Option<usize> {
        let first = |layer: &Vec<f64>| {
            let at = layer.iter().position(|v| !v.is_finite())?;
            Some(at / (layer.len() / examples))
        };
        self.potentials.iter().filter_map(first).min()
    }
}

fn combine(first: &Settled, second: &Settled, by: impl Fn(f64, f64) -> f64) -> Layers {
    let layers = first.potentials.iter().zip(&second.potentials);
    let layer = |(first, second): (&Vec<f64>, &Vec<f64>)| {
        let pairs = first.iter().zip(second);
        pairs.map(|(first, second)| by(*first, *second)).collect()
    };
    layers.map(layer).collect()
}
