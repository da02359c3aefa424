//! Contrasts against the derivatives of the cost, by finite differences.

use rand::seq::SliceRandom;

use super::*;
use crate::drn::tests::reference::{Gradient, Nudge, Potentials, Reference};
use crate::drn::tests::{FREE, interval, largest, laws};

/// The networks of the gradient checks.
fn smooth_networks() -> [Architecture; 3] {
    small_networks(3, &[6, 5], 2)
}

/// A network of every law but ideal diodes, which all others have.
fn networks_of_laws() -> impl Iterator<Item = Architecture> {
    let with_law = |law| Architecture::new(3, vec![6, 5], 2).with_laws(vec![law]);
    laws::laws().into_iter().skip(1).map(with_law)
}

/// Whether the hidden units of a state are away from the corners of their laws, where slopes jump.
fn is_away_from_corners(architecture: &Architecture, v: &Potentials) -> bool {
    let slope = |l, j, v| laws::slope(architecture, l, j, v);
    (0..architecture.hidden.len()).all(|l| {
        v[l + 1].iter().enumerate().all(|(j, v)| {
            let [below, above] = [v - 0.02, v + 0.02].map(|v| slope(l, j, v));
            let (lo, hi) = interval(architecture, l, j);
            let inside = *v == lo || *v == hi || (lo + 0.02..hi - 0.02).contains(v);
            inside && (below - above).abs() <= 0.7 * below.max(above)
        })
    })
}

/// The f64 network, the example and the target of the gradient checks: away from the switching points of
/// the diodes (where the cost has kinks), with conducting and blocking diodes in both hidden layers; or with units at the
/// ends of their intervals and units between in both hidden layers, and all outputs between.
fn smooth_problem(architecture: &Architecture) -> (Twins, Vec<f64>, Vec<f64>) {
    let (features, target) = (vec![1.0, 0.25, 0.5], vec![0.0, 1.0]);
    let smooth = |twins: &Twins| {
        let v = equilibrium(&twins.reference, &features, FREE);
        if !architecture.laws.is_empty() {
            return is_away_from_corners(architecture, &v);
        }
        let hidden_layers = (0..2).all(|l| {
            let pulls = (0..architecture.width(l)).map(|j| pull(&twins.reference, &v, l, j));
            let kinks = match architecture.energy {
                Energy::CoContent => vec![0.0],
                Energy::Hopfield => vec![0.0, 1.0],
            };
            let mut pairs = pulls
                .clone()
                .flat_map(|(pull, _)| kinks.iter().map(move |k| pull - k));
            let away = pairs.all(|distance| distance.abs() > 0.02);
            let held = pulls.filter(|(_, held)| *held).count();
            away && held >= 2 && held + 2 <= architecture.width(l)
        });
        let between = v[3].iter().all(|v| (0.1..0.9).contains(v));
        hidden_layers && (between || architecture.energy == Energy::CoContent)
    };
    let twins = (0..)
        .map(|seed| Twins::random(architecture, 1, seed))
        .find(smooth);
    (twins.expect("one of many"), features, target)
}

/// Current into a unit held at 0 V, and whether its diode holds it there; or what pulls on a unit, and whether it is at an
/// end of its interval.
fn pull(network: &Reference, v: &Potentials, l: usize, j: usize) -> (f64, bool) {
    let width = v[l + 1].len();
    let from_below = v[l]
        .iter()
        .zip(network.weights[l].iter().skip(j).step_by(width));
    let from_above = v[l + 2]
        .iter()
        .zip(&network.weights[l + 1][j * v[l + 2].len()..]);
    let current: f64 = from_below.chain(from_above).map(|(v, g)| v * g).sum();
    let (lo, hi) = interval(&network.architecture, l, j);
    let held = v[l + 1][j] == lo || v[l + 1][j] == hi;
    (current + network.biases[l][j], held)
}

