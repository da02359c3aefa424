//! Families of circuits, for the tests and the benchmarks.

#![allow(dead_code, reason = "each of the tests and benchmarks uses some")]

use ohmgrad::circuit::{Circuit, CircuitBuilder};
use ohmgrad::device::{Diode, IvCurve, Law, PowerLaw, Shockley, Tanh};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) fn resistor(siemens: f64) -> Law {
    let conductance = siemens;
    Law::Resistor { conductance }
}

pub(crate) fn ideal(forward_voltage: f64) -> Law {
    Law::from(Diode::ideal(forward_voltage))
}

pub(crate) fn shockley() -> Law {
    Law::from(Shockley {
        leakage: 1e-12,
        ..Shockley::new(1e-14)
    })
}

fn voltage(voltage: f64) -> Law {
    Law::VoltageSource { voltage }
}

/// 10^x for x in [low, high).
fn log_uniform(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    10f64.powf(rng.random_range(low..high))
}

fn build(builder: CircuitBuilder) -> Circuit {
    builder.build().expect("a valid circuit")
}

/// A square grid on purpose ill-conditioned: each edge at random a resistor over four decades or an ideal diode,
/// 1 uS from every node to ground, 1 % of the nodes fed through 10 mS; with `beside`, a resistor beside
/// every diode.
pub(crate) fn grid(side: usize, beside: bool, seed: u64) -> Circuit {
    grid_of(side, beside, &ideal(0.0), seed)
}

/// As [`grid`], with diodes of any law.
pub(crate) fn grid_of(side: usize, beside: bool, diode: &Law, seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut builder = Circuit::builder();
    let name = |x: usize, y: usize| format!("n{x}_{y}");
    for y in 0..side {
        for x in 0..side {
            let here = name(x, y);
            let right = (x + 1 < side).then(|| name(x + 1, y));
            let below = (y + 1 < side).then(|| name(x, y + 1));
            for (k, there) in [right, below].into_iter().enumerate() {
                if let Some(there) = there {
                    let edge = format!("{x}_{y}_{k}");
                    let ends = [here.as_str(), &there];
                    grid_edge(&mut builder, &mut rng, &edge, ends, diode, beside);
                }
            }
            builder.push(format!("rg{x}_{y}"), &here, "0", resistor(1e-6));
            if rng.random_bool(0.01) {
                let source = format!("s{x}_{y}");
                let volts = rng.random_range(-1.0..1.0);
                builder.push(format!("v{x}_{y}"), &source, "0", voltage(volts));
                builder.push(format!("rs{x}_{y}"), &source, &here, resistor(1e-2));
            }
        }
    }
    build(builder)
}

fn grid_edge(
    builder: &mut CircuitBuilder,
    rng: &mut impl Rng,
    edge: &str,
    [a, b]: [&str; 2],
    diode: &Law,
    beside: bool,
) {
    let conductance = log_uniform(rng, -4.0, 0.0);
    let is_diode = rng.random_bool(0.5);
    if is_diode {
        let (anode, cathode) = if rng.random_bool(0.5) { (a, b) } else { (b, a) };
        builder.push(format!("d{edge}"), anode, cathode, diode.clone());
    }
    if beside || !is_diode {
        builder.push(format!("r{edge}"), a, b, resistor(conductance));
    }
}

/// A deep resistive network: input sources at plus and minus a random value, hidden nodes with a diode to
/// ground, linear outputs.
pub(crate) fn layered(sizes: &[usize], diode: &Law, seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut builder = Circuit::builder();
    for i in 0..sizes[0] {
        let volts = if i % 2 == 0 {
            rng.random_range(0.0..10.0)
        } else {
            0.0
        };
        builder.push(format!("v{i}"), &format!("l0_{i}"), "0", voltage(volts));
    }
    for layer in 1..sizes.len() {
        for j in 0..sizes[layer] {
            let node = format!("l{layer}_{j}");
            for i in 0..sizes[layer - 1] {
                let g = rng.random_range(0.0..1e-3);
                let below = format!("l{}_{i}", layer - 1);
                builder.push(format!("r{layer}_{i}_{j}"), &below, &node, resistor(g));
            }
            if layer + 1 < sizes.len() {
                let name = format!("d{layer}_{j}");
                let (anode, cathode) = if j % 2 == 0 {
                    ("0", &*node)
                } else {
                    (&*node, "0")
                };
                builder.push(name, anode, cathode, diode.clone());
            }
        }
    }
    build(builder)
}

