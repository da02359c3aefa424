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
    prop_oneof![
        shockley,
        tanh,
        power,
        curve,
        junction(),
        regions(),
        formula()
    ]
}

fn junction() -> impl Strategy<Value = Law> {
    let shockley =
        (-16.0..-6.0, 0.02..0.06, 0.01..20.0, 0.0..1e-9).prop_map(|(s, n, r, g)| Shockley {
            saturation_current: 10f64.powf(s),
            thermal_voltage: n,
            series_resistance: r,
            leakage: g,
        });
    let breakdown = (0.3..1.5, 0.02..0.1).prop_map(|(voltage, thermal_voltage)| Breakdown {
        voltage,
        thermal_voltage,
    });
    let recombination =
        (-12.0..-6.0, 0.03..0.06, 0.4..1.0, 0.0..0.6).prop_map(|(s, n, v, m)| Recombination {
            saturation_current: 10f64.powf(s),
            thermal_voltage: n,
            potential: v,
            grading: m,
        });
    let knee = || prop_oneof![Just(f64::INFINITY), (-6.0..1.0).prop_map(|x| 10f64.powf(x))];
    let parts = (
        shockley,
        prop::option::of(breakdown),
        prop::option::of(recombination),
        knee(),
        knee(),
    );
    parts.prop_map(
        |(shockley, breakdown, recombination, forward_knee, reverse_knee)| {
            let junction = Junction {
                shockley,
                breakdown,
                recombination,
                forward_knee,
                reverse_knee,
            };
            Law::from(junction)
        },
    )
}

fn regions() -> impl Strategy<Value = Law> {
    let limit = || prop_oneof![Just(f64::INFINITY), 1e-3..1.0];
    let bend = || prop_oneof![Just(0.0), 0.01..0.5];
    let voltages = (0.0..0.7, prop_oneof![Just(f64::INFINITY), 0.1..1.5]);
    let conductances = (0.01..1.0, 0.01..1.0, 0.0..1e-3);
    (voltages, conductances, bend(), bend(), limit(), limit()).prop_map(
        |(voltages, conductances, bend, reverse_bend, limit, reverse_limit)| {
            Law::from(RegionDiode {
                forward_voltage: voltages.0,
                on_conductance: conductances.0,
                off_conductance: conductances.2,
                bend,
                limit,
                reverse_voltage: voltages.1,
                reverse_conductance: conductances.1,
                reverse_bend,
                reverse_limit,
            })
        },
    )
}

