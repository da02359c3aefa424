//! Circuits with controlled sources: closed forms, the other solver, states that are not the only ones, and what has no state.

use ohmgrad::circuit::{Circuit, CircuitBuilder, Element, netlist};
use ohmgrad::device::Law;
use ohmgrad::solve::{Certificate, Solution, SolveOptions, Solver, Status};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{amperes, assert_close, families, solve, volts};

fn build(builder: CircuitBuilder) -> Circuit {
    builder.build().expect("a valid circuit")
}

/// Why a circuit has no operating point.
fn refusal(builder: CircuitBuilder) -> String {
    let circuit = build(builder);
    let solver = Solver::new(&circuit, SolveOptions::default());
    let solved = solver.and_then(|mut solver| solver.solve(&circuit));
    solved.expect_err("no operating point").to_string()
}

#[test]
fn an_inverting_amplifier_has_the_gain_of_its_resistors() {
    let (low, high, gain) = (1e3, 2.2e3, 1e5);
    let circuit = build(
        Circuit::builder()
            .voltage_source("v1", "in", "0", 0.5)
            .resistor("r1", "in", "minus", low)
            .resistor("r2", "minus", "out", high)
            .vcvs("e1", "out", "0", ["0", "minus"], gain)
            .resistor("load", "out", "0", 50.0),
    );
    let solution = solve(&circuit);
    let ratio = high / low;
    let out = -0.5 * ratio / (1.0 + (1.0 + ratio) / gain);
    assert_close(volts(&circuit, &solution, "out"), out, "out");
    let through = (0.5 - volts(&circuit, &solution, "minus")) / low;
    let delivered = amperes(&circuit, &solution, "e1");
    assert_close(delivered, through - out / 50.0, "the current of e1");
    // Sources deliver what the resistors take up.
    let supplied = -0.5 * amperes(&circuit, &solution, "v1") - out * delivered;
    assert_close(solution.dissipated_power, supplied, "power");
}

#[test]
fn a_gyrator_turns_a_resistance_into_its_inverse() {
    let siemens = 2e-3;
    let circuit = build(
        Circuit::builder()
            .current_source("i1", "0", "a", 1e-3)
            .vccs("g1", "a", "0", ["b", "0"], siemens)
            .vccs("g2", "0", "b", ["a", "0"], siemens)
            .resistor("r1", "b", "0", 400.0),
    );
    let solution = solve(&circuit);
    let seen = 1.0 / (siemens * siemens * 400.0);
    assert_close(volts(&circuit, &solution, "a"), 1e-3 * seen, "a");
    assert_close(volts(&circuit, &solution, "b"), 1e-3 / siemens, "b");
    assert!(solution.accuracy.iter().all(|bar| *bar < 1e-12));
}

/// A transformer of n turns to 1 hands a resistance over as n^2 of it, and keeps all power.
#[test]
fn a_transformer_is_reciprocal() {
    let turns = 3.0;
    let circuit = build(
        Circuit::builder()
            .voltage_source("v1", "in", "0", 9.0)
            .resistor("r1", "in", "a", 90.0)
            .vcvs("e1", "sense", "0", ["a", "0"], 1.0 / turns)
            .voltage_source("s1", "sense", "b", 0.0)
            .cccs("f1", "a", "0", "s1", 1.0 / turns)
            .resistor("r2", "b", "0", 10.0),
    );
    let solution = solve(&circuit);
    assert_close(volts(&circuit, &solution, "a"), 4.5, "a");
    assert_close(volts(&circuit, &solution, "b"), 1.5, "b");
    assert_close(solution.dissipated_power, 4.5 * 4.5 / 90.0 * 2.0, "power");
}

