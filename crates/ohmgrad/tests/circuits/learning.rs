//! Learning on any circuit: gradients against finite differences, rules against one another, tasks that can be learnt and
//! one that cannot, and tasks that are refused.

use ohmgrad::circuit::{Circuit, CircuitBuilder, ElementId};
use ohmgrad::device::Law;
use ohmgrad::learn::circuit::{
    CircuitExamples, CircuitLearner, CircuitOptions, CircuitTask, LearnError, Output, TaskError,
};
use ohmgrad::learn::{Cost, Optimizer, Rule, Schedule, Update};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::families;

fn element(circuit: &Circuit, name: &str) -> ElementId {
    circuit.element(name).expect("the circuit has the element")
}

fn potential(circuit: &Circuit, name: &str) -> Output {
    Output::Potential(circuit.node(name).expect("the circuit has the node"))
}

fn voltage(circuit: &Circuit, a: &str, b: &str) -> Output {
    let node = |name| circuit.node(name).expect("the circuit has the node");
    Output::Voltage(node(a), node(b))
}

fn is_source(law: &Law) -> bool {
    matches!(law, Law::VoltageSource { .. } | Law::CurrentSource { .. })
}

fn is_resistor(law: &Law) -> bool {
    matches!(law, Law::Resistor { conductance } if *conductance > 0.0)
}

/// The elements whose law passes.
fn elements(circuit: &Circuit, passes: fn(&Law) -> bool) -> Vec<ElementId> {
    let ids = circuit.element_ids();
    ids.filter(|id| passes(circuit[*id].law())).collect()
}

/// All but the lowest and the highest of the example's bounds: no conductance meets them.
fn wide(rule: Rule) -> CircuitOptions {
    CircuitOptions::default()
        .with_rule(rule)
        .with_bounds(1e-12, 1e12)
}

/// A random circuit with diodes between its nodes and some current sources, every source but the first trained.
struct Random {
    circuit: Circuit,
    task: CircuitTask,
    examples: CircuitExamples,
}

fn random(diode: &Law, outputs: fn(&Circuit) -> Vec<Output>, seed: u64) -> Random {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let graph = families::graph(30, diode, seed);
    let mut builder = copy(&graph);
    for k in 0..3 {
        let law = Law::CurrentSource {
            current: rng.random_range(-1e-3..1e-3),
        };
        builder.push(format!("i{k}"), &format!("n{}", 7 * k + 1), "n4", law);
    }
    let circuit = builder.build().expect("a valid circuit");
    let input = element(&circuit, "v0");
    let mut trained = elements(&circuit, |law| is_resistor(law) || is_source(law));
    trained.retain(|id| *id != input);
    let outputs = outputs(&circuit);
    let targets = outputs.iter().map(|_| rng.random_range(0.0..1.0));
    let examples = CircuitExamples::new(vec![vec![2.0], vec![-1.5]], {
        let targets: Vec<f64> = targets.collect();
        vec![targets.clone(), targets]
    });
    Random {
        task: CircuitTask::new(&circuit, vec![input], outputs, trained).expect("a valid task"),
        examples: examples.expect("valid examples"),
        circuit,
    }
}

fn copy(circuit: &Circuit) -> CircuitBuilder {
    let mut builder = Circuit::builder();
    for (id, name) in circuit.element_ids().zip(circuit.element_names()) {
        let [a, b] = circuit[id].nodes();
        builder.push(name, &circuit[a], &circuit[b], circuit[id].law().clone());
    }
    builder
}

fn voltages(circuit: &Circuit) -> Vec<Output> {
    vec![
        potential(circuit, "n3"),
        voltage(circuit, "n11", "n20"),
        potential(circuit, "n25"),
    ]
}

fn currents(circuit: &Circuit) -> Vec<Output> {
    let diode = circuit.element_ids().find(|id| {
        let name = &circuit.element_names()[id.index()];
        name.starts_with("dx")
    });
    let mut outputs = vec![
        Output::Current(element(circuit, "rv0")),
        Output::Current(element(circuit, "v10")),
        potential(circuit, "n5"),
    ];
    outputs.extend(diode.map(Output::Current));
    outputs
}

