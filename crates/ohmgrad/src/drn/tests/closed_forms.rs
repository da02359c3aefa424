//! Networks whose states are known, and networks as circuits.

use super::*;
use crate::solve::{SolveOptions, Solver};

/// out = (sum_i (p_i - n_i) x_i + b) / sum_i (p_i + n_i)
#[test]
fn a_network_without_hidden_layers_is_a_voltage_divider() {
    let architecture = Architecture::new(2, vec![], 1).with_input_gain(10.0);
    let mut network = Network::zero(&architecture, 1).unwrap();
    let [p1, p2, n1, n2] = [1.0, 0.5, 0.25, 2.0];
    network.set_weights(0, &[p1, p2, n1, n2]).unwrap();
    network.set_biases(0, &[0.7]).unwrap();
    let settling = Settling::tolerance(SweepOrder::Forward, 1e-6, 9);
    let settled = network.settle(&[0.3, -0.2], &settling).unwrap();
    let out = ((p1 - n1) * 3.0 - (p2 - n2) * 2.0 + 0.7) / (p1 + p2 + n1 + n2);
    assert!(
        (settled.outputs[0] - out).abs() < 1e-6,
        "{settled:?}, not {out} V"
    );
    assert_eq!(settled.sweeps, 1, "a divider needs one sweep");
    let watt = |g: f32, x: f32| f64::from(g) * f64::from(x - out).powi(2);
    let power = watt(p1, 3.0) + watt(n1, -3.0) + watt(p2, -2.0) + watt(n2, 2.0);
    assert!(
        (settled.dissipated_power[0] - power).abs() < 1e-5,
        "{settled:?}, not {power} W"
    );
    let energy = power / 2.0 - f64::from(0.7 * out);
    assert!(
        (settled.energy[0] - energy).abs() < 1e-5,
        "{settled:?}, not {energy} W"
    );
}

/// One excitatory unit between the sources (p, n) and an output (g) that nothing else pulls on:
/// v = max(0, (p - n) x / (p + n)), and the output follows.
#[test]
fn an_excitatory_unit_rectifies() {
    let mut network = Network::zero(&Architecture::new(1, vec![2], 1), 1).unwrap();
    network.set_weights(0, &[3.0, 0.0, 1.0, 0.0]).unwrap();
    network.set_weights(1, &[0.5, 0.0]).unwrap();
    for order in ORDERS {
        let settling = Settling::tolerance(order, 1e-6, 200);
        let settled = network.settle(&[0.8, -0.8, 0.0], &settling).unwrap();
        for (b, v) in [0.4, 0.0, 0.0].into_iter().enumerate() {
            assert!((settled.hidden[0][2 * b] - v).abs() < 1e-5, "{settled:?}");
            assert!((settled.outputs[b] - v).abs() < 1e-5, "{settled:?}");
        }
        let power = 3.0 * 0.4 * 0.4 + 1.2 * 1.2;
        assert!(
            (settled.dissipated_power[0] - power).abs() < 1e-5,
            "{settled:?}"
        );
    }
}

/// Units that no resistor reaches stay at 0 V, which is their equilibrium unless a bias current has no
/// way out: unit 0 is excitatory, unit 1 inhibitory, the output linear.
#[test]
fn an_isolated_unit_is_in_equilibrium_if_its_diode_takes_its_bias_current() {
    let mut twins = Twins::random(&Architecture::new(1, vec![2], 1), 1, 0);
    for (l, count) in [4, 2].into_iter().enumerate() {
        twins.engine.set_weights(l, &vec![0.0; count]).unwrap();
        twins.reference.weights[l].fill(0.0);
    }
    let biases = [
        ([0.0, 0.0], 0.0),
        ([-0.5, 0.5], 0.0),
        ([0.5, 0.0], 0.0),
        ([0.0, -0.5], 0.0),
    ];
    for ((hidden, output), residual) in biases
        .into_iter()
        .chain([([0.0; 2], 0.5)])
        .zip([0.0, 0.0, 1.0, 1.0, 1.0])
    {
        twins.engine.set_biases(0, &hidden).unwrap();
        twins.engine.set_biases(1, &[output]).unwrap();
        twins.reference.biases = vec![wide(&hidden), wide(&[output])];
        let settling = Settling::sweeps(SweepOrder::Asynchronous, 3);
        let settled = twins.engine.settle(&[1.0], &settling).unwrap();
        assert_eq!(
            (settled.outputs, &settled.hidden[0]),
            (vec![0.0], &vec![0.0; 2])
        );
        let reference = twins
            .reference
            .residual(&twins.truths(&[1.0], settling)[0], FREE);
        assert_eq!(
            (settled.residuals[0], reference),
            (residual, residual),
            "biases {hidden:?}, {output}"
        );
    }
}

#[test]
fn the_circuit_of_a_network_settles_as_it_does() {
    for (seed, law) in laws::laws().into_iter().enumerate() {
        let architecture = Architecture::new(6, vec![9, 7], 4)
            .with_input_gain(3.0)
            .with_laws(vec![law]);
        let Twins { engine, reference } = Twins::random(&architecture, 1, seed as u64);
        let features: Vec<f32> = (0..6).map(|i| ((seed + i) as f32 * 0.7).sin()).collect();
        let circuit = engine
            .to_circuit(&wide(&features))
            .expect("finite features");
        let text = crate::circuit::netlist::write(&circuit, "a deep resistive network");
        let read = crate::circuit::netlist::parse(&text, "drn.cir").expect("what was written");
        let mut solver = Solver::new(&read.circuit, SolveOptions::default()).expect("solvable");
        let solution = solver.solve(&read.circuit).expect("solvable");
        assert!(
            solution.certificate.passes(1e-9),
            "{:?}",
            solution.certificate
        );

        let mut v = reference.at_rest(&wide(&features));
        let settling = Settling::tolerance(SweepOrder::Asynchronous, 1e-14, 10_000);
        reference.settle(&mut v, settling, FREE);
        let settling = Settling::tolerance(SweepOrder::Asynchronous, 1e-6, 10_000);
        let settled = engine
            .settle(&features, &settling)
            .expect("finite features");
        for (l, layer) in v.iter().enumerate().skip(1) {
            for (j, wanted) in layer.iter().enumerate() {
                let name = if l == 3 {
                    format!("o{j}")
                } else {
                    format!("h{l}_{j}")
                };
                let node = read.circuit.node(&name).expect("a node of the network");
                let off = (solution.potential(node) - wanted).abs();
                assert!(off < 1e-9, "seed {seed}, {name}: off by {off:e}");
            }
        }
        for (j, output) in settled.outputs.iter().enumerate() {
            let node = read.circuit.node(&format!("o{j}")).expect("an output");
            let off = (solution.potential(node) - f64::from(*output)).abs();
            assert!(off < 1e-4, "seed {seed}, output {j}: off by {off:e}");
        }
    }
}
