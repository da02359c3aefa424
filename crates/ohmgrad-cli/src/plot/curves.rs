//! Learning curves: test and train error against the epoch.

use std::path::Path;

use ohmgrad::experiment::Experiment;
use ohmgrad::record::{EpochMetrics, Progress};
use plotters::prelude::*;

use super::axis::Axis;
use super::picture::{COLORS, draw, font};

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
    for (
        folder,
        Progress {
            experiment,
            metrics,
        },
    ) in runs
    {
        if let Some(group) = groups.iter_mut().find(|group| group.holds(experiment)) {
            group.runs.push(metrics.clone());
            continue;
        }
        let known = groups
            .iter()
            .any(|group| group.experiment.name == experiment.name);
        let label = match known {
            true => format!("{} ({})", experiment.name, folder.display()),
            false => experiment.name.clone(),
        };
        let (experiment, runs) = (without_seed(experiment), vec![metrics.clone()]);
        groups.push(Group {
            label,
            experiment,
            runs,
        });
    }
    groups
}

/// The learning curves as SVG.
pub(super) fn picture(groups: &[Group]) -> anyhow::Result<String> {
    let curves: Vec<[Curve; 2]> = groups
        .iter()
        .map(|group| {
            [
                group.curve(|m| m.test_error),
                group.curve(|m| m.train_error),
            ]
        })
        .collect();
    let values = curves
        .iter()
        .flatten()
        .flat_map(|curve| curve.0.iter().flatten().copied());
    let axis = Axis::holding(values);
    let epochs = groups.iter().map(Group::epochs).max().unwrap_or_default();
    draw((800, 520), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(18)
            .x_label_area_size(48)
            .y_label_area_size(60)
            .build_cartesian_2d(0..epochs as i32, axis)?;
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
        for ((group, [test, train]), color) in groups.iter().zip(&curves).zip(COLORS.iter().cycle())
        {
            for curve in [test, train] {
                chart.draw_series([Polygon::new(curve.band(), color.mix(0.18))])?;
            }
            chart
                .draw_series(LineSeries::new(test.points(1), color.stroke_width(2)))?
                .label(format!("{}: test {}", group.describe(), test.ending()))
                .legend(|at| PathElement::new(across(at), color.stroke_width(2)));
            chart
                .draw_series(DashedLineSeries::new(
                    train.points(1),
                    6,
                    4,
                    color.stroke_width(2),
                ))?
                .label(format!("{}: train {}", group.describe(), train.ending()))
                .legend(|at| {
                    plotters::element::DashedPathElement::new(
                        across(at),
                        6,
                        4,
                        color.stroke_width(2),
                    )
                });
            let ends = [test, train].map(|curve| curve.points(1));
            let ends = ends.iter().filter_map(|points| points.last());
            chart.draw_series(ends.map(|end| Circle::new(*end, 3, color.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .margin(12)
            .legend_area_size(36)
            .label_font(font(15.0))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()
    })
}

/// The line of a curve in the legend.
fn across((x, y): (i32, i32)) -> [(i32, i32); 2] {
    [(x, y), (x + 28, y)]
}
