//! Elements: from a line to two nodes and a law.

use super::error::{Halt, Outcome};
use super::expression;
use super::fault::Fault;
use super::models::Model;
use super::parameters::Parameters;
use super::source::Piece;
use super::stimulus;
use super::token::{Kind, Token, Words};
use super::value::Number;
use crate::device::{IvCurve, IvCurveError, Law};

const RESISTOR: &str = "R1 a b OHM [m=NUMBER]";
const CAPACITOR: &str = "C1 a b FARAD";
const INDUCTOR: &str = "L1 a b HENRY";
const DIODE: &str = "D1 anode cathode MODEL [AREA] [m=NUMBER]";
const CODE_MODEL: &str = "A1 anode cathode MODEL";
const TABLE: &str = "G1 a b TABLE {V(a,b)} = (VOLT,AMPERE) (VOLT,AMPERE) ..";
const BEHAVIOUR: &str = "B1 a b I=EXPRESSION";

/// What a line says about an element.
#[derive(Clone, Debug)]
pub(super) struct Described<'a> {
    pub(super) name: Piece<'a>,
    pub(super) nodes: [Piece<'a>; 2],
    pub(super) law: Law,
}

/// Reads the line of an element; `None` if its first letter is that of no supported kind. `models` finds
/// models by name.
pub(super) fn read<'a>(
    line: Piece<'a>,
    parameters: Parameters<'_, 'a>,
    models: impl FnMut(Piece<'a>) -> Outcome<Model>,
) -> Outcome<Option<Described<'a>>> {
    let described = match line.text.as_bytes().first() {
        Some(b'r') => resistor(line, parameters),
        Some(b'v') => stimulus::voltage_source(line, parameters),
        Some(b'i') => stimulus::current_source(line, parameters),
        Some(b'd') => diode(line, parameters, models),
        Some(b'a') => code_model(line, models),
        Some(b'b') => behaviour(line, parameters),
        Some(b'g') => table(line, parameters),
        Some(b'c') => reactance(Words::new(line, CAPACITOR), 0.0, parameters),
        Some(b'l') => reactance(Words::new(line, INDUCTOR), f64::INFINITY, parameters),
        _ => return Ok(None),
    };
    described.map(Some)
}

/// The name and the two nodes with which the line of an element starts.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    name: Piece<'a>,
    nodes: [Piece<'a>; 2],
}

impl<'a> Head<'a> {
    pub(super) fn read(words: &mut Words<'a>) -> Outcome<Head<'a>> {
        let name = words.name("name")?;
        let nodes = [words.name("first node")?, words.name("second node")?];
        Ok(Head { name, nodes })
    }

    /// The element with a law.
    pub(super) fn with(self, law: Law) -> Described<'a> {
        let Head { name, nodes } = self;
        Described { name, nodes, law }
    }

    /// The names of the nodes.
    fn texts(self) -> [&'a str; 2] {
        self.nodes.map(|node| node.text)
    }
}

fn resistor<'a>(line: Piece<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, RESISTOR);
    let head = Head::read(&mut words)?;
    let mut resistance = None;
    if !words.at_assignment()? {
        resistance = Some(words.expect("resistance")?);
    }
    let mut number = 1.0;
    while let Some((name, value)) = words.assignment()? {
        match name.text {
            "r" if resistance.is_none() => resistance = Some(value),
            "m" => number = multiplier(value, parameters)?,
            // The resistance for small signals, and whether the resistor is noisy.
            "ac" | "noisy" => {}
            _ => return Err(unsupported(name, &words)),
        }
    }
    words.finish()?;
    let resistance = resistance.ok_or_else(|| words.missing("resistance"))?;
    let conductance = number * conductance(resistance, parameters)?;
    Ok(head.with(Law::Resistor { conductance }))
}

/// The conductance of a resistance; 0 ohm is a short.
fn conductance(token: Token, parameters: Parameters) -> Outcome<f64> {
    let resistance: Number = parameters.number(token)?;
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

pub(super) fn unsupported(name: Piece, words: &Words) -> Halt {
    let fault = Fault::ElementParameter {
        name: name.text.to_owned(),
        form: words.form(),
    };
    Halt::new(name.span, fault)
}

/// A capacitor or an inductor: a resistor of a conductance, at the operating point.
fn reactance<'a>(
    mut words: Words<'a>,
    conductance: f64,
    parameters: Parameters,
) -> Outcome<Described<'a>> {
    let head = Head::read(&mut words)?;
    if !words.at_assignment()? {
        let value = words.expect("value")?;
        parameters.number(value)?;
    }
    while words.assignment()?.is_some() {}
    words.finish()?;
    Ok(head.with(Law::Resistor { conductance }))
}

