//! The same programs in f64, written like the equations: what the fast engine is held to, and what is differentiated.
//!
//! A layer's states are held example after example, its matrices row-major. Every sum runs in the same order on all
//! machines.

use std::ops::Range;

use pulp::Arch;

use super::Architecture;
use super::chain::{Chain, Kind};
use super::law::{Load, OutputNode, Unit};
use super::program::{Machine, Move, Settle};
use crate::interrupt;
use products::{Adds, Contrast as ContrastProduct, Product};

mod products;

/// A network in f64.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(super) architecture: Architecture,
    pub(super) chain: Chain,
    /// Matrices (conductances in siemens), shaped as [`Architecture::shape`].
    pub(super) weights: Vec<Vec<f64>>,
    /// Bias currents in ampere, one vector per free layer.
    pub(super) biases: Vec<Vec<f64>>,
    /// Conductance that the neighbours offer each free node, in siemens.
    pub(super) conductances: Vec<Vec<f64>>,
    pub(super) arch: Arch,
}

impl Reference {
    /// With these parameters, which must be valid.
    pub(crate) fn new(
        architecture: &Architecture,
        weights: Vec<Vec<f64>>,
        biases: Vec<Vec<f64>>,
    ) -> Self {
        let chain = architecture.chain();
        Self {
            architecture: architecture.clone(),
            conductances: conductances(&chain, &weights),
            chain,
            weights,
            biases,
            arch: Arch::new(),
        }
    }

    pub(super) fn width(&self, l: usize) -> usize {
        self.chain.layers[l].width
    }

    /// Potentials of the sources of some examples, in the order of their matrix.
    pub(crate) fn sources(&self, features: &[f64]) -> Vec<f64> {
        let gain = f64::from(self.architecture.input_gain);
        let example = |example: &[f64]| -> Vec<f64> {
            let positive = example.iter().map(|x| gain * x);
            match self.chain.connections[0].kind {
                Kind::Pairs => positive.clone().chain(positive.map(|x| -x)).collect(),
                Kind::Features | Kind::Dense => positive.collect(),
            }
        };
        features
            .chunks_exact(self.architecture.features)
            .flat_map(example)
            .collect()
    }

    /// Current of the sources into the first free layer, if that is at 0 V: v W.
    pub(crate) fn drive(&self, sources: &[f64]) -> Vec<f64> {
        let examples = sources.len() / self.chain.connections[0].below;
        let mut drive = vec![0.0; examples * self.width(0)];
        self.arch.dispatch(Product {
            weights: &self.weights[0],
            from: sources,
            to: &mut drive,
            direction: Adds::Up,
            examples: &Vec::from_iter(0..examples),
            count: examples,
        });
        drive
    }
}

impl Reference {
    /// What the first free layer drives into the sources, were they at 0 V: v W^T.
    pub(super) fn currents_into_sources(&self, v: &[f64]) -> Vec<f64> {
        let examples = v.len() / self.width(0);
        let mut currents = vec![0.0; examples * self.chain.connections[0].below];
        self.arch.dispatch(Product {
            weights: &self.weights[0],
            from: v,
            to: &mut currents,
            direction: Adds::Down,
            examples: &Vec::from_iter(0..examples),
            count: examples,
        });
        currents
    }
}

/// colsum W_l + rowsum W_{l+1}, of conductances.
fn conductances(chain: &Chain, weights: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let layer = |l: usize| {
        let width = chain.layers[l].width;
        let mut sums = vec![0.0; width];
        let offered = chain.connections[l].coupling.conductance();
        for row in weights[l].chunks_exact(width) {
            let row = row.iter().zip(&mut sums);
            row.for_each(|(g, sum)| *sum += offered * g);
        }
        if let Some(above) = chain.connections.get(l + 1) {
            let offered = above.coupling.conductance();
            let rows = weights[l + 1].chunks_exact(above.above);
            let rows = sums.iter_mut().zip(rows);
            rows.for_each(|(sum, row)| *sum += offered * row.iter().sum::<f64>());
        }
        sums
    };
    (0..chain.layers.len()).map(layer).collect()
}

/// Potentials of the free layers of some examples, each layer example after example.
pub(crate) type Layers = Vec<Vec<f64>>;

