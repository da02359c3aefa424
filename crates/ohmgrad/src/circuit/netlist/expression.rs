//! Arithmetic.
//!
//! ```text
//! choice  = or [ ? choice : choice ]
//! or      = and { || and }
//! and     = compared { && compared }
//! compared = sum { (== | != | <> | <= | >= | < | >) sum }
//! sum     = product { (+|-) product }
//! product = signed { (*|/|%) signed }
//! signed  = (+|-|!) signed | power
//! power   = operand { (**|^) exponent }         from left to right, as in ngspice: 2**3**2 = 64
//! exponent = (+|-) exponent | operand
//! operand = number | name | name(choice, ..) | V(node [, node]) | (choice) | {choice} | 'choice'
//! ```
//!
//! True is 1, false is 0. An expression is evaluated while it is read.

use super::elements::Control;
use super::error::{Halt, Outcome};
use super::fault::Fault;
use super::functions::{self, truth};
use super::number;
use super::parameters::Parameters;
use super::source::Piece;
use super::value::{Number, Value, Voltage};
use crate::device::Law;

/// How many brackets, signs and definitions of parameters may lie inside each other.
const MAX_DEPTH: usize = 100;

/// Functions of the voltage of an element.
const LAWS: [&str; 3] = ["pwl", "pwr", "pwrs"];

type Comparison = (&'static str, fn(f64, f64) -> bool);

/// Comparisons, the longer ones first.
const COMPARISONS: [Comparison; 7] = [
    ("==", |x, y| x == y),
    ("!=", |x, y| x != y),
    ("<>", |x, y| x != y),
    ("<=", |x, y| x <= y),
    (">=", |x, y| x >= y),
    ("<", |x, y| x < y),
    (">", |x, y| x > y),
];

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

/// A constant, and multiples of voltages and currents.
#[derive(Clone, Debug)]
pub(super) struct Linear<'a> {
    pub(super) constant: f64,
    pub(super) terms: Vec<(Control<'a>, f64)>,
}

impl Linear<'_> {
    pub(super) fn times(mut self, factor: f64) -> Self {
        self.constant *= factor;
        for (_, gain) in &mut self.terms {
            *gain *= factor;
        }
        self
    }
}

/// An expression that is linear in voltages and currents.
pub(super) fn linear<'a>(piece: Piece<'a>, parameters: Parameters<'_, 'a>) -> Outcome<Linear<'a>> {
    let mut evaluator = Evaluator::new(piece, parameters, 0);
    evaluator.controls = Some(Vec::new());
    let value = evaluator.whole().map_err(Halt::of_linear)?;
    let (constant, factors) = value.linear();
    let fault = |fault| Err(Halt::new(piece.span, fault));
    if let Some(value) = factors.iter().chain([&constant]).find(|x| !x.is_finite()) {
        return fault(Fault::NotFinite {
            text: piece.text.to_owned(),
            value: *value,
        });
    }
    let controls = evaluator.controls.unwrap_or_default();
    Ok(Linear {
        constant,
        terms: controls.into_iter().zip(factors).collect(),
    })
}

/// Sees to it that an expression is the voltage of an element with these nodes.
pub(super) fn own_voltage(piece: Piece, parameters: Parameters, nodes: [&str; 2]) -> Outcome<()> {
    let mut evaluator = Evaluator::new(piece, parameters, 0);
    evaluator.nodes = Some(nodes);
    if evaluator.whole()?.is_own_voltage() {
        return Ok(());
    }
    let [a, b] = nodes.map(str::to_owned);
    Err(Halt::new(piece.span, Fault::ForeignVoltage { a, b }))
}

