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
use std::sync::atomic::AtomicBool;

use pulp::Arch;

use super::network::check;
use super::{
    Architecture, ArchitectureError, Energy, ParameterError, SettleError, Settling, SettlingError,
    SweepOrder,
};
use crate::interrupt::Interrupted;
use products::{Adds, Contrast, Product};
use relax::{Load, Relaxation, Relaxed};

mod products;
mod relax;
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
/// use ohmgrad::drn::{Architecture, Differentiable, Method};
///
/// // A divider: x over 3 S and -x over 1 S make x / 2 at the output.
/// let weights = vec![vec![3.0, 1.0]];
/// let network = Differentiable::new(&Architecture::new(1, vec![], 1), weights, vec![vec![0.0]], 1)?;
/// let settled = network.settle(&[2.0], 1e-12, 100)?;
/// assert_eq!(settled.outputs(), [1.0]);
/// let gradient = network.gradient(&settled, &[1.0], Method::Adjoint, 1e-12, 100)?;
/// assert_eq!(gradient.inputs, [0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Differentiable {
    architecture: Architecture,
    weights: Vec<Vec<f64>>,
    biases: Vec<Vec<f64>>,
    /// Total conductance that ends on each free node, in siemens.
    sums: Vec<Vec<f64>>,
    threads: usize,
    arch: Arch,
}

