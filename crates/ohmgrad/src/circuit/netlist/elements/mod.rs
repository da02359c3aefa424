//! Elements: from a line to two nodes and a law. A file for each kind.

mod behaviour;
mod controlled;
mod diode;
mod reactance;
mod resistor;
mod stimulus;

pub(super) use resistor::Coefficients;

use super::error::{Halt, Outcome};
use super::fault::Fault;
use super::models::Model;
use super::parameters::Parameters;
use super::settings::{Settings, kelvin};
use super::source::Piece;
use super::token::{Token, Words};
use crate::device::Law;

/// What a line says about an element.
#[derive(Clone, Debug)]
pub(super) struct Described<'a> {
    pub(super) name: Piece<'a>,
    pub(super) nodes: [Piece<'a>; 2],
    pub(super) law: Law,
    /// The conductance of a resistor between the first node and the element; infinite without one.
    pub(super) series: f64,
    /// The conductance of a resistor beside the element; 0 without one.
    pub(super) parallel: f64,
    /// What controls the element, if it is a controlled source.
    pub(super) control: Option<Control<'a>>,
    /// Further sources, in series with a voltage source or beside a current source.
    pub(super) more: Vec<Part<'a>>,
}

/// One of the sources of a line.
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    pub(super) law: Law,
    pub(super) control: Option<Control<'a>>,
}

/// What controls a source, by names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Control<'a> {
    /// The voltage of the first node above the second.
    Voltage([&'a str; 2]),
    /// The current through a voltage source.
    Current(&'a str),
}

/// What elements are read with.
#[derive(Clone, Copy)]
pub(super) struct Context<'s, 'a> {
    pub(super) parameters: Parameters<'s, 'a>,
    pub(super) settings: &'s Settings,
}

/// Where models are found by name.
pub(super) trait Models<'a> {
    /// Whether there is a model of this name.
    fn has(&self, name: &str) -> bool;

    /// The model of a name.
    fn find(&mut self, name: Piece<'a>) -> Outcome<Model>;
}

/// Reads the line of an element; `None` if its first letter is that of no supported kind.
pub(super) fn read<'a>(
    line: Piece<'a>,
    context: Context<'_, 'a>,
    models: &mut impl Models<'a>,
) -> Outcome<Option<Described<'a>>> {
    let parameters = context.parameters;
    let described = match line.text.as_bytes().first() {
        Some(b'r') => resistor::read(line, context, models),
        Some(b'v') => stimulus::voltage_source(line, parameters),
        Some(b'i') => stimulus::current_source(line, parameters),
        Some(b'd') => diode::read(line, context, models),
        Some(b'a') => diode::code_model(line, models),
        Some(b'b') => behaviour::read(line, parameters),
        Some(b'e' | b'f' | b'g' | b'h') => controlled::read(line, parameters),
        Some(b'c') => reactance::capacitor(line, parameters, models),
        Some(b'l') => reactance::inductor(line, parameters, models),
        _ => return Ok(None),
    };
    described.map(Some)
}

/// The name and the two nodes with which the line of an element starts.
#[derive(Clone, Copy)]
struct Head<'a> {
    name: Piece<'a>,
    nodes: [Piece<'a>; 2],
}

impl<'a> Head<'a> {
    fn read(words: &mut Words<'a>) -> Outcome<Head<'a>> {
        let name = words.name("name")?;
        let nodes = [words.node("first node")?, words.node("second node")?];
        Ok(Head { name, nodes })
    }

    /// The element with a law.
    fn with(self, law: Law) -> Described<'a> {
        let Head { name, nodes } = self;
        Described {
            name,
            nodes,
            law,
            series: f64::INFINITY,
            parallel: 0.0,
            control: None,
            more: Vec::new(),
        }
    }

    /// The names of the nodes.
    fn texts(self) -> [&'a str; 2] {
        self.nodes.map(|node| node.text)
    }
}

/// The conductance of a resistance; 0 ohm is a short.
pub(super) fn conductance(token: Token, parameters: Parameters) -> Outcome<f64> {
    let resistance = parameters.number(token)?;
    let ohm = resistance.value;
    if ohm < 0.0 {
        return Err(Halt::new(token.piece.span, Fault::Resistance { ohm }));
    }
    Ok(resistance.inverse().abs())
}

/// How many equal elements lie side by side.
pub(super) fn multiplier(token: Token, parameters: Parameters) -> Outcome<f64> {
    let number = parameters.number(token)?.value;
    if number > 0.0 {
        return Ok(number);
    }
    let fault = format!("{number} is no number of elements or area, it must be above 0");
    Err(Halt::new(token.piece.span, Fault::Law { fault }))
}

fn unsupported(name: Piece, words: &Words) -> Halt {
    let fault = Fault::ElementParameter {
        name: name.text.to_owned(),
        form: words.form(),
    };
    Halt::new(name.span, fault)
}

/// The temperature of an element: its own, or that of the circuit and how much more it is.
#[derive(Clone, Copy, Debug)]
struct Temperature {
    kelvin: Option<f64>,
    more: f64,
}

impl Temperature {
    const OF_CIRCUIT: Temperature = Temperature {
        kelvin: None,
        more: 0.0,
    };

    /// Reads `temp` or `dtemp`; whether the parameter is one of them.
    fn read(&mut self, name: &str, value: Token, parameters: Parameters) -> Outcome<bool> {
        match name {
            "temp" => self.kelvin = Some(kelvin(value, parameters)?),
            "dtemp" | "trise" => self.more = parameters.number(value)?.value,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// In kelvin.
    fn at(self, settings: &Settings) -> f64 {
        self.kelvin.unwrap_or(settings.temperature + self.more)
    }
}

/// Whether a word is a number, or the name of one.
fn is_number(token: Token, parameters: Parameters) -> bool {
    use super::number;
    use super::token::Kind;
    match token.kind {
        Kind::Arithmetic => true,
        Kind::Equals => false,
        Kind::Word => number::parse(token.piece).is_ok() || parameters.has(token.piece.text),
    }
}
