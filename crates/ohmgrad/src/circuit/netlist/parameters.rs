//! Named numbers.

use std::cell::{Cell, RefCell};

use super::Map;
use super::error::{Halt, Outcome, Report};
use super::expression;
use super::fault::{Fault, nearest};
use super::functions::Function;
use super::number;
use super::settings::{ROOM, ZERO_CELSIUS};
use super::source::{Piece, Span};
use super::token::{Kind, Token, Words};
use super::value::Number;
use super::warning::Caution;

/// The temperature of the circuit in degrees Celsius, as ngspice calls it.
const TEMPERATURE: &str = "temper";
/// How many similar names are looked for: more than that many errors are not shown.
const MAX_HINTS: usize = 40;
/// How often functions of the netlist may be called: a few of them can multiply each other.
const MAX_CALLS: usize = 10_000_000;

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

/// What is the same everywhere in a netlist.
#[derive(Debug)]
pub(super) struct Globals<'a> {
    /// Functions by name.
    functions: Map<&'a str, Function<'a>>,
    /// The temperature of the circuit, in degrees Celsius.
    celsius: Cell<f64>,
    cautions: RefCell<Vec<(Span, Caution)>>,
    /// How many similar names may still be looked for.
    hints: Cell<usize>,
    /// How often functions may still be called.
    calls: Cell<usize>,
}

impl<'a> Globals<'a> {
    pub(super) fn new(functions: Map<&'a str, Function<'a>>) -> Globals<'a> {
        Globals {
            functions,
            celsius: Cell::new(ROOM - ZERO_CELSIUS),
            cautions: RefCell::default(),
            hints: Cell::new(MAX_HINTS),
            calls: Cell::new(MAX_CALLS),
        }
    }

    /// Counts a call of a function of the netlist, if there may be another.
    pub(super) fn count_call(&self) -> Result<(), Fault> {
        match self.calls.get().checked_sub(1) {
            Some(left) => {
                self.calls.set(left);
                Ok(())
            }
            None => Err(Fault::FunctionCalls { limit: MAX_CALLS }),
        }
    }

    pub(super) fn set_temperature(&self, celsius: f64) {
        self.celsius.set(celsius);
    }

    /// Notes something to be careful about.
    pub(super) fn warn(&self, span: Span, caution: Caution) {
        self.cautions.borrow_mut().push((span, caution));
    }

    /// Hands over what to be careful about.
    pub(super) fn take_cautions(&self, report: &mut Report) {
        for (span, caution) in self.cautions.take() {
            report.warn(span, caution);
        }
    }

    /// The name that is similar to another, unless more were looked for than errors are shown: so that the time to refuse
    /// a netlist grows with its length only.
    pub(super) fn nearest<'n>(
        &self,
        name: &str,
        candidates: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        let left = self.hints.get().checked_sub(1)?;
        self.hints.set(left);
        nearest(name, candidates)
    }
}

