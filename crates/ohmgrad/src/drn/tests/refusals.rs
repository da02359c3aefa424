//! What networks refuse, and how they say so.

use super::*;

#[test]
fn settle_refuses_bad_inputs() {
    let twins = Twins::random(&Architecture::new(3, vec![4], 2), 1, 0);
    let good = Settling::sweeps(SweepOrder::Forward, 4);
    let settle = |inputs: &[f32], settling| twins.engine.settle(inputs, &settling).unwrap_err();
    for found in [0, 1, 4] {
        let error = SettleError::Inputs { features: 3, found };
        assert_eq!(settle(&vec![0.0; found], good), error);
    }
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = settle(&[0.0, 0.0, 0.0, 0.0, value, 0.0], good);
        let found = matches!(
            error,
            SettleError::NotFinite {
                example: 1,
                index: 1,
                ..
            }
        );
        assert!(found, "{error}");
    }
    let no_sweeps = SettleError::Settling(SettlingError::NoSweeps);
    assert_eq!(settle(&[0.0; 3], Settling { sweeps: 0, ..good }), no_sweeps);
    for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = settle(
            &[0.0; 3],
            Settling::tolerance(SweepOrder::Forward, tolerance, 9),
        );
        let refused = matches!(error, SettleError::Settling(SettlingError::Tolerance(_)));
        assert!(refused, "tolerance {tolerance}: {error}");
    }
}

