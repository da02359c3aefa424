//! `--dry-run`: what would be run, with memory and time.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ohmgrad::drn::Architecture;
use ohmgrad::record::{RunState, Study, forecast};

use super::results::duration;

/// Prints the runs of a study that are not finished, and what they need.
pub(super) fn print(
    study: &Study,
    jobs: usize,
    threads: impl Fn(&Architecture) -> usize,
) -> anyhow::Result<()> {
    let mut rates = BTreeMap::new();
    let (mut seconds, mut largest, mut count) = (0.0, 0, 0);
    let mut out = io::stdout().lock();
    for run in &study.runs {
        let done = match study.state(run)?.0 {
            RunState::Finished => continue,
            RunState::Interrupted(done) => done,
            _ => 0,
        };
        let needs = match rates.get(&run.row) {
            Some(needs) => *needs,
            None => {
                let needs = forecast(&run.experiment, threads(&run.experiment.network))?;
                rates.insert(run.row.clone(), needs);
                needs
            }
        };
        let epochs = run.experiment.epochs.saturating_sub(done);
        let time = needs.seconds_per_epoch * epochs as f64;
        writeln!(
            out,
            "{}: {epochs} epochs, about {} and {} MB",
            run.name,
            duration(time),
            needs.bytes.div_ceil(1_000_000)
        )?;
        (seconds, largest, count) = (seconds + time, largest.max(needs.bytes), count + 1);
    }
    let jobs = jobs.min(count).max(1);
    writeln!(
        out,
        "{count} of {} runs, {jobs} at once: about {} and {} MB",
        study.runs.len(),
        duration(seconds / jobs as f64),
        (largest * jobs as u64).div_ceil(1_000_000)
    )?;
    Ok(())
}
