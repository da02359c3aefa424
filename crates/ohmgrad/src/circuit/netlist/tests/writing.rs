//! Circuits, written and read back.

use super::*;
use crate::circuit::CircuitBuilder;
use crate::device::{
    Breakdown, Diode, Formula, Function, IvCurve, Junction, PowerLaw, Recombination, RegionDiode,
    Shockley, Tanh, Term,
};
use proptest::prelude::*;

fn read_back(circuit: &Circuit, title: &str) -> Netlist {
    let text = write(circuit, title);
    match parse(&text, "written.cir") {
        Ok(netlist) => netlist,
        Err(errors) => panic!("{errors}\n{text}"),
    }
}

/// Numbers of all sizes.
fn positive() -> impl Strategy<Value = f64> {
    prop_oneof![
        1e-15..1e15,
        (-300.0..300.0).prop_map(|x| 10f64.powf(x)),
        prop::num::f64::POSITIVE | prop::num::f64::SUBNORMAL,
    ]
    .prop_filter("above 0", |x: &f64| *x > 0.0 && x.is_finite())
}

fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![positive(), positive().prop_map(|x| -x), Just(0.0)]
}

fn conductance() -> impl Strategy<Value = f64> {
    prop_oneof![8 => positive(), 1 => Just(0.0), 1 => Just(f64::INFINITY)]
}

fn diode() -> impl Strategy<Value = Law> {
    let diode = (finite(), conductance(), conductance()).prop_map(|(v, a, b)| Diode {
        forward_voltage: v,
        on_conductance: a.max(b),
        off_conductance: a.min(b),
    });
    diode.prop_map(Law::from)
}

fn shockley() -> impl Strategy<Value = Law> {
    let thermal = prop_oneof![0.02..0.1, positive()];
    let leakage = prop_oneof![Just(0.0), Just(1e-12), positive()];
    (positive(), thermal, 0.0..1e3, leakage).prop_map(|(s, thermal_voltage, r, leakage)| {
        Law::from(Shockley {
            saturation_current: s,
            thermal_voltage,
            series_resistance: r,
            leakage,
        })
    })
}

fn junction() -> impl Strategy<Value = Law> {
    let shockley = shockley().prop_filter_map("a junction", |law| match law {
        Law::Shockley(shockley) => Some(*shockley),
        _ => None,
    });
    let breakdown = (positive(), positive()).prop_map(|(voltage, thermal_voltage)| Breakdown {
        voltage,
        thermal_voltage,
    });
    let recombination =
        (positive(), 0.01..0.05, 0.4..2.0, 0.0..0.5).prop_map(|(s, n, v, m)| Recombination {
            saturation_current: s,
            thermal_voltage: n,
            potential: v,
            grading: m,
        });
    let knee = || prop_oneof![Just(f64::INFINITY), positive()];
    let optional = (prop::option::of(breakdown), prop::option::of(recombination));
    (shockley, optional, knee(), knee()).prop_filter_map(
        "more than a junction",
        |(shockley, (breakdown, recombination), forward_knee, reverse_knee)| {
            let junction = Junction {
                shockley,
                breakdown,
                recombination,
                forward_knee,
                reverse_knee,
            };
            (junction != Junction::from(shockley)).then(|| Law::from(junction))
        },
    )
}