/// No finite input may end in potentials that are silently wrong.
#[test]
fn settle_reports_overflow() {
    for hidden in [vec![], vec![6], vec![6, 6]] {
        for features in [1, 2] {
            let architecture =
                Architecture::new(features, hidden.clone(), 2).with_input_gain(100.0);
            let mut inputs = vec![0.5; 2 * features];
            inputs[features] = f32::MAX;
            for seed in 0..8 {
                let twins = Twins::random(&architecture, 1, seed);
                let settling = Settling::sweeps(SweepOrder::Asynchronous, 4);
                let settled = twins.engine.settle(&inputs, &settling);
                let error = SettleError::Overflow { example: 1 };
                assert_eq!(settled, Err(error), "{architecture:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn parameters_outside_their_range_are_refused() {
    let architecture = Architecture::new(1, vec![2], 1).with_bounds(0.1, 2.0);
    let mut network = Network::zero(&architecture, 1).unwrap();
    network.set_weights(0, &[0.1, 2.0, 1.0, 1.0]).unwrap();
    let before = network.weights(0);
    for value in [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        -1.0,
        0.0,
        0.09,
        2.1,
    ] {
        let error = network.set_weights(0, &[1.0, 1.0, value, 1.0]).unwrap_err();
        let found = matches!(&error, ParameterError::Value { name, index: 2, .. } if name == "W1");
        assert!(found, "{error}");
    }
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = network.set_biases(1, &[value]).unwrap_err();
        let found = matches!(&error, ParameterError::Value { name, index: 0, .. } if name == "b2");
        assert!(found, "{error}");
    }
    for found in [0, 3, 5] {
        let error = network.set_weights(0, &vec![1.0; found]).unwrap_err();
        let wrong = matches!(&error, ParameterError::WrongLength { expected: 4, .. });
        assert!(wrong, "{found} conductances: {error}");
        let error = network.set_biases(0, &vec![0.0; found]).unwrap_err();
        let wrong = matches!(&error, ParameterError::WrongLength { expected: 2, .. });
        assert!(wrong, "{found} biases: {error}");
    }
    assert_eq!(
        network.weights(0),
        before,
        "a refused array changed the network"
    );
}

#[test]
fn architectures_out_of_range_are_refused() {
    use ArchitectureError as E;
    let new = |features, hidden: &[usize], outputs| {
        Architecture::new(features, hidden.to_vec(), outputs).validate()
    };
    assert_eq!(new(1, &[1, 1], 1), Ok(()));
    for (result, name) in [
        (new(0, &[1], 1), "input layer"),
        (new(1, &[1, 0], 1), "hidden layer 2"),
        (new(1, &[1], 0), "output layer"),
    ] {
        let named = matches!(&result, Err(E::EmptyLayer { layer }) if layer.contains(name));
        assert!(named, "{name}: {result:?}");
    }
    let wide = new(1, &[Architecture::MAX_WIDTH + 1], 1);
    assert!(matches!(wide, Err(E::TooWide { .. })), "{wide:?}");
    let good = Architecture::new(1, vec![1], 1);
    for value in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let input = good.clone().with_input_gain(value).validate();
        let named = matches!(&input, Err(E::Gain { name, .. }) if name == "input_gain");
        assert!(named, "{input:?}");
        let weight_gains = vec![1.0, value];
        let weight = Architecture {
            weight_gains,
            ..good.clone()
        }
        .validate();
        let named = matches!(&weight, Err(E::Gain { name, .. }) if name == "weight_gains[1]");
        assert!(named, "{weight:?}");
    }
    let counts = Architecture {
        weight_gains: vec![1.0],
        ..good.clone()
    }
    .validate();
    assert_eq!(
        counts,
        Err(E::WeightGains {
            expected: 2,
            found: 1
        })
    );
    let odd = Architecture::new(3, vec![], 5).with_readout(Readout::Pairs);
    assert_eq!(odd.validate(), Err(E::OddOutputs(5)));
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    for (g_min, g_max) in [(-0.1, 1.0), (2.0, 1.0), (nan, 1.0), (0.0, nan), (inf, inf)] {
        let bounds = good.clone().with_bounds(g_min, g_max).validate();
        assert!(
            matches!(bounds, Err(E::Bounds { .. })),
            "[{g_min}, {g_max}]: {bounds:?}"
        );
    }
}

#[test]
fn bad_examples_make_no_circuit() {
    let architecture = Architecture::new(2, vec![4], 1);
    let network = Twins::random(&architecture, 1, 0).engine;
    let fault = |features: &[f64]| {
        network
            .to_circuit(features)
            .expect_err("a fault")
            .to_string()
    };
    assert!(fault(&[1.0]).contains("1 features, the network takes 2"));
    assert!(fault(&[1.0, f64::NAN]).contains("element vp1: its voltage is NaN V"));
}

/// What is refused of the first batch ends all: no later one is settled.
#[test]
fn a_batch_that_is_refused_is_the_last_one() {
    let network = Twins::random(&Architecture::new(2, vec![70], 1), 2, 1).engine;
    let encoded = std::sync::atomic::AtomicUsize::new(0);
    let outcome = network.settle_batches(
        1,
        50,
        &Settling::sweeps(SweepOrder::Forward, 2),
        false,
        |input: &mut Input, b| {
            encoded.fetch_max(b, std::sync::atomic::Ordering::Relaxed);
            input.encode(2, 1, |_, volts| volts.fill(1.0));
        },
        |b, _| match b {
            2 => Err(SettleError::Overflow { example: b }),
            _ => Ok(()),
        },
    );
    assert_eq!(outcome, Err(SettleError::Overflow { example: 2 }));
    assert_eq!(encoded.into_inner(), 2);
}

#[test]
fn parameters_that_there_are_not_are_named() {
    let mut network = Twins::random(&Architecture::new(2, vec![3], 1), 1, 1).engine;
    let matrix = network.set_weights(2, &[]).unwrap_err().to_string();
    assert!(
        matrix.contains("no parameter W3") && matrix.contains("W1, W2, b1, b2"),
        "{matrix}"
    );
    let biases = network.set_biases(5, &[]).unwrap_err().to_string();
    assert!(biases.contains("no parameter b6"), "{biases}");
}

/// Without a hidden layer nobody waits for anybody in a sweep; the team hears of the interruption all the same.
#[test]
fn a_network_without_hidden_layers_can_be_interrupted() {
    let network = Twins::random(&Architecture::new(2, vec![], 200), 3, 1).engine;
    let settling = Settling::sweeps(SweepOrder::Forward, usize::MAX);
    let outcome = crate::interrupt::interruptible(
        || true,
        || network.settle(&[0.5, 1.0], &settling).map(|_| ()),
    );
    assert_eq!(
        outcome,
        Err(SettleError::Interrupted(crate::interrupt::Interrupted))
    );
}
