//! Grids over settings: every combination of the values that are listed is an experiment.

use toml::{Table, Value};

use super::{Experiment, ExperimentError, parse_toml};

/// The tables of an experiment whose entries a grid may name without the table.
const TABLES: [&str; 3] = ["training", "network", "training.optimizer"];

/// Settings with the values that each is to have; all combinations are run.
///
/// ```toml
/// [grid]
/// optimizer.learning_rate = [0.005, 0.01]   # of all parameters; or optimizer.learning_rates.W1
/// rule = ["c-ep", "al"]                     # `beta` is left out for rules that have none
/// network.hidden = [[64], [64, 32]]
/// seed = [0, 1, 2]
/// ```
///
/// An entry is found by its place in the settings file, which may leave out `training`, `network` and
/// `training.optimizer`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Grid {
    /// The values of the seed, if the grid has them.
    pub(super) seeds: Option<Vec<u64>>,
    axes: Vec<(Vec<String>, Vec<Value>)>,
}

/// A setting and one of its values.
type Choice<'g> = (&'g [String], &'g Value);

impl Grid {
    /// The grid of a table, whose file is `origin`.
    pub(super) fn new(table: Table, origin: &str) -> Result<Self, ExperimentError> {
        let mut grid = Self::default();
        grid.add(&[], table, origin)?;
        let seed = grid.axes.iter().position(|(path, _)| *path == ["seed"]);
        if let Some((_, values)) = seed.map(|k| grid.axes.remove(k)) {
            let number = |value: &Value| value.as_integer().and_then(|seed| seed.try_into().ok());
            let seeds: Option<Vec<u64>> = values.iter().map(number).collect();
            let wrong = || wrong(origin, "seed", "its values must be integers of at least 0");
            grid.seeds = Some(seeds.ok_or_else(wrong)?);
        }
        Ok(grid)
    }

    fn add(&mut self, path: &[String], table: Table, origin: &str) -> Result<(), ExperimentError> {
        for (key, value) in table {
            let path = [path, &[key]].concat();
            match value {
                Value::Table(table) => self.add(&path, table, origin)?,
                Value::Array(values) if !values.is_empty() => self.axes.push((path, values)),
                _ => {
                    let rule = "it must be a list of values, at least one";
                    return Err(wrong(origin, &path.join("."), rule));
                }
            }
        }
        Ok(())
    }

    /// Every experiment that the grid makes of one; itself, if the grid is empty.
    pub(super) fn expand(
        &self,
        experiment: &Experiment,
        origin: &str,
    ) -> Result<Vec<Experiment>, ExperimentError> {
        let base: Value = Value::try_from(experiment)?;
        let mut combinations: Vec<Vec<Choice<'_>>> = vec![Vec::new()];
        for (path, values) in &self.axes {
            let mut longer = Vec::with_capacity(combinations.len() * values.len());
            for before in &combinations {
                longer.extend(values.iter().map(|value| {
                    let mut choices = before.clone();
                    choices.push((&path[..], value));
                    choices
                }));
            }
            combinations = longer;
        }
        let each = combinations
            .iter()
            .map(|choices| apply(&base, choices, origin));
        each.collect()
    }
}

fn wrong(origin: &str, setting: &str, rule: &str) -> ExperimentError {
    ExperimentError::Grid {
        origin: origin.to_owned(),
        setting: setting.to_owned(),
        rule: rule.to_owned(),
    }
}