/// Examples that a [`Differentiable`] network has settled.
#[derive(Clone, Debug)]
pub struct Equilibrium {
    features: Vec<f64>,
    /// Current of the sources into the first free layer, if that is at 0 V.
    drive: Vec<f64>,
    state: Relaxed,
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
pub enum Method {
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
        let (lowest, highest) = architecture.bounds();
        let bounds = f64::from(lowest)..=f64::from(highest);
        let rule = architecture.bounds_rule();
        for l in 0..architecture.matrices() {
            let (rows, columns) = architecture.shape(l);
            let allowed = |g: f64| g.is_finite() && bounds.contains(&g);
            let [weights, biases] =
                [&weights, &biases].map(|all| all.get(l).map_or(&[][..], |p| p));
            check(
                &format!("W{}", l + 1),
                weights,
                rows * columns,
                allowed,
                |g| g as f32,
                &rule,
            )?;
            let rule = "a bias must be finite";
            check(
                &format!("b{}", l + 1),
                biases,
                columns,
                f64::is_finite,
                |b| b as f32,
                rule,
            )?;
        }
        Ok(Self {
            sums: conductance_sums(architecture, &weights),
            architecture: architecture.clone(),
            weights,
            biases,
            threads: threads.max(1),
            arch: Arch::new(),
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
        let (count, width) = (self.architecture.features, self.architecture.width(0));
        let examples = features.len() / count;
        let (mut drive, stop) = (Vec::new(), AtomicBool::new(false));
        let parts = self.on_examples(examples, |part| {
            let features = &features[part.start * count..part.end * count];
            let drive = self.drive(features);
            let load = self.load(&drive, None);
            (
                self.relax(self.at_rest(part.len()), load, &until, &stop),
                drive,
            )
        });
        let mut state = Relaxed::none(self.architecture.free_layers());
        for (part, part_drive) in parts {
            state.append(part?);
            drive.extend(part_drive);
        }
        debug_assert_eq!(drive.len(), examples * width);
        match state.overflow(examples) {
            Some(example) => Err(SettleError::Overflow { example }),
            None => Ok(Equilibrium {
                features: features.to_vec(),
                drive,
                state,
            }),
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
        method: Method,
        tolerance: f64,
        sweeps: usize,
    ) -> Result<Gradient, GradientError> {
        let until = until(tolerance, sweeps)?;
        self.check_derivatives(settled, by_outputs)?;
        let examples = settled.residuals().len();
        let (mean, slope, residuals) = match method {
            Method::Adjoint => {
                let response = self.response(settled, by_outputs, &until)?;
                (
                    settled.state.potentials.clone(),
                    response.potentials,
                    response.residuals,
                )
            }
            Method::EquilibriumPropagation { beta } if beta.is_finite() && beta > 0.0 => {
                let first = self.nudged(settled, by_outputs, beta, &until)?;
                let second = self.nudged(settled, by_outputs, -beta, &until)?;
                let residuals = first.residuals.iter().zip(&second.residuals);
                (
                    combine(&first, &second, |first, second| (first + second) / 2.0),
                    combine(&first, &second, |first, second| {
                        (first - second) / (2.0 * beta)
                    }),
                    residuals
                        .map(|(first, second)| first.max(*second))
                        .collect(),
                )
            }
            Method::EquilibriumPropagation { beta } => return Err(GradientError::Beta(beta)),
        };
        let response = Relaxed {
            potentials: slope,
            residuals,
            sweeps: 0,
        };
        if let Some(example) = response.overflow(examples) {
            return Err(GradientError::Overflow { example });
        }
        let Relaxed {
            potentials: slope,
            residuals,
            ..
        } = response;
        Ok(Gradient {
            weights: self.by_weights(&settled.features, &mean, &slope),
            biases: (0..slope.len())
                .map(|l| self.by_biases(l, &slope[l]))
                .collect(),
            inputs: self.by_inputs(&slope[0], examples),
            residuals,
        })
    }

    /// The response of the settled state to currents into the outputs, with the diodes as they are.
    fn response(
        &self,
        settled: &Equilibrium,
        currents: &[f64],
        until: &Settling,
    ) -> Result<Relaxed, Interrupted> {
        let stop = AtomicBool::new(false);
        let parts = self.on_examples(settled.residuals().len(), |part| {
            let layers = 0..self.architecture.free_layers();
            let load = Load {
                currents: layers.map(|l| self.currents(l, &part, currents)).collect(),
                held_at: Some(self.part(&settled.state.potentials, &part)),
            };
            self.relax(self.at_rest(part.len()), load, until, &stop)
        });
        Relaxed::join(self.architecture.free_layers(), parts)
    }

    /// The settled state after `strength` times the currents were let into the outputs.
    fn nudged(
        &self,
        settled: &Equilibrium,
        currents: &[f64],
        strength: f64,
        until: &Settling,
    ) -> Result<Relaxed, Interrupted> {
        let (stop, width) = (AtomicBool::new(false), self.architecture.width(0));
        let outputs = self.architecture.outputs;
        let parts = self.on_examples(settled.residuals().len(), |part| {
            let drive = &settled.drive[part.start * width..part.end * width];
            let currents = &currents[part.start * outputs..part.end * outputs];
            let start = self.part(&settled.state.potentials, &part);
            let start = start.into_iter().map(<[f64]>::to_vec).collect();
            self.relax(
                start,
                self.load(drive, Some((strength, currents))),
                until,
                &stop,
            )
        });
        Relaxed::join(self.architecture.free_layers(), parts)
    }

    fn relax(
        &self,
        start: Vec<Vec<f64>>,
        load: Load,
        until: &Settling,
        stop: &AtomicBool,
    ) -> Result<Relaxed, Interrupted> {
        self.arch.dispatch(Relaxation {
            network: self,
            start,
            load,
            until,
            stop,
        })
    }

    /// Does `work` on parts of the examples, each on a thread.
    fn on_examples<R: Send>(
        &self,
        examples: usize,
        work: impl Fn(Range<usize>) -> R + Sync,
    ) -> Vec<R> {
        self.on_threads(examples, examples * self.architecture.conductances(), work)
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
            let others: Vec<_> = (1..parts)
                .map(|k| scope.spawn(move || work(part(k))))
                .collect();
            let mut results = vec![work(part(0))];
            for other in others {
                match other.join() {
                    Ok(result) => results.push(result),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        })
    }

    /// All free nodes at 0 V.
    fn at_rest(&self, examples: usize) -> Vec<Vec<f64>> {
        let widths = (0..self.architecture.free_layers()).map(|l| self.architecture.width(l));
        widths.map(|width| vec![0.0; examples * width]).collect()
    }

    /// Current of the sources into the first free layer, if that is at 0 V: gain sum of x_p (g_p - g_n).
    fn drive(&self, features: &[f64]) -> Vec<f64> {
        let examples = features.len() / self.architecture.features;
        let mut drive = vec![0.0; examples * self.architecture.width(0)];
        let (weights, from) = (&self.weights[0], &self.sources(features));
        self.arch.dispatch(Product {
            weights,
            from,
            to: &mut drive,
            direction: Adds::Up,
            examples,
        });
        drive
    }

    /// Potentials of the sources: of all positive ones, then of all negative ones.
    fn sources(&self, features: &[f64]) -> Vec<f64> {
        let gain = f64::from(self.architecture.input_gain);
        let pairs = |example: &[f64]| {
            let side = |gain: f64| example.iter().map(move |x| gain * x).collect::<Vec<_>>();
            [side(gain), side(-gain)].concat()
        };
        features
            .chunks_exact(self.architecture.features)
            .flat_map(pairs)
            .collect()
    }

    /// Sources and biases, and currents of some strength into the outputs.
    fn load(&self, drive: &[f64], nudge: Option<(f64, &[f64])>) -> Load<'_> {
        let examples = drive.len() / self.architecture.width(0);
        let mut currents: Vec<Vec<f64>> = self
            .biases
            .iter()
            .map(|layer| layer.repeat(examples))
            .collect();
        add(&mut currents[0], 1.0, drive);
        if let (Some(outputs), Some((strength, nudge))) = (currents.last_mut(), nudge) {
            add(outputs, strength, nudge);
        }
        Load {
            currents,
            held_at: None,
        }
    }

    /// The currents into layer `l` of some examples, if they go into the outputs alone.
    fn currents(&self, l: usize, part: &Range<usize>, into_outputs: &[f64]) -> Vec<f64> {
        let width = self.architecture.width(l);
        match l == self.architecture.hidden.len() {
            true => into_outputs[part.start * width..part.end * width].to_vec(),
            false => vec![0.0; part.len() * width],
        }
    }

    /// The layers of some examples.
    fn part<'a>(&self, layers: &'a [Vec<f64>], part: &Range<usize>) -> Vec<&'a [f64]> {
        let slice = |(l, layer): (usize, &'a Vec<f64>)| {
            let width = self.architecture.width(l);
            &layer[part.start * width..part.end * width]
        };
        layers.iter().enumerate().map(slice).collect()
    }

