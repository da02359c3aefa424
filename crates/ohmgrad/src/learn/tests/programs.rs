//! Every rule's program on the engine and on the f64 reference, state by state.

use super::*;
use crate::drn::tests::ORDERS;
use crate::drn::{
    Board, Machine, Op, Program, Reference, ReferenceBatch, Worker, Workspace, run_team,
};

/// Examples of the batch.
const BATCH: usize = 3;

/// A network in both precisions, with an input and targets for a batch.
struct Problem {
    engine: Network,
    reference: Reference,
    inputs: Vec<f32>,
    targets: Vec<f32>,
}

fn problem(architecture: &Architecture, seed: u64) -> Problem {
    let Twins { engine, reference } = Twins::random(architecture, 2, seed);
    let mut rng = ChaCha8Rng::seed_from_u64(!seed);
    let mut values =
        |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(0.0..1.0)).collect() };
    Problem {
        inputs: values(BATCH * architecture.features),
        targets: values(BATCH * architecture.readouts()),
        reference: Reference::new(architecture, reference.weights, reference.biases),
        engine,
    }
}

/// All states of the free layers after a program: [state][layer], example after example.
type States = Vec<Vec<Vec<f64>>>;

/// What of a program is not the machine's: targets become what a squared error pulls with.
fn pull(architecture: &Architecture, outputs: &[f64], targets: &[f32]) -> Vec<f64> {
    let nodes = outputs.chunks(architecture.outputs);
    let targets = targets.chunks(architecture.readouts());
    let read = |nodes: &[f64]| -> Vec<f64> {
        let nodes: Vec<f32> = nodes.iter().map(|v| *v as f32).collect();
        architecture.readout.read(&nodes).map(f64::from).collect()
    };
    let pulls = nodes.zip(targets).flat_map(|(nodes, targets)| {
        let target: Vec<f64> = targets.iter().map(|y| f64::from(*y)).collect();
        pull_of(Cost::SquaredError, &read(nodes), &target)
    });
    pulls.collect()
}

fn on_the_reference(problem: &Problem, program: &Program) -> States {
    let architecture = problem.engine.architecture();
    let inputs: Vec<f64> = problem.inputs.iter().map(|x| f64::from(*x)).collect();
    let drive = problem.reference.drive(&problem.reference.sources(&inputs));
    let mut batch = ReferenceBatch::new(&problem.reference, drive, program.states, false);
    let mut targets: Vec<f64> = problem.targets.iter().map(|y| f64::from(*y)).collect();
    for op in &program.ops {
        if let Op::Pull { .. } = op {
            let outputs = batch.states[0].last().expect("outputs");
            targets = pull(architecture, outputs, &problem.targets);
        }
        batch.run(op, &targets);
    }
    batch.states
}

fn on_the_engine(problem: &mut Problem, program: &Program) -> States {
    let Problem {
        engine,
        inputs,
        targets,
        ..
    } = problem;
    let architecture = engine.architecture().clone();
    let (features, arch) = (architecture.features, engine.arch);
    let board = Board::new(&engine.shares, program.states * BATCH);
    let outputs = run_team(engine.shares.iter(), |index, share, barrier| {
        let mut space = Workspace::new(share, features, BATCH, program.states);
        space.input.encode(features, BATCH, |b, volts| {
            let example = &inputs[b * features..(b + 1) * features];
            let scaled = example.iter().map(|x| architecture.input_gain * x);
            volts.iter_mut().zip(scaled).for_each(|(v, x)| *v = x);
        });
        let mut targets = targets.clone();
        let mut worker = Worker {
            arch,
            index,
            share,
            space: &mut space,
            board: &board,
            barrier,
        };
        worker.drive();
        for op in &program.ops {
            if let Op::Pull { .. } = op {
                let outputs: Vec<f64> = worker.space.outputs[..BATCH * architecture.outputs]
                    .iter()
                    .map(|v| f64::from(*v))
                    .collect();
                let pulls = pull(&architecture, &outputs, &targets);
                targets = pulls.into_iter().map(|i| i as f32).collect();
            }
            worker.run(op, &targets);
        }
        space.outputs
    });
    let state = |s: usize| {
        let slots = s * BATCH..(s + 1) * BATCH;
        let hidden =
            (0..architecture.hidden.len()).map(|l| board.collect(l, architecture.width(l), &slots));
        let count = architecture.outputs;
        let outputs = outputs[slots.start * count..slots.end * count].to_vec();
        let layers = hidden.chain([outputs]);
        layers
            .map(|layer| layer.into_iter().map(f64::from).collect())
            .collect()
    };
    (0..program.states).map(state).collect()
}

