//! What a terminal shows while a study runs: a line for each run at work, and one for all.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ohmgrad::record::{Study, StudyEvent};

/// The lines, on stderr if that is a terminal.
pub(super) struct Live<'s> {
    study: &'s Study,
    lines: MultiProgress,
    /// All work, in multiply-adds of a pass: examples times conductances.
    all: ProgressBar,
    running: Mutex<BTreeMap<usize, Running>>,
    /// Epochs that each run had when it was opened.
    before: Mutex<BTreeMap<usize, usize>>,
}

struct Running {
    line: ProgressBar,
    /// Work done, as the bar of all has it.
    done: u64,
}

impl<'s> Live<'s> {
    pub(super) fn new(study: &'s Study) -> Self {
        let lines = MultiProgress::new();
        let all = lines.add(ProgressBar::new(0));
        let template = "{msg} [{wide_bar}] {percent} %, ETA {eta}";
        all.set_style(style(template));
        all.set_message(format!("{} runs", study.runs.len()));
        let work = study.runs.iter().map(|run| {
            let conductances = run.experiment.network.conductances();
            (run.experiment.epochs * conductances) as u64
        });
        all.set_length(work.sum::<u64>().max(1));
        Self {
            study,
            lines,
            all,
            running: Mutex::default(),
            before: Mutex::default(),
        }
    }

    /// Epochs that a run had when it was opened.
    pub(super) fn before(&self, run: usize) -> usize {
        locked(&self.before).get(&run).copied().unwrap_or(0)
    }

    /// Shows what happens to a run.
    pub(super) fn show(&self, run: usize, event: &StudyEvent<'_>) {
        let planned = &self.study.runs[run];
        let each = planned.experiment.network.conductances() as u64;
        let mut running = locked(&self.running);
        match event {
            StudyEvent::Opened(progress, examples) => {
                locked(&self.before).insert(run, progress.epochs());
                let line = ProgressBar::new(*examples as u64);
                let line = self.lines.insert_before(&self.all, line);
                line.set_style(style("  {msg} [{bar:30}] {pos}/{len} examples"));
                line.set_message(self.message(run, progress.epochs(), None));
                let done = progress.epochs() as u64 * each;
                // What was done before takes no time now.
                self.all
                    .set_length(self.all.length().unwrap_or(0).saturating_sub(done).max(1));
                running.insert(run, Running { line, done: 0 });
            }
            StudyEvent::Step(examples) => {
                if let Some(running) = running.get(&run) {
                    running.line.set_position(*examples as u64);
                }
            }
            StudyEvent::Epoch(metrics) => {
                if let Some(running) = running.get_mut(&run) {
                    running.done += each;
                    self.all.inc(each);
                    running.line.set_position(0);
                    running.line.set_message(self.message(
                        run,
                        metrics.epoch,
                        Some(metrics.test_error),
                    ));
                }
            }
            StudyEvent::Ended(_) => {
                if let Some(running) = running.remove(&run) {
                    running.line.finish_and_clear();
                    self.lines.remove(&running.line);
                }
                let left = self.study.runs.len() - locked(&self.before).len() + running.len();
                self.all
                    .set_message(format!("{left} of {} runs left", self.study.runs.len()));
            }
            _ => {}
        }
    }

    fn message(&self, run: usize, epoch: usize, error: Option<f64>) -> String {
        let planned = &self.study.runs[run];
        let (name, epochs) = (&planned.name, planned.experiment.epochs);
        let error = error.map_or_else(String::new, |error| format!(", test error {error:.2} %"));
        format!("{name}, epoch {epoch}/{epochs}{error}")
    }

    /// Prints something above the lines.
    pub(super) fn print(&self, print: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.lines.suspend(print)
    }

    /// A note on stderr above the lines.
    pub(super) fn note(&self, text: &str) {
        // A note only: if nobody reads it, nothing is lost.
        let _ = self.print(|| {
            io::Write::write_all(&mut io::stderr(), format!("note: {text}\n").as_bytes())
        });
    }

    /// Clears all lines.
    pub(super) fn finish(&self) {
        self.all.finish_and_clear();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