    /// -(e_i - e_j) (v_i - v_j), added up over the examples.
    fn by_weights(&self, features: &[f64], v: &[Vec<f64>], e: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let sources = self.sources(features);
        let unmoved = vec![0.0; sources.len()];
        let below = |l: usize| match l.checked_sub(1) {
            None => (&sources[..], &unmoved[..]),
            Some(below) => (&v[below][..], &e[below][..]),
        };
        let examples = features.len() / self.architecture.features;
        let matrix = |l: usize| {
            let (rows, columns) = self.architecture.shape(l);
            let parts = self.on_threads(rows, examples * rows * columns, |part| {
                let mut gradient = vec![0.0; part.len() * columns];
                let contrast = Contrast {
                    rows: part,
                    below: below(l),
                    above: (&v[l], &e[l]),
                    examples,
                    gradient: &mut gradient,
                };
                self.arch.dispatch(contrast);
                gradient
            });
            parts.concat()
        };
        (0..self.architecture.matrices()).map(matrix).collect()
    }

    /// e_j, added up over the examples.
    fn by_biases(&self, l: usize, e: &[f64]) -> Vec<f64> {
        let width = self.architecture.width(l);
        let mut sums = vec![0.0; width];
        e.chunks_exact(width).for_each(|e| add(&mut sums, 1.0, e));
        sums
    }

    /// gain sum of (g_pj - g_nj) e_j.
    fn by_inputs(&self, e: &[f64], examples: usize) -> Vec<f64> {
        let (features, width) = (self.architecture.features, self.architecture.width(0));
        let gain = f64::from(self.architecture.input_gain);
        let parts = self.on_threads(examples, examples * 2 * features * width, |part| {
            let mut into_sources = vec![0.0; part.len() * 2 * features];
            self.arch.dispatch(Product {
                weights: &self.weights[0],
                from: &e[part.start * width..part.end * width],
                to: &mut into_sources,
                direction: Adds::Down,
                examples: part.len(),
            });
            let pairs = into_sources.chunks_exact(2 * features).flat_map(|pairs| {
                let (positive, negative) = pairs.split_at(features);
                positive.iter().zip(negative).map(|(p, n)| gain * (p - n))
            });
            pairs.collect::<Vec<f64>>()
        });
        parts.concat()
    }

    fn check_features(&self, inputs: &[f64]) -> Result<(), SettleError> {
        let features = self.architecture.features;
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
        let outputs = self.architecture.outputs;
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

/// colsum W_l + rowsum W_{l+1}
fn conductance_sums(architecture: &Architecture, weights: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let layer = |l: usize| {
        let width = architecture.width(l);
        let mut sums = vec![0.0; width];
        weights[l]
            .chunks_exact(width)
            .for_each(|row| add(&mut sums, 1.0, row));
        if let Some(above) = weights.get(l + 1) {
            let rows = above.chunks_exact(architecture.width(l + 1));
            sums.iter_mut()
                .zip(rows)
                .for_each(|(sum, row)| *sum += row.iter().sum::<f64>());
        }
        sums
    };
    (0..architecture.free_layers()).map(layer).collect()
}

/// to += factor * from
fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut()
        .zip(from)
        .for_each(|(to, from)| *to += factor * from);
}

fn combine(first: &Relaxed, second: &Relaxed, by: impl Fn(f64, f64) -> f64) -> Vec<Vec<f64>> {
    let layers = first.potentials.iter().zip(&second.potentials);
    let layer = |(first, second): (&Vec<f64>, &Vec<f64>)| {
        first
            .iter()
            .zip(second)
            .map(|(first, second)| by(*first, *second))
            .collect()
    };
    layers.map(layer).collect()
}
