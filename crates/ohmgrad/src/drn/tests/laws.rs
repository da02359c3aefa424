//! Laws of units, written down once more from their definitions.

use crate::drn::{
    Architecture, Arrangement, Beyond, Energy, IdealPair, MeasuredCurve, ShockleyDiodes,
    TanhResistor, UnitLaw,
};

/// Shockley diodes with I_s in ampere, V_t and V_off in volt.
pub(crate) fn shockley(
    arrangement: Arrangement,
    [saturation_current, thermal_voltage, offset_voltage]: [f64; 3],
    dead_zone: bool,
) -> ShockleyDiodes {
    ShockleyDiodes {
        arrangement,
        saturation_current,
        thermal_voltage: Some(thermal_voltage),
        ideality: None,
        temperature: None,
        offset_voltage,
        dead_zone,
    }
}

/// A law of every kind, such that small networks feel it.
pub(crate) fn laws() -> Vec<UnitLaw> {
    let junction = |arrangement, dead_zone| {
        UnitLaw::Shockley(shockley(arrangement, [0.03, 0.1, 0.1], dead_zone))
    };
    let spice = ShockleyDiodes {
        thermal_voltage: None,
        ideality: Some(2.0),
        temperature: Some(320.0),
        ..shockley(Arrangement::Single, [1e-3, 1.0, 0.0], false)
    };
    let points = [
        [-0.5, -0.4],
        [-0.2, -0.1],
        [-0.05, 0.0],
        [0.1, 0.0],
        [0.2, 0.3],
        [0.6, 0.5],
    ];
    let curve = |beyond| {
        let curve = MeasuredCurve::new(points.to_vec(), beyond);
        UnitLaw::Curve(curve.expect("points in order"))
    };
    vec![
        UnitLaw::IdealDiode,
        UnitLaw::Linear,
        UnitLaw::IdealPair(IdealPair {
            low: -0.15,
            high: 0.1,
        }),
        junction(Arrangement::Single, true),
        junction(Arrangement::Single, false),
        junction(Arrangement::Double, true),
        junction(Arrangement::Double, false),
        UnitLaw::Shockley(spice),
        curve(Beyond::Linear),
        curve(Beyond::Clamped),
        UnitLaw::Tanh(TanhResistor {
            limit: 0.2,
            scale: 0.1,
        }),
    ]
}

/// Whether a unit's element is a smooth or piecewise smooth function i(v), and not a straight line between limits.
pub(crate) fn bends(architecture: &Architecture, l: usize) -> bool {
    let is_hidden = l < architecture.hidden.len() && architecture.energy == Energy::CoContent;
    let lines = |law: &UnitLaw| {
        matches!(
            law,
            UnitLaw::IdealDiode | UnitLaw::Linear | UnitLaw::IdealPair(_)
        )
    };
    is_hidden && !lines(architecture.law(l))
}

/// The current to ground of unit `j` of hidden layer `l` at v, in ampere; 0 for straight lines.
pub(crate) fn current(architecture: &Architecture, l: usize, j: usize, v: f64) -> f64 {
    match bends(architecture, l) {
        true => current_of(architecture.law(l), j < architecture.width(l) / 2, v),
        false => 0.0,
    }
}

