//! Settling: exact block coordinate descent on the potentials of a batch of examples.

use std::ops::Range;

use pulp::Arch;

use super::board::{Board, LayerState};
use super::kernels::{
    BLOCK, Input, InputProduct, Kernel, Measure, ReadOut, Relax, Row, Surroundings,
};
use super::readout::{Driven, Load};
use super::share::{LayerShare, Output, Share};
use super::team::Barrier;
use super::tree_sum::TreeSum;
use super::{Architecture, Energy, Settled, Settling};

/// One thread's memory for a batch: made once, used for every step.
pub(crate) struct Workspace {
    /// Examples per batch.
    pub(crate) batch: usize,
    /// Slots in all: an example has one for each state that is kept of it.
    slots: usize,
    pub(crate) input: Input,
    /// Current from the sources into each unit of the first layer: block after block, one row per example.
    pub(crate) currents: Vec<Row>,
    /// Currents into a block from the sources and from hidden neighbours, one row per slot of the phase.
    pub(super) gathered: Vec<Row>,
    /// A tile turned over, and sums over blocks.
    pub(super) turned: Box<[Row; BLOCK]>,
    pub(super) tree: TreeSum,
    /// Output potentials in volt, slot after slot; the same in every share.
    pub(crate) outputs: Vec<f32>,
    /// Currents into the outputs, one per output and slot of the phase.
    output_currents: Vec<f32>,
    /// Which of the two boards of partial sums was written last.
    parity: usize,
    /// Whether the blocks were last visited from the first to the last.
    ascending: bool,
    /// The lowest layer where the nudged states of an example have come apart, and with it all above.
    pub(super) apart: usize,
}

impl Workspace {
    pub(crate) fn new(
        architecture: &Architecture,
        share: &Share,
        batch: usize,
        slots: usize,
    ) -> Self {
        let gathered = if share.layers.len() > 1 { slots } else { 0 };
        let mut input = Input::default();
        input.encode(architecture.features, batch, |_, volts| volts.fill(0.0));
        Self {
            batch,
            slots,
            input,
            currents: vec![Row::ZERO; share.layers[0].blocks.len() * batch],
            gathered: vec![Row::ZERO; gathered],
            turned: Box::new([Row::ZERO; BLOCK]),
            tree: TreeSum::default(),
            outputs: vec![0.0; slots * architecture.outputs],
            output_currents: vec![0.0; slots * architecture.outputs],
            parity: 0,
            ascending: false,
            apart: 0,
        }
    }
}

impl Workspace {
    /// Holds the outputs of a batch of slots on the line from those of the first batch (0) to the target (1), as far as
    /// they may go.
    pub(crate) fn hold_outputs(
        &mut self,
        output: &Output,
        phase: usize,
        targets: &[f32],
        share: f32,
    ) {
        let (readout, (lo, hi)) = (output.readout, output.interval);
        let (free, rest) = self.outputs.split_at_mut(targets.len() * readout.nodes());
        let held = &mut rest[(phase - 1) * free.len()..][..free.len()];
        held.copy_from_slice(free);
        let shifts = readout
            .read(free)
            .zip(targets)
            .map(|(v, y)| share * (y - v));
        readout.shift(held, shifts);
        held.iter_mut().for_each(|v| *v = v.clamp(lo, hi));
    }
}

/// One settling of a batch: which slots, how nudged, and when to stop.
#[derive(Clone, Copy)]
pub(crate) struct Phase<'a> {
    pub(crate) slots: &'a Range<usize>,
    /// What is connected to the outputs in each batch of slots.
    pub(crate) loads: &'a [Load],
    /// The loads' targets in volt, example after example; may be empty where they need none.
    pub(crate) targets: &'a [f32],
    pub(crate) settling: &'a Settling,
    /// The groups of layers of one sweep.
    pub(crate) groups: &'a [Vec<usize>],
    /// If the phase finds the response of a settled state to the loads alone, the first slot of that state.
    pub(crate) response_of: Option<usize>,
    /// Whether the phase starts from states that the last one ended with, and that one drove on.
    pub(crate) driven: bool,
    /// Whether the hidden layers drive currents down once more at the end: for a phase that starts there, or for
    /// [`Worker::residuals`].
    pub(crate) drives_on: bool,
}