/// The experiment with these values, and a name that tells them.
fn apply(
    base: &Value,
    choices: &[Choice<'_>],
    origin: &str,
) -> Result<Experiment, ExperimentError> {
    let mut settings = base.clone();
    let mut name = settings["name"].as_str().unwrap_or_default().to_owned();
    for (path, value) in choices {
        set(&mut settings, path, value, origin)?;
        let key = path.last().map_or("", String::as_str);
        name = format!("{name}-{key}_{}", word(value));
    }
    settings["name"] = name.clone().into();
    let sets = |setting: &str| {
        choices
            .iter()
            .any(|(path, _)| path.last().is_some_and(|key| key == setting))
    };
    if sets("rule") && !sets("beta") {
        drop_unused_beta(&mut settings);
    }
    let text = toml::to_string(&settings)?;
    let experiment: Experiment = parse_toml(&text, &format!("{origin}: {name}"))?;
    match experiment.validate() {
        Ok(()) => Ok(experiment),
        Err(source) => Err(ExperimentError::Settings {
            origin: format!("{origin}: {name}"),
            source,
        }),
    }
}

/// A value as a part of a name.
fn word(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(word).collect::<Vec<_>>().join("x"),
        other => other.to_string(),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    text.chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect()
}

/// Gives a setting a value, wherever its path leads.
fn set(
    settings: &mut Value,
    path: &[String],
    value: &Value,
    origin: &str,
) -> Result<(), ExperimentError> {
    let whole = path.join(".");
    if ["", "optimizer.", "training.optimizer."]
        .map(|table| format!("{table}learning_rate"))
        .contains(&whole)
    {
        let optimizer = settings
            .get_mut("training")
            .and_then(|t| t.get_mut("optimizer"));
        let rates = optimizer.and_then(|optimizer| optimizer.get_mut("learning_rates"));
        let rates = rates.and_then(Value::as_table_mut);
        let rates =
            rates.ok_or_else(|| wrong(origin, &whole, "there are no learning_rates to set"))?;
        rates.iter_mut().for_each(|(_, rate)| *rate = value.clone());
        return Ok(());
    }
    let first = path.first().map_or("", String::as_str);
    let table = |settings: &Value, table: &str| {
        let mut keys = table.split('.').filter(|key| !key.is_empty());
        let found = keys.try_fold(settings, |at, key| at.get(key));
        found.is_some_and(|table| table.get(first).is_some())
    };
    let tables = ["", TABLES[0], TABLES[1], TABLES[2]];
    let prefix = tables.iter().find(|name| table(settings, name));
    // Entries that the settings leave to their defaults are told apart by the parser.
    let prefix = prefix.copied().unwrap_or(match first {
        "beta" | "cost" | "initial_state" => TABLES[0],
        "weight_gains" | "g_min" | "g_max" | "readout" | "energy" | "start" | "b_min" | "b_max"
        | "windows" | "laws" => TABLES[1],
        "momentum" | "beta1" | "beta2" | "epsilon" => TABLES[2],
        _ => "",
    });
    let mut at = settings;
    let keys = prefix.split('.').filter(|key| !key.is_empty());
    let (last, parents) = path
        .split_last()
        .ok_or_else(|| wrong(origin, "", "it has no name"))?;
    for key in keys.chain(parents.iter().map(String::as_str)) {
        let table = at.as_table_mut();
        let table =
            table.ok_or_else(|| wrong(origin, &path.join("."), "it leads through no table"))?;
        at = table.entry(key).or_insert_with(|| Table::new().into());
    }
    let table = at.as_table_mut();
    let table = table.ok_or_else(|| wrong(origin, &path.join("."), "it leads through no table"))?;
    table.insert(last.clone(), value.clone());
    Ok(())
}

/// Rules without an amplitude refuse one.
fn drop_unused_beta(settings: &mut Value) {
    let Some(training) = settings.get_mut("training").and_then(Value::as_table_mut) else {
        return; // the parser says what is wrong
    };
    let rule = training.get("rule").cloned();
    let rule = rule.and_then(|rule| rule.try_into().ok());
    if !rule.is_some_and(crate::learn::Rule::has_beta) {
        training.remove("beta");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Preset;
    use super::*;
    use crate::learn::Rule;

    fn expanded(grid: &str) -> Result<Vec<Experiment>, ExperimentError> {
        let digits = Preset::named("digits")?.experiment()?;
        let table = toml::from_str(grid).expect("valid TOML");
        Grid::new(table, "table.toml")?.expand(&digits, "table.toml")
    }

    #[test]
    fn all_combinations_are_made_and_named() {
        let made = expanded(
            "optimizer.learning_rate = [0.5, 0.25]\nrule = ['al', 'c-ep']\nhidden = [[8], [8, 4]]",
        );
        // Deeper networks need more learning rates, and say so.
        let error = made.expect_err("rates are missing").to_string();
        assert!(error.contains("hidden_8x4"), "{error}");
        let made = expanded(
            "optimizer.learning_rate = [0.5, 0.25]\nrule = ['al', 'c-ep']\nhidden = [[8], [9]]",
        );
        let made = made.expect("a valid grid");
        assert_eq!(made.len(), 8);
        let last = &made[7];
        assert_eq!(last.name, "digits-hidden_9-learning_rate_0.25-rule_c-ep");
        assert_eq!(
            (last.network.hidden[0], last.training.rule),
            (9, Rule::CenteredEp)
        );
        let rates = &last.training.optimizer.learning_rates;
        assert!(rates.len() == 4 && rates.values().all(|rate| *rate == 0.25));
        assert_eq!(
            (made[0].training.beta, last.training.beta),
            (None, Some(1.0))
        );
    }

    #[test]
    fn settings_are_found_with_and_without_their_tables() {
        for grid in ["network.input_gain = [7.0]", "input_gain = [7.0]"] {
            assert_eq!(expanded(grid).expect("valid")[0].network.input_gain, 7.0);
        }
        for grid in ["training.batch = [7]", "batch = [7]"] {
            assert_eq!(expanded(grid).expect("valid")[0].training.batch, 7);
        }
        for grid in ["network.start = ['kaiming']", "start = ['kaiming']"] {
            let start = expanded(grid).expect("valid")[0].network.start;
            assert_eq!(start, crate::drn::Start::Kaiming);
        }
        let made =
            expanded("optimizer.method = ['adam']\ng_max = [2.0]\nepochs = [3]").expect("valid");
        assert_eq!(
            made[0].training.optimizer.update,
            crate::learn::Update::ADAM
        );
        assert_eq!((made[0].network.g_max, made[0].epochs), (2.0, 3));
    }

    #[test]
    fn faults_of_a_grid_are_named() {
        for (grid, words) in [
            ("rule = 'al'", "grid.rule: it must be a list"),
            ("rule = []", "grid.rule: it must be a list"),
            ("seed = [-1]", "grid.seed: its values must be"),
            ("rul = ['al']", "unknown field `rul`"),
            ("input_gain = [-1.0]", "input_gain is -1"),
            (
                "optimizer = ['adam']\ntraining.optimizer.learning_rate = [0.1]",
                "learning_rates",
            ),
            ("rule = ['al']\ntraining = [1]", "table.toml"),
            ("foo.learning_rate = [0.1]", "unknown field `foo`"),
        ] {
            let error = expanded(grid).expect_err(grid);
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let text = format!("{error} {}", source.unwrap_or_default());
            assert!(
                text.contains("table.toml") && text.contains(words),
                "{text}"
            );
        }
    }
}
