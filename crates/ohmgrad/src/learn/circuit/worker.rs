//! The states of one example after another, each found from that of the same example in the last epoch, or else from
//! the one before.

use super::options::CircuitOptions;
use super::probes::{Probed, clamping, nudging, set_value};
use super::response::{small_change_laws, voltage};
use super::task::{CircuitTask, Output};
use crate::circuit::{Circuit, CircuitError, ElementId};
use crate::device::Law;
use crate::learn::rules::{Push, States};
use crate::presolve::{PresolveError, State};
use crate::solve::{Solution, SolveOptions, Solver, Status};

/// What the states of an example have shown.
pub(super) struct Lesson {
    /// Outputs of the free state, in volt or ampere.
    pub(super) outputs: Vec<f64>,
    /// The contrast of every trained element, divided by the span of the rule: the gradient of the cost, or what the rule
    /// has in its place.
    pub(super) gradient: Vec<f64>,
}

/// Circuits with their solvers.
pub(super) struct Worker {
    free: Bench,
    clamped: Option<Bench>,
    /// The circuit of small changes, once there has been one.
    linear: Option<Bench>,
}

/// Why a state cannot be had.
pub(super) enum Failure {
    Value(CircuitError),
    Presolve(PresolveError),
    NotConverged(f64),
    Interrupted,
    Open(usize),
}

/// A circuit on its solver, which is made for the first values that are solved for.
struct Bench {
    probed: Probed,
    solver: Option<Solver>,
}

/// Voltage (volt) and current (ampere) of a trained element.
#[derive(Clone, Copy)]
struct Reading {
    voltage: f64,
    current: f64,
}

impl Reading {
    /// `a` times one reading and `b` times another.
    fn combine(a: f64, one: Reading, b: f64, other: Reading) -> Reading {
        Reading {
            voltage: a * one.voltage + b * other.voltage,
            current: a * one.current + b * other.current,
        }
    }
}

impl Bench {
    fn new(probed: Probed) -> Bench {
        Bench {
            probed,
            solver: None,
        }
    }

    /// Another one that starts from no answer.
    fn fork(&self) -> Bench {
        Bench {
            probed: self.probed.clone(),
            solver: self.solver.as_ref().map(Solver::fork_cold),
        }
    }

    fn set(&mut self, elements: &[ElementId], values: &[f64]) -> Result<(), Failure> {
        let circuit = &mut self.probed.circuit;
        let mut pairs = elements.iter().zip(values);
        let set = pairs.try_for_each(|(element, value)| set_value(circuit, *element, *value));
        set.map_err(Failure::Value)
    }

    /// Makes the next state be found from this one.
    fn start_from(&mut self, state: State) {
        if let Some(solver) = &mut self.solver {
            solver.start_from(state);
        }
    }

    /// The state with these values of the probes.
    fn solve(&mut self, values: impl IntoIterator<Item = f64>) -> Result<Solution, Failure> {
        let circuit = &mut self.probed.circuit;
        for (probe, value) in self.probed.probes.iter().zip(values) {
            set_value(circuit, *probe, value).map_err(Failure::Value)?;
        }
        let solver = match &mut self.solver {
            Some(solver) => solver,
            none => none.insert(new_solver(circuit)?),
        };
        let solution = solver.solve(circuit).map_err(Failure::Presolve)?;
        match solution.status {
            Status::Solved => Ok(solution),
            Status::Interrupted => Err(Failure::Interrupted),
            _ => Err(Failure::NotConverged(solution.certificate.worst())),
        }
    }

    fn read(&self, elements: &[ElementId], state: &Solution) -> Vec<Reading> {
        let reading = |id: &ElementId| Reading {
            voltage: voltage(&self.probed.circuit[*id], &state.potentials),
            current: state.current(*id),
        };
        elements.iter().map(reading).collect()
    }
}

fn new_solver(circuit: &Circuit) -> Result<Solver, Failure> {
    // States are compared in their currents and voltages: the certificate says what these need.
    let options = SolveOptions::default().with_error_bars(false);
    Solver::new(circuit, options).map_err(Failure::Presolve)
}

impl Worker {
    /// Prepares for a task.
    pub(super) fn new(
        circuit: &Circuit,
        outputs: &[Output],
        clamps: bool,
    ) -> Result<Worker, CircuitError> {
        let clamped = clamps.then(|| clamping(circuit, outputs)).transpose()?;
        Ok(Worker {
            free: Bench::new(nudging(circuit, outputs)?),
            clamped: clamped.map(Bench::new),
            linear: None,
        })
    }

    /// Another one that starts from no answer.
    pub(super) fn fork(&self) -> Worker {
        Worker {
            free: self.free.fork(),
            clamped: self.clamped.as_ref().map(Bench::fork),
            linear: None,
        }
    }

    /// Whether it has not solved anything.
    pub(super) fn is_new(&self) -> bool {
        self.free.solver.is_none()
    }

    /// Gives elements other values.
    pub(super) fn set(&mut self, elements: &[ElementId], values: &[f64]) -> Result<(), Failure> {
        self.free.set(elements, values)?;
        match &mut self.clamped {
            Some(clamped) => clamped.set(elements, values),
            None => Ok(()),
        }
    }

    /// The free state of an example, and its outputs.
    pub(super) fn outputs(
        &mut self,
        task: &CircuitTask,
        inputs: &[f64],
    ) -> Result<Vec<f64>, Failure> {
        let state = self.settle(task, inputs)?;
        Ok(self.read_outputs(task, &state))
    }

