//! Laws against closed forms, bisection and finite differences, and their SIMD forms against them.

use proptest::prelude::*;
use proptest::sample::select;
use pulp::Arch;

use super::*;
use crate::drn::simd::Row;
use crate::drn::tests::laws::{current_of, shockley, solution};
use crate::drn::tests::levels;

/// All laws.
fn laws() -> Vec<LayerLaw> {
    let set = crate::drn::tests::laws::laws();
    let hopfield = LayerLaw::new(Arc::new(HopfieldBox));
    set.iter()
        .map(UnitLaw::of_layer)
        .chain([hopfield])
        .collect()
}

/// Laws with random numbers, over 12 decades.
fn random_law() -> impl Strategy<Value = UnitLaw> {
    let decades = |from: f64| (from..from + 12.0).prop_map(|x| 10_f64.powf(x));
    let voltages = (0.03..0.2, prop_oneof![Just(0.0), 0.0..0.8]);
    let arrangement = select(vec![Arrangement::Single, Arrangement::Double]);
    let diodes = (arrangement, decades(-16.0), voltages, any::<bool>()).prop_map(
        |(arrangement, saturation, (thermal, offset), dead_zone)| {
            UnitLaw::Shockley(shockley(
                arrangement,
                [saturation, thermal, offset],
                dead_zone,
            ))
        },
    );
    let tanh = (decades(-6.0), decades(-6.0))
        .prop_map(|(limit, scale)| UnitLaw::Tanh(TanhResistor { limit, scale }));
    let steps = prop::collection::vec((1e-3..0.3, prop_oneof![Just(0.0), 0.0..1.0]), 2..60);
    let beyond = select(vec![Beyond::Linear, Beyond::Clamped]);
    let curve = (-3.0..1.0, -2.0..2.0, steps, beyond).prop_map(|(u, i, steps, beyond)| {
        let mut point = [u, i];
        let points = steps.into_iter().map(|(du, di)| {
            point = [point[0] + du, point[1] + di];
            point
        });
        UnitLaw::Curve(MeasuredCurve::new(points.collect(), beyond).expect("rising points"))
    });
    prop_oneof![4 => diodes, 1 => tanh, 1 => curve]
}

/// What units of the first and of the second half of a layer have, by all laws.
fn elements() -> Vec<Element> {
    let halves = [0, 1].map(|index| Unit { index, width: 2 });
    let laws = laws().into_iter();
    laws.flat_map(|law| halves.map(|unit| law.element(unit).clone()))
        .collect()
}

/// The energy of one unit.
fn energy(element: &Element, (a, p): (f64, f64), v: f64) -> f64 {
    a * v * v / 2.0 - p * v + element.powers(v).1
}

/// The v of least energy in [-50, 50] V, by golden-section search: the energy is convex.
fn least_energy(element: &Element, neighbours: (f64, f64)) -> f64 {
    let (lo, hi) = element.interval();
    let (mut lo, mut hi) = (lo.max(-50.0), hi.min(50.0));
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    for _ in 0..200 {
        let (left, right) = (hi - ratio * (hi - lo), lo + ratio * (hi - lo));
        match energy(element, neighbours, left) < energy(element, neighbours, right) {
            true => hi = right,
            false => lo = left,
        }
    }
    (lo + hi) / 2.0
}

/// The largest current of a curve's points: what its straight lines are rounded by.
fn size_of(law: &UnitLaw) -> f64 {
    match law {
        UnitLaw::Curve(curve) => curve
            .points()
            .iter()
            .fold(0.0, |size, [_, i]| i.abs().max(size)),
        _ => 0.0,
    }
}

