//! What training gives: the same bits on any number of threads, networks that have learnt, and their evaluation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::drn::tests::{ENERGIES, FREE, ORDERS, several_blocks};

#[test]
fn training_gives_the_same_bits_on_any_number_of_threads() {
    let descents = [(0.0, 0.0), (0.0, 0.01), (0.9, 0.01)];
    for (hidden, (momentum, decay)) in (0..=3).flat_map(|h| descents.map(|d| (h, d))) {
        for (order, energy) in ORDERS
            .into_iter()
            .flat_map(|o| ENERGIES.map(|energy| (o, energy)))
        {
            let architecture = several_blocks(hidden).with_energy(energy);
            let train = |threads| {
                let mut options = busy_options(&architecture, order, momentum);
                options.optimizer.weight_decay = decay;
                let (trainer, epochs) = train_two_epochs(&architecture, options, threads);
                let network = trainer.network();
                let parameters = |l| (network.weights(l), network.biases(l));
                let parameters: Vec<_> = (0..architecture.matrices()).map(parameters).collect();
                bits(&(epochs, trainer.carried_state(), parameters))
            };
            let one = train(1);
            for threads in [2, 3] {
                let same = train(threads) == one;
                assert!(
                    same,
                    "{energy:?}, {threads} threads, {hidden} hidden layers, {order:?}, momentum {momentum}, \
                     decay {decay}"
                );
            }
        }
    }
}

/// 70 examples make two batches, the second one short.
#[test]
fn evaluation_agrees_with_the_f64_reference() {
    let architecture = Architecture::new(12, vec![70, 20], 4);
    evaluates(&architecture.clone().with_input_gain(5.0));
    evaluates(&architecture.with_energy(Energy::Hopfield));
}

fn evaluates(architecture: &Architecture) {
    let twins = Twins::random(architecture, 2, 1);
    let data = random_data(12, 4, 70, 2);
    let settling = Settling::sweeps(SweepOrder::Asynchronous, 4);
    let evaluation = evaluate_physics(&twins.engine, &data, &settling, Cost::SquaredError).unwrap();
    let (mut confusion, mut expected, mut total_cost) =
        (vec![vec![0; 4]; 4], Physics::default(), 0.0);
    let mut mean_power = 0.0;
    for example in 0..70 {
        let mut v = twins.reference.at_rest(&data.input(example));
        twins.reference.settle(&mut v, settling, FREE);
        total_cost += twins.reference.cost(&v, &target_of(&data, example));
        let residual = twins.reference.residual(&v, FREE);
        mean_power += twins.reference.dissipated_power(&v) / 70.0;
        expected.mean_residual += residual / 70.0;
        expected.max_residual = expected.max_residual.max(residual);
        let best = (0..4).max_by(|a, b| v[3][*a].total_cmp(&v[3][*b])).unwrap();
        confusion[data.label(example).unwrap()][best] += 1;
    }
    let physics = evaluation.physics.unwrap();
    let near = |got: f64, want: f64| (got - want).abs() <= 1e-5 * want;
    assert!(
        near(evaluation.cost, total_cost / 70.0),
        "cost {} {total_cost}",
        evaluation.cost
    );
    match architecture.energy {
        Energy::CoContent => {
            let power = physics.mean_power.expect("resistors have one");
            assert!(near(power, mean_power), "{power} W, not {mean_power} W");
        }
        Energy::Hopfield => assert_eq!(physics.mean_power, None),
    }
    assert!(
        (physics.mean_residual - expected.mean_residual).abs() < 1e-6,
        "{physics:?} {expected:?}"
    );
    assert!(
        (physics.max_residual - expected.max_residual).abs() < 1e-5,
        "{physics:?} {expected:?}"
    );
    assert_eq!((evaluation.examples, physics.max_sweeps), (70, 4));
    let right: usize = (0..4).map(|k| confusion[k][k]).sum();
    assert_eq!(evaluation.errors, 70 - right);
    assert_eq!(evaluation.confusion, confusion);
}

/// Without hidden layers an output is a mean of the sources, and any mean can be learnt.
#[test]
fn target_potentials_are_learnt() {
    let inputs: Vec<f32> = (0..40).map(|i| (i * 7 % 20) as f32 / 10.0 - 0.95).collect();
    let wanted = |x: &[f32]| 0.5 * x[0] - 0.25 * x[1];
    let values: Vec<f32> = inputs.chunks(2).map(wanted).collect();
    let targets = Targets::Values { values, outputs: 1 };
    let data = Dataset::new(2, Inputs::Values(inputs), targets).unwrap();
    let twins = Twins::random(&Architecture::new(2, vec![], 1), 1, 3);
    let options = TrainOptions {
        rule: AdjointLearning,
        beta: None,
        batch: 4,
        optimizer: Optimizer::plain(&[0.5], &[0.1], 1.0),
        ..busy_options(twins.engine.architecture(), SweepOrder::Forward, 0.0)
    };
    let mut trainer = Trainer::new(twins.engine, options, 0).unwrap();
    let epochs = (0..200).map(|_| trainer.train_epoch(&data, |_| {}).unwrap());
    let last = epochs.last().unwrap();
    assert!(last.mean_cost() < 1e-8, "{last:?}");
    let settling = Settling::sweeps(SweepOrder::Forward, 1);
    let evaluation = evaluate(trainer.network(), &data, &settling, Cost::SquaredError).unwrap();
    assert!(evaluation.cost < 1e-8, "{evaluation:?}");
    assert_eq!((last.errors, evaluation.errors), (0, 0));
    assert_eq!(evaluation.confusion, Vec::<Vec<usize>>::new());
}

/// Training that is interrupted leaves a network like one that is read from its file, and can go on.
#[test]
fn interrupted_training_leaves_the_network_usable() {
    for threads in [1, 3] {
        let architecture = several_blocks(2);
        let twins = Twins::random(&architecture, threads, 11);
        let data = random_data(architecture.features, architecture.outputs, 200, 12);
        let options = busy_options(&architecture, SweepOrder::Asynchronous, 0.9);
        let mut trainer = Trainer::new(twins.engine, options, 13).unwrap();
        let mut examples = 0;
        let stepped = Arc::new(AtomicBool::new(false));
        let has_stepped = stepped.clone();
        let outcome = interruptible(
            move || has_stepped.load(Ordering::Relaxed),
            || {
                trainer.train_epoch(&data, |step| {
                    examples = step.examples;
                    stepped.store(true, Ordering::Relaxed);
                    std::thread::sleep(std::time::Duration::from_millis(100)); // until the next question
                })
            },
        );
        assert_eq!(outcome, Err(TrainError::Interrupted(Interrupted)));
        assert!((4..200).contains(&examples), "{examples}");
        assert_eq!(trainer.epoch(), 0);

        let network = trainer.network();
        let mut copy = Network::zero(&architecture, 1).unwrap();
        for l in 0..architecture.matrices() {
            copy.set_weights(l, &network.weights(l)).unwrap();
            copy.set_biases(l, &network.biases(l)).unwrap();
        }
        let input = vec![0.5; architecture.features];
        let settling = Settling::sweeps(SweepOrder::Forward, 5);
        let settle = |network: &Network| network.settle(&input, &settling).unwrap();
        assert_eq!(settle(network), settle(&copy));
        assert!(trainer.train_epoch(&data, |_| {}).is_ok());
    }
}
