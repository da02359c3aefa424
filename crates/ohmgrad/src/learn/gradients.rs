//! How near a rule's gradient is to the exact one: which beta, and how many sweeps, can be trusted.

use super::{Cost, TrainError, TrainOptions, TrainOptionsError, Trainer, Unbounded};
use crate::data::Dataset;
use crate::drn::{
    Architecture, Differentiable, DifferentiableError, GradientError, GradientMethod, Network,
    SettleError,
};
use crate::interrupt::Interrupted;

/// Relative residual of Kirchhoff's laws at which the exact gradient's states count as settled, and the most sweeps.
const RESIDUAL: f64 = 1e-11;
const MAX_SWEEPS: usize = 100_000;

/// A rule's gradients beside the exact one.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientReport {
    /// Examples that the gradients are the means over.
    pub examples: usize,
    /// Largest residual of the exact gradient's states and responses, relative to the largest node current.
    pub residual: f64,
    /// One row for each beta and number of sweeps, in the order in which they were given.
    pub rows: Vec<GradientRow>,
}

impl GradientReport {
    /// Whether the exact gradient deserves its name: its states and responses settled to a relative residual of 1e-11.
    pub fn is_settled(&self) -> bool {
        self.residual <= RESIDUAL
    }
}

/// The rule's gradient with one amplitude and one number of sweeps.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientRow {
    /// The rule's amplitude, if it has one.
    pub beta: Option<f32>,
    /// Sweeps of the free phase and of the nudged phases; the most that are made, if a phase has a tolerance.
    pub sweeps: [usize; 2],
    /// What was found for each of [`Architecture::parameter_names`]; or why there is no gradient.
    pub outcome: Result<Vec<GradientAgreement>, NoGradient>,
}

/// How near the rule's gradient of one parameter array is to the exact one.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientAgreement {
    /// The parameter: `W1`, ...
    pub parameter: String,
    /// Cosine of the angle between both, from -1 to 1; none if one of them is zero.
    pub cosine: Option<f64>,
    /// Norm of the rule's gradient over that of the exact one; none if that is zero.
    pub ratio: Option<f64>,
}

impl GradientAgreement {
    /// Why there is no cosine, in words.
    pub fn missing(&self) -> Option<&'static str> {
        match (self.cosine, self.ratio) {
            (Some(_), _) => None,
            (None, Some(_)) => Some("the rule's gradient is zero"),
            (None, None) => Some("the exact gradient is zero"),
        }
    }
}

/// Why a rule has no gradient with some beta and number of sweeps.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoGradient {
    /// The nudged energy has no minimum.
    #[error("{0}")]
    Unbounded(Unbounded),
    /// Numbers beyond the range of f32.
    #[error("potentials or gradients overflow")]
    Overflow,
}

/// Why gradients cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GradientReportError {
    /// Fewer examples than make a batch.
    #[error(
        "{found} examples are less than one batch of {batch}: give more examples, or set a smaller batch"
    )]
    Examples {
        /// Number given.
        found: usize,
        /// The batch.
        batch: usize,
    },
    /// Options that training refuses.
    #[error(transparent)]
    Options(#[from] TrainOptionsError),
    /// The data do not fit the network or the cost.
    #[error(transparent)]
    Data(TrainError),
    /// A network that has no exact gradient.
    #[error(transparent)]
    Network(#[from] DifferentiableError),
    /// The examples cannot be settled in f64.
    #[error(transparent)]
    Settle(SettleError),
    /// The exact gradient overflows.
    #[error(transparent)]
    Gradient(GradientError),
    /// It was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<SettleError> for GradientReportError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Settle(error),
        }
    }
}

impl From<GradientError> for GradientReportError {
    fn from(error: GradientError) -> Self {
        match error {
            GradientError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Gradient(error),
        }
    }
}

