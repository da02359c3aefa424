//! Voltage and current sources: their values at the operating point.

use super::super::error::{Halt, Outcome};
use super::super::fault::Fault;
use super::super::parameters::Parameters;
use super::super::source::Piece;
use super::super::token::{Kind, Token, Words};
use super::super::warning::Caution;
use super::behaviour::clamped_curve;
use super::{Described, Head, conductance, is_number, multiplier, unsupported};
use crate::device::{IvCurve, Law};

const VOLTAGE: &str = "V1 plus minus [DC] VOLT [Rser=OHM]";
const CURRENT: &str = "I1 from to [DC] AMPERE [m=NUMBER] [Rpar=OHM] [load]";
/// Below this voltage, the current of a load goes to 0 with the voltage, in volt.
const LOAD_BEND: f64 = 1e-3;
/// Functions of time.
const FUNCTIONS: [&str; 9] = [
    "sin", "sine", "pulse", "exp", "pwl", "sffm", "am", "trnoise", "trrandom",
];

pub(super) fn voltage_source<'a>(
    line: Piece<'a>,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, VOLTAGE);
    let head = Head::read(&mut words)?;
    let stimulus = Stimulus::read(&mut words, parameters)?;
    let mut series = f64::INFINITY;
    while let Some((name, value)) = words.assignment()? {
        match name.text {
            "rser" => series = conductance(value, parameters)?,
            "cpar" | "portnum" | "z0" => _ = parameters.number(value)?,
            _ => return Err(unsupported(name, &words)),
        }
    }
    words.finish()?;
    let voltage = stimulus.value(head.name, &words, parameters)?;
    Ok(Described {
        series,
        ..head.with(Law::VoltageSource { voltage })
    })
}

pub(super) fn current_source<'a>(
    line: Piece<'a>,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Described<'a>> {
    let mut words = Words::new(line, CURRENT);
    let head = Head::read(&mut words)?;
    let stimulus = Stimulus::read(&mut words, parameters)?;
    let (mut number, mut parallel, mut is_load, mut table) = (1.0, 0.0, false, None);
    loop {
        if words.keyword(&["load"])?.is_some() {
            is_load = true;
            continue;
        }
        let Some((name, value)) = words.assignment()? else {
            break;
        };
        match name.text {
            "m" => number = multiplier(value, parameters)?,
            "rpar" => parallel = conductance(value, parameters)?,
            "cpar" => _ = parameters.number(value)?,
            "tbl" | "table" => {
                let mut points = vec![parameters.number(value)?.value];
                points.extend(numbers(&mut words, parameters)?);
                table = Some(points);
            }
            _ => return Err(unsupported(name, &words)),
        }
    }
    words.finish()?;
    let law = match table {
        Some(points) => clamped_curve(&scaled(points, number)),
        None => {
            let current = number * stimulus.value(head.name, &words, parameters)?;
            match is_load {
                true => load(current),
                false => Ok(Law::CurrentSource { current }),
            }
        }
    };
    let law = law.map_err(|fault| Halt::new(line.span, fault))?;
    Ok(Described {
        parallel: number * parallel,
        ..head.with(law)
    })
}

/// Points (voltage, current, ..) with currents times a number.
fn scaled(mut points: Vec<f64>, number: f64) -> Vec<f64> {
    points
        .iter_mut()
        .skip(1)
        .step_by(2)
        .for_each(|i| *i *= number);
    points
}

/// A current that flows only if there is a voltage to drive it: it goes to 0 within a millivolt.
fn load(current: f64) -> Result<Law, Fault> {
    let points = [
        (-1.0, 0.0),
        (0.0, 0.0),
        (LOAD_BEND, current),
        (1.0, current),
    ];
    Ok(Law::from(IvCurve::new(points)?))
}

/// What a source does.
#[derive(Default)]
struct Stimulus {
    /// The value that is given for the operating point.
    constant: Option<f64>,
    /// The value of a function of time at t = 0, which may not be clear.
    initial: Option<Outcome<f64>>,
    /// Whether it has an amplitude for small signals, which makes 0 its value.
    has_amplitude: bool,
}

