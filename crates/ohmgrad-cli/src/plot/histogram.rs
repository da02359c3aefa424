//! Histograms of the weights of each matrix.

use ohmgrad::drn::{Energy, Network};
use plotters::prelude::*;

use super::axis::{Axis, short};
use super::picture::{Area, COLORS, Drawn, draw, font};
use crate::{grouped, weights_noun};

const BINS: usize = 60;
/// Size of the panel of a matrix.
const PANEL: (u32, u32) = (480, 340);

/// How many weights lie in each of equal intervals.
#[derive(Debug, PartialEq)]
struct Histogram {
    low: f64,
    /// Width of an interval.
    width: f64,
    counts: [usize; BINS],
}

impl Histogram {
    fn new(values: &[f32]) -> Self {
        let low = f64::from(values.iter().copied().fold(f32::INFINITY, f32::min));
        let high = f64::from(values.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        // Equal weights fill the first interval.
        let width = if high > low { high - low } else { low.max(1.0) } / BINS as f64;
        let mut counts = [0; BINS];
        for value in values {
            let bin = (f64::from(*value) - low) / width;
            counts[(bin as usize).min(BINS - 1)] += 1;
        }
        Self { low, width, counts }
    }

    /// Where interval `k` starts.
    fn start(&self, k: usize) -> f64 {
        self.low + k as f64 * self.width
    }
}

/// A panel per weight matrix, as SVG.
pub(super) fn picture(name: &str, network: &Network) -> anyhow::Result<String> {
    let architecture = network.architecture();
    let (matrices, noun) = (architecture.matrices(), weights_noun(architecture));
    let unit = match architecture.energy {
        Energy::CoContent => ("Conductance in siemens", " S"),
        _ => ("Weight", ""),
    };
    let columns = matrices.min(2);
    let rows = matrices.div_ceil(columns);
    let size = (PANEL.0 * columns as u32, PANEL.1 * rows as u32 + 46);
    draw(size, |area| {
        let area = area
            .margin(10, 0, 0, 0)
            .titled(&format!("{name}: {noun}"), font(20.0))?;
        let panels = area.split_evenly((rows, columns));
        let mut numbered = panels.iter().zip(0..matrices);
        numbered.try_for_each(|(panel, l)| {
            let values = network.weights(l);
            let title = title(l, &values, noun, unit.1);
            draw_panel(panel, &title, [unit.0, noun], &values)
        })
    })
}

/// `across` describes the values, `noun` says what they are.
fn draw_panel(area: &Area, title: &str, [across, noun]: [&str; 2], values: &[f32]) -> Drawn {
    let histogram = Histogram::new(values);
    let most = histogram.counts.iter().copied().max().unwrap_or(1);
    // Half a weight is the ground on which a single one is still seen.
    let axis = Axis::logarithmic(0.65, most as f64);
    let range = histogram.low..histogram.start(BINS);
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .margin_right(24)
        .caption(title, font(16.0))
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(range, axis)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_desc(across)
        .y_desc(format!("Number of {noun}"))
        .x_labels(6)
        .x_label_formatter(&|value| short(*value))
        .axis_desc_style(font(16.0))
        .label_style(font(14.0))
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .axis_style(BLACK.mix(0.6))
        .draw()?;
    let bars = histogram
        .counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0);
    chart.draw_series(bars.map(|(k, count)| {
        let corners = [
            (histogram.start(k), 0.0),
            (histogram.start(k + 1), *count as f64),
        ];
        Rectangle::new(corners, COLORS[0].mix(0.85).filled())
    }))?;
    Ok(())
}

fn title(l: usize, values: &[f32], noun: &str, unit: &str) -> String {
    let zeros = values.iter().filter(|g| **g == 0.0).count();
    let percent = 100.0 * zeros as f64 / values.len() as f64;
    format!(
        "W{}: {} {noun}, {percent:.1} % at 0{unit}",
        l + 1,
        grouped(values.len())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let histogram = Histogram::new(&[0.0, 0.0, 0.49, 1.0, 6.0]);
        assert_eq!((histogram.low, histogram.start(BINS)), (0.0, 6.0));
        let filled: Vec<_> = (0..BINS).filter(|k| histogram.counts[*k] > 0).collect();
        assert_eq!(filled, [0, 4, 10, 59]);
        assert_eq!(histogram.counts.iter().sum::<usize>(), 5);
    }

    #[test]
    fn equal_values_have_a_histogram() {
        let histogram = Histogram::new(&[0.25; 7]);
        assert_eq!((histogram.low, histogram.counts[0]), (0.25, 7));
        assert!(histogram.width > 0.0);
    }
}
