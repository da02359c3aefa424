//! What expressions stand for: numbers, or the current of an element as a function of its voltage.

use super::fault::Fault;
use crate::device::{IvCurve, Law, PowerLaw, Tanh};

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
    /// u / scale, with the voltage u of the element.
    Voltage {
        scale: f64,
    },
    Tanh(Tanh),
    PowerLaw(PowerLaw),
    /// Points (volt, ampere) of a curve.
    Curve(Vec<(f64, f64)>),
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
}

impl Value {
    /// The number, if it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(number.value),
            _ => None,
        }
    }

    pub(super) fn plus(self, other: Value) -> Option<Value> {
        Some((self.number()? + other.number()?).into())
    }

    pub(super) fn minus(self, other: Value) -> Option<Value> {
        Some((self.number()? - other.number()?).into())
    }

    pub(super) fn times(self, other: Value) -> Option<Value> {
        match (self.number(), other.number()) {
            (Some(a), Some(b)) => Some((a * b).into()),
            (Some(factor), None) => other.scaled(factor.into()),
            (None, Some(factor)) => self.scaled(factor.into()),
            (None, None) => None,
        }
    }

    pub(super) fn over(self, other: Value) -> Option<Value> {
        let Value::Number(divisor) = other else {
            return None;
        };
        match self {
            Value::Number(number) => Some(Value::Number(number.over(divisor))),
            law => law.scaled(Number::from(1.0).over(divisor)),
        }
    }

    pub(super) fn negated(self) -> Option<Value> {
        match self {
            Value::Number(number) => Some((-number.value).into()),
            law => law.scaled((-1.0).into()),
        }
    }

    /// A law times a number.
    fn scaled(self, factor: Number) -> Option<Value> {
        let product = |x: f64| match factor.inverse_of {
            Some(divisor) => x / divisor,
            None => x * factor.value,
        };
        Some(match self {
            Value::Number(_) => return None,
            Value::Voltage { scale } => Value::Voltage {
                scale: scale * factor.inverse(),
            },
            Value::Tanh(Tanh { limit, scale }) => Value::Tanh(Tanh {
                limit: product(limit),
                scale,
            }),
            Value::PowerLaw(PowerLaw {
                coefficient,
                exponent,
            }) => Value::PowerLaw(PowerLaw {
                coefficient: product(coefficient),
                exponent,
            }),
            Value::Curve(points) => {
                let scaled = points.into_iter().map(|(u, i)| (u, product(i)));
                Value::Curve(scaled.collect())
            }
        })
    }

    /// tanh(u / scale), or the number.
    pub(super) fn tanh(self) -> Option<Value> {
        match self {
            Value::Number(number) => Some(number.value.tanh().into()),
            Value::Voltage { scale } => Some(Value::Tanh(Tanh { limit: 1.0, scale })),
            _ => None,
        }
    }

    /// sign(u) |u / scale|^p: what ngspice's `pwr` is in the current of a B line.
    pub(super) fn signed_power(self, exponent: f64) -> Option<Value> {
        match self {
            Value::Voltage { scale } if scale > 0.0 => Some(Value::PowerLaw(PowerLaw {
                coefficient: scale.powf(-exponent),
                exponent,
            })),
            _ => None,
        }
    }

    /// A curve of u / scale through points.
    pub(super) fn curve(self, points: Vec<(f64, f64)>) -> Option<Value> {
        let Value::Voltage { scale } = self else {
            return None;
        };
        let points = points.into_iter().map(|(x, y)| (x * scale, y));
        Some(Value::Curve(points.collect()))
    }

    /// The law of an element with this current.
    pub(super) fn law(self) -> Result<Law, Fault> {
        match self {
            Value::Number(_) | Value::Voltage { .. } => Err(Fault::Behaviour),
            Value::Tanh(tanh) => Ok(Law::from(tanh)),
            Value::PowerLaw(power) => Ok(Law::from(power)),
            Value::Curve(points) => Ok(Law::from(IvCurve::new(points)?)),
        }
    }
}
