//! Settings, data and numbers that training refuses.

use super::*;
use crate::drn::tests::ENERGIES;

#[test]
fn cross_entropy_refuses_negative_targets() {
    let values = vec![0.0, 1.0, 0.5, -0.5];
    let targets = Targets::Values { values, outputs: 2 };
    let data = Dataset::new(1, Inputs::Values(vec![1.0, 2.0]), targets).unwrap();
    let twins = Twins::random(&Architecture::new(1, vec![4], 2), 1, 3);
    let settling = Settling::sweeps(SweepOrder::Forward, 1);
    let measure = |cost| evaluate(&twins.engine, &data, &settling, cost);
    assert!(measure(Cost::SquaredError).is_ok());
    let negative = TrainError::NegativeTarget {
        example: 1,
        output: 1,
        value: -0.5,
    };
    assert_eq!(measure(Cost::CrossEntropy), Err(negative));
}

/// One output with 0.25 S to each of two hidden units: nudging by -0.5 S or more has no minimum.
#[test]
fn unbounded_nudging_is_refused() {
    let architecture = Architecture::new(1, vec![2], 1);
    let data = Dataset::images(1, 1, 1, vec![1; 3], &[0; 3]).unwrap();
    let train = |rule, beta| {
        let mut network = Network::zero(&architecture, 1).unwrap();
        network.set_weights(0, &[1.0; 4]).unwrap();
        network.set_weights(1, &[0.25; 2]).unwrap();
        let options = TrainOptions {
            rule,
            beta: Some(beta),
            optimizer: Optimizer::plain(&[0.0; 2], &[0.0; 2], 1.0),
            ..busy_options(&architecture, SweepOrder::Forward, 0.0)
        };
        Trainer::new(network, options, 0)
            .unwrap()
            .train_epoch(&data, |_| {})
            .map(|_| ())
    };
    for rule in [NegativeEp, CenteredEp] {
        assert_eq!(train(rule, 0.499), Ok(()));
        for beta in [0.5, 0.7] {
            let source = Unbounded {
                output: 0,
                conductance: 0.5,
                beta,
            };
            let error = TrainError::Unbounded { example: 0, source };
            assert_eq!(train(rule, beta), Err(error), "{rule:?}, beta {beta}");
        }
    }
    assert_eq!(train(PositiveEp, 50.0), Ok(()));
}

/// Steps that are far too large end in an error, or in numbers: never in a network that holds none.
#[test]
fn divergence_is_an_error() {
    for (hidden, rate) in (0..=2).flat_map(|h| [1e2, 1e10, 1e20, 1e30, 3e38].map(|r| (h, r))) {
        let data = random_data(5, 3, 8, 3);
        let rules = RULES.into_iter().flat_map(|r| [(r, 0.0), (r, 0.9)]);
        for ((rule, momentum), energy) in rules.flat_map(|case| ENERGIES.map(|e| (case, e))) {
            let architecture = Architecture::new(5, vec![6; hidden], 3).with_energy(energy);
            let rates = vec![rate; hidden + 1];
            let optimizer = Optimizer {
                update: Update::Momentum { momentum },
                ..Optimizer::plain(&rates, &rates, 1.0)
            };
            let options = TrainOptions {
                rule,
                beta: rule.has_beta().then_some(0.1),
                optimizer,
                ..busy_options(&architecture, SweepOrder::Forward, 0.0)
            };
            let engine = Twins::random(&architecture, 1, 4).engine;
            let mut trainer = Trainer::new(engine, options, 5).unwrap();
            for epoch in 0..3 {
                let result = trainer.train_epoch(&data, |_| {});
                let network = trainer.network();
                let parameters = |l| network.weights(l).into_iter().chain(network.biases(l));
                let finite = (0..=hidden).flat_map(parameters).all(f32::is_finite);
                let told = matches!(
                    result,
                    Err(TrainError::Diverged { .. } | TrainError::Unbounded { .. })
                );
                assert!(
                    finite || told,
                    "{energy:?}, {hidden} hidden layers, rate {rate}, {rule:?}, momentum {momentum}, epoch {epoch}: {result:?}"
                );
                if told {
                    break;
                }
            }
        }
    }
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let architecture = Architecture::new(4, vec![6], 3);
    let engine = Twins::random(&architecture, 1, 0).engine;
    let options = busy_options(&architecture, SweepOrder::Forward, 0.0);
    let settling = options.free_phase;
    let mut trainer = Trainer::new(engine.clone(), options, 0).unwrap();
    for (features, classes) in [(3, 3), (5, 3), (4, 2), (4, 4)] {
        let data = random_data(features, classes, 5, 0);
        let error = TrainError::Dataset {
            features,
            outputs: classes,
            expected_features: 4,
            expected_outputs: 3,
        };
        assert_eq!(trainer.train_epoch(&data, |_| {}).unwrap_err(), error);
        assert_eq!(
            evaluate(&engine, &data, &settling, Cost::SquaredError).unwrap_err(),
            error
        );
    }
    assert_eq!(trainer.epoch(), 0, "a refused dataset counted as an epoch");
}

