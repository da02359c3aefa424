//! What a settled batch obeys and takes: residuals of Kirchhoff's current law, power and energy.

use std::ops::Deref;

use super::settle::{currents_of, surroundings};
use super::share::Share;
use super::worker::{Phase, Worker};
use crate::drn::law::{BlockLaw, Measure};
use crate::drn::program::Settle;
use crate::drn::simd::Kernel;

impl<S: Deref<Target = Share>> Worker<'_, S> {
    /// Per slot of the phase, the largest violation of Kirchhoff's current law (laws of units and loads
    /// included) over all free nodes, relative to the largest current that reaches a node.
    pub(crate) fn residuals(&mut self, settle: &Settle, targets: &[f32]) -> Vec<f64> {
        let phase = &Phase::new(settle, targets, self.space);
        let mut largest = vec![(0.0, 0.0); phase.count];
        if self.share.has_hidden() {
            for l in 0..self.share.layers.len() {
                self.measure_blocks(l, phase, &mut largest);
            }
        }
        self.measure_output(phase, &mut largest);
        self.board.residuals.write(self.index)[..phase.count].copy_from_slice(&largest);
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

    fn measure_blocks(&mut self, l: usize, phase: &Phase, largest: &mut [(f32, f32)]) {
        let around = self.neighbours(l, true);
        for k in 0..self.share.layers[l].units.len() {
            self.gather(l, k, phase, &around);
            let share = &*self.share;
            let state = self.board.layers[l].read(self.index);
            let settled = phase.settled_slots();
            let settled = settled.map_or(0..0, |slots| state.range(k, &slots));
            let settled = &state.rows[settled];
            let surroundings = surroundings(share, l, k, self.space, phase, settled);
            let potentials = &state.rows[state.range(k, &phase.slots())];
            match &share.layers[l].units[k].law {
                BlockLaw::Clip(law) => Measure {
                    law,
                    surroundings,
                    potentials,
                    largest,
                }
                .run_on(self.arch),
            }
        }
    }

    fn measure_output(&mut self, phase: &Phase, largest: &mut [(f32, f32)]) {
        self.add_up_outputs(phase);
        let output = &self.share.output;
        let (count, nodes) = (output.bias.len(), output.readout.nodes());
        for (slot, largest) in largest.iter_mut().enumerate() {
            let load = phase.settle.loads[slot / phase.batch];
            let potentials = &self.space.outputs[(phase.start + slot) * count..][..count];
            for (k, v) in potentials.chunks_exact(nodes).enumerate() {
                let (nodes, target) = self.output(phase, &self.space.outputs, slot, k);
                let violation = load.violation(&nodes[..v.len()], target, v);
                *largest = (largest.0.max(violation.0), largest.1.max(violation.1));
            }
        }
    }

    /// Per slot, the power dissipated in all resistors and the power that the biases inject, in watt.
    ///
    /// `sources` holds the total conductance that ends on the sources of each feature, in siemens. The sum of
    /// g (v_i - v_j)^2 over all resistors is taken node by node: each node's v^2 times its conductance,
    /// minus 2 v times the current from below. Where parameters are weights and curvatures 1, the first sum is twice
    /// the energy but for its biases.
    pub(crate) fn powers(&mut self, settle: &Settle, sources: &[f64]) -> Vec<(f64, f64)> {
        let phase = &Phase::new(settle, &[], self.space);
        let hidden = match self.share.has_hidden() {
            true => self.share.layers.len(),
            false => 0,
        };
        for l in 0..hidden {
            self.block_powers(l, phase);
        }
        self.barrier.wait();
        let mut totals = self.output_powers(phase, sources);
        for layer in &self.board.powers[..hidden] {
            for powers in layer.all() {
                for (i, power) in powers.iter().enumerate() {
                    let total = &mut totals[i % phase.count];
                    *total = (total.0 + power.0, total.1 + power.1);
                }
            }
        }
        self.barrier.wait();
        totals
    }

    fn block_powers(&mut self, l: usize, phase: &Phase) {
        let slots = phase.count;
        let around = self.neighbours(l, false);
        for k in 0..self.share.layers[l].units.len() {
            self.gather(l, k, phase, &around);
            let units = &self.share.layers[l].units[k];
            let state = self.board.layers[l].read(self.index);
            let mut powers = self.board.powers[l].write(self.index);
            let currents = currents_of(self.space, k, slots);
            let rows = &state.rows[state.range(k, &phase.slots())];
            for (slot, row) in rows.iter().enumerate() {
                let (current, curvature) =
                    (&currents[slot % currents.len()], units.law.curvature());
                powers[k * slots + slot] =
                    node_powers(&row.0, &curvature.0, &current.0, &units.bias.0);
            }
        }
    }

    /// The share of the sources and of the outputs in [`Self::powers`].
    fn output_powers(&mut self, phase: &Phase, sources: &[f64]) -> Vec<(f64, f64)> {
        self.add_up_outputs(phase);
        let output = &self.share.output;
        let count = output.bias.len();
        let currents = &self.space.output_currents[..phase.count * count];
        let supply = |volts: &[f32]| {
            let supply = sources.iter().zip(volts);
            supply.map(|(g, x)| g * f64::from(*x).powi(2)).sum::<f64>()
        };
        let supplied: Vec<f64> = self.space.input.examples().map(supply).collect();
        let slots = currents.chunks_exact(count).enumerate();
        slots
            .map(|(slot, currents)| {
                let potentials = &self.space.outputs[(phase.start + slot) * count..][..count];
                let (dissipated, injected) =
                    node_powers(potentials, &output.conductance, currents, &output.bias);
                (supplied[slot % phase.batch] + dissipated, injected)
            })
            .collect()
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
