//! Families of small circuits of straight lines.

use ohmgrad::circuit::{Circuit, CircuitBuilder};
use ohmgrad::device::{Diode, IvCurve, Law};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A family: its name, and its circuit of a seed.
pub(crate) type Family = (&'static str, fn(&mut ChaCha8Rng) -> Circuit);

pub(crate) const FAMILIES: [Family; 9] = [
    ("everything", everything),
    ("ties", ties),
    ("decimals", decimals),
    ("leaky diodes", leaky),
    ("milliohms beside gigaohms", wide),
    ("islands", islands),
    ("loops", loops),
    ("chains", chains),
    ("curves with flats", flats),
];

/// The circuit of a family and a seed.
pub(crate) fn circuit(family: Family, seed: u64) -> Circuit {
    (family.1)(&mut ChaCha8Rng::seed_from_u64(seed))
}

/// How the values of a family are drawn.
struct Values<'v> {
    volts: &'v [f64],
    amperes: &'v [f64],
    forward: &'v [f64],
    /// Decades of the resistances, in ohm.
    ohms: (f64, f64),
    off: &'v [f64],
    on: &'v [f64],
}

const PLAIN: Values = Values {
    volts: &[-2.0, -1.0, 0.0, 1.0, 3.0, 5.0],
    amperes: &[-0.5, 0.25, 1.0],
    forward: &[0.0, 0.0, 0.3, 0.7],
    ohms: (0.0, 4.0),
    off: &[0.0],
    on: &[f64::INFINITY],
};

fn pick(rng: &mut impl Rng, values: &[f64]) -> f64 {
    values[rng.random_range(0..values.len())]
}

fn resistor(rng: &mut impl Rng, (low, high): (f64, f64)) -> Law {
    let ohm: f64 = 10f64.powf(rng.random_range(low..high));
    // Two digits, as in a drawer of parts.
    let digits = 10f64.powf(ohm.log10().floor() - 1.0);
    let conductance = 1.0 / ((ohm / digits).round() * digits);
    Law::Resistor { conductance }
}

fn diode(rng: &mut impl Rng, values: &Values) -> Law {
    Law::from(Diode {
        forward_voltage: pick(rng, values.forward),
        on_conductance: pick(rng, values.on),
        off_conductance: pick(rng, values.off),
    })
}

fn curve(rng: &mut impl Rng) -> Law {
    let mut point = (-1.0, -0.1);
    let points = (0..rng.random_range(2..5)).map(|_| {
        let here = point;
        point.0 += pick(rng, &[0.2, 0.5, 1.0]);
        point.1 += pick(rng, &[0.0, 0.0, 0.1, 1.0]);
        here
    });
    let points: Vec<(f64, f64)> = points.collect();
    Law::from(IvCurve::new(points).expect("rising points"))
}

/// Elements at random between random nodes: resistors, diodes, and per mille sources of voltage, of current, and curves.
fn random(
    rng: &mut ChaCha8Rng,
    values: &Values,
    nodes: u32,
    elements: u32,
    [voltage, current, diodes, curves]: [u32; 4],
) -> CircuitBuilder {
    let mut builder = Circuit::builder();
    for k in 0..elements {
        let a = rng.random_range(0..nodes);
        let b = (a + rng.random_range(1..nodes)) % nodes;
        let kind = rng.random_range(0..1000);
        let law = if kind < voltage {
            let voltage = pick(rng, values.volts);
            Law::VoltageSource { voltage }
        } else if kind < voltage + current {
            let current = pick(rng, values.amperes);
            Law::CurrentSource { current }
        } else if kind < voltage + current + diodes {
            diode(rng, values)
        } else if kind < voltage + current + diodes + curves {
            curve(rng)
        } else {
            resistor(rng, values.ohms)
        };
        builder.push(format!("e{k}"), &a.to_string(), &b.to_string(), law);
    }
    builder
}

fn build(builder: CircuitBuilder) -> Circuit {
    builder.build().expect("valid elements")
}

fn size(rng: &mut ChaCha8Rng) -> (u32, u32) {
    let nodes = rng.random_range(3..8);
    (nodes, rng.random_range(nodes..2 * nodes + 3))
}

fn everything(rng: &mut ChaCha8Rng) -> Circuit {
    let values = Values {
        ohms: (-3.0, 9.0),
        off: &[0.0, 0.0, 1e-9, 1e-12],
        on: &[f64::INFINITY, f64::INFINITY, 1.0, 1e3],
        ..PLAIN
    };
    let (nodes, elements) = size(rng);
    build(random(rng, &values, nodes, elements, [120, 60, 400, 60]))
}