/// A ladder of resistors with a diode across every other rung.
pub(crate) fn ladder(rungs: usize, diode: &Law, seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut builder = Circuit::builder().voltage_source("v1", "n0", "0", 5.0);
    for k in 0..rungs {
        let (here, next) = (format!("n{k}"), format!("n{}", k + 1));
        let (series, shunt) = (
            log_uniform(&mut rng, -4.0, -2.0),
            log_uniform(&mut rng, -5.0, -3.0),
        );
        builder.push(format!("rs{k}"), &here, &next, resistor(series));
        builder.push(format!("rp{k}"), &next, "0", resistor(shunt));
        if k % 2 == 0 {
            builder.push(format!("d{k}"), &next, "0", diode.clone());
        }
    }
    build(builder)
}

/// A connected random graph of resistors and diodes, every node with a resistor to ground, some fed by sources.
pub(crate) fn graph(nodes: usize, diode: &Law, seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut builder = Circuit::builder();
    let name = |k: usize| format!("n{k}");
    for k in 0..nodes {
        let leak = log_uniform(&mut rng, -6.0, -4.0);
        builder.push(format!("rg{k}"), &name(k), "0", resistor(leak));
        if k > 0 {
            let g = log_uniform(&mut rng, -5.0, -2.0);
            let other = name(rng.random_range(0..k));
            builder.push(format!("rt{k}"), &name(k), &other, resistor(g));
        }
        let (a, b) = (
            name(rng.random_range(0..nodes)),
            name(rng.random_range(0..nodes)),
        );
        if a != b {
            let law = if rng.random_bool(0.5) {
                diode.clone()
            } else {
                resistor(log_uniform(&mut rng, -5.0, -2.0))
            };
            let prefix = if matches!(law, Law::Resistor { .. }) {
                "rx"
            } else {
                "dx"
            };
            builder.push(format!("{prefix}{k}"), &a, &b, law);
        }
        if k % 10 == 0 {
            let volts = rng.random_range(-5.0..5.0);
            builder.push(format!("v{k}"), &format!("s{k}"), "0", voltage(volts));
            let g = log_uniform(&mut rng, -4.0, -2.0);
            builder.push(format!("rv{k}"), &format!("s{k}"), &name(k), resistor(g));
        }
    }
    build(builder)
}

/// Bridge rectifiers in a chain, each fed by its own source and loaded by a resistor.
pub(crate) fn rectifiers(count: usize, diode: &Law, seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut builder = Circuit::builder();
    for k in 0..count {
        let [p, m, high] = ["p", "m", "h"].map(|letter| format!("{letter}{k}"));
        let low = if k == 0 {
            "0".to_owned()
        } else {
            format!("h{}", k - 1)
        };
        let volts = rng.random_range(-8.0..8.0);
        builder.push(format!("v{k}"), &format!("s{k}"), &m, voltage(volts));
        builder.push(format!("rs{k}"), &format!("s{k}"), &p, resistor(0.1));
        for (name, anode, cathode) in [
            ("da", &p, &high),
            ("db", &m, &high),
            ("dc", &low, &p),
            ("dd", &low, &m),
        ] {
            builder.push(format!("{name}{k}"), anode, cathode, diode.clone());
        }
        builder.push(
            format!("rl{k}"),
            &high,
            &low,
            resistor(log_uniform(&mut rng, -4.0, -2.0)),
        );
        builder.push(format!("rb{k}"), &m, "0", resistor(1e-6));
    }
    build(builder)
}

/// Small circuits with everything that can go wrong: loops, ties, islands, short and parallel elements, conductances
/// from 1 nS to 1 kS. Many have no operating point.
pub(crate) fn anything(seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let kinds = rng.random_range(0..4);
    anything_of(kinds, &mut rng)
}