impl Random {
    fn learner(&self, options: CircuitOptions) -> CircuitLearner {
        CircuitLearner::new(&self.circuit, self.task.clone(), options, 0).expect("a valid task")
    }

    fn gradient(&self, options: CircuitOptions) -> Vec<f64> {
        let gradient = self.learner(options).gradient(&self.examples);
        gradient.expect("an operating point")
    }

    /// The change of the mean cost with each trained value, by a central difference of the third order.
    fn differences(&self, options: CircuitOptions) -> Vec<f64> {
        let mut learner = self.learner(options);
        let values = learner.values();
        let mut cost = |k: usize, share: f64| {
            let mut moved = values.clone();
            moved[k] *= 1.0 + share;
            learner.resume(0, &moved).expect("a valid value");
            learner
                .evaluate(&self.examples)
                .expect("an operating point")
                .cost
        };
        let difference = |k: usize| {
            let step = 1e-3;
            let near = (cost(k, step) - cost(k, -step)) / 2.0;
            let far = (cost(k, 2.0 * step) - cost(k, -2.0 * step)) / 4.0;
            (4.0 * near - far) / 3.0 / (step * values[k])
        };
        (0..values.len()).map(difference).collect()
    }

    /// The largest difference of two gradients by the logarithms of the values, relative to the largest entry.
    fn distance(&self, one: &[f64], other: &[f64]) -> f64 {
        let values = self.learner(wide(Rule::AdjointLearning)).values();
        let largest = |entries: &mut dyn Iterator<Item = f64>| entries.fold(0.0, f64::max);
        let pairs = values.iter().zip(one.iter().zip(other));
        let off = largest(&mut pairs.clone().map(|(v, (a, b))| (v * (a - b)).abs()));
        off / largest(&mut pairs.map(|(v, (a, _))| (v * a).abs()))
    }
}

#[test]
fn adjoint_learning_is_the_derivative_of_the_cost() {
    let soft = Law::from(ohmgrad::device::Diode {
        forward_voltage: 0.3,
        on_conductance: 1e-2,
        off_conductance: 1e-7,
    });
    for diode in [
        families::ideal(0.0),
        families::ideal(0.3),
        soft,
        families::shockley(),
    ] {
        for outputs in [voltages, currents] {
            for (seed, cost) in [
                (0, Cost::SquaredError),
                (1, Cost::SquaredError),
                (2, Cost::CrossEntropy),
            ] {
                let random = random(&diode, outputs, seed);
                let options = wide(Rule::AdjointLearning).with_cost(cost);
                let exact = random.gradient(options.clone());
                let off = random.distance(&exact, &random.differences(options));
                assert!(off < 1e-6, "{diode:?}, {cost:?}, seed {seed}: {off:.1e}");
            }
        }
    }
}

#[test]
fn centered_equilibrium_propagation_tends_to_it_as_beta_squared() {
    for seed in 0..4 {
        let random = random(&families::shockley(), voltages, seed);
        let exact = random.gradient(wide(Rule::AdjointLearning));
        let off = |rule, beta| {
            let found = random.gradient(wide(rule).with_beta(beta));
            random.distance(&exact, &found)
        };
        let beta = 4e-6;
        let ratio = off(Rule::CenteredEp, 2.0 * beta) / off(Rule::CenteredEp, beta);
        assert!((3.5..4.5).contains(&ratio), "seed {seed}: c-ep {ratio}");
        for rule in [Rule::PositiveEp, Rule::NegativeEp] {
            let ratio = off(rule, 0.1 * beta) / off(rule, 0.05 * beta);
            assert!((1.8..2.2).contains(&ratio), "seed {seed}: {rule:?} {ratio}");
        }
    }
}

