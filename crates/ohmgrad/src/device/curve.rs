//! Measured I-V curves.

use super::Characteristic;

/// A curve through measured points, straight between them and beyond the first and the last.
#[derive(Clone, Debug, PartialEq)]
pub struct IvCurve {
    voltages: Vec<f64>,
    currents: Vec<f64>,
    /// Co-content at each point, counted from the first.
    contents: Vec<f64>,
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
        let (voltages, currents): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        if voltages.len() < 2 {
            return Err(IvCurveError::TooFew(voltages.len()));
        }
        for (index, (&voltage, &current)) in voltages.iter().zip(&currents).enumerate() {
            if !(voltage.is_finite() && current.is_finite()) {
                return Err(IvCurveError::NotFinite {
                    index,
                    voltage,
                    current,
                });
            }
            if index > 0 && voltage <= voltages[index - 1] {
                return Err(IvCurveError::Voltage { index, voltage });
            }
            if index > 0 && current < currents[index - 1] {
                return Err(IvCurveError::Falling { index, current });
            }
        }
        let mut contents = vec![0.0];
        for k in 1..voltages.len() {
            let mean = 0.5 * (currents[k] + currents[k - 1]);
            contents.push(contents[k - 1] + mean * (voltages[k] - voltages[k - 1]));
        }
        Ok(IvCurve {
            voltages,
            currents,
            contents,
        })
    }

    /// The points, (volt, ampere).
    pub fn points(&self) -> impl ExactSizeIterator<Item = (f64, f64)> {
        let pairs = self.voltages.iter().zip(&self.currents);
        pairs.map(|(u, i)| (*u, *i))
    }

    /// The segment that holds u: from point k to k + 1.
    fn segment(&self, u: f64) -> usize {
        let above = self.voltages.partition_point(|v| *v <= u);
        above.clamp(1, self.voltages.len() - 1) - 1
    }

    fn slope(&self, segment: usize) -> f64 {
        let k = segment;
        (self.currents[k + 1] - self.currents[k]) / (self.voltages[k + 1] - self.voltages[k])
    }

    /// The co-content from the first point to u.
    fn content_from_first(&self, u: f64) -> f64 {
        let k = self.segment(u);
        let distance = u - self.voltages[k];
        let area = (self.currents[k] + 0.5 * self.slope(k) * distance) * distance;
        self.contents[k] + area
    }
}

impl Characteristic for IvCurve {
    fn current(&self, u: f64) -> (f64, f64) {
        let k = self.segment(u);
        let slope = self.slope(k);
        (self.currents[k] + slope * (u - self.voltages[k]), slope)
    }

    fn co_content(&self, u: f64) -> f64 {
        self.content_from_first(u) - self.content_from_first(0.0)
    }

    fn current_limits(&self) -> (f64, f64) {
        let last = self.voltages.len() - 2;
        let limit = |segment, current: f64, infinity| {
            if self.slope(segment) > 0.0 {
                infinity
            } else {
                current
            }
        };
        (
            limit(0, self.currents[0], f64::NEG_INFINITY),
            limit(last, self.currents[last + 1], f64::INFINITY),
        )
    }

    fn on_load_line(&self, x: f64, r: f64) -> f64 {
        // u + r i(u) rises from point to point: find the segment, which is a straight line.
        let points = self.voltages.iter().zip(&self.currents);
        let below = points.take_while(|(u, i)| **u + r * **i <= x).count();
        let k = below.clamp(1, self.voltages.len() - 1) - 1;
        let (u, i, slope) = (self.voltages[k], self.currents[k], self.slope(k));
        u + (x - u - r * i) / (1.0 + r * slope)
    }
}
