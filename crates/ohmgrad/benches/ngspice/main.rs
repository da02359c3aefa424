//! ngspice and this library on the same netlists, in the same run: do they agree, and how long does each take?
//!
//! ```sh
//! cargo bench -p ohmgrad --bench ngspice                    # all families
//! cargo bench -p ohmgrad --bench ngspice -- ladders drn-xs  # some
//! cargo bench -p ohmgrad --bench ngspice -- training        # an epoch of learning, driving ngspice in a loop
//! ```
//!
//! Every circuit is written as a netlist, which both read: with tight tolerances for ngspice, and with its `gmin` of
//! 1e-12 S across every junction, which is the `leakage` of the diodes here. The times run from the file to the
//! operating point: those of ngspice of its whole process, those of the library up to the certified answer.

#[path = "../../tests/circuits/families.rs"]
mod families;
mod process;
mod training;

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ohmgrad::circuit::{Circuit, ElementId, netlist};
use ohmgrad::device::Law;
use ohmgrad::solve::{Certificate, Solution, SolveOptions, Solver, Status};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use process::Vectors;

/// By how much the potentials may differ, in volt.
const AGREEMENT: f64 = 1e-6;
/// Rows of inputs for the network of the size of `drn-xs`.
const ROWS: usize = 1000;

/// Circuits of one kind and of growing size.
struct Family {
    name: &'static str,
    count: u64,
    /// The smallest and the largest circuit, in units that `circuit` understands.
    sizes: [usize; 2],
    circuit: fn(size: usize, seed: u64) -> Circuit,
}

const FAMILIES: [Family; 5] = [
    Family {
        name: "ladders",
        count: 50,
        sizes: [4, 5000],
        circuit: |rungs, seed| families::ladder(rungs, &families::shockley(), seed),
    },
    Family {
        name: "grids",
        count: 40,
        sizes: [3, 70],
        circuit: |side, seed| families::grid_of(side, true, &families::shockley(), seed),
    },
    // ngspice needs minutes for graphs of more than a thousand nodes.
    Family {
        name: "graphs",
        count: 50,
        sizes: [5, 1000],
        circuit: |nodes, seed| families::graph(nodes, &families::shockley(), seed),
    },
    Family {
        name: "rectifiers",
        count: 40,
        sizes: [1, 1250],
        circuit: |count, seed| families::rectifiers(count, &families::shockley(), seed),
    },
    Family {
        name: "layered",
        count: 40,
        sizes: [4, 200],
        circuit: |width, seed| {
            let sizes = [width, width / 2 + 1, width / 4 + 1, width / 8 + 1];
            families::layered(&sizes, &families::shockley(), seed)
        },
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|w| w != "--bench")
        .collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    let names = FAMILIES
        .iter()
        .map(|family| family.name)
        .chain(["drn-xs", "training"]);
    if let Some(word) = words
        .iter()
        .find(|word| !names.clone().any(|name| name == **word))
    {
        let names: Vec<&str> = names.collect();
        return Err(format!("`{word}` is none of {}", names.join(", ")).into());
    }
    if Command::new("ngspice").arg("--version").output().is_err() {
        return Err("ngspice is not installed: install Debian's package ngspice".into());
    }
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("circuit.cir");
    println!(
        "family      circuits  nodes       worst |dV|  > 1 uV  not solved  ngspice failed  ngspice    ohmgrad    ratio"
    );
    for family in FAMILIES.iter().filter(|family| wanted(family.name)) {
        compare(family, &place)?;
    }
    if wanted("drn-xs") {
        drn_xs(&place)?;
    }
    if wanted("training") {
        training::compare(&place)?;
    }
    Ok(())
}

/// Compares both on a family, and prints a line about it, and one about each circuit on which they differ.
fn compare(family: &Family, place: &Path) -> Result<(), Box<dyn Error>> {
    let mut tally = Tally::default();
    for seed in 0..family.count {
        let size = family.size(seed);
        process::write(&(family.circuit)(size, seed), "", place)?;
        let answer = Answer::of(place)?;
        let vectors = process::ngspice(place, &mut tally.theirs)?;
        if let Some((node, off)) = tally.add(&answer, vectors) {
            let name = family.name;
            eprintln!("  {name} of size {size}, seed {seed}: node {node} differs by {off:.1e} V");
        }
    }
    println!("{:<10}  {tally}", family.name);
    Ok(())
}

/// What was found of a family.
#[derive(Default)]
struct Tally {
    nodes: Vec<usize>,
    /// The largest differences of potentials, in volt, where ngspice has an answer.
    differences: Vec<f64>,
    not_solved: usize,
    failed: usize,
    /// Times in seconds.
    theirs: Vec<f64>,
    ours: Vec<f64>,
}

impl Tally {
    /// Adds a circuit. Where the answers differ by too much, the result is the node and the difference.
    fn add(&mut self, answer: &Answer, vectors: Option<Vectors>) -> Option<(String, f64)> {
        self.nodes.push(answer.circuit.node_names().len() - 1);
        self.not_solved += usize::from(answer.solution.status != Status::Solved);
        self.ours.push(answer.seconds());
        let Some(vectors) = vectors else {
            self.failed += 1;
            return None;
        };
        let (off, node) = worst_difference(answer, &vectors);
        self.differences.push(off);
        (off > AGREEMENT).then(|| (node.to_owned(), off))
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let extreme = |node: Option<&usize>| node.copied().unwrap_or_default();
        let (low, high) = (
            extreme(self.nodes.iter().min()),
            extreme(self.nodes.iter().max()),
        );
        let worst = self.differences.iter().copied().fold(0.0, f64::max);
        let above = self
            .differences
            .iter()
            .filter(|off| **off > AGREEMENT)
            .count();
        let (theirs, ours) = (median(&self.theirs), median(&self.ours));
        write!(
            f,
            "{:<8}  {:<10}  {worst:.1e} V  {above:<6}  {:<10}  {:<14}  {theirs:>7.4} s  {ours:>7.4} s  {:.0}",
            self.nodes.len(),
            format!("{low}-{high}"),
            self.not_solved,
            self.failed,
            theirs / ours,
        )
    }
}

