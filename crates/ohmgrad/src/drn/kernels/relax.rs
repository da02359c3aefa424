//! Kernels of a sweep: currents from neighbours, the optimum of each unit, currents into the outputs.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::lanes::{BLOCK, Kernel, Line, Row, dot, lanes, lanes_mut, prefetch, strip, strip_mut};

/// The units of one block that are not at 0 V, in one slot or in either of two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Active {
    count: u32,
    units: [u8; BLOCK],
}

impl Active {
    pub(crate) const NONE: Self = Self {
        count: 0,
        units: [0; BLOCK],
    };

    #[inline(always)]
    pub(crate) fn of(v: &Row) -> Self {
        Self::of_either(v, v)
    }

    #[inline(always)]
    pub(crate) fn of_either(v: &Row, w: &Row) -> Self {
        let mut active = Self::NONE;
        for (j, (v, w)) in v.0.iter().zip(&w.0).enumerate() {
            active.units[active.count as usize % BLOCK] = j as u8;
            active.count += u32::from((*v != 0.0) | (*w != 0.0));
        }
        active
    }

    #[inline(always)]
    pub(crate) fn units(&self) -> &[u8] {
        &self.units[..self.count as usize]
    }
}

/// Adds to each unit the current that one block of a neighbouring layer drives into it: a tile of at
/// most 64 rows, read from the nearest cache slot after slot, inactive units skipped.
pub(crate) struct Gather<'a> {
    /// Rows of the tile: one per unit of the neighbouring block.
    pub(crate) weights: &'a [Row],
    /// Rows of the tile that will be gathered from next.
    pub(crate) next: &'a [Row],
    /// Potentials of the neighbouring block, one row per slot.
    pub(crate) potentials: &'a [Row],
    pub(crate) active: &'a [Active],
    /// One row per slot.
    pub(crate) currents: &'a mut [Row],
    /// Whether the slots are two nudged states of each example, first all of one, then all of the
    /// other. Twins have one list of active units and share the reading of their conductances.
    pub(crate) twins: bool,
}

/// Lines asked of memory per unit: few, so that memory and arithmetic work at the same time.
const LINES_AHEAD: usize = 2;

impl Kernel for Gather<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let mut ahead = bytemuck::cast_slice(self.next).chunks_exact(LINES_AHEAD);
        let slots = self.potentials.len();
        if self.twins {
            let (first, second) = self.potentials.split_at(slots / 2);
            let (to_first, to_second) = self.currents.split_at_mut(slots / 2);
            let pairs = first.iter().zip(second).zip(self.active);
            for ((pair, active), to) in pairs.zip(to_first.iter_mut().zip(to_second)) {
                gather::<S, 2, 4>(
                    simd,
                    self.weights,
                    active,
                    pair.into(),
                    to.into(),
                    &mut ahead,
                );
            }
        } else {
            let slots = self.potentials.iter().zip(self.active).zip(self.currents);
            for ((v, active), to) in slots {
                gather::<S, 1, N>(simd, self.weights, active, [v], [to], &mut ahead);
            }
        }
        ahead.for_each(prefetch);
    }
}

/// current_s += sum_i v_si g_i over the active units i, for `M` slots s that share their list.
#[inline(always)]
fn gather<'a, S: Simd, const M: usize, const T: usize>(
    simd: S,
    weights: &[Row],
    active: &Active,
    potentials: [&Row; M],
    currents: [&mut Row; M],
    ahead: &mut impl Iterator<Item = &'a [Line]>,
) {
    for s in 0..BLOCK / (S::F32_LANES * T) {
        let mut sums = [[simd.splat_f32s(0.0); T]; M];
        for m in 0..M {
            sums[m] = *strip::<S, T>(currents[m], s);
        }
        for &unit in active.units() {
            prefetch(ahead.next().unwrap_or_default());
            let g = strip::<S, T>(&weights[unit as usize], s);
            let v = potentials.map(|v| simd.splat_f32s(v.0[unit as usize % BLOCK]));
            for t in 0..T {
                for m in 0..M {
                    sums[m][t] = simd.mul_add_e_f32s(v[m], g[t], sums[m][t]);
                }
            }
        }
        for m in 0..M {
            *strip_mut::<S, T>(currents[m], s) = sums[m];
        }
    }
}

/// What acts on the units of a block beside their hidden neighbours.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Current from the sources or the hidden neighbours with the unit at 0 V; slot s uses row s modulo their number.
    pub(crate) currents: &'a [Row],
    pub(crate) bias: &'a Row,
    /// Conductances to the output layer, one row per output; empty unless this is the last hidden layer.
    pub(crate) readout: &'a [Row],
    /// Output potentials, slot after slot.
    pub(crate) outputs: &'a [f32],
    /// Interval that each unit's diode allows, in volt.
    pub(crate) lo: &'a Row,
    pub(crate) hi: &'a Row,
    /// In a response, the potentials that respond, one row per slot: units at the ends of their intervals are held by
    /// their diodes, the others are free. Else empty.
    pub(crate) settled: &'a [Row],
}

