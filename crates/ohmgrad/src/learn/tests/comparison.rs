//! The report on gradients, against finite differences of the cost in the unit-by-unit f64 reference.

use super::gradients::equilibrium;
use super::*;
use crate::drn::tests::FREE;
use crate::drn::tests::reference::{Nudge, Reference};

/// Settled until f32 has no more digits, every example on its own.
fn settled_options(architecture: &Architecture, rule: Rule, beta: Option<f32>) -> TrainOptions {
    let settling = Settling::tolerance(SweepOrder::Forward, 1e-8, 300);
    TrainOptions {
        rule,
        beta,
        batch: 2,
        initial_state: InitialState::Zero,
        free_phase: settling,
        nudged_phase: settling,
        ..busy_options(architecture, SweepOrder::Forward, 0.0)
    }
}

fn report(
    network: &Network,
    options: &TrainOptions,
    data: &Dataset,
    betas: &[f32],
    sweeps: &[usize],
) -> GradientReport {
    compare_gradients(network, options, data, betas, sweeps, |_| {}).expect("a report")
}

/// A resistive network of two hidden layers and of each readout.
fn resistive_networks() -> [Architecture; 2] {
    let [nodes, pairs, _] = small_networks(4, &[7, 6], 3);
    [nodes, pairs]
}

fn mean_cost(network: &Reference, cost: Cost, data: &Dataset) -> f64 {
    let of = |e: usize| {
        let v = equilibrium(network, &data.input(e), FREE);
        let target = target_of(data, e);
        match cost {
            Cost::SquaredError => network.cost(&v, &target),
            Cost::CrossEntropy => {
                let outputs = network.read(&v);
                let sum: f64 = outputs.iter().map(|v| v.exp()).sum();
                let pairs = outputs.iter().zip(&target);
                pairs.map(|(v, y)| y * (sum.ln() - v)).sum()
            }
        }
    };
    (0..data.len()).map(of).sum::<f64>() / data.len() as f64
}

/// The derivatives of the mean cost by every parameter array, by central differences.
fn finite_differences(network: &Reference, cost: Cost, data: &Dataset) -> Vec<Vec<f64>> {
    let step = 1e-5;
    let arrays = |network: &Reference| [network.weights.clone(), network.biases.clone()].concat();
    let moved = |array: usize, i: usize, step: f64| {
        let (mut network, matrices) = (network.clone(), network.weights.len());
        match array.checked_sub(matrices) {
            None => network.weights[array][i] += step,
            Some(l) => network.biases[l][i] += step,
        }
        mean_cost(&network, cost, data)
    };
    let slope = |array, i| (moved(array, i, step) - moved(array, i, -step)) / (2.0 * step);
    let arrays = arrays(network).into_iter().enumerate();
    arrays
        .map(|(array, values)| (0..values.len()).map(|i| slope(array, i)).collect())
        .collect()
}

/// The mean contrast of the states that settle between the nudges -beta and beta, by every parameter array.
fn centered_contrast(network: &Reference, beta: f64, data: &Dataset) -> Vec<Vec<f64>> {
    let mut mean: Vec<Vec<f64>> = Vec::new();
    for e in 0..data.len() {
        let target = &target_of(data, e)[..];
        let at = |beta| equilibrium(network, &data.input(e), Nudge { beta, target });
        let (weights, biases) = network.contrast(&at(-beta), &at(beta), 2.0 * beta);
        let arrays = [weights, biases].concat();
        mean.resize_with(arrays.len(), Vec::new);
        for (mean, array) in mean.iter_mut().zip(arrays) {
            mean.resize(array.len(), 0.0);
            let sums = mean.iter_mut().zip(array);
            sums.for_each(|(mean, g)| *mean += g / data.len() as f64);
        }
    }
    mean
}

fn cosine_and_ratio(found: &[f64], exact: &[f64]) -> (f64, f64) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (norm, exact_norm) = (dot(found, found).sqrt(), dot(exact, exact).sqrt());
    (dot(found, exact) / (norm * exact_norm), norm / exact_norm)
}

