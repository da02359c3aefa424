//! An epoch of learning on a random network of diodes and resistors, by this library and by a loop around ngspice.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use ohmgrad::circuit::{Circuit, ElementId, NodeId};
use ohmgrad::device::Law;
use ohmgrad::learn::Rule;
use ohmgrad::learn::circuit::{
    CircuitExamples, CircuitLearner, CircuitOptions, CircuitTask, Output,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::process::{self, Vectors};
use crate::{families, median};

/// Nodes without those of the sources.
const NODES: usize = 450;
const EXAMPLES: usize = 100;
const OUTPUTS: usize = 3;
/// Nudging strength in siemens.
const BETA: f32 = 1e-6;
/// Epochs of this library, of which the median counts.
const EPOCHS: usize = 21;

/// Prints how long an epoch of centered equilibrium propagation takes both, and how far their gradients are apart.
///
/// The loop runs a process of ngspice for each operating point, free and nudged, reads the potentials that it prints, and
/// takes the contrast. The shortest loop of all is timed as well: a single process that only alters the sources and
/// solves as often, with no gradient and no change of a resistor.
pub(crate) fn compare(place: &Path) -> Result<(), Box<dyn Error>> {
    let mut network = Network::random()?;
    let (loop_seconds, theirs) = network.drive_ngspice(place)?;
    let alone = network.alter_ngspice(place)?;

    let (ours, seconds) = network.learn(Rule::CenteredEp)?;
    let (_, exact) = network.learn(Rule::AdjointLearning)?;

    let largest = ours.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    let off = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs());
    println!(
        "\ntraining: {} nodes, {} trained resistors, {EXAMPLES} examples, centered equilibrium propagation",
        network.circuit.node_names().len() - 1,
        network.trained.len()
    );
    println!(
        "  gradients differ by {:.1e} of the largest",
        off.fold(0.0, f64::max) / largest
    );
    println!(
        "  an epoch takes ohmgrad {:.1} ms, and {:.1} ms by adjoint learning",
        1e3 * seconds,
        1e3 * exact
    );
    for (seconds_of_spice, what) in [
        (loop_seconds, "driven in a loop"),
        (alone, "in one process"),
    ] {
        let ratio = seconds_of_spice / seconds;
        println!(
            "  an epoch takes ngspice {what} {seconds_of_spice:.2} s, {ratio:.0} times as long"
        );
    }
    Ok(())
}

/// A network to train.
struct Network {
    circuit: Circuit,
    inputs: Vec<ElementId>,
    outputs: Vec<NodeId>,
    trained: Vec<ElementId>,
    values: Vec<Vec<f64>>,
    targets: Vec<Vec<f64>>,
    examples: CircuitExamples,
}

impl Network {
    fn random() -> Result<Self, Box<dyn Error>> {
        let circuit = families::graph(NODES, &families::shockley(), 0);
        let of = |wanted: fn(&Law) -> bool| {
            let ids = circuit.element_ids();
            ids.filter(|id| wanted(circuit[*id].law()))
                .collect::<Vec<_>>()
        };
        let inputs = of(|law| matches!(law, Law::VoltageSource { .. }));
        let trained = of(|law| matches!(law, Law::Resistor { .. }));
        let outputs = (1..=OUTPUTS).map(|k| circuit.node(&format!("n{}", 100 * k + 1)));
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut table = |columns: usize, top: f64| -> Vec<Vec<f64>> {
            let mut row = || (0..columns).map(|_| rng.random_range(-top..top)).collect();
            (0..EXAMPLES).map(|_| row()).collect()
        };
        let (values, targets) = (table(inputs.len(), 5.0), table(OUTPUTS, 1.0));
        Ok(Self {
            examples: CircuitExamples::new(values.clone(), targets.clone())?,
            outputs: outputs
                .collect::<Option<_>>()
                .ok_or("an output is missing")?,
            circuit,
            inputs,
            trained,
            values,
            targets,
        })
    }

    fn task(&self) -> Result<CircuitTask, Box<dyn Error>> {
        let outputs = self.outputs.iter().map(|node| Output::Potential(*node));
        let (inputs, trained) = (self.inputs.clone(), self.trained.clone());
        Ok(CircuitTask::new(
            &self.circuit,
            inputs,
            outputs.collect(),
            trained,
        )?)
    }

