//! Learning tasks of circuits, as one TOML file beside a netlist.
//!
//! ```
//! use ohmgrad::experiment::circuit::CircuitExperiment;
//!
//! let text = r#"
//! name = "line"
//! epochs = 50
//! netlist = "line.cir"            # beside this file
//! train = ["r1", "rb*"]           # names, or beginnings of names; all resistors if left out
//! outputs = ["v(out)"]            # or "v(a,b)", or "i(element)"
//!
//! [inputs]                        # source = column
//! vin = "x"
//!
//! [examples]
//! columns = ["x", "y"]            # or: file = "line.csv"
//! rows = [[1, 0.25], [2, 0.5]]
//! targets = ["y"]                 # or: label = "kind", classes = ["this", "that"]
//!
//! [training]                      # CircuitOptions
//! rule = "c-cpl"
//! [training.optimizer]            # of the Optimizer
//! method = "momentum"
//! learning_rates = { conductances = 0.5 }
//! "#;
//! let experiment = CircuitExperiment::parse(text, "line.toml")?;
//! assert_eq!(experiment.training.optimizer.learning_rates["conductances"], 0.5);
//! # Ok::<(), ohmgrad::experiment::circuit::CircuitExperimentError>(())
//! ```

mod error;
mod examples;
mod names;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf, absolute};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use error::CircuitExperimentError;
pub use examples::ExampleSource;

use super::{Experiment, ExperimentError, SettingsError, names_a_folder, parse_toml, read_text};
use crate::circuit::{Circuit, netlist};
use crate::device::Law;
use crate::learn::circuit::{CircuitExamples, CircuitLearner, CircuitOptions, CircuitTask};

/// Everything that decides the outcome of training a circuit; the number of threads does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitExperiment {
    /// Name, of letters, digits, `-`, `_` and `.`, not starting with a dot; names the run's folder.
    pub name: String,
    /// Seed of the initial values and of the order of the examples, at most [`Experiment::MAX_SEED`]; default 0.
    #[serde(default)]
    pub seed: u64,
    /// Number of epochs. From 1 to [`Experiment::MAX_EPOCHS`].
    pub epochs: usize,
    /// The netlist of the circuit.
    pub netlist: PathBuf,
    /// The elements to train: names, or beginnings of names followed by `*`. Default: all resistors that are neither open
    /// nor shorts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<Vec<String>>,
    /// Initial values of the trained conductances: drawn between these two, in siemens, uniformly by their logarithm.
    /// Default: those of the netlist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<[f64; 2]>,
    /// The outputs: `v(node)`, `v(node,node)`, or `i(element)`.
    pub outputs: Vec<String>,
    /// The column of the examples that each input source is set to, in volt or ampere.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// What to learn from.
    pub examples: ExampleSource,
    /// How the circuit is trained.
    #[serde(default)]
    pub training: CircuitOptions,
}

/// What a [`CircuitExperiment`] names, loaded.
#[derive(Clone, Debug)]
pub struct CircuitProblem {
    /// Title of the netlist.
    pub title: String,
    /// The circuit, with the initial values.
    pub circuit: Circuit,
    /// What to train, and the inputs and outputs.
    pub task: CircuitTask,
    /// The examples to learn from.
    pub train: CircuitExamples,
    /// The examples to measure the error on, if there are others.
    pub test: Option<CircuitExamples>,
}

/// A task of a circuit by names: the sources that are its inputs, its outputs as `v(node)`, `v(node,node)` or `i(element)`,
/// and what is trained, as [`CircuitExperiment::train`] says. Names are those that SPICE reads.
///
/// ```
/// use ohmgrad::circuit::Circuit;
///
/// let divider = Circuit::builder()
///     .voltage_source("V1", "in", "0", 0.0)
///     .resistor("R1", "in", "out", 1.0)
///     .resistor("R2", "out", "0", 1.0)
///     .build()?;
/// let outputs = ["v(out)".to_owned()];
/// let task = ohmgrad::experiment::circuit::task(&divider, ["v1"].into_iter(), &outputs, None)?;
/// assert_eq!(task.trained().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If there is no such name, and as [`CircuitTask::new`].
pub fn task<'n>(
    circuit: &Circuit,
    inputs: impl Iterator<Item = &'n str>,
    outputs: &[String],
    train: Option<&[String]>,
) -> Result<CircuitTask, CircuitExperimentError> {
    let inputs = inputs.map(|name| names::element(circuit, name, "inputs"));
    let outputs = outputs.iter().map(|text| names::output(circuit, text));
    Ok(CircuitTask::new(
        circuit,
        inputs.collect::<Result<_, _>>()?,
        outputs.collect::<Result<_, _>>()?,
        names::trained(circuit, train)?,
    )?)
}

