//! Experiments that come with the library.

use super::{Experiment, ExperimentError, nearest};

/// An experiment that comes with the library.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// Its settings: a commented TOML file to read and to edit.
    pub toml: &'static str,
    /// Published test error in percent, if it reproduces a publication.
    pub published_test_error: Option<f32>,
}

/// All presets: five resistive networks of Scellier (ICML 2024, Table 1, equilibrium propagation), the deep Hopfield
/// networks beside them (Appendix E), and one for the digits of the library.
pub const PRESETS: [Preset; 9] = [
    preset(
        "drn-xs",
        include_str!("../../presets/drn-xs.toml"),
        Some(3.46),
    ),
    preset(
        "drn-1h",
        include_str!("../../presets/drn-1h.toml"),
        Some(1.57),
    ),
    preset(
        "drn-2h",
        include_str!("../../presets/drn-2h.toml"),
        Some(1.48),
    ),
    preset(
        "drn-3h",
        include_str!("../../presets/drn-3h.toml"),
        Some(1.66),
    ),
    preset(
        "drn-xl",
        include_str!("../../presets/drn-xl.toml"),
        Some(1.33),
    ),
    preset(
        "hopfield-1h",
        include_str!("../../presets/hopfield-1h.toml"),
        Some(1.79),
    ),
    preset(
        "hopfield-2h",
        include_str!("../../presets/hopfield-2h.toml"),
        Some(1.65),
    ),
    preset(
        "hopfield-3h",
        include_str!("../../presets/hopfield-3h.toml"),
        Some(1.65),
    ),
    preset("digits", include_str!("../../presets/digits.toml"), None),
];

const fn preset(
    name: &'static str,
    toml: &'static str,
    published_test_error: Option<f32>,
) -> Preset {
    Preset {
        name,
        toml,
        published_test_error,
    }
}

impl Preset {
    /// The preset of that name.
    ///
    /// # Errors
    /// If there is none; the error names the nearest one.
    pub fn named(name: &str) -> Result<Self, ExperimentError> {
        let found = PRESETS.into_iter().find(|preset| preset.name == name);
        found.ok_or_else(|| ExperimentError::NoPreset {
            name: name.to_owned(),
            nearest: nearest(name, PRESETS.iter().map(|preset| preset.name)),
        })
    }

    /// Its settings.
    ///
    /// # Errors
    /// None for the presets of [`PRESETS`], which the tests parse.
    pub fn experiment(&self) -> Result<Experiment, ExperimentError> {
        Experiment::parse(self.toml, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drn::{Energy, SweepOrder};

    #[test]
    fn presets_are_valid_and_named_as_their_experiments() {
        for preset in PRESETS {
            let experiment = preset.experiment().unwrap();
            assert_eq!(experiment.name, preset.name);
            if experiment.network.energy == Energy::CoContent {
                assert_eq!(
                    experiment.training.free_phase,
                    experiment.training.nudged_phase
                );
            }
        }
    }

    /// (conductances, input gain, sweeps, beta, epochs), Scellier (ICML 2024, Table 1).
    #[test]
    fn published_networks_have_their_published_size() {
        for (name, expected) in [
            ("drn-xs", (157_800, 100.0, 4, 1.0, 10)),
            ("drn-1h", (1_615_872, 480.0, 4, 1.0, 50)),
            ("drn-2h", (2_664_448, 2000.0, 5, 1.0, 50)),
            ("drn-3h", (3_713_024, 4000.0, 6, 2.0, 50)),
            ("drn-xl", (51_707_904, 800.0, 4, 1.0, 100)),
        ] {
            let e = Preset::named(name).unwrap().experiment().unwrap();
            let phase = e.training.free_phase;
            let beta = e
                .training
                .beta
                .expect("centered equilibrium propagation has one");
            let (size, gain) = (e.network.conductances(), e.network.input_gain);
            assert_eq!(
                (size, gain, phase.sweeps, beta, e.epochs),
                expected,
                "{name}"
            );
            assert_eq!(
                (phase.order, e.training.batch),
                (SweepOrder::Asynchronous, 4)
            );
        }
    }

    /// (weights, sweeps of inference and of training), Scellier (ICML 2024, Appendix E).
    #[test]
    fn published_hopfield_networks_have_their_published_size() {
        for (name, expected) in [
            ("hopfield-1h", (784 * 1024 + 10_240, 15, 15)),
            ("hopfield-2h", (784 * 1024 + 1024 * 1024 + 10_240, 50, 20)),
            (
                "hopfield-3h",
                (784 * 1024 + 2 * 1024 * 1024 + 10_240, 100, 10),
            ),
        ] {
            let e = Preset::named(name).unwrap().experiment().unwrap();
            let training = &e.training;
            let sweeps = (training.free_phase.sweeps, training.nudged_phase.sweeps);
            assert_eq!(
                (e.network.conductances(), sweeps.0, sweeps.1),
                expected,
                "{name}"
            );
            assert_eq!(
                (training.beta, training.batch, e.epochs),
                (Some(0.2), 16, 100)
            );
            assert!(e.network.weight_gains.iter().all(|gain| *gain == 0.7));
        }
    }

    #[test]
    fn unknown_presets_name_the_nearest() {
        let error = Preset::named("drn-x1").unwrap_err().to_string();
        assert!(
            error.contains("`drn-x1`") && error.contains("did you mean `drn-x"),
            "{error}"
        );
    }
}
