//! The shape of a layered network and the fixed quantities that come with it.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::chain::{BiasBounds, Chain, Connection, Coupling, Kind, Layer};
use super::law::{HopfieldBox, LayerLaw, Linear, UnitLaw};
use super::{Energy, ParameterError, Readout};

mod error;

pub use error::ArchitectureError;

/// Layer sizes, energy, gains and conductance bounds of a layered network: a deep resistive network (DRN), or a deep
/// Hopfield network.
///
/// Every layer is joined to the next by a dense matrix of weights. In a DRN they are conductances, and the input layer
/// holds two voltage sources per feature: feature `p` drives one node at `+input_gain * p` volt and its
/// partner at `-input_gain * p` volt (the *signed pair*, which stands in for negative weights).
/// Each unit of a hidden layer has an element to ground, by default an ideal diode: the first half of the layer is then
/// excitatory (`v >= 0`), the second half inhibitory (`v <= 0`); other [laws](UnitLaw) are real diodes, measured curves and
/// resistors. Output nodes are linear. In a Hopfield network weights have either sign, the features are
/// the input, and all other units lie in [0, 1].
///
/// ```
/// use ohmgrad::drn::Architecture;
///
/// let xs = Architecture::new(784, vec![100], 10).with_input_gain(100.0);
/// assert_eq!(xs.conductances(), 157_800);
/// xs.validate()?;
/// # Ok::<(), ohmgrad::drn::ArchitectureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// What the network minimises. Default: co-content, a resistive network.
    #[serde(default)]
    pub energy: Energy,
    /// Number of input features; the input layer of a DRN has twice as many nodes. At least 1.
    pub features: usize,
    /// Widths of the hidden layers, from input to output; may be empty (a linear network).
    pub hidden: Vec<usize>,
    /// Number of output nodes. At least 1.
    pub outputs: usize,
    /// What the output nodes are read as. Default: every node is an output, as it must be in a Hopfield network.
    #[serde(default)]
    pub readout: Readout,
    /// Volt per unit of input feature. Finite and above 0; default 1. Of a DRN only.
    #[serde(default = "one")]
    pub input_gain: f32,
    /// Scale of the initial weights of each matrix, one per matrix; empty means 1 for all.
    #[serde(default)]
    pub weight_gains: Vec<f32>,
    /// Smallest conductance in siemens. Finite, at least 0; default 0. Of a DRN only.
    #[serde(default)]
    pub g_min: f32,
    /// Largest conductance in siemens. At least `g_min`; default infinite. Of a DRN only.
    #[serde(default = "infinite")]
    pub g_max: f32,
    /// What the units of the hidden layers have: one law for all of them, or one for each layer; empty means ideal diodes. Of
    /// a DRN only.
    #[serde(default)]
    pub laws: Vec<UnitLaw>,
    /// Smallest and largest conductance of each matrix in siemens, in place of `g_min` and `g_max`; empty means those for all.
    /// Of a DRN only.
    #[serde(default)]
    pub windows: Vec<[f32; 2]>,
    /// What the conductances of a new network are drawn from. Default: as published.
    #[serde(default)]
    pub start: Start,
    /// Smallest bias in ampere; at most 0, where biases start. Default: minus infinity.
    #[serde(default = "minus_infinite")]
    pub b_min: f32,
    /// Largest bias in ampere; at least 0. Default: infinite.
    #[serde(default = "infinite")]
    pub b_max: f32,
}

/// What the weights of a new network are drawn from, uniformly; then they are clamped to their windows. With n nodes below the
/// matrix and its gain:
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Start {
    /// `scaled`: within gain / sqrt(n) around 0, as in the public code of Scellier (ICML 2024) for both energies; about half of
    /// the conductances of a resistive network then start at their smallest value.
    #[default]
    Scaled,
    /// `kaiming`: within gain sqrt(6 / n) around 0 (He et al. 2015).
    Kaiming,
    /// `kaiming-centred`: within gain sqrt(6 / n) around the middle of the window, which must be finite.
    KaimingCentred,
    /// `uniform`: anywhere in the window, which must be finite.
    Uniform,
}

fn one() -> f32 {
    1.0
}

fn infinite() -> f32 {
    f32::INFINITY
}

fn minus_infinite() -> f32 {
    f32::NEG_INFINITY
}

