//! `ohmgrad plot`: learning curves of runs, conductances and receptive fields of models.

mod axis;
mod curves;
mod fields;
mod histogram;
mod picture;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{self, Path, PathBuf};

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
enum Target {
    Run(PathBuf, Progress),
    Model(PathBuf),
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let out = &arguments.out;
    let targets = arguments.targets.into_iter().map(Target::read);
    let targets = targets.collect::<anyhow::Result<Vec<_>>>()?;
    fs::create_dir_all(out)
        .with_context(|| format!("{} cannot be made: give another --out", out.display()))?;
    let groups = curves::groups(targets.iter().filter_map(Target::as_run));
    if !groups.is_empty() {
        report(picture::save(
            out,
            "learning-curves",
            &curves::picture(&groups)?,
        )?)?;
    }
    let mut names = BTreeSet::new();
    for target in &targets {
        let name = unused(target.name()?, &mut names);
        draw_model(out, &name, &target.model())?;
    }
    Ok(())
}

impl Target {
    /// A file is a model, anything else should be the folder of a run.
    fn read(path: PathBuf) -> anyhow::Result<Self> {
        if path.is_file() || path.extension().is_some_and(|e| e == "safetensors") {
            return Ok(Self::Model(path));
        }
        let progress = Run::read(&path)?;
        if progress.metrics.is_empty() {
            let folder = path.display();
            bail!(
                "{folder} has no finished epoch yet: go on with `ohmgrad train --resume {folder}`"
            );
        }
        Ok(Self::Run(path, progress))
    }

    fn as_run(&self) -> Option<(&Path, &Progress)> {
        match self {
            Self::Run(folder, progress) => Some((folder, progress)),
            Self::Model(_) => None,
        }
    }

    fn model(&self) -> PathBuf {
        match self {
            Self::Run(folder, _) => folder.join(Run::BEST_MODEL),
            Self::Model(path) => path.clone(),
        }
    }

    /// The name of its pictures: that of the folder, or of the file without `.safetensors`.
    fn name(&self) -> io::Result<String> {
        let part = |path: &Path| match self {
            Self::Run(..) => path.file_name().map(OsStr::to_owned),
            Self::Model(_) => path.file_stem().map(OsStr::to_owned),
        };
        let (Self::Run(path, _) | Self::Model(path)) = self;
        let name = part(&path::absolute(path)?).unwrap_or_default();
        Ok(name.to_string_lossy().into_owned())
    }
}

/// The name, with a number appended if another target has it already.
fn unused(name: String, names: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut candidates = [name.clone()].into_iter().chain(numbered);
    let unused = candidates.find(|candidate| names.insert(candidate.clone()));
    unused.unwrap_or(name)
}

fn draw_model(out: &Path, name: &str, path: &Path) -> anyhow::Result<()> {
    let (network, _) = model::load(path, 1)?;
    let conductances = histogram::picture(name, &network)?;
    report(picture::save(
        out,
        &format!("{name}-conductances"),
        &conductances,
    )?)?;
    match fields::picture(name, &network)? {
        Some(svg) => report(picture::save(out, &format!("{name}-fields"), &svg)?),
        None => {
            let features = network.architecture().features;
            Ok(writeln!(
                io::stdout(),
                "{name}: no receptive fields, its {features} features are no square image"
            )?)
        }
    }
}

fn report(paths: [PathBuf; 2]) -> anyhow::Result<()> {
    let [svg, png] = paths.each_ref().map(|path| path.display());
    Ok(writeln!(io::stdout(), "{svg}\n{png}")?)
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