#[test]
fn coupled_learning_of_one_output_points_along_the_gradient() {
    for diode in [families::ideal(0.3), families::shockley()] {
        let random = random(&diode, |circuit| vec![potential(circuit, "n3")], 5);
        let alone = CircuitExamples::new(vec![vec![2.0]], vec![vec![0.4]]).expect("valid");
        let random = Random {
            examples: alone,
            ..random
        };
        let exact = random.gradient(wide(Rule::AdjointLearning));
        let squares = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for rule in [Rule::PositiveCpl, Rule::NegativeCpl, Rule::CenteredCpl] {
            let found = random.gradient(wide(rule).with_beta(1e-6));
            let stiffness = squares(&exact, &found) / squares(&exact, &exact);
            let scaled: Vec<f64> = found.iter().map(|g| g / stiffness).collect();
            let off = random.distance(&exact, &scaled);
            assert!(stiffness > 0.0 && off < 1e-4, "{rule:?}: {off:.1e}");
        }
    }
}

#[test]
fn contrastive_learning_is_coupled_learning_that_goes_all_the_way() {
    let random = random(&families::shockley(), voltages, 1);
    let share = 0.25_f32;
    let coupled = random.gradient(wide(Rule::PositiveCpl).with_beta(share));
    let mut learner = random.learner(wide(Rule::AdjointLearning));
    let free = learner
        .evaluate(&random.examples)
        .expect("an operating point")
        .outputs;
    let share = f64::from(share);
    let target = |(o, y): (&f64, &f64)| o + share * (y - o);
    let targets = (0..2).map(|k| {
        let pairs = free[k].iter().zip(random.examples.targets(k));
        pairs.map(target).collect()
    });
    let inputs = (0..2).map(|k| random.examples.inputs(k).to_vec()).collect();
    let nearer = CircuitExamples::new(inputs, targets.collect()).expect("valid examples");
    let nearer = Random {
        examples: nearer,
        ..random
    };
    let contrastive = nearer.gradient(wide(Rule::ContrastiveLearning));
    let scaled: Vec<f64> = contrastive.iter().map(|g| g / share).collect();
    let off = nearer.distance(&coupled, &scaled);
    assert!(off < 1e-6, "{off:.1e}");
}

/// Signed pairs of two inputs and a fixed pair, every one joined by resistors to hidden nodes, and those to two
/// outputs. A hidden node has an ideal diode to ground, in turn either way round, or a pair of diodes that
/// clip at 0.5 V both ways; only `biased` networks have the fixed pair.
fn xor_network(hidden: usize, one_sided: bool, biased: bool, seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut builder = Circuit::builder();
    let lines = if biased {
        &["x", "y", "b"][..]
    } else {
        &["x", "y"][..]
    };
    for line in lines {
        let volts = |voltage| Law::VoltageSource { voltage };
        builder.push(format!("v{line}"), line, "0", volts(1.0));
        builder.push(format!("v{line}n"), "0", &format!("{line}n"), volts(1.0));
    }
    let mut resistor = || families::resistor(rng.random_range(0.05..1.0));
    for k in 0..hidden {
        let node = format!("h{k}");
        for line in lines {
            builder.push(format!("r{line}{k}"), line, &node, resistor());
            builder.push(
                format!("r{line}n{k}"),
                &format!("{line}n"),
                &node,
                resistor(),
            );
        }
        for output in ["o0", "o1"] {
            builder.push(format!("r{output}{k}"), &node, output, resistor());
        }
        let (a, b) = if k % 2 == 0 {
            ("0", &*node)
        } else {
            (&*node, "0")
        };
        let forward = if one_sided { 0.0 } else { 0.5 };
        builder.push(format!("d{k}"), a, b, families::ideal(forward));
        if !one_sided {
            builder.push(format!("e{k}"), b, a, families::ideal(forward));
        }
    }
    builder.build().expect("a valid circuit")
}

fn xor_examples(high: f64) -> CircuitExamples {
    let inputs = [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]];
    let inputs = inputs.map(|[x, y]| vec![5.0 * x, 5.0 * x, 5.0 * y, 5.0 * y]);
    let examples = CircuitExamples::of_classes(inputs.into(), &[0, 1, 1, 0], 2, [-high, high]);
    examples.expect("valid examples")
}

