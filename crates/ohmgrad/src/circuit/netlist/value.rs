//! What expressions stand for: numbers, or the current of an element as a function of its voltage.

use super::fault::Fault;
use crate::device::{Formula, Function, IvCurve, Law, PowerLaw, Tanh, Term};

/// A number, and the number whose inverse it is if it was written as `1/x`.
///
/// It keeps conductances exact: the conductance of `{1/x}` ohm is x siemens, without rounding twice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub(super) value: f64,
    inverse_of: Option<f64>,
}

/// The value of an expression.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Number(Number),
    Voltage(Voltage),
    /// A voltage where it is above 0, else 0: of an exponential.
    Ramp(Voltage),
    /// A factor times the square of a voltage, which is no law; times another such voltage it is one.
    Square(f64, Voltage),
    Current(Current),
    /// Points (volt, ampere) of a curve.
    Curve(Vec<(f64, f64)>),
    /// A constant, and factors of the voltages and currents that an expression is linear in.
    Linear(f64, Vec<f64>),
}

/// (p V(a) + q V(b)) times / over + offset, with the nodes a and b of an element.
///
/// The factors are kept apart so that they are exact in `g*V(a,b)` and in `V(a,b)/s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Voltage {
    p: f64,
    q: f64,
    is_ground: [bool; 2],
    times: f64,
    over: f64,
    offset: f64,
}

/// I + g u + terms.
#[derive(Clone, Debug)]
pub(super) struct Current {
    constant: f64,
    conductance: f64,
    terms: Vec<Term>,
    /// Whether it was added up: else its only term may be the law of an element by itself.
    is_sum: bool,
}

impl From<f64> for Number {
    fn from(value: f64) -> Number {
        let inverse_of = None;
        Number { value, inverse_of }
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Number(value.into())
    }
}

impl Number {
    /// 1 / x.
    pub(super) fn inverse(self) -> f64 {
        self.inverse_of.unwrap_or(1.0 / self.value)
    }

    fn over(self, divisor: Number) -> Number {
        let inverse_of = (self.value == 1.0).then_some(divisor.value);
        let value = self.value / divisor.value;
        Number { value, inverse_of }
    }

    /// x times this, rounded once.
    fn product(self, x: f64) -> f64 {
        match self.inverse_of {
            Some(divisor) => x / divisor,
            None => x * self.value,
        }
    }
}

impl Voltage {
    /// p V(a) + q V(b); whether the nodes are ground.
    pub(super) fn new([p, q]: [f64; 2], is_ground: [bool; 2]) -> Voltage {
        let one = |is_ground: bool, share: f64| if is_ground { 0.0 } else { share };
        Voltage {
            p: one(is_ground[0], p),
            q: one(is_ground[1], q),
            is_ground,
            times: 1.0,
            over: 1.0,
            offset: 0.0,
        }
    }

    /// c in p V(a) + q V(b) = c u, with the voltage u of the element.
    fn share(&self) -> Result<f64, Fault> {
        match self.is_ground {
            [_, true] => Ok(self.p),
            [true, false] => Ok(-self.q),
            _ if self.p == -self.q => Ok(self.p),
            _ => Err(Fault::SeparateVoltages),
        }
    }

    /// s in u / s + offset.
    fn scale(&self) -> Result<f64, Fault> {
        match self.share()? {
            1.0 => Ok(self.over / self.times),
            share => Ok(self.over / (self.times * share)),
        }
    }

    /// g in g u + offset.
    fn slope(&self) -> Result<f64, Fault> {
        Ok(self.share()? * self.times / self.over)
    }

    /// A factor, and a voltage that it multiplies; offsets stay where they are.
    fn split(self) -> (f64, Voltage) {
        if self.offset != 0.0 {
            return (1.0, self);
        }
        let unscaled = Voltage {
            times: 1.0,
            over: 1.0,
            ..self
        };
        (self.times / self.over, unscaled)
    }

