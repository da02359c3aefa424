//! Linear complementarity problems in exact arithmetic.
//!
//! ```text
//! w = q + M z,   w >= 0,  z >= 0,  w_k z_k = 0        (and w_k = 0, z_k free for the free pairs)
//! ```
//!
//! With a positive semidefinite M, Lemke's method ends with a solution if there is one (Cottle, Pang and Stone, "The Linear
//! Complementarity Problem", 1992, section 4.4). The dictionary holds integers over one common denominator, which is the
//! last pivot (Edmonds; Bareiss, 1968): no fraction is ever reduced, and nothing is rounded.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Pivots after which Lemke's method starts again with other random numbers, in case of a cycle.
const PIVOTS: usize = 2_000;

/// The pairs (w_k, z_k).
pub(crate) struct Problem {
    /// M, row after row.
    matrix: Vec<Vec<BigRational>>,
    /// q.
    constants: Vec<BigRational>,
    /// Whether w_k = 0 and z_k is free.
    free: Vec<bool>,
}

impl Problem {
    pub(crate) fn new() -> Problem {
        Problem {
            matrix: Vec::new(),
            constants: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Adds a pair; its number.
    pub(crate) fn add(&mut self, free: bool) -> usize {
        for row in &mut self.matrix {
            row.push(BigRational::zero());
        }
        let pairs = self.free.len() + 1;
        self.matrix.push(vec![BigRational::zero(); pairs]);
        self.constants.push(BigRational::zero());
        self.free.push(free);
        pairs - 1
    }

    /// Adds to q_k.
    pub(crate) fn add_constant(&mut self, k: usize, value: &BigRational) {
        self.constants[k] += value;
    }

    /// Adds to M.
    pub(crate) fn add_to(&mut self, row: usize, column: usize, value: &BigRational) {
        self.matrix[row][column] += value;
    }

    /// z, or `None` if no z solves the problem.
    pub(crate) fn solve(&self) -> Option<Vec<BigRational>> {
        (0..20)
            .find_map(|seed| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                Dictionary::of(self).and_then(|start| start.lemke(&mut rng))
            })
            .unwrap_or_else(|| panic!("a cycle in Lemke's method"))
    }
}

/// The variable w_k or z_k, or the artificial one of Lemke's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    W(usize),
    Z(usize),
    Cover,
}

/// The basic variables as functions of the others: row = (constant + sum of entries times columns) / denominator.
struct Dictionary {
    rows: Vec<Variable>,
    columns: Vec<Variable>,
    /// The constant last.
    entries: Vec<Vec<BigInt>>,
    denominator: BigInt,
    /// Rows of free variables: they have no sign.
    is_free: Vec<bool>,
    /// For each pair of the dictionary, that of the problem, and whether it is its negative half.
    halves: Vec<(usize, bool)>,
}

impl Dictionary {
    /// The dictionary with all free variables in it that can be, and the others split into halves.
    fn of(problem: &Problem) -> Option<Dictionary> {
        let pairs = problem.free.len();
        let integers = |row: &Vec<BigRational>, constant: &BigRational| {
            let all = || row.iter().chain([constant]);
            let scale = all().fold(BigInt::one(), |scale, x| scale.lcm(x.denom()));
            all()
                .map(|x| x.numer() * (&scale / x.denom()))
                .collect::<Vec<BigInt>>()
        };
        let rows = problem.matrix.iter().zip(&problem.constants);
        let mut all = Dictionary {
            rows: (0..pairs).map(Variable::W).collect(),
            columns: (0..pairs).map(Variable::Z).collect(),
            entries: rows
                .map(|(row, constant)| integers(row, constant))
                .collect(),
            denominator: BigInt::one(),
            is_free: vec![false; pairs],
            halves: Vec::new(),
        };
        let left = all.eliminate(&problem.free);
        Some(all.split(&problem.free, &left))
    }

    /// Makes free variables basic by principal pivots, which keep M positive semidefinite; those that are left over.
    fn eliminate(&mut self, free: &[bool]) -> Vec<usize> {
        let mut left: Vec<usize> = (0..free.len()).filter(|k| free[*k]).collect();
        loop {
            let entry = |a: usize, b: usize| !self.entries[a][b].is_zero();
            if let Some(place) = left.iter().position(|k| entry(*k, *k)) {
                let k = left.remove(place);
                self.pivot(k, k);
                self.is_free[k] = true;
                continue;
            }
            let pair = left.iter().find_map(|a| {
                let b = left.iter().find(|b| entry(*a, **b))?;
                Some((*a, *b))
            });
            let Some((a, b)) = pair else { return left };
            self.pivot(a, b);
            self.pivot(b, a);
            (self.is_free[a], self.is_free[b]) = (true, true);
            left.retain(|k| *k != a && *k != b);
        }
    }