fn diode<'a>(
    line: Piece<'a>,
    parameters: Parameters,
    mut models: impl FnMut(Piece<'a>) -> Outcome<Model>,
) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, DIODE);
    let head = Head::read(&mut words)?;
    let name = words.name("model")?;
    let model = models(name)?;
    let mut area = None;
    let mut number = 1.0;
    while let Some(token) = words.peek()? {
        if let Some((name, value)) = words.assignment()? {
            match name.text {
                "area" => area = Some(value),
                "m" => number = multiplier(value, parameters)?,
                // Where an iteration starts.
                "ic" | "off" => {}
                _ => return Err(unsupported(name, &words)),
            }
        } else if words.keyword(&["off"])?.is_none() {
            words.next()?;
            if area.replace(token).is_some() {
                return Err(words.unexpected(token.piece));
            }
        }
    }
    let law = model.law(match area {
        Some(area) => number * multiplier(area, parameters)?,
        None => number,
    });
    match model {
        Model::Ideal { .. } if area.is_some() => Err(Halt::new(line.span, Fault::Area)),
        _ => Ok(head.with(law)),
    }
}

fn code_model<'a>(
    line: Piece<'a>,
    mut models: impl FnMut(Piece<'a>) -> Outcome<Model>,
) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, CODE_MODEL);
    let name = words.name("name")?;
    words.keyword(&["%gd"])?;
    let nodes = [words.name("anode")?, words.name("cathode")?];
    let head = Head { name, nodes };
    let name = words.name("model")?;
    words.finish()?;
    let model = models(name)?;
    if let Model::Ideal {
        is_sidiode: true, ..
    } = model
    {
        return Ok(head.with(model.law(1.0)));
    }
    let fault = Fault::NoSidiode {
        model: name.text.to_owned(),
    };
    Err(Halt::new(name.span, fault))
}

/// `B1 a b I=..`
fn behaviour<'a>(line: Piece<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, BEHAVIOUR);
    let head = Head::read(&mut words)?;
    let quantity = words.name("current")?;
    if quantity.text != "i" {
        return Err(Halt::new(quantity.span, Fault::Behaviour));
    }
    words.skip_equals()?;
    let current = words.rest();
    if current.text.is_empty() {
        return Err(words.missing("current"));
    }
    let law = expression::law(current, parameters, head.texts())?;
    Ok(head.with(law))
}

/// `G1 a b TABLE {V(a,b)} = (u, i) ..`: beyond its ends, the current stays what it is there.
fn table<'a>(line: Piece<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, TABLE);
    let head = Head::read(&mut words)?;
    if words.keyword(&["table"])?.is_none() {
        return Err(Halt::new(line.span, Fault::Table { form: TABLE }));
    }
    let voltage = words.expect("voltage")?;
    if voltage.kind != Kind::Arithmetic {
        return Err(words.unexpected(voltage.piece));
    }
    expression::own_voltage(voltage.piece, parameters, head.texts())?;
    words.skip_equals()?;
    let mut numbers = Vec::new();
    while let Some(token) = words.next()? {
        numbers.push(parameters.number(token)?.value);
    }
    let fault = |fault| Halt::new(line.span, fault);
    if numbers.len() % 2 == 1 {
        let found = numbers.len();
        return Err(fault(Fault::Pairs { found }));
    }
    let points = numbers.chunks(2).map(|pair| (pair[0], pair[1]));
    let curve = clamped(points.collect()).map_err(|error| fault(error.into()))?;
    Ok(head.with(Law::from(curve)))
}

/// A curve through points that is level beyond the first and the last.
fn clamped(mut points: Vec<(f64, f64)>) -> Result<IvCurve, IvCurveError> {
    IvCurve::new(points.iter().copied())?;
    if let [first, .., last] = points[..] {
        let width = last.0 - first.0;
        points.insert(0, (first.0 - width, first.1));
        points.push((last.0 + width, last.1));
    }
    IvCurve::new(points)
}