impl Phase<'_> {
    /// Whether each example has two nudged states; they start as the same.
    fn twins(&self) -> bool {
        self.loads.len() == 2
    }

    /// The slots of the state whose response the phase finds.
    fn settled_slots(&self, count: usize) -> Option<Range<usize>> {
        self.response_of.map(|first| first..first + count)
    }

    /// The bias of an output; it does not change in a response.
    fn bias(&self, bias: f32) -> f32 {
        match self.response_of {
            Some(_) => 0.0,
            None => bias,
        }
    }

    /// Example and load of a slot of the phase.
    fn load(&self, slot: usize, batch: usize) -> (usize, Load) {
        (slot % batch, self.loads[slot / batch])
    }
}

/// Where the states on both sides of a response are made; all are first slots of a batch.
pub(crate) struct Straddle {
    /// The states y in the middle: of layers with an even number, and of the others.
    pub(crate) means: [usize; 2],
    /// The response d.
    pub(crate) response: usize,
    pub(crate) first: usize,
    pub(crate) second: usize,
}

/// A member of the team at work on its share.
pub(crate) struct Worker<'a> {
    pub(crate) arch: Arch,
    pub(crate) index: usize,
    pub(crate) share: &'a Share,
    pub(crate) space: &'a mut Workspace,
    pub(crate) board: &'a Board,
    pub(crate) barrier: &'a Barrier,
}

