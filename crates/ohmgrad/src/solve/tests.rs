use super::*;
use crate::device::{Diode, Law, Shockley};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn solve(circuit: &Circuit) -> Result<Solution, PresolveError> {
    Solver::new(circuit, SolveOptions::default())?.solve(circuit)
}

fn grid(side: usize, beside: bool, seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut b = Circuit::builder();
    let name = |x: usize, y: usize| format!("n{x}_{y}");
    let mut k = 0;
    for y in 0..side {
        for x in 0..side {
            let here = name(x, y);
            let mut ends = Vec::new();
            if x + 1 < side {
                ends.push(name(x + 1, y));
            }
            if y + 1 < side {
                ends.push(name(x, y + 1));
            }
            for to in ends {
                k += 1;
                let g = 10f64.powf(rng.random_range(-4.0..0.0));
                if rng.random_bool(0.5) {
                    b.push(
                        format!("r{k}"),
                        &here,
                        &to,
                        Law::Resistor { conductance: g },
                    );
                } else {
                    let (p, q) = if rng.random_bool(0.5) {
                        (&here, &to)
                    } else {
                        (&to, &here)
                    };
                    b.push(format!("d{k}"), p, q, Law::Diode(Diode::ideal(0.0)));
                    if beside {
                        b.push(format!("rb{k}"), p, q, Law::Resistor { conductance: g });
                    }
                }
            }
            b.push(
                format!("rg{x}_{y}"),
                &here,
                "0",
                Law::Resistor { conductance: 1e-6 },
            );
            if rng.random_bool(0.01) {
                let v = rng.random_range(-1.0..1.0);
                b.push(
                    format!("v{x}_{y}"),
                    &format!("s{x}_{y}"),
                    "0",
                    Law::VoltageSource { voltage: v },
                );
                b.push(
                    format!("rs{x}_{y}"),
                    &format!("s{x}_{y}"),
                    &here,
                    Law::Resistor { conductance: 1e-2 },
                );
            }
        }
    }
    b.build().unwrap()
}

#[test]
#[ignore]
fn trace_grid() {
    let side: usize = std::env::var("SIDE")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(60);
    for beside in [false, true] {
        let c = grid(side, beside, 1);
        let t = std::time::Instant::now();
        let s = solve(&c).unwrap();
        println!(
            "{c} {beside} {:?} fact {} {:?} und {}",
            t.elapsed(),
            s.statistics.factorizations,
            s.certificate,
            s.undetermined.len()
        );
    }
}

fn random_circuit(seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let nodes = rng.random_range(2..14u32);
    let elements = rng.random_range(nodes..4 * nodes);
    let mut b = Circuit::builder();
    let kind = rng.random_range(0..4);
    let name = |k: u32| format!("{k}");
    for k in 0..elements {
        let a = name(rng.random_range(0..nodes));
        let c = name(rng.random_range(0..nodes));
        let law = match rng.random_range(0..20) {
            0 => Law::VoltageSource {
                voltage: rng.random_range(-3i32..4) as f64,
            },
            1 => Law::CurrentSource {
                current: rng.random_range(-1.0..1.0),
            },
            2..8 => Law::Diode(Diode::ideal([0.0, 0.0, 0.7, 0.3][rng.random_range(0..4)])),
            8 if kind > 0 => Law::Diode(Diode {
                forward_voltage: 0.6,
                on_conductance: 10f64.powf(rng.random_range(-1.0..3.0)),
                off_conductance: [0.0, 1e-9][rng.random_range(0..2)],
            }),
            9 | 10 if kind > 1 => Law::Shockley(Shockley {
                leakage: 1e-12,
                series_resistance: rng.random_range(0.1..10.0),
                ..Shockley::new(1e-14)
            }),
            11 if kind > 2 => Law::Tanh(crate::device::Tanh {
                limit: rng.random_range(0.1..1.0),
                scale: 0.5,
            }),
            12 if kind > 2 => Law::PowerLaw(crate::device::PowerLaw {
                coefficient: rng.random_range(0.1..1.0),
                exponent: rng.random_range(0.5..3.0),
            }),
            13 if kind > 2 => Law::Curve(
                crate::device::IvCurve::new([
                    (-1.0, -0.1),
                    (0.0, 0.0),
                    (0.5, 0.0),
                    (0.7, 1.0),
                    (1.0, 1.1),
                ])
                .unwrap(),
            ),
            _ => Law::Resistor {
                conductance: 10f64.powf(rng.random_range(-9.0..3.0)),
            },
        };
        b.push(format!("e{k}"), &a, &c, law);
    }
    b.build().unwrap()
}

#[test]
#[ignore]
fn random() {
    let count: u64 = std::env::var("COUNT")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(1000);
    let only: Option<u64> = std::env::var("SEED").ok().and_then(|s| s.parse().ok());
    let (mut errors, mut bad, mut worst, mut most) = (0, 0, 0.0f64, 0);
    let mut total = 0;
    for seed in only.map_or(0..count, |s| s..s + 1) {
        let c = random_circuit(seed);
        match std::panic::catch_unwind(|| solve(&c)) {
            Err(_) => {
                println!("seed {seed} PANIC");
                bad += 1;
            }
            Ok(Err(e)) => {
                errors += 1;
                if only.is_some() {
                    println!("{e}");
                }
            }
            Ok(Ok(s)) => {
                total += s.statistics.factorizations;
                most = most.max(s.statistics.factorizations);
                if !s.certificate.passes(1e-9) {
                    bad += 1;
                    if bad < 30 {
                        println!(
                            "seed {seed}: {:?} fact {}",
                            s.certificate, s.statistics.factorizations
                        );
                    }
                } else {
                    worst = worst.max(s.certificate.worst());
                }
                if only.is_some() {
                    for (e, i) in c.elements().iter().zip(&s.currents) {
                        let [a, b] = e.nodes();
                        println!(
                            "{} {} {} {:?} u {:.6e} i {:.6e}",
                            e.name(),
                            &c[a],
                            &c[b],
                            e.law(),
                            s.potentials[a.index()] - s.potentials[b.index()],
                            i
                        );
                    }
                    println!("{:?} {:?}", s.certificate, s.undetermined);
                }
            }
        }
    }
    println!(
        "errors {errors} bad {bad} worst passing {worst:.1e} most {most} mean {}",
        total as f64 / count as f64
    );
}
