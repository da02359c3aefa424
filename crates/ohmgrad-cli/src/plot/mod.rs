//! `ohmgrad plot`: learning curves of runs, conductances and receptive fields of models.

mod axis;
mod curves;
mod fields;
mod histogram;
mod picture;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{self, Path, PathBuf};

use crate::weights_noun;
use anyhow::{Context, bail};
use ohmgrad::record::{Progress, Run, model};

/// Draw learning curves, conductances and receptive fields, as SVG and PNG
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folders of runs, or models (.safetensors). Runs that differ only in their seed are drawn as one
    /// curve, their mean, within a band from the smallest to the largest error
    #[arg(value_name = "RUN|MODEL.safetensors", required = true)]
    targets: Vec<PathBuf>,
    /// Folder for the pictures
    #[arg(long, value_name = "DIR", default_value = "plots")]
    out: PathBuf,
}

/// What is drawn: a run and its best model, or a model.
struct Target {
    path: PathBuf,
    /// That of the run, if it is one.
    progress: Option<Progress>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let out = &arguments.out;
    let targets = arguments.targets.into_iter().map(Target::read);
    let targets = targets.collect::<anyhow::Result<Vec<_>>>()?;
    let mut pictures = Vec::new();
    let groups = curves::groups(targets.iter().filter_map(Target::as_run));
    if !groups.is_empty() {
        pictures.push(("learning-curves".to_owned(), curves::picture(&groups)?));
    }
    let mut names = BTreeSet::new();
    for target in &targets {
        let name = unused(target.name()?, &mut names);
        pictures.extend(of_model(&name, &target.model())?);
    }
    fs::create_dir_all(out)
        .with_context(|| format!("{} cannot be made: give another --out", out.display()))?;
    for (stem, svg) in pictures {
        let [svg, png] = picture::save(out, &stem, &svg)?;
        writeln!(io::stdout(), "{}\n{}", svg.display(), png.display())?;
    }
    Ok(())
}

impl Target {
    /// A file is a model, anything else should be the folder of a run.
    fn read(path: PathBuf) -> anyhow::Result<Self> {
        if path.is_file() || path.extension().is_some_and(|e| e == "safetensors") {
            let progress = None;
            return Ok(Self { path, progress });
        }
        let progress = Run::read(&path)?;
        if progress.metrics.is_empty() {
            let folder = path.display();
            bail!(
                "{folder} has no finished epoch yet: go on with `ohmgrad train --resume {folder}`"
            );
        }
        let progress = Some(progress);
        Ok(Self { path, progress })
    }

    fn as_run(&self) -> Option<(&Path, &Progress)> {
        Some((&self.path, self.progress.as_ref()?))
    }

    fn model(&self) -> PathBuf {
        match self.progress {
            Some(_) => self.path.join(Run::BEST_MODEL),
            None => self.path.clone(),
        }
    }

    /// The name of its pictures: that of the folder, or of the file without `.safetensors`.
    fn name(&self) -> io::Result<String> {
        let path = path::absolute(&self.path)?;
        let name = match self.progress {
            Some(_) => path.file_name(),
            None => path.file_stem(),
        };
        Ok(name.unwrap_or_default().to_string_lossy().into_owned())
    }
}

/// The name, with a number appended if another target has it already.
fn unused(name: String, names: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut candidates = [name.clone()].into_iter().chain(numbered);
    let unused = candidates.find(|candidate| names.insert(candidate.clone()));
    unused.unwrap_or(name)
}

/// The pictures of a model, by the names of their files.
fn of_model(name: &str, path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let (network, _) = model::load(path, 1)?;
    let mut pictures = vec![(
        format!("{name}-{}", weights_noun(network.architecture())),
        histogram::picture(name, &network)?,
    )];
    match fields::picture(name, &network)? {
        Some(svg) => pictures.push((format!("{name}-fields"), svg)),
        None => {
            let features = network.architecture().features;
            writeln!(
                io::stdout(),
                "{name}: no receptive fields, its {features} features are no square image"
            )?;
        }
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_numbered() {
        let mut names = BTreeSet::new();
        let all = ["run", "run", "other", "run"].map(|name| unused(name.to_owned(), &mut names));
        assert_eq!(all, ["run", "run-2", "other", "run-3"]);
    }
}
