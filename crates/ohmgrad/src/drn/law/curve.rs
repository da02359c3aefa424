//! A measured curve: straight lines between points, and beyond them.

use std::path::PathBuf;
use std::sync::Arc;

use pulp::Simd;
use serde::{Deserialize, Serialize};

use super::bent::{Bend, Bent};
use super::{BlockLaw, Element, Half, Law};
use crate::device::{self, Characteristic, CurveFileError, IvCurve, IvCurveError};
use crate::drn::simd::Row;

/// An element to ground with a measured curve: what a unit with [`UnitLaw::Curve`](super::UnitLaw::Curve) has.
///
/// In TOML, `points = [[VOLT, AMPERE], ...]`, or `file = "FILE"` that holds them, which is read at once: see
/// [`IvCurve::from_file`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct MeasuredCurve {
    points: Vec<[f64; 2]>,
    beyond: Beyond,
    curve: IvCurve,
}

/// How a curve goes on beyond its first and its last point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Beyond {
    /// Straight on.
    #[default]
    Linear,
    /// With the current that it has there.
    Clamped,
}

/// Why points make no [`MeasuredCurve`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasuredCurveError {
    /// Points out of order, too few, or not finite.
    #[error(transparent)]
    Points(#[from] IvCurveError),
    /// More points than the kernels hold.
    #[error(
        "the curve has {0} points, at most {max} are supported: leave some out",
        max = MeasuredCurve::MAX_POINTS
    )]
    TooMany(usize),
}

impl MeasuredCurve {
    /// The most points of a curve.
    pub const MAX_POINTS: usize = 1000;

    /// A curve through points (volt, ampere), with rising voltages and currents that do not fall.
    ///
    /// # Errors
    /// If there are fewer than 2 or more than 1000 points, or they are not finite or not in order.
    pub fn new(points: Vec<[f64; 2]>, beyond: Beyond) -> Result<Self, MeasuredCurveError> {
        if points.len() > Self::MAX_POINTS {
            return Err(MeasuredCurveError::TooMany(points.len()));
        }
        let mut curve = IvCurve::new(points.iter().map(|[u, i]| (*u, *i)))?;
        if beyond == Beyond::Clamped {
            curve = curve.level_beyond()?;
        }
        Ok(Self {
            points,
            beyond,
            curve,
        })
    }

    /// The points, (volt, ampere).
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// How it goes on beyond them.
    pub fn beyond(&self) -> Beyond {
        self.beyond
    }
}

/// A [`MeasuredCurve`] as it stands in TOML.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    points: Option<Vec<[f64; 2]>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(default)]
    beyond: Beyond,
}