impl Family {
    /// The size of a circuit: they form a geometric series.
    fn size(&self, k: u64) -> usize {
        let [low, high] = self.sizes.map(|size| size as f64);
        let share = k as f64 / (self.count - 1) as f64;
        (low * (high / low).powf(share)).round() as usize
    }
}

/// An answer of this library, and what it took.
struct Answer {
    circuit: Circuit,
    solution: Solution,
    read: Duration,
    prepare: Duration,
    solve: Duration,
}

impl Answer {
    fn of(place: &Path) -> Result<Answer, Box<dyn Error>> {
        let start = Instant::now();
        let circuit = netlist::read(place)?.circuit;
        let read = start.elapsed();
        let mut solver = Solver::new(&circuit, SolveOptions::default())?;
        let prepare = start.elapsed() - read;
        let solution = solver.solve(&circuit)?;
        let solve = start.elapsed() - read - prepare;
        Ok(Answer {
            circuit,
            solution,
            read,
            prepare,
            solve,
        })
    }

    /// From the file to the certified answer.
    fn seconds(&self) -> f64 {
        (self.read + self.prepare + self.solve).as_secs_f64()
    }
}

/// The node at which an answer differs most from ngspice's, and by how much, in volt.
fn worst_difference<'a>(answer: &'a Answer, vectors: &Vectors) -> (f64, &'a str) {
    let potentials = answer.solution.potentials.iter();
    let names = answer.circuit.node_names().iter();
    let difference = |(name, ours): (&'a String, &f64)| match vectors.get(name) {
        Some(theirs) => ((ours - theirs).abs(), name.as_str()),
        None => (f64::INFINITY, name.as_str()),
    };
    let differences = names.zip(potentials).skip(1).map(difference);
    differences
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((0.0, "none"))
}

/// Times a network of the size of `drn-xs`: 1568 inputs, 100 hidden nodes and 10 outputs.
fn drn_xs(place: &Path) -> Result<(), Box<dyn Error>> {
    let circuit = families::layered(&[1568, 100, 10], &families::shockley(), 0);
    process::write(&circuit, "", place)?;
    // The first run finds the file and the memory cold.
    Answer::of(place)?;
    let mut answer = Answer::of(place)?;
    let mut times = Vec::new();
    let agreement = match process::ngspice(place, &mut times)? {
        Some(vectors) => format!("worst |dV| {:.1e} V", worst_difference(&answer, &vectors).0),
        None => "ngspice failed".to_owned(),
    };
    let (theirs, ours) = (times[0], answer.seconds());
    println!(
        "\ndrn-xs: {} elements, {agreement}",
        circuit.elements().len()
    );
    println!(
        "  ngspice {theirs:.3} s, ohmgrad {ours:.4} s, ratio {:.0}",
        theirs / ours
    );
    println!("  of this: {}", parts(&answer));
    for error_bars in [true, false] {
        let (one, rows) = further_inputs(&mut answer.circuit, error_bars)?;
        let with = if error_bars { "with" } else { "without" };
        println!(
            "  further inputs, {with} error bars: {one:.3} ms each one by one, {rows:.3} ms each in {ROWS} rows"
        );
    }
    Ok(())
}

/// Where the time of an answer went.
fn parts(answer: &Answer) -> String {
    let start = Instant::now();
    let Solution {
        potentials,
        currents,
        ..
    } = &answer.solution;
    let certificate = Certificate::check(&answer.circuit, potentials, currents);
    let certify = start.elapsed();
    let Answer {
        read,
        prepare,
        solve,
        ..
    } = answer;
    format!(
        "read {read:.1?}, prepare {prepare:.1?}, solve {solve:.1?} (a certificate takes {certify:.1?}, its worst \
         measure is {:.1e})",
        certificate.worst()
    )
}

/// The time of a further input in milliseconds: one by one, and in parallel rows.
fn further_inputs(circuit: &mut Circuit, error_bars: bool) -> Result<(f64, f64), Box<dyn Error>> {
    let options = SolveOptions::default().with_error_bars(error_bars);
    let mut solver = Solver::new(circuit, options)?;
    solver.solve(circuit)?;
    let is_source = |id: &ElementId| matches!(circuit[*id].law(), Law::VoltageSource { .. });
    let sources: Vec<ElementId> = circuit.element_ids().filter(is_source).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let values: Vec<f64> = (0..ROWS * sources.len())
        .map(|_| rng.random_range(0.0..10.0))
        .collect();
    let milliseconds =
        |start: Instant, count: usize| 1e3 * start.elapsed().as_secs_f64() / count as f64;
    const SOME: usize = 100;
    let start = Instant::now();
    for row in values.chunks(sources.len()).take(SOME) {
        for (source, voltage) in sources.iter().zip(row) {
            circuit.set_law(*source, Law::VoltageSource { voltage: *voltage })?;
        }
        solver.solve(circuit)?;
    }
    let one = milliseconds(start, SOME);
    let start = Instant::now();
    solver.solve_rows(circuit, &sources, &values, |_, row| row.is_ok())?;
    Ok((one, milliseconds(start, ROWS)))
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
