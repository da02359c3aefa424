//! Checks the answers of random circuits against exact rational arithmetic: `exact [CIRCUITS] [FIRST SEED]`.
//!
//! For each family of circuits it prints how many answers were solved, refused, and at the limit of double precision, how
//! many potentials are open, what is wrong, and a histogram of error bars over errors. The exit status is 1 if anything is
//! wrong, 2 if the arguments are no numbers.

#[path = "../tests/exact/check.rs"]
mod check;
#[path = "../tests/exact/complementarity.rs"]
mod complementarity;
#[path = "../tests/exact/families.rs"]
mod families;
#[path = "../tests/exact/truth.rs"]
mod truth;

use std::process::ExitCode;

use check::Count;
use ohmgrad::solve::Method;

const METHODS: [Method; 3] = [Method::Auto, Method::Direct, Method::Coordinate];

/// Faults that are printed, of each family.
const SHOWN: usize = 10;

fn main() -> ExitCode {
    let numbers: Result<Vec<u64>, _> = std::env::args().skip(1).map(|text| text.parse()).collect();
    let (circuits, first) = match numbers.as_deref() {
        Ok([]) => (9_000, 0),
        Ok([circuits]) => (*circuits, 0),
        Ok([circuits, first]) => (*circuits, *first),
        _ => {
            eprintln!("usage: exact [CIRCUITS] [FIRST SEED], both whole numbers");
            return ExitCode::from(2);
        }
    };
    let mut faults = 0;
    let mut bars = [0; 12];
    for family in families::FAMILIES {
        let mut count = Count::default();
        let mut wrong = 0;
        for seed in first..first + circuits / families::FAMILIES.len() as u64 {
            let circuit = families::circuit(family, seed);
            if let Err(fault) = check::circuit(&circuit, &METHODS, &mut count) {
                wrong += 1;
                if wrong <= SHOWN {
                    println!("  seed {seed}: {}", fault.what);
                }
            }
        }
        println!(
            "{}: {} answers solved, {} at the limit of accuracy, {} circuits refused, {} potentials open, {wrong} wrong",
            family.0, count.solved, count.limited, count.refused, count.open,
        );
        faults += wrong;
        for (sum, more) in bars.iter_mut().zip(count.bars) {
            *sum += more;
        }
    }
    print_histogram(&bars);
    ExitCode::from(u8::from(faults > 0))
}

/// The histogram of error bars over errors, as in docs/certificate.md.
fn print_histogram(bars: &[usize; 12]) {
    println!("\n| error bar / error | potentials |\n|---|---:|");
    for (k, count) in bars.iter().enumerate() {
        let range = match k {
            0 => "below 1".to_owned(),
            10 => "1e9 and more".to_owned(),
            11 => "no error, or below 1e-20 of the largest potential".to_owned(),
            k => format!("1e{} to 1e{k}", k - 1),
        };
        println!("| {range} | {count} |");
    }
}