/// Both numbers of every parameter.
fn numbers(row: &GradientRow) -> Vec<(f64, f64)> {
    let agreements = row.outcome.as_ref().expect("a gradient");
    let both = |a: &GradientAgreement| (a.cosine.expect("a cosine"), a.ratio.expect("a ratio"));
    agreements.iter().map(both).collect()
}

/// A nudge so strong that the directions differ: the numbers are those of the contrast in f64 and of finite differences.
#[test]
fn the_numbers_of_a_report_are_those_of_the_f64_reference() {
    for architecture in resistive_networks() {
        let Twins { engine, reference } = Twins::random(&architecture, 2, 3);
        let data = random_data(4, 3, 6, 4);
        let beta = 0.25;
        let options = settled_options(&architecture, CenteredEp, Some(beta));
        let report = report(&engine, &options, &data, &[], &[]);
        assert_eq!((report.examples, report.rows.len()), (6, 1));
        assert!(report.residual <= 1e-11, "{}", report.residual);
        let truth = finite_differences(&reference, Cost::SquaredError, &data);
        let found = centered_contrast(&reference, f64::from(beta), &data);
        let numbers = numbers(&report.rows[0]);
        let mut farthest = 0.0_f64;
        for (p, (cosine, ratio)) in numbers.into_iter().enumerate() {
            let (want, want_ratio) = cosine_and_ratio(&found[p], &truth[p]);
            farthest = farthest.max((1.0 - want).abs() + (1.0 - want_ratio).abs());
            let off = (cosine - want).abs().max((ratio - want_ratio).abs());
            assert!(
                off < 1e-4,
                "parameter {p}: cosine {cosine} for {want}, ratio {ratio} for {want_ratio}"
            );
        }
        assert!(farthest > 0.01, "the nudge is too weak to see: {farthest}");
    }
}

/// The exact gradient of the report is that of finite differences: both agree with adjoint learning's.
#[test]
fn adjoint_learning_agrees_with_the_exact_gradient_and_with_finite_differences() {
    for architecture in resistive_networks() {
        for cost in [Cost::SquaredError, Cost::CrossEntropy] {
            let Twins { engine, reference } = Twins::random(&architecture, 2, 5);
            let data = random_data(4, 3, 6, 6);
            let options = TrainOptions {
                cost,
                ..settled_options(&architecture, AdjointLearning, None)
            };
            let report = report(&engine, &options, &data, &[], &[]);
            let trainer = Trainer::accumulating(engine, options).unwrap();
            let found = trainer.mean_gradient(&data).unwrap();
            let truth = finite_differences(&reference, cost, &data);
            let from_truth = found
                .iter()
                .zip(&truth)
                .map(|(found, truth)| cosine_and_ratio(found, truth));
            for (cosine, ratio) in numbers(&report.rows[0]).into_iter().chain(from_truth) {
                // The engine settles responses to a relative residual of 1e-6, in f32.
                let near = cosine > 1.0 - 1e-6 && (ratio - 1.0).abs() < 1e-4;
                assert!(near, "{cost:?}: cosine {cosine}, ratio {ratio}");
            }
        }
    }
}

/// The error of p-ep is of the order of beta, until rounding; that of c-ep falls faster.
#[test]
fn the_error_falls_with_beta() {
    for cost in [Cost::SquaredError, Cost::CrossEntropy] {
        let [architecture, _] = resistive_networks();
        let engine = Twins::random(&architecture, 1, 7).engine;
        let data = random_data(4, 3, 6, 8);
        // Small enough that no diode switches between them.
        let betas = [0.0125, 0.00625, 0.003125];
        let errors = |rule| -> Vec<f64> {
            let options = TrainOptions {
                cost,
                ..settled_options(&architecture, rule, Some(1.0))
            };
            let report = report(&engine, &options, &data, &betas, &[]);
            let tried: Vec<_> = report.rows.iter().map(|row| row.beta.unwrap()).collect();
            assert_eq!(tried, betas);
            // |found - exact| / |exact|, of the farthest parameter
            let off = |(cosine, ratio): (f64, f64)| {
                (ratio * ratio - 2.0 * ratio * cosine + 1.0).max(0.0).sqrt()
            };
            let largest = |row| numbers(row).into_iter().map(off).fold(0.0, f64::max);
            report.rows.iter().map(largest).collect()
        };
        let (positive, centered) = (errors(PositiveEp), errors(CenteredEp));
        let order = (positive[0] / positive[2]).log2() / 2.0;
        assert!((0.8..1.2).contains(&order), "{cost:?}: {positive:?}");
        assert!(
            centered[0] < positive[0] / 4.0,
            "{centered:?}, {positive:?}"
        );
    }
}

