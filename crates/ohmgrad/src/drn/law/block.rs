//! A law applied to a block: kernels of a sweep.

// `v` numbers the registers of several arrays at once.
#![allow(clippy::needless_range_loop)]

use std::fmt::Debug;

use pulp::{Arch, Simd};

use crate::drn::connection::ReadOut;
use crate::drn::simd::{Active, Kernel, Row, lanes, lanes_mut};

/// A law for a block of units, whatever it is.
pub(crate) trait BlockLaw: Debug + Send + Sync {
    /// Sets the conductance a that the neighbours offer each unit.
    fn set_conductance(&mut self, a: &Row);
    /// The largest slope of a straight line in the currents into each unit: a, and what a clipped line adds to it, in
    /// siemens.
    fn curvature(&self) -> &Row;
    /// Sets every unit to the potential that minimises the energy, its neighbours held.
    fn relax(&self, relax: Relax, arch: Arch);
    /// Finds the units that may not stay at 0 V.
    fn reach(&self, reach: Reach, arch: Arch);
    /// Measures how far the units are from there.
    fn measure(&self, measure: Measure, arch: Arch);
    /// The same law again.
    fn boxed(&self) -> Box<dyn BlockLaw>;
}

impl<L: SimdLaw + Clone + Debug + Send + Sync + 'static> BlockLaw for L {
    fn set_conductance(&mut self, a: &Row) {
        SimdLaw::set_conductance(self, a);
    }

    fn curvature(&self) -> &Row {
        SimdLaw::curvature(self)
    }

    fn relax(&self, relax: Relax, arch: Arch) {
        Obey {
            law: self,
            work: relax,
        }
        .run_on(arch);
    }

    fn reach(&self, reach: Reach, arch: Arch) {
        match L::RESTS {
            true => Obey {
                law: self,
                work: reach,
            }
            .run_on(arch),
            false => reach.awake.fill(Active::ALL),
        }
    }

    fn measure(&self, measure: Measure, arch: Arch) {
        Obey {
            law: self,
            work: measure,
        }
        .run_on(arch);
    }

    fn boxed(&self) -> Box<dyn BlockLaw> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn BlockLaw> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// Work on the units of a block that obey a law.
struct Obey<'l, L, W> {
    law: &'l L,
    work: W,
}

/// The SIMD form of a law. All currents are in ampere, all potentials in volt.
pub(crate) trait SimdLaw {
    /// Whether a unit may stay at exactly 0 V under many currents, and is solved in so little time that it pays to ask.
    const RESTS: bool;

    /// As [`BlockLaw::set_conductance`].
    fn set_conductance(&mut self, a: &Row);

    /// As [`BlockLaw::curvature`].
    fn curvature(&self) -> &Row;

    /// The v that solves a v + i(v) = pull.
    fn solve<S: Simd, const N: usize>(&self, simd: S, pull: &[S::f32s; N]) -> [S::f32s; N];

    /// `factor` (in (0, 2)) times the way from `before` to the solution, as far as the law allows. The energy of a unit
    /// whose law is a clipped line never rises.
    fn over_relax<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        before: &[S::f32s; N],
        factor: f32,
    ) -> [S::f32s; N];

    /// What a settled unit moves by under a small pull: pull / (a + di/dv).
    fn respond<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        settled: &[S::f32s; N],
    ) -> [S::f32s; N];

    /// How far `potential` is from the solution (or from the response, if there is a settled state), as the current that
    /// Kirchhoff's law is short of.
    fn violation<S: Simd, const N: usize>(
        &self,
        simd: S,
        pull: &[S::f32s; N],
        settled: Option<&[S::f32s; N]>,
        potential: &[S::f32s; N],
    ) -> [S::f32s; N];
}

/// What acts on the units of a block beside their own law.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Current from the sources or the hidden neighbours with the unit at 0 V; slot s uses row s modulo their number.
    pub(crate) currents: &'a [Row],
    pub(crate) bias: &'a Row,
    /// Conductances to a layer above that every thread holds whole, one row per unit there; else empty.
    pub(crate) readout: &'a [Row],
    /// That layer's potentials, slot after slot.
    pub(crate) outputs: &'a [f32],
    /// In a response, the potentials that respond, one row per slot. Else empty.
    pub(crate) settled: &'a [Row],
}

impl Surroundings<'_> {
    /// Total current into each unit held at 0 V.
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

    #[inline(always)]
    fn settled<S: Simd, const N: usize>(&self, slot: usize) -> Option<&[S::f32s; N]> {
        self.settled.get(slot).map(lanes::<S, N>)
    }
}

/// Sets every unit of a block to the potential that minimises the energy, its neighbours held.
pub(crate) struct Relax<'a> {
    pub(crate) surroundings: Surroundings<'a>,
    /// Factor on the way there, in (0, 2).
    pub(crate) relaxation: f32,
    /// In and out: one row per slot.
    pub(crate) potentials: &'a mut [Row],
    /// Out, if the layer has a hidden neighbour: the active units of each slot. Else empty.
    pub(crate) active: &'a mut [Active],
    /// Out: currents into the layer above, where every thread holds it whole, slot after slot. Else empty.
    pub(crate) partials: &'a mut [f32],
}