/// The parameters that can be seen from a place: tables from the outermost to the innermost.
///
/// As in ngspice, a subcircuit sees the parameters of those that call it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters<'s, 'a> {
    tables: &'s [Table<'a>],
    pub(super) globals: &'s Globals<'a>,
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
    pub(super) fn new(tables: &'s [Table<'a>], globals: &'s Globals<'a>) -> Parameters<'s, 'a> {
        Parameters { tables, globals }
    }

    /// The function of a name that the netlist defines.
    pub(super) fn function(self, name: &str) -> Option<&'s Function<'a>> {
        self.globals.functions.get(name)
    }

    /// The name of a function that is similar.
    pub(super) fn similar_function(
        self,
        name: &str,
        known: impl Iterator<Item = &'static str>,
    ) -> Option<String> {
        let own = self.globals.functions.keys().copied();
        let known = known.map(|name| -> &'a str { name });
        self.globals.nearest(name, own.chain(known))
    }

    /// Evaluates the definitions of the innermost table, so that their faults are known.
    pub(super) fn evaluate(self, definitions: &[Definition<'a>], report: &mut Report) {
        // A text is no number, which only matters where it is used as one.
        let is_number = |definition: &&Definition| !definition.value.text.starts_with('"');
        for definition in definitions.iter().filter(is_number) {
            report.note(self.value(definition.name, 0));
        }
    }

    /// The value of a parameter. `depth` counts the definitions that lead to it.
    pub(super) fn value(self, name: Piece, depth: usize) -> Outcome<f64> {
        for (level, table) in self.tables.iter().enumerate().rev() {
            if let Some(entry) = table.entries.get(name.text) {
                let visible = Parameters::new(&self.tables[..=level], self.globals);
                return entry.value(name, visible, depth);
            }
        }
        if name.text == TEMPERATURE {
            return Ok(self.globals.celsius.get());
        }
        let constant = CONSTANTS.iter().find(|(known, _)| *known == name.text);
        let constant = constant.map(|(_, value)| *value);
        constant.ok_or_else(|| Halt::new(name.span, self.unknown(name.text)))
    }

    fn unknown(self, name: &str) -> Fault {
        let names = self.tables.iter().flat_map(|table| table.entries.keys());
        Fault::UnknownParameter {
            name: name.to_owned(),
            nearest: self.globals.nearest(name, names.copied()),
        }
    }

    /// Whether a parameter of this name can be seen.
    pub(super) fn has(self, name: &str) -> bool {
        let mut tables = self.tables.iter();
        tables.any(|table| table.entries.contains_key(name))
    }

    /// The number that a word of a statement stands for.
    pub(super) fn number(self, token: Token) -> Outcome<Number> {
        if token.kind == Kind::Arithmetic {
            return expression::number(token.piece, self, 0);
        }
        number::parse(token.piece)
            .map(Number::from)
            .or_else(|halt| {
                let text = token.piece.text;
                if self.has(text) {
                    return self.value(token.piece, 0).map(Number::from);
                }
                if text.contains(['*', '/', '^']) {
                    let text = text.to_owned();
                    return Err(Halt::new(token.piece.span, Fault::BareArithmetic { text }));
                }
                Err(halt)
            })
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

/// What an assignment defines: a parameter, or a function (`NAME(ARGUMENTS)=EXPRESSION`, as in HSPICE).
#[derive(Clone, Copy, Debug)]
pub(super) enum Defined<'a> {
    Parameter(Definition<'a>),
    Function(Piece<'a>),
}

impl<'a> Defined<'a> {
    /// Its name, perhaps with what follows.
    pub(super) fn name(self) -> Piece<'a> {
        match self {
            Defined::Parameter(definition) => definition.name,
            Defined::Function(piece) => piece,
        }
    }
}

/// The definitions in `NAME=VALUE NAME=VALUE ..`. A value ends where the next name begins, so that it
/// may have spaces in it: then, as in ngspice, only the first word of it counts unless it is the last value or in braces,
/// which is worth a caution.
pub(super) fn definitions<'a>(
    piece: Piece<'a>,
    words: Words<'a>,
) -> Outcome<Vec<(Defined<'a>, Option<Caution>)>> {
    let text = piece.text;
    let signs = equals_signs(text);
    if signs.is_empty() {
        return Err(words.missing("value"));
    }
    let mut definitions = Vec::with_capacity(signs.len());
    let mut end = text.len();
    for sign in signs.into_iter().rev() {
        let before = piece.part(0, sign);
        let function = arguments_at_end(before);
        let name = last_name(before.part(0, function.unwrap_or(sign)));
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
        let (value, caution) = match definitions.is_empty() {
            true => (value, None),
            false => first_word(value),
        };
        let from = name.span.offset_from(piece.span);
        let value_end = value.span.offset_from(piece.span) + value.text.len();
        let defined = match function {
            Some(_) => Defined::Function(piece.part(from, value_end)),
            None => Defined::Parameter(Definition { name, value }),
        };
        end = from;
        definitions.push((defined, caution));
    }
    definitions.reverse();
    match piece.part(0, end).trimmed() {
        before if before.text.is_empty() => Ok(definitions),
        before => Err(words.unexpected(before)),
    }
}

/// Where the bracket opens with which a piece ends, as `NAME(ARGUMENTS)` does, in bytes.
fn arguments_at_end(piece: Piece) -> Option<usize> {
    piece.text.trim_end().strip_suffix(')')?.rfind('(')
}

/// The first word of a value, and a caution if there are others.
fn first_word(value: Piece) -> (Piece, Option<Caution>) {
    let text = value.text;
    let is_enclosed = text.starts_with(['{', '\'', '"']);
    let length = enclosed_or_word(text);
    if is_enclosed || text[length..].trim().is_empty() {
        return (value, None);
    }
    let used = value.part(0, length);
    let caution = Caution::CutArithmetic {
        used: used.text.to_owned(),
        written: text.to_owned(),
    };
    (used, Some(caution))
}

/// How long the word is with which a text starts; brackets may have spaces in them.
fn enclosed_or_word(text: &str) -> usize {
    let mut depth = 0_u32;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// Where `=` stands outside brackets and quotes and alone, in bytes.
pub(super) fn equals_signs(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let is_comparison = |at: usize| {
        let before = at.checked_sub(1).map(|k| bytes[k]);
        matches!(before, Some(b'=' | b'<' | b'>' | b'!')) || bytes.get(at + 1) == Some(&b'=')
    };
    let mut signs = Vec::new();
    let (mut depth, mut quote) = (0_u32, None);
    for (at, c) in text.bytes().enumerate() {
        match c {
            b'\'' | b'"' if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            b'\'' | b'"' => quote = Some(c),
            b'=' if is_comparison(at) => {}
            b'{' | b'(' => depth += 1,
            b'}' | b')' => depth = depth.saturating_sub(1),
            b'=' if depth == 0 => signs.push(at),
            _ => {}
        }
    }
    signs
}

/// The name at the end of a piece.
pub(super) fn last_name(piece: Piece) -> Piece {
    let text = piece.text.trim_end();
    let start = text.trim_end_matches(expression::is_name).len();
    piece.part(start, text.len())
}
