//! Errors with their places.

use std::collections::HashSet;
use std::fmt;

use super::fault::Fault;
use super::source::{Sources, Span};
use super::warning::{Caution, Warning};

/// How many errors are kept; further ones are counted.
const SHOWN: usize = 20;
/// How many characters of a long line are shown.
const WINDOW: usize = 100;
/// How many characters at the start and at the end of a long message are shown.
const MESSAGE_END: usize = 200;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters are meant.
    pub width: usize,
    /// The text of the line.
    pub text: String,
}

/// An error in a netlist.
///
/// Displayed as `file:line:column: message`, followed by the line with carets under what is meant.
#[derive(Debug)]
pub struct NetlistError {
    /// Where it is; no place if the netlist itself cannot be read.
    pub place: Option<Place>,
    /// What is wrong.
    pub fault: Fault,
}

/// All that is wrong with a netlist; displayed one after the other.
#[derive(Debug)]
pub struct NetlistErrors {
    errors: Vec<NetlistError>,
    omitted: usize,
    warnings: Vec<Warning>,
}

impl NetlistErrors {
    /// The first errors found, at most 20, in the order of their places.
    pub fn errors(&self) -> &[NetlistError] {
        &self.errors
    }

    /// How many more there are.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// What else to be careful about: it may be what is behind the errors.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

impl From<Fault> for NetlistErrors {
    /// The error of a netlist that cannot be read.
    fn from(fault: Fault) -> NetlistErrors {
        let place = None;
        NetlistErrors {
            errors: vec![NetlistError { place, fault }],
            omitted: 0,
            warnings: Vec::new(),
        }
    }
}

impl std::error::Error for NetlistErrors {}

impl std::error::Error for NetlistError {}

impl fmt::Display for NetlistErrors {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (k, error) in self.errors.iter().enumerate() {
            let feed = if k > 0 { "\n" } else { "" };
            write!(f, "{feed}{error}")?;
        }
        if self.omitted > 0 {
            write!(f, "\nand {} more errors", self.omitted)?;
        }
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}

impl fmt::Display for NetlistError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Some(place) = &self.place else {
            return write!(f, "{}", abridged(self.fault.to_string()));
        };
        let Place {
            file, line, column, ..
        } = place;
        let message = abridged(self.fault.to_string());
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        let (text, before, width) = place.excerpt();
        let margin = line.to_string().len();
        writeln!(f, "  {line} | {text}")?;
        let (indent, carets) = (" ".repeat(before), "^".repeat(width));
        write!(f, "  {:margin$} | {indent}{carets}", "")
    }
}

/// A message without the middle of a very long name or expression in it.
fn abridged(message: String) -> String {
    let length = message.chars().count();
    if length <= 2 * MESSAGE_END {
        return message;
    }
    let start = message.chars().take(MESSAGE_END);
    let end = message.chars().skip(length - MESSAGE_END);
    start.chain(" .. ".chars()).chain(end).collect()
}

impl Place {
    /// What is shown of the line, how many characters of it lie before what is meant, and its width.
    fn excerpt(&self) -> (String, usize, usize) {
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let start = self.column - 1;
        let first = start.saturating_sub(WINDOW / 2);
        let text = self.text.chars().skip(first).take(WINDOW).map(shown);
        let text: String = text.collect();
        let before = start - first;
        (
            text.trim_end().to_owned(),
            before,
            self.width.min(WINDOW - before),
        )
    }
}

/// Why a part of a netlist has no meaning: a fault at a place or, if there is none, one that has been
/// reported before.
#[derive(Debug)]
pub(super) struct Halt(Option<Box<(Span, Fault)>>);

/// What a part of a netlist means.
pub(super) type Outcome<T> = Result<T, Halt>;

impl Halt {
    /// The fault has been reported already.
    pub(super) const REPORTED: Halt = Halt(None);

    pub(super) fn new(span: Span, fault: Fault) -> Halt {
        Halt(Some(Box::new((span, fault))))
    }

    /// Whether a formula depends on more than the element's own voltage, or falls as that rises.
    pub(super) fn is_foreign(&self) -> bool {
        let fault = self.0.as_ref().map(|found| &found.1);
        matches!(
            fault,
            Some(
                Fault::ForeignVoltage { .. }
                    | Fault::ForeignCurrent
                    | Fault::SeparateVoltages
                    | Fault::NegativeConductance { .. }
            )
        )
    }

    /// Of a formula that should be linear in other voltages and currents: that it is not.
    pub(super) fn of_linear(mut self) -> Halt {
        if let Some(found) = &mut self.0
            && matches!(found.1, Fault::Behaviour | Fault::EvenPower)
        {
            found.1 = Fault::NotLinear;
        }
        self
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    faults: Vec<(Span, Fault)>,
    /// Where faults are: what lies in a subcircuit is read for each of its instances.
    places: HashSet<Span>,
    cautions: Vec<(Span, Caution)>,
    /// Where cautions are.
    careful_places: HashSet<Span>,
    /// Whether a name is missing that a library could define.
    lacks_name: bool,
}

impl Report {
    /// Adds the fault, if there is one, and else gives the value.
    pub(super) fn note<T>(&mut self, outcome: Outcome<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(halt) => {
                if let Some((span, fault)) = halt.0.map(|found| *found) {
                    self.add(span, fault);
                }
                None
            }
        }
    }

    pub(super) fn add(&mut self, span: Span, fault: Fault) {
        self.lacks_name |= fault.is_unknown_name();
        if self.places.insert(span) && self.faults.len() < SHOWN {
            self.faults.push((span, fault));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether a name is missing that a library could define.
    pub(super) fn lacks_name(&self) -> bool {
        self.lacks_name
    }

    /// Adds something to be careful about.
    pub(super) fn warn(&mut self, span: Span, caution: Caution) {
        if self.careful_places.insert(span) && self.cautions.len() < SHOWN {
            self.cautions.push((span, caution));
        }
    }

    /// What to be careful about, with places written out.
    pub(super) fn warnings(&mut self, sources: &Sources) -> Vec<Warning> {
        let mut cautions = std::mem::take(&mut self.cautions);
        cautions.sort_by_key(|(span, _)| *span);
        let warning = |(span, caution)| {
            let place = sources.place(span);
            Warning { place, caution }
        };
        cautions.into_iter().map(warning).collect()
    }

    /// The errors, with their places written out.
    pub(super) fn errors(mut self, sources: &Sources) -> NetlistErrors {
        let warnings = self.warnings(sources);
        self.faults.sort_by_key(|(span, _)| *span);
        let omitted = self.places.len() - self.faults.len();
        let error = |(span, fault)| {
            let place = Some(sources.place(span));
            NetlistError { place, fault }
        };
        let errors = self.faults.into_iter().map(error).collect();
        NetlistErrors {
            errors,
            omitted,
            warnings,
        }
    }
}
