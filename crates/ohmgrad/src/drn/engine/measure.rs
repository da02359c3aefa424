//! What a settled batch obeys and takes: residuals of Kirchhoff's current law, power and energy.

use std::ops::Deref;

use super::settle::{currents_of, surroundings};
use super::share::Share;
use super::worker::{Phase, Worker};
use crate::drn::law::{Element, Measure};
use crate::drn::program::Settle;

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
        let around = self.neighbours(l, phase);
        for k in 0..self.share.layers[l].units.len() {
            self.gather_below(l, k, phase, &around);
            self.gather_above(l, k, phase, &around);
            let share = &*self.share;
            let state = self.board.layers[l].read(self.index);
            let settled = phase.settled_slots();
            let settled = settled.map_or(0..0, |slots| state.range(k, &slots));
            let settled = &state.rows[settled];
            let surroundings = surroundings(share, l, k, self.space, phase, settled);
            let potentials = &state.rows[state.range(k, &phase.slots())];
            let measure = Measure {
                surroundings,
                potentials,
                largest,
            };
            share.layers[l].units[k].law.measure(measure, self.arch);
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

    /// Per slot, the powers of a settled state.
    ///
    /// `sources` holds the total conductance that ends on the sources of each feature, in siemens. The sum of
    /// g (v_i - v_j)^2 over all resistors is taken node by node: each node's v^2 times its conductance,
    /// minus 2 v times the current from below. Where parameters are weights, that sum is twice the energy but for the
    /// biases and for what the units have by themselves.
    pub(crate) fn powers(&mut self, settle: &Settle, sources: &[f64]) -> Vec<Powers> {
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
                    totals[i % phase.count].add(power);
                }
            }
        }
        self.barrier.wait();
        totals
    }

    fn block_powers(&mut self, l: usize, phase: &Phase) {
        let slots = phase.count;
        let around = self.neighbours(l, phase);
        for k in 0..self.share.layers[l].units.len() {
            self.gather_below(l, k, phase, &around);
            let layer = &self.share.layers[l];
            let units = &layer.units[k];
            let conductance = units.conductance();
            let state = self.board.layers[l].read(self.index);
            let mut powers = self.board.powers[l].write(self.index);
            let currents = currents_of(self.space, k, slots);
            let rows = &state.rows[state.range(k, &phase.slots())];
            for (slot, row) in rows.iter().enumerate() {
                let current = &currents[slot % currents.len()];
                let mut power = node_powers(&row.0, &conductance.0, &current.0, &units.bias.0);
                let own = units.elements(layer).zip(row.0);
                own.for_each(|(element, v)| power.add_element(element, v));
                powers[k * slots + slot] = power;
            }
        }
    }

    /// The share of the sources and of the outputs in [`Self::powers`].
    fn output_powers(&mut self, phase: &Phase, sources: &[f64]) -> Vec<Powers> {
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
                let mut powers =
                    node_powers(potentials, &output.conductance, currents, &output.bias);
                powers.resistors += supplied[slot % phase.batch];
                powers
            })
            .collect()
    }
}

/// What a settled state takes, in watt.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Powers {
    /// Dissipated in the resistors: the sum of g (v_i - v_j)^2.
    resistors: f64,
    /// Dissipated in what the units have by themselves, and the co-content of that.
    elements: f64,
    content: f64,
    /// What the biases bring: the sum of b v.
    injected: f64,
}

impl Powers {
    /// In resistors and elements, in watt.
    pub(crate) fn dissipated(&self) -> f64 {
        self.resistors + self.elements
    }

    /// The co-content of resistors and elements, less the power of the biases, in watt.
    pub(crate) fn energy(&self) -> f64 {
        self.resistors / 2.0 + self.content - self.injected
    }

    fn add(&mut self, other: &Self) {
        self.resistors += other.resistors;
        self.elements += other.elements;
        self.content += other.content;
        self.injected += other.injected;
    }

    fn add_element(&mut self, element: &Element, v: f32) {
        let (power, content) = element.powers(f64::from(v));
        self.elements += power;
        self.content += content;
    }
}

/// Of resistors and biases, over some nodes: sum of v^2 g - 2 v i, and sum of b v.
fn node_powers(v: &[f32], conductance: &[f32], current: &[f32], bias: &[f32]) -> Powers {
    let mut powers = Powers::default();
    for (((&v, &g), &i), &b) in v.iter().zip(conductance).zip(current).zip(bias) {
        let [v, g, i, b] = [v, g, i, b].map(f64::from);
        powers.resistors += v * v * g - 2.0 * v * i;
        powers.injected += b * v;
    }
    powers
}