    fn scaled(self, factor: Number) -> Voltage {
        let (times, over) = match factor.inverse_of {
            Some(divisor) => (self.times, self.over * divisor),
            None => (self.times * factor.value, self.over),
        };
        Voltage {
            times,
            over,
            offset: factor.product(self.offset),
            ..self
        }
    }

    fn plus(self, other: Voltage) -> Voltage {
        let offset = self.offset + other.offset;
        if (self.times, self.over) == (other.times, other.over) {
            let (p, q) = (self.p + other.p, self.q + other.q);
            return Voltage {
                p,
                q,
                offset,
                ..self
            };
        }
        let share = |v: &Voltage, share: f64| share * v.times / v.over;
        Voltage {
            p: share(&self, self.p) + share(&other, other.p),
            q: share(&self, self.q) + share(&other, other.q),
            times: 1.0,
            over: 1.0,
            offset,
            ..self
        }
    }

    /// f of it.
    fn term(self, function: Function) -> Result<Value, Fault> {
        let term = Term {
            coefficient: 1.0,
            function,
            scale: self.scale()?,
            offset: self.offset,
        };
        Ok(Value::Current(Current::of(term)))
    }
}

impl Value {
    /// The number, if it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(number.value),
            _ => None,
        }
    }

    /// The voltage or current of a number among those that an expression is linear in.
    pub(super) fn control(number: usize) -> Value {
        let mut factors = vec![0.0; number + 1];
        factors[number] = 1.0;
        Value::Linear(0.0, factors)
    }

    /// A constant and factors, of a number or a linear expression.
    pub(super) fn linear(self) -> (f64, Vec<f64>) {
        match self {
            Value::Linear(constant, factors) => (constant, factors),
            value => (value.number().unwrap_or(f64::NAN), Vec::new()),
        }
    }

    pub(super) fn plus(self, other: Value) -> Result<Value, Fault> {
        use Value::{Curve, Linear, Number, Voltage};
        Ok(match (self, other) {
            (a @ (Number(_) | Linear(..)), b @ Linear(..)) | (a @ Linear(..), b @ Number(_)) => {
                let ((x, mut one), (y, mut other)) = (a.linear(), b.linear());
                let length = one.len().max(other.len());
                one.resize(length, 0.0);
                other.resize(length, 0.0);
                let sums = one.iter().zip(&other).map(|(a, b)| a + b);
                Linear(x + y, sums.collect())
            }
            (Number(a), Number(b)) => (a.value + b.value).into(),
            (Voltage(a), Voltage(b)) => Voltage(a.plus(b)),
            (Voltage(v), Number(n)) | (Number(n), Voltage(v)) => {
                let offset = v.offset + n.value;
                Voltage(self::Voltage { offset, ..v })
            }
            // A curve goes on straight, so that it remains one with a straight line added.
            (Curve(points), other @ (Number(_) | Voltage(_)))
            | (other @ (Number(_) | Voltage(_)), Curve(points)) => {
                let line = other.current()?;
                let raised = |(u, i)| (u, i + line.constant + line.conductance * u);
                Curve(points.into_iter().map(raised).collect())
            }
            (a, b) => Value::Current(a.current()?.plus(b.current()?)),
        })
    }

    pub(super) fn minus(self, other: Value) -> Result<Value, Fault> {
        match (&self, &other) {
            (Value::Number(a), Value::Number(b)) => Ok((a.value - b.value).into()),
            (Value::Current(current), Value::Number(one)) if one.value == 1.0 => {
                match current.exponential() {
                    Some(term) => Ok(Value::Current(Current::of(Term {
                        function: Function::ExpM1,
                        ..term
                    }))),
                    None => self.plus(other.negated()?),
                }
            }
            _ => self.plus(other.negated()?),
        }
    }

    pub(super) fn times(self, other: Value) -> Result<Value, Fault> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => Ok((a.value * b.value).into()),
            (Value::Number(factor), law) | (law, Value::Number(factor)) => law.scaled(factor),
            (Value::Voltage(a), Value::Voltage(b)) => match (a.split(), b.split()) {
                ((k, a), (l, b)) if a == b => Ok(Value::Square(k * l, a)),
                _ => Err(Fault::Behaviour),
            },
            (Value::Square(k, a), Value::Voltage(b)) | (Value::Voltage(b), Value::Square(k, a)) => {
                match b.split() {
                    (l, b) if a == b => a.term(Function::Power(3.0))?.scaled((k * l).into()),
                    _ => Err(Fault::Behaviour),
                }
            }
            _ => Err(Fault::Behaviour),
        }
    }

    pub(super) fn over(self, other: Value) -> Result<Value, Fault> {
        let Value::Number(divisor) = other else {
            return Err(Fault::Behaviour);
        };
        match self {
            Value::Number(number) => Ok(Value::Number(number.over(divisor))),
            law => law.scaled(Number::from(1.0).over(divisor)),
        }
    }

    pub(super) fn negated(self) -> Result<Value, Fault> {
        match self {
            Value::Number(number) => Ok((-number.value).into()),
            law => law.scaled((-1.0).into()),
        }
    }

    /// A law times a number.
    fn scaled(self, factor: Number) -> Result<Value, Fault> {
        Ok(match self {
            Value::Number(_) | Value::Ramp(_) => return Err(Fault::Behaviour),
            Value::Square(k, voltage) => Value::Square(factor.product(k), voltage),
            Value::Voltage(voltage) => Value::Voltage(voltage.scaled(factor)),
            Value::Current(current) => Value::Current(current.scaled(factor)),
            Value::Linear(constant, mut factors) => {
                factors.iter_mut().for_each(|x| *x = factor.product(*x));
                Value::Linear(factor.product(constant), factors)
            }
            Value::Curve(points) => {
                let scaled = points.into_iter().map(|(u, i)| (u, factor.product(i)));
                Value::Curve(scaled.collect())
            }
        })
    }

    /// A power of it: of numbers, and odd powers of a voltage.
    pub(super) fn power(self, exponent: f64) -> Result<Value, Fault> {
        match self {
            Value::Number(base) => Ok(base.value.powf(exponent).into()),
            Value::Voltage(voltage) if exponent == 1.0 => Ok(Value::Voltage(voltage)),
            Value::Voltage(voltage) if exponent > 0.0 && exponent % 2.0 == 1.0 => {
                voltage.term(Function::Power(exponent))
            }
            Value::Voltage(_) => Err(Fault::EvenPower),
            _ => Err(Fault::Behaviour),
        }
    }

    /// sign(x) |x|^p: what ngspice's `pwr` is in the current of a B line.
    pub(super) fn signed_power(self, exponent: f64) -> Result<Value, Fault> {
        match self {
            Value::Voltage(voltage) => voltage.term(Function::Power(exponent)),
            _ => Err(Fault::Behaviour),
        }
    }

    /// A function of a voltage.
    pub(super) fn apply(self, name: &str) -> Result<Value, Fault> {
        let voltage = match (self, name) {
            (Value::Voltage(voltage), "uramp") => return Ok(Value::Ramp(voltage)),
            // exp(max(x, 0)) = 1 + onset(x)
            (Value::Ramp(voltage), "exp") => {
                return Value::from(1.0).plus(voltage.term(Function::Onset)?);
            }
            (Value::Voltage(voltage), _) => voltage,
            _ => return Err(Fault::Behaviour),
        };
        voltage.term(match name {
            "tanh" => Function::Tanh,
            "sinh" => Function::Sinh,
            "asinh" => Function::Asinh,
            "atan" | "arctan" => Function::Atan,
            "exp" => Function::Exp,
            _ => return Err(Fault::Behaviour),
        })
    }

    /// A curve of it through points.
    pub(super) fn curve(self, points: Vec<(f64, f64)>) -> Result<Value, Fault> {
        let Value::Voltage(voltage) = self else {
            return Err(Fault::Behaviour);
        };
        let (scale, offset) = (voltage.scale()?, voltage.offset);
        let points = points.into_iter().map(|(x, y)| ((x - offset) * scale, y));
        let mut points: Vec<(f64, f64)> = points.collect();
        if scale < 0.0 {
            points.reverse();
        }
        Ok(Value::Curve(points))
    }

    /// Whether it is the voltage of the element itself.
    pub(super) fn is_own_voltage(&self) -> bool {
        match self {
            Value::Voltage(voltage) => matches!(voltage.scale(), Ok(1.0)) && voltage.offset == 0.0,
            _ => false,
        }
    }

    fn current(self) -> Result<Current, Fault> {
        let straight = |constant, conductance| Current {
            constant,
            conductance,
            terms: Vec::new(),
            is_sum: true,
        };
        match self {
            Value::Number(number) => Ok(straight(number.value, 0.0)),
            Value::Voltage(voltage) => Ok(straight(voltage.offset, voltage.slope()?)),
            Value::Current(current) => Ok(current),
            Value::Square(..) => Err(Fault::EvenPower),
            Value::Curve(_) | Value::Ramp(_) | Value::Linear(..) => Err(Fault::Behaviour),
        }
    }

    /// The law of an element with this current.
    pub(super) fn law(self) -> Result<Law, Fault> {
        match self {
            Value::Number(number) => Ok(Law::CurrentSource {
                current: number.value,
            }),
            Value::Voltage(voltage) if voltage.offset == 0.0 => {
                let conductance = voltage.slope()?;
                if conductance < 0.0 {
                    return Err(Fault::NegativeConductance {
                        siemens: conductance,
                    });
                }
                Ok(Law::Resistor { conductance })
            }
            Value::Voltage(voltage) => {
                let points = [0.0, 1.0].map(|u| (u, voltage.offset));
                Value::Voltage(Voltage {
                    offset: 0.0,
                    ..voltage
                })
                .plus(Value::Curve(points.into()))?
                .law()
            }
            Value::Curve(points) => Ok(Law::from(IvCurve::new(points)?)),
            value => value.current()?.law(),
        }
    }
}

