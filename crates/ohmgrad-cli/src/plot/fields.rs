//! Receptive fields: what the units above the input see, as small images.

use anyhow::Context;
use base64::prelude::*;
use ohmgrad::drn::{Energy, Network};
use resvg::tiny_skia::{Color, Pixmap};

use super::axis::short;
use super::picture::{draw, font};
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The most units that are shown.
const MOST: usize = 100;
/// Side of an image, in units of the picture, before it is rounded to whole pixels.
const SIDE: usize = 56;
/// Pixels of the embedded image per unit of the picture.
const DENSITY: usize = 2;
const GAP: usize = 4;
const MARGIN: usize = 24;
const HEADER: usize = 56;
const FOOTER: usize = 64;
/// Colours of the largest negative, of no, and of the largest positive difference.
const NEGATIVE: [f32; 3] = [0.0, 0.35, 0.65];
const NONE: [f32; 3] = [0.97, 0.97, 0.97];
const POSITIVE: [f32; 3] = [0.80, 0.30, 0.0];

/// The differences `g+ - g-` of the signed pairs, for each unit shown; of a Hopfield network the weights.
struct Fields {
    energy: Energy,
    /// Pixels along a side of the image of a unit.
    side: usize,
    units: Vec<Vec<f32>>,
    /// Number of units that there are.
    of: usize,
    /// The difference, in siemens, from which on the colour is full.
    scale: f32,
}

/// The receptive fields as SVG, if the features are a square image.
pub(super) fn picture(name: &str, network: &Network) -> anyhow::Result<Option<String>> {
    let features = network.architecture().features;
    match features.isqrt().pow(2) == features {
        true => Ok(Some(Fields::of(network).draw(name)?)),
        false => Ok(None),
    }
}

impl Fields {
    /// The units of the first layer, or those with the largest norm if there are more than can be shown.
    fn of(network: &Network) -> Self {
        let features = network.architecture().features;
        let (_, of) = network.architecture().shape(0);
        let energy = network.architecture().energy;
        let mut units = match energy {
            Energy::CoContent => differences(&network.weights(0), features, of),
            _ => columns(&network.weights(0), of),
        };
        if of > MOST {
            let norm = |unit: &[f32]| unit.iter().map(|d| f64::from(*d).powi(2)).sum::<f64>();
            units.sort_by(|a, b| norm(b).total_cmp(&norm(a)));
            units.truncate(MOST);
        }
        let scale = full_colour(&units);
        Self {
            energy,
            side: features.isqrt(),
            units,
            of,
            scale,
        }
    }

    fn columns(&self) -> usize {
        let root = self.units.len().isqrt();
        if root * root < self.units.len() {
            root + 1
        } else {
            root
        }
    }

    /// Pixels of the embedded image per pixel of a field.
    fn zoom(&self) -> usize {
        (DENSITY * SIDE).div_ceil(self.side)
    }

    /// Distance from one field to the next in the embedded image.
    fn pitch(&self) -> usize {
        self.zoom() * self.side + DENSITY * GAP
    }

    fn draw(&self, name: &str) -> anyhow::Result<String> {
        let columns = self.columns();
        let rows = self.units.len().div_ceil(columns);
        let fields = paint(
            [columns, rows].map(|n| n * self.pitch()),
            self.scale,
            |x, y| self.at(x, y),
        )?;
        let size = |image: &Pixmap| [image.width(), image.height()].map(|s| s as usize / DENSITY);
        let [width, height] = size(&fields);
        let bar = paint([DENSITY * 160, DENSITY * 14], 1.0, |x, _| {
            Some(x as f32 / (DENSITY * 80) as f32 - 1.0)
        })?;
        let whole = (width.max(420) + 2 * MARGIN, height + HEADER + FOOTER);
        let svg = draw((whole.0 as u32, whole.1 as u32), |area| {
            let middle = (whole.0 / 2) as i32;
            let centred = |size| font(size).pos(anchor(HPos::Center));
            area.draw_text(&self.title(name), &centred(18.0), (middle, 24))?;
            let unit = match self.energy {
                Energy::CoContent => {
                    "Difference g+ \u{2212} g\u{2212} of each signed pair, in siemens"
                }
                _ => "Weight of each feature",
            };
            let below = (height + HEADER) as i32;
            area.draw_text(unit, &centred(14.0), (middle, below + 44))?;
            let scale = short(f64::from(self.scale));
            let (low, high) = (format!("\u{2212}{scale}"), format!("+{scale}"));
            area.draw_text(
                &low,
                &centred(14.0).pos(anchor(HPos::Right)),
                (middle - 88, below + 20),
            )?;
            area.draw_text(
                &high,
                &centred(14.0).pos(anchor(HPos::Left)),
                (middle + 88, below + 20),
            )
        })?;
        let left = (whole.0 - width) / 2 + GAP / 2;
        let images = [
            embedded(&fields, (left, HEADER))?,
            embedded(&bar, (whole.0 / 2 - 80, height + HEADER + 12))?,
        ];
        Ok(svg.replace("</svg>", &format!("{}</svg>", images.concat())))
    }

