//! One circuit: the answers of the solver beside the truth.

use ohmgrad::circuit::Circuit;
use ohmgrad::solve::{Method, Solution, SolveOptions, Solver, Status};

use super::truth;

/// Errors below this, relative to the largest potential, have no digit in common with what anybody asks for.
const DUST: f64 = 1e-20;

/// What is wrong with an answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) what: String,
}

/// What became of the circuits.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// Answers said to be solved, and right.
    pub(crate) solved: usize,
    /// Circuits that have no operating point, and are refused.
    pub(crate) refused: usize,
    /// Answers at the limit of double precision, within their error bars.
    pub(crate) limited: usize,
    /// Potentials said to be open that are, as far as is said.
    pub(crate) open: usize,
    /// By decades of bar / error: the first place for bars below the error, the last for errors below [`DUST`].
    pub(crate) bars: [usize; 12],
}

/// Compares the answers of all methods with the truth.
pub(crate) fn circuit(
    circuit: &Circuit,
    methods: &[Method],
    count: &mut Count,
) -> Result<(), Fault> {
    let truth = truth::potentials(circuit);
    let mut found: Option<Solution> = None;
    for &method in methods {
        let options = SolveOptions::default().with_method(method);
        let answer = Solver::new(circuit, options).and_then(|mut solver| solver.solve(circuit));
        let fault = |what: String| Fault {
            what: format!("{method:?}: {what}"),
        };
        match (&truth, answer) {
            (None, Err(_)) => count.refused += 1,
            (None, Ok(solution)) => {
                let status = solution.status;
                return Err(fault(format!("{status:?}, but it has no operating point")));
            }
            (Some(_), Err(error)) => return Err(fault(format!("refused: {error}"))),
            (Some(truth), Ok(solution)) => {
                compare(circuit, &solution, truth, count).map_err(fault)?;
                let same = |found: &Solution| found.undetermined == solution.undetermined;
                if !found.as_ref().is_some_and(same) {
                    check_open(circuit, &solution, count).map_err(fault)?;
                }
                found = Some(solution);
            }
        }
    }
    Ok(())
}

fn compare(
    circuit: &Circuit,
    solution: &Solution,
    truth: &[num_rational::BigRational],
    count: &mut Count,
) -> Result<(), String> {
    match solution.status {
        Status::Solved => count.solved += 1,
        Status::AccuracyLimit => count.limited += 1,
        status => return Err(format!("{status:?}, {:?}", solution.certificate)),
    }
    let potentials = solution.potentials.iter();
    let dust = DUST * potentials.fold(0.0, |max: f64, v| max.max(v.abs()));
    for node in circuit.node_ids() {
        let (found, wanted) = (solution.potential(node), &truth[node.index()]);
        let bar = solution.accuracy[node.index()];
        let name = &circuit[node];
        if solution.undetermined.iter().any(|open| open.node == node) {
            continue; // see `check_open`
        }
        let error = truth::error(found, wanted);
        let ratio = (bar / error).log10();
        let place = match error <= dust {
            true => count.bars.len() - 1,
            false => (ratio + 1.0).clamp(0.0, count.bars.len() as f64 - 2.0) as usize,
        };
        count.bars[place] += 1;
        if error > bar {
            return Err(format!(
                "v({name}) is off by {error:e} V, its bar is {bar:e} V, it is {found} V"
            ));
        }
    }
    Ok(())
}

/// Checks that open nodes can be where they are said to be and nowhere else, and that no other node is open.
fn check_open(circuit: &Circuit, solution: &Solution, count: &mut Count) -> Result<(), String> {
    let size = solution
        .potentials
        .iter()
        .fold(1.0, |max: f64, v| max.max(v.abs()));
    let little = 1e-6 * size;
    for node in circuit.node_ids().filter(|node| node.index() > 0) {
        let (volt, name) = (solution.potential(node), &circuit[node]);
        let open = solution.undetermined.iter().find(|open| open.node == node);
        let [lowest, highest] = match open {
            Some(open) => [open.lowest, open.highest],
            None => [volt; 2],
        };
        if !(lowest..=highest).contains(&volt) {
            return Err(format!("v({name}) = {volt} is outside of {open:?}"));
        }
        let inside = little.min(0.25 * (highest - lowest));
        let bar = 10.0 * solution.accuracy[node.index()];
        for (end, outwards) in [(lowest, -1.0), (highest, 1.0)] {
            let far = 1e3 * outwards * size;
            let [within, beyond] = match end.is_finite() {
                true => [end - outwards * inside, end + outwards * (little + bar)],
                false => [far, f64::NAN],
            };
            if open.is_some() && !truth::may_be_at(circuit, node, within) {
                return Err(format!("v({name}) cannot be {within}: {open:?}"));
            }
            if beyond.is_finite() && truth::may_be_at(circuit, node, beyond) {
                return Err(format!("v({name}) can be {beyond} as well: {open:?}"));
            }
        }
        count.open += usize::from(open.is_some());
    }
    Ok(())
}