/// The amplifier between the layers of networks: A up, C down; with F, and with H and a conductance.
#[test]
fn amplifiers_work_both_ways() {
    let (up, down) = (4.0, 0.25);
    let [below, above, bias] = [0.02, 0.03, 0.5];
    let start = || {
        Circuit::builder()
            .voltage_source("v1", "in", "0", 1.0)
            .conductance("r1", "in", "low", below)
            .vcvs("e1", "sense", "0", ["low", "0"], up)
            .voltage_source("s1", "sense", "high", 0.0)
            .conductance("r2", "high", "out", above)
            .voltage_source("v2", "out", "0", bias)
    };
    // At low: below (1 - v) = C above (A v - bias).
    let low = (below + down * above * bias) / (below + up * down * above);
    let by_current = start().cccs("f1", "low", "0", "s1", down);
    let by_voltage =
        start()
            .ccvs("h1", "copy", "0", "s1", 1.0)
            .vccs("g1", "low", "0", ["copy", "0"], down);
    for circuit in [by_current, by_voltage].map(build) {
        let solution = solve(&circuit);
        assert_close(volts(&circuit, &solution, "low"), low, "low");
        assert_close(volts(&circuit, &solution, "high"), up * low, "high");
    }
}

/// -1 kohm beside 2 kohm to 1 V, and two diodes that bound it: states where neither or one of them conducts.
#[test]
fn a_negative_resistance_has_several_states() {
    let circuit = build(
        Circuit::builder()
            .voltage_source("v1", "in", "0", 1.0)
            .resistor("r1", "in", "a", 2e3)
            .vccs("g1", "a", "0", ["a", "0"], -1e-3)
            .ideal_diode("d1", "a", "0", 3.0)
            .ideal_diode("d2", "0", "a", 3.0),
    );
    // v1, r1, g1, d1, d2: r1 brings (1 - a) / 2k, g1 brings a / 1k.
    for (a, [forward, reverse]) in [(-1.0, [0.0, 0.0]), (3.0, [2e-3, 0.0]), (-3.0, [0.0, 1e-3])] {
        let through = (1.0 - a) / 2e3;
        let currents = [-through, through, -1e-3 * a, forward, reverse];
        let certificate = Certificate::check(&circuit, &[0.0, 1.0, a], &currents);
        assert!(certificate.passes(1e-12), "{a} V: {certificate:?}");
    }
    let solution = solve(&circuit);
    assert_close(volts(&circuit, &solution, "a"), -1.0, "from rest");
    let wrong = Certificate::check(
        &circuit,
        &[0.0, 1.0, -1.0],
        &[-1e-3, 1e-3, 0.9e-3, 0.0, 0.0],
    );
    assert!(wrong.voltage_law > 0.05, "{wrong:?}");
}

/// The circuit with an amplifier beside it, which makes the other solver solve it.
fn with_amplifier(circuit: &Circuit) -> Circuit {
    let mut builder = Circuit::builder();
    for name in circuit.node_names() {
        builder.node(name);
    }
    for (name, element) in circuit.element_names().iter().zip(circuit.elements()) {
        let [a, b] = element.nodes().map(|node| &circuit[node]);
        builder.push(name.as_str(), a, b, element.law().clone());
    }
    build(
        builder
            .vcvs("amplifier", "amplified", "0", ["0", "0"], 2.0)
            .resistor("rload", "amplified", "0", 1.0),
    )
}

/// Solves a circuit by both solvers.
fn by_both(circuit: &Circuit) -> [Solution; 2] {
    let other = with_amplifier(circuit);
    [solve(circuit), solve(&other)]
}

#[test]
fn both_solvers_agree() {
    let (ideal, shockley) = (families::ideal(0.7), families::shockley());
    for seed in 0..4 {
        for circuit in [
            families::grid(12, false, seed),
            families::grid(12, true, seed),
            families::graph(60, &ideal, seed),
            families::graph(60, &shockley, seed),
            families::ladder(60, &shockley, seed),
            families::rectifiers(8, &shockley, seed),
            families::rectifiers(8, &ideal, seed),
            families::layered(&[20, 15, 10], &shockley, seed),
            families::layered(&[20, 15, 10], &ideal, seed),
        ] {
            let [one, other] = by_both(&circuit);
            for k in 0..circuit.node_names().len() {
                let off = (one.potentials[k] - other.potentials[k]).abs();
                let bars = one.accuracy[k] + other.accuracy[k] + 1e-12;
                assert!(
                    off <= bars,
                    "node {k}, seed {seed}: off by {off} V, bars {bars} V"
                );
            }
        }
    }
}