impl Worker<'_> {
    /// Index of the output layer among the free layers.
    fn output_layer(&self, phase: &Phase) -> usize {
        phase.groups.iter().map(Vec::len).sum::<usize>() - 1
    }

    /// Multiplies the input conductances with the input, without changing them.
    pub(crate) fn drive(&mut self) {
        let layer = &self.share.layers[0];
        let currents = self.space.currents.chunks_exact_mut(self.space.batch);
        for (k, currents) in currents.enumerate() {
            InputProduct {
                energy: self.share.energy,
                weights: layer.below.block(k),
                input: &self.space.input,
                currents,
            }
            .run_on(self.arch);
        }
    }

    /// Copies the state of `count` slots, as far as the first sweep of `groups` will read it.
    pub(crate) fn copy_state(
        &mut self,
        from: usize,
        to: usize,
        count: usize,
        groups: &[Vec<usize>],
    ) {
        for l in (0..self.share.layers.len()).filter(|l| !groups[0].contains(l)) {
            self.board.layers[l].write(self.index).copy(from, to, count);
        }
        let outputs = self.share.output.bias.len();
        let source = from * outputs..(from + count) * outputs;
        self.space.outputs.copy_within(source, to * outputs);
    }

    /// Sets all potentials of the given slots to 0 V.
    pub(crate) fn clear_state(&mut self, slots: &Range<usize>) {
        for layer in &self.board.layers {
            layer.write(self.index).clear(slots);
        }
        let outputs = self.share.output.bias.len();
        self.space.outputs[slots.start * outputs..slots.end * outputs].fill(0.0);
    }

    /// Drives the network with the workspace's input and settles it from 0 V; with the conductances of
    /// the `sources` (of a Hopfield network, zeros), measures residuals, powers and energies too.
    pub(crate) fn settle_from_rest(&mut self, phase: &Phase, sources: Option<&[f64]>) -> Settled {
        self.drive();
        self.clear_state(phase.slots);
        let sweeps = self.settle(phase);
        let (mut residuals, mut powers) = (Vec::new(), Vec::new());
        if let Some(sources) = sources {
            residuals = self.residuals(phase);
            powers = self.powers(phase, sources);
        }
        Settled {
            sweeps,
            residuals,
            outputs: self.space.outputs.clone(),
            hidden: Vec::new(),
            dissipated_power: match self.share.energy {
                Energy::CoContent => powers.iter().map(|p| p.0).collect(),
                Energy::Hopfield => Vec::new(),
            },
            energy: powers.iter().map(|p| p.0 / 2.0 - p.1).collect(),
        }
    }

    /// Sets a batch of slots to y - d / 2 and another to y + d / 2.
    pub(crate) fn straddle(&mut self, straddle: &Straddle) {
        let batch = self.space.batch;
        let set = |v: &mut [f32], l: usize, unit: usize| {
            let Straddle {
                means,
                response,
                first,
                second,
            } = straddle;
            for at in 0..batch * unit {
                let mean = v[means[l % 2] * unit + at];
                let half = 0.5 * v[response * unit + at];
                v[first * unit + at] = mean - half;
                v[second * unit + at] = mean + half;
            }
        };
        for (l, layer) in self.board.layers.iter().enumerate() {
            let mut state = layer.write(self.index);
            for k in 0..state.blocks() {
                let rows = state.range(k, &(0..state.slots));
                set(bytemuck::cast_slice_mut(&mut state.rows[rows]), l, BLOCK);
            }
        }
        let output = match self.share.has_hidden() {
            false => 0,
            true => self.share.layers.len(),
        };
        let count = self.share.output.bias.len();
        set(&mut self.space.outputs, output, count);
    }

    /// Sweeps until the phase's stopping rule is met or the team is stopped; returns the number of sweeps.
    pub(crate) fn settle(&mut self, phase: &Phase) -> usize {
        let output = self.output_layer(phase);
        self.space.apart = match (phase.twins(), phase.loads[0]) {
            (false, _) => 0,
            (true, Load::Hold) => output,
            (true, _) => output + 1,
        };
        let visit = |l: usize| phase.groups.iter().position(|group| group.contains(&l));
        let layers = self.share.layers.len();
        for l in (1..layers).filter(|l| !phase.driven && visit(l - 1) < visit(*l)) {
            self.drive_all_down(l, phase);
        }
        if layers > 1 {
            self.barrier.wait(); // neighbours' potentials are in place
        }
        if output == 0 || visit(output) < visit(output - 1) {
            self.read_out(phase);
            self.barrier.wait();
        }
        let drives_on = phase.drives_on || phase.settling.tolerance.is_some();
        for sweep in 1..=phase.settling.sweeps {
            self.space.ascending = !self.space.ascending;
            let again = drives_on || sweep < phase.settling.sweeps;
            for group in phase.groups {
                for &l in group {
                    match l == output {
                        true => self.relax_output(phase),
                        false => {
                            let drive = l > 0 && (again || visit(l) < visit(l - 1));
                            self.relax_hidden(l, phase, drive);
                        }
                    }
                }
                if *group != [output] {
                    self.barrier.wait();
                }
            }
            if let Some(tolerance) = phase.settling.tolerance {
                let residuals = self.residuals(phase);
                if residuals.into_iter().all(|r| r <= tolerance) {
                    return sweep;
                }
            }
            self.barrier.heed_interrupts();
            if self.barrier.stopped() {
                return sweep;
            }
        }
        phase.settling.sweeps
    }

    /// v_l = clip((v_{l-1} W_l + v_{l+1} W_{l+1}^T + b_l) / (colsum W_l + rowsum W_{l+1}), lo, hi)
    ///
    /// Shows what the layer then drives into the outputs, if they are next to it; and into the layer below, if that will
    /// be relaxed again.
    fn relax_hidden(&mut self, l: usize, phase: &Phase, drive: bool) {
        let last = l + 1 == self.share.layers.len();
        if last {
            self.space.parity = 1 - self.space.parity;
        }
        let apart = match self.space.apart == l + 1 {
            true => l,
            false => self.space.apart,
        };
        let states = if l >= apart { phase.loads.len() } else { 1 };
        if drive {
            self.start_driving(l, states);
        }
        let around = self.neighbours(l, true);
        let blocks = self.share.layers[l].blocks.len();
        for k in 0..blocks {
            let k = if self.space.ascending {
                k
            } else {
                blocks - 1 - k
            };
            self.gather(l, k, phase, &around);
            self.relax_block(l, k, phase);
            if drive {
                self.drive_down(l, k, phase, states);
            }
        }
        self.space.apart = apart;
    }

    fn relax_block(&mut self, l: usize, k: usize, phase: &Phase) {
        let layer = &self.share.layers[l];
        let slots = phase.slots.len();
        let mut state = self.board.layers[l].write(self.index);
        let range = state.range(k, phase.slots);
        let settled = phase.settled_slots(slots);
        let settled = settled.map_or(0..0, |slots| state.range(k, &slots));
        let LayerState { rows, active, .. } = &mut *state;
        let (before, rows) = rows.split_at_mut(range.start);
        let readout = layer.readout.rows * slots;
        let mut partials =
            (readout > 0).then(|| self.board.partials[self.space.parity].write(self.index));
        Relax {
            surroundings: surroundings(layer, k, self.space, phase, &before[settled]),
            reciprocal: &layer.units[k].reciprocal,
            potentials: &mut rows[..slots],
            active: match active.is_empty() {
                true => &mut [],
                false => &mut active[range],
            },
            partials: partials
                .as_mut()
                .map_or(&mut [], |p| &mut p[k * readout..(k + 1) * readout]),
        }
        .run_on(self.arch);
    }

    /// Publishes the currents into the outputs for the potentials as they stand.
    fn read_out(&mut self, phase: &Phase) {
        self.space.parity = 1 - self.space.parity;
        let mut partials = self.board.partials[self.space.parity].write(self.index);
        let layers = self.share.layers.len();
        let layer = &self.share.layers[layers - 1];
        let state = self.board.layers[layers - 1].read(self.index);
        let outputs = self.share.output.bias.len();
        let blocks = partials.chunks_exact_mut(phase.slots.len() * outputs);
        for (k, partials) in blocks.enumerate().take(layer.blocks.len()) {
            match layer.readout.rows {
                // Sources do not change in a response.
                0 if phase.response_of.is_some() => partials.fill(0.0),
                0 => self.place_sources(k, outputs, partials),
                _ => ReadOut {
                    readout: layer.readout.block(k),
                    potentials: &state.rows[state.range(k, phase.slots)],
                    partials,
                }
                .run_on(self.arch),
            }
        }
    }

    /// Without hidden layers the sources drive the outputs directly: block k reaches its own outputs only.
    fn place_sources(&self, k: usize, outputs: usize, partials: &mut [f32]) {
        let first = self.share.layers[0].units[k].first;
        let count = BLOCK.min(outputs - first);
        let currents = &self.space.currents[k * self.space.batch..];
        for (slot, partials) in partials.chunks_exact_mut(outputs).enumerate() {
            partials.fill(0.0);
            let row = &currents[slot % self.space.batch].0;
            partials[first..first + count].copy_from_slice(&row[..count]);
        }
    }

    /// The outputs' optimum: v = clip((sum_j v_j g_jk + b_k + beta y_k) / (sum_j g_jk + beta)), where each node is one.
    fn relax_output(&mut self, phase: &Phase) {
        self.add_up_outputs(phase);
        let output = &self.share.output;
        let count = output.bias.len();
        let mut potentials = std::mem::take(&mut self.space.outputs);
        let (before, rest) = potentials.split_at_mut(phase.slots.start * count);
        let slots = rest.chunks_exact_mut(count);
        for (slot, potentials) in slots.take(phase.slots.len()).enumerate() {
            let (example, load) = phase.load(slot, self.space.batch);
            let outputs = potentials.chunks_exact_mut(output.readout.nodes());
            for (k, v) in outputs.enumerate() {
                let (nodes, target) = self.output(phase, before, slot, k, example);
                load.settle(&nodes[..v.len()], target, v);
            }
        }
        self.space.outputs = potentials;
        self.space.apart = self.space.apart.min(self.output_layer(phase));
        if self.output_layer(phase) == 0 {
            self.publish_outputs(phase);
        }
    }

    /// The nodes of output `k` in a slot, and its target, if it has one; `potentials` are those of all outputs, as far as
    /// the phase responds to them.
    fn output(
        &self,
        phase: &Phase,
        potentials: &[f32],
        slot: usize,
        k: usize,
        example: usize,
    ) -> ([Driven; 2], f32) {
        let output = &self.share.output;
        let (count, nodes) = (output.bias.len(), output.readout.nodes());
        let (lo, hi) = output.interval;
        // In a response, a node at the end of its interval stays there, and the others are free.
        let interval = |node: usize| match phase.response_of {
            None => (lo, hi),
            Some(first) => match potentials[(first + slot) * count + node] {
                settled if lo < settled && settled < hi => (f32::NEG_INFINITY, f32::INFINITY),
                _ => (0.0, 0.0),
            },
        };
        let node = |node: usize| Driven {
            conductance: output.conductance[node],
            current: self.space.output_currents[slot * count + node]
                + phase.bias(output.bias[node]),
            interval: interval(node),
        };
        let target = phase.targets.get(example * (count / nodes) + k);
        let nodes = [node(k * nodes), node(k * nodes + nodes - 1)];
        (nodes, target.copied().unwrap_or(0.0))
    }

    /// Without hidden layers the outputs are the layer held in blocks: shows their potentials as such.
    fn publish_outputs(&self, phase: &Phase) {
        let count = self.share.output.bias.len();
        let layer = &self.share.layers[0];
        let mut state = self.board.layers[0].write(self.index);
        for k in 0..layer.blocks.len() {
            let first = layer.units[k].first;
            let width = BLOCK.min(count - first);
            let range = state.range(k, phase.slots);
            for (row, slot) in state.rows[range].iter_mut().zip(phase.slots.clone()) {
                let outputs = &self.space.outputs[slot * count + first..];
                row.0[..width].copy_from_slice(&outputs[..width]);
            }
        }
    }

    /// Per slot of the phase, the largest violation of Kirchhoff's current law (diodes and nudge
    /// included) over all free nodes, relative to the largest current that reaches a node. The phase must have driven on.
    pub(crate) fn residuals(&mut self, phase: &Phase) -> Vec<f64> {
        let slots = phase.slots.len();
        let mut largest = vec![(0.0, 0.0); slots];
        if self.share.has_hidden() {
            for l in 0..self.share.layers.len() {
                self.measure_hidden(l, phase, &mut largest);
            }
        }
        self.measure_output(phase, &mut largest);
        self.board.residuals.write(self.index)[..slots].copy_from_slice(&largest);
        self.barrier.wait();
        for others in self.board.residuals.all() {
            for (mine, other) in largest.iter_mut().zip(others.iter()) {
                *mine = (mine.0.max(other.0), mine.1.max(other.1));
            }
        }
        self.barrier.wait();
        let relative = |(violation, current): (f32, f32)| match current > 0.0 {
            true => f64::from(violation) / f64::from(current),
            false => f64::from(violation),
        };
        largest.into_iter().map(relative).collect()
    }

    fn measure_hidden(&mut self, l: usize, phase: &Phase, largest: &mut [(f32, f32)]) {
        let around = self.neighbours(l, true);
        for k in 0..self.share.layers[l].blocks.len() {
            self.gather(l, k, phase, &around);
            let layer = &self.share.layers[l];
            let state = self.board.layers[l].read(self.index);
            let settled = phase.settled_slots(phase.slots.len());
            let settled = settled.map_or(0..0, |slots| state.range(k, &slots));
            Measure {
                surroundings: surroundings(layer, k, self.space, phase, &state.rows[settled]),
                conductance: &layer.units[k].conductance,
                reciprocal: &layer.units[k].reciprocal,
                potentials: &state.rows[state.range(k, phase.slots)],
                largest,
            }
            .run_on(self.arch);
        }
    }

    fn measure_output(&mut self, phase: &Phase, largest: &mut [(f32, f32)]) {
        self.add_up_outputs(phase);
        let (count, nodes) = (
            self.share.output.bias.len(),
            self.share.output.readout.nodes(),
        );
        for (slot, largest) in largest.iter_mut().enumerate() {
            let (example, load) = phase.load(slot, self.space.batch);
            let potentials = &self.space.outputs[(phase.slots.start + slot) * count..][..count];
            for (k, v) in potentials.chunks_exact(nodes).enumerate() {
                let all = &self.space.outputs;
                let (nodes, target) = self.output(phase, all, slot, k, example);
                let violation = load.violation(&nodes[..v.len()], target, v);
                *largest = (largest.0.max(violation.0), largest.1.max(violation.1));
            }
        }
    }

    /// Per slot, the power dissipated in all resistors and the power that the biases inject, in watt.
    ///
    /// `sources` holds the total conductance that ends on each signed pair, in siemens. The sum of
    /// g (v_i - v_j)^2 over all resistors is taken node by node: each node's v^2 times its conductance,
    /// minus 2 v times the current from below. In a Hopfield network, where conductances are 1, the first sum is twice
    /// the energy but for its biases.
    pub(crate) fn powers(&mut self, phase: &Phase, sources: &[f64]) -> Vec<(f64, f64)> {
        let slots = phase.slots.len();
        let hidden = self.share.has_hidden();
        for l in 0..if hidden { self.share.layers.len() } else { 0 } {
            let around = self.neighbours(l, false);
            for k in 0..self.share.layers[l].blocks.len() {
                self.gather(l, k, phase, &around);
                let layer = &self.share.layers[l];
                let state = self.board.layers[l].read(self.index);
                let mut powers = self.board.powers[l].write(self.index);
                let units = &layer.units[k];
                let currents = currents_of(self.space, k, slots);
                let rows = &state.rows[state.range(k, phase.slots)];
                for (slot, row) in rows.iter().enumerate() {
                    let current = &currents[slot % currents.len()];
                    powers[k * slots + slot] =
                        node_powers(&row.0, &units.conductance.0, &current.0, &units.bias.0);
                }
            }
        }
        self.barrier.wait();
        let mut totals = self.output_powers(phase, sources);
        for layer in self
            .board
            .powers
            .iter()
            .take(if hidden { usize::MAX } else { 0 })
        {
            for powers in layer.all() {
                for (i, power) in powers.iter().enumerate() {
                    let total = &mut totals[i % slots];
                    *total = (total.0 + power.0, total.1 + power.1);
                }
            }
        }
        self.barrier.wait();
        totals
    }

    /// Sums the currents that all blocks drive into the outputs, in the order of the blocks.
    fn add_up_outputs(&mut self, phase: &Phase) {
        let count = self.share.output.bias.len();
        let capacity = self.space.outputs.len();
        let currents = &mut self.space.output_currents[..phase.slots.len() * count];
        currents.fill(0.0);
        for partials in self.board.partials[self.space.parity].all() {
            let blocks = partials.len() / capacity;
            for block in partials.chunks_exact(currents.len()).take(blocks) {
                for (sum, partial) in currents.iter_mut().zip(block) {
                    *sum += partial;
                }
            }
        }
    }

    /// The share of the sources and of the outputs in [`Self::powers`].
    fn output_powers(&mut self, phase: &Phase, sources: &[f64]) -> Vec<(f64, f64)> {
        self.add_up_outputs(phase);
        let output = &self.share.output;
        let count = output.bias.len();
        let currents = &self.space.output_currents[..phase.slots.len() * count];
        let supply = |volts: &[f32]| {
            let supply = sources.iter().zip(volts);
            supply.map(|(g, x)| g * f64::from(*x).powi(2)).sum::<f64>()
        };
        let supplied: Vec<f64> = self.space.input.examples().map(supply).collect();
        let slots = currents.chunks_exact(count).enumerate();
        slots
            .map(|(slot, currents)| {
                let first = (phase.slots.start + slot) * count;
                let potentials = &self.space.outputs[first..first + count];
                let (dissipated, injected) =
                    node_powers(potentials, &output.conductance, currents, &output.bias);
                (supplied[slot % self.space.batch] + dissipated, injected)
            })
            .collect()
    }
}

