//! How long the operating point of an ill-conditioned grid takes, and how that grows with its size.
//!
//! ```sh
//! cargo bench -p ohmgrad --bench circuits              # 60 x 60, 150 x 150 and 300 x 300 nodes
//! cargo bench -p ohmgrad --bench circuits -- 300 1000  # other sizes
//! ```
//!
//! Each grid is solved as it is, and with a resistor beside every diode. `prepare` is the presolve and the order of
//! elimination, `solve` the first solve, `worst` the largest measure of the certificate.

#[path = "../tests/circuits/families.rs"]
mod families;

use std::fs;
use std::time::{Duration, Instant};

use ohmgrad::circuit::Circuit;
use ohmgrad::solve::{Solution, SolveOptions, Solver, Status};

const SIDES: [usize; 3] = [60, 150, 300];
const SEED: u64 = 1;

fn main() {
    // Cargo adds `--bench`.
    let words = std::env::args().skip(1).filter(|word| word != "--bench");
    let mut sides: Vec<usize> = words.map(|word| side(&word)).collect();
    if sides.is_empty() {
        sides.extend(SIDES);
    }
    println!(
        "grid         diodes  nodes    iterations  factorizations  prepare    solve      peak memory  worst    status"
    );
    for side in sides {
        for beside in [false, true] {
            let circuit = families::grid(side, beside, SEED);
            forget_peak_memory();
            let run = Run::of(&circuit);
            let name = format!("{side} x {side}");
            let diodes = if beside { "beside" } else { "alone" };
            println!("{name:<11}  {diodes:<6}  {run}");
        }
    }
}

/// A number of nodes along the side of a grid.
fn side(word: &str) -> usize {
    match word.parse() {
        Ok(side) if side > 0 => side,
        _ => panic!("`{word}` is no side of a grid: give numbers of nodes, such as 300"),
    }
}

/// A solve, and what it took.
struct Run {
    prepare: Duration,
    solve: Duration,
    /// In bytes, where the system tells it.
    peak_memory: Option<u64>,
    solution: Solution,
}

impl Run {
    fn of(circuit: &Circuit) -> Run {
        let start = Instant::now();
        let options = SolveOptions::default();
        let mut solver = Solver::new(circuit, options).expect("an operating point");
        let prepare = start.elapsed();
        let solution = solver.solve(circuit).expect("an operating point");
        Run {
            prepare,
            solve: start.elapsed() - prepare,
            peak_memory: peak_memory(),
            solution,
        }
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let work = self.solution.statistics;
        let memory = match self.peak_memory {
            Some(bytes) => format!("{} MB", bytes / 1_000_000),
            None => "unknown".to_owned(),
        };
        let status = match self.solution.status {
            Status::Solved => "solved",
            _ => "NOT SOLVED",
        };
        write!(
            f,
            "{:<7}  {:<10}  {:<14}  {:>7.3} s  {:>7.3} s  {memory:>11}  {:.1e}  {status}",
            work.nodes,
            work.iterations,
            work.factorizations,
            self.prepare.as_secs_f64(),
            self.solve.as_secs_f64(),
            self.solution.certificate.worst(),
        )
    }
}

/// Starts the count of the peak memory afresh, where Linux allows it.
fn forget_peak_memory() {
    const PEAK: &str = "5";
    _ = fs::write("/proc/self/clear_refs", PEAK);
}

/// The most memory that the process has held since, in bytes, as Linux tells it.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(1024 * kilobytes)
}
