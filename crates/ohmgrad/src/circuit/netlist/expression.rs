//! Arithmetic.
//!
//! ```text
//! sum     = product { (+|-) product }
//! product = signed { (*|/) signed }
//! signed  = (+|-) signed | power
//! power   = operand { (**|^) exponent }         from left to right, as in ngspice: 2**3**2 = 64
//! exponent = (+|-) exponent | operand
//! operand = number | name | name(sum, ..) | V(node [, node]) | (sum) | {sum} | 'sum'
//! ```
//!
//! An expression is evaluated while it is read.

use super::error::{Halt, Outcome};
use super::fault::{Fault, nearest};
use super::number;
use super::parameters::Parameters;
use super::source::Piece;
use super::value::{Number, Value};
use crate::device::Law;

/// How many brackets, signs and definitions of parameters may lie inside each other.
const MAX_DEPTH: usize = 100;

type OfOne = (&'static str, fn(f64) -> f64);

type OfTwo = (&'static str, fn(f64, f64) -> f64);

/// Functions of one number.
const FUNCTIONS: [OfOne; 10] = [
    ("abs", f64::abs),
    ("cos", f64::cos),
    ("exp", f64::exp),
    ("ln", f64::ln),
    ("log", f64::ln),
    ("log10", f64::log10),
    ("sin", f64::sin),
    ("sqrt", f64::sqrt),
    ("tan", f64::tan),
    ("tanh", f64::tanh),
];
/// Functions of two numbers.
const FUNCTIONS_OF_TWO: [OfTwo; 3] = [("max", f64::max), ("min", f64::min), ("pow", f64::powf)];
/// Functions of the voltage of an element.
const LAWS: [&str; 2] = ["pwl", "pwr"];

/// The number that an expression stands for. `depth` counts the definitions that lead to it.
pub(super) fn number(piece: Piece, parameters: Parameters, depth: usize) -> Outcome<Number> {
    let fault = |fault| Err(Halt::new(piece.span, fault));
    match Evaluator::new(piece, parameters, depth).whole()? {
        Value::Number(number) if number.value.is_finite() => Ok(number),
        Value::Number(number) => fault(Fault::NotFinite {
            text: piece.text.to_owned(),
            value: number.value,
        }),
        _ => fault(Fault::Voltage),
    }
}

/// The law of an element whose current is given; `nodes` are its own.
pub(super) fn law(piece: Piece, parameters: Parameters, nodes: [&str; 2]) -> Outcome<Law> {
    let mut evaluator = Evaluator::new(piece, parameters, 0);
    evaluator.nodes = Some(nodes);
    let law = evaluator.whole()?.law();
    law.map_err(|fault| Halt::new(piece.span, fault))
}

/// Sees to it that an expression is the voltage of an element with these nodes.
pub(super) fn own_voltage(piece: Piece, parameters: Parameters, nodes: [&str; 2]) -> Outcome<()> {
    let mut evaluator = Evaluator::new(piece, parameters, 0);
    evaluator.nodes = Some(nodes);
    match evaluator.whole()? {
        Value::Voltage { scale: 1.0 } => Ok(()),
        _ => {
            let [a, b] = nodes.map(str::to_owned);
            Err(Halt::new(piece.span, Fault::ForeignVoltage { a, b }))
        }
    }
}

struct Evaluator<'s, 'a> {
    piece: Piece<'a>,
    /// How far the expression has been read, in bytes.
    at: usize,
    parameters: Parameters<'s, 'a>,
    /// The nodes of the element whose current this is.
    nodes: Option<[&'s str; 2]>,
    depth: usize,
}

impl<'s, 'a> Evaluator<'s, 'a> {
    fn new(piece: Piece<'a>, parameters: Parameters<'s, 'a>, depth: usize) -> Evaluator<'s, 'a> {
        Evaluator {
            piece,
            at: 0,
            parameters,
            nodes: None,
            depth,
        }
    }

    fn whole(&mut self) -> Outcome<Value> {
        let value = self.sum()?;
        match self.next() {
            None => Ok(value),
            Some(_) => Err(self.expected("an operator")),
        }
    }

    fn sum(&mut self) -> Outcome<Value> {
        let mut sum = self.product()?;
        loop {
            let result = if self.takes("+") {
                sum.plus(self.product()?)
            } else if self.takes("-") {
                sum.minus(self.product()?)
            } else {
                return Ok(sum);
            };
            sum = self.supported(result)?;
        }
    }

    fn product(&mut self) -> Outcome<Value> {
        let mut product = self.signed()?;
        loop {
            let result = if self.takes("*") {
                product.times(self.signed()?)
            } else if self.takes("/") {
                product.over(self.signed()?)
            } else {
                return Ok(product);
            };
            product = self.supported(result)?;
        }
    }

    fn signed(&mut self) -> Outcome<Value> {
        if self.takes("+") {
            return self.deeper(Self::signed);
        }
        if self.takes("-") {
            let negated = self.deeper(Self::signed)?.negated();
            return self.supported(negated);
        }
        self.power()
    }

    fn power(&mut self) -> Outcome<Value> {
        let start = self.start();
        let mut base = self.operand()?;
        while self.takes("**") || self.takes("^") {
            let exponent = self.exponent()?.number();
            let numbers = base.number().zip(exponent);
            let (x, y) = self.supported(numbers)?;
            if x < 0.0 {
                let place = self.piece.part(start, self.at);
                return Err(Halt::new(place.span, Fault::NegativeBase { base: x }));
            }
            base = x.powf(y).into();
        }
        Ok(base)
    }

    fn exponent(&mut self) -> Outcome<Value> {
        if self.takes("+") {
            return self.deeper(Self::exponent);
        }
        if self.takes("-") {
            let negated = self.deeper(Self::exponent)?.negated();
            return self.supported(negated);
        }
        self.operand()
    }

    fn operand(&mut self) -> Outcome<Value> {
        match self.next() {
            Some('(') => self.enclosed("(", ")"),
            Some('{') => self.enclosed("{", "}"),
            Some('\'') => self.enclosed("'", "'"),
            Some('0'..='9' | '.') => self.number(),
            Some(c) if is_name(c) => self.named(),
            _ => Err(self.expected("a number, a name or a bracket")),
        }
    }

    fn enclosed(&mut self, open: &'static str, close: &'static str) -> Outcome<Value> {
        self.takes(open);
        let value = self.deeper(Self::sum)?;
        self.expect(close)?;
        Ok(value)
    }

    fn number(&mut self) -> Outcome<Value> {
        match number::prefix(self.rest())? {
            Some((number, length)) => {
                self.at += length;
                Ok(number.into())
            }
            None => Err(self.expected("a digit")),
        }
    }

    /// A parameter, a function, or a voltage.
    fn named(&mut self) -> Outcome<Value> {
        let name = self.name();
        if !self.takes("(") {
            self.check_depth()?;
            let value = self.parameters.value(name, self.depth + 1)?;
            return Ok(value.into());
        }
        if name.text == "v" {
            return self.voltage(name);
        }
        let arguments = self.arguments()?;
        self.call(name, arguments)
    }

    fn name(&mut self) -> Piece<'a> {
        let rest = self.rest();
        let end = rest.text.find(|c| !is_name(c));
        let name = rest.part(0, end.unwrap_or(rest.text.len()));
        self.at += name.text.len();
        name
    }

    /// V(a) or V(a,b), after the bracket.
    fn voltage(&mut self, name: Piece<'a>) -> Outcome<Value> {
        let inside = self.rest();
        let Some(length) = inside.text.find(')') else {
            return Err(self.expected("`)`"));
        };
        self.at += length + 1;
        let inside = inside.part(0, length);
        let Some(own) = self.nodes else {
            return Err(Halt::new(name.span, Fault::Voltage));
        };
        let (a, b) = inside.text.split_once(',').unwrap_or((inside.text, "0"));
        if [a, b].map(ground_is_0) == own.map(ground_is_0) {
            return Ok(Value::Voltage { scale: 1.0 });
        }
        let [a, b] = own.map(str::to_owned);
        Err(Halt::new(inside.span, Fault::ForeignVoltage { a, b }))
    }

    /// The arguments of a function, after the bracket.
    fn arguments(&mut self) -> Outcome<Vec<Value>> {
        let mut arguments = Vec::new();
        if self.takes(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.deeper(Self::sum)?);
            if !self.takes(",") {
                self.expect(")")?;
                return Ok(arguments);
            }
        }
    }

    fn call(&self, function: Piece, arguments: Vec<Value>) -> Outcome<Value> {
        let name = function.text;
        if let Some((_, f)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
            let [x] = exactly(function, arguments)?;
            let result = match name {
                "tanh" => x.tanh(),
                _ => x.number().map(|x| f(x).into()),
            };
            return self.supported(result);
        }
        if let Some((_, f)) = FUNCTIONS_OF_TWO.iter().find(|(known, _)| *known == name) {
            let [x, y] = exactly(function, arguments)?;
            let numbers = x.number().zip(y.number());
            return self.supported(numbers.map(|(x, y)| f(x, y).into()));
        }
        match name {
            "pwr" => {
                let [u, exponent] = exactly(function, arguments)?;
                self.supported(exponent.number().and_then(|p| u.signed_power(p)))
            }
            "pwl" => self.curve(function, arguments),
            _ => Err(Halt::new(function.span, unknown(name))),
        }
    }

    /// pwl(u, x1,y1, x2,y2, ..)
    fn curve(&self, function: Piece, arguments: Vec<Value>) -> Outcome<Value> {
        let numbers: Option<Vec<f64>> = arguments.iter().skip(1).map(Value::number).collect();
        let numbers = self.supported(numbers)?;
        if numbers.len() % 2 == 1 {
            let found = numbers.len();
            return Err(Halt::new(function.span, Fault::Pairs { found }));
        }
        let points = numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect();
        let voltage = arguments.into_iter().next();
        self.supported(voltage.and_then(|u| u.curve(points)))
    }

    /// The result of an operation; without one, the operation makes no number and no law.
    fn supported<T>(&self, result: Option<T>) -> Outcome<T> {
        let fault = match self.nodes {
            Some(_) => Fault::Behaviour,
            None => Fault::Voltage,
        };
        result.ok_or_else(|| Halt::new(self.piece.span, fault))
    }

    /// What `part` reads, one level further inside.
    fn deeper<T>(&mut self, part: fn(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.check_depth()?;
        self.depth += 1;
        let result = part(self);
        self.depth -= 1;
        result
    }

    fn check_depth(&self) -> Outcome<()> {
        if self.depth < MAX_DEPTH {
            return Ok(());
        }
        Err(Halt::new(
            self.piece.span,
            Fault::Depth { limit: MAX_DEPTH },
        ))
    }

    /// What has not been read yet.
    fn rest(&self) -> Piece<'a> {
        self.piece.part(self.at, self.piece.text.len())
    }

    /// The next character that is no white space.
    fn next(&mut self) -> Option<char> {
        let rest = &self.piece.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.piece.text[self.at..].chars().next()
    }

    /// Where the next character that is no white space stands, in bytes.
    fn start(&mut self) -> usize {
        self.next();
        self.at
    }

    /// Takes a symbol if it is next.
    fn takes(&mut self, symbol: &str) -> bool {
        self.next();
        let is_next = self.piece.text[self.at..].starts_with(symbol);
        self.at += if is_next { symbol.len() } else { 0 };
        is_next
    }

    fn expect(&mut self, symbol: &'static str) -> Outcome<()> {
        if self.takes(symbol) {
            return Ok(());
        }
        Err(self.expected(match symbol {
            ")" => "`)`",
            "}" => "`}`",
            _ => "a closing quote",
        }))
    }

    fn expected(&mut self, what: &'static str) -> Halt {
        let next = self.next().map_or(0, char::len_utf8);
        let place = self.piece.part(self.at, self.at + next);
        Halt::new(place.span, Fault::Expected { what })
    }
}

/// Whether a character may stand in the name of a parameter or a function.
pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Ground has two names.
fn ground_is_0(node: &str) -> &str {
    match node.trim() {
        "gnd" => "0",
        node => node,
    }
}

/// The arguments, if there are as many as the function takes.
fn exactly<const N: usize>(function: Piece, arguments: Vec<Value>) -> Outcome<[Value; N]> {
    <[Value; N]>::try_from(arguments).map_err(|arguments| {
        let fault = Fault::ArgumentCount {
            function: function.text.to_owned(),
            expected: N,
            found: arguments.len(),
        };
        Halt::new(function.span, fault)
    })
}

fn unknown(function: &str) -> Fault {
    let of_one = FUNCTIONS.iter().map(|(name, _)| *name);
    let of_two = FUNCTIONS_OF_TWO.iter().map(|(name, _)| *name);
    Fault::UnknownFunction {
        name: function.to_owned(),
        nearest: nearest(function, of_one.chain(of_two).chain(LAWS)),
    }
}
