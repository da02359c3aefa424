//! Deep Hopfield networks: another energy by the same sweeps.

use super::*;

/// Uniform in [-0.7, 0.7] / sqrt(fan-in): mean 0, mean square 0.7^2 / (3 fan-in).
#[test]
fn initial_weights_of_a_hopfield_network_have_both_signs() {
    let architecture = Architecture {
        weight_gains: vec![0.7; 2],
        ..Architecture::new(300, vec![70], 200).with_energy(Energy::Hopfield)
    };
    let network = Network::random(&architecture, 3, 2).unwrap();
    for l in 0..2 {
        let weights = wide(&network.weights(l));
        let fan_in = architecture.shape(l).0 as f64;
        assert_eq!(architecture.shape(0), (300, 70));
        let moment =
            |power| weights.iter().map(|w| w.powi(power)).sum::<f64>() / weights.len() as f64;
        let (mean, square) = (moment(1) * fan_in.sqrt(), moment(2) * fan_in);
        assert!(mean.abs() < 0.02, "W{}: mean {mean}", l + 1);
        assert!(
            (square - 0.49 / 3.0).abs() < 0.01,
            "W{}: mean square {square}",
            l + 1
        );
        let largest = largest([&weights]) * fan_in.sqrt();
        assert!(
            (0.69..=0.7001).contains(&largest),
            "W{}: largest {largest}",
            l + 1
        );
    }
}

/// A small Hopfield network with units at 0, at 1 and between, in no particular state.
fn hopfield() -> (Reference, Potentials) {
    let architecture = Architecture::new(4, vec![9, 7], 3).with_energy(Energy::Hopfield);
    let reference = Twins::random(&architecture, 1, 3).reference;
    let mut v = reference.at_rest(&[1.0, -0.5, 0.25, 0.0]);
    let mut unit = (0..).map(|k| (0.3 * f64::from(k)) % 1.0);
    v[1..]
        .iter_mut()
        .flatten()
        .for_each(|v| *v = unit.next().unwrap());
    (reference, v)
}

/// By central differences, of all weights and biases.
#[test]
fn the_local_derivatives_of_a_hopfield_network_are_those_of_its_energy() {
    let (mut reference, v) = hopfield();
    let (weights, biases) = reference.energy_derivatives(&v);
    for (part, derivatives) in [weights, biases].iter().enumerate() {
        for (l, derivatives) in derivatives.iter().enumerate() {
            for (i, derivative) in derivatives.iter().enumerate() {
                let mut energy_at = |step: f64| {
                    [&mut reference.weights, &mut reference.biases][part][l][i] += step;
                    let energy = reference.energy(&v, FREE);
                    [&mut reference.weights, &mut reference.biases][part][l][i] -= step;
                    energy
                };
                let slope = (energy_at(1e-3) - energy_at(-1e-3)) / 2e-3;
                let off = (slope - derivative).abs();
                assert!(
                    off < 1e-10,
                    "parameter {i} of {l}: {derivative} for {slope}"
                );
            }
        }
    }
}

/// No other point of [0, 1] has less energy than where a sweep puts a unit, nudged towards the target or away from it.
#[test]
fn each_step_of_a_hopfield_network_is_exact() {
    let (reference, start) = hopfield();
    let mut ends = [0; 3]; // at 0, between, at 1
    for (beta, l) in [-0.9, 0.0, 0.7]
        .into_iter()
        .flat_map(|b| [0, 1, 2].map(|l| (b, l)))
    {
        let nudge = Nudge {
            beta,
            target: &[0.0, 1.0, 0.0],
        };
        let mut v = start.clone();
        reference.sweep(&mut v, SweepOrder::Forward, nudge);
        let after: Vec<f64> = v[l + 1].clone();
        v.clone_from(&start);
        for group in SweepOrder::Forward.groups(3).into_iter().take(l) {
            let mut next = v.clone();
            reference.sweep(&mut next, SweepOrder::Forward, nudge);
            v[group[0] + 1].clone_from(&next[group[0] + 1]);
        }
        v[l + 1].clone_from(&after);
        let least = reference.energy(&v, nudge);
        for j in 0..after.len() {
            ends[1 + usize::from(after[j] == 1.0) - usize::from(after[j] == 0.0)] += 1;
            for other in (0..=20).map(|k| f64::from(k) / 20.0) {
                v[l + 1][j] = other;
                let energy = reference.energy(&v, nudge);
                assert!(
                    energy >= least - 1e-12,
                    "unit {j} of {l} at {other}: {energy} < {least}"
                );
            }
            v[l + 1][j] = after[j];
        }
    }
    assert!(
        ends.iter().all(|count| *count > 0),
        "{ends:?} units at 0, between, at 1"
    );
}

/// One hidden unit that sees 0.5 x and an output through w: s = clip(0.5 x + w y), y = clip(w s).
#[test]
fn a_small_hopfield_network_settles_where_its_equations_meet() {
    let architecture = Architecture::new(1, vec![1], 1).with_energy(Energy::Hopfield);
    let mut network = Network::zero(&architecture, 1).unwrap();
    network.set_weights(0, &[0.5]).unwrap();
    network.set_weights(1, &[-0.5]).unwrap();
    network.set_biases(1, &[0.6]).unwrap();
    for order in ORDERS {
        let settling = Settling::tolerance(order, 1e-6, 100);
        let settled = network.settle(&[1.0, -4.0, 4.0], &settling).unwrap();
        // s = x / 2 - y / 2 and y = 0.6 - s / 2, clipped to [0, 1]: (4 / 15, 7 / 15), (0, 0.6), (1, 0.1).
        let states = [(4.0 / 15.0, 7.0 / 15.0), (0.0, 0.6), (1.0, 0.1)];
        for (b, (s, y)) in states.into_iter().enumerate() {
            assert!((settled.hidden[0][b] - s).abs() < 1e-5, "{settled:?}");
            assert!((settled.outputs[b] - y).abs() < 1e-5, "{settled:?}");
            let x = [1.0, -4.0, 4.0][b];
            let energy = (s * s + y * y) / 2.0 - 0.5 * x * s + 0.5 * s * y - 0.6 * y;
            assert!(
                (settled.energy[b] - f64::from(energy)).abs() < 1e-5,
                "{settled:?}"
            );
        }
    }
}

#[test]
fn what_only_resistive_networks_have_is_refused_in_hopfield_networks() {
    let hopfield = || Architecture::new(2, vec![3], 2).with_energy(Energy::Hopfield);
    assert_eq!(hopfield().validate(), Ok(()));
    for (architecture, name) in [
        (hopfield().with_input_gain(2.0), "input_gain"),
        (hopfield().with_input_gain(f32::NAN), "input_gain"),
        (hopfield().with_bounds(0.1, f32::INFINITY), "g_min"),
        (hopfield().with_bounds(0.0, 1.0), "g_max"),
        (hopfield().with_readout(Readout::Pairs), "readout"),
    ] {
        let error = architecture.validate();
        assert_eq!(error, Err(ArchitectureError::NotResistive(name)));
    }
    let network = Twins::random(&hopfield(), 1, 0).engine;
    let circuit = network.to_circuit(&[1.0, 0.0]);
    assert_eq!(circuit.err(), Some(ToCircuitError::NotResistive));
}
