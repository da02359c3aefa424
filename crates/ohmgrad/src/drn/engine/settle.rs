//! Settling: exact block coordinate descent on the potentials of a batch of examples.

use std::ops::Deref;

use super::board::LayerState;
use super::share::Share;
use super::worker::{Phase, Worker, Workspace};
use crate::drn::connection::{ReadOut, SourceProduct};
use crate::drn::law::{OutputNode, Relax, Surroundings};
use crate::drn::program::{Machine, Move, Settle};
use crate::drn::simd::{BLOCK, Kernel, Row};

impl<S: Deref<Target = Share>> Machine for Worker<'_, S> {
    type Number = f32;

    fn clear(&mut self, state: usize) {
        let slots = self.space.slots_of(&(state..state + 1));
        for layer in &self.board.layers {
            layer.write(self.index).clear(&slots);
        }
        let outputs = self.share.output.bias.len();
        self.space.outputs[slots.start * outputs..slots.end * outputs].fill(0.0);
    }

    fn copy(&mut self, from: usize, to: usize, unread: &[usize]) {
        let batch = self.space.batch;
        for l in (0..self.share.layers.len()).filter(|l| !unread.contains(l)) {
            let mut state = self.board.layers[l].write(self.index);
            state.copy(from * batch, to * batch, batch);
        }
        let state = batch * self.share.output.bias.len();
        let source = from * state..(from + 1) * state;
        self.space.outputs.copy_within(source, to * state);
    }

    fn settle(&mut self, settle: &Settle, targets: &[f32]) -> usize {
        let phase = &Phase::new(settle, targets, self.space);
        self.make(&settle.schedule.before, phase);
        let cap = settle.settling.sweeps;
        for sweep in 1..=cap {
            self.space.ascending = !self.space.ascending;
            self.make(&settle.schedule.sweep, phase);
            if let Some(tolerance) = settle.settling.tolerance {
                let residuals = self.residuals(settle, targets);
                if residuals.into_iter().all(|r| r <= tolerance) {
                    return sweep;
                }
            }
            self.barrier.heed_interrupts();
            if self.barrier.stopped() {
                return sweep;
            }
        }
        cap
    }

    fn hold(&mut self, state: usize, targets: &[f32], share: f32) {
        let output = &self.share.output;
        let (readout, (lo, hi)) = (output.readout, output.interval);
        let count = targets.len() * readout.nodes();
        let (free, rest) = self.space.outputs.split_at_mut(count);
        let held = &mut rest[(state - 1) * count..][..count];
        held.copy_from_slice(free);
        let shifts = readout
            .read(free)
            .zip(targets)
            .map(|(v, y)| share * (y - v));
        readout.shift(held, shifts);
        held.iter_mut().for_each(|v| *v = v.clamp(lo, hi));
    }

    fn straddle(&mut self, means: [usize; 2], response: usize, first: usize, second: usize) {
        let batch = self.space.batch;
        let set = |v: &mut [f32], l: usize, unit: usize| {
            let state = |s: usize| s * batch * unit;
            for at in 0..batch * unit {
                let mean = v[state(means[l % 2]) + at];
                let half = 0.5 * v[state(response) + at];
                v[state(first) + at] = mean - half;
                v[state(second) + at] = mean + half;
            }
        };
        for (l, layer) in self.board.layers.iter().enumerate() {
            let mut state = layer.write(self.index);
            for k in 0..state.blocks() {
                let rows = state.range(k, &(0..state.slots));
                set(bytemuck::cast_slice_mut(&mut state.rows[rows]), l, BLOCK);
            }
        }
        let count = self.share.output.bias.len();
        set(&mut self.space.outputs, self.share.output_layer(), count);
    }

    fn meet(&mut self) {
        self.barrier.wait();
    }
}