    fn title(&self, name: &str) -> String {
        match self.units.len() == self.of {
            true => format!("{name}: receptive fields of {} units", self.of),
            false => format!(
                "{name}: the {MOST} largest receptive fields of {} units",
                self.of
            ),
        }
    }

    /// The difference at a pixel of the embedded image, unless that is in a gap.
    fn at(&self, x: usize, y: usize) -> Option<f32> {
        let (pitch, zoom) = (self.pitch(), self.zoom());
        let unit = self.units.get(y / pitch * self.columns() + x / pitch)?;
        let (x, y) = (x % pitch / zoom, y % pitch / zoom);
        (x < self.side && y < self.side).then(|| unit[y * self.side + x])
    }
}

/// The position of a text relative to its anchor.
fn anchor(horizontal: HPos) -> Pos {
    Pos::new(horizontal, VPos::Center)
}

/// `g+ - g-` for each unit, in siemens. The first half of the rows are the positive nodes of the pairs.
fn differences(weights: &[f32], features: usize, units: usize) -> Vec<Vec<f32>> {
    let (positive, negative) = weights.split_at(features * units);
    let of_unit = |j: usize| {
        let pairs = positive[j..].iter().zip(&negative[j..]).step_by(units);
        pairs.map(|(plus, minus)| plus - minus).collect()
    };
    (0..units).map(of_unit).collect()
}

/// The weights that end on each unit.
fn columns(weights: &[f32], units: usize) -> Vec<Vec<f32>> {
    let of_unit = |j: usize| weights[j..].iter().step_by(units).copied().collect();
    (0..units).map(of_unit).collect()
}

/// The magnitude that one difference in 200 exceeds: outliers would leave all others pale.
fn full_colour(units: &[Vec<f32>]) -> f32 {
    let mut magnitudes: Vec<f32> = units.iter().flatten().map(|d| d.abs()).collect();
    let rank = (magnitudes.len() - 1) * 199 / 200;
    let (_, magnitude, _) = magnitudes.select_nth_unstable_by(rank, f32::total_cmp);
    magnitude.max(f32::MIN_POSITIVE)
}

/// An image of a value per pixel: `None` is transparent, `scale` has the full colour.
fn paint(
    [width, height]: [usize; 2],
    scale: f32,
    value: impl Fn(usize, usize) -> Option<f32>,
) -> anyhow::Result<Pixmap> {
    let mut image = Pixmap::new(width as u32, height as u32).context("too many units")?;
    for (i, pixel) in image.pixels_mut().iter_mut().enumerate() {
        if let Some(value) = value(i % width, i / width) {
            *pixel = color(value / scale).premultiply().to_color_u8();
        }
    }
    Ok(image)
}

/// From negative over none to positive; `part` is the part of the full colour.
fn color(part: f32) -> Color {
    let end = if part < 0.0 { NEGATIVE } else { POSITIVE };
    let part = part.abs().min(1.0);
    let mix = |k: usize| NONE[k] + part * (end[k] - NONE[k]);
    Color::from_rgba(mix(0), mix(1), mix(2), 1.0).unwrap_or(Color::WHITE)
}

/// The image as an element of an SVG.
fn embedded(image: &Pixmap, (x, y): (usize, usize)) -> anyhow::Result<String> {
    let [width, height] = [image.width(), image.height()].map(|size| size as usize / DENSITY);
    let png = BASE64_STANDARD.encode(image.encode_png()?);
    Ok(format!(
        "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" href=\"data:image/png;base64,{png}\"/>\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_those_of_signed_pairs() {
        // Two features, three units: rows +0, +1, -0, -1.
        let weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5, 0.0, 7.0, 1.0, 1.0, 1.0];
        let expected = [[0.5, 3.0], [2.0, 4.0], [-4.0, 5.0]];
        assert_eq!(differences(&weights, 2, 3), expected);
    }

    #[test]
    fn columns_are_those_of_units() {
        // Two features, three units.
        let weights = [1.0, 2.0, 3.0, -4.0, 5.0, 6.0];
        assert_eq!(columns(&weights, 3), [[1.0, -4.0], [2.0, 5.0], [3.0, 6.0]]);
    }

    #[test]
    fn outliers_do_not_decide_the_scale() {
        let mut unit = vec![-1.0; 999];
        unit.push(50.0);
        assert_eq!(full_colour(&[unit]), 1.0);
        assert!(full_colour(&[vec![0.0]]) > 0.0);
    }
}
