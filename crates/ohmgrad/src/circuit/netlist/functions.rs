//! Functions: those that are known, and those that a netlist defines.

use super::error::{Halt, Outcome};
use super::expression;
use super::fault::Fault;
use super::source::Piece;
use super::token::Words;

type OfOne = fn(f64) -> f64;
type OfTwo = fn(f64, f64) -> f64;

/// Functions of one number.
const OF_ONE: [(&str, OfOne); 36] = [
    ("abs", f64::abs),
    ("acos", f64::acos),
    ("acosh", f64::acosh),
    ("arccos", f64::acos),
    ("arcsin", f64::asin),
    ("arctan", f64::atan),
    ("asin", f64::asin),
    ("asinh", f64::asinh),
    ("atan", f64::atan),
    ("atanh", f64::atanh),
    ("buf", |x| truth(x > 0.5)),
    ("cbrt", f64::cbrt),
    ("ceil", f64::ceil),
    ("cos", f64::cos),
    ("cosh", f64::cosh),
    ("exp", f64::exp),
    ("fabs", f64::abs),
    ("floor", f64::floor),
    ("int", f64::trunc),
    ("inv", |x| truth(x <= 0.5)),
    ("ln", f64::ln),
    ("log", f64::ln),
    ("log10", f64::log10),
    ("nint", f64::round_ties_even),
    ("round", f64::round),
    ("sgn", sign),
    ("sign", sign),
    ("sin", f64::sin),
    ("sinh", f64::sinh),
    ("sqr", |x| x * x),
    ("sqrt", f64::sqrt),
    ("stp", |x| truth(x > 0.0)),
    ("tan", f64::tan),
    ("tanh", f64::tanh),
    ("u", |x| truth(x > 0.0)),
    ("uramp", |x| x.max(0.0)),
];
/// Functions of two numbers. In arithmetic, `pwr` is a power of the size, as in ngspice and LTspice.
const OF_TWO: [(&str, OfTwo); 5] = [
    ("atan2", f64::atan2),
    ("hypot", f64::hypot),
    ("pow", f64::powf),
    ("pwr", |x, y| x.abs().powf(y)),
    ("pwrs", |x, y| x.abs().powf(y).copysign(x)),
];
/// Functions of as many numbers as one likes.
const OF_MANY: [(&str, OfTwo); 2] = [("max", f64::max), ("min", f64::min)];
/// Functions of three numbers: the second if the first is true, else the third.
const OF_THREE: [&str; 2] = ["if", "ternary_fcn"];
/// Functions whose results are random.
const RANDOM: [&str; 11] = [
    "agauss", "aunif", "flat", "gauss", "limit", "mc", "rand", "random", "rnd", "unif", "white",
];

/// 1 for true, 0 for false.
pub(super) fn truth(is_true: bool) -> f64 {
    f64::from(u8::from(is_true))
}

/// -1, 0 or 1.
fn sign(x: f64) -> f64 {
    truth(x > 0.0) - truth(x < 0.0)
}

/// The names of the functions that are known.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let of_one = OF_ONE.iter().map(|(name, _)| *name);
    let of_two = OF_TWO.iter().chain(&OF_MANY).map(|(name, _)| *name);
    of_one.chain(of_two).chain(OF_THREE)
}

/// The value of a function of numbers; `None` if there is no such function.
pub(super) fn call(function: Piece, arguments: &[f64]) -> Option<Outcome<f64>> {
    let name = function.text;
    let wrong_count = |expected| {
        let fault = Fault::ArgumentCount {
            function: name.to_owned(),
            expected,
            found: arguments.len(),
        };
        Some(Err(Halt::new(function.span, fault)))
    };
    if let Some((_, f)) = OF_ONE.iter().find(|(known, _)| *known == name) {
        return match arguments {
            [x] => Some(Ok(f(*x))),
            _ => wrong_count(1),
        };
    }
    if let Some((_, f)) = OF_TWO.iter().find(|(known, _)| *known == name) {
        return match arguments {
            [x, y] => Some(Ok(f(*x, *y))),
            _ => wrong_count(2),
        };
    }
    if let Some((_, f)) = OF_MANY.iter().find(|(known, _)| *known == name) {
        return match arguments {
            [x, y, rest @ ..] => Some(Ok(rest.iter().fold(f(*x, *y), |a, b| f(a, *b)))),
            _ => wrong_count(2),
        };
    }
    if OF_THREE.contains(&name) {
        return match arguments {
            [condition, yes, no] => Some(Ok(if *condition != 0.0 { *yes } else { *no })),
            _ => wrong_count(3),
        };
    }
    RANDOM.contains(&name).then(|| {
        let name = name.to_owned();
        Err(Halt::new(function.span, Fault::Random { name }))
    })
}

/// A function that a netlist defines.
#[derive(Clone, Debug)]
pub(super) struct Function<'a> {
    pub(super) arguments: Vec<&'a str>,
    pub(super) body: Piece<'a>,
}

impl<'a> Function<'a> {
    /// Reads `NAME(ARGUMENTS) BODY`, perhaps with `=` between them: the name and the function.
    pub(super) fn read(
        definition: Piece<'a>,
        words: Words<'a>,
    ) -> Outcome<(Piece<'a>, Function<'a>)> {
        let text = definition.text;
        let inside = text.find('(').zip(text.find(')'));
        let Some((open, close)) = inside.filter(|(open, close)| open < close) else {
            return Err(words.missing("list of arguments"));
        };
        let name = definition.part(0, open).trimmed();
        let list = text[open + 1..close].trim();
        let arguments = match list {
            "" => Vec::new(),
            list => list.split(',').map(str::trim).collect(),
        };
        let is_word = |word: &&str| !word.is_empty() && word.chars().all(expression::is_name);
        let body = definition.part(close + 1, text.len()).trimmed();
        let body = match body.text.strip_prefix('=') {
            Some(rest) => body
                .part(body.text.len() - rest.len(), body.text.len())
                .trimmed(),
            None => body,
        };
        if !is_word(&name.text) || !arguments.iter().all(is_word) {
            return Err(words.unexpected(definition.part(0, close + 1)));
        }
        if body.text.is_empty() {
            return Err(words.missing("expression"));
        }
        Ok((name, Function { arguments, body }))
    }
}