/// What is written of an [`Architecture`]: nothing of conductances for a Hopfield network, and nothing that only later
/// versions know where it is as it was before.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    energy: Option<Energy>,
    features: usize,
    hidden: &'a [usize],
    outputs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    readout: Option<Readout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_gain: Option<f32>,
    weight_gains: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    g_min: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    g_max: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Start>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b_min: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b_max: Option<f32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    windows: &'a [[f32; 2]],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    laws: &'a [UnitLaw],
}

impl Serialize for Architecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resistive = self.energy == Energy::CoContent;
        let written = Written {
            energy: (!resistive).then_some(self.energy),
            features: self.features,
            hidden: &self.hidden,
            outputs: self.outputs,
            readout: resistive.then_some(self.readout),
            input_gain: resistive.then_some(self.input_gain),
            weight_gains: &self.weight_gains,
            g_min: resistive.then_some(self.g_min),
            g_max: resistive.then_some(self.g_max),
            start: (self.start != Start::default()).then_some(self.start),
            b_min: (self.b_min != minus_infinite()).then_some(self.b_min),
            b_max: (self.b_max != infinite()).then_some(self.b_max),
            windows: &self.windows,
            laws: &self.laws,
        };
        written.serialize(serializer)
    }
}

impl Architecture {
    /// The largest width of a layer.
    pub const MAX_WIDTH: usize = 1 << 24;

    /// A resistive network with unit gains and conductances in `[0, inf)` siemens.
    pub fn new(features: usize, hidden: Vec<usize>, outputs: usize) -> Self {
        Self {
            energy: Energy::CoContent,
            features,
            hidden,
            outputs,
            readout: Readout::Nodes,
            input_gain: one(),
            weight_gains: Vec::new(),
            g_min: 0.0,
            g_max: infinite(),
            laws: Vec::new(),
            windows: Vec::new(),
            start: Start::default(),
            b_min: minus_infinite(),
            b_max: infinite(),
        }
    }

    /// Sets what the network minimises.
    #[must_use]
    pub fn with_energy(self, energy: Energy) -> Self {
        Self { energy, ..self }
    }

    /// Sets the input gain, in volt per unit of input feature.
    #[must_use]
    pub fn with_input_gain(self, input_gain: f32) -> Self {
        Self { input_gain, ..self }
    }

    /// Sets what the output nodes are read as.
    #[must_use]
    pub fn with_readout(self, readout: Readout) -> Self {
        Self { readout, ..self }
    }

    /// Sets the conductance bounds, in siemens.
    #[must_use]
    pub fn with_bounds(self, g_min: f32, g_max: f32) -> Self {
        Self {
            g_min,
            g_max,
            ..self
        }
    }

    /// Sets what the units of the hidden layers have: one law for all of them, or one for each layer.
    #[must_use]
    pub fn with_laws(self, laws: Vec<UnitLaw>) -> Self {
        Self { laws, ..self }
    }

    /// Sets the conductance bounds of each matrix, in siemens.
    #[must_use]
    pub fn with_windows(self, windows: Vec<[f32; 2]>) -> Self {
        Self { windows, ..self }
    }