impl CircuitExperiment {
    /// Reads and checks settings; `origin` says where the text is from, for error messages.
    ///
    /// # Errors
    /// If the text is no TOML, has an unknown or misspelt entry, or a setting is out of range.
    pub fn parse(text: &str, origin: &str) -> Result<Self, CircuitExperimentError> {
        let experiment: Self = parse_toml(text, origin)?;
        experiment.validate()?;
        Ok(experiment)
    }

    /// Reads and checks a file. Files that it names are looked for beside it; the settings have their absolute paths.
    ///
    /// # Errors
    /// If the file cannot be read, and as [`Self::parse`].
    pub fn from_file(path: &Path) -> Result<Self, CircuitExperimentError> {
        let mut experiment = Self::parse(&read_text(path)?, &path.display().to_string())?;
        let read = |source| ExperimentError::Read {
            path: path.to_owned(),
            source,
        };
        let path = absolute(path).map_err(read)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let examples = &mut experiment.examples;
        let files = [&mut examples.file, &mut examples.test_file];
        for file in files.into_iter().flatten() {
            *file = folder.join(&*file);
        }
        experiment.netlist = folder.join(&experiment.netlist);
        Ok(experiment)
    }

    /// Checks every setting that can be checked without the files.
    ///
    /// # Errors
    /// The first setting that is wrong, by name.
    pub fn validate(&self) -> Result<(), CircuitExperimentError> {
        let settings = if !names_a_folder(&self.name) {
            Err(SettingsError::Name(self.name.clone()))
        } else if self.seed > Experiment::MAX_SEED {
            Err(SettingsError::Seed(self.seed))
        } else if !(1..=Experiment::MAX_EPOCHS).contains(&self.epochs) {
            Err(SettingsError::Epochs(self.epochs))
        } else {
            Ok(())
        };
        settings?;
        if let Some([low, high]) = self.initial
            && !(0.0 < low && low < high && high.is_finite())
        {
            return Err(CircuitExperimentError::Initial { low, high });
        }
        self.examples.validate(self.outputs.len())?;
        let checked = self.training.validate();
        checked.map_err(CircuitExperimentError::Training)
    }

    /// All settings as TOML, with the version of ohmgrad as a comment.
    ///
    /// # Errors
    /// If a path is not UTF-8.
    pub fn to_toml(&self) -> Result<String, CircuitExperimentError> {
        let text = toml::to_string(self).map_err(ExperimentError::Write)?;
        Ok(format!("# ohmgrad {}\n{text}", env!("CARGO_PKG_VERSION")))
    }

    /// Reads the netlist and the examples.
    ///
    /// # Errors
    /// If a file cannot be read or is not valid, a name is unknown, or the circuit cannot learn the task.
    pub fn load(&self) -> Result<CircuitProblem, CircuitExperimentError> {
        let read = netlist::read(&self.netlist);
        let read = read.map_err(|errors| CircuitExperimentError::Netlist(errors.to_string()))?;
        let mut circuit = read.circuit;
        let inputs = self.inputs.keys().map(String::as_str);
        let task = task(&circuit, inputs, &self.outputs, self.train.as_deref())?;
        let columns: Vec<&str> = self.inputs.values().map(String::as_str).collect();
        let (train, test) = self.examples.load(&columns, task.outputs().len())?;
        self.draw_initial_values(&mut circuit, &task);
        Ok(CircuitProblem {
            title: read.title,
            circuit,
            task,
            train,
            test,
        })
    }

    fn draw_initial_values(&self, circuit: &mut Circuit, task: &CircuitTask) {
        let Some([low, high]) = self.initial else {
            return;
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        for id in task.trained() {
            if matches!(circuit[*id].law(), Law::Resistor { .. }) {
                let conductance = rng.random_range(low.ln()..high.ln()).exp();
                let set = circuit.set_law(*id, Law::Resistor { conductance });
                set.expect("conductances between finite bounds above 0 are valid");
            }
        }
    }

    /// A learner at the start of training.
    ///
    /// # Errors
    /// If the training options do not fit the task.
    pub fn learner(
        &self,
        problem: &CircuitProblem,
    ) -> Result<CircuitLearner, CircuitExperimentError> {
        let (task, training) = (problem.task.clone(), self.training.clone());
        let learner = CircuitLearner::new(&problem.circuit, task, training, self.seed);
        learner.map_err(CircuitExperimentError::Learn)
    }
}
