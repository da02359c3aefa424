//! Laws against closed forms, bisection and finite differences, and their SIMD forms against them.

use proptest::prelude::*;
use pulp::{Arch, Simd};

use super::block::SimdLaw;
use super::*;
use crate::drn::simd::{Kernel, lanes, lanes_mut};
use crate::drn::tests::levels;

const LAWS: [UnitLaw; 3] = [UnitLaw::IdealDiode, UnitLaw::Linear, UnitLaw::HopfieldBox];

/// The v of least a v^2 / 2 - p v + co-content(v) in [-50, 50] V, by golden-section search: the energy is convex.
fn least_energy(law: UnitLaw, unit: Unit, a: f64, p: f64) -> f64 {
    let energy = |v: f64| a * v * v / 2.0 - p * v + law.co_content(unit, v);
    let (lo, hi) = law.interval(unit);
    let (mut lo, mut hi) = (lo.max(-50.0), hi.min(50.0));
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    for _ in 0..200 {
        let (left, right) = (hi - ratio * (hi - lo), lo + ratio * (hi - lo));
        match energy(left) < energy(right) {
            true => hi = right,
            false => lo = left,
        }
    }
    (lo + hi) / 2.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_solution_has_the_least_energy(
        (law, index) in (proptest::sample::select(&LAWS[..]), 0..6_usize),
        (a, p) in (0.1..20.0_f64, -4.0..4.0_f64),
    ) {
        let unit = Unit { index, width: 6 };
        let (got, want) = (law.solve(unit, a, p), least_energy(law, unit, a, p));
        prop_assert!((got - want).abs() < 1e-6, "{law:?}, unit {index}: {got} V for {want} V");
        prop_assert!(law.violation(unit, a, p, got).abs() < 1e-12);
    }

    /// i = d(co-content)/dv and di/dv by central differences, between the limits.
    #[test]
    fn slopes_are_the_derivatives_of_the_co_content(
        law in proptest::sample::select(&LAWS[..]),
        v in 0.01..0.99_f64,
    ) {
        let unit = Unit { index: 0, width: 4 };
        let step = 1e-4;
        let at = |v: f64| law.co_content(unit, v);
        let second = (at(v + step) - 2.0 * at(v) + at(v - step)) / (step * step);
        prop_assert!((law.slope(unit, v) - second).abs() < 1e-6);
        prop_assert_eq!(law.interior_slope(unit), law.slope(unit, v));
    }

    /// The energy of a unit never rises, and it stays where its law allows.
    #[test]
    fn over_relaxation_never_raises_the_energy(
        (law, index) in (proptest::sample::select(&LAWS[..]), 0..6_usize),
        (a, p, before, factor) in (0.1..20.0_f64, -4.0..4.0_f64, -3.0..3.0_f64, 0.01..1.99_f64),
    ) {
        let unit = Unit { index, width: 6 };
        let (lo, hi) = law.interval(unit);
        let before = before.clamp(lo, hi);
        let energy = |v: f64| a * v * v / 2.0 - p * v + law.co_content(unit, v);
        let after = law.over_relax(unit, (a, p), before, factor);
        prop_assert!(energy(after) <= energy(before) + 1e-12, "{law:?}: from {before} to {after} V");
    }

    #[test]
    fn blocks_agree_with_the_law_of_each_unit(
        (law, width) in (proptest::sample::select(&LAWS[..]), 1..=64_usize),
        (a, p, v) in (0.0..9.0_f32, -4.0..4.0_f32, -2.0..2.0_f32),
        factor in 0.1..1.9_f32,
    ) {
        for arch in levels() {
            let block = law.block(0, width);
            let BlockLaw::Clip(mut clip) = block;
            // Conductances, pulls and potentials that differ from unit to unit, some of them isolated.
            let each = |x: f32| Row(std::array::from_fn(|c| x * (1.0 - c as f32 / 40.0)));
            let conductance = Row(each(a).0.map(|a| a.max(0.0)));
            clip.set_conductance(&conductance);
            let (pull, potential) = (each(p), each(v));
            let mut found = Found::default();
            run(arch, &clip, &pull, &potential, factor, &mut found);
            for index in 0..width {
                let unit = Unit { index, width };
                let [a, p, v] = [&conductance, &pull, &potential].map(|row| f64::from(row.0[index]));
                let near = |got: f32, want: f64| (f64::from(got) - want).abs() <= 1e-5 * (1.0 + want.abs());
                let isolated = a + law.interior_slope(unit) == 0.0;
                if !isolated {
                    prop_assert!(near(found.solved.0[index], law.solve(unit, a, p)));
                    let relaxed = law.over_relax(unit, (a, p), v, f64::from(factor));
                    prop_assert!(near(found.relaxed.0[index], relaxed));
                }
                prop_assert!(near(found.violation.0[index], law.violation(unit, a, p, v).abs()));
                let curvature = a + law.slope(unit, v);
                if curvature > 0.0 {
                    prop_assert!(near(found.response.0[index], p / curvature));
                }
            }
        }
    }
}

struct Found {
    solved: Row,
    relaxed: Row,
    response: Row,
    violation: Row,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            solved: Row::ZERO,
            relaxed: Row::ZERO,
            response: Row::ZERO,
            violation: Row::ZERO,
        }
    }
}

struct All<'a> {
    law: &'a ClipBlock,
    pull: &'a Row,
    potential: &'a Row,
    factor: f32,
    found: &'a mut Found,
}

impl Kernel for All<'_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let (pull, potential) = (lanes::<S, N>(self.pull), lanes::<S, N>(self.potential));
        let found = self.found;
        *lanes_mut::<S, N>(&mut found.solved) = self.law.solve(simd, pull);
        *lanes_mut::<S, N>(&mut found.relaxed) =
            self.law.over_relax(simd, pull, potential, self.factor);
        *lanes_mut::<S, N>(&mut found.response) = self.law.respond(simd, pull, potential);
        *lanes_mut::<S, N>(&mut found.violation) = self.law.violation(simd, pull, None, potential);
    }
}

fn run(arch: Arch, law: &ClipBlock, pull: &Row, potential: &Row, factor: f32, found: &mut Found) {
    All {
        law,
        pull,
        potential,
        factor,
        found,
    }
    .run_on(arch);
}