/// Every law and rule, over-relaxed or not; the second hidden layer has the law that comes next.
#[test]
fn engine_and_reference_agree_with_every_law() {
    let laws = crate::drn::tests::laws::laws();
    for (k, law) in laws.iter().enumerate() {
        let architecture = Architecture::new(5, vec![70, 66], 2)
            .with_laws(vec![law.clone(), laws[(k + 1) % laws.len()].clone()]);
        for (r, rule) in Rule::ALL.into_iter().enumerate() {
            let order = ORDERS[(k + r) % 3];
            for (order, relaxation) in match rule {
                TruncatedBackpropagation => vec![(SweepOrder::Asynchronous, 1.0)],
                _ => vec![(order, 1.0), (order, 1.3)],
            } {
                agrees(&architecture, rule, order, relaxation);
            }
        }
    }
}

/// Every rule, order and depth, over-relaxed or not, on resistive networks with both readouts and on Hopfield networks.
#[test]
fn engine_and_reference_agree_on_every_state_of_every_program() {
    for (hidden, rule) in [0, 1, 2, 3]
        .into_iter()
        .flat_map(|hidden| Rule::ALL.map(|rule| (hidden, rule)))
    {
        for (order, relaxation) in ORDERS.into_iter().flat_map(|o| [1.0, 1.3].map(|w| (o, w))) {
            if rule == TruncatedBackpropagation
                && (order != SweepOrder::Asynchronous || relaxation != 1.0)
            {
                continue;
            }
            for architecture in small_networks(5, &vec![70; hidden], 2) {
                agrees(&architecture, rule, order, relaxation);
            }
        }
    }
}

fn agrees(architecture: &Architecture, rule: Rule, order: SweepOrder, relaxation: f32) {
    let settling = Settling::sweeps(order, 3).with_relaxation(relaxation);
    let rates = vec![0.0; architecture.matrices()];
    let options = TrainOptions {
        rule,
        beta: rule.has_beta().then_some(0.05),
        cost: Cost::SquaredError,
        batch: BATCH,
        initial_state: InitialState::Zero,
        free_phase: settling,
        // Sweeps until f32 has no more digits would differ in number.
        nudged_phase: settling,
        optimizer: Optimizer::plain(&rates, &rates, 1.0),
    };
    options.validate(architecture).expect("valid options");
    let mut program = options.program(architecture.free_layers());
    if rule == AdjointLearning {
        for op in &mut program.ops {
            if let Op::Settle(settle) = op {
                settle.settling.sweeps = 3;
                settle.settling.tolerance = None;
            }
        }
    }
    let mut problem = problem(architecture, 7);
    let wanted = on_the_reference(&problem, &program);
    let found = on_the_engine(&mut problem, &program);
    let highest = largest(wanted.iter().flatten());
    for (state, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        for (l, (found, wanted)) in found.iter().zip(wanted).enumerate() {
            for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                assert!(
                    (found - wanted).abs() <= 2e-5 * highest,
                    "{rule:?}, {order:?}, factor {relaxation}, {architecture:?}: state {state}, free layer {l}, \
                     unit {at}: {found} V instead of {wanted} V"
                );
            }
        }
    }
}
