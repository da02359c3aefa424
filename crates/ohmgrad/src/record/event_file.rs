//! Event files, which TensorBoard shows.
//!
//! An event file is a sequence of records: the length of the data in 8 bytes and its checksum in 4, both little-endian,
//! the data, and its checksum. The data are an `Event` in protocol buffers:
//!
//! ```text
//! Event    wall_time = 1 (double), step = 2 (int64), file_version = 3 (string), summary = 5 (Summary)
//! Summary  value = 1 (Value, repeated)
//! Value    tag = 1 (string), simple_value = 2 (float)
//! ```
//!
//! Checksums are CRC-32C, rotated right by 15 bits and offset (`masked` in the format's own words).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::WriteError;

/// The name that TensorBoard looks for, and ours.
const NAME: &str = "events.out.tfevents.0.ohmgrad";
/// What the first record says.
const VERSION: &str = "brain.Event:2";

/// An event file in a folder, for numbers of each epoch by their names.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("ohmgrad-events-example-{}", std::process::id()));
/// let mut events = ohmgrad::record::EventFile::create(&folder)?;
/// events.write(1, &serde_json::json!({"epoch": 1, "train_cost": 0.25, "test_error": 3.5}))?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Starts the event file of a folder, which is made if need be. One that ohmgrad has left there is begun anew: a run
    /// that goes on writes its finished epochs again.
    ///
    /// # Errors
    /// If the folder or the file cannot be written.
    pub fn create(folder: &Path) -> Result<Self, WriteError> {
        let path = folder.join(NAME);
        let created = fs::create_dir_all(folder).and_then(|()| File::create(&path));
        let file = created.map_err(|source| WriteError {
            path: path.clone(),
            source,
        })?;
        let mut events = Self { path, file };
        events.append(|event| text(event, 3, VERSION))?;
        Ok(events)
    }

    /// Appends the numbers of an epoch: of what `metrics` is as JSON, every entry but `epoch` that is a number.
    ///
    /// # Errors
    /// If the file cannot be written, or the metrics are no JSON.
    pub fn write(&mut self, epoch: usize, metrics: &impl Serialize) -> Result<(), WriteError> {
        let metrics = serde_json::to_value(metrics).map_err(|error| self.failure(error.into()))?;
        let mut summary = Vec::new();
        let entries = metrics.as_object().into_iter().flatten();
        for (name, value) in entries.filter(|(name, _)| *name != "epoch") {
            if let Some(number) = value.as_f64() {
                let mut entry = Vec::new();
                text(&mut entry, 1, name);
                entry.push((2 << 3) | 5); // 4 bytes
                entry.extend((number as f32).to_le_bytes());
                bytes(&mut summary, 1, &entry);
            }
        }
        self.append(|event| {
            event.push(2 << 3);
            variable(event, epoch as u64);
            bytes(event, 5, &summary);
        })
    }

    /// Appends an event of this moment.
    fn append(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), WriteError> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let mut event = vec![(1 << 3) | 1]; // 8 bytes
        event.extend(now.map_or(0.0, |t| t.as_secs_f64()).to_le_bytes());
        fill(&mut event);
        let length = (event.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked(&length).to_le_bytes());
        record.extend(&event);
        record.extend(masked(&event).to_le_bytes());
        let written = self
            .file
            .write_all(&record)
            .and_then(|()| self.file.flush());
        written.map_err(|source| self.failure(source))
    }

    fn failure(&self, source: io::Error) -> WriteError {
        WriteError {
            path: self.path.clone(),
            source,
        }
    }
}

/// A field of bytes.
fn bytes(message: &mut Vec<u8>, field: u8, value: &[u8]) {
    message.push((field << 3) | 2);
    variable(message, value.len() as u64);
    message.extend(value);
}

fn text(message: &mut Vec<u8>, field: u8, value: &str) {
    bytes(message, field, value.as_bytes());
}

/// A number in groups of 7 bits, the lowest first; all but the last have the eighth bit.
fn variable(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

fn masked(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The cyclic redundancy check of Castagnoli's polynomial, bit by bit: a record has some hundred bytes.
fn crc32c(data: &[u8]) -> u32 {
    let bit = |sum: u32, _| (sum >> 1) ^ (0x82f6_3b78 * (sum & 1));
    let byte = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), bit);
    !data.iter().fold(!0, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, B.4, and the catalogue's check value.
    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    /// The encodings of 1, 150 and 300 in the documentation of protocol buffers.
    #[test]
    fn numbers_of_variable_length() {
        for (number, expected) in [(1, &[1][..]), (150, &[0x96, 1]), (300, &[0xac, 2])] {
            let mut message = Vec::new();
            variable(&mut message, number);
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn a_file_is_whole_records_and_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let mut events = EventFile::create(folder.path()).unwrap();
            let metrics = serde_json::json!({"epoch": 1, "train_cost": 0.5, "error": null});
            events.write(300, &metrics).unwrap();
        }
        let all = fs::read(folder.path().join(NAME)).unwrap();
        let (mut rest, mut records) = (&all[..], Vec::new());
        while let Some((head, tail)) = rest.split_at_checked(12) {
            let length = u64::from_le_bytes(head[..8].try_into().unwrap()) as usize;
            assert_eq!(head[8..], masked(&head[..8]).to_le_bytes());
            assert_eq!(
                tail[length..length + 4],
                masked(&tail[..length]).to_le_bytes()
            );
            records.push(&tail[..length]);
            rest = &tail[length + 4..];
        }
        assert!(rest.is_empty());
        let [version, epoch] = records[..] else {
            panic!("{} records", records.len());
        };
        assert!(version.ends_with(b"\x1a\x0dbrain.Event:2"));
        // Step 300, and a summary of one value.
        assert!(epoch[9..].starts_with(b"\x10\xac\x02\x2a\x13\x0a\x11\x0a\x0atrain_cost\x15"));
        assert!(epoch.ends_with(&0.5_f32.to_le_bytes()));
    }
}
