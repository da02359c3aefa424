//! Against the f64 reference, and finite differences of it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::drn::tests::reference::{Potentials, Reference};
use crate::drn::tests::{FREE, Twins};
use crate::interrupt::interruptible;

const TOLERANCE: f64 = 1e-13;
const SWEEPS: usize = 100_000;

fn architectures() -> [Architecture; 4] {
    [
        Architecture::new(3, vec![], 2),
        Architecture::new(5, vec![21], 3).with_input_gain(4.0),
        Architecture::new(3, vec![6, 9], 2).with_bounds(0.01, 8.0),
        Architecture::new(2, vec![8, 5, 11], 1),
    ]
}

/// A random network, and a few examples of features.
fn problem(architecture: &Architecture) -> (Reference, Vec<f64>) {
    let reference = Twins::random(architecture, 1, 3).reference;
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut features: Vec<f64> = (0..4 * architecture.features)
        .map(|_| rng.random_range(-1.0..1.0))
        .collect();
    features[0] = 0.0;
    (reference, features)
}

fn differentiable(reference: &Reference, threads: usize) -> Differentiable {
    let Reference {
        architecture,
        weights,
        biases,
    } = reference.clone();
    Differentiable::new(&architecture, weights, biases, threads).expect("a valid network")
}

/// The reference's state of one example, with currents let into the outputs.
fn equilibrium(reference: &Reference, features: &[f64], currents: &[f64]) -> Potentials {
    let mut driven = reference.clone();
    let outputs = driven.biases.last_mut().expect("outputs");
    outputs
        .iter_mut()
        .zip(currents)
        .for_each(|(b, current)| *b += current);
    let mut v = driven.at_rest(features);
    driven.settle(
        &mut v,
        Settling::tolerance(SweepOrder::Forward, TOLERANCE, SWEEPS),
        FREE,
    );
    assert!(driven.residual(&v, FREE) <= TOLERANCE, "not settled");
    v
}

/// A function of all outputs that is not linear, and its derivatives.
fn cost(outputs: &[f64]) -> (f64, Vec<f64>) {
    let term = |(k, v): (usize, &f64)| (k as f64 + 1.0) * v.sin();
    let slope = |(k, v): (usize, &f64)| (k as f64 + 1.0) * v.cos();
    (
        outputs.iter().enumerate().map(term).sum(),
        outputs.iter().enumerate().map(slope).collect(),
    )
}

fn cost_of(reference: &Reference, features: &[f64]) -> f64 {
    let settle = |features| {
        equilibrium(reference, features, &[])
            .pop()
            .expect("outputs")
    };
    let outputs: Vec<f64> = features
        .chunks(reference.architecture.features)
        .flat_map(settle)
        .collect();
    cost(&outputs).0
}

/// Central difference of the cost along one number of the problem. Conductances at their bounds move inwards or outwards
/// alike: the reference minds no bounds.
fn slope(
    mut problem: (Reference, Vec<f64>),
    number: impl Fn(&mut (Reference, Vec<f64>)) -> &mut f64,
) -> f64 {
    let (step, middle) = (1e-5, *number(&mut problem));
    let mut cost_at = |at: f64| {
        *number(&mut problem) = at;
        cost_of(&problem.0, &problem.1)
    };
    (cost_at(middle + step) - cost_at(middle - step)) / (2.0 * step)
}

fn close(what: &str, got: f64, want: f64, scale: f64, tolerance: f64) {
    assert!(
        (got - want).abs() <= tolerance * scale,
        "{what} is {got:e} instead of {want:e}"
    );
}

fn gradient(network: &Differentiable, features: &[f64], method: GradientMethod) -> Gradient {
    let settled = network
        .settle(features, TOLERANCE, SWEEPS)
        .expect("settles");
    let by_outputs = cost(settled.outputs()).1;
    network
        .gradient(&settled, &by_outputs, method, TOLERANCE, SWEEPS)
        .expect("derivatives")
}

