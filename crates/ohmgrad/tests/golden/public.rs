//! Netlists as people write them, in `public/`: of each kind of thing that is read, and of each that is refused.
//! `public/expected.toml` says what comes of them and why.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ohmgrad::circuit::netlist;
use ohmgrad::solve::{SolveOptions, Solver, Status};
use serde::Deserialize;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/public");
/// By how much potentials may differ, relative, and in volt.
const TOLERANCE: (f64, f64) = (1e-6, 1e-9);

/// What comes of a netlist.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// What the netlist is an example of.
    why: String,
    /// How the potentials were found.
    by: Option<String>,
    /// Potentials in volt.
    #[serde(default)]
    nodes: BTreeMap<String, f64>,
    /// Part of the message, if the netlist is refused or has no operating point. The potentials are those that an answer
    /// would have, if there is one.
    refused: Option<String>,
}

#[test]
fn public_netlists_are_read_or_refused() {
    let text = fs::read_to_string(format!("{FOLDER}/expected.toml")).expect("the expectations");
    let cases: BTreeMap<String, Expected> = toml::from_str(&text).expect("expectations");
    let files = fs::read_dir(FOLDER)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path());
    let netlists = files
        .filter(|path| path.extension().is_some_and(|end| end == "cir"))
        .count();
    assert_eq!(netlists, cases.len(), "each netlist has its expectation");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(name, expected)| {
            let wrong = check(name, expected).err()?;
            let by = expected.by.as_deref().unwrap_or("refused");
            Some(format!("{name} ({}; {by}): {wrong}", expected.why))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// What is wrong with what comes of a netlist.
fn check(name: &str, expected: &Expected) -> Result<(), String> {
    let found = potentials(&Path::new(FOLDER).join(format!("{name}.cir")));
    let potentials = match (found, &expected.refused) {
        (Err(message), Some(part)) if message.contains(part) => return Ok(()),
        (Err(message), _) => return Err(message),
        (Ok(_), Some(part)) => return Err(format!("it is solved, not refused with `{part}`")),
        (Ok(potentials), None) => potentials,
    };
    if expected.nodes.is_empty() || expected.by.is_none() {
        return Err("nothing is expected of it".to_owned());
    }
    for (node, wanted) in &expected.nodes {
        let found = potentials.get(node).copied().unwrap_or(f64::NAN);
        let allowed = TOLERANCE.0 * wanted.abs() + TOLERANCE.1;
        let is_close = (found - wanted).abs() <= allowed;
        if !is_close {
            return Err(format!("node {node} is at {found} V, not at {wanted} V"));
        }
    }
    Ok(())
}

/// The potentials of a netlist by node, or why there are none.
fn potentials(path: &Path) -> Result<BTreeMap<String, f64>, String> {
    let netlist = netlist::read(path).map_err(|errors| errors.to_string())?;
    let circuit = &netlist.circuit;
    let solver = Solver::new(circuit, SolveOptions::default());
    let solution = solver.and_then(|mut solver| solver.solve(circuit));
    let solution = solution.map_err(|error| error.to_string())?;
    if solution.status != Status::Solved {
        return Err(format!("not solved, {:?}", solution.certificate));
    }
    let names = circuit.node_names().iter().cloned();
    Ok(names.zip(solution.potentials).collect())
}