#[test]
fn train_options_out_of_range_are_refused() {
    use TrainOptionsError as E;
    let architecture = Architecture::new(4, vec![6], 3);
    let good = busy_options(&architecture, SweepOrder::Forward, 0.0);
    assert_eq!(good.validate(&architecture), Ok(()));
    let refused = |change: &dyn Fn(&mut TrainOptions)| {
        let mut options = good.clone();
        change(&mut options);
        let engine = Twins::random(&architecture, 1, 0).engine;
        let error = options.validate(&architecture).unwrap_err();
        assert_eq!(
            Trainer::new(engine, options, 0)
                .err()
                .map(|e| e.to_string()),
            Some(error.to_string())
        );
        error
    };
    for beta in [0.0, -0.1, f32::NAN, f32::INFINITY] {
        assert!(
            matches!(refused(&|o| o.beta = Some(beta)), E::Beta(_)),
            "beta {beta}"
        );
    }
    let hopfield = architecture.clone().with_energy(Energy::Hopfield);
    let nudged = |rule, beta, cost| {
        let beta = Some(beta);
        let changed = TrainOptions {
            rule,
            beta,
            cost,
            ..good.clone()
        };
        changed.validate(&hopfield)
    };
    for rule in [CenteredEp, NegativeEp] {
        assert_eq!(
            nudged(rule, 1.0, Cost::SquaredError),
            Err(E::StrongNudge(1.0))
        );
        assert_eq!(nudged(rule, 0.99, Cost::SquaredError), Ok(()));
        assert_eq!(nudged(rule, 1.0, Cost::CrossEntropy), Ok(()));
    }
    assert_eq!(nudged(PositiveEp, 5.0, Cost::SquaredError), Ok(()));
    assert_eq!(refused(&|o| o.beta = None), E::NoBeta);
    assert_eq!(refused(&|o| o.rule = AdjointLearning), E::UnusedBeta(0.1));
    let back = |o: &mut TrainOptions| (o.rule, o.beta) = (TruncatedBackpropagation, None);
    assert_eq!(refused(&back), E::NotUnrolled, "forward, with a tolerance");
    let clamped = refused(&|o| (o.rule, o.cost) = (CenteredCpl, Cost::CrossEntropy));
    assert_eq!(clamped, E::NoTarget);
    assert_eq!(refused(&|o| o.batch = 0), E::EmptyBatch);
    let large = TrainOptions::MAX_BATCH + 1;
    assert_eq!(refused(&|o| o.batch = large), E::LargeBatch(large));
    for tolerance in [0.0, -1e-3, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            refused(&|o| o.free_phase.tolerance = Some(tolerance)),
            E::FreePhase(_)
        ));
        assert!(matches!(
            refused(&|o| o.nudged_phase.tolerance = Some(tolerance)),
            E::NudgedPhase(_)
        ));
    }
    assert!(matches!(
        refused(&|o| o.free_phase.sweeps = 0),
        E::FreePhase(_)
    ));
    assert!(matches!(
        refused(&|o| o.nudged_phase.sweeps = 0),
        E::NudgedPhase(_)
    ));
}