fn formula() -> impl Strategy<Value = Law> {
    let function = prop_oneof![
        Just(Function::Tanh),
        Just(Function::Sinh),
        Just(Function::Asinh),
        Just(Function::Atan),
        Just(Function::Exp),
        Just(Function::ExpM1),
        Just(Function::Onset),
        (1.0..4.0).prop_map(Function::Power),
    ];
    let sign = prop_oneof![Just(1.0), Just(-1.0)];
    let term = (1e-3..1.0, function, 0.5..2.0, -1.0..1.0, sign);
    let term = term.prop_map(|(k, function, scale, offset, sign)| Term {
        coefficient: sign * k,
        function,
        scale: sign * scale,
        offset,
    });
    let terms = prop::collection::vec(term, 1..4);
    (-1.0..1.0, 0.0..1.0, terms).prop_map(|(constant, conductance, terms)| {
        Law::from(Formula {
            constant,
            conductance,
            terms: terms.into(),
        })
    })
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

proptest! {
    #[test]
    fn currents_do_not_fall(law in law(), u in -3.0..1.5, step in 0.0..1.0) {
        let law = law.characteristic().expect("one with a characteristic");
        let (low, high) = (law.current(u), law.current(u + step));
        // What roundings of the junction's voltage are worth.
        let slack = 1e-12 * (low.0.abs() + high.0.abs() + 3.0 * high.1.min(1e300).max(low.1.min(1e300)));
        prop_assert!(high.0 >= low.0 - slack && low.1 >= 0.0, "{low:?} {high:?}");
        let (backwards, forwards) = law.current_limits();
        prop_assert!(low.0 >= backwards - slack && high.0 <= forwards + slack);
    }
}

/// ngspice 39 prints these currents for `D(IS=1e-14 N=1.2 BV=5.1 IBV=1m)`, `IKF=1m` and `ISR=1n NR=2` at given voltages,
/// without the conductance beside the junction.
#[test]
fn junctions_are_those_of_ngspice() {
    let plain = Junction::from(Shockley::new(1e-14));
    let nvt = Shockley::thermal_voltage_at(300.15);
    let knee = Junction {
        forward_knee: 1e-3,
        ..plain
    };
    let recombining = Junction {
        recombination: Some(Recombination {
            saturation_current: 1e-9,
            thermal_voltage: 1.8 * nvt,
            potential: 0.7,
            grading: 0.33,
        }),
        ..plain
    };
    let breaking = Junction {
        breakdown: Some(Breakdown {
            // At BV = 5.1 V the current is IBV = 1 mA.
            voltage: 5.1 - nvt * (1e-3_f64 / 1e-14).ln(),
            thermal_voltage: nvt,
        }),
        ..plain
    };
    let cases = [
        (knee, 0.6, 8.829_645e-5),
        (knee, 0.8, 1.551_420e-2),
        (knee, 1.0, 7.850_246e-1),
        (recombining, 0.02, 5.320_022e-10),
        (recombining, 0.3, 5.242_969e-7),
        (recombining, 0.6, 3.343_830e-4),
        (breaking, -5.2, -4.776_250e-2),
        (breaking, -5.0, -2.093_693e-5),
        (breaking, 0.6, 1.187_196e-4),
    ];
    for (junction, u, expected) in cases {
        let current = junction.current(u).0;
        assert!(
            (current / expected - 1.0).abs() < 1e-4,
            "{current} A at {u} V, not {expected} A"
        );
    }
}

#[test]
fn idealised_diodes_meet_their_lines() {
    let diode = RegionDiode {
        forward_voltage: 0.6,
        on_conductance: 0.1,
        off_conductance: 1e-3,
        bend: 0.1,
        limit: f64::INFINITY,
        reverse_voltage: 4.0,
        reverse_conductance: 0.05,
        reverse_bend: 0.0,
        reverse_limit: 0.02,
    };
    // The first two are what ngspice prints for a sidiode.
    let cases = [
        (0.6, 6e-4),
        (0.65, 1.8875e-3),
        (0.7, 5.65e-3),
        (0.8, 1.565e-2),
        (-4.0, -0.02 * (0.2_f64).tanh()),
        (-5.0, -0.02 * (0.054_f64 / 0.02).tanh()),
    ];
    for (u, expected) in cases {
        let current = diode.current(u).0;
        assert!((current - expected).abs() < 1e-15, "{current} A at {u} V");
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
        Law::from(Junction {
            forward_knee: 0.0,
            ..Junction::from(Shockley::new(1e-14))
        }),
        Law::from(Junction {
            breakdown: Some(Breakdown {
                voltage: 0.01,
                thermal_voltage: 0.025,
            }),
            ..Junction::from(Shockley::new(1e-14))
        }),
        // It falls where the depletion layer vanishes.
        Law::from(Junction {
            recombination: Some(Recombination {
                saturation_current: 1e-9,
                thermal_voltage: 0.2,
                potential: 0.7,
                grading: 0.5,
            }),
            ..Junction::from(Shockley::new(1e-14))
        }),
        Law::from(Formula {
            constant: 0.0,
            conductance: 0.0,
            terms: Box::new([Term {
                coefficient: 1.0,
                function: Function::Exp,
                scale: -1.0,
                offset: 0.0,
            }]),
        }),
    ];
    for law in faulty {
        assert!(law.fault().is_some(), "{law:?}");
    }
}
