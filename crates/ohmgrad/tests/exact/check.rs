//! One circuit: the answers of the solver beside the truth.

use ohmgrad::circuit::Circuit;
use ohmgrad::solve::{Method, Solution, SolveOptions, Solver, Status};

use super::truth;

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
    /// Answers that are said not to be found.
    pub(crate) unfound: usize,
    /// By decades of bar / error: the last place for errors of 0, the first for bars below the error.
    pub(crate) bars: [usize; 12],
}

/// Compares the answers of all methods with the truth.
pub(crate) fn circuit(
    circuit: &Circuit,
    methods: &[Method],
    count: &mut Count,
) -> Result<(), Fault> {
    let truth = truth::potentials(circuit);
    for &method in methods {
        let options = SolveOptions::default().with_method(method);
        let answer = Solver::new(circuit, options).and_then(|mut solver| solver.solve(circuit));
        let fault = |what: String| Fault {
            what: format!("{method:?}: {what}"),
        };
        match (&truth, answer) {
            (None, Err(_)) => count.refused += 1,
            (None, Ok(solution)) if solution.status == Status::Solved => {
                return Err(fault("solved, but it has no operating point".into()));
            }
            (None, Ok(_)) => count.refused += 1,
            (Some(_), Err(error)) => return Err(fault(format!("refused: {error}"))),
            (Some(truth), Ok(solution)) => {
                compare(circuit, &solution, truth, count).map_err(fault)?;
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
        Status::IterationLimit => {
            count.unfound += 1;
            return Ok(());
        }
        status => return Err(format!("{status:?}, {:?}", solution.certificate)),
    }
    for node in circuit.node_ids() {
        let (found, wanted) = (solution.potential(node), &truth[node.index()]);
        let bar = solution.accuracy[node.index()];
        let name = &circuit[node];
        let open = solution.undetermined.iter().find(|open| open.node == node);
        if let Some(open) = open {
            let wanted = num_traits::ToPrimitive::to_f64(wanted).expect("a finite potential");
            let slack = 1e-9 * wanted.abs().max(1.0);
            if wanted < open.lowest - slack || wanted > open.highest + slack {
                return Err(format!(
                    "node {name} is said to be open: {open:?}, but {wanted}"
                ));
            }
            continue;
        }
        let error = truth::error(found, wanted);
        let ratio = (bar / error).log10();
        let place = match error == 0.0 {
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