/// A batch of examples, and all states of it that a program keeps.
#[derive(Clone, Debug)]
pub(crate) struct ReferenceBatch<'a> {
    network: &'a Reference,
    examples: usize,
    /// Current of the sources into the first free layer at 0 V.
    drive: Vec<f64>,
    pub(crate) states: Vec<Layers>,
    /// Whether every example of every state stops by itself where there is a tolerance, or all together.
    alone: bool,
    /// Of the last phase: residuals, state after state.
    pub(super) residuals: Vec<f64>,
    /// Whether a phase was interrupted.
    pub(super) interrupted: bool,
    /// What a layer is moved to: memory.
    optima: Layers,
}

/// What an example violates, in ampere.
#[derive(Clone, Copy, Default)]
struct Violation {
    /// Largest current that Kirchhoff's law is short of.
    violated: f64,
    /// Largest current into a node at 0 V.
    largest: f64,
}

impl Violation {
    fn relative(self) -> f64 {
        match self.largest > 0.0 {
            true => self.violated / self.largest,
            false => self.violated,
        }
    }
}

impl<'a> ReferenceBatch<'a> {
    /// So many examples that these currents drive, with so many states, all at 0 V.
    pub(crate) fn new(network: &'a Reference, drive: Vec<f64>, states: usize, alone: bool) -> Self {
        let examples = drive.len() / network.width(0);
        let widths = network.chain.layers.iter().map(|layer| layer.width);
        let rest: Layers = widths.map(|width| vec![0.0; examples * width]).collect();
        Self {
            network,
            examples,
            drive,
            states: vec![rest.clone(); states],
            alone,
            residuals: Vec::new(),
            interrupted: false,
            optima: rest,
        }
    }

    /// Sets `optima` of layer `l` to the currents that its neighbours, sources and biases drive into its nodes at 0 V:
    /// v_{l-1} W_l + v_{l+1} W_{l+1}^T + b_l, without the last and the sources in a response.
    fn add_currents(&mut self, state: usize, l: usize, response: bool, examples: &[usize]) {
        let (network, count) = (self.network, self.examples);
        let (width, v) = (network.width(l), &self.states[state]);
        let to = &mut self.optima[l];
        for &b in examples {
            let example = b * width..(b + 1) * width;
            let to = &mut to[example.clone()];
            match response {
                true => to.fill(0.0),
                false => to.copy_from_slice(&network.biases[l]),
            }
            if l == 0 && !response {
                let drive = &self.drive[example];
                to.iter_mut().zip(drive).for_each(|(to, i)| *to += i);
            }
        }
        let mut product = |weights, from, direction| {
            network.arch.dispatch(Product {
                weights,
                from,
                to,
                direction,
                examples,
                count,
            });
        };
        if let Some(below) = l.checked_sub(1) {
            product(&network.weights[l], &v[below], Adds::Up);
        }
        if let Some(above) = v.get(l + 1) {
            product(&network.weights[l + 1], above, Adds::Down);
        }
    }

    /// Turns the currents in `optima` of layer `l` into the potentials that solve the law of each of its units; returns
    /// what each example violates as it is.
    fn solve(&mut self, phase: &Phase, state: usize, l: usize, b: usize) -> Violation {
        let network = self.network;
        if l == network.chain.output() {
            return self.solve_outputs(phase, state, b);
        }
        let (law, width) = (&network.chain.layers[l].law, network.width(l));
        let factor = f64::from(phase.settle.settling.relaxation);
        let mut violation = Violation::default();
        for (index, a) in network.conductances[l].iter().enumerate() {
            let (at, element) = (b * width + index, law.element(Unit { index, width }));
            let (before, p) = (self.states[state][l][at], self.optima[l][at]);
            let settled = phase.settled_state(state).map(|s| self.states[s][l][at]);
            let (next, violated) = match settled {
                None => (
                    element.over_relax((*a, p), before, factor),
                    element.violation(*a, p, before),
                ),
                Some(settled) => {
                    let curvature = a + element.slope(settled);
                    let response = respond(curvature, p);
                    (
                        before + factor * (response - before),
                        match curvature == 0.0 || curvature.is_infinite() {
                            true => 0.0, // it does not respond
                            false => curvature * (before - response),
                        },
                    )
                }
            };
            self.optima[l][at] = next;
            violation.violated = violation.violated.max(violated.abs());
            violation.largest = violation.largest.max(p.abs());
        }
        violation
    }