/// The random circuits of the other solver's test, solved by this one: where both have an answer, it is the same.
#[test]
fn both_solvers_agree_on_anything() {
    let (mut agreed, mut failed) = (0, 0);
    for seed in 0..1500 {
        let circuit = families::anything(seed);
        let options = SolveOptions::default();
        let Ok(one) = Solver::new(&circuit, options).and_then(|mut s| s.solve(&circuit)) else {
            continue;
        };
        if one.status != Status::Solved {
            continue;
        }
        let beside = with_amplifier(&circuit);
        let other = Solver::new(&beside, options).and_then(|mut s| s.solve(&beside));
        let other = match other {
            Ok(other) if other.status == Status::Solved => other,
            other => {
                failed += 1;
                eprintln!(
                    "seed {seed}: {:?}",
                    other.map(|s| (s.status, s.certificate))
                );
                continue;
            }
        };
        let is_open = |k: usize| one.undetermined.iter().any(|open| open.node.index() == k);
        let nodes = (0..circuit.node_names().len()).filter(|k| !is_open(*k));
        for k in nodes {
            let off = (one.potentials[k] - other.potentials[k]).abs();
            let bars = one.accuracy[k] + other.accuracy[k];
            assert!(
                off <= 1e-9 + 2.0 * bars,
                "node {k}, seed {seed}: off by {off} V"
            );
        }
        agreed += 1;
    }
    assert!(
        agreed > 50 * failed,
        "{agreed} agree, {failed} are not solved"
    );
}

#[test]
fn what_contradicts_is_named() {
    let loop_ = Circuit::builder()
        .voltage_source("v1", "a", "0", 1.0)
        .voltage_source("v2", "a", "b", 0.25)
        .voltage_source("v3", "b", "0", 0.5)
        .vcvs("e1", "c", "0", ["a", "0"], 2.0);
    let message = refusal(loop_);
    assert!(message.contains(" add up to 0.25 V"), "{message}");
    assert!(
        ["v1", "v2", "v3"].iter().all(|name| message.contains(name)),
        "{message}"
    );
    let island = Circuit::builder()
        .voltage_source("v1", "a", "0", 1.0)
        .vccs("g1", "0", "b", ["a", "0"], 1e-3)
        .resistor("r1", "b", "c", 1e3);
    let message = refusal(island);
    assert!(
        message.starts_with(
            "0.001 A from g1 has nowhere to go: no element carries it away from nodes b, c"
        ),
        "{message}"
    );
    let pulled = Circuit::builder()
        .voltage_source("v1", "a", "0", 1.0)
        .vcvs("e1", "b", "0", ["a", "0"], 2.0)
        .voltage_source("v2", "b", "0", 1.0);
    let message = refusal(pulled);
    assert!(
        message.contains("those of e1, v2 grow without end"),
        "{message}"
    );
    let cancelled = Circuit::builder()
        .voltage_source("v1", "a", "0", 5.0)
        .resistor("r1", "a", "b", 1e3)
        .vccs("g1", "b", "0", ["b", "0"], -1e-3);
    let message = refusal(cancelled);
    assert!(
        message.contains("grow without end") && message.contains("b, "),
        "{message}"
    );
}

#[test]
fn consistent_loops_and_islands_are_fine() {
    let circuit = build(
        Circuit::builder()
            .voltage_source("v1", "a", "0", 0.3)
            .voltage_source("v2", "a", "b", 0.1)
            .voltage_source("v3", "b", "0", 0.2)
            .vcvs("e1", "c", "0", ["a", "b"], 10.0)
            .vcvs("e2", "x", "y", ["c", "0"], 2.0)
            .resistor("r1", "c", "0", 1.0)
            .resistor("r2", "x", "y", 4.0)
            .ideal_diode("d1", "z", "c", 0.5),
    );
    let solution = solve(&circuit);
    assert_close(volts(&circuit, &solution, "c"), 1.0, "c");
    let apart = volts(&circuit, &solution, "x") - volts(&circuit, &solution, "y");
    assert_close(apart, 2.0, "x above y");
    assert_close(amperes(&circuit, &solution, "r2"), 0.5, "r2");
    let open: Vec<_> = solution
        .undetermined
        .iter()
        .map(|open| (&circuit[open.node], open.highest))
        .collect();
    assert_eq!(open.len(), 3, "{open:?}");
    assert_eq!(open[0], ("x", f64::INFINITY));
    assert!(
        matches!(open[2], ("z", highest) if (highest - 1.5).abs() < 1e-12),
        "{open:?}"
    );
}