#[test]
fn optimizers_out_of_range_are_refused() {
    let architecture = Architecture::new(4, vec![6], 3);
    let good = Optimizer::plain(&[0.1, 0.2], &[0.0, 0.3], 0.99);
    assert_eq!(good.validate(&architecture), Ok(()));
    let refused = |name: &str, change: &dyn Fn(&mut Optimizer)| {
        let mut optimizer = good.clone();
        change(&mut optimizer);
        let error = optimizer.validate(&architecture).expect_err(name);
        assert!(
            error.to_string().contains(name),
            "{name} is not named: {error}"
        );
    };
    for bad in [-0.1, f32::NAN, f32::INFINITY] {
        refused("schedule.factor", &|o| {
            o.schedule = Schedule::exponential(bad)
        });
        refused("schedule.warmup", &|o| o.schedule.warmup = bad);
        refused("schedule.final", &|o| {
            o.schedule.course = Course::Cosine {
                epochs: 3,
                last: bad,
            };
        });
        refused("momentum", &|o| {
            o.update = Update::Momentum { momentum: bad };
        });
        for (name, [beta1, beta2, epsilon]) in [
            ("beta1", [bad, 0.9, 1e-8]),
            ("beta2", [0.9, bad, 1e-8]),
            ("epsilon", [0.9, 0.9, bad]),
        ] {
            refused(name, &|o| {
                o.update = Update::Adam {
                    beta1,
                    beta2,
                    epsilon,
                };
            });
        }
        refused("weight_decay", &|o| o.weight_decay = bad);
        refused("learning_rates.W2", &|o| {
            _ = o.learning_rates.insert("W2".to_owned(), bad)
        });
    }
    for bad in [0.0, 1.1] {
        refused("schedule.factor", &|o| {
            o.schedule = Schedule::exponential(bad)
        });
    }
    refused("schedule.epochs", &|o| {
        o.schedule.course = Course::Cosine {
            epochs: 0,
            last: 0.0,
        };
    });
    refused("momentum", &|o| {
        o.update = Update::Momentum { momentum: 1.0 }
    });
    for name in ["W1", "W2", "b1", "b2"] {
        refused(name, &|o| _ = o.learning_rates.remove(name));
    }
    for name in ["W0", "W3", "w1", "b3", ""] {
        refused(name, &|o| _ = o.learning_rates.insert(name.to_owned(), 0.1));
    }
}

/// The optimiser's registers are the trainer's: parameters that are set between epochs do not touch them.
#[test]
fn velocities_survive_the_setting_of_parameters() {
    let architecture = Architecture::new(4, vec![130], 2);
    let data = random_data(4, 2, 9, 1);
    let options = busy_options(&architecture, SweepOrder::Forward, 0.9);
    let weights = |changes: bool| {
        let engine = Twins::random(&architecture, 2, 2).engine;
        let mut trainer = Trainer::new(engine, options.clone(), 3).unwrap();
        trainer.train_epoch(&data, |_| {}).unwrap();
        if changes {
            let same = trainer.network().weights(0);
            trainer.set_weights(0, &vec![1.0; same.len()]).unwrap();
            trainer.set_weights(0, &same).unwrap();
        }
        trainer.train_epoch(&data, |_| {}).unwrap();
        trainer.network().weights(0)
    };
    assert_eq!(weights(true), weights(false));
}

/// All states of all sweeps of the largest batch of a wide network: some 60 TB.
#[test]
fn states_that_do_not_fit_into_memory_are_refused() {
    // Units come in blocks of 64, also where there is only one.
    for (hidden, least) in [(vec![1 << 20], 1 << 45), (vec![1, 1], 1 << 35)] {
        let architecture = Architecture::new(1, hidden, 1);
        let rates = vec![0.1; architecture.free_layers()];
        let options = TrainOptions {
            rule: TruncatedBackpropagation,
            beta: None,
            batch: TrainOptions::MAX_BATCH,
            free_phase: Settling::sweeps(SweepOrder::Asynchronous, TrainOptions::MAX_UNROLLED),
            optimizer: Optimizer::plain(&rates, &rates, 1.0),
            ..busy_options(&architecture, SweepOrder::Asynchronous, 0.0)
        };
        let network = Network::zero(&architecture, 1).unwrap();
        let refused = Trainer::new(network, options, 0).map(|_| ());
        assert!(
            matches!(refused, Err(TrainOptionsError::Memory { bytes }) if bytes > least),
            "{refused:?}"
        );
    }
}