/// Compares a rule's gradients with the exact one, over as many whole batches as the examples make.
///
/// The rule's gradient is the mean of what the training steps of one pass over the examples would follow, with their
/// batches, initial states and f32 arithmetic, the parameters held. The exact one is that of the cost at the settled state: by
/// adjoint learning in f64, settled to a relative residual of 1e-11. A rule with a finite nudge departs from it in two
/// ways: by the nudge (its error falls with beta), and by sweeps that are too few; below some beta, rounding takes over.
/// Rules that hold the outputs (coupled and contrastive learning) follow another function than the cost: their cosines tell
/// how much that matters, their ratios depend on beta and on the network.
///
/// Each of `betas` (empty: that of the options) is tried with each of `sweeps` (in both phases; empty: those of the options).
/// `observe` sees every row when it is done.
///
/// ```
/// use ohmgrad::experiment::Preset;
/// use ohmgrad::learn::compare_gradients;
///
/// let experiment = Preset::named("digits")?.experiment()?;
/// let network = experiment.initial_network(1)?;
/// let data = experiment.data.load(0)?.train.drawn(8, 0);
/// let (betas, sweeps) = ([1.0, 0.1], [4, 30]);
/// let report = compare_gradients(&network, &experiment.training, &data, &betas, &sweeps, |_| {})?;
/// for row in &report.rows {
///     println!("{:?} {:?} {:?}", row.beta, row.sweeps, row.outcome);
/// }
/// assert!(report.rows.len() == 4 && report.residual < 1e-11);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If there is not one whole batch, an option, a beta or a number of sweeps is refused, the data do not fit, the network is a
/// Hopfield network, the exact gradient overflows, or it is [interrupted](crate::interrupt). What goes wrong with one beta
/// stands in its row.
pub fn compare_gradients(
    network: &Network,
    options: &TrainOptions,
    data: &Dataset,
    betas: &[f32],
    sweeps: &[usize],
    mut observe: impl FnMut(&GradientRow),
) -> Result<GradientReport, GradientReportError> {
    let architecture = network.architecture();
    let variants = variants(options, betas, sweeps);
    variants
        .iter()
        .try_for_each(|options| options.validate(architecture))?;
    super::check_fit(architecture, data, options.cost).map_err(GradientReportError::Data)?;
    let examples = data.len() / options.batch * options.batch;
    if examples == 0 {
        let (found, batch) = (data.len(), options.batch);
        return Err(GradientReportError::Examples { found, batch });
    }
    let data = &data.selected(&Vec::from_iter(0..examples));
    let (exact, residual) = exact_gradient(network, options.cost, data)?;
    let mut rows = Vec::new();
    for options in variants {
        let row = GradientRow {
            beta: options.beta,
            sweeps: [options.free_phase.sweeps, options.nudged_phase.sweeps],
            outcome: rule_gradient(network, options, data)?
                .map(|found| agreements(architecture, &found, &exact)),
        };
        observe(&row);
        rows.push(row);
    }
    Ok(GradientReport {
        examples,
        residual,
        rows,
    })
}

/// The options with each of the betas and each of the numbers of sweeps.
fn variants(options: &TrainOptions, betas: &[f32], sweeps: &[usize]) -> Vec<TrainOptions> {
    let betas = match betas {
        [] => vec![options.beta],
        betas => betas.iter().copied().map(Some).collect(),
    };
    let phases = match sweeps {
        [] => vec![[options.free_phase.sweeps, options.nudged_phase.sweeps]],
        sweeps => sweeps.iter().map(|n| [*n, *n]).collect(),
    };
    let pairs = betas
        .iter()
        .flat_map(|beta| phases.iter().map(move |p| (beta, p)));
    let variant = |(beta, [free, nudged]): (&Option<f32>, &[usize; 2])| {
        let mut options = options.clone();
        options.beta = *beta;
        (options.free_phase.sweeps, options.nudged_phase.sweeps) = (*free, *nudged);
        options
    };
    pairs.map(variant).collect()
}

