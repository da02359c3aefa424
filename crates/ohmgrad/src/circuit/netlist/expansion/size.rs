//! How many elements a netlist stands for: they multiply where subcircuits call each other.

use super::super::call::Call;
use super::super::error::{Halt, Outcome};
use super::super::fault::Fault;
use super::super::program::{Program, TOP};
use super::super::source::Piece;
use super::MAX_DEPTH;

/// Refuses a netlist with more than `limit` elements and instances of subcircuits before any of them is written out.
pub(super) fn check(program: &Program, limit: usize) -> Outcome<()> {
    let mut sizes = Sizes::new(program);
    let mut size: usize = 0;
    for line in &program.scopes[TOP].elements {
        let Some((call, called)) = sizes.call(TOP, *line) else {
            size += 1;
            continue;
        };
        size = size.saturating_add(1).saturating_add(sizes.of(called, 1));
        if size > limit {
            let name = call.subcircuit.text.to_owned();
            return Err(Halt::new(line.span, Fault::Multiplied { name, limit }));
        }
    }
    Ok(())
}

/// Counts the elements and instances in subcircuits. What cannot be read, is not there or contains itself counts as nothing: its
/// fault is found where it is written out.
struct Sizes<'s, 'a> {
    program: &'s Program<'a>,
    /// The scope in which each scope is defined.
    around: Vec<usize>,
    known: Vec<Option<usize>>,
}

impl<'s, 'a> Sizes<'s, 'a> {
    fn new(program: &'s Program<'a>) -> Sizes<'s, 'a> {
        let mut around = vec![TOP; program.scopes.len()];
        for (k, scope) in program.scopes.iter().enumerate() {
            for inner in scope.subcircuits.values() {
                around[*inner] = k;
            }
        }
        Sizes {
            program,
            known: vec![None; around.len()],
            around,
        }
    }

    /// What is in a scope, called so deep.
    fn of(&mut self, scope: usize, depth: usize) -> usize {
        if depth > MAX_DEPTH {
            return 0;
        }
        if let Some(size) = self.known[scope] {
            return size;
        }
        self.known[scope] = Some(0); // for those that contain themselves
        let program = self.program;
        let lines = program.scopes[scope].elements.iter();
        let size = lines.fold(0, |size: usize, line| {
            let called = self.call(scope, *line);
            let inside = called.map_or(0, |(_, called)| self.of(called, depth + 1));
            size.saturating_add(1).saturating_add(inside)
        });
        self.known[scope] = Some(size);
        size
    }

    /// The call that a line of a scope is, and the scope that it calls.
    fn call(&self, scope: usize, line: Piece<'a>) -> Option<(Call<'a>, usize)> {
        if !line.text.starts_with('x') {
            return None;
        }
        let call = Call::read(line).ok()?;
        let outer = |k: &usize| (*k != TOP).then(|| self.around[*k]);
        let mut visible = std::iter::successors(Some(scope), outer);
        let subcircuits = |k: usize| &self.program.scopes[k].subcircuits;
        let called = visible.find_map(|k| subcircuits(k).get(call.subcircuit.text).copied())?;
        Some((call, called))
    }
}
