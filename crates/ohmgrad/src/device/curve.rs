//! Measured I-V curves.

use super::Characteristic;

/// A curve through measured points, straight between them and beyond the first and the last.
#[derive(Clone, Debug, PartialEq)]
pub struct IvCurve {
    // One pointer, so that laws stay small: large circuits have few curves.
    points: Box<[Point]>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    voltage: f64,
    current: f64,
    /// Co-content, counted from the first point.
    content: f64,
}

/// Why points make no curve.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IvCurveError {
    /// Fewer than two points.
    #[error("the curve has {0} points, it needs at least 2")]
    TooFew(usize),
    /// A number that is not finite.
    #[error("point {index} of the curve, ({voltage} V, {current} A), is not finite")]
    NotFinite {
        /// Which point, from 0.
        index: usize,
        /// Its voltage.
        voltage: f64,
        /// Its current.
        current: f64,
    },
    /// Voltages that do not rise from point to point.
    #[error(
        "point {index} of the curve, at {voltage} V, does not lie above the one before it: sort the points by voltage"
    )]
    Voltage {
        /// Which point, from 0.
        index: usize,
        /// Its voltage.
        voltage: f64,
    },
    /// A current that falls.
    #[error(
        "the current falls to {current} A at point {index} of the curve: a network with such an element has no unique state"
    )]
    Falling {
        /// Which point, from 0.
        index: usize,
        /// Its current.
        current: f64,
    },
}

impl IvCurveError {
    /// The point that is wrong, from 0, if it is one.
    pub fn point(&self) -> Option<usize> {
        match self {
            IvCurveError::TooFew(_) => None,
            IvCurveError::NotFinite { index, .. }
            | IvCurveError::Voltage { index, .. }
            | IvCurveError::Falling { index, .. } => Some(*index),
        }
    }
}

impl IvCurve {
    /// A curve through points (volt, ampere), with rising voltages and currents that do not fall.
    ///
    /// ```
    /// use ohmgrad::device::{Characteristic, IvCurve};
    /// let curve = IvCurve::new([(-1.0, 0.0), (0.0, 0.0), (1.0, 2e-3)])?;
    /// assert_eq!(curve.current(0.5), (1e-3, 2e-3));
    /// # Ok::<(), ohmgrad::device::IvCurveError>(())
    /// ```
    ///
    /// # Errors
    /// If there are fewer than two points, or they are not finite or not in order.
    pub fn new(points: impl IntoIterator<Item = (f64, f64)>) -> Result<IvCurve, IvCurveError> {
        let mut curve: Vec<Point> = Vec::new();
        for (index, (voltage, current)) in points.into_iter().enumerate() {
            if !(voltage.is_finite() && current.is_finite()) {
                return Err(IvCurveError::NotFinite {
                    index,
                    voltage,
                    current,
                });
            }
            let content = match curve.last() {
                Some(last) if voltage <= last.voltage => {
                    return Err(IvCurveError::Voltage { index, voltage });
                }
                Some(last) if current < last.current => {
                    return Err(IvCurveError::Falling { index, current });
                }
                Some(last) => {
                    let mean = 0.5 * (current + last.current);
                    last.content + mean * (voltage - last.voltage)
                }
                None => 0.0,
            };
            curve.push(Point {
                voltage,
                current,
                content,
            });
        }
        match curve.len() {
            0 | 1 => Err(IvCurveError::TooFew(curve.len())),
            _ => Ok(IvCurve {
                points: curve.into(),
            }),
        }
    }

    /// The same curve, with the currents of its first and its last point beyond them.
    ///
    /// # Errors
    /// If a voltage is so large that nothing lies beyond it.
    pub fn level_beyond(&self) -> Result<IvCurve, IvCurveError> {
        let (first, last) = (self.points[0], self.points[self.points.len() - 1]);
        let width = last.voltage - first.voltage;
        let below = (first.voltage - width, first.current);
        let above = (last.voltage + width, last.current);
        let points = std::iter::once(below).chain(self.points());
        IvCurve::new(points.chain([above]))
    }

    /// The points, (volt, ampere).
    pub fn points(&self) -> impl ExactSizeIterator<Item = (f64, f64)> {
        self.points.iter().map(|p| (p.voltage, p.current))
    }