/// The same of a unit of the first or of the second half of a layer.
pub(crate) fn current_of(law: &UnitLaw, first: bool, v: f64) -> f64 {
    match law {
        UnitLaw::Shockley(diodes) => {
            let forward = |u: f64| match u <= diodes.offset_voltage && diodes.dead_zone {
                true => 0.0,
                false => {
                    let z = (u - diodes.offset_voltage) / diodes.thermal_voltage();
                    diodes.saturation_current * z.exp_m1()
                }
            };
            match (diodes.arrangement, first) {
                (Arrangement::Double, _) => forward(v) - forward(-v),
                (Arrangement::Single, true) => forward(v),
                (Arrangement::Single, false) => -forward(-v),
            }
        }
        UnitLaw::Tanh(resistor) => resistor.limit * (v / resistor.scale).tanh(),
        UnitLaw::Curve(curve) => {
            let points = curve.points();
            let clamped = curve.beyond() == Beyond::Clamped;
            let (start, end) = (points[0], points[points.len() - 1]);
            let at = match clamped {
                true => v.clamp(start[0], end[0]),
                false => v,
            };
            let k = (1..points.len() - 1).find(|k| at < points[*k][0]);
            let k = k.unwrap_or(points.len() - 1);
            let ([u, i], [u_2, i_2]) = (points[k - 1], points[k]);
            i + (i_2 - i) / (u_2 - u) * (at - u)
        }
        UnitLaw::IdealDiode | UnitLaw::IdealPair(_) | UnitLaw::Linear => 0.0,
    }
}

/// Its slope, by a central difference.
pub(crate) fn slope(architecture: &Architecture, l: usize, j: usize, v: f64) -> f64 {
    let step = 1e-6;
    let at = |v: f64| current(architecture, l, j, v);
    (at(v + step) - at(v - step)) / (2.0 * step)
}

/// Its co-content, the integral from 0 to v, by Simpson's rule from kink to kink: across one, the rule is off by more than a
/// sweep of a settled network changes.
pub(crate) fn co_content(architecture: &Architecture, l: usize, j: usize, v: f64) -> f64 {
    if !bends(architecture, l) {
        return 0.0;
    }
    let mut ends = kinks(architecture.law(l));
    ends.retain(|kink| kink * v > 0.0 && kink.abs() < v.abs());
    ends.extend([0.0, v]);
    ends.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let current = |v| current(architecture, l, j, v);
    let pieces = ends.windows(2);
    pieces
        .map(|ends| integral([ends[0], ends[1]], current))
        .sum()
}

/// Where the slope of a law jumps, in volt.
fn kinks(law: &UnitLaw) -> Vec<f64> {
    match law {
        UnitLaw::Shockley(diodes) => vec![-diodes.offset_voltage, diodes.offset_voltage],
        UnitLaw::Curve(curve) => curve.points().iter().map(|point| point[0]).collect(),
        _ => Vec::new(),
    }
}

/// By Simpson's rule.
fn integral([start, end]: [f64; 2], of: impl Fn(f64) -> f64) -> f64 {
    let steps = 3000;
    let width = (end - start) / f64::from(steps);
    let at = |k: i32| of(start + width * f64::from(k));
    let pairs = (0..steps).step_by(2);
    pairs
        .map(|k| at(k) + 4.0 * at(k + 1) + at(k + 2))
        .sum::<f64>()
        * width
        / 3.0
}

/// The v of a v + i(v) = p, by bisection; 0 without a conductance.
pub(crate) fn solution((a, p): (f64, f64), current: impl Fn(f64) -> f64) -> f64 {
    if a <= 0.0 {
        return 0.0;
    }
    let excess = |v: f64| a * v + current(v) - p;
    // Where the current at 0 V has led it, p / a is on the other side of the solution.
    let end = (p - current(0.0)) / a;
    let (mut low, mut high) = (end.min(0.0), end.max(0.0));
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        match excess(middle) > 0.0 {
            true => high = middle,
            false => low = middle,
        }
    }
}

/// From 0.1 V on, the current of the curve rises from 0 A by 3 A a volt.
#[test]
fn co_contents_of_curves_are_exact() {
    let is_curve = |law: &UnitLaw| matches!(law, UnitLaw::Curve(_));
    let curve = laws().into_iter().find(is_curve).expect("one is there");
    let architecture = Architecture::new(1, vec![2], 1).with_laws(vec![curve]);
    for v in [0.1, 0.13, 0.15, 0.2] {
        let wanted = 1.5 * (v - 0.1_f64).powi(2);
        let content = co_content(&architecture, 0, 0, v);
        assert!((content - wanted).abs() < 1e-15, "{content} at {v} V");
    }
}
