//! A bounded run of the fuzz target: the golden netlists, damaged at random from a fixed seed.

mod target;

use std::fs;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
const INPUTS: usize = 5_000;
/// What the grammar is made of, and what numbers and names may not be.
const PIECES: [&str; 48] = [
    "\n",
    "\n+",
    " ",
    "=",
    "{",
    "}",
    "'",
    "(",
    ")",
    "*",
    "$ ",
    "-",
    "1e308",
    "1e-320",
    "0",
    "inf",
    "nan",
    "1/0",
    ".end\n",
    ".ends\n",
    ".subckt a b\n",
    "x1 a b\n",
    "m=0",
    "?1:2",
    "&&",
    "<=",
    "4k7",
    ".func f(x) {x*f(x)}\n",
    "f(",
    ".lib a\n.endl\n",
    "rser=1",
    "rpar=0",
    "tc=1,2",
    "temp=-273",
    " bv=5 ibv=1m",
    " ikf=1m isr=1n nr=2",
    " ron=1 vrev=2 epsilon=.1 ilimit=1",
    "\nb1 a b i=v(a,b)*v(a,b)*v(a,b)+exp(v(a))\n",
    "\nk1 l1 l2 1\n",
    "load tbl=(0,0,1,1)",
    "\n.model rm res(rsh=1 tc1=1)\n",
    "\n.model ",
    "\r",
    ".title x\n",
    "\n.temp 100\n",
    "$n_1",
    "net-(a",
    "\u{b5}",
];

#[test]
fn damaged_netlists_are_survived() {
    let seeds = seeds();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for seed in &seeds {
        target::read_write_solve(seed);
    }
    for _ in 0..INPUTS {
        let mut bytes = seeds.choose(&mut rng).expect("seeds").clone();
        for _ in 0..rng.random_range(1..6) {
            damage(&mut bytes, &seeds, &mut rng);
        }
        target::read_write_solve(&bytes);
    }
}

/// The golden netlists.
fn seeds() -> Vec<Vec<u8>> {
    let folders = fs::read_dir(GOLDEN).expect("the folder of the golden netlists");
    let paths = folders.map(|entry| entry.expect("an entry").path().join("circuit.cir"));
    let public = fs::read_dir(format!("{GOLDEN}/public")).expect("the public netlists");
    let public = public.map(|entry| entry.expect("an entry").path());
    let public = public.filter(|path| path.extension().is_some_and(|end| end == "cir"));
    let mut paths: Vec<_> = paths.filter(|path| path.is_file()).chain(public).collect();
    paths.sort();
    let read = |path| fs::read(path).expect("a netlist");
    paths.iter().map(read).collect()
}

/// Cuts something out, doubles it, or puts something in its place.
fn damage(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut impl Rng) {
    let cut = cut(bytes, rng);
    let other = match rng.random_range(0..5) {
        0 => Vec::new(),
        1 => bytes[cut.clone()].repeat(2),
        2 => vec![rng.random()],
        3 => PIECES.choose(rng).expect("pieces").as_bytes().to_vec(),
        _ => {
            let seed = seeds.choose(rng).expect("seeds");
            seed[self::cut(seed, rng)].to_vec()
        }
    };
    bytes.splice(cut, other);
}

/// A short piece of a text.
fn cut(bytes: &[u8], rng: &mut impl Rng) -> std::ops::Range<usize> {
    let start = rng.random_range(0..=bytes.len());
    let length = rng.random_range(0..40).min(bytes.len() - start);
    start..start + length
}