#[test]
fn too_few_sweeps_show_on_a_deep_network() {
    let architecture = Architecture::new(6, vec![30; 4], 3);
    let engine = Twins::random(&architecture, 2, 9).engine;
    let data = random_data(6, 3, 8, 10);
    let fixed = |order| Settling::sweeps(order, 4);
    let options = TrainOptions {
        free_phase: fixed(SweepOrder::Forward),
        nudged_phase: fixed(SweepOrder::Forward),
        ..settled_options(&architecture, CenteredEp, Some(0.02))
    };
    let report = report(&engine, &options, &data, &[], &[2, 8, 200]);
    let sweeps: Vec<_> = report.rows.iter().map(|row| row.sweeps).collect();
    assert_eq!(sweeps, [[2, 2], [8, 8], [200, 200]]);
    // After two sweeps nothing of the target has reached the first matrix: its gradient is zero.
    let first = |row: &GradientRow| {
        row.outcome.as_ref().expect("a gradient")[0]
            .cosine
            .unwrap_or(0.0)
    };
    let cosines: Vec<f64> = report.rows.iter().map(first).collect();
    assert!(cosines[0] < 0.99 && cosines[2] > 0.9999, "{cosines:?}");
}

#[test]
fn a_gradient_that_is_zero_has_no_direction() {
    let architecture = Architecture::new(2, vec![5], 2);
    let mut engine = Network::random(&architecture, 1, 1).unwrap();
    engine.set_weights(1, &[0.5; 10]).unwrap();
    // Without inputs all is at 0 V, where the targets are: there is nothing to learn.
    let targets = |y: f32| Targets::Values {
        values: vec![y; 8],
        outputs: 2,
    };
    let at_rest = Dataset::new(2, Inputs::Values(vec![0.0; 8]), targets(0.0)).unwrap();
    let options = settled_options(&architecture, CenteredEp, Some(0.1));
    for agreement in report(&engine, &options, &at_rest, &[], &[]).rows[0]
        .outcome
        .as_ref()
        .unwrap()
    {
        assert_eq!((agreement.cosine, agreement.ratio), (None, None));
        assert_eq!(agreement.missing(), Some("the exact gradient is zero"));
    }
    // In one sweep upwards a response does not come down to the first matrix.
    let inputs = Inputs::Values(vec![1.0, -0.5, 0.25, 1.0, 0.5, 0.5, -1.0, 1.0]);
    let driven = Dataset::new(2, inputs, targets(1.0)).unwrap();
    let options = TrainOptions {
        nudged_phase: Settling::sweeps(SweepOrder::Forward, 1),
        ..settled_options(&architecture, RecurrentBackpropagation, None)
    };
    let report = report(&engine, &options, &driven, &[], &[]);
    let [first, second, ..] = &report.rows[0].outcome.as_ref().unwrap()[..] else {
        panic!("{report:?}")
    };
    assert_eq!((first.cosine, first.ratio), (None, Some(0.0)));
    assert_eq!(first.missing(), Some("the rule's gradient is zero"));
    assert!(second.cosine.is_some() && second.missing().is_none());
}