/// Equal resistors, equal sources, equal forward voltages: diodes that just do not conduct.
fn ties(rng: &mut ChaCha8Rng) -> Circuit {
    let values = Values {
        volts: &[1.0, -1.0, 0.0],
        amperes: &[1.0, -1.0],
        forward: &[0.0, 0.0, 0.5, 1.0],
        ohms: (0.0, 0.01),
        ..PLAIN
    };
    let (nodes, elements) = size(rng);
    build(random(rng, &values, nodes, elements, [120, 80, 450, 0]))
}

/// Tenths, which double precision does not hold: sums that are equal as written.
fn decimals(rng: &mut ChaCha8Rng) -> Circuit {
    let values = Values {
        volts: &[0.1, 0.2, 0.3, -0.1, 0.7],
        amperes: &[0.1, 0.2, -0.3],
        forward: &[0.1, 0.2, 0.3, 0.6, 0.7, -0.1],
        ..PLAIN
    };
    let (nodes, elements) = size(rng);
    build(random(rng, &values, nodes, elements, [200, 80, 450, 0]))
}

/// Diodes with the off resistances of SPICE programs, between strong sources.
fn leaky(rng: &mut ChaCha8Rng) -> Circuit {
    let values = Values {
        volts: &[40.0, -40.0, 5.0, 1.0],
        forward: &[0.0, 0.7, 1.0],
        off: &[1e-12, 1e-9, 1e-12],
        on: &[f64::INFINITY, 1.0, 1e3],
        ohms: (-1.0, 6.0),
        ..PLAIN
    };
    let (nodes, elements) = size(rng);
    build(random(rng, &values, nodes, elements, [150, 30, 550, 0]))
}

/// Amperes and leakage in one circuit.
fn wide(rng: &mut ChaCha8Rng) -> Circuit {
    let values = Values {
        amperes: &[1.0, 1e-9, -1e-12],
        ohms: (-3.0, 12.0),
        ..PLAIN
    };
    let (nodes, elements) = size(rng);
    build(random(rng, &values, nodes, elements, [120, 60, 350, 0]))
}

/// Few elements: much is left open.
fn islands(rng: &mut ChaCha8Rng) -> Circuit {
    let nodes = rng.random_range(4..10);
    let elements = rng.random_range(nodes - 2..nodes + 2);
    build(random(rng, &PLAIN, nodes, elements, [250, 30, 450, 0]))
}

/// Rings of diodes and sources, whose forward voltages may leave no room.
fn loops(rng: &mut ChaCha8Rng) -> Circuit {
    let values = Values {
        volts: &[0.5, 1.0, -0.5],
        forward: &[0.5, -0.5, 0.0, 1.0, 1e-12, -0.499_999_999_999],
        ..PLAIN
    };
    let nodes = rng.random_range(3..7);
    let mut builder = random(rng, &values, nodes, nodes, [150, 50, 500, 0]);
    for k in 0..nodes {
        let (a, b) = (k.to_string(), ((k + 1) % nodes).to_string());
        builder.push(format!("ring{k}"), &a, &b, diode(rng, &values));
    }
    build(builder)
}

/// A source behind a chain of diodes and resistors, with a branch to ground here and there.
fn chains(rng: &mut ChaCha8Rng) -> Circuit {
    let values = Values {
        volts: &[-8.0, 2.0, 5.0, 10.0],
        ohms: (-3.0, 9.0),
        forward: &[0.0, 0.7],
        off: &[0.0, 1e-12],
        ..PLAIN
    };
    let length = rng.random_range(3..9);
    let mut builder = Circuit::builder();
    let voltage = pick(rng, values.volts);
    builder.push("v", "n0", "0", Law::VoltageSource { voltage });
    for k in 0..length {
        let (a, b) = (format!("n{k}"), format!("n{}", k + 1));
        let law = match rng.random_bool(0.6) {
            true => diode(rng, &values),
            false => resistor(rng, values.ohms),
        };
        builder.push(format!("s{k}"), &a, &b, law);
        if rng.random_bool(0.4) {
            let law = match rng.random_bool(0.4) {
                true => diode(rng, &values),
                false => resistor(rng, values.ohms),
            };
            builder.push(format!("p{k}"), &b, "0", law);
        }
    }
    build(builder)
}

/// Measured curves that are flat in places.
fn flats(rng: &mut ChaCha8Rng) -> Circuit {
    let nodes = rng.random_range(3..6);
    let elements = rng.random_range(nodes..2 * nodes);
    build(random(rng, &PLAIN, nodes, elements, [150, 80, 250, 250]))
}