struct Evaluator<'s, 'a> {
    piece: Piece<'a>,
    /// How far the expression has been read, in bytes.
    at: usize,
    parameters: Parameters<'s, 'a>,
    /// The nodes of the element whose current this is.
    nodes: Option<[&'s str; 2]>,
    /// The voltages and currents in it, if it may be linear in any.
    controls: Option<Vec<Control<'a>>>,
    /// The arguments of the function whose body this is.
    arguments: Vec<(&'a str, Value)>,
    depth: usize,
}

impl<'s, 'a> Evaluator<'s, 'a> {
    fn new(piece: Piece<'a>, parameters: Parameters<'s, 'a>, depth: usize) -> Evaluator<'s, 'a> {
        Evaluator {
            piece,
            at: 0,
            parameters,
            nodes: None,
            controls: None,
            arguments: Vec::new(),
            depth,
        }
    }

    fn whole(&mut self) -> Outcome<Value> {
        let value = self.choice()?;
        match self.next() {
            None => Ok(value),
            Some(_) => Err(self.expected("an operator")),
        }
    }

    fn choice(&mut self) -> Outcome<Value> {
        let condition = self.or()?;
        if !self.takes("?") {
            return Ok(condition);
        }
        let condition = self.number_of(&condition)?;
        let yes = self.deeper(Self::choice)?;
        self.expect(":")?;
        let no = self.deeper(Self::choice)?;
        Ok(if condition != 0.0 { yes } else { no })
    }

    fn or(&mut self) -> Outcome<Value> {
        let mut value = self.and()?;
        while self.takes("||") || self.takes("|") {
            let other = self.and()?;
            let [x, y] = [self.number_of(&value)?, self.number_of(&other)?];
            value = truth(x != 0.0 || y != 0.0).into();
        }
        Ok(value)
    }

    fn and(&mut self) -> Outcome<Value> {
        let mut value = self.compared()?;
        while self.takes("&&") || self.takes("&") {
            let other = self.compared()?;
            let [x, y] = [self.number_of(&value)?, self.number_of(&other)?];
            value = truth(x != 0.0 && y != 0.0).into();
        }
        Ok(value)
    }

    fn compared(&mut self) -> Outcome<Value> {
        let mut value = self.sum()?;
        while let Some((_, holds)) = COMPARISONS.iter().find(|(sign, _)| self.takes(sign)) {
            let other = self.sum()?;
            let [x, y] = [self.number_of(&value)?, self.number_of(&other)?];
            value = truth(holds(x, y)).into();
        }
        Ok(value)
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
            } else if self.takes("%") {
                let other = self.signed()?;
                Ok((self.number_of(&product)? % self.number_of(&other)?).into())
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
        if self.takes("!") {
            let value = self.deeper(Self::signed)?;
            return Ok(truth(self.number_of(&value)? == 0.0).into());
        }
        self.power()
    }

    fn power(&mut self) -> Outcome<Value> {
        let start = self.start();
        let mut base = self.operand()?;
        while self.takes("**") || self.takes("^") {
            let exponent = self.exponent()?;
            let exponent = self.number_of(&exponent)?;
            // ngspice takes the size of a negative base, LTspice does not: they agree on even powers.
            if let Some(x) = base.number().filter(|x| *x < 0.0 && exponent % 2.0 != 0.0) {
                let place = self.piece.part(start, self.at);
                return Err(Halt::new(place.span, Fault::NegativeBase { base: x }));
            }
            let power = base.power(exponent);
            base = self.supported(power)?;
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
        let value = self.deeper(Self::choice)?;
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
            if let Some((_, value)) = self.arguments.iter().find(|(known, _)| *known == name.text) {
                return Ok(value.clone());
            }
            self.check_depth()?;
            let value = self.parameters.value(name, self.depth + 1)?;
            return Ok(value.into());
        }
        match name.text {
            "v" => return self.voltage(name),
            "i" if self.controls.is_some() => {
                let source = self.names(1, "the name of a source")?[0];
                return Ok(self.control(Control::Current(source)));
            }
            "i" => return Err(Halt::new(name.span, Fault::ForeignCurrent)),
            _ => {}
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

    /// What stands before the next closing bracket, which is taken as well.
    fn inside(&mut self) -> Outcome<Piece<'a>> {
        let inside = self.rest();
        let Some(length) = inside.text.find(')') else {
            return Err(self.expected("`)`"));
        };
        self.at += length + 1;
        Ok(inside.part(0, length))
    }

    /// Up to so many names, after the bracket.
    fn names(&mut self, most: usize, what: &'static str) -> Outcome<Vec<&'a str>> {
        let inside = self.inside()?;
        let names: Vec<&str> = inside.text.split(',').map(str::trim).collect();
        match names.len() <= most && names.iter().all(|name| !name.is_empty()) {
            true => Ok(names),
            false => Err(Halt::new(inside.span, Fault::Expected { what })),
        }
    }

    /// A voltage or a current that the expression may be linear in.
    fn control(&mut self, control: Control<'a>) -> Value {
        let controls = self.controls.get_or_insert_default();
        let known = controls.iter().position(|other| *other == control);
        Value::control(known.unwrap_or_else(|| {
            controls.push(control);
            controls.len() - 1
        }))
    }

    /// V(a) or V(a,b), after the bracket.
    fn voltage(&mut self, name: Piece<'a>) -> Outcome<Value> {
        let names = self.names(2, "one node or two")?;
        let (plus, minus) = (names[0], names.get(1).copied().unwrap_or("0"));
        if self.controls.is_some() {
            return Ok(self.control(Control::Voltage([plus, minus])));
        }
        let Some(own) = self.nodes else {
            return Err(Halt::new(name.span, Fault::Voltage));
        };
        let own = own.map(ground_is_0);
        let [plus, minus] = [plus, minus].map(ground_is_0);
        // The voltage of an element between a node and itself.
        if own[0] == own[1] && [plus, minus] == own {
            return Ok(Value::Voltage(Voltage::new([1.0, -1.0], [false; 2])));
        }
        let mut shares = [0.0, 0.0];
        for (node, share) in [(plus, 1.0), (minus, -1.0)] {
            match own.iter().position(|other| *other == node) {
                Some(k) => shares[k] += share,
                None if node == "0" => {}
                None => {
                    let [a, b] = own.map(str::to_owned);
                    return Err(Halt::new(name.span, Fault::ForeignVoltage { a, b }));
                }
            }
        }
        Ok(Value::Voltage(Voltage::new(
            shares,
            own.map(|node| node == "0"),
        )))
    }

    /// The arguments of a function, after the bracket.
    fn arguments(&mut self) -> Outcome<Vec<Value>> {
        let mut arguments = Vec::new();
        if self.takes(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.deeper(Self::choice)?);
            if !self.takes(",") {
                self.expect(")")?;
                return Ok(arguments);
            }
        }
    }

    fn call(&mut self, function: Piece<'a>, arguments: Vec<Value>) -> Outcome<Value> {
        let name = function.text;
        if let Some(own) = self.parameters.function(name) {
            return self.call_own(function, own, arguments);
        }
        let numbers: Option<Vec<f64>> = arguments.iter().map(Value::number).collect();
        if let Some(numbers) = numbers {
            let value = functions::call(function, &numbers);
            return match value {
                Some(value) => value.map(Value::from),
                None if name == "pwl" => Err(Halt::new(function.span, Fault::Behaviour)),
                None => Err(Halt::new(function.span, self.unknown(name))),
            };
        }
        let result = match name {
            "pwl" => return self.curve(function, arguments),
            "pwr" | "pwrs" | "pow" => {
                let [u, exponent] = exactly(function, arguments)?;
                let exponent = self.number_of(&exponent)?;
                match name {
                    "pow" => u.power(exponent),
                    _ => u.signed_power(exponent),
                }
            }
            name if functions::names().any(|known| known == name) => {
                let first = arguments.into_iter().next();
                first.ok_or(Fault::Behaviour).and_then(|u| u.apply(name))
            }
            name => Err(self.unknown(name)),
        };
        self.supported(result)
    }

    /// The value of a function that the netlist defines.
    fn call_own(
        &mut self,
        name: Piece<'a>,
        function: &'s functions::Function<'a>,
        values: Vec<Value>,
    ) -> Outcome<Value> {
        if values.len() != function.arguments.len() {
            let fault = Fault::ArgumentCount {
                function: name.text.to_owned(),
                expected: function.arguments.len(),
                found: values.len(),
            };
            return Err(Halt::new(name.span, fault));
        }
        self.check_depth()?;
        let counted = self.parameters.globals.count_call();
        counted.map_err(|fault| Halt::new(name.span, fault))?;
        let mut body = Evaluator::new(function.body, self.parameters, self.depth + 1);
        body.nodes = self.nodes;
        body.controls = self.controls.take();
        body.arguments = function.arguments.iter().copied().zip(values).collect();
        let value = body.whole();
        self.controls = body.controls;
        value
    }

    fn unknown(&self, name: &str) -> Fault {
        let known = functions::names().chain(LAWS);
        Fault::UnknownFunction {
            name: name.to_owned(),
            nearest: self.parameters.similar_function(name, known),
        }
    }

    /// pwl(u, x1,y1, x2,y2, ..)
    fn curve(&self, function: Piece, arguments: Vec<Value>) -> Outcome<Value> {
        let numbers = arguments.iter().skip(1).map(|value| self.number_of(value));
        let numbers = numbers.collect::<Outcome<Vec<f64>>>()?;
        if numbers.len() % 2 == 1 {
            let found = numbers.len();
            return Err(Halt::new(function.span, Fault::Pairs { found }));
        }
        let points = numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect();
        let voltage = arguments.into_iter().next().ok_or(Fault::Behaviour);
        self.supported(voltage.and_then(|u| u.curve(points)))
    }

    /// The number that a value must be.
    fn number_of(&self, value: &Value) -> Outcome<f64> {
        self.supported(value.number().ok_or(Fault::Behaviour))
    }

    /// The result of an operation.
    fn supported<T>(&self, result: Result<T, Fault>) -> Outcome<T> {
        result.map_err(|fault| Halt::new(self.piece.span, fault))
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
            ":" => "`:`",
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