/// The rows that hold the currents into block `k`: those gathered last, or those from the sources alone.
fn currents_of(space: &Workspace, k: usize, slots: usize) -> &[Row] {
    match space.gathered.is_empty() {
        true => &space.currents[k * space.batch..(k + 1) * space.batch],
        false => &space.gathered[..slots],
    }
}

fn surroundings<'a>(
    layer: &'a LayerShare,
    k: usize,
    space: &'a Workspace,
    phase: &Phase,
    settled: &'a [Row],
) -> Surroundings<'a> {
    let units = &layer.units[k];
    let count = space.outputs.len() / space.slots;
    let own = match phase.response_of {
        // Sources and biases do not change.
        Some(_) if space.gathered.is_empty() => (&[Row::ZERO][..], &Row::ZERO),
        Some(_) => (currents_of(space, k, phase.slots.len()), &Row::ZERO),
        None => (currents_of(space, k, phase.slots.len()), &units.bias),
    };
    Surroundings {
        currents: own.0,
        bias: own.1,
        settled,
        readout: layer.readout.block(k),
        outputs: &space.outputs[phase.slots.start * count..phase.slots.end * count],
        lo: &units.lo,
        hi: &units.hi,
    }
}

/// Over some nodes: sum of v^2 g - 2 v i, and sum of b v, in watt.
fn node_powers(v: &[f32], conductance: &[f32], current: &[f32], bias: &[f32]) -> (f64, f64) {
    let mut powers = (0.0, 0.0);
    for (((&v, &g), &i), &b) in v.iter().zip(conductance).zip(current).zip(bias) {
        let [v, g, i, b] = [v, g, i, b].map(f64::from);
        powers = (powers.0 + v * v * g - 2.0 * v * i, powers.1 + b * v);
    }
    powers
}
