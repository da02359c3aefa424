//! Named numbers.

use std::cell::Cell;

use super::Map;
use super::error::{Halt, Outcome, Report};
use super::expression;
use super::fault::{Fault, nearest};
use super::number;
use super::source::Piece;
use super::token::{Kind, Token, Words};
use super::value::Number;

/// Numbers that have names everywhere.
const CONSTANTS: [(&str, f64); 2] = [("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

/// The definition of a parameter: its name and an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Definition<'a> {
    pub(super) name: Piece<'a>,
    pub(super) value: Piece<'a>,
}

/// The parameters of the netlist itself, or of one instance of a subcircuit.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    entries: Map<&'a str, Entry<'a>>,
}

#[derive(Debug)]
struct Entry<'a> {
    definition: Definition<'a>,
    state: Cell<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Unknown,
    /// The definition is being evaluated.
    Open,
    Known(f64),
    /// The definition has a fault, which has been reported.
    Faulty,
}

/// The parameters that can be seen from a place: tables from the outermost to the innermost.
///
/// As in ngspice, a subcircuit sees the parameters of those that call it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters<'s, 'a> {
    tables: &'s [Table<'a>],
}

impl<'a> Table<'a> {
    /// Definitions that are evaluated when they are needed.
    pub(super) fn new(definitions: &[Definition<'a>]) -> Table<'a> {
        let mut table = Table::default();
        for definition in definitions {
            table.insert(*definition, State::Unknown);
        }
        table
    }

    /// Adds a parameter with a value, in place of a definition of the same name.
    pub(super) fn set(&mut self, definition: Definition<'a>, value: Option<f64>) {
        self.insert(definition, value.map_or(State::Faulty, State::Known));
    }

    fn insert(&mut self, definition: Definition<'a>, state: State) {
        let state = Cell::new(state);
        let entry = Entry { definition, state };
        self.entries.insert(definition.name.text, entry);
    }
}

impl<'s, 'a> Parameters<'s, 'a> {
    pub(super) fn new(tables: &'s [Table<'a>]) -> Parameters<'s, 'a> {
        Parameters { tables }
    }

    /// Evaluates the definitions of the innermost table, so that their faults are known.
    pub(super) fn evaluate(self, definitions: &[Definition<'a>], report: &mut Report) {
        for definition in definitions {
            report.note(self.value(definition.name, 0));
        }
    }

    /// The value of a parameter. `depth` counts the definitions that lead to it.
    pub(super) fn value(self, name: Piece, depth: usize) -> Outcome<f64> {
        for (level, table) in self.tables.iter().enumerate().rev() {
            if let Some(entry) = table.entries.get(name.text) {
                let visible = Parameters::new(&self.tables[..=level]);
                return entry.value(name, visible, depth);
            }
        }
        let constant = CONSTANTS.iter().find(|(known, _)| *known == name.text);
        let constant = constant.map(|(_, value)| *value);
        constant.ok_or_else(|| Halt::new(name.span, self.unknown(name.text)))
    }

    fn unknown(self, name: &str) -> Fault {
        let names = self.tables.iter().flat_map(|table| table.entries.keys());
        Fault::UnknownParameter {
            name: name.to_owned(),
            nearest: nearest(name, names.copied()),
        }
    }

    fn has(self, name: &str) -> bool {
        let mut tables = self.tables.iter();
        tables.any(|table| table.entries.contains_key(name))
    }

    /// The number that a word of a statement stands for.
    pub(super) fn number(self, token: Token) -> Outcome<Number> {
        if token.kind == Kind::Arithmetic {
            return expression::number(token.piece, self, 0);
        }
        let number = number::parse(token.piece).map(Number::from);
        number.map_err(|halt| match self.better_advice(token.piece) {
            Some(fault) => Halt::new(token.piece.span, fault),
            None => halt,
        })
    }

    /// What is wrong with a word that is no number, if it is clear what was meant.
    fn better_advice(self, piece: Piece) -> Option<Fault> {
        let text = || piece.text.to_owned();
        if self.has(piece.text) {
            return Some(Fault::BareParameter { name: text() });
        }
        let is_arithmetic = piece.text.contains(['*', '/', '^']);
        is_arithmetic.then(|| Fault::BareArithmetic { text: text() })
    }
}

impl<'a> Entry<'a> {
    fn value(&self, name: Piece, visible: Parameters<'_, 'a>, depth: usize) -> Outcome<f64> {
        match self.state.get() {
            State::Known(value) => Ok(value),
            State::Faulty => Err(Halt::REPORTED),
            State::Open => {
                let name_text = name.text.to_owned();
                let fault = Fault::CyclicParameter { name: name_text };
                Err(Halt::new(name.span, fault))
            }
            State::Unknown => {
                self.state.set(State::Open);
                let result = expression::number(self.definition.value, visible, depth);
                let value = result.as_ref().map(|number| number.value);
                self.state.set(value.map_or(State::Faulty, State::Known));
                result.map(|number| number.value)
            }
        }
    }
}

/// The definitions in `NAME=VALUE NAME=VALUE ..`. A value ends where the next name begins, so that it
/// may have spaces in it.
pub(super) fn definitions<'a>(piece: Piece<'a>, words: Words<'a>) -> Outcome<Vec<Definition<'a>>> {
    let text = piece.text;
    let signs = equals_signs(text);
    if signs.is_empty() {
        return Err(words.missing("value"));
    }
    let mut definitions = Vec::with_capacity(signs.len());
    let mut end = text.len();
    for sign in signs.into_iter().rev() {
        let name = last_name(piece.part(0, sign));
        let value = piece.part(sign + 1, end);
        let value = value
            .part(0, value.text.trim_end_matches([' ', ',']).len())
            .trimmed();
        if name.text.is_empty() || value.text.is_empty() {
            let what = if value.text.is_empty() {
                "value"
            } else {
                "name"
            };
            return Err(words.missing(what));
        }
        end = name.span.offset_from(piece.span);
        definitions.push(Definition { name, value });
    }
    definitions.reverse();
    match piece.part(0, end).trimmed() {
        before if before.text.is_empty() => Ok(definitions),
        before => Err(words.unexpected(before)),
    }
}

/// Where `=` stands outside brackets and quotes, in bytes.
fn equals_signs(text: &str) -> Vec<usize> {
    let mut signs = Vec::new();
    let (mut depth, mut quoted) = (0_u32, false);
    for (at, c) in text.bytes().enumerate() {
        match c {
            b'\'' => quoted = !quoted,
            b'{' | b'(' => depth += 1,
            b'}' | b')' => depth = depth.saturating_sub(1),
            b'=' if depth == 0 && !quoted => signs.push(at),
            _ => {}
        }
    }
    signs
}

/// The name at the end of a piece.
fn last_name(piece: Piece) -> Piece {
    let text = piece.text.trim_end();
    let start = text.trim_end_matches(expression::is_name).len();
    piece.part(start, text.len())
}