    fn solve_outputs(&mut self, phase: &Phase, state: usize, b: usize) -> Violation {
        let network = self.network;
        let l = network.chain.output();
        let (law, width) = (&network.chain.layers[l].law, network.width(l));
        let factor = f64::from(phase.settle.settling.relaxation);
        let (nodes, load) = (network.architecture.readout.nodes(), phase.load(state));
        let mut violation = Violation::default();
        for k in 0..width / nodes {
            let node = |index: usize| {
                let (at, unit) = (b * width + index, Unit { index, width });
                let settled = phase.settled_state(state).map(|s| self.states[s][l][at]);
                let (interval, slope) = match settled.map(|v| law.slope(unit, v)) {
                    None => (law.interval(unit), law.interior_slope(unit)),
                    // Held, or joined to nothing, it does not respond.
                    Some(f64::INFINITY) => ((0.0, 0.0), 0.0),
                    Some(slope) if network.conductances[l][index] + slope == 0.0 => {
                        ((0.0, 0.0), 0.0)
                    }
                    Some(slope) => ((f64::NEG_INFINITY, f64::INFINITY), slope),
                };
                OutputNode {
                    conductance: network.conductances[l][index] + slope,
                    current: self.optima[l][at],
                    interval,
                }
            };
            let pair = [node(k * nodes), node(k * nodes + nodes - 1)];
            let places = b * width + k * nodes..b * width + (k + 1) * nodes;
            let mut v = self.states[state][l][places.clone()].to_vec();
            let target = phase.targets.get(b * (width / nodes) + k).copied();
            let target = target.unwrap_or(0.0);
            let (violated, largest) = load.violation(&pair[..nodes], target, &v);
            load.relax(&pair[..nodes], target, &mut v, factor);
            self.optima[l][places].copy_from_slice(&v);
            violation.violated = violation.violated.max(violated);
            violation.largest = violation.largest.max(largest);
        }
        violation
    }

    /// Moves a layer of some examples of a state to where its neighbours drive it.
    fn relax(&mut self, phase: &Phase, state: usize, l: usize, examples: &[usize]) {
        self.add_currents(state, l, phase.settle.response_of.is_some(), examples);
        let width = self.network.width(l);
        for &b in examples {
            self.solve(phase, state, l, b);
            let example = b * width..(b + 1) * width;
            self.states[state][l][example.clone()].copy_from_slice(&self.optima[l][example]);
        }
    }

    /// What Kirchhoff's law of the nodes of some examples is short of, relative to the largest current into a node.
    fn measure(&mut self, phase: &Phase, state: usize, examples: &[usize]) -> Vec<f64> {
        let mut violations = vec![Violation::default(); examples.len()];
        for l in 0..self.network.chain.layers.len() {
            self.add_currents(state, l, phase.settle.response_of.is_some(), examples);
            for (violation, &b) in violations.iter_mut().zip(examples) {
                let layer = self.solve(phase, state, l, b);
                violation.violated = violation.violated.max(layer.violated);
                violation.largest = violation.largest.max(layer.largest);
            }
        }
        violations.into_iter().map(Violation::relative).collect()
    }

    /// Measures the states that still move, and keeps of each those that go on.
    fn retain_unsettled(&mut self, phase: &Phase, unsettled: &mut [Vec<usize>]) {
        let tolerance = phase.settle.settling.tolerance;
        let states = phase.settle.states.clone();
        for (k, (state, moving)) in states.zip(&mut *unsettled).enumerate() {
            let residuals = self.measure(phase, state, moving);
            for (b, residual) in moving.iter().zip(residuals) {
                self.residuals[k * self.examples + b] = residual;
            }
        }
        let Some(tolerance) = tolerance else { return };
        let all_settled = self.residuals.iter().all(|r| *r <= tolerance);
        for (k, moving) in unsettled.iter_mut().enumerate() {
            let residuals = &self.residuals[k * self.examples..];
            moving.retain(|b| match self.alone {
                true => residuals[*b].is_nan() || residuals[*b] > tolerance,
                false => !all_settled,
            });
        }
    }
}

/// p / curvature; 0 where the unit is held or nothing leads a current away.
fn respond(curvature: f64, p: f64) -> f64 {
    match curvature {
        0.0 => 0.0,
        curvature => p / curvature,
    }
}

/// A phase and the targets of its loads.
struct Phase<'a> {
    settle: &'a Settle,
    targets: &'a [f64],
}