fn largest(gradient: &[f64]) -> f64 {
    gradient
        .iter()
        .fold(0.0, |largest, value| largest.max(value.abs()))
}

#[test]
fn states_are_those_of_the_reference() {
    for architecture in architectures() {
        let (reference, features) = problem(&architecture);
        let settled = differentiable(&reference, 2)
            .settle(&features, TOLERANCE, SWEEPS)
            .expect("settles");
        let layers: Vec<&Vec<f64>> = settled.state.potentials.iter().collect();
        for (b, example) in features.chunks(architecture.features).enumerate() {
            let truth = equilibrium(&reference, example, &[]);
            let mut own = reference.at_rest(example);
            for (l, layer) in layers.iter().enumerate() {
                let width = architecture.width(l);
                own[l + 1].copy_from_slice(&layer[b * width..(b + 1) * width]);
                for (got, want) in own[l + 1].iter().zip(&truth[l + 1]) {
                    close("a potential", *got, *want, 1.0, 1e-10);
                }
            }
            let residual = reference.residual(&own, FREE);
            assert!(residual <= TOLERANCE, "residual {residual:e}");
            close("a residual", settled.residuals()[b], residual, 1.0, 1e-15);
        }
    }
}

#[test]
fn the_adjoint_gradient_is_that_of_finite_differences() {
    for architecture in architectures() {
        let problem = problem(&architecture);
        let network = differentiable(&problem.0, 2);
        let gradient = gradient(&network, &problem.1, GradientMethod::Adjoint);
        let name = |what: &str, i: usize| format!("{what}[{i}] of {architecture:?}");
        for l in 0..architecture.matrices() {
            let scale = largest(&gradient.weights[l]);
            for (i, got) in gradient.weights[l].iter().enumerate() {
                let want = slope(problem.clone(), |problem| &mut problem.0.weights[l][i]);
                close(&name(&format!("W{}", l + 1), i), *got, want, scale, 1e-6);
            }
            let scale = largest(&gradient.biases[l]);
            for (i, got) in gradient.biases[l].iter().enumerate() {
                let want = slope(problem.clone(), |problem| &mut problem.0.biases[l][i]);
                close(&name(&format!("b{}", l + 1), i), *got, want, scale, 1e-6);
            }
        }
        let scale = largest(&gradient.inputs);
        for (i, got) in gradient.inputs.iter().enumerate() {
            let want = slope(problem.clone(), |problem| &mut problem.1[i]);
            close(&name("inputs", i), *got, want, scale, 1e-6);
        }
    }
}

/// With a nudge so strong that diodes switch, the estimate is the contrast of the two nudged states of the reference.
#[test]
fn equilibrium_propagation_is_the_contrast_of_nudged_states() {
    let beta = 0.5;
    for architecture in architectures() {
        let (reference, features) = problem(&architecture);
        let network = differentiable(&reference, 1);
        let estimate = gradient(
            &network,
            &features,
            GradientMethod::EquilibriumPropagation { beta },
        );
        let outputs = network
            .settle(&features, TOLERANCE, SWEEPS)
            .expect("settles");
        let by_outputs = cost(outputs.outputs()).1;
        let mut want: Vec<Vec<f64>> = reference
            .weights
            .iter()
            .map(|w| vec![0.0; w.len()])
            .collect();
        let examples = features.chunks(architecture.features);
        for (example, pull) in examples.zip(by_outputs.chunks(architecture.outputs)) {
            let nudged = |beta: f64| {
                let currents: Vec<f64> = pull.iter().map(|pull| -beta * pull).collect();
                equilibrium(&reference, example, &currents)
            };
            let (weights, _) = reference.contrast(&nudged(-beta), &nudged(beta), 2.0 * beta);
            for (sum, weights) in want.iter_mut().zip(&weights) {
                sum.iter_mut().zip(weights).for_each(|(sum, w)| *sum += w);
            }
        }
        for (got, want) in estimate.weights.iter().zip(&want) {
            for (got, want) in got.iter().zip(want) {
                close("a derivative", *got, *want, 1.0, 1e-8);
            }
        }
    }
}