#[test]
fn sources_without_their_controls_are_refused() {
    let fault = |builder: CircuitBuilder| builder.build().expect_err("a fault").to_string();
    let law = Law::ControlledVoltage { gain: 2.0 };
    assert!(fault(Circuit::builder().element("e1", "a", "0", law)).contains("nothing controls it"));
    let resistor = Circuit::builder().resistor("r1", "a", "0", 1.0);
    let missing = fault(resistor.clone().cccs("f1", "a", "0", "v1", 2.0));
    assert!(missing.contains("v1 is not there"), "{missing}");
    let wrong = fault(resistor.cccs("f1", "a", "0", "r1", 2.0));
    assert!(wrong.contains("r1 is no voltage source"), "{wrong}");
    let endless = fault(Circuit::builder().vcvs("e1", "a", "0", ["b", "0"], f64::INFINITY));
    assert!(
        endless.contains("its gain is inf, it must be finite"),
        "{endless}"
    );
    let mut circuit = build(
        Circuit::builder()
            .voltage_source("v1", "a", "0", 1.0)
            .cccs("f1", "a", "0", "v1", 2.0),
    );
    let (v1, f1) = (circuit.element("v1"), circuit.element("f1"));
    let short = Law::Resistor {
        conductance: f64::INFINITY,
    };
    for element in [v1, f1] {
        let element = element.expect("it was just added");
        assert!(circuit.set_law(element, short.clone()).is_err());
    }
    let f1 = f1.expect("it was just added");
    assert_eq!(
        circuit.set_law(f1, Law::ControlledCurrent { gain: 3.0 }),
        Ok(())
    );
}

/// Layers of resistors and diodes with amplifiers of random gains between them.
fn amplified(diode: &Law, seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut builder = Circuit::builder();
    let sizes = [6, 8, 5, 3];
    for k in 0..sizes[0] {
        let volt = rng.random_range(-2.0..2.0);
        builder = builder.voltage_source(format!("v{k}"), &format!("h0_{k}"), "0", volt);
    }
    for (l, pair) in sizes.windows(2).enumerate() {
        for i in 0..pair[0] {
            for j in 0..pair[1] {
                let siemens = 10f64.powf(rng.random_range(-4.0..-1.0));
                let ends = [format!("h{l}_{i}"), format!("n{}_{j}", l + 1)];
                builder = builder.conductance(format!("r{l}_{i}_{j}"), &ends[0], &ends[1], siemens);
            }
        }
        for j in 0..pair[1] {
            let (low, high) = (format!("n{}_{j}", l + 1), format!("h{}_{j}", l + 1));
            let (sense, source) = (format!("s{}_{j}", l + 1), format!("vs{}_{j}", l + 1));
            builder = builder
                .vcvs(
                    format!("e{l}_{j}"),
                    &sense,
                    "0",
                    [&low, "0"],
                    rng.random_range(1.0..4.0),
                )
                .voltage_source(&source, &sense, &high, 0.0)
                .cccs(
                    format!("f{l}_{j}"),
                    &low,
                    "0",
                    &source,
                    rng.random_range(0.2..1.0),
                );
            let ends = if j % 2 == 0 {
                [low.as_str(), "0"]
            } else {
                ["0", low.as_str()]
            };
            builder.push(format!("d{l}_{j}"), ends[0], ends[1], diode.clone());
        }
    }
    build(builder)
}