impl Current {
    /// The current of one term.
    fn of(term: Term) -> Current {
        Current {
            constant: 0.0,
            conductance: 0.0,
            terms: vec![term],
            is_sum: false,
        }
    }

    /// The term, if all that there is is an exponential.
    fn exponential(&self) -> Option<Term> {
        match self.terms[..] {
            [term] if !self.is_sum && term.function == Function::Exp && term.coefficient == 1.0 => {
                Some(term)
            }
            _ => None,
        }
    }

    fn plus(self, other: Current) -> Current {
        let mut terms = self.terms;
        terms.extend(other.terms);
        Current {
            constant: self.constant + other.constant,
            conductance: self.conductance + other.conductance,
            terms,
            is_sum: true,
        }
    }

    fn scaled(mut self, factor: Number) -> Current {
        self.constant = factor.product(self.constant);
        self.conductance = factor.product(self.conductance);
        for term in &mut self.terms {
            term.coefficient = factor.product(term.coefficient);
        }
        self
    }

    fn law(self) -> Result<Law, Fault> {
        if let (false, [term]) = (self.is_sum, self.terms.as_slice())
            && let Some(law) = simple(*term)
        {
            return Ok(law);
        }
        Ok(Law::from(Formula {
            constant: self.constant,
            conductance: self.conductance,
            terms: self.terms.into(),
        }))
    }
}

/// The law of a single term, if it has one of its own.
fn simple(term: Term) -> Option<Law> {
    // Odd functions: k f(u / -s) = -k f(u / s).
    let (coefficient, scale) = match term.scale < 0.0 {
        true => (-term.coefficient, -term.scale),
        false => (term.coefficient, term.scale),
    };
    match term.function {
        _ if term.offset != 0.0 => None,
        Function::Tanh => Some(Law::from(Tanh {
            limit: coefficient,
            scale,
        })),
        Function::Power(exponent) => Some(Law::from(PowerLaw {
            coefficient: coefficient * scale.powf(-exponent),
            exponent,
        })),
        _ => None,
    }
}