/// While no diode switches, states are linear in the nudge: then the estimate is exact, of all derivatives.
#[test]
fn equilibrium_propagation_tends_to_the_adjoint_gradient() {
    for architecture in architectures() {
        let (reference, features) = problem(&architecture);
        let network = differentiable(&reference, 1);
        let exact = gradient(&network, &features, GradientMethod::Adjoint);
        let beta = 1e-4;
        let estimate = gradient(
            &network,
            &features,
            GradientMethod::EquilibriumPropagation { beta },
        );
        let flat = |gradient: &Gradient| {
            [
                gradient.weights.concat(),
                gradient.biases.concat(),
                gradient.inputs.clone(),
            ]
            .concat()
        };
        let exact = flat(&exact);
        for (got, want) in flat(&estimate).iter().zip(&exact) {
            close("a derivative", *got, *want, largest(&exact), 1e-6);
        }
    }
}

/// Large enough that threads share the work.
#[test]
fn nothing_depends_on_the_threads_or_on_other_examples() {
    let architecture = Architecture::new(20, vec![70, 66], 9);
    let reference = Twins::random(&architecture, 1, 7).reference;
    let features: Vec<f64> = (0..20 * 30)
        .map(|at| f64::from(at % 37) / 20.0 - 1.0)
        .collect();
    let results = [1, 2, 5].map(|threads| {
        let network = differentiable(&reference, threads);
        let settled = network.settle(&features, 1e-9, SWEEPS).expect("settles");
        (
            settled.outputs().to_vec(),
            gradient(&network, &features, GradientMethod::Adjoint),
        )
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
    let alone = differentiable(&reference, 1).settle(&features[20 * 11..20 * 12], 1e-9, SWEEPS);
    assert_eq!(
        alone.expect("settles").outputs(),
        &results[0].0[9 * 11..9 * 12]
    );
}

#[test]
fn no_examples_have_a_gradient_of_zero() {
    let (reference, _) = problem(&architectures()[1]);
    let gradient = gradient(&differentiable(&reference, 2), &[], GradientMethod::Adjoint);
    assert!(gradient.inputs.is_empty());
    assert_eq!(gradient.weights[0], vec![0.0; 10 * 21]);
}

/// An output that is joined to nothing stays at 0 V, whatever pulls on it.
#[test]
fn an_isolated_output_has_no_response() {
    let architecture = Architecture::new(1, vec![], 2);
    let weights = vec![vec![3.0, 0.0, 1.0, 0.0]];
    let network =
        Differentiable::new(&architecture, weights, vec![vec![0.0; 2]], 1).expect("valid");
    let settled = network.settle(&[1.0], 1e-12, 9).expect("settles");
    assert_eq!(
        (settled.outputs(), settled.residuals()),
        (&[0.5, 0.0][..], &[0.0][..])
    );
    let gradient = network
        .gradient(&settled, &[0.0, 1.0], GradientMethod::Adjoint, 1e-12, 9)
        .expect("derivatives");
    assert_eq!(
        (gradient.biases, gradient.residuals),
        (vec![vec![0.0; 2]], vec![0.0])
    );
}

#[test]
fn too_few_sweeps_show_in_the_residual() {
    let (reference, features) = problem(&architectures()[3]);
    let settled = differentiable(&reference, 1)
        .settle(&features, 1e-12, 2)
        .expect("settles");
    assert_eq!(settled.sweeps(), 2);
    assert!(settled.residuals().iter().any(|residual| *residual > 1e-12));
}

#[test]
fn networks_without_conductances_are_refused() {
    let hopfield = Architecture {
        energy: Energy::Hopfield,
        ..Architecture::new(1, vec![], 1)
    };
    let refused = Differentiable::new(&hopfield, vec![vec![0.5]], vec![vec![0.0]], 1);
    assert_eq!(refused.err(), Some(DifferentiableError::NotResistive));
}

#[test]
fn parameters_that_do_not_fit_are_refused() {
    let architecture = Architecture::new(1, vec![], 1).with_bounds(0.5, 2.0);
    let refusal = |weights: Vec<Vec<f64>>, biases: Vec<Vec<f64>>| {
        Differentiable::new(&architecture, weights, biases, 1)
            .expect_err("refused")
            .to_string()
    };
    let one = vec![vec![0.0]];
    let cases = [
        (
            refusal(vec![vec![1.0]], one.clone()),
            "W1 has 1 values: this network needs 2",
        ),
        (refusal(vec![], one.clone()), "W1 has 0 values"),
        (
            refusal(vec![vec![1.0, 0.4]], one.clone()),
            "W1[1] is 0.4: a conductance must be finite and within [0.5, 2] S",
        ),
        (refusal(vec![vec![f64::NAN, 1.0]], one), "W1[0] is NaN"),
        (
            refusal(vec![vec![1.0; 2]], vec![vec![f64::INFINITY]]),
            "b1[0] is inf: a bias must be finite",
        ),
    ];
    for (found, wanted) in cases {
        assert!(found.starts_with(wanted), "{found}");
    }
}

#[test]
fn wrong_features_and_derivatives_are_refused() {
    let (reference, features) = problem(&architectures()[1]);
    let network = differentiable(&reference, 1);
    let refused = |features: &[f64], tolerance, sweeps| {
        network
            .settle(features, tolerance, sweeps)
            .expect_err("refused")
    };
    assert!(matches!(
        refused(&[0.0; 6], 1e-9, 9),
        SettleError::Inputs {
            features: 5,
            found: 6
        }
    ));
    let mut bad = features.clone();
    bad[7] = f64::NAN;
    assert!(matches!(
        refused(&bad, 1e-9, 9),
        SettleError::NotFinite {
            example: 1,
            index: 2,
            ..
        }
    ));
    bad[7] = f64::MAX;
    assert_eq!(refused(&bad, 1e-9, 9), SettleError::Overflow { example: 1 });
    assert!(matches!(
        refused(&features, 0.0, 9),
        SettleError::Settling(SettlingError::Tolerance(_))
    ));
    assert!(matches!(
        refused(&features, 1e-9, 0),
        SettleError::Settling(SettlingError::NoSweeps)
    ));

    let settled = network.settle(&features, 1e-9, 99).expect("settles");
    let refused = |by_outputs: &[f64], method| {
        network
            .gradient(&settled, by_outputs, method, 1e-9, 99)
            .expect_err("refused")
    };
    let mut by_outputs = vec![0.0; 12];
    let wrong = GradientError::Length {
        expected: 12,
        found: 11,
    };
    assert_eq!(refused(&by_outputs[1..], GradientMethod::Adjoint), wrong);
    let nudge = |beta| GradientMethod::EquilibriumPropagation { beta };
    assert_eq!(refused(&by_outputs, nudge(0.0)), GradientError::Beta(0.0));
    by_outputs[4] = f64::INFINITY;
    let wrong = GradientError::NotFinite {
        example: 1,
        output: 1,
        value: f64::INFINITY,
    };
    assert_eq!(refused(&by_outputs, GradientMethod::Adjoint), wrong);
    by_outputs[4] = f64::MAX;
    assert_eq!(
        refused(&by_outputs, nudge(1e9)),
        GradientError::Overflow { example: 1 }
    );
}

/// No resistor leads the bias current of an isolated output away: it never settles.
#[test]
fn it_can_be_interrupted() {
    let architecture = Architecture::new(1, vec![], 1);
    let (weights, biases) = (vec![vec![0.0; 2]], vec![vec![1.0]]);
    let network = Differentiable::new(&architecture, weights, biases, 2).expect("valid");
    let outcome = interruptible(|| true, || network.settle(&[1.0; 9], 1e-9, usize::MAX));
    let error = outcome.expect_err("interrupted");
    assert_eq!(error, SettleError::Interrupted(Interrupted));
}