impl Phase<'_> {
    fn load(&self, state: usize) -> Load {
        self.settle.loads[state - self.settle.states.start]
    }

    /// The settled state that a state is the response of.
    fn settled_state(&self, state: usize) -> Option<usize> {
        let first = self.settle.response_of?;
        Some(first + state - self.settle.states.start)
    }
}

impl Machine for ReferenceBatch<'_> {
    type Number = f64;

    fn clear(&mut self, state: usize) {
        self.states[state]
            .iter_mut()
            .for_each(|layer| layer.fill(0.0));
    }

    fn copy(&mut self, from: usize, to: usize, _: &[usize]) {
        self.states[to] = self.states[from].clone();
    }

    fn settle(&mut self, settle: &Settle, targets: &[f64]) -> usize {
        let phase = &Phase { settle, targets };
        let count = settle.states.len();
        self.residuals = vec![f64::INFINITY; count * self.examples];
        let mut unsettled: Vec<Vec<usize>> = vec![Vec::from_iter(0..self.examples); count];
        // A state that was settled before needs no sweep; where all stop together, all make one.
        if self.alone {
            self.retain_unsettled(phase, &mut unsettled);
        }
        let mut sweeps = 0;
        while sweeps < settle.settling.sweeps && unsettled.iter().any(|moving| !moving.is_empty()) {
            sweeps += 1;
            for (state, moving) in settle.states.clone().zip(&unsettled) {
                for next in &settle.schedule.sweep {
                    if let &Move::Relax { layer } = next {
                        self.relax(phase, state, layer, moving);
                    }
                }
            }
            if settle.settling.tolerance.is_some() {
                self.retain_unsettled(phase, &mut unsettled);
            }
            if interrupt::requested() {
                self.interrupted = true;
                break;
            }
        }
        sweeps
    }

    fn hold(&mut self, state: usize, targets: &[f64], share: f32) {
        let network = self.network;
        let l = network.chain.output();
        let unit = Unit {
            index: 0,
            width: network.width(l),
        };
        let (lo, hi) = network.chain.layers[l].law.interval(unit);
        let nodes = network.architecture.readout.nodes();
        let free = self.states[0][l].clone();
        let outputs = self.states[state][l].chunks_exact_mut(nodes);
        for ((held, free), y) in outputs.zip(free.chunks_exact(nodes)).zip(targets) {
            let output = free
                .iter()
                .skip(1)
                .fold(free[0], |plus, minus| plus - minus);
            let shift = f64::from(share) * (y - output) / nodes as f64;
            for ((held, free), sign) in held.iter_mut().zip(free).zip([1.0, -1.0]) {
                *held = (free + sign * shift).clamp(lo, hi);
            }
        }
    }

    fn straddle(&mut self, means: [usize; 2], response: usize, first: usize, second: usize) {
        for l in 0..self.network.chain.layers.len() {
            for at in 0..self.optima[l].len() {
                let mean = self.states[means[l % 2]][l][at];
                let half = 0.5 * self.states[response][l][at];
                self.states[first][l][at] = mean - half;
                self.states[second][l][at] = mean + half;
            }
        }
    }

    fn meet(&mut self) {}
}

/// Two states of a layer as their contrast needs them, example after example.
#[derive(Clone, Debug)]
pub(super) struct Rise {
    /// Of every node, in volt.
    pub(super) rise: Vec<f64>,
    /// The mean of both.
    pub(super) mean: Vec<f64>,
}

impl Rise {
    /// From the first state to the second.
    pub(super) fn between(first: &[f64], second: &[f64]) -> Self {
        let pairs = || first.iter().zip(second);
        Self {
            rise: pairs().map(|(a, b)| b - a).collect(),
            mean: pairs().map(|(a, b)| 0.5 * (a + b)).collect(),
        }
    }
}

impl Reference {
    /// Some rows of the contrast of connection `l`, added up over the examples: u^2 / 2 of the second state minus that of
    /// the first, (d_i - d_j) (m_i - m_j) with d the rise and m the mean.
    pub(super) fn contrast_rows(
        &self,
        l: usize,
        rows: Range<usize>,
        below: &Rise,
        above: &Rise,
    ) -> Vec<f64> {
        let columns = self.chain.connections[l].above;
        let mut gradient = vec![0.0; rows.len() * columns];
        self.arch.dispatch(ContrastProduct {
            rows,
            below,
            above,
            examples: above.rise.len() / columns,
            gradient: &mut gradient,
        });
        gradient
    }
}