    /// The mean contrast for every trained resistor, and the median time of an epoch in seconds.
    fn learn(&self, rule: Rule) -> Result<(Vec<f64>, f64), Box<dyn Error>> {
        let mut options = CircuitOptions::default()
            .with_rule(rule)
            .with_rate(1e-9)
            .with_bounds(1e-9, 1.0)
            .with_batch(10);
        options.beta = rule.has_beta().then_some(BETA);
        let mut learner = CircuitLearner::new(&self.circuit, self.task()?, options, 0)?;
        let gradient = learner.gradient(&self.examples)?;
        let mut epoch = || -> Result<f64, Box<dyn Error>> {
            let start = Instant::now();
            learner.train_epoch(&self.examples, |_| {})?;
            Ok(start.elapsed().as_secs_f64())
        };
        let seconds: Result<Vec<f64>, _> = (0..EPOCHS).map(|_| epoch()).collect();
        Ok((gradient, median(&seconds?)))
    }

    /// The time of an epoch in seconds, and its mean contrast for every trained resistor.
    fn drive_ngspice(&mut self, place: &Path) -> Result<(f64, Vec<f64>), Box<dyn Error>> {
        let start = Instant::now();
        let mut gradient = vec![0.0; self.trained.len()];
        for example in 0..EXAMPLES {
            for (source, voltage) in self.inputs.iter().zip(&self.values[example]) {
                let voltage = *voltage;
                self.circuit
                    .set_law(*source, Law::VoltageSource { voltage })?;
            }
            let free = self.operating_point(place, &[0.0; OUTPUTS])?;
            let pull: Vec<f64> = self.pull(&free, example).collect();
            for sign in [-1.0, 1.0] {
                let currents: Vec<f64> = pull.iter().map(|y| sign * f64::from(BETA) * y).collect();
                let nudged = self.operating_point(place, &currents)?;
                for (gradient, id) in gradient.iter_mut().zip(&self.trained) {
                    let [a, b] = self.circuit[*id]
                        .nodes()
                        .map(|node| self.potential(&nudged, node));
                    let share = sign / (2.0 * f64::from(BETA) * EXAMPLES as f64);
                    *gradient += share * (a - b).powi(2) / 2.0;
                }
            }
        }
        Ok((start.elapsed().as_secs_f64(), gradient))
    }

    /// y - v of every output.
    fn pull(&self, free: &Vectors, example: usize) -> impl Iterator<Item = f64> {
        let outputs = self.outputs.iter().zip(&self.targets[example]);
        outputs.map(|(node, y)| y - self.potential(free, *node))
    }

    fn potential(&self, vectors: &Vectors, node: NodeId) -> f64 {
        let name = &self.circuit.node_names()[node.index()];
        vectors.get(name).copied().unwrap_or(0.0)
    }

    /// What ngspice finds with so much current into every output.
    fn operating_point(&self, place: &Path, currents: &[f64]) -> Result<Vectors, Box<dyn Error>> {
        process::write(&self.circuit, &self.probes(currents), place)?;
        let vectors = process::ngspice(place, &mut Vec::new())?;
        Ok(vectors.ok_or("ngspice found no operating point")?)
    }

    fn probes(&self, currents: &[f64]) -> String {
        let mut lines = String::new();
        for (node, current) in self.outputs.iter().zip(currents) {
            let name = &self.circuit.node_names()[node.index()];
            let _ = writeln!(lines, "inudge{name} 0 {name} {current:e}");
        }
        lines
    }

    /// The time in seconds of one process that sets the sources of every example and solves three times.
    fn alter_ngspice(&self, place: &Path) -> Result<f64, Box<dyn Error>> {
        let mut commands = String::from(".control\n");
        for row in &self.values {
            for (source, voltage) in self.inputs.iter().zip(row) {
                let _ = writeln!(
                    commands,
                    "alter {} {voltage:e}",
                    self.circuit.element_names()[source.index()]
                );
            }
            for current in [0.0, -1e-6, 1e-6] {
                let name = &self.circuit.node_names()[self.outputs[0].index()];
                let _ = writeln!(commands, "alter inudge{name} {current:e}\nop");
            }
        }
        commands += ".endc\n";
        process::write(
            &self.circuit,
            &(self.probes(&[0.0; OUTPUTS]) + &commands),
            place,
        )?;
        let mut seconds = Vec::new();
        process::ngspice(place, &mut seconds)?.ok_or("ngspice found no operating point")?;
        Ok(seconds[0])
    }
}