#[test]
fn what_goes_wrong_with_one_beta_stands_in_its_row() {
    let architecture = Architecture::new(1, vec![2], 1);
    let mut network = Network::zero(&architecture, 1).unwrap();
    network.set_weights(0, &[1.0; 4]).unwrap();
    network.set_weights(1, &[0.25; 2]).unwrap();
    network.set_biases(0, &[0.5, 0.25]).unwrap();
    let data = Dataset::images(1, 1, 1, vec![1; 4], &[0; 4]).unwrap();
    let options = settled_options(&architecture, CenteredEp, Some(0.1));
    let mut seen = Vec::new();
    let betas = [0.1, 0.7, 0.2];
    let observe = |row: &GradientRow| seen.push(row.beta);
    let report = compare_gradients(&network, &options, &data, &betas, &[], observe).unwrap();
    assert_eq!(seen, betas.map(Some));
    assert!(report.rows[0].outcome.is_ok() && report.rows[2].outcome.is_ok());
    let unbounded = NoGradient::Unbounded(Unbounded {
        output: 0,
        conductance: 0.5,
        beta: 0.7,
    });
    assert_eq!(report.rows[1].outcome, Err(unbounded));
}

/// f64 holds what f32 does not.
#[test]
fn overflow_is_told_not_shown_as_numbers() {
    let architecture = Architecture::new(1, vec![2], 1).with_input_gain(1e30);
    let mut network = Network::random(&architecture, 1, 1).unwrap();
    network.set_weights(0, &[0.5, 0.25, 0.125, 0.5]).unwrap();
    network.set_weights(1, &[0.25; 2]).unwrap();
    let targets = Targets::Values {
        values: vec![1.0; 2],
        outputs: 1,
    };
    let data = Dataset::new(1, Inputs::Values(vec![1e7; 2]), targets).unwrap();
    let options = settled_options(&architecture, CenteredEp, Some(0.1));
    let report = report(&network, &options, &data, &[], &[]);
    assert_eq!(report.rows[0].outcome, Err(NoGradient::Overflow));
}

#[test]
fn reports_that_cannot_be_made_are_refused() {
    let data = random_data(4, 3, 6, 4);
    let refused =
        |architecture: &Architecture, options: &TrainOptions, data: &Dataset, betas: &[f32]| {
            let engine = Twins::random(architecture, 1, 3).engine;
            compare_gradients(&engine, options, data, betas, &[], |_| {}).unwrap_err()
        };
    let [nodes, _, hopfield] = small_networks(4, &[7, 6], 3);
    let options = settled_options(&nodes, CenteredEp, Some(0.1));
    let error = refused(&hopfield, &options, &data, &[]);
    assert!(
        error.to_string().starts_with("a Hopfield network"),
        "{error}"
    );
    let (found, batch) = (1, 2);
    assert_eq!(
        refused(&nodes, &options, &data.drawn(1, 0), &[]),
        GradientReportError::Examples { found, batch }
    );
    assert_eq!(
        refused(&nodes, &options, &data, &[0.1, -1.0]),
        GradientReportError::Options(TrainOptionsError::Beta(-1.0))
    );
    let without = settled_options(&nodes, AdjointLearning, None);
    assert_eq!(
        refused(&nodes, &without, &data, &[0.1]),
        GradientReportError::Options(TrainOptionsError::UnusedBeta(0.1))
    );
    let other = random_data(5, 3, 6, 4);
    let error = refused(&nodes, &options, &other, &[]);
    assert!(matches!(error, GradientReportError::Data(_)), "{error}");
}

#[test]
fn a_comparison_can_be_interrupted() {
    let [architecture, _] = resistive_networks();
    let engine = Twins::random(&architecture, 1, 3).engine;
    let data = random_data(4, 3, 6, 4);
    let endless = Settling::sweeps(SweepOrder::Forward, usize::MAX);
    let options = TrainOptions {
        free_phase: endless,
        ..settled_options(&architecture, CenteredEp, Some(0.1))
    };
    let compare = || compare_gradients(&engine, &options, &data, &[0.1, 0.2], &[], |_| {});
    let outcome = interruptible(|| true, compare);
    assert_eq!(outcome, Err(Interrupted.into()));
}
