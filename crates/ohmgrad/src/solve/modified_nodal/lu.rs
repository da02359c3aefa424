//! One sparse LU factorization after the other, on one pattern.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::lu::{LuRef, NumericLu, SymbolicLu, factorize_symbolic_lu};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par};

/// Where the entries of a matrix lie: column after column, with ascending rows.
#[derive(Clone, PartialEq)]
pub(super) struct Pattern {
    size: usize,
    starts: Vec<usize>,
    rows: Vec<usize>,
}

impl Pattern {
    /// The pattern of entries (row, column), of which some may be the same, and where in it each of them lies.
    pub(super) fn new(size: usize, entries: &[(usize, usize)]) -> (Pattern, Vec<usize>) {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_unstable_by_key(|k| (entries[*k].1, entries[*k].0));
        let (mut starts, mut rows) = (vec![0; size + 1], Vec::new());
        let mut places = vec![0; entries.len()];
        let mut last = None;
        for k in order {
            let (row, column) = entries[k];
            if last != Some((row, column)) {
                rows.push(row);
                starts[column + 1] = rows.len();
                last = Some((row, column));
            }
            places[k] = rows.len() - 1;
        }
        // Columns without an entry start where the one before ends.
        for column in 0..size {
            starts[column + 1] = starts[column + 1].max(starts[column]);
        }
        (Pattern { size, starts, rows }, places)
    }

    /// The number of entries.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The product of the matrix with these entries and a vector.
    pub(super) fn times(&self, values: &[f64], x: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.size];
        for (column, x) in x.iter().enumerate() {
            for k in self.starts[column]..self.starts[column + 1] {
                product[self.rows[k]] += values[k] * x;
            }
        }
        product
    }

    fn symbolic(&self) -> SymbolicSparseColMatRef<'_, usize> {
        SymbolicSparseColMatRef::new_checked(self.size, self.size, &self.starts, None, &self.rows)
    }
}

/// The factors of a matrix of a pattern, and room to make and use them.
pub(super) struct Factors {
    pattern: Pattern,
    symbolic: SymbolicLu<usize>,
    numeric: NumericLu<usize, f64>,
    room: MemBuffer,
}

impl Factors {
    /// Orders the columns of a pattern. `None` if there is no memory for it.
    pub(super) fn new(pattern: Pattern) -> Option<Factors> {
        let symbolic = factorize_symbolic_lu(pattern.symbolic(), Default::default()).ok()?;
        let making = symbolic.factorize_numeric_lu_scratch::<f64>(Par::Seq, Default::default());
        let solving = symbolic.solve_in_place_scratch::<f64>(1, Par::Seq);
        let room = MemBuffer::try_new(making.or(solving)).ok()?;
        Some(Factors {
            pattern,
            symbolic,
            numeric: NumericLu::new(),
            room,
        })
    }

    /// Whether they are those of a matrix of this pattern.
    pub(super) fn are_of(&self, pattern: &Pattern) -> bool {
        self.pattern == *pattern
    }

    /// Factorizes the matrix with these entries; whether that went well.
    pub(super) fn factorize(&mut self, values: &[f64]) -> bool {
        let matrix = SparseColMatRef::new(self.pattern.symbolic(), values);
        let stack = MemStack::new(&mut self.room);
        let (numeric, options) = (&mut self.numeric, Default::default());
        let made = self
            .symbolic
            .factorize_numeric_lu(numeric, matrix, Par::Seq, stack, options);
        made.is_ok()
    }

    /// Solves for a right-hand side, which the solution takes the place of.
    pub(super) fn solve(&mut self, x: &mut [f64]) {
        let length = x.len();
        let x = MatMut::from_column_major_slice_mut(x, length, 1);
        let stack = MemStack::new(&mut self.room);
        let factors = LuRef::new_unchecked(&self.symbolic, &self.numeric);
        factors.solve_in_place_with_conj(Conj::No, x, Par::Seq, stack);
    }
}
