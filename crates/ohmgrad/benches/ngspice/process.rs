//! Running ngspice.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ohmgrad::circuit::{Circuit, netlist};

/// How long ngspice may take for one netlist.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Writes a circuit, and further elements, so that both read the same: this library passes over the tolerances and the
/// commands.
pub(crate) fn write(circuit: &Circuit, further: &str, place: &Path) -> std::io::Result<()> {
    let text = netlist::write(circuit, "A comparison with ngspice");
    let text = text
        .trim_end()
        .trim_end_matches(".end")
        .trim_end()
        .trim_end_matches(".op");
    let commands = ".options reltol=1e-9 vntol=1e-12 abstol=1e-15 itl1=1000\n\
                    .control\nset numdgt=17\nop\nprint line all\n.endc\n.end\n";
    fs::write(place, format!("{text}{further}{commands}"))
}

/// What ngspice prints: potentials in volt and currents in ampere, by name.
pub(crate) type Vectors = HashMap<String, f64>;

/// The vectors that ngspice prints for a netlist, or nothing if it fails or takes too long; adds its time.
pub(crate) fn ngspice(place: &Path, times: &mut Vec<f64>) -> std::io::Result<Option<Vectors>> {
    let printed: PathBuf = place.with_extension("out");
    let start = Instant::now();
    let mut process = Command::new("ngspice")
        .arg("-b")
        .arg(place)
        .stdin(Stdio::null())
        .stdout(File::create(&printed)?)
        .stderr(Stdio::null())
        .spawn()?;
    while process.try_wait()?.is_none() {
        if start.elapsed() > TIMEOUT {
            process.kill()?;
            process.wait()?;
            times.push(start.elapsed().as_secs_f64());
            return Ok(None);
        }
        thread::sleep(Duration::from_micros(200));
    }
    times.push(start.elapsed().as_secs_f64());
    let text = String::from_utf8_lossy(&fs::read(printed)?).into_owned();
    let vector = |line: &str| {
        let (name, value) = line.split_once(" = ")?;
        Some((name.to_owned(), value.trim().parse().ok()?))
    };
    let vectors: Vectors = text.lines().filter_map(vector).collect();
    Ok((!vectors.is_empty()).then_some(vectors))
}