#[test]
fn amplified_layers_are_certified() {
    for diode in [
        families::ideal(0.0),
        families::ideal(0.7),
        families::shockley(),
    ] {
        for seed in 0..100 {
            let circuit = amplified(&diode, seed);
            let solution = solve(&circuit);
            assert!(
                solution.statistics.iterations < 60,
                "{:?}",
                solution.statistics
            );
        }
    }
}

#[test]
fn rows_do_not_depend_on_what_was_solved_before() {
    let circuit = amplified(&families::shockley(), 1);
    let source = circuit.element("v0").expect("an input");
    let values: Vec<f64> = (0..70).map(|k| 0.05 * f64::from(k) - 1.5).collect();
    let mut solver = Solver::new(&circuit, SolveOptions::default()).expect("an operating point");
    let rows = solver.solve_rows(&circuit, &[source], &values, |_, row| {
        row.expect("a row").potentials
    });
    let rows = rows.expect("rows");
    for (value, row) in values.iter().zip(&rows) {
        let mut alone = circuit.clone();
        let law = Law::VoltageSource { voltage: *value };
        alone.set_law(source, law).expect("a voltage");
        assert_eq!(solve(&alone).potentials, *row);
    }
}

#[test]
fn a_solver_follows_a_change_of_kind() {
    let plain = families::divider();
    let amplified = amplified(&families::ideal(0.0), 3);
    let mut solver = Solver::new(&plain, SolveOptions::default()).expect("an operating point");
    for circuit in [&amplified, &plain, &amplified] {
        let solution = solver.solve(circuit).expect("an operating point");
        assert_eq!(solution.potentials, solve(circuit).potentials);
    }
    let is_controlled = |e: &Element| matches!(e.law(), Law::ControlledCurrent { .. });
    assert!(amplified.elements().iter().any(is_controlled));
}

/// By ngspice 39, but for the output resistance of i(v2), which it takes for infinite whatever it is.
const TRANSFERS: [(&str, &str, [f64; 3]); 5] = [
    (
        "v(out)",
        "v1",
        [2.07409549252, 1335.151047393, 38.46153846154],
    ),
    (
        "v(out,c)",
        "i1",
        [132.3715285977, 101.2252865747, -93.9099901362],
    ),
    (
        "i(v2)",
        "v1",
        [0.00207409549252, 1335.151047393, 1000.0 + 200.0 / 5.0],
    ),
    (
        "v(b)",
        "i1",
        [74.89789278544, 101.2252865747, 77.53063216437],
    ),
    (
        "i(v1)",
        "v1",
        [-0.000748978927854, 1335.151047393, 1335.151047393],
    ),
];

/// Gain, input and output resistance as ngspice 39 prints them for `.tf`, to its seven digits.
#[test]
fn transfer_functions_are_those_of_ngspice() {
    const AMPLIFIER: &str = "v1 in 0 2
        rs in b 100
        d1 b c dm
        rc c 0 1k
        e1 o 0 c 0 3
        ro o out 50
        rl out 0 200
        i1 0 c 0.1m
        f1 c 0 v1 0.2
        v2 out x 0
        rx x 0 1k
        .model dm d(is=1e-12 n=1.2 rs=3)";
    for (output, source, expected) in TRANSFERS {
        let text = format!("t\n{AMPLIFIER}\n.tf {output} {source}");
        let netlist = netlist::parse(&text, "tf.cir").expect("a netlist");
        let circuit = &netlist.circuit;
        let solution = solve(circuit);
        let request = netlist.transfer.expect("a request");
        let quantity = circuit.find_quantity(&request.output).expect("an output");
        let source = circuit.find_element(&request.source).expect("a source");
        let transfer = solution
            .transfer(circuit, quantity, source)
            .expect("a transfer");
        let found = [
            transfer.gain,
            transfer.input_resistance,
            transfer.output_resistance,
        ];
        for (found, expected) in found.iter().zip(expected) {
            let off = (found - expected).abs();
            assert!(
                off <= 1e-6 * expected.abs(),
                "{output} {}: {found} for {expected}",
                request.source
            );
        }
    }
}