/// The least number of wrong examples in so many epochs of training.
fn train_xor(circuit: &Circuit, options: CircuitOptions, epochs: usize) -> usize {
    let inputs = ["vx", "vxn", "vy", "vyn"].map(|name| element(circuit, name));
    let outputs = ["o0", "o1"].map(|name| potential(circuit, name));
    let task = CircuitTask::new(
        circuit,
        inputs.into(),
        outputs.into(),
        elements(circuit, is_resistor),
    );
    let mut learner = CircuitLearner::new(circuit, task.expect("a valid task"), options, 0);
    let learner = learner.as_mut().expect("valid options");
    let examples = xor_examples(0.5);
    let mut best = 4;
    for epoch in 0..epochs {
        let trained = learner.train_epoch(&examples, |_| ());
        trained.unwrap_or_else(|error| panic!("epoch {epoch}: {error}"));
        let evaluation = learner.evaluate(&examples).expect("an operating point");
        best = best.min(evaluation.wrong.expect("classes"));
        if best == 0 {
            break;
        }
    }
    best
}

fn xor_options(rule: Rule) -> CircuitOptions {
    let options = CircuitOptions::default()
        .with_rule(rule)
        .with_rate(0.05)
        .with_bounds(1e-4, 10.0);
    match rule.has_beta() {
        true => options.with_beta(0.05),
        false => options,
    }
}

#[test]
fn every_rule_learns_xor() {
    let circuit = xor_network(8, true, true, 3);
    let layered = Rule::TruncatedBackpropagation;
    for rule in Rule::ALL.into_iter().filter(|rule| *rule != layered) {
        assert_eq!(train_xor(&circuit, xor_options(rule), 400), 0, "{rule:?}");
    }
}

#[test]
fn sweeps_of_layers_are_no_rule_for_circuits() {
    let options = xor_options(Rule::TruncatedBackpropagation);
    let error = options
        .validate()
        .expect_err("no sweeps to go back through");
    assert!(error.to_string().contains("use al"), "{error}");
}

#[test]
fn a_network_of_odd_elements_cannot_learn_xor() {
    // The outputs of (-x, -y) are those of (x, y) with the other sign, so that of each such pair one is wrong.
    let circuit = xor_network(8, false, false, 3);
    let best = train_xor(&circuit, xor_options(Rule::AdjointLearning), 200);
    assert!(best >= 2, "{best} of 4 are wrong");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let random = random(&families::shockley(), voltages, 2);
    let train = || {
        let mut learner = random.learner(wide(Rule::CenteredEp).with_rate(1e-8));
        let inputs = (0..50).map(|k| vec![0.1 * f64::from(k)]).collect();
        let examples = CircuitExamples::new(inputs, vec![vec![0.1; 3]; 50]).expect("valid");
        for _ in 0..2 {
            let trained = learner.train_epoch(&examples, |_| ());
            trained.expect("an operating point");
        }
        learner.values()
    };
    let pool = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(train)
    };
    assert_eq!(pool(1), pool(3));
}

#[test]
fn circuits_with_controlled_sources_do_not_learn() {
    let circuit = Circuit::builder()
        .voltage_source("v1", "in", "0", 1.0)
        .resistor("r1", "in", "out", 1.0)
        .vcvs("e1", "out", "0", ["in", "0"], 2.0)
        .build()
        .expect("a valid circuit");
    let id = |name| element(&circuit, name);
    let outputs = vec![potential(&circuit, "out")];
    let task = CircuitTask::new(&circuit, vec![id("v1")], outputs, vec![id("r1")]);
    assert_eq!(task, Err(TaskError::Controlled("e1".to_owned())));
}