    /// Drops the columns of w that are 0, and splits what is free and not basic into its positive and negative half.
    fn split(&self, free: &[bool], left: &[usize]) -> Dictionary {
        let mut halves = Vec::new();
        let mut columns = Vec::new();
        for (j, column) in self.columns.iter().enumerate() {
            if let Variable::Z(k) = *column {
                columns.push((j, false));
                halves.push((k, false));
                if left.contains(&k) {
                    columns.push((j, true));
                    halves.push((k, true));
                }
            }
        }
        let pair_of = |k: usize, negative: bool| {
            let place = halves.iter().position(|half| *half == (k, negative));
            place.expect("each pair that is left has a column")
        };
        let mut split = Dictionary {
            rows: Vec::new(),
            columns: (0..halves.len()).map(Variable::Z).collect(),
            entries: Vec::new(),
            denominator: self.denominator.clone(),
            is_free: Vec::new(),
            halves: halves.clone(),
        };
        for (i, row) in self.rows.iter().enumerate() {
            let signs: &[bool] = match *row {
                Variable::W(k) if left.contains(&k) => &[false, true],
                _ => &[false],
            };
            for &negative in signs {
                let signed = |x: &BigInt, flip: bool| if flip { -x } else { x.clone() };
                let mut entries: Vec<BigInt> = columns
                    .iter()
                    .map(|(j, flip)| signed(&self.entries[i][*j], *flip != negative))
                    .collect();
                let constant = self.entries[i].last().expect("a constant");
                entries.push(signed(constant, negative));
                split.entries.push(entries);
                split.is_free.push(self.is_free[i]);
                split.rows.push(match *row {
                    Variable::W(k) => Variable::W(pair_of(k, negative)),
                    // Free and basic: it is read at the end, and never leaves.
                    Variable::Z(k) if free[k] => {
                        split.halves.push((k, false));
                        Variable::Z(split.halves.len() - 1)
                    }
                    other => other,
                });
            }
        }
        split
    }

    /// Lemke's method. `None` for a cycle; `Some(None)` if there is no solution.
    fn lemke(mut self, rng: &mut ChaCha8Rng) -> Option<Option<Vec<BigRational>>> {
        let pairs = self.columns.len();
        let constant = |row: &Vec<BigInt>| row[row.len() - 1].clone();
        let negative = |this: &Dictionary| {
            let rows = this.entries.iter().zip(&this.is_free);
            rows.filter(|(row, free)| !**free && constant(row).is_negative())
                .count()
        };
        if negative(&self) == 0 {
            return Some(Some(self.read()));
        }
        // The covering vector: any positive one.
        for (row, free) in self.entries.iter_mut().zip(&self.is_free) {
            let cover = if *free { 0 } else { rng.random_range(1..1000) };
            let place = row.len() - 1;
            row.insert(place, BigInt::from(cover) * &self.denominator);
        }
        self.columns.push(Variable::Cover);
        let worst = (0..self.rows.len())
            .filter(|i| !self.is_free[*i])
            .min_by(|a, b| {
                // constant / cover, the least first.
                let [x, y] = [a, b].map(|i| &self.entries[*i]);
                (&x[pairs + 1] * &y[pairs]).cmp(&(&y[pairs + 1] * &x[pairs]))
            })?;
        let mut left = self.rows[worst];
        self.pivot(worst, pairs);
        for _ in 0..PIVOTS {
            let entering = match left {
                Variable::W(k) => Variable::Z(k),
                Variable::Z(k) => Variable::W(k),
                Variable::Cover => return Some(Some(self.read())),
            };
            let column = self.columns.iter().position(|c| *c == entering)?;
            let Some(row) = self.ratio_test(column, rng) else {
                return Some(None);
            };
            left = self.rows[row];
            self.pivot(row, column);
        }
        None
    }

    /// The row that reaches 0 first where the column's variable grows; among equals the cover, or a random one.
    fn ratio_test(&self, column: usize, rng: &mut ChaCha8Rng) -> Option<usize> {
        let last = self.columns.len();
        let mut best: Vec<usize> = Vec::new();
        for (i, row) in self.entries.iter().enumerate() {
            if self.is_free[i] || !row[column].is_negative() {
                continue;
            }
            let order = best.first().map(|b| {
                let other = &self.entries[*b];
                // q_i / -t_i against q_b / -t_b.
                (&row[last] * -&other[column]).cmp(&(&other[last] * -&row[column]))
            });
            match order {
                None | Some(std::cmp::Ordering::Less) => best = vec![i],
                Some(std::cmp::Ordering::Equal) => best.push(i),
                Some(std::cmp::Ordering::Greater) => (),
            }
        }
        let cover = best.iter().find(|i| self.rows[**i] == Variable::Cover);
        match best.is_empty() {
            true => None,
            false => Some(*cover.unwrap_or(&best[rng.random_range(0..best.len())])),
        }
    }

    /// Exchanges the variables of a row and a column.
    fn pivot(&mut self, row: usize, column: usize) {
        let pivot = self.entries[row][column].clone();
        let pivot_row = self.entries[row].clone();
        let old = std::mem::replace(&mut self.denominator, pivot.clone());
        for (i, entries) in self.entries.iter_mut().enumerate() {
            if i == row {
                continue;
            }
            let factor = entries[column].clone();
            for (j, entry) in entries.iter_mut().enumerate() {
                if j != column {
                    *entry = (&*entry * &pivot - &factor * &pivot_row[j]) / &old;
                }
            }
        }
        for (j, entry) in self.entries[row].iter_mut().enumerate() {
            *entry = if j == column { old.clone() } else { -&*entry };
        }
        if pivot.is_negative() {
            self.denominator = -pivot;
            self.entries.iter_mut().flatten().for_each(|x| *x = -&*x);
        }
        std::mem::swap(&mut self.rows[row], &mut self.columns[column]);
    }

    /// z of the problem.
    fn read(&self) -> Vec<BigRational> {
        let pairs = 1 + self.halves.iter().map(|half| half.0).max().unwrap_or(0);
        let mut values = vec![BigRational::zero(); pairs];
        for (row, entries) in self.rows.iter().zip(&self.entries) {
            if let Variable::Z(half) = *row {
                let (k, negative) = self.halves[half];
                let constant = entries[entries.len() - 1].clone();
                let value = BigRational::new(constant, self.denominator.clone());
                values[k] += if negative { -value } else { value };
            }
        }
        values
    }
}
