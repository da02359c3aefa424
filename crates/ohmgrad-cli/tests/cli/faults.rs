//! A fault at every write, sync and rename, a kill there, threads that the system refuses, readers that leave, full disks:
//! no result is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::learn;
use super::support::{Place, assert_failure};

/// More calls than any of these commands makes.
const MANY: usize = 1_000;

/// The shim that lets calls fail; `None` where there is no C compiler or no preloading.
fn shim(place: &Place) -> Option<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/shim.c");
    let library = place.path("shim.so");
    let mut compiler = Command::new("cc");
    let compiler = compiler.args(["-shared", "-fPIC", "-o"]).arg(&library);
    let built = cfg!(target_os = "linux")
        && compiler
            .args([source, "-ldl"])
            .status()
            .is_ok_and(|status| status.success());
    if !built {
        eprintln!("no C compiler: faults are not injected");
    }
    built.then_some(library)
}

/// Runs a command whose call of this number fails, or at which it is killed.
fn at_fault(place: &Place, shim: &Path, arguments: &str, at: usize, kills: bool) -> Output {
    let mut command = place.command(arguments);
    command
        .env("LD_PRELOAD", shim)
        .env("FAULT_AT", at.to_string());
    if kills {
        command.env("FAULT_KILLS", "1");
    }
    command.output().unwrap()
}

/// Lets each call of a command fail in its turn, in folders `0`, `1`, ...; `mend` is what a user does then, and `check`
/// compares what there is with a run without faults, in `whole`.
fn inject(
    place: &Place,
    command: impl Fn(&str) -> String,
    mend: impl Fn(&str),
    check: impl Fn(&str),
) {
    let Some(shim) = shim(place) else { return };
    place.succeed(&command("whole"));
    for kills in [false, true] {
        let end = (1..MANY).find(|at| {
            let run = format!("{at}{}", if kills { "k" } else { "" });
            let output = at_fault(place, &shim, &command(&run), *at, kills);
            if output.status.success() {
                check(&run);
                return true;
            }
            match kills {
                false => assert_failure(&output, &format!("fault {at}"), &["cannot"]),
                true => assert_eq!(output.status.code(), None, "kill {at}"),
            }
            mend(&run);
            check(&run);
            false
        });
        assert!(end.is_some_and(|end| end > 8), "{end:?} calls");
    }
}

#[test]
fn learn_loses_nothing_at_any_fault() {
    let place = learn::place(&learn::TASK.replace("epochs = 100", "epochs = 3"));
    let command = |run: &str| format!("learn task.toml --quiet --out {run}");
    let mend = |run: &str| {
        match place.path(&format!("{run}/config.toml")).exists() {
            true => place.succeed(&format!("learn --quiet --resume {run}")),
            false => place.succeed(&command(run)),
        };
    };
    inject(&place, command, mend, |run| {
        for file in ["config.toml", "trained.cir"] {
            let read = |run: &str| place.text(&format!("{run}/{file}"));
            assert_eq!(read("whole"), read(run), "{run}/{file}");
        }
        assert_eq!(learn::metrics(&place, "whole"), learn::metrics(&place, run));
    });
}

#[test]
fn train_loses_nothing_at_any_fault() {
    let place = Place::new();
    let command = |run: &str| format!("train digits --epochs 2 --quiet --out {run}");
    let mend = |run: &str| {
        match place.path(&format!("{run}/config.toml")).exists() {
            true => place.succeed(&format!("train --quiet --resume {run}")),
            false => place.succeed(&command(run)),
        };
    };
    inject(&place, command, mend, |run| {
        place.assert_same_results("whole", run)
    });
}

#[test]
fn reproduce_loses_nothing_at_any_fault() {
    let place = Place::new();
    fs::create_dir_all(place.path("experiments/small")).unwrap();
    let table = "title = \"Small\"\n[[row]]\nfile = \"digits.toml\"\n";
    place.write("experiments/small/table.toml", table);
    let digits = place.succeed("presets digits");
    place.write("experiments/small/digits.toml", digits);
    let command = |run: &str| format!("reproduce small --seeds 0 --epochs 2 --out {run}");
    // The same command again.
    let mend = |run: &str| _ = place.succeed(&command(run));
    inject(&place, command, mend, |run| {
        place.assert_same_results("whole/digits-seed0", &format!("{run}/digits-seed0"));
        let line = |run: &str| {
            let table = place.text(&format!("{run}/results.csv"));
            let line = table.lines().nth(1).unwrap();
            line.split(',')
                .take(5)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(line("whole"), line(run), "{run}");
    });
}

/// The command as a user who may start no thread; `None` where that cannot be arranged.
fn alone(place: &Place, arguments: &str) -> Option<Output> {
    use std::os::unix::fs::PermissionsExt;
    let binary = place.path("ohmgrad");
    fs::copy(env!("CARGO_BIN_EXE_ohmgrad"), &binary).ok()?;
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(place.path(""), open).ok()?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "54321", "--regid", "54321", "--clear-groups"]);
    command
        .args(["prlimit", "--nproc=1"])
        .arg(binary)
        .args(arguments.split_whitespace());
    command
        .current_dir(place.path(""))
        .env_remove("OHMGRAD_DATA")
        .stdin(Stdio::null());
    let probe = Command::new("setpriv")
        .args(["--reuid", "54321", "--clear-groups", "true"])
        .output();
    probe
        .is_ok_and(|probe| probe.status.success())
        .then(|| command.output().unwrap())
}

#[test]
fn a_process_that_may_start_no_thread_does_all_by_itself() {
    let place = learn::place(learn::TASK);
    for arguments in [
        "solve divider.cir --sweep v1 0 1 100",
        "learn task.toml --quiet --epochs 3 --out learned",
        "train digits --epochs 1 --threads 8 --out trained",
        "eval trained/best.safetensors",
    ] {
        let Some(output) = alone(&place, arguments) else {
            return;
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {stderr}");
        assert!(!stderr.contains("panicked"), "{arguments}: {stderr}");
    }
}

/// Runs a command whose standard output nobody reads, or that is full.
fn into(place: &Place, arguments: &str, out: Stdio) -> Output {
    let mut command = place.command(arguments);
    command.stdout(out).stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_reader_that_has_left_ends_no_training_and_no_table() {
    let place = learn::place(&learn::TASK.replace("epochs = 100", "epochs = 3"));
    let closed = || {
        let mut reader = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        let pipe = reader.stdin.take().unwrap();
        reader.wait().unwrap();
        Stdio::from(pipe)
    };
    for arguments in [
        "train digits --epochs 2 --out trained",
        "learn task.toml --out learned",
        "solve divider.cir --sweep v1 0 1 1000",
        "solve divider.cir",
    ] {
        let output = into(&place, arguments, closed());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && stderr.is_empty(),
            "{arguments}: {stderr}"
        );
    }
    assert_eq!(place.metrics("trained").len(), 2);
    assert!(place.path("learned/trained.cir").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_output_is_named() {
    let place = learn::place(learn::TASK);
    for arguments in [
        "solve divider.cir",
        "solve divider.cir --sweep v1 0 1 9",
        "presets digits",
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = into(&place, arguments, full.into());
        assert_failure(&output, arguments, &["standard output"]);
    }
}