#[test]
fn tasks_that_cannot_be_learnt_are_refused() {
    let circuit = Circuit::builder()
        .voltage_source("v1", "in", "0", 1.0)
        .resistor("r1", "in", "out", 1.0)
        .resistor("r2", "out", "0", 1.0)
        .resistor("short", "out", "far", 0.0)
        .ideal_diode("d1", "out", "0", 0.5)
        .current_source("i1", "0", "far", 0.0)
        .voltage_source("v2", "other", "0", 1.0)
        .resistor("r3", "other", "0", 1.0)
        .build()
        .expect("a valid circuit");
    let id = |name: &str| element(&circuit, name);
    let out = potential(&circuit, "out");
    let refusal = |inputs: &[&str], outputs: Vec<Output>, trained: &[&str]| {
        let ids = |names: &[&str]| names.iter().map(|name| id(name)).collect();
        let task = CircuitTask::new(&circuit, ids(inputs), outputs, ids(trained));
        task.expect_err("a bad task")
    };
    let name = |text: &str| text.to_owned();
    for (found, wanted) in [
        (refusal(&["v1"], vec![], &["r1"]), TaskError::NoOutput),
        (refusal(&["v1"], vec![out], &[]), TaskError::NothingToTrain),
        (
            refusal(&["r2"], vec![out], &["r1"]),
            TaskError::NoSource(name("r2")),
        ),
        (
            refusal(&["v1"], vec![out], &["v1"]),
            TaskError::TrainedInput(name("v1")),
        ),
        (
            refusal(&["v1"], vec![out], &["d1"]),
            TaskError::Untrainable(name("d1")),
        ),
        (
            refusal(&["v1"], vec![out], &["short"]),
            TaskError::Untrainable(name("short")),
        ),
        (
            refusal(&["v1"], vec![out, out], &["r1"]),
            TaskError::Twice(name("v(out)"), "outputs"),
        ),
        (
            refusal(&["v1", "v1"], vec![out], &["r1"]),
            TaskError::Twice(name("v1"), "inputs"),
        ),
        (
            refusal(&["v1"], vec![potential(&circuit, "0")], &["r1"]),
            TaskError::Constant(name("v(0)")),
        ),
        (
            refusal(&["v1"], vec![Output::Current(id("i1"))], &["r1"]),
            TaskError::Constant(name("i(i1)")),
        ),
        (
            refusal(&["v1"], vec![potential(&circuit, "other")], &["r1"]),
            TaskError::NoPath(name("v(other)")),
        ),
    ] {
        assert_eq!(found, wanted);
    }
}

/// A divider whose resistors have these names, and whose elements come in this order.
fn divider(names: [&str; 3]) -> Circuit {
    let mut builder = Circuit::builder();
    for name in names {
        builder = match name {
            "v1" => builder.voltage_source(name, "in", "0", 1.0),
            "d1" => builder.ideal_diode(name, "out", "0", 0.5),
            _ => builder.resistor(name, "in", "out", 1.0),
        };
    }
    builder
        .resistor("r9", "out", "0", 1.0)
        .build()
        .expect("valid")
}

#[test]
fn a_task_is_one_of_its_circuit() {
    let own = divider(["v1", "r1", "d1"]);
    let output = potential(&own, "out");
    let (input, trained) = (element(&own, "v1"), element(&own, "r1"));
    let task = CircuitTask::new(&own, vec![input], vec![output], vec![trained]).expect("valid");
    let learner = |circuit: &Circuit| {
        let options = CircuitOptions::default();
        CircuitLearner::new(circuit, task.clone(), options, 0).map(|_| ())
    };
    let mut copy = own.clone();
    let conductance = 0.25;
    copy.set_law(trained, Law::Resistor { conductance })
        .expect("above 0");
    assert_eq!(learner(&copy), Ok(()));

    let other = |name: &str| Err(LearnError::Task(TaskError::OtherCircuit(name.to_owned())));
    assert_eq!(learner(&divider(["r1", "v1", "d1"])), other("v1"));
    assert_eq!(learner(&divider(["v1", "r2", "d1"])), other("r1"));
    let empty = Circuit::builder()
        .resistor("r1", "a", "0", 1.0)
        .build()
        .expect("valid");
    assert_eq!(learner(&empty), other("element 1"));
    let far = CircuitTask::new(&empty, vec![], vec![output], vec![element(&empty, "r1")]);
    assert_eq!(far, Err(TaskError::OtherCircuit("node 2".to_owned())));

    let diode = own[element(&own, "d1")].law().clone();
    copy.set_law(trained, diode).expect("a valid diode");
    let untrainable = TaskError::Untrainable("r1".to_owned());
    assert_eq!(learner(&copy), Err(LearnError::Task(untrainable)));
}

