//! Laws against finite differences, quadrature and their defining equations.

use super::*;
use proptest::prelude::*;

fn law() -> impl Strategy<Value = Law> {
    let shockley = (-16.0..-6.0, 0.02..0.1, 0.0..20.0, 0.0..1e-9).prop_map(|(s, n, r, g)| {
        Law::from(Shockley {
            saturation_current: 10f64.powf(s),
            thermal_voltage: n,
            series_resistance: r,
            leakage: g,
        })
    });
    let tanh = (1e-3..1.0, 0.1..2.0).prop_map(|(limit, scale)| Law::from(Tanh { limit, scale }));
    let power = (1e-3..1.0, 0.5..4.0).prop_map(|(coefficient, exponent)| {
        Law::from(PowerLaw {
            coefficient,
            exponent,
        })
    });
    let curve = prop::collection::vec((0.01..1.0, 0.0..1.0), 2..8).prop_map(|steps| {
        let mut point = (-2.0, -1.0);
        let points = steps.into_iter().map(move |(du, di)| {
            point = (point.0 + du, point.1 + di);
            point
        });
        Law::from(IvCurve::new(points.collect::<Vec<_>>()).expect("rising points"))
    });
    prop_oneof![shockley, tanh, power, curve]
}

proptest! {
    #[test]
    fn co_content_is_the_integral_of_the_current(law in law(), a in -2.0..0.8, b in -2.0..0.8) {
        let law = law.characteristic().expect("one with a characteristic");
        // Simpson's rule on many small intervals.
        let n = 20_000;
        let h = (b - a) / n as f64;
        let i = |k: usize| law.current(a + h * k as f64).0;
        let sum: f64 = (0..n).step_by(2).map(|k| i(k) + 4.0 * i(k + 1) + i(k + 2)).sum();
        let difference = law.co_content(b) - law.co_content(a);
        let scale = law.current(b).0.abs().max(law.current(a).0.abs());
        prop_assert!((difference - sum * h / 3.0).abs() <= 1e-5 * (1e-12 + scale));
    }

    #[test]
    fn slope_is_the_derivative(law in law(), u in -2.0..1.0) {
        let law = law.characteristic().expect("one with a characteristic");
        let h = 1e-7;
        let (below, above) = (law.current(u - h), law.current(u + h));
        let quotient = (above.0 - below.0) / (2.0 * h);
        let (low, high) = (below.1.min(above.1), below.1.max(above.1));
        let slack = 1e-3 * high + 1e-9;
        prop_assert!(low - slack <= quotient && quotient <= high + slack, "{low} {quotient} {high}");
    }

    #[test]
    fn load_line_is_met(law in law(), x in -100.0..100.0, r in prop_oneof![Just(0.0), 1e-3..1e9]) {
        let law = law.characteristic().expect("one with a characteristic");
        let u = law.on_load_line(x, r);
        let (current, slope) = law.current(u);
        let rounding = 1e-12 * (x.abs() + u.abs() + r * slope.min(1e300) * u.abs());
        prop_assert!((u + r * current - x).abs() <= rounding.max(1e-12), "{u} {current}");
    }
}

#[test]
fn a_load_line_is_met_to_the_last_digit() {
    let diode = Shockley::new(1e-14);
    for x in [-5.0, -0.05, 0.01, 0.3, 0.7, 3.0] {
        for r in [1e-8, 1e-3, 1e3] {
            let u = diode.on_load_line(x, r);
            let (current, slope) = diode.current(u);
            // What one rounding of u is worth.
            let digit = f64::EPSILON * (u.abs() + x.abs() + r * slope * u.abs());
            let off = (u - x) + r * current;
            assert!(off.abs() <= digit, "x = {x}, r = {r}: off by {off:e}");
        }
    }
}

#[test]
fn shockley_current_is_finite_behind_a_series_resistance() {
    let diode = Shockley {
        series_resistance: 1.0,
        ..Shockley::new(1e-14)
    };
    let (current, slope) = diode.current(1e4);
    assert!((current - 1e4).abs() < 2.0, "{current}");
    assert!((slope - 1.0).abs() < 1e-3, "{slope}");
}

#[test]
fn curves_out_of_order_are_refused() {
    let fault = |points: &[(f64, f64)]| {
        let error = IvCurve::new(points.iter().copied()).expect_err("a fault");
        error.to_string()
    };
    assert!(fault(&[(0.0, 0.0)]).contains("at least 2"));
    assert!(fault(&[(0.0, 0.0), (0.0, 1.0)]).contains("sort the points"));
    assert!(fault(&[(0.0, 1.0), (1.0, 0.0)]).contains("falls to 0 A at point 1"));
    assert!(fault(&[(0.0, f64::NAN), (1.0, 0.0)]).contains("not finite"));
}

#[test]
fn numbers_out_of_range_are_faults() {
    let faulty = [
        Law::Resistor { conductance: -1.0 },
        Law::Resistor {
            conductance: f64::NAN,
        },
        Law::VoltageSource {
            voltage: f64::INFINITY,
        },
        Law::CurrentSource { current: f64::NAN },
        Law::from(Diode::ideal(f64::NAN)),
        Law::from(Diode {
            forward_voltage: 0.0,
            on_conductance: 1.0,
            off_conductance: 1.0,
        }),
        Law::from(Shockley::new(0.0)),
        Law::from(Tanh {
            limit: 1.0,
            scale: 0.0,
        }),
        Law::from(PowerLaw {
            coefficient: 1.0,
            exponent: -1.0,
        }),
    ];
    for law in faulty {
        assert!(law.fault().is_some(), "{law:?}");
    }
}
