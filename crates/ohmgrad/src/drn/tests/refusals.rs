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
fn windows_starts_and_laws_out_of_range_are_refused() {
    let good = || Architecture::new(2, vec![4, 3], 1);
    let fault = |architecture: Architecture| {
        Network::random(&architecture, 0, 1)
            .unwrap_err()
            .to_string()
    };
    let pair = |low, high| UnitLaw::IdealPair(IdealPair { low, high });
    let diodes = |numbers, dead_zone| {
        UnitLaw::Shockley(laws::shockley(Arrangement::Double, numbers, dead_zone))
    };
    let both = UnitLaw::Shockley(ShockleyDiodes {
        ideality: Some(1.0),
        ..laws::shockley(Arrangement::Single, [1e-6, 0.05, 0.0], true)
    });
    let tanh = |limit, scale| UnitLaw::Tanh(TanhResistor { limit, scale });
    for (refused, words) in [
        (
            good().with_windows(vec![[0.0, 1.0]]),
            "windows has 1 entries",
        ),
        (
            good().with_windows(vec![[0.0, 1.0], [2.0, 1.0], [0.0, 1.0]]),
            "bounds [2, 1] S",
        ),
        (
            good().with_windows(vec![[0.0, 1.0], [9.0, 10.0], [0.0, 1.0]]),
            "W2 starts within [-0.5, 0.5] S",
        ),
        (
            good().with_start(Start::Uniform),
            "W1 has the window [0, inf]",
        ),
        (
            good()
                .with_start(Start::KaimingCentred)
                .with_bounds(0.0, f32::INFINITY),
            "W1 has the window",
        ),
        (good().with_bias_bounds(0.1, 1.0), "biases in [0.1, 1] A"),
        (
            good().with_bias_bounds(f32::NAN, 1.0),
            "biases in [NaN, 1] A",
        ),
        (
            good().with_laws(vec![UnitLaw::Linear; 3]),
            "laws has 3 entries",
        ),
        (
            good().with_laws(vec![UnitLaw::Linear, pair(0.1, 0.2)]),
            "laws[1]: a unit cannot lie in [0.1, 0.2] V",
        ),
        (good().with_laws(vec![pair(f64::NAN, 0.2)]), "laws[0]: "),
        (
            good().with_laws(vec![diodes([0.0, 0.05, 0.0], true)]),
            "saturation_current is 0 A",
        ),
        (
            good().with_laws(vec![diodes([1e-6, f64::NAN, 0.0], true)]),
            "thermal_voltage is NaN V",
        ),
        (
            good().with_laws(vec![diodes([1e-6, 0.05, -0.1], true)]),
            "offset_voltage is -0.1 V",
        ),
        (
            good().with_laws(vec![diodes([1e-6, 0.01, 0.8], false)]),
            "dead_zone = true",
        ),
        (
            good().with_laws(vec![both]),
            "either thermal_voltage or ideality",
        ),
        (good().with_laws(vec![tanh(1.0, 0.0)]), "scale is 0 V"),
        (good().with_laws(vec![tanh(-1.0, 1.0)]), "limit is -1 A"),
        (
            good()
                .with_energy(Energy::Hopfield)
                .with_laws(vec![UnitLaw::Linear]),
            "laws is a setting of resistive",
        ),
    ] {
        let fault = fault(refused);
        assert!(fault.contains(words), "{fault}");
    }
}

/// Settings of curves: the fault is told with its place.
#[test]
fn curves_in_settings_are_checked() {
    let read = |law: &str| {
        let text = format!("features = 2\nhidden = [3]\noutputs = 1\nlaws = [{law}]");
        toml::from_str::<Architecture>(&text).map_err(|error| error.to_string())
    };
    let fine =
        read("{ kind = \"curve\", points = [[0.0, 0.0], [1.0, 1.0]], beyond = \"clamped\" }");
    assert_eq!(fine.expect("a curve").laws.len(), 1);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "0,0\n1,1\n").expect("written");
    let path = file.path().display();
    let from_file = read(&format!("{{ kind = \"curve\", file = \"{path}\" }}")).expect("a curve");
    let text = toml::to_string(&from_file).expect("TOML");
    assert!(!text.contains("file"), "{text}");
    assert_eq!(
        toml::from_str::<Architecture>(&text).expect("what was written"),
        from_file
    );
    std::fs::write(file.path(), "0,0\n1,1\n2,0.5\n").expect("written");
    for (law, words) in [
        (
            format!("{{ kind = \"curve\", file = \"{path}\" }}"),
            "line 3: the current falls to 0.5 A",
        ),
        ("{ kind = \"curve\" }".to_owned(), "give either `points"),
        (
            "{ kind = \"curve\", points = [[0.0, 0.0]] }".to_owned(),
            "at least 2",
        ),
        (
            "{ kind = \"curve\", point = [] }".to_owned(),
            "unknown field `point`",
        ),
        (
            "{ kind = \"tanh\", limit = 1.0 }".to_owned(),
            "missing field `scale`",
        ),
        (
            "{ kind = \"varistor\" }".to_owned(),
            "unknown variant `varistor`",
        ),
    ] {
        let fault = read(&law).expect_err("a fault");
        assert!(fault.contains(words), "{fault}");
    }
}

#[test]
fn networks_start_as_they_are_told() {
    let bounds = |architecture: &Architecture, l: usize| {
        let weights = Network::random(architecture, 1, 1)
            .expect("valid")
            .weights(l);
        let least = weights.iter().copied().fold(f32::INFINITY, f32::min);
        let mean = weights.iter().sum::<f32>() / weights.len() as f32;
        (least, mean, weights.into_iter().fold(0.0, f32::max))
    };
    let good = || Architecture::new(30, vec![40], 50).with_windows(vec![[0.5, 2.0], [0.0, 0.1]]);
    let near = |got: f32, want: f32, what: &str| {
        assert!((got - want).abs() < 0.02, "{what}: {got} for {want}")
    };
    let uniform = bounds(&good().with_start(Start::Uniform), 0);
    near(uniform.0, 0.5, "least");
    near(uniform.1, 1.25, "mean");
    near(uniform.2, 2.0, "largest");
    let half = (6.0_f32 / 60.0).sqrt();
    let centred = bounds(&good().with_start(Start::KaimingCentred), 0);
    near(centred.0, 1.25 - half, "least");
    near(centred.2, 1.25 + half, "largest");
    let wide = Architecture::new(30, vec![40], 50).with_start(Start::Kaiming);
    let (least, mean, largest) = bounds(&wide, 0);
    assert_eq!(least, 0.0);
    near(mean, half / 4.0, "mean");
    near(largest, half, "largest");
    let clamped = bounds(&good().with_start(Start::Uniform), 1);
    assert!(clamped.0 >= 0.0 && clamped.2 <= 0.1);
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