/// Three epochs of one example by the exact gradient, beside a few lines that do the same: Adam on a conductance, with
/// weight decay and a schedule.
#[test]
fn a_conductance_follows_adam_on_its_schedule() {
    let circuit = Circuit::builder()
        .voltage_source("v1", "in", "0", 2.0)
        .resistor("r1", "in", "out", 2.0)
        .resistor("r2", "out", "0", 1.0)
        .build()
        .expect("a valid circuit");
    let optimizer = Optimizer {
        update: Update::Adam {
            beta1: 0.75,
            beta2: 0.875,
            epsilon: 0.0625,
        },
        weight_decay: 0.125,
        schedule: Schedule::exponential(0.5),
        learning_rates: [("conductances".to_owned(), 0.25)].into(),
    };
    let options = CircuitOptions::default()
        .with_rule(Rule::AdjointLearning)
        .with_optimizer(optimizer);
    let (input, trained) = (element(&circuit, "v1"), element(&circuit, "r1"));
    let task = CircuitTask::new(
        &circuit,
        vec![input],
        vec![potential(&circuit, "out")],
        vec![trained],
    );
    let mut learner =
        CircuitLearner::new(&circuit, task.expect("valid"), options, 0).expect("valid");
    let examples = CircuitExamples::new(vec![vec![2.0]], vec![vec![1.5]]).expect("valid");
    let (mut g, mut m, mut s) = (0.5, 0.0, 0.0);
    for t in 1..=3 {
        learner
            .train_epoch(&examples, |_| ())
            .expect("an operating point");
        // out = 2 g / (g + 1), cost = (out - 1.5)^2 / 2
        let out = 2.0 * g / (g + 1.0);
        let gradient = (out - 1.5) * 2.0 / ((g + 1.0) * (g + 1.0)) + 0.125 * g;
        m = 0.75 * m + 0.25 * gradient;
        s = 0.875 * s + 0.125 * gradient * gradient;
        let (mean, square): (f64, f64) =
            (m / (1.0 - 0.75_f64.powi(t)), s / (1.0 - 0.875_f64.powi(t)));
        g -= 0.25 * 0.5_f64.powi(t - 1) * mean / (square.sqrt() + 0.0625);
        let found = learner.values()[0];
        assert!((found - g).abs() < 1e-9, "epoch {t}: {found} {g}");
    }
}

#[test]
fn every_optimizer_learns_xor() {
    let circuit = xor_network(8, true, true, 3);
    let adam = (Update::ADAM, 0.02, Schedule::default());
    let momentum = (Update::MOMENTUM, 0.005, Schedule::exponential(0.999));
    for (update, rate, schedule) in [adam, momentum] {
        let mut options = xor_options(Rule::AdjointLearning).with_rate(rate);
        options.optimizer.update = update;
        options.optimizer.schedule = schedule;
        assert_eq!(train_xor(&circuit, options, 400), 0, "{update:?}");
    }
}

