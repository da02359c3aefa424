//! Kernels of a sweep: currents from neighbours, the optimum of each unit, currents into the outputs.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::lanes::{BLOCK, Kernel, Line, Row, dot, lanes, lanes_mut, prefetch, strip, strip_mut};

/// The units of one block that are not at 0 V: bit j stands for unit j.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Active(u64);

impl Active {
    pub(crate) const NONE: Self = Self(0);

    #[inline(always)]
    pub(crate) fn of(v: &Row) -> Self {
        let bits = v.0.iter().enumerate();
        Self(bits.fold(0, |all, (j, v)| all | u64::from(*v != 0.0) << j))
    }

    /// Those active in one of several states.
    #[inline(always)]
    pub(crate) fn any(states: &[Self]) -> Self {
        Self(states.iter().fold(0, |all, state| all | state.0))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The first of every four neighbouring units of which one is active.
    #[inline(always)]
    pub(super) fn fours(self) -> impl Iterator<Item = usize> {
        let fours = (0..BLOCK).step_by(4);
        fours.filter(move |first| self.0 >> first & 0b1111 != 0)
    }

    #[inline(always)]
    pub(super) fn units(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let unit = (rest != 0).then_some(rest.trailing_zeros() as usize);
            rest &= rest.wrapping_sub(1);
            unit
        })
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
}

/// Lines asked of memory per unit: few, so that memory and arithmetic work at the same time.
const LINES_AHEAD: usize = 4;

impl Kernel for Gather<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        match S::F32_LANES {
            8 => self.in_fours::<S, 2, N>(simd),
            _ => self.in_fours::<S, 4, N>(simd),
        }
    }
}

/// Four slots read conductances together, unless so few of their active units are the same that it pays more to pass over
/// what each does not need: per unit, one slot alone takes about 5 / 12 of the time of four together.
fn alike(active: &[Active]) -> bool {
    let each: u32 = active.iter().map(|active| active.count()).sum();
    12 * Active::any(active).count() <= 5 * each
}

impl Gather<'_> {
    /// `T` registers for each of four slots at once.
    #[inline(always)]
    fn in_fours<S: Simd, const T: usize, const N: usize>(self, simd: S) {
        let mut ahead = bytemuck::cast_slice(self.next).chunks_exact(LINES_AHEAD);
        let fours = self.potentials.chunks(4).zip(self.active.chunks(4));
        for ((v, active), to) in fours.zip(self.currents.chunks_mut(4)) {
            match (v, &mut *to) {
                ([v0, v1, v2, v3], [to0, to1, to2, to3]) if alike(active) => {
                    let active = Active::any(active);
                    let (v, to) = ([v0, v1, v2, v3], [to0, to1, to2, to3]);
                    gather::<S, 4, T>(simd, self.weights, active, v, to, &mut ahead);
                }
                _ => {
                    for ((v, active), to) in v.iter().zip(active).zip(to) {
                        gather::<S, 1, N>(simd, self.weights, *active, [v], [to], &mut ahead);
                    }
                }
            }
        }
        ahead.for_each(prefetch);
    }
}

/// current_s += sum_i v_si g_i over the units i that are active in any of `M` slots s.
#[inline(always)]
fn gather<'a, S: Simd, const M: usize, const T: usize>(
    simd: S,
    weights: &[Row],
    active: Active,
    potentials: [&Row; M],
    currents: [&mut Row; M],
    ahead: &mut impl Iterator<Item = &'a [Line]>,
) {
    for s in 0..BLOCK / (S::F32_LANES * T) {
        let mut sums = [[simd.splat_f32s(0.0); T]; M];
        for m in 0..M {
            sums[m] = *strip::<S, T>(currents[m], s);
        }
        for unit in active.units() {
            prefetch(ahead.next().unwrap_or_default());
            let g = strip::<S, T>(&weights[unit], s);
            let v = potentials.map(|v| simd.splat_f32s(v.0[unit % BLOCK]));
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
    /// Out, if the layer has a hidden neighbour: the active units of each slot. Else empty.
    pub(crate) active: &'a mut [Active],
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
        for (active, row) in self.active.iter_mut().zip(&*self.potentials) {
            *active = Active::of(row);
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