/// The mean of what the steps of a pass follow, by every parameter array, or why there is none.
fn rule_gradient(
    network: &Network,
    options: TrainOptions,
    data: &Dataset,
) -> Result<Result<Vec<Vec<f64>>, NoGradient>, GradientReportError> {
    let trainer = Trainer::accumulating(network.clone(), options)?;
    match trainer.mean_gradient(data) {
        Ok(found) => Ok(Ok(found)),
        Err(TrainError::Unbounded { source, .. }) => Ok(Err(NoGradient::Unbounded(source))),
        Err(TrainError::Diverged { .. }) => Ok(Err(NoGradient::Overflow)),
        Err(TrainError::Interrupted(interrupted)) => Err(interrupted.into()),
        Err(other) => Err(GradientReportError::Data(other)),
    }
}

/// The mean gradient of the cost at the settled states, by every parameter array, and the largest residual.
fn exact_gradient(
    network: &Network,
    cost: Cost,
    data: &Dataset,
) -> Result<(Vec<Vec<f64>>, f64), GradientReportError> {
    let architecture = network.architecture();
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
    let layers = 0..architecture.free_layers();
    let weights = layers.clone().map(|l| wide(network.weights(l))).collect();
    let biases = layers.map(|l| wide(network.biases(l))).collect();
    let exact = Differentiable::new(architecture, weights, biases, network.threads())?;
    let features: Vec<f64> = (0..data.len()).flat_map(|e| data.input(e)).collect();
    let settled = exact.settle(&features, RESIDUAL, MAX_SWEEPS)?;
    let by_nodes = by_nodes(architecture, cost, data, settled.outputs());
    let gradient = exact.gradient(
        &settled,
        &by_nodes,
        GradientMethod::Adjoint,
        RESIDUAL,
        MAX_SWEEPS,
    )?;
    let residuals = settled.residuals().iter().chain(&gradient.residuals);
    let residual = residuals.fold(0.0, |max: f64, r| max.max(*r));
    let mean = |mut sums: Vec<f64>| {
        sums.iter_mut().for_each(|sum| *sum /= data.len() as f64);
        sums
    };
    let parameters = gradient.weights.into_iter().chain(gradient.biases);
    Ok((parameters.map(mean).collect(), residual))
}

/// The derivative of the cost by each output node, example after example.
fn by_nodes(
    architecture: &Architecture,
    cost: Cost,
    data: &Dataset,
    potentials: &[f64],
) -> Vec<f64> {
    let nodes = architecture.outputs / architecture.readouts();
    let example = |(e, potentials): (usize, &[f64])| -> Vec<f64> {
        let target = data.targets().of(e);
        let outputs: Vec<(f64, f64)> = potentials
            .chunks(nodes)
            .enumerate()
            .map(|(k, v)| {
                let output = v[1..].iter().fold(v[0], |plus, minus| plus - minus);
                (output, f64::from(target(k)))
            })
            .collect();
        let pull = cost.pull(outputs.iter().copied());
        let slopes = outputs.iter().map(|(v, y)| -pull.on(*v, *y));
        slopes
            .flat_map(|slope| [slope, -slope].into_iter().take(nodes))
            .collect()
    };
    let examples = potentials.chunks(architecture.outputs).enumerate();
    examples.flat_map(example).collect()
}

fn agreements(
    architecture: &Architecture,
    found: &[Vec<f64>],
    exact: &[Vec<f64>],
) -> Vec<GradientAgreement> {
    let names = architecture.parameter_names().into_iter();
    let pairs = names.zip(found.iter().zip(exact));
    pairs
        .map(|(parameter, (found, exact))| {
            let (norm, exact_norm) = (norm(found), norm(exact));
            let both = norm > 0.0 && exact_norm > 0.0;
            // a . b / (|a| |b|), from unit vectors: products of large gradients may overflow.
            let products = found
                .iter()
                .zip(exact)
                .map(|(a, b)| a / norm * (b / exact_norm));
            GradientAgreement {
                parameter,
                cosine: both.then(|| products.sum::<f64>().clamp(-1.0, 1.0)),
                ratio: (exact_norm > 0.0).then(|| norm / exact_norm),
            }
        })
        .collect()
}

/// |a|, however large or small its elements are.
fn norm(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    match largest > 0.0 {
        true => {
            largest
                * values
                    .iter()
                    .map(|x| (x / largest).powi(2))
                    .sum::<f64>()
                    .sqrt()
        }
        false => 0.0,
    }
}