    /// The segment that holds u: from point k to k + 1.
    fn segment(&self, u: f64) -> usize {
        let above = self.points.partition_point(|p| p.voltage <= u);
        above.clamp(1, self.points.len() - 1) - 1
    }

    fn slope(&self, segment: usize) -> f64 {
        let (a, b) = (self.points[segment], self.points[segment + 1]);
        (b.current - a.current) / (b.voltage - a.voltage)
    }

    /// The co-content from the first point to u.
    fn content_from_first(&self, u: f64) -> f64 {
        let k = self.segment(u);
        let p = self.points[k];
        let distance = u - p.voltage;
        let area = (p.current + 0.5 * self.slope(k) * distance) * distance;
        p.content + area
    }
}

impl Characteristic for IvCurve {
    fn current(&self, u: f64) -> (f64, f64) {
        let k = self.segment(u);
        let (a, b) = (self.points[k], self.points[k + 1]);
        let slope = self.slope(k);
        // From the point that is closer: there, the current is exact.
        let p = if u - a.voltage < b.voltage - u { a } else { b };
        (p.current + slope * (u - p.voltage), slope)
    }

    fn rounding(&self, u: f64) -> f64 {
        let k = self.segment(u);
        let (a, b) = (self.points[k], self.points[k + 1]);
        let p = if u - a.voltage < b.voltage - u { a } else { b };
        let size = p.current.abs() + self.slope(k) * (u.abs() + p.voltage.abs());
        4.0 * f64::EPSILON * size
    }

    fn co_content(&self, u: f64) -> f64 {
        self.content_from_first(u) - self.content_from_first(0.0)
    }

    fn current_limits(&self) -> (f64, f64) {
        let last = self.points.len() - 2;
        let limit = |segment, point: Point, infinity| {
            if self.slope(segment) > 0.0 {
                infinity
            } else {
                point.current
            }
        };
        (
            limit(0, self.points[0], f64::NEG_INFINITY),
            limit(last, self.points[last + 1], f64::INFINITY),
        )
    }

    fn reaches_limits(&self) -> bool {
        true
    }

    fn flat(&self, u: f64) -> (f64, f64) {
        let is_flat = |k: &usize| self.slope(*k) == 0.0;
        // At a corner to the last digits, the flat beside it counts.
        let largest = self.points.iter().map(|p| p.voltage.abs());
        let digits = 4.0 * f64::EPSILON * largest.fold(u.abs(), f64::max);
        let beside = [u, u - digits, u + digits].map(|u| self.segment(u));
        let Some(segment) = beside.into_iter().find(is_flat) else {
            return (u, u);
        };
        let first = (0..=segment).rev().take_while(is_flat).last();
        let last = (segment..self.points.len() - 1).take_while(is_flat).last();
        let low = match first {
            Some(0) | None => f64::NEG_INFINITY,
            Some(k) => self.points[k].voltage,
        };
        let high = match last {
            Some(k) if k + 2 < self.points.len() => self.points[k + 1].voltage,
            _ => f64::INFINITY,
        };
        (low.min(u), high.max(u))
    }

    fn on_load_line(&self, x: f64, r: f64) -> f64 {
        // u + r i(u) rises from point to point: find the segment, which is a straight line.
        let below = self
            .points
            .partition_point(|p| p.voltage + r * p.current <= x);
        let last = self.points.len() - 2;
        let k = below.clamp(1, last + 1) - 1;
        let (p, slope) = (self.points[k], self.slope(k));
        // From where the segment is nearest to 0 V, so that little is lost where u is small.
        let low = if k == 0 { f64::NEG_INFINITY } else { p.voltage };
        let high = if k == last {
            f64::INFINITY
        } else {
            self.points[k + 1].voltage
        };
        let from = 0.0_f64.clamp(low, high);
        let current = p.current + slope * (from - p.voltage);
        // Both times 1 / r where r is large: r times a current may overflow.
        let (short, steepness) = match r <= 1.0 {
            true => (x - from - r * current, 1.0 + r * slope),
            false => ((x - from) / r - current, 1.0 / r + slope),
        };
        from + short / steepness
    }
}