pub(super) fn equilibrium(network: &Reference, features: &[f64], nudge: Nudge) -> Potentials {
    let mut v = network.at_rest(features);
    network.settle(
        &mut v,
        Settling::tolerance(SweepOrder::Forward, 1e-15, 5000),
        nudge,
    );
    assert!(network.residual(&v, nudge) < 1e-13, "not settled");
    v
}

/// All derivatives of the cost of the equilibrium, by central differences.
fn cost_derivatives(network: &Reference, features: &[f64], target: &[f64]) -> Vec<f64> {
    let step = 1e-4;
    let mut network = network.clone();
    let mut derivatives = Vec::new();
    for l in 0..2 * network.weights.len() {
        let (part, l) = (l / network.weights.len(), l % network.weights.len());
        for i in 0..[&network.weights, &network.biases][part][l].len() {
            let mut cost_at = |step: f64| {
                let original = network.clone();
                [&mut network.weights, &mut network.biases][part][l][i] += step;
                let cost = network.cost(&equilibrium(&network, features, FREE), target);
                network = original;
                cost
            };
            derivatives.push((cost_at(step) - cost_at(-step)) / (2.0 * step));
        }
    }
    derivatives
}

fn flat(gradient: Gradient) -> Vec<f64> {
    [gradient.0, gradient.1].concat().concat()
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

/// Equilibrium propagation's theorem, for all parameters; the centered estimate's error falls as beta^2, the
/// others' as beta.
#[test]
fn the_contrast_of_equilibria_tends_to_the_gradient_of_the_cost() {
    for architecture in smooth_networks() {
        let (Twins { reference, .. }, features, target) = smooth_problem(&architecture);
        let truth = cost_derivatives(&reference, &features, &target);
        let error = |rule, beta: f64| {
            let at = |beta| {
                equilibrium(
                    &reference,
                    &features,
                    Nudge {
                        beta,
                        target: &target,
                    },
                )
            };
            let (first, second) = match rule {
                PositiveEp => (0.0, beta),
                NegativeEp => (-beta, 0.0),
                _ => (-beta, beta),
            };
            let gradient = reference.contrast(&at(first), &at(second), second - first);
            largest_difference(&flat(gradient), &truth) / largest([&truth])
        };
        assert!(
            error(CenteredEp, 1e-3) < 1e-5,
            "relative error {:e}",
            error(CenteredEp, 1e-3)
        );
        for (rule, order) in [(PositiveEp, 1.0), (NegativeEp, 1.0), (CenteredEp, 2.0)] {
            let fall = (error(rule, 0.04) / error(rule, 0.02)).log2();
            assert!(
                (fall - order).abs() < 0.2,
                "{rule:?}: the error falls as beta^{fall}"
            );
        }
    }
}

/// The gradient of the cost by the response of the free state, of all parameters, in f64.
fn adjoint_gradient(network: &Reference, features: &[f64], target: &[f64]) -> Vec<f64> {
    let v = equilibrium(network, features, FREE);
    let pull = pull_of(Cost::SquaredError, &network.read(&v), target);
    let pull = network.currents_of_nodes(&pull);
    let mut d: Potentials = v.iter().map(|layer| vec![0.0; layer.len()]).collect();
    for _ in 0..5000 {
        network.sweep_response(&mut d, &v, SweepOrder::Forward, &pull);
    }
    let side = |half: f64| -> Potentials {
        let layer =
            |(v, d): (&Vec<f64>, &Vec<f64>)| v.iter().zip(d).map(|(v, d)| v + half * d).collect();
        v.iter().zip(&d).map(layer).collect()
    };
    flat(network.contrast(&side(-0.5), &side(0.5), 1.0))
}

#[test]
fn adjoint_learning_is_exact_and_the_limit_of_equilibrium_propagation() {
    for architecture in smooth_networks() {
        let (Twins { reference, .. }, features, target) = smooth_problem(&architecture);
        let exact = adjoint_gradient(&reference, &features, &target);
        let truth = cost_derivatives(&reference, &features, &target);
        let off = largest_difference(&exact, &truth) / largest([&truth]);
        assert!(off < 1e-6, "relative error {off:e}");
        let error = |beta: f64| {
            let target = &target;
            let at = |beta| equilibrium(&reference, &features, Nudge { beta, target });
            let gradient = reference.contrast(&at(-beta), &at(beta), 2.0 * beta);
            largest_difference(&flat(gradient), &exact)
        };
        for beta in [0.04, 0.02, 0.01] {
            let fall = (error(beta) / error(0.5 * beta)).log2();
            assert!((fall - 2.0).abs() < 0.1, "the error falls as beta^{fall}");
        }
    }
}

/// Held at a small share of the way to the target or away from it, the outputs give the same contrast to first order.
/// While no diode switches, potentials are linear in the share, and the centered contrast is exact.
#[test]
fn the_variants_of_coupled_learning_agree_in_the_limit() {
    for architecture in smooth_networks() {
        let (Twins { reference, .. }, features, target) = smooth_problem(&architecture);
        let free = equilibrium(&reference, &features, FREE);
        let outputs = reference.read(&free);
        let at = |share: f64| {
            let towards = outputs.iter().zip(&target);
            let held: Vec<f64> = towards.map(|(v, y)| v + share * (y - v)).collect();
            let (beta, target) = (HELD, &held[..]);
            equilibrium(&reference, &features, Nudge { beta, target })
        };
        let contrast = |rule: Rule, share: f32| {
            let states = rule.states(share);
            let state = |k: usize| match k {
                0 => free.clone(),
                k => match states.pushes[k - 1] {
                    Push::Clamp(share) => at(f64::from(share)),
                    other => panic!("{other:?}"),
                },
            };
            let (first, second) = (state(states.first), state(states.second));
            flat(reference.contrast(&first, &second, f64::from(states.span)))
        };
        let limit = contrast(CenteredCpl, 1.0 / 1024.0);
        let error =
            |rule, share| largest_difference(&contrast(rule, share), &limit) / largest([&limit]);
        for rule in [PositiveCpl, NegativeCpl] {
            let fall = (error(rule, 1.0 / 16.0) / error(rule, 1.0 / 32.0)).log2();
            assert!(
                (fall - 1.0).abs() < 0.2,
                "{rule:?}: the error falls as eta^{fall}"
            );
        }
        let centered = error(CenteredCpl, 1.0 / 16.0);
        assert!(centered < 1e-5, "relative error {centered:e}");
    }
}

/// The engine's own step, in f32, on the same problem.
#[test]
fn a_training_step_descends_the_gradient_of_the_cost() {
    let rules = [
        PositiveEp,
        NegativeEp,
        CenteredEp,
        AdjointLearning,
        RecurrentBackpropagation,
    ];
    for architecture in smooth_networks() {
        let (twins, features, target) = smooth_problem(&architecture);
        let truth = cost_derivatives(&twins.reference, &features, &target);
        for rule in rules {
            descends(rule, &twins, (&features, &target), &truth);
        }
    }
}

/// Every law: the response and the centered contrast in f64, and the engine's step with rules that are as exact.
#[test]
fn gradients_are_exact_with_every_law() {
    for architecture in networks_of_laws() {
        let (twins, features, target) = smooth_problem(&architecture);
        let truth = cost_derivatives(&twins.reference, &features, &target);
        let exact = adjoint_gradient(&twins.reference, &features, &target);
        let off = largest_difference(&exact, &truth) / largest([&truth]);
        assert!(
            off < 2e-6,
            "{:?}: relative error {off:e}",
            architecture.laws
        );
        let target = &target[..];
        let [first, second] = [-1e-3, 1e-3]
            .map(|beta| equilibrium(&twins.reference, &features, Nudge { beta, target }));
        let contrast = flat(twins.reference.contrast(&first, &second, 2e-3));
        let off = largest_difference(&contrast, &truth) / largest([&truth]);
        assert!(
            off < 1e-4,
            "{:?}: relative error {off:e}",
            architecture.laws
        );
        for rule in [CenteredEp, AdjointLearning, RecurrentBackpropagation] {
            descends(rule, &twins, (&features, target), &truth);
        }
    }
}

/// One step of a rule, of one example, moves every parameter along the derivatives.
fn descends(rule: Rule, twins: &Twins, (features, target): (&[f64], &[f64]), truth: &Vec<f64>) {
    let settling = Settling::tolerance(SweepOrder::Forward, 1e-7, 500);
    let rate = 0.125;
    let options = TrainOptions {
        rule,
        beta: rule.has_beta().then_some(0.01),
        cost: Cost::SquaredError,
        batch: 1,
        initial_state: InitialState::Zero,
        free_phase: settling,
        nudged_phase: settling,
        optimizer: Optimizer::plain(&[rate; 3], &[rate; 3], 1.0),
    };
    let pixels = features.iter().map(|x| (x * 100.0) as u8).collect();
    let label = target.iter().position(|t| *t == 1.0).unwrap() as u8;
    let data = Dataset::images(3, 2, 100, pixels, &[label]).unwrap();
    let mut trainer = Trainer::new(twins.engine.clone(), options, 0).unwrap();
    trainer.train_epoch(&data, |_| {}).unwrap();
    let network = trainer.network();
    let after = (0..3)
        .flat_map(|l| network.weights(l))
        .chain((0..3).flat_map(|l| network.biases(l)));
    let before = [
        twins.reference.weights.concat(),
        twins.reference.biases.concat(),
    ]
    .concat();
    // Conductances stay at least 0, weights and biases have no bounds.
    let weights: usize = twins.reference.weights.iter().map(Vec::len).sum();
    let least = f64::from(twins.reference.architecture.window(0)[0]);
    let mut largest_error = 0.0_f64;
    let steps = before.iter().zip(after).zip(truth);
    for (p, ((before, after), truth)) in steps.enumerate() {
        let free = before - f64::from(rate) * truth;
        let expected = if p < weights { free.max(least) } else { free };
        largest_error = largest_error.max((f64::from(after) - expected).abs());
    }
    let relative = largest_error / (f64::from(rate) * largest([truth]));
    let architecture = &twins.reference.architecture;
    assert!(
        relative < 0.02,
        "{architecture:?}, {rule:?}: relative error {relative}"
    );
}

/// Mean cost after the sweeps of the free phase, from the states that it starts from.
fn cost_after_sweeps(
    network: &Reference,
    options: &TrainOptions,
    starts: &[Potentials],
    targets: &[Vec<f64>],
) -> f64 {
    let costs = starts.iter().zip(targets).map(|(start, target)| {
        let mut v = start.clone();
        network.settle(&mut v, options.free_phase, FREE);
        match options.cost {
            Cost::SquaredError => network.cost(&v, target),
            Cost::CrossEntropy => {
                let outputs = network.read(&v);
                let pairs = outputs.iter().zip(target);
                let labelled: f64 = pairs.map(|(v, y)| v * y).sum();
                outputs.iter().map(|v| v.exp()).sum::<f64>().ln() - labelled
            }
        }
    });
    costs.sum::<f64>() / starts.len() as f64
}

/// Two steps, the second from the state that the first ends with and with one example only, on networks with conducting
/// and blocking diodes: every parameter moves along the derivative, by central differences, of the cost after the sweeps.
#[test]
fn truncated_backpropagation_descends_the_cost_after_the_sweeps() {
    for (hidden, sweeps, cost) in [
        (vec![], 2, Cost::SquaredError),
        (vec![7], 1, Cost::SquaredError),
        (vec![7], 3, Cost::SquaredError),
        (vec![7], 3, Cost::CrossEntropy),
        (vec![6, 5], 3, Cost::SquaredError),
        (vec![6, 5, 70], 4, Cost::SquaredError),
    ] {
        for architecture in small_networks(4, &hidden, 3) {
            let architecture = match architecture.energy {
                Energy::CoContent => architecture.with_input_gain(2.0),
                Energy::Hopfield => architecture,
            };
            back_through_the_sweeps(&architecture, sweeps, cost);
        }
    }
}

fn back_through_the_sweeps(architecture: &Architecture, sweeps: usize, cost: Cost) {
    let (rate, batch) = (0.125_f32, 2);
    let matrices = architecture.matrices();
    let options = TrainOptions {
        rule: TruncatedBackpropagation,
        beta: None,
        cost,
        batch,
        initial_state: InitialState::Persistent,
        free_phase: Settling::sweeps(SweepOrder::Asynchronous, sweeps),
        nudged_phase: Settling::sweeps(SweepOrder::Asynchronous, 1),
        optimizer: Optimizer::plain(&vec![rate; matrices], &vec![rate; matrices], 1.0),
    };
    let data = random_data(4, 3, 3, 8);
    // Outputs at the ends of their intervals would learn nothing.
    let free = |twins: &Twins| {
        let mut v = twins.reference.at_rest(&data.input(0));
        twins.reference.settle(&mut v, options.free_phase, FREE);
        let (lo, hi) = interval(architecture, architecture.hidden.len(), 0);
        let within = |v: &f64| lo < *v && *v < hi;
        v[matrices].iter().all(within)
    };
    let mut random = (5..).map(|seed| Twins::random(architecture, 2, seed));
    let Twins {
        engine,
        mut reference,
    } = random.find(free).expect("one of many");
    let mut order: Vec<u32> = vec![0, 1, 2];
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    rng.set_stream(1 << 32);
    order.shuffle(&mut rng);
    let mut carried = vec![reference.at_rest(&[0.0; 4]); batch];
    let mut truth = 0.0_f64;
    for examples in order.chunks(batch) {
        let start = |(slot, example): (usize, &u32)| {
            let mut v = reference.at_rest(&data.input(*example as usize));
            v[1..].clone_from_slice(&carried[slot][1..]);
            v
        };
        let starts: Vec<Potentials> = examples.iter().enumerate().map(start).collect();
        let targets = examples.iter().map(|e| target_of(&data, *e as usize));
        let targets: Vec<Vec<f64>> = targets.collect();
        let before = reference.clone();
        for l in 0..2 * matrices {
            let (part, l) = (l / matrices, l % matrices);
            for i in 0..[&before.weights, &before.biases][part][l].len() {
                let at = |step: f64| {
                    let mut moved = before.clone();
                    [&mut moved.weights, &mut moved.biases][part][l][i] += step;
                    cost_after_sweeps(&moved, &options, &starts, &targets)
                };
                let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
                truth = truth.max(slope.abs());
                let parameter = &mut [&mut reference.weights, &mut reference.biases][part][l][i];
                *parameter -= f64::from(rate) * slope;
                if part == 0 {
                    *parameter =
                        parameter.max(f64::from(architecture.chain().connections[0].window[0]));
                }
            }
        }
        for (v, start) in carried.iter_mut().zip(starts) {
            *v = start;
            before.settle(v, options.free_phase, FREE);
        }
    }
    let mut trainer = Trainer::new(engine, options, 0).unwrap();
    trainer.train_epoch(&data, |_| {}).unwrap();
    let network = trainer.network();
    for l in 0..matrices {
        let weights = network.weights(l).into_iter().zip(&reference.weights[l]);
        let biases = network.biases(l).into_iter().zip(&reference.biases[l]);
        for (i, (got, want)) in weights.chain(biases).enumerate() {
            let off = (f64::from(got) - want).abs() / (f64::from(rate) * truth);
            assert!(
                off < 1e-3,
                "{architecture:?}, {cost:?}, parameter {i} of {l}: {off:e}"
            );
        }
    }
}