/// What solving a netlist without a title comes to.
fn solved(text: &str) -> Result<(Circuit, Solution), String> {
    let text = format!("t\n{}", text.replace(" / ", "\n"));
    let netlist = netlist::parse(&text, "t.cir").map_err(|e| e.to_string())?;
    let circuit = netlist.circuit;
    let solver = Solver::new(&circuit, SolveOptions::default());
    let solution = solver.and_then(|mut solver| solver.solve(&circuit));
    let solution = solution.map_err(|e| e.to_string())?;
    Ok((circuit, solution))
}

fn open_nodes(circuit: &Circuit, solution: &Solution) -> Vec<String> {
    let open = solution.undetermined.iter();
    open.map(|open| circuit[open.node].to_owned()).collect()
}

#[test]
fn controls_that_no_law_determines_are_refused() {
    for (text, named) in [
        (
            "v1 a 0 5 / v2 a 0 5 / r1 a 0 1k / f1 0 b v1 1 / r2 b 0 1k",
            "f1 follows the current of v1",
        ),
        (
            "v2 a 0 5 / v1 a 0 5 / r1 a 0 1k / f1 0 b v1 1 / r2 b 0 1k",
            "f1 follows the current of v1",
        ),
        (
            "v1 a 0 5 / vs a b 0 / l1 a b 1m / r1 b 0 1k / h1 c 0 vs 1 / r2 c 0 1k",
            "h1 follows the current of vs",
        ),
        (
            "v1 a 0 1 / r1 a 0 1 / e1 b 0 typo 0 2 / r2 b 0 1",
            "node typo, which is only named as a control",
        ),
    ] {
        let message = solved(text).expect_err(text);
        assert!(message.contains(named), "{text}: {message}");
    }
    // A loop elsewhere determines the current of a source that leads to it.
    let text = "v1 a 0 5 / v2 b a 1 / v3 b a 1 / vs b c 0 / r1 c 0 1k / f1 0 d vs 1 / r2 d 0 1k";
    let (circuit, solution) = solved(text).expect(text);
    assert_close(volts(&circuit, &solution, "d"), 6.0, "d");
}

#[test]
fn any_gain_is_solved() {
    for gain in [1e12, 1e14, 1e15, 1e16, 1e20] {
        let text = format!("v1 a 0 1 / e1 d 0 a 0 {gain:e} / r1 d 0 1k / r2 d a 1k");
        let (circuit, solution) = solved(&text).expect(&text);
        assert_eq!(solution.status, Status::Solved, "{text}");
        assert_eq!(open_nodes(&circuit, &solution), [""; 0], "{text}");
        let off = volts(&circuit, &solution, "d") / gain - 1.0;
        assert!(off.abs() < 1e-12, "{text}: {off}");
        let output = circuit.find_quantity("v(d)").expect("an output");
        let source = circuit.find_element("v1").expect("a source");
        let transfer = solution.transfer(&circuit, output, source);
        let off = transfer.expect("a transfer").gain / gain - 1.0;
        assert!(off.abs() < 1e-9, "{text}: {off}");
    }
}

#[test]
fn potentials_that_branches_leave_open_are_told() {
    for (text, open) in [
        ("v1 a 0 1 / r1 a c 1 / e1 c 0 c 0 1 / r3 c 0 1", &["c"][..]),
        (
            "v1 i 0 1 / r1 i 0 1 / e1 a 0 b 0 2 / e2 b 0 a 0 0.5",
            &["a", "b"],
        ),
    ] {
        let (circuit, solution) = solved(text).expect(text);
        assert_eq!(open_nodes(&circuit, &solution), open, "{text}");
    }
}

