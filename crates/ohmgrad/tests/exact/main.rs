//! Answers against the truth in exact rational arithmetic.
//!
//! Each circuit is refused only if it has no operating point, and an answer that is said to be solved is off by no more than
//! its error bar. `cargo run --release -p ohmgrad --example exact -- 100000` checks many more circuits.

mod certified;
mod check;
mod complementarity;
mod families;
mod truth;

use check::Count;
use ohmgrad::solve::Method;

const METHODS: [Method; 3] = [Method::Auto, Method::Direct, Method::Coordinate];

/// Of each family.
const SEEDS: u64 = 300;

#[test]
fn answers_are_right_to_their_error_bars() {
    let mut faults = Vec::new();
    for family in families::FAMILIES {
        let mut count = Count::default();
        for seed in 0..SEEDS {
            let circuit = families::circuit(family, seed);
            if let Err(fault) = check::circuit(&circuit, &METHODS, &mut count) {
                faults.push(format!("{}, seed {seed}: {}", family.0, fault.what));
            }
        }
        assert!(
            20 * count.limited < count.solved,
            "{}: {} answers are not to be certified",
            family.0,
            count.limited
        );
        assert!(
            count.solved > METHODS.len() * SEEDS as usize / 10,
            "{}: only {} answers are solved",
            family.0,
            count.solved
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