    /// Sets what the weights of a new network are drawn from.
    #[must_use]
    pub fn with_start(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// Sets the bounds of the biases, in ampere.
    #[must_use]
    pub fn with_bias_bounds(self, b_min: f32, b_max: f32) -> Self {
        Self {
            b_min,
            b_max,
            ..self
        }
    }

    /// Checks sizes, laws, gains and bounds.
    ///
    /// # Errors
    /// The first setting out of range, by name.
    pub fn validate(&self) -> Result<(), ArchitectureError> {
        self.check_width("the input layer", self.features)?;
        for (l, &width) in self.hidden.iter().enumerate() {
            self.check_width(&format!("hidden layer {}", l + 1), width)?;
        }
        self.check_width("the output layer", self.outputs)?;
        if self.energy == Energy::Hopfield {
            self.check_unused()?;
        }
        if !self.outputs.is_multiple_of(self.readout.nodes()) {
            return Err(ArchitectureError::OddOutputs(self.outputs));
        }
        self.check_laws()?;
        check_gain("input_gain", self.input_gain)?;
        if !self.weight_gains.is_empty() && self.weight_gains.len() != self.matrices() {
            return Err(ArchitectureError::WeightGains {
                expected: self.matrices(),
                found: self.weight_gains.len(),
            });
        }
        for (l, &gain) in self.weight_gains.iter().enumerate() {
            check_gain(&format!("weight_gains[{l}]"), gain)?;
        }
        let (expected, found) = (self.matrices(), self.windows.len());
        if found != 0 && found != expected {
            return Err(ArchitectureError::Windows { expected, found });
        }
        for [g_min, g_max] in std::iter::once([self.g_min, self.g_max]).chain(self.windows.clone())
        {
            if !(g_min >= 0.0 && g_min.is_finite() && g_max >= g_min) {
                return Err(ArchitectureError::Bounds { g_min, g_max });
            }
        }
        let (b_min, b_max) = (self.b_min, self.b_max);
        if !(b_min <= 0.0 && b_max >= 0.0) {
            return Err(ArchitectureError::Biases { b_min, b_max });
        }
        self.check_start()
    }

    /// Checks that every window has a middle, where the start needs one.
    fn check_start(&self) -> Result<(), ArchitectureError> {
        if matches!(self.start, Start::Scaled | Start::Kaiming) {
            return Ok(());
        }
        for l in 0..self.matrices() {
            let [least, largest] = self.window(l);
            if !(least.is_finite() && largest.is_finite()) {
                return Err(ArchitectureError::OpenWindow {
                    matrix: l + 1,
                    least,
                    largest,
                });
            }
        }
        Ok(())
    }

    fn check_laws(&self) -> Result<(), ArchitectureError> {
        let (expected, found) = (self.hidden.len(), self.laws.len());
        if found > 1 && found != expected {
            return Err(ArchitectureError::Laws { expected, found });
        }
        let mut faults = self.laws.iter().map(UnitLaw::fault).enumerate();
        match faults.find_map(|(index, fault)| Some((index, fault?))) {
            None => Ok(()),
            Some((index, fault)) => Err(ArchitectureError::Law { index, fault }),
        }
    }

    /// The law of hidden layer `l`.
    pub fn law(&self, l: usize) -> &UnitLaw {
        self.laws
            .get(l)
            .or(self.laws.first())
            .unwrap_or(&UnitLaw::IdealDiode)
    }

    /// Checks that the settings of resistive networks have their defaults.
    fn check_unused(&self) -> Result<(), ArchitectureError> {
        let used = [
            ("readout", self.readout != Readout::Nodes),
            ("input_gain", self.input_gain != one()),
            ("g_min", self.g_min != 0.0),
            ("g_max", self.g_max != infinite()),
            ("laws", !self.laws.is_empty()),
            ("windows", !self.windows.is_empty()),
        ];
        match used.into_iter().find(|(_, used)| *used) {
            None => Ok(()),
            Some((name, _)) => Err(ArchitectureError::NotResistive(name)),
        }
    }

    fn check_width(&self, layer: &str, width: usize) -> Result<(), ArchitectureError> {
        let layer = layer.to_owned();
        match width {
            0 => Err(ArchitectureError::EmptyLayer { layer }),
            _ if width > Self::MAX_WIDTH => Err(ArchitectureError::TooWide { layer, width }),
            _ => Ok(()),
        }
    }

    /// Number of weight matrices: one more than there are hidden layers.
    pub fn matrices(&self) -> usize {
        self.hidden.len() + 1
    }

    /// Number of values that are read from the output nodes, as many as there are classes to tell apart.
    pub fn readouts(&self) -> usize {
        self.outputs / self.readout.nodes()
    }

    /// Number of free layers (hidden layers and the output layer).
    pub fn free_layers(&self) -> usize {
        self.hidden.len() + 1
    }

    /// Width of free layer `l`, counted from the first hidden layer; the last is the output layer.
    ///
    /// # Panics
    /// If `l >= self.free_layers()`.
    pub fn width(&self, l: usize) -> usize {
        self.hidden.get(l).copied().unwrap_or_else(|| {
            assert_eq!(l, self.hidden.len(), "free layer {l} does not exist");
            self.outputs
        })
    }

    /// Number of nodes of the input layer: two per feature in a DRN, one in a Hopfield network.
    pub fn input_nodes(&self) -> usize {
        match self.energy {
            Energy::CoContent => 2 * self.features,
            Energy::Hopfield => self.features,
        }
    }

    /// Rows and columns of weight matrix `l`: nodes of the layer below, nodes of the layer above.
    ///
    /// The first matrix of a DRN has `2 * features` rows: first the positive nodes of all signed pairs, then
    /// the negative ones.
    pub fn shape(&self, l: usize) -> (usize, usize) {
        let rows = match l {
            0 => self.input_nodes(),
            _ => self.width(l - 1),
        };
        (rows, self.width(l))
    }

    /// Total number of trainable conductances, or weights of a Hopfield network.
    pub fn conductances(&self) -> usize {
        (0..self.matrices())
            .map(|l| self.shape(l).0 * self.shape(l).1)
            .sum()
    }

    /// Smallest and largest weight of matrix `l`: of a DRN in siemens.
    pub fn window(&self, l: usize) -> [f32; 2] {
        match self.energy {
            Energy::CoContent => self
                .windows
                .get(l)
                .copied()
                .unwrap_or([self.g_min, self.g_max]),
            Energy::Hopfield => [minus_infinite(), infinite()],
        }
    }

    /// What biases may be.
    pub(crate) fn bias_bounds(&self) -> BiasBounds {
        BiasBounds([self.b_min, self.b_max])
    }

    /// Middle and half-width of the uniform distribution that initial weights of matrix `l` are drawn from, before they are
    /// clamped to its window.
    pub fn initial_range(&self, l: usize) -> [f32; 2] {
        let gain = self.weight_gains.get(l).copied().unwrap_or(1.0);
        let fan_in = self.shape(l).0 as f32;
        let [least, largest] = self.window(l);
        let middle = least + 0.5 * (largest - least);
        match self.start {
            Start::Scaled => [0.0, gain / fan_in.sqrt()],
            Start::Kaiming => [0.0, gain * (6.0 / fan_in).sqrt()],
            Start::KaimingCentred => [middle, gain * (6.0 / fan_in).sqrt()],
            Start::Uniform => [middle, 0.5 * (largest - least)],
        }
    }

    /// Checks that no matrix starts with all weights at one end of its window.
    pub(crate) fn check_initial(&self) -> Result<(), ArchitectureError> {
        for l in 0..self.matrices() {
            let [middle, half] = self.initial_range(l);
            let ([from, to], [least, largest]) = ([middle - half, middle + half], self.window(l));
            if to < least || from > largest {
                return Err(ArchitectureError::Start {
                    matrix: l + 1,
                    from,
                    to,
                    least,
                    largest,
                });
            }
        }
        Ok(())
    }

    /// The layers and connections.
    pub(crate) fn chain(&self) -> Chain {
        let (coupling, sources) = match self.energy {
            Energy::CoContent => (Coupling::Resistor, Kind::Pairs),
            Energy::Hopfield => (Coupling::Weight, Kind::Features),
        };
        let layer = |l: usize| Layer {
            width: self.width(l),
            law: match self.energy {
                Energy::Hopfield => LayerLaw::new(Arc::new(HopfieldBox)),
                Energy::CoContent if l < self.hidden.len() => self.law(l).of_layer(),
                Energy::CoContent => LayerLaw::new(Arc::new(Linear)),
            },
        };
        let connection = |l: usize| Connection {
            kind: if l == 0 { sources } else { Kind::Dense },
            coupling,
            below: self.shape(l).0,
            above: self.shape(l).1,
            window: self.window(l),
        };
        Chain {
            layers: (0..self.free_layers()).map(layer).collect(),
            connections: (0..self.matrices()).map(connection).collect(),
        }
    }

    /// That there is no such parameter.
    pub(crate) fn unknown(&self, name: &str) -> ParameterError {
        ParameterError::Unknown {
            name: name.to_owned(),
            parameters: self.parameter_names().join(", "),
        }
    }

    /// Names of the parameters: `W1, W2, ...` for weight matrices, `b1, b2, ...` for biases.
    pub fn parameter_names(&self) -> Vec<String> {
        let numbered = |letter: char| (1..=self.matrices()).map(move |l| format!("{letter}{l}"));
        numbered('W').chain(numbered('b')).collect()
    }
}

fn check_gain(name: &str, value: f32) -> Result<(), ArchitectureError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    let name = name.to_owned();
    Err(ArchitectureError::Gain { name, value })
}