impl<S: Deref<Target = Share>> Worker<'_, S> {
    /// Multiplies the sources' conductances with the input, without changing them.
    pub(crate) fn drive(&mut self) {
        let matrix = &self.share.sources;
        let currents = self.space.currents.chunks_exact_mut(self.space.batch);
        for (k, currents) in currents.enumerate() {
            SourceProduct {
                kind: matrix.kind,
                weights: matrix.block(k),
                input: &self.space.input,
                currents,
            }
            .run_on(self.arch);
        }
    }

    fn make(&mut self, moves: &[Move], phase: &Phase) {
        let output = self.share.output_layer();
        for &next in moves {
            match next {
                Move::Relax { layer } if layer == output => self.relax_output(phase),
                Move::Relax { layer } => self.relax_blocks(layer, phase),
                Move::DriveUp { layer } => self.drive_up_blocks(layer, phase),
                Move::ReadOut => self.read_out(phase),
                Move::Meet => self.barrier.wait(),
            }
        }
    }

    /// Drives the layer above a hidden one as it stands.
    fn drive_up_blocks(&mut self, l: usize, phase: &Phase) {
        self.start_driving_up(l, phase);
        for k in 0..self.share.layers[l].units.len() {
            self.drive_up(l, k, phase);
        }
    }

    /// Solves the law of every unit of a layer in blocks, its neighbours held, and shows what the layer then drives into
    /// the layer above.
    fn relax_blocks(&mut self, l: usize, phase: &Phase) {
        let last = l + 1 == self.share.layers.len();
        if last {
            self.space.parity = 1 - self.space.parity;
        }
        let around = self.neighbours(l, phase);
        self.start_driving_up(l, phase);
        let blocks = self.share.layers[l].units.len();
        for k in 0..blocks {
            let k = match self.space.ascending {
                true => k,
                false => blocks - 1 - k,
            };
            self.gather_below(l, k, phase, &around);
            self.gather_above_where_it_matters(l, k, phase, &around);
            self.relax_block(l, k, phase);
            self.drive_up(l, k, phase);
        }
    }

    fn relax_block(&mut self, l: usize, k: usize, phase: &Phase) {
        let share = &*self.share;
        let mut state = self.board.layers[l].write(self.index);
        let range = state.range(k, &phase.slots());
        let settled = phase.settled_slots();
        let settled = settled.map_or(0..0, |slots| state.range(k, &slots));
        let LayerState { rows, active, .. } = &mut *state;
        let (before, rows) = rows.split_at_mut(range.start);
        let potentials = &mut rows[..phase.count];
        let surroundings = surroundings(share, l, k, self.space, phase, &before[settled]);
        let active = match active.is_empty() {
            true => &mut [][..],
            false => &mut active[range],
        };
        let partials = surroundings.readout.len() * phase.count;
        let mut shown =
            (partials > 0).then(|| self.board.partials[self.space.parity].write(self.index));
        let relaxation = phase.settle.settling.relaxation;
        let relax = Relax {
            surroundings,
            relaxation,
            potentials,
            active,
            partials: shown
                .as_mut()
                .map_or(&mut [], |shown| &mut shown[k * partials..][..partials]),
        };
        share.layers[l].units[k].law.relax(relax, self.arch);
    }

    /// Publishes the currents into the outputs for the potentials as they stand.
    fn read_out(&mut self, phase: &Phase) {
        self.space.parity = 1 - self.space.parity;
        let mut partials = self.board.partials[self.space.parity].write(self.index);
        let last = self.share.layers.len() - 1;
        let state = self.board.layers[last].read(self.index);
        let outputs = self.share.output.bias.len();
        let blocks = partials.chunks_exact_mut(phase.count * outputs);
        for (k, partials) in blocks.enumerate().take(state.blocks()) {
            match self.share.readout() {
                // Sources do not change in a response.
                None if phase.is_response() => partials.fill(0.0),
                None => self.place_sources(k, outputs, partials),
                Some(readout) => ReadOut {
                    readout: readout.block(k),
                    potentials: &state.rows[state.range(k, &phase.slots())],
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
        let relaxation = phase.settle.settling.relaxation;
        let mut potentials = std::mem::take(&mut self.space.outputs);
        let (before, rest) = potentials.split_at_mut(phase.start * count);
        let slots = rest.chunks_exact_mut(count);
        for (slot, potentials) in slots.take(phase.count).enumerate() {
            let load = phase.settle.loads[slot / phase.batch];
            let outputs = potentials.chunks_exact_mut(output.readout.nodes());
            for (k, v) in outputs.enumerate() {
                let (nodes, target) = self.output(phase, before, slot, k);
                load.relax(&nodes[..v.len()], target, v, relaxation);
            }
        }
        self.space.outputs = potentials;
        if !self.share.has_hidden() {
            self.publish_outputs(phase);
        }
    }

    /// The nodes of output `k` in a slot, and its target, if it has one; `potentials` are those of all outputs, as far as
    /// the phase responds to them.
    pub(super) fn output(
        &self,
        phase: &Phase,
        potentials: &[f32],
        slot: usize,
        k: usize,
    ) -> ([OutputNode<f32>; 2], f32) {
        let output = &self.share.output;
        let (count, nodes) = (output.bias.len(), output.readout.nodes());
        let (lo, hi) = output.interval;
        // In a response, a node at the end of its interval stays there, and the others are free.
        let interval = |node: usize| match phase.settled_slots() {
            None => (lo, hi),
            Some(settled) => match potentials[(settled.start + slot) * count + node] {
                settled if lo < settled && settled < hi => (f32::NEG_INFINITY, f32::INFINITY),
                _ => (0.0, 0.0),
            },
        };
        let node = |node: usize| OutputNode {
            conductance: output.conductance[node],
            current: self.space.output_currents[slot * count + node]
                + phase.bias(output.bias[node]),
            interval: interval(node),
        };
        let example = slot % phase.batch;
        let target = phase.targets.get(example * (count / nodes) + k);
        let nodes = [node(k * nodes), node(k * nodes + nodes - 1)];
        (nodes, target.copied().unwrap_or(0.0))
    }

    /// Without hidden layers the outputs are the layer held in blocks: shows their potentials as such.
    fn publish_outputs(&self, phase: &Phase) {
        let count = self.share.output.bias.len();
        let layer = &self.share.layers[0];
        let mut state = self.board.layers[0].write(self.index);
        for (k, units) in layer.units.iter().enumerate() {
            let width = BLOCK.min(count - units.first);
            let range = state.range(k, &phase.slots());
            for (row, slot) in state.rows[range].iter_mut().zip(phase.slots()) {
                let outputs = &self.space.outputs[slot * count + units.first..];
                row.0[..width].copy_from_slice(&outputs[..width]);
            }
        }
    }

    /// Sums the currents that all blocks drive into the outputs, in the order of the blocks.
    pub(super) fn add_up_outputs(&mut self, phase: &Phase) {
        let count = self.share.output.bias.len();
        let capacity = self.space.outputs.len();
        let currents = &mut self.space.output_currents[..phase.count * count];
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
}

/// The rows that hold the currents into block `k`: those gathered last, or those from the sources alone.
pub(super) fn currents_of(space: &Workspace, k: usize, slots: usize) -> &[Row] {
    match space.gathered.is_empty() {
        true => &space.currents[k * space.batch..(k + 1) * space.batch],
        false => &space.gathered[..slots],
    }
}

/// What acts on block `k` of layer `l` beside the law of its units.
pub(super) fn surroundings<'a>(
    share: &'a Share,
    l: usize,
    k: usize,
    space: &'a Workspace,
    phase: &Phase,
    settled: &'a [Row],
) -> Surroundings<'a> {
    let count = space.outputs.len() / space.slots;
    let (currents, bias) = match phase.is_response() {
        // Sources and biases do not change.
        true if space.gathered.is_empty() => (&[Row::ZERO][..], &Row::ZERO),
        true => (currents_of(space, k, phase.count), &Row::ZERO),
        false => (
            currents_of(space, k, phase.count),
            &share.layers[l].units[k].bias,
        ),
    };
    let readout = share.readout().filter(|_| l + 1 == share.output_layer());
    let slots = phase.slots();
    Surroundings {
        currents,
        bias,
        settled,
        readout: readout.map_or(&[], |readout| readout.block(k)),
        outputs: &space.outputs[slots.start * count..slots.end * count],
    }
}