/// z may be anything up to 0.7 V above a, and e1 follows it at -2 times that.
#[test]
fn ranges_of_followers_are_those_of_what_they_follow() {
    let circuit = build(
        Circuit::builder()
            .voltage_source("v1", "a", "0", 1.0)
            .ideal_diode("d1", "z", "a", 0.7)
            .vcvs("e1", "d", "0", ["z", "0"], -2.0)
            .resistor("r1", "d", "0", 1.0)
            .resistor("r2", "a", "0", 1.0),
    );
    let solution = solve(&circuit);
    assert_eq!(open_nodes(&circuit, &solution), ["z", "d"]);
    let [z, d] = [0, 1].map(|k| &solution.undetermined[k]);
    assert_eq!((z.lowest, d.highest), (f64::NEG_INFINITY, f64::INFINITY));
    assert_close(z.highest, 1.7, "z at most");
    assert!((d.lowest + 3.4).abs() < 1e-6, "d at least {}", d.lowest);
}

/// 1 A into 0.1 ohm and nearly as much of a negative conductance: 1 / (10 - 9.99999999999), in exact decimals 1e11 V.
#[test]
fn bars_cover_the_rounding_of_gains() {
    let text = "i1 0 c 1 / r1 0 c 0.1 / g1 c 0 c 0 -9.99999999999";
    let (circuit, solution) = solved(text).expect(text);
    let node = circuit.node("c").expect("a node").index();
    let off = (volts(&circuit, &solution, "c") - 1e11).abs();
    assert!(
        off > 1e6 && off <= solution.accuracy[node],
        "off by {off}, bar {}",
        solution.accuracy[node]
    );
    assert_eq!(solution.status, Status::AccuracyLimit);
}

#[test]
fn cancelled_conductances_contradict_whatever_their_size() {
    for (ohm, siemens) in [("1", "-1"), ("10", "-0.1"), ("2", "-0.5")] {
        let text = format!("v1 a 0 1 / r1 a c {ohm} / g1 c 0 c 0 {siemens}");
        let message = solved(&text).expect_err(&text);
        assert!(message.contains("grow without end"), "{text}: {message}");
    }
}

#[test]
fn noise_of_sums_is_no_current() {
    let text = "i1 0 a 1 / r1 a 0 1 / e1 b c a 0 1 / r2 b c 1 / f1 b c vs 1 / vs d e 0 / r3 d e 1";
    let (circuit, solution) = solved(text).expect(text);
    let apart = volts(&circuit, &solution, "b") - volts(&circuit, &solution, "c");
    assert_close(apart, 1.0, "b above c");
}

#[test]
fn there_is_no_transfer_where_nothing_is_determined() {
    for (text, output, source, named) in [
        (
            "v1 a 0 1 / r2 a 0 1 / c1 a b 1",
            "v(b)",
            "v1",
            "node b is open",
        ),
        (
            "v1 a 0 1 / v2 a 0 1 / r1 a b 1 / r2 b 0 1",
            "v(b)",
            "v1",
            "v1 lies in a loop",
        ),
        (
            "v1 a 0 1 / v2 a 0 1 / r1 a b 1 / r2 b 0 1",
            "v(b)",
            "v2",
            "v2 lies in a loop",
        ),
        (
            "v1 a 0 1 / r1 a c 1 / e1 c 0 c 0 1 / r3 c 0 1",
            "v(c)",
            "v1",
            "node c is open",
        ),
    ] {
        let (circuit, solution) = solved(text).expect(text);
        let output = circuit.find_quantity(output).expect("an output");
        let source = circuit.find_element(source).expect("a source");
        let error = solution.transfer(&circuit, output, source);
        let message = error.expect_err(text).to_string();
        assert!(message.contains(named), "{text}: {message}");
    }
}

/// i(e1) = -2 v1 / (1 + 3) for a gain of 2, and e1 sees both resistors.
#[test]
fn currents_of_controlled_voltages_are_outputs() {
    let text = "v1 a 0 1 / r1 a 0 5 / e1 b 0 a 0 2 / r2 b c 1 / r3 c 0 3";
    let (circuit, solution) = solved(text).expect(text);
    let output = circuit.find_quantity("i(e1)").expect("an output");
    let source = circuit.find_element("v1").expect("a source");
    let transfer = solution.transfer(&circuit, output, source);
    let transfer = transfer.expect("a transfer");
    assert_close(transfer.gain, -0.5, "gain");
    assert_close(transfer.output_resistance, 4.0, "output resistance");
}
