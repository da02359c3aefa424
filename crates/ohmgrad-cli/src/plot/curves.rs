//! Learning curves: test and train error against the epoch.

use std::path::Path;

use ohmgrad::experiment::Experiment;
use ohmgrad::record::{EpochMetrics, Progress};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::picture::{Area, COLORS, Drawn, draw, font};

/// Runs that differ only in their seed.
pub(super) struct Group {
    label: String,
    /// The settings, with seed 0.
    experiment: Experiment,
    runs: Vec<Vec<EpochMetrics>>,
}

/// One measure of a group after each epoch: smallest, mean and largest over its runs.
struct Curve(Vec<[f64; 3]>);

impl Group {
    /// Whether a run with these settings belongs to the group.
    fn holds(&self, experiment: &Experiment) -> bool {
        self.experiment == without_seed(experiment)
    }

    /// The number of epochs that all runs have finished.
    fn epochs(&self) -> usize {
        self.runs.iter().map(Vec::len).min().unwrap_or_default()
    }

    fn curve(&self, measure: fn(&EpochMetrics) -> f64) -> Curve {
        let spread = |epoch: usize| {
            let values = self.runs.iter().map(|run| measure(&run[epoch]));
            let sum: f64 = values.clone().sum();
            let smallest = values.clone().fold(f64::INFINITY, f64::min);
            let largest = values.fold(0.0, f64::max);
            [smallest, sum / self.runs.len() as f64, largest]
        };
        Curve((0..self.epochs()).map(spread).collect())
    }

    fn describe(&self) -> String {
        match self.runs.len() {
            1 => self.label.clone(),
            n => format!("{}, {n} runs", self.label),
        }
    }
}

impl Curve {
    /// The smallest, mean or largest after each epoch, as points.
    fn points(&self, k: usize) -> Vec<(i32, f64)> {
        (1..).zip(self.0.iter().map(|spread| spread[k])).collect()
    }

    /// The outline of the band between smallest and largest.
    fn band(&self) -> Vec<(i32, f64)> {
        let upper = self.points(2).into_iter().rev();
        self.points(0).into_iter().chain(upper).collect()
    }

    /// The last values, as text.
    fn ending(&self) -> String {
        match self.0.last() {
            Some([low, mean, high]) if low < high => {
                format!("{mean:.2} % ({low:.2}\u{2013}{high:.2})")
            }
            Some([_, mean, _]) => format!("{mean:.2} %"),
            None => String::new(),
        }
    }
}

fn without_seed(experiment: &Experiment) -> Experiment {
    Experiment {
        seed: 0,
        ..experiment.clone()
    }
}

/// Sorts runs into groups. A group has the name of its experiment, and that of its first folder if the
/// name alone would not tell it from another.
pub(super) fn groups<'a>(runs: impl Iterator<Item = (&'a Path, &'a Progress)>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (folder, progress) in runs {
        let (experiment, metrics) = (&progress.experiment, progress.metrics.clone());
        match groups.iter_mut().find(|group| group.holds(experiment)) {
            Some(group) => group.runs.push(metrics),
            None => groups.push(Group {
                label: label(experiment, folder, &groups),
                experiment: without_seed(experiment),
                runs: vec![metrics],
            }),
        }
    }
    groups
}

fn label(experiment: &Experiment, folder: &Path, others: &[Group]) -> String {
    let name = &experiment.name;
    match others.iter().any(|group| group.experiment.name == *name) {
        true => format!("{name} ({})", folder.display()),
        false => name.clone(),
    }
}

/// A group, its colour, and its test and train error.
type Drawing<'a> = (&'a Group, RGBColor, [Curve; 2]);

/// Height of a line of the legend.
const LINE: u32 = 24;
/// Where the names of the groups begin in it.
const NAMES: i32 = 544;

/// The learning curves as SVG.
pub(super) fn picture(groups: &[Group]) -> anyhow::Result<String> {
    let drawings: Vec<Drawing> = groups
        .iter()
        .zip(COLORS.into_iter().cycle())
        .map(|(group, color)| {
            let errors = [
                group.curve(|m| m.test_error),
                group.curve(|m| m.train_error),
            ];
            (group, color, errors)
        })
        .collect();
    let legend = LINE * groups.len() as u32 + 20;
    let longest = groups.iter().map(|group| group.describe().chars().count());
    let names = 10 * longest.max().unwrap_or_default() as u32;
    draw((800.max(NAMES as u32 + names), 500 + legend), |area| {
        let (above, below) = area.split_vertically(legend);
        draw_legend(&above, &drawings)?;
        draw_chart(&below, &drawings)
    })
}

/// A line per group: its name, and the last errors beside the lines that they are drawn with.
fn draw_legend(area: &Area, drawings: &[Drawing]) -> Drawn {
    let text = font(15.0).pos(Pos::new(HPos::Left, VPos::Center));
    let mut y = 20 + LINE as i32 / 2;
    for (group, color, [test, train]) in drawings {
        let style = color.stroke_width(2);
        area.draw(&PathElement::new([(78, y), (106, y)], style))?;
        area.draw_text(&format!("test {}", test.ending()), &text, (114, y))?;
        area.draw(&DashedPathElement::new([(308, y), (336, y)], 6, 4, style))?;
        area.draw_text(&format!("train {}", train.ending()), &text, (344, y))?;
        area.draw_text(&group.describe(), &text, (NAMES, y))?;
        y += LINE as i32;
    }
    Ok(())
}

fn draw_chart(area: &Area, drawings: &[Drawing]) -> Drawn {
    let curves = drawings.iter().flat_map(|(_, _, curves)| curves);
    let epochs = curves.clone().map(|curve| curve.0.len()).max();
    let axis = Axis::holding(curves.flat_map(|curve| curve.0.iter().flatten().copied()));
    let mut chart = ChartBuilder::on(area)
        .margin(18)
        .margin_right(26)
        .x_label_area_size(48)
        .y_label_area_size(60)
        .build_cartesian_2d(0..epochs.unwrap_or(1) as i32, axis)?;
    chart
        .configure_mesh()
        .x_desc("Epoch")
        .y_desc("Error in %")
        .axis_desc_style(font(18.0))
        .label_style(font(15.0))
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .axis_style(BLACK.mix(0.6))
        .draw()?;
    for (_, color, [test, train]) in drawings {
        let style = color.stroke_width(2);
        let bands = [test, train].map(|curve| Polygon::new(curve.band(), color.mix(0.18)));
        chart.draw_series(bands)?;
        chart.draw_series(LineSeries::new(test.points(1), style))?;
        chart.draw_series(DashedLineSeries::new(train.points(1), 6, 4, style))?;
        let ends = [test, train].map(|curve| curve.points(1).pop());
        let dots = ends.into_iter().flatten();
        chart.draw_series(dots.map(|end| Circle::new(end, 3, color.filled())))?;
    }
    Ok(())
}
