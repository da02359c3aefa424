//! Writing files so that they are never seen half written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that could not be written. What stood in its place before is still there, untouched.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be written: check the folder, its permissions and the free space")]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Writes a file with what `fill` puts into it, all or nothing.
///
/// The content goes to `.<name>.partial` in the same folder, reaches the disk, and only then takes the
/// place of `path`; where `path` is a symbolic link, of the file that it leads to. A device or a pipe (`/dev/null`, `/dev/stdout`) is written to as it is: nothing may take its place.
///
/// ```
/// use std::io::Write;
///
/// let path = std::env::temp_dir().join("ohmgrad-atomic-example.txt");
/// ohmgrad::record::atomic::write(&path, |file| file.write_all(b"whole"))?;
/// assert_eq!(std::fs::read(&path)?, b"whole");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the folder is missing or not writable, the disk is full, or `fill` fails. The partial file is
/// removed then.
pub fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    let written = match is_device(path) {
        true => fill_device(path, fill),
        false => target(path).and_then(|path| fill_whole(&path, fill)),
    };
    written.map_err(|source| WriteError {
        path: path.to_owned(),
        source,
    })
}

/// Whether something stands there that is neither a file nor a folder.
fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// The file itself where a path is a symbolic link, also to a file that is still to come.
fn target(path: &Path) -> io::Result<PathBuf> {
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if !path.is_symlink() {
            return Ok(path);
        }
        // A relative link leads on from the link's own folder.
        path = path.with_file_name(fs::read_link(&path)?);
    }
    Err(io::Error::other("the links lead around in a circle"))
}

fn fill_device(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut device = BufWriter::new(File::options().write(true).open(path)?);
    fill(&mut device)?;
    device.flush()
}

fn fill_whole(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let partial = partial_path(path)?;
    fill_file(&partial, fill)
        .and_then(|()| fs::rename(&partial, path))
        .inspect_err(|_| drop(fs::remove_file(&partial)))?;
    sync_folder(path)
}

fn partial_path(path: &Path) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidFilename,
            "the path names no file",
        ));
    };
    Ok(path.with_file_name(format!(".{}.partial", name.display())))
}

fn fill_file(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    fill(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()
}

/// Makes the new name reach the disk, too, where the system lets folders be opened.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        write(&path, |file| file.write_all(b"old")).unwrap();
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let error = write(&path, |file| file.write_all(b"new").and(Err(full()))).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("kept"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["kept"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_noticed_though_writes_are_buffered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(".kept.partial")).unwrap();
        let error = write(&path, |file| file.write_all(b"new")).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["kept"]);
    }

    #[test]
    #[cfg(unix)]
    fn links_stay_and_lead_to_the_new_content() {
        let folder = tempfile::tempdir().unwrap();
        let [to, link, dangling] = ["to", "link", "dangling"].map(|name| folder.path().join(name));
        fs::write(&to, "old").unwrap();
        std::os::unix::fs::symlink("to", &link).unwrap();
        std::os::unix::fs::symlink("new", &dangling).unwrap();
        write(&link, |file| file.write_all(b"whole")).unwrap();
        write(&dangling, |file| file.write_all(b"made")).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"whole");
        assert_eq!(fs::read(folder.path().join("new")).unwrap(), b"made");
        assert!(link.is_symlink() && dangling.is_symlink());
        std::os::unix::fs::symlink("round", folder.path().join("round")).unwrap();
        write(&folder.path().join("round"), |_| Ok(())).unwrap_err();
    }

    /// Through a link, so that a failure harms no device.
    #[test]
    #[cfg(unix)]
    fn devices_are_written_to_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nothing");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        write(&path, |file| file.write_all(b"gone")).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("/dev/null"));
        assert_eq!(names(folder.path()), ["nothing"]);
    }

    #[test]
    fn paths_without_a_file_or_folder_are_refused() {
        for path in ["", "/", "nowhere/at/all"] {
            write(Path::new(path), |_| Ok(())).unwrap_err();
        }
    }
}