impl<L: SimdLaw> Kernel for Obey<'_, L, Relax<'_>> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let Self { law, work } = self;
        let (around, factor) = (&work.surroundings, work.relaxation);
        let slots = work.potentials.iter_mut().enumerate();
        if around.settled.is_empty() && factor == 1.0 {
            for (slot, row) in slots {
                let pull: [_; N] = around.pull(simd, slot);
                *lanes_mut::<S, N>(row) = law.solve(simd, &pull);
            }
        } else {
            for (slot, row) in slots {
                let pull: [_; N] = around.pull(simd, slot);
                let row = lanes_mut::<S, N>(row);
                *row = moved(law, simd, &pull, row, around.settled::<S, N>(slot), factor);
            }
        }
        for (active, row) in work.active.iter_mut().zip(&*work.potentials) {
            *active = Active::of(row);
        }
        ReadOut {
            readout: around.readout,
            potentials: work.potentials,
            partials: work.partials,
        }
        .run::<S, N>(simd);
    }
}

/// Where a sweep moves units (or responses of settled ones) to from `before`.
#[inline(always)]
fn moved<L: SimdLaw, S: Simd, const N: usize>(
    law: &L,
    simd: S,
    pull: &[S::f32s; N],
    before: &[S::f32s; N],
    settled: Option<&[S::f32s; N]>,
    factor: f32,
) -> [S::f32s; N] {
    match settled {
        None if factor == 1.0 => law.solve(simd, pull),
        None => law.over_relax(simd, pull, before, factor),
        Some(settled) => {
            let response = law.respond(simd, pull, settled);
            over_relaxed::<S, N>(simd, before, response, factor)
        }
    }
}

/// before + factor (after - before)
#[inline(always)]
fn over_relaxed<S: Simd, const N: usize>(
    simd: S,
    before: &[S::f32s; N],
    mut after: [S::f32s; N],
    factor: f32,
) -> [S::f32s; N] {
    if factor != 1.0 {
        let factor = simd.splat_f32s(factor);
        for v in 0..N {
            let way = simd.sub_f32s(after[v], before[v]);
            after[v] = simd.mul_add_e_f32s(factor, way, before[v]);
        }
    }
    after
}

/// Finds, per slot, the units that the layer above may drive away from 0 V, whatever its potentials are within a range: since
/// no law falls, the others stay there at both ends of what may be driven into them.
pub(crate) struct Reach<'a> {
    /// Without the currents from the layer above.
    pub(crate) surroundings: Surroundings<'a>,
    /// As in [`Relax`].
    pub(crate) relaxation: f32,
    pub(crate) potentials: &'a [Row],
    /// Conductance to the layer above, and per slot the least and the largest potential there, 0 V among them.
    pub(crate) conductance: &'a Row,
    pub(crate) ranges: &'a [[f32; 2]],
    /// Out, per slot.
    pub(crate) awake: &'a mut [Active],
}

/// How much more current than that is allowed for: far above the rounding of sums of currents.
const MARGIN: f32 = 1.001;

impl<L: SimdLaw> Kernel for Obey<'_, L, Reach<'_>> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let Self { law, work } = self;
        let conductance = lanes::<S, N>(work.conductance);
        let slots = work.potentials.iter().zip(work.ranges).zip(work.awake);
        for (slot, ((before, range), awake)) in slots.enumerate() {
            let pull: [S::f32s; N] = work.surroundings.pull(simd, slot);
            let settled = work.surroundings.settled::<S, N>(slot);
            *awake = Active::any(&range.map(|end| {
                let end = simd.splat_f32s(end * MARGIN);
                let mut driven = pull;
                for v in 0..N {
                    driven[v] = simd.mul_add_e_f32s(conductance[v], end, pull[v]);
                }
                let mut row = Row::ZERO;
                let before = lanes::<S, N>(before);
                *lanes_mut::<S, N>(&mut row) =
                    moved(law, simd, &driven, before, settled, work.relaxation);
                Active::of(&row)
            }));
        }
    }
}

/// Measures, per slot, how far a block is from the optimum: the largest violated current, and the largest current into
/// a unit at 0 V.
pub(crate) struct Measure<'a> {
    pub(crate) surroundings: Surroundings<'a>,
    pub(crate) potentials: &'a [Row],
    /// In and out, per slot: (violation, current), raised to what this block shows.
    pub(crate) largest: &'a mut [(f32, f32)],
}

impl<L: SimdLaw> Kernel for Obey<'_, L, Measure<'_>> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let Self { law, work } = self;
        let slots = work.potentials.iter().zip(work.largest).enumerate();
        for (slot, (row, largest)) in slots {
            let pull: [S::f32s; N] = work.surroundings.pull(simd, slot);
            let settled = work.surroundings.settled::<S, N>(slot);
            let potential = lanes::<S, N>(row);
            let violation = law.violation(simd, &pull, settled, potential);
            for v in 0..N {
                largest.0 = largest.0.max(simd.reduce_max_f32s(violation[v]));
                largest.1 = largest.1.max(simd.reduce_max_f32s(simd.abs_f32s(pull[v])));
            }
        }
    }
}
