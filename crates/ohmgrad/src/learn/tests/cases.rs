//! Random networks, data and options of training.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::drn::tests::{ORDERS, laws, widths};

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) architecture: Architecture,
    pub(super) options: TrainOptions,
    /// Nudging strength as a share of the weakest output's conductance, or of the way to the target.
    pub(super) nudge: f64,
    pub(super) examples: usize,
    pub(super) epochs: usize,
    pub(super) threads: usize,
    pub(super) seed: u64,
}

fn settlings() -> impl Strategy<Value = Settling> {
    let tolerance =
        prop_oneof![2 => Just(None), 1 => (2..=4_i32).prop_map(|e| Some(10_f64.powi(-e)))];
    (select(&ORDERS[..]), 1..=5_usize, tolerance).prop_map(|(order, sweeps, tolerance)| Settling {
        order,
        sweeps: if tolerance.is_some() { 30 } else { sweeps },
        relaxation: 1.0,
        tolerance,
    })
}

fn optimizers() -> impl Strategy<Value = Optimizer> {
    let rates = vec(0.0..0.1_f32, 8);
    // So large an epsilon that what f32 rounds is not blown up to the size of a step.
    let adam = Update::Adam {
        beta1: 0.75,
        beta2: 0.9,
        epsilon: 1.0,
    };
    let momentum = [0.5, 0.9].map(|momentum| Update::Momentum { momentum });
    let update = select(vec![
        Update::Sgd,
        Update::Sgd,
        momentum[0],
        momentum[1],
        adam,
    ]);
    (
        rates,
        update,
        select(vec![0.0, 0.0, 0.1]),
        select(vec![1.0, 0.5]),
    )
        .prop_map(|(rates, update, weight_decay, factor)| Optimizer {
            update,
            weight_decay,
            ..Optimizer::plain(&rates[..4], &rates[4..], factor)
        })
}

fn architectures() -> impl Strategy<Value = Architecture> {
    let hidden = vec(widths(50).prop_map(|w| w + 3), 0..=3);
    let outputs = prop_oneof![7 => 1..=5_usize, 1 => 63..=67_usize];
    let bounds = select(vec![
        (0.0, f32::INFINITY),
        (0.0, 0.2),
        (0.05, f32::INFINITY),
        (0.02, 0.15),
    ]);
    let readout = select(vec![
        Some(Readout::Nodes),
        Some(Readout::Pairs),
        None, // a Hopfield network
    ]);
    (
        1..=70_usize,
        hidden,
        (outputs, readout),
        select(vec![1.0, 4.0]),
        (bounds, select(laws::laws())),
    )
        .prop_map(
            |(features, hidden, (outputs, readout), gain, ((g_min, g_max), law))| {
                let Some(readout) = readout else {
                    return Architecture::new(features, hidden, outputs)
                        .with_energy(Energy::Hopfield);
                };
                let outputs = match readout {
                    Readout::Nodes => outputs,
                    Readout::Pairs => 2 * outputs,
                };
                let windows = match g_min > 0.0 {
                    // Every second matrix has another window.
                    true => (0..=hidden.len())
                        .map(|l| {
                            if l % 2 == 0 {
                                [g_min, g_max]
                            } else {
                                [0.0, 0.2]
                            }
                        })
                        .collect(),
                    false => Vec::new(),
                };
                // Biases are free, not negative or small.
                let (b_min, b_max) = match features % 3 {
                    0 => (f32::NEG_INFINITY, f32::INFINITY),
                    1 => (0.0, f32::INFINITY),
                    _ => (-0.1, 0.05),
                };
                Architecture::new(features, hidden, outputs)
                    .with_readout(readout)
                    .with_input_gain(gain)
                    .with_bounds(g_min, g_max)
                    .with_windows(windows)
                    .with_bias_bounds(b_min, b_max)
                    .with_laws(vec![law])
            },
        )
}

pub(super) fn cases() -> impl Strategy<Value = Case> {
    let initial = select(vec![InitialState::Persistent, InitialState::Zero]);
    let options = (
        select(&RULES[..]),
        select(vec![
            Cost::SquaredError,
            Cost::SquaredError,
            Cost::CrossEntropy,
        ]),
        1..=5_usize,
        initial,
        settlings(),
        settlings(),
        optimizers(),
    );
    let schedule = (1..=12_usize, 1..=2_usize, 1..=3_usize);
    (architectures(), options, 0.1..0.7, schedule, any::<u64>()).prop_map(
        |(architecture, options, nudge, (examples, epochs, threads), seed)| {
            let (rule, cost, batch, initial_state, free_phase, mut nudged_phase, mut optimizer) =
                options;
            // Of other phases than nudged ones the reference knows no residual.
            if rule.clamps() || rule == RecurrentBackpropagation {
                nudged_phase.tolerance = None;
            }
            // Its pulls are sums, not means: large steps would amplify what f32 rounds.
            if architecture.energy == Energy::Hopfield {
                let rates = optimizer.learning_rates.values_mut();
                rates.for_each(|rate| *rate *= 0.1);
            }
            let names = architecture.parameter_names();
            optimizer
                .learning_rates
                .retain(|name, _| names.contains(name));
            Case {
                architecture,
                options: TrainOptions {
                    rule,
                    beta: rule.has_beta().then_some(1.0),
                    cost: if rule.clamps() {
                        Cost::SquaredError
                    } else {
                        cost
                    },
                    batch,
                    initial_state,
                    free_phase,
                    nudged_phase,
                    optimizer,
                },
                nudge,
                examples,
                epochs,
                threads,
                seed,
            }
        },
    )
}