impl Surroundings<'_> {
    /// Total current into each unit held at 0 V, in ampere.
    #[inline(always)]
    fn pull<S: Simd, const N: usize>(&self, simd: S, slot: usize) -> [S::f32s; N] {
        let current = lanes::<S, N>(&self.currents[slot % self.currents.len()]);
        let bias = lanes::<S, N>(self.bias);
        let mut pull = *current;
        for v in 0..N {
            pull[v] = simd.add_f32s(current[v], bias[v]);
        }
        let count = self.readout.len();
        for (row, &out) in self.readout.iter().zip(&self.outputs[slot * count..]) {
            let (g, out) = (lanes::<S, N>(row), simd.splat_f32s(out));
            for v in 0..N {
                pull[v] = simd.mul_add_e_f32s(out, g[v], pull[v]);
            }
        }
        pull
    }

    /// v = clip(pull / conductance, lo, hi); in a response, pull / conductance or 0.
    #[inline(always)]
    fn optimum<S: Simd, const N: usize>(
        &self,
        simd: S,
        slot: usize,
        pull: &[S::f32s; N],
        reciprocal: &Row,
    ) -> [S::f32s; N] {
        let (lo, hi) = (lanes::<S, N>(self.lo), lanes::<S, N>(self.hi));
        let reciprocal = lanes::<S, N>(reciprocal);
        let mut optimum = *pull;
        if let Some(settled) = self.settled.get(slot) {
            let settled = lanes::<S, N>(settled);
            for v in 0..N {
                let response = simd.mul_f32s(pull[v], reciprocal[v]);
                let above = simd.less_than_f32s(lo[v], settled[v]);
                let below = simd.less_than_f32s(settled[v], hi[v]);
                let free = simd.and_m32s(above, below);
                optimum[v] = simd.select_f32s(free, response, simd.splat_f32s(0.0));
            }
            return optimum;
        }
        for v in 0..N {
            let free = simd.mul_f32s(pull[v], reciprocal[v]);
            optimum[v] = simd.min_f32s(simd.max_f32s(free, lo[v]), hi[v]);
        }
        optimum
    }
}

/// Sets every unit of a block to the potential that minimises the energy, its neighbours held.
pub(crate) struct Relax<'a> {
    pub(crate) surroundings: Surroundings<'a>,
    /// 1 / (total conductance of the unit), 0 where there is none.
    pub(crate) reciprocal: &'a Row,
    /// Out: one row per slot.
    pub(crate) potentials: &'a mut [Row],
    /// Out, if the layer has a hidden neighbour: the active units of each slot, or of it and its twin.
    /// Else empty.
    pub(crate) active: &'a mut [Active],
    /// Whether the slots are twins, as in [`Gather`].
    pub(crate) twins: bool,
    /// Out: current that the block drives into each output, slot after slot.
    pub(crate) partials: &'a mut [f32],
}

impl Kernel for Relax<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let around = &self.surroundings;
        for (slot, row) in self.potentials.iter_mut().enumerate() {
            let pull: [_; N] = around.pull(simd, slot);
            *lanes_mut::<S, N>(row) = around.optimum(simd, slot, &pull, self.reciprocal);
        }
        let twin = if self.twins {
            self.potentials.len() / 2
        } else {
            0
        };
        for (slot, active) in self.active.iter_mut().enumerate() {
            let other = (slot + twin) % self.potentials.len();
            *active = Active::of_either(&self.potentials[slot], &self.potentials[other]);
        }
        read_out::<S, N>(simd, around.readout, self.potentials, self.partials);
    }
}

/// Current that a block drives into each output held at 0 V: sum_j v_j g_jk, slot after slot.
pub(crate) struct ReadOut<'a> {
    pub(crate) readout: &'a [Row],
    pub(crate) potentials: &'a [Row],
    pub(crate) partials: &'a mut [f32],
}

impl Kernel for ReadOut<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        read_out::<S, N>(simd, self.readout, self.potentials, self.partials);
    }
}

#[inline(always)]
fn read_out<S: Simd, const N: usize>(
    simd: S,
    readout: &[Row],
    potentials: &[Row],
    partials: &mut [f32],
) {
    if readout.is_empty() {
        return;
    }
    for (row, partials) in potentials
        .iter()
        .zip(partials.chunks_exact_mut(readout.len()))
    {
        let potential = *lanes::<S, N>(row); // stays in registers
        for (row, partial) in readout.iter().zip(partials) {
            let g = lanes::<S, N>(row);
            *partial = dot::<S, N>(simd, &potential, g);
        }
    }
}

/// Measures, per slot, how far a block is from the optimum: the largest violated current
/// |conductance * (v - optimum)| and the largest current |pull|, both in ampere.
pub(crate) struct Measure<'a> {
    pub(crate) surroundings: Surroundings<'a>,
    pub(crate) conductance: &'a Row,
    pub(crate) reciprocal: &'a Row,
    pub(crate) potentials: &'a [Row],
    /// In and out, per slot: (violation, current), raised to what this block shows.
    pub(crate) largest: &'a mut [(f32, f32)],
}

impl Kernel for Measure<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let conductance = lanes::<S, N>(self.conductance);
        let slots = self.potentials.iter().zip(self.largest).enumerate();
        for (slot, (row, largest)) in slots {
            let pull: [S::f32s; N] = self.surroundings.pull(simd, slot);
            let optimum: [S::f32s; N] =
                self.surroundings
                    .optimum(simd, slot, &pull, self.reciprocal);
            let potential = lanes::<S, N>(row);
            // No resistor leads the bias current of an isolated unit away; its diode may.
            let stuck: [S::f32s; N] =
                self.surroundings
                    .optimum(simd, slot, &pull, &Row([1.0; BLOCK]));
            for v in 0..N {
                let moved = simd.sub_f32s(potential[v], optimum[v]);
                let isolated = simd.equal_f32s(conductance[v], simd.splat_f32s(0.0));
                let moving = simd.mul_f32s(conductance[v], moved);
                let violation = simd.abs_f32s(simd.select_f32s(isolated, stuck[v], moving));
                largest.0 = largest.0.max(simd.reduce_max_f32s(violation));
                largest.1 = largest.1.max(simd.reduce_max_f32s(simd.abs_f32s(pull[v])));
            }
        }
    }
}