    /// The states of an example, and their contrast. `start` is a free state to find this one from, and becomes this one.
    pub(super) fn learn(
        &mut self,
        task: &CircuitTask,
        options: &CircuitOptions,
        (inputs, targets): (&[f64], &[f64]),
        start: &mut Option<State>,
    ) -> Result<Lesson, Failure> {
        if let Some(state) = start.take() {
            self.free.start_from(state);
        }
        let free = self.settle(task, inputs)?;
        *start = self.free.solver.as_ref().and_then(Solver::last).cloned();
        let outputs = self.read_outputs(task, &free);
        let pairs = outputs.iter().copied().zip(targets.iter().copied());
        let pull = options.cost.pull(pairs.clone());
        let pulls: Vec<f64> = pairs.map(|(o, y)| pull.on(o, y)).collect();
        let rule = options.rule.states(options.amplitude());
        let mut states = vec![self.free.read(task.trained(), &free)];
        for push in &rule.pushes {
            let state = match *push {
                Push::Nudge(beta) => self.nudge(task, f64::from(beta), &pulls)?,
                Push::Clamp(share) => self.clamp(task, f64::from(share), &outputs, targets)?,
                // There are no sweeps to unroll: the options refuse it.
                Push::Respond(_) | Push::Unroll => {
                    let response = self.respond(task, &free, &pulls)?;
                    let gradient = self.products(task, &states[0], &response);
                    return Ok(Lesson { outputs, gradient });
                }
            };
            states.push(state);
        }
        let gradient = self.contrast(task, &rule, &states);
        Ok(Lesson { outputs, gradient })
    }

    fn settle(&mut self, task: &CircuitTask, inputs: &[f64]) -> Result<Solution, Failure> {
        self.set(task.inputs(), inputs)?;
        let state = self.free.solve(task.outputs().iter().map(|_| 0.0))?;
        let is_open = |output: &Output| {
            let nodes = output.nodes(&self.free.probed.circuit);
            let mut open = state.undetermined.iter().map(|open| open.node);
            !matches!(output, Output::Current(_)) && open.any(|node| nodes.contains(&node))
        };
        match task.outputs().iter().position(is_open) {
            Some(output) => Err(Failure::Open(output)),
            None => Ok(state),
        }
    }

    fn read_outputs(&self, task: &CircuitTask, state: &Solution) -> Vec<f64> {
        let outputs = task.outputs().iter().zip(&self.free.probed.probes);
        let read = |(output, probe): (&Output, &ElementId)| match output {
            Output::Potential(node) => state.potential(*node),
            Output::Voltage(a, b) => state.potential(*a) - state.potential(*b),
            Output::Current(_) => state.current(*probe),
        };
        outputs.map(read).collect()
    }

    fn nudge(
        &mut self,
        task: &CircuitTask,
        beta: f64,
        pulls: &[f64],
    ) -> Result<Vec<Reading>, Failure> {
        let state = self.free.solve(pulls.iter().map(|pull| beta * pull))?;
        Ok(self.free.read(task.trained(), &state))
    }

    fn clamp(
        &mut self,
        task: &CircuitTask,
        share: f64,
        outputs: &[f64],
        targets: &[f64],
    ) -> Result<Vec<Reading>, Failure> {
        let Some(clamped) = &mut self.clamped else {
            unreachable!("workers of rules that clamp have a clamped circuit");
        };
        let held = outputs
            .iter()
            .zip(targets)
            .map(|(o, y)| o + share * (y - o));
        let state = clamped.solve(held)?;
        Ok(clamped.read(task.trained(), &state))
    }

    /// The change of the free state under a nudge, divided by its infinitesimal strength.
    fn respond(
        &mut self,
        task: &CircuitTask,
        free: &Solution,
        pulls: &[f64],
    ) -> Result<Vec<Reading>, Failure> {
        let probed = &self.free.probed;
        let linear = self
            .linear
            .get_or_insert_with(|| Bench::new(probed.clone()));
        let laws: Vec<Law> = small_change_laws(&probed.circuit, free).collect();
        for (element, law) in probed.circuit.element_ids().zip(laws) {
            let set = linear.probed.circuit.set_law(element, law);
            set.map_err(Failure::Value)?;
        }
        let change = linear.solve(pulls.iter().copied())?;
        Ok(linear.read(task.trained(), &change))
    }

    fn contrast(&self, task: &CircuitTask, rule: &States, states: &[Vec<Reading>]) -> Vec<f64> {
        let pairs = states[rule.first].iter().zip(&states[rule.second]);
        let span = f64::from(rule.span);
        let (means, changes): (Vec<_>, Vec<_>) = pairs
            .map(|(first, second)| {
                let mean = Reading::combine(0.5, *first, 0.5, *second);
                (
                    mean,
                    Reading::combine(1.0 / span, *second, -1.0 / span, *first),
                )
            })
            .unzip();
        self.products(task, &means, &changes)
    }

    /// The change of every trained element's derivative of the energy by its parameter:
    /// (u2^2 - u1^2) / 2 = (u1 + u2) / 2 (u2 - u1) of a conductance, u2 - u1 of a current source, -(i2 - i1) of a
    /// voltage source.
    fn products(&self, task: &CircuitTask, means: &[Reading], changes: &[Reading]) -> Vec<f64> {
        let circuit = &self.free.probed.circuit;
        let elements = task.trained().iter().zip(means.iter().zip(changes));
        let product =
            |(id, (mean, change)): (&ElementId, (&Reading, &Reading))| match circuit[*id].law() {
                Law::VoltageSource { .. } => -change.current,
                Law::CurrentSource { .. } => change.voltage,
                _ => mean.voltage * change.voltage,
            };
        elements.map(product).collect()
    }
}