impl Stimulus {
    fn read<'a>(words: &mut Words<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Stimulus> {
        let mut stimulus = Stimulus::default();
        while let Some(token) = words.peek()? {
            if token.kind == Kind::Equals {
                break;
            }
            if words.keyword(&["dc"])?.is_some() {
                words.skip_equals()?;
                let value = words.expect("value")?;
                stimulus.constant = Some(parameters.number(value)?.value);
            } else if words.keyword(&["ac", "distof1", "distof2"])?.is_some() {
                words.skip_equals()?;
                numbers(words, parameters)?;
                stimulus.has_amplitude = true;
            } else if let Some(function) = words.keyword(&FUNCTIONS)? {
                stimulus.initial = Some(function_of_time(function, words, parameters)?);
            } else if words.at_assignment()?
                || stimulus.constant.is_some()
                || token.piece.text == "load"
            {
                break;
            } else {
                words.next()?;
                stimulus.constant = Some(parameters.number(token)?.value);
            }
        }
        Ok(stimulus)
    }

    /// The value at the operating point; 0 with a caution if there is none.
    fn value(self, name: Piece, words: &Words, parameters: Parameters) -> Outcome<f64> {
        match (self.constant, self.initial) {
            (Some(value), _) => Ok(value),
            (_, Some(initial)) => initial,
            _ => {
                if !self.has_amplitude {
                    let name = name.text.to_owned();
                    let place = words.statement().span;
                    parameters.globals.warn(place, Caution::NoValue { name });
                }
                Ok(0.0)
            }
        }
    }
}

/// Reads a function of time after its name: its value at t = 0, if that is clear.
fn function_of_time<'a>(
    function: Piece<'a>,
    words: &mut Words<'a>,
    parameters: Parameters<'_, 'a>,
) -> Outcome<Outcome<f64>> {
    let arguments = numbers(words, parameters)?;
    let mut value = initial(function.text, &arguments);
    // A file of points, repetitions, and a delay.
    while function.text == "pwl" && words.at_assignment()? {
        let Some(name) = words.keyword(&["file", "r", "td"])? else {
            break;
        };
        words.skip_equals()?;
        let token = words.expect("value")?;
        if name.text != "r" && number_or_zero(token, parameters) != 0.0 {
            value = None;
        }
    }
    let fault = || Fault::SourceFunction {
        function: function.text.to_uppercase(),
    };
    Ok(value.ok_or_else(|| Halt::new(function.span, fault())))
}

/// A number; anything else stands for one that is not 0.
fn number_or_zero(token: Token, parameters: Parameters) -> f64 {
    parameters
        .number(token)
        .map_or(f64::NAN, |number| number.value)
}

/// The numbers that come next.
fn numbers<'a>(words: &mut Words<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Vec<f64>> {
    let starts_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    let may_be_number = |token: &Token| {
        token.kind == Kind::Word && token.piece.text.starts_with(starts_number)
            || is_number(*token, parameters)
    };
    let mut numbers = Vec::new();
    while let Some(token) = words.peek()?.filter(may_be_number) {
        if words.at_assignment()? {
            break;
        }
        words.next()?;
        numbers.push(parameters.number(token)?.value);
    }
    Ok(numbers)
}

/// The value of a function of time at t = 0, if it is clear.
fn initial(function: &str, arguments: &[f64]) -> Option<f64> {
    let argument = |k: usize| arguments.get(k).copied().unwrap_or(0.0);
    let first = arguments.first().copied();
    match function {
        // SIN(offset amplitude frequency delay damping phase)
        "sin" | "sine" => {
            let (frequency, delay, damping) = (argument(2), argument(3), argument(4));
            let phase = argument(5).to_radians();
            if delay >= 0.0 {
                return Some(first? + argument(1) * phase.sin());
            }
            let angle = -std::f64::consts::TAU * frequency * delay + phase;
            (frequency > 0.0)
                .then(|| argument(0) + argument(1) * angle.sin() * (delay * damping).exp())
        }
        // PULSE(first second delay ..), EXP(first second delay ..)
        "pulse" | "exp" => first.filter(|_| argument(2) >= 0.0),
        "pwl" => on_line(arguments),
        // SFFM(offset ..)
        "sffm" => first,
        "am" | "trnoise" => first.map(|_| 0.0),
        _ => None,
    }
}

/// The value at t = 0 of the line through points (time, value).
fn on_line(arguments: &[f64]) -> Option<f64> {
    let points: Vec<(f64, f64)> = arguments
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    let after = points.iter().position(|(time, _)| *time > 0.0);
    match after.unwrap_or(points.len()) {
        0 => points.first().map(|(_, value)| *value),
        k if k == points.len() || points[k - 1].0 == 0.0 => Some(points[k - 1].1),
        k => {
            let ((t0, v0), (t1, v1)) = (points[k - 1], points[k]);
            Some(v0 - (v1 - v0) * t0 / (t1 - t0))
        }
    }
}