/// The currents of two diodes that cancel at 0 V, term by term in f64; the form in f32 has them as one.
fn cancelling(law: &UnitLaw) -> f64 {
    match law {
        UnitLaw::Shockley(diodes) => diodes.saturation_current,
        _ => 0.0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Both forms against bisection, over 12 decades of a and p: to 1e-13 and 1e-6 of the potential, or of what a rounding of
    /// the current moves it by.
    #[test]
    fn solutions_are_those_of_bisection(
        law in random_law(),
        decades in prop::collection::vec((-8.0..4.0_f32, -8.0..4.0_f32, any::<bool>()), 64),
    ) {
        prop_assume!(law.fault().is_none());
        let layer = law.of_layer();
        let each = |of: fn(&(f32, f32, bool)) -> f32| Row(std::array::from_fn(|c| of(&decades[c])));
        let a = each(|(a, _, _)| 10_f32.powf(*a));
        let p = each(|(_, p, negative)| 10_f32.powf(*p) * if *negative { -1.0 } else { 1.0 });
        let mut block = layer.block(0, 64);
        block.set_conductance(&a);
        for arch in levels() {
            let found = relaxed(&*block, arch, &p, &Row::ZERO, 1.0, None);
            for index in 0..64 {
                let element = layer.element(Unit { index, width: 64 });
                let (a, p) = (f64::from(a.0[index]), f64::from(p.0[index]));
                let want = solution((a, p), |v| current_of(&law, index < 32, v));
                let size = p.abs() + size_of(&law);
                let forms = [
                    (element.solve(a, p), 1e-13, size + cancelling(&law)),
                    (f64::from(found.0[index]), 1e-6, size),
                ];
                for (got, digits, size) in forms {
                    let off = (got - want).abs();
                    let moved = want.abs() + size / (a + element.slope(want));
                    prop_assert!(off <= digits * moved, "{law:?}: {got} V for {want} V with a = {a} S, p = {p} A");
                }
            }
        }
    }

    #[test]
    fn the_solution_has_the_least_energy(
        element in select(elements()),
        (a, p) in (0.1..20.0_f64, -4.0..4.0_f64),
    ) {
        let (got, want) = (element.solve(a, p), least_energy(&element, (a, p)));
        prop_assert!((got - want).abs() < 2e-6, "{element:?}: {got} V for {want} V");
        prop_assert!(element.violation(a, p, got).abs() < 1e-12 * (1.0 + element.slope(got).min(1e9)));
    }

    /// i = d(co-content)/dv and di/dv by central differences, between the limits.
    #[test]
    fn currents_and_slopes_are_the_derivatives_of_the_co_content(
        element in select(elements()),
        place in 0.01..0.99_f64,
    ) {
        let (lo, hi) = element.interval();
        let (lo, hi) = (lo.max(-0.7), hi.min(0.7));
        let v = lo + place * (hi - lo);
        let (step, corner) = (1e-4, 1e-3);
        // Away from corners.
        let [below, above] = [v - corner, v + corner].map(|v| element.slope(v));
        prop_assume!((below - above).abs() < 0.1 * above.max(below) + 1e-9);
        let at = |v: f64| element.powers(v).1;
        let first = (at(v + step) - at(v - step)) / (2.0 * step);
        let scale = 1.0 + element.slope(v);
        prop_assert!((element.powers(v).0 - v * first).abs() < 1e-5 * scale);
        let second = (at(v + step) - 2.0 * at(v) + at(v - step)) / (step * step);
        prop_assert!((element.slope(v) - second).abs() < 1e-4 * scale);
    }

    /// The energy of a unit whose law is a line between limits never rises, that of others not where it goes all the way or
    /// less; it stays where its law allows.
    #[test]
    fn over_relaxation_never_raises_the_energy(
        element in select(elements()),
        (a, p, before, factor) in (0.1..20.0_f64, -4.0..4.0_f64, -3.0..3.0_f64, 0.01..1.99_f64),
    ) {
        let factor = match element {
            Element::Clip(_) => factor,
            Element::Device(_) => factor.min(1.0),
        };
        let (lo, hi) = element.interval();
        let before = before.clamp(lo, hi);
        let after = element.over_relax((a, p), before, factor);
        prop_assert!((lo..=hi).contains(&after));
        let (before, after) = (energy(&element, (a, p), before), energy(&element, (a, p), after));
        prop_assert!(after <= before + 1e-12 * (1.0 + before.abs()), "{element:?}: from {before} to {after} W");
    }

    #[test]
    fn blocks_agree_with_the_law_of_each_unit(
        (law, width) in (select(laws()), 1..=64_usize),
        (a, p, v) in (0.0..9.0_f32, -4.0..4.0_f32, -2.0..2.0_f32),
        factor in 0.1..1.9_f32,
    ) {
        for arch in levels() {
            let mut block = law.block(0, width);
            // Conductances, pulls and potentials that differ from unit to unit, some of them isolated.
            let each = |x: f32| Row(std::array::from_fn(|c| match c < width {
                true => x * (1.0 - c as f32 / 40.0),
                false => 0.0,
            }));
            let conductance = Row(each(a).0.map(|a| a.max(0.0)));
            block.set_conductance(&conductance);
            let (pull, potential) = (each(p), each(v));
            let solved = relaxed(&*block, arch, &pull, &potential, 1.0, None);
            let beyond = relaxed(&*block, arch, &pull, &potential, factor, None);
            let response = relaxed(&*block, arch, &pull, &Row::ZERO, 1.0, Some(&potential));
            let mut violation = 0.0_f64;
            for index in 0..width {
                let element = law.element(Unit { index, width });
                let [a, p, v] = [&conductance, &pull, &potential].map(|row| f64::from(row.0[index]));
                let near = |got: f32, want: f64| (f64::from(got) - want).abs() <= 1e-5 * (1.0 + want.abs());
                // A Hopfield unit needs no neighbour to be somewhere.
                let is_held = matches!(element, Element::Clip(_)) && element.interior_slope() > 0.0;
                if a > 0.0 || is_held {
                    prop_assert!(near(solved.0[index], element.solve(a, p)));
                    let relaxed = element.over_relax((a, p), v, f64::from(factor));
                    prop_assert!(near(beyond.0[index], relaxed));
                }
                violation = violation.max(element.violation(a, p, v).abs());
                let curvature = a + element.slope(v);
                if curvature > 1e-6 {
                    prop_assert!(near(response.0[index], p / curvature));
                }
            }
            let measured = f64::from(measured(&*block, arch, &pull, &potential));
            prop_assert!((measured - violation).abs() <= 1e-5 * (1.0 + violation), "{measured} A for {violation} A");
        }
    }
}

/// Nothing but currents.
fn driven_by<'a>(currents: &'a Row, settled: Option<&'a Row>) -> Surroundings<'a> {
    Surroundings {
        currents: std::slice::from_ref(currents),
        bias: &Row::ZERO,
        readout: &[],
        outputs: &[],
        settled: settled.map_or(&[], std::slice::from_ref),
    }
}

/// Where a block goes from `before`, or from the response `before` of a settled state.
fn relaxed(
    block: &dyn BlockLaw,
    arch: Arch,
    pull: &Row,
    before: &Row,
    factor: f32,
    settled: Option<&Row>,
) -> Row {
    let mut potentials = *before;
    let relax = Relax {
        surroundings: driven_by(pull, settled),
        relaxation: factor,
        potentials: std::slice::from_mut(&mut potentials),
        active: &mut [],
        partials: &mut [],
    };
    block.relax(relax, arch);
    potentials
}

/// The largest violation of a block, in ampere.
fn measured(block: &dyn BlockLaw, arch: Arch, pull: &Row, potentials: &Row) -> f32 {
    let mut largest = (0.0, 0.0);
    let measure = Measure {
        surroundings: driven_by(pull, None),
        potentials: std::slice::from_ref(potentials),
        largest: std::slice::from_mut(&mut largest),
    };
    block.measure(measure, arch);
    largest.0
}