#[test]
fn options_and_examples_that_do_not_fit_are_refused() {
    let random = random(&families::ideal(0.0), currents, 0);
    let refusal =
        |options| match CircuitLearner::new(&random.circuit, random.task.clone(), options, 0) {
            Ok(_) => panic!("these options are not valid"),
            Err(error) => error,
        };
    assert!(matches!(
        refusal(wide(Rule::ContrastiveLearning)),
        LearnError::ClampedCurrent(output) if output == "i(rv0)"
    ));
    let message = |options: CircuitOptions| refusal(options).to_string();
    assert!(message(wide(Rule::CenteredEp).with_beta(0.0)).starts_with("beta is 0"));
    let rate = message(wide(Rule::CenteredEp).with_rate(f32::NAN));
    assert!(
        rate.contains("learning_rates.conductances is NaN"),
        "{rate}"
    );
    let unused = message(wide(Rule::AdjointLearning).with_beta(0.1));
    assert!(
        unused.starts_with("beta is 0.1: this rule has no amplitude"),
        "{unused}"
    );
    let mut voltages = wide(Rule::CenteredEp).optimizer;
    voltages.learning_rates.retain(|name, _| name == "voltages");
    let missing = message(wide(Rule::CenteredEp).with_optimizer(voltages));
    assert!(
        missing.contains("learning_rates has no entry conductances"),
        "{missing}"
    );
    assert!(message(wide(Rule::CenteredEp).with_bounds(0.0, 1.0)).starts_with("g_min is 0"));
    assert!(message(wide(Rule::CenteredEp).with_bounds(1.0, 1.0)).starts_with("g_min is 1 S"));
    assert!(message(wide(Rule::CenteredEp).with_batch(0)).starts_with("batch is 0"));
    assert!(
        message(wide(Rule::CenteredEp).with_bounds(0.1, 1.0)).contains("outside of 0.1 to 1 S")
    );
    let clamped = wide(Rule::CenteredCpl).with_cost(Cost::CrossEntropy);
    assert!(message(clamped).contains("cross-entropy does not have"));
    let narrow = CircuitExamples::new(vec![vec![1.0]], vec![vec![1.0]]).expect("valid examples");
    let error = random.learner(wide(Rule::CenteredEp)).evaluate(&narrow);
    assert!(matches!(
        error,
        Err(LearnError::Width {
            found_outputs: 1,
            ..
        })
    ));
    let nan = CircuitExamples::new(vec![vec![1.0, f64::NAN]], vec![vec![1.0]]);
    assert!(
        nan.expect_err("NaN")
            .to_string()
            .starts_with("example 1 has the value NaN")
    );
    let class = CircuitExamples::of_classes(vec![vec![1.0]], &[2], 2, [0.0, 1.0]);
    let class = class.expect_err("there is no class 2").to_string();
    assert!(class.starts_with("example 1 is of class 2"), "{class}");
}

/// A learner of r1, with the input v1 and the output v(out).
fn from_v1_to_out(circuit: &Circuit) -> CircuitLearner {
    let (input, trained) = (element(circuit, "v1"), element(circuit, "r1"));
    let output = potential(circuit, "out");
    let task = CircuitTask::new(circuit, vec![input], vec![output], vec![trained]);
    let options = CircuitOptions::default();
    CircuitLearner::new(circuit, task.expect("valid"), options, 0).expect("valid options")
}

#[test]
fn examples_without_an_operating_point_are_named() {
    let circuit = Circuit::builder()
        .voltage_source("v1", "in", "0", 0.0)
        .ideal_diode("d1", "in", "0", 0.5)
        .resistor("r1", "in", "out", 1.0)
        .resistor("r2", "out", "0", 1.0)
        .build()
        .expect("a valid circuit");
    let mut learner = from_v1_to_out(&circuit);
    let inputs = vec![vec![0.2], vec![0.4], vec![0.6]];
    let examples = CircuitExamples::new(inputs, vec![vec![0.1]; 3]).expect("valid examples");
    let error = learner.evaluate(&examples);
    assert!(
        matches!(error, Err(LearnError::Presolve { example: 2, .. })),
        "{error:?}"
    );
}

#[test]
fn outputs_that_the_circuit_leaves_open_are_named() {
    let circuit = Circuit::builder()
        .voltage_source("v1", "in", "0", 0.0)
        .resistor("r1", "in", "a", 1.0)
        .ideal_diode("d1", "a", "out", 0.0)
        .current_source("i1", "out", "0", 0.0)
        .build()
        .expect("a valid circuit");
    let mut learner = from_v1_to_out(&circuit);
    let examples = CircuitExamples::new(vec![vec![-1.0]], vec![vec![0.1]]).expect("valid");
    let error = learner.evaluate(&examples);
    let is_open = matches!(&error, Err(LearnError::Open { output, .. }) if output == "v(out)");
    assert!(is_open, "{error:?}");
}