fn regions() -> impl Strategy<Value = Law> {
    let or_infinity = || prop_oneof![Just(f64::INFINITY), positive()];
    let or_zero = || prop_oneof![Just(0.0), positive()];
    let conductances = (positive(), positive(), or_zero());
    let voltages = (or_zero(), or_infinity());
    (
        conductances,
        voltages,
        or_zero(),
        or_zero(),
        or_infinity(),
        or_infinity(),
    )
        .prop_filter_map(
            "more than two lines",
            |(conductances, voltages, bend, reverse_bend, limit, reverse_limit)| {
                let is_plain = bend == 0.0
                    && limit.is_infinite()
                    && reverse_limit.is_infinite()
                    && voltages.1.is_infinite();
                let regions = RegionDiode {
                    forward_voltage: voltages.0,
                    on_conductance: conductances.0,
                    off_conductance: conductances.2,
                    bend,
                    limit,
                    reverse_voltage: voltages.1,
                    reverse_conductance: conductances.1,
                    reverse_bend,
                    reverse_limit,
                };
                (!is_plain).then(|| Law::from(regions))
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
        positive().prop_map(Function::Power),
    ];
    let sign = prop_oneof![Just(1.0), Just(-1.0)];
    let term = (positive(), function, positive(), finite(), sign);
    let term = term.prop_map(|(k, function, scale, offset, sign)| Term {
        coefficient: sign * k,
        function,
        scale: sign * scale,
        offset,
    });
    let terms = prop::collection::vec(term, 1..4);
    let conductance = prop_oneof![Just(0.0), positive()];
    (finite(), conductance, terms).prop_map(|(constant, conductance, terms)| {
        Law::from(Formula {
            constant,
            conductance,
            terms: terms.into(),
        })
    })
}

fn curve() -> impl Strategy<Value = Law> {
    let steps = prop::collection::vec((1e-3..1e3, 0.0..1e3), 2..9);
    (finite(), steps).prop_filter_map("a curve", |(start, steps)| {
        let mut point = (start, start);
        let points = steps.into_iter().map(|(du, di)| {
            point = (point.0 + du, point.1 + di);
            point
        });
        let points: Vec<_> = points.collect();
        IvCurve::new(points).ok().map(Law::from)
    })
}

fn any_law() -> impl Strategy<Value = Law> {
    let tanh = (positive(), positive()).prop_map(|(limit, scale)| Tanh { limit, scale });
    let power = (positive(), positive()).prop_map(|(coefficient, exponent)| PowerLaw {
        coefficient,
        exponent,
    });
    let law = prop_oneof![
        conductance().prop_map(|conductance| Law::Resistor { conductance }),
        finite().prop_map(|voltage| Law::VoltageSource { voltage }),
        finite().prop_map(|current| Law::CurrentSource { current }),
        diode(),
        shockley(),
        junction(),
        regions(),
        formula(),
        curve(),
        tanh.prop_map(Law::from),
        power.prop_map(Law::from),
    ];
    law.prop_filter("within range", |law| law.fault().is_none())
}

fn node() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c0-2]",
        "n[0-9]",
        Just("gnd".to_owned()),
        Just("GND".to_owned()),
        "[^\\s\\p{C}]{1,4}",
    ]
}

fn any_circuit() -> impl Strategy<Value = Circuit> {
    let name = prop_oneof!["[rvidab][0-9]", "[a-zA-Z.]{1,3}", "[^\\s\\p{C}]{1,4}"];
    let elements = prop::collection::btree_map(name, (node(), node(), any_law()), 0..12);
    let nodes = prop::collection::vec(node(), 0..3);
    let control = prop_oneof![[node(), node()].prop_map(Ok), (0_usize..20).prop_map(Err),];
    let controlled = (node(), node(), control, finite());
    let controlled = prop::collection::btree_map("[efgh][0-9]|[a-z]{2}", controlled, 0..4);
    (nodes, elements, controlled).prop_map(|(nodes, elements, controlled)| {
        let mut builder = CircuitBuilder::default();
        for node in nodes {
            builder.node(&node);
        }
        let mut sources = Vec::new();
        for (name, (a, b, law)) in elements {
            if matches!(law, Law::VoltageSource { .. }) {
                sources.push(name.clone());
            }
            builder.push(name, &a, &b, law);
        }
        for (name, (a, b, control, gain)) in controlled {
            builder = match (control, sources.len()) {
                (Ok([c, d]), _) => builder.vcvs(format!("{name}v"), &a, &b, [&c, &d], gain),
                (Err(_), 0) => builder.vccs(format!("{name}g"), &a, &b, ["p", "q"], gain),
                (Err(k), n) if k % 2 == 0 => {
                    builder.ccvs(format!("{name}h"), &a, &b, &sources[k % n], gain)
                }
                (Err(k), n) => builder.cccs(format!("{name}f"), &a, &b, &sources[k % n], gain),
            };
        }
        builder.build().expect("a valid circuit")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_written_is_read(circuit in any_circuit(), title in ".{0,20}") {
        let netlist = read_back(&circuit, &title);
        prop_assert_eq!(netlist.circuit, circuit);
    }
}