#[derive(Debug, thiserror::Error)]
enum TableError {
    #[error("give either `points = [[VOLT, AMPERE], ...]` or `file = \"FILE\"`")]
    Either,
    #[error(transparent)]
    File(#[from] CurveFileError),
    #[error(transparent)]
    Curve(#[from] MeasuredCurveError),
}

impl TryFrom<Table> for MeasuredCurve {
    type Error = TableError;

    fn try_from(table: Table) -> Result<Self, TableError> {
        let points = match (table.points, table.file) {
            (Some(points), None) => points,
            (None, Some(file)) => {
                let curve = IvCurve::from_file(&file)?;
                curve.points().map(|(u, i)| [u, i]).collect()
            }
            _ => return Err(TableError::Either),
        };
        Ok(Self::new(points, table.beyond)?)
    }
}

impl From<MeasuredCurve> for Table {
    fn from(curve: MeasuredCurve) -> Self {
        Self {
            points: Some(curve.points),
            file: None,
            beyond: curve.beyond,
        }
    }
}

impl Law for MeasuredCurve {
    fn elements(&self) -> [Element; 2] {
        let device = Arc::new(device::Law::from(self.curve.clone()));
        [
            Element::Device(Arc::clone(&device)),
            Element::Device(device),
        ]
    }

    fn block(&self, units: &[Half]) -> Box<dyn BlockLaw> {
        Box::new(Bent::new(Knots::new(&self.curve), units.len()))
    }
}

/// Room for points: those of the longest curve, what levels it beyond them, and one at 0 V.
const ROOM: usize = 1024;

/// A point of a curve.
#[derive(Clone, Copy, Debug)]
struct Knot {
    voltage: f32,
    current: f32,
}

/// A straight line through a knot.
#[derive(Clone, Copy, Debug)]
struct Line {
    knot: Knot,
    slope: f32,
}

/// A curve in f32. Segment k lies between knots k - 1 and k; the first is below all knots, the last above.
#[derive(Clone, Debug)]
struct Knots {
    /// Beyond the last one, at an infinite voltage.
    knots: Arc<[Knot; ROOM]>,
    /// The line of each segment, through the end of it that is nearer to 0 V: the distance from there is small where the
    /// potential is.
    lines: Arc<[Line; ROOM]>,
    /// Number of steps of a bisection over the knots.
    steps: u32,
}

impl Knots {
    fn new(curve: &IvCurve) -> Self {
        let mut voltages: Vec<f64> = curve.points().map(|(u, _)| u).collect();
        let zero = voltages.partition_point(|u| *u < 0.0);
        if voltages.get(zero) != Some(&0.0) {
            voltages.insert(zero, 0.0);
        }
        let knot = |u: f64| Knot {
            voltage: u as f32,
            current: curve.current(u).0 as f32,
        };
        let line = |k: usize| {
            let below = voltages[k.saturating_sub(1)];
            let above = voltages[k.min(voltages.len() - 1)];
            let middle = match k {
                0 => below - 1.0,
                k if k == voltages.len() => above + 1.0,
                _ => 0.5 * (below + above),
            };
            Line {
                knot: knot(if above <= 0.0 { above } else { below }),
                slope: curve.current(middle).1 as f32,
            }
        };
        let nowhere = Knot {
            voltage: f32::INFINITY,
            current: 0.0,
        };
        let last = line(voltages.len());
        Self {
            knots: Arc::new(std::array::from_fn(|k| {
                voltages.get(k).map_or(nowhere, |u| knot(*u))
            })),
            lines: Arc::new(std::array::from_fn(|k| match k < voltages.len() {
                true => line(k),
                false => last,
            })),
            steps: usize::BITS - voltages.len().leading_zeros(),
        }
    }

    /// The line of the segment above those knots that are `passed`.
    #[inline(always)]
    fn line(&self, passed: impl Fn(Knot) -> bool) -> Line {
        let mut count = 0;
        for step in (0..self.steps).rev() {
            let next = count + (1 << step);
            let passes = passed(self.knots[(next - 1) & (ROOM - 1)]);
            count = if passes { next } else { count };
        }
        self.lines[count & (ROOM - 1)]
    }
}

impl Bend for Knots {
    /// It starts at the solution.
    const STEPS: usize = 0;

    fn set_conductance(&mut self, _: &Row) {}

    /// a v + i(v) rises from knot to knot, and is a straight line between two.
    #[inline(always)]
    fn start<S: Simd>(&self, _: S, _: usize, a: S::f32s, p: S::f32s) -> S::f32s {
        let mut solved = p;
        let (a, p) = (units::<S>(&a), units::<S>(&p));
        let to: &mut [f32] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut solved));
        for ((to, a), p) in to.iter_mut().zip(a).zip(p) {
            let Line { knot, slope } = self.line(|knot| a * knot.voltage + knot.current <= *p);
            *to = knot.voltage + (p - knot.current - a * knot.voltage) / (a + slope);
        }
        solved
    }

    #[inline(always)]
    fn current<S: Simd>(&self, _: S, _: usize, potential: S::f32s) -> (S::f32s, S::f32s) {
        let (mut current, mut slope) = (potential, potential);
        let currents: &mut [f32] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut current));
        let slopes: &mut [f32] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut slope));
        let to = currents.iter_mut().zip(slopes);
        for ((i, s), v) in to.zip(units::<S>(&potential)) {
            let Line { knot, slope } = self.line(|knot| knot.voltage <= *v);
            *i = knot.current + slope * (v - knot.voltage);
            *s = slope;
        }
        (current, slope)
    }
}

/// The units in a register.
#[inline(always)]
fn units<S: Simd>(register: &S::f32s) -> &[f32] {
    bytemuck::cast_slice(std::slice::from_ref(register))
}