/// As [`anything`], of sources, resistors and ideal diodes alone.
pub(crate) fn anything_ideal(seed: u64) -> Circuit {
    anything_of(0, &mut ChaCha8Rng::seed_from_u64(seed))
}

fn anything_of(kinds: u32, mut rng: &mut ChaCha8Rng) -> Circuit {
    let nodes = rng.random_range(2..14u32);
    let elements = rng.random_range(nodes..4 * nodes);
    let mut builder = Circuit::builder();
    for k in 0..elements {
        let [a, b] = [(); 2].map(|()| rng.random_range(0..nodes).to_string());
        builder.push(format!("e{k}"), &a, &b, any_law(&mut rng, kinds));
    }
    build(builder)
}

/// A law at random: `kinds` 0 for linear and ideal ones, more for others as well.
fn any_law(rng: &mut impl Rng, kinds: u32) -> Law {
    match rng.random_range(0..20) {
        0 => voltage(f64::from(rng.random_range(-3..4))),
        1 => Law::CurrentSource {
            current: rng.random_range(-1.0..1.0),
        },
        2..8 => ideal([0.0, 0.0, 0.7, 0.3][rng.random_range(0..4)]),
        8 if kinds > 0 => Law::from(Diode {
            forward_voltage: 0.6,
            on_conductance: log_uniform(rng, -1.0, 3.0),
            off_conductance: [0.0, 1e-9][rng.random_range(0..2)],
        }),
        9 | 10 if kinds > 1 => Law::from(Shockley {
            leakage: 1e-12,
            series_resistance: rng.random_range(0.1..10.0),
            ..Shockley::new(1e-14)
        }),
        11 if kinds > 2 => Law::from(Tanh {
            limit: rng.random_range(0.1..1.0),
            scale: 0.5,
        }),
        12 if kinds > 2 => Law::from(PowerLaw {
            coefficient: rng.random_range(0.1..1.0),
            exponent: rng.random_range(0.5..3.0),
        }),
        13 if kinds > 2 => {
            let points = [(-1.0, -0.1), (0.0, 0.0), (0.5, 0.0), (0.7, 1.0), (1.0, 1.1)];
            Law::from(IvCurve::new(points).expect("rising points"))
        }
        _ => resistor(log_uniform(rng, -9.0, 3.0)),
    }
}

/// 3 V across 2 kOhm and 1 kOhm.
pub(crate) fn divider() -> Circuit {
    build(
        Circuit::builder()
            .voltage_source("v1", "in", "0", 3.0)
            .resistor("r1", "in", "out", 2e3)
            .resistor("r2", "out", "0", 1e3),
    )
}

/// From (0, 0) no single node can move, but both together can.
pub(crate) fn jamming() -> Circuit {
    build(
        Circuit::builder()
            .voltage_source("v1", "in", "0", 1.0)
            .conductance("r1", "in", "n1", 1.0)
            .conductance("r2", "n2", "0", 1.0)
            .ideal_diode("d1", "n1", "n2", 0.0),
    )
}

/// `out` is at the highest of the inputs.
pub(crate) fn maximum(inputs: &[f64]) -> Circuit {
    let mut builder = Circuit::builder().resistor("load", "out", "0", 1e6);
    for (k, volt) in inputs.iter().enumerate() {
        builder = builder
            .voltage_source(format!("v{k}"), &format!("n{k}"), "0", *volt)
            .ideal_diode(format!("d{k}"), &format!("n{k}"), "out", 0.0);
    }
    build(builder)
}

/// A bridge of diodes of 0.7 V between a source and its load.
pub(crate) fn full_wave(volt: f64) -> Circuit {
    build(
        Circuit::builder()
            .voltage_source("v1", "p", "m", volt)
            .ideal_diode("d1", "p", "high", 0.7)
            .ideal_diode("d2", "m", "high", 0.7)
            .ideal_diode("d3", "0", "p", 0.7)
            .ideal_diode("d4", "0", "m", 0.7)
            .resistor("load", "high", "0", 1e3),
    )
}
