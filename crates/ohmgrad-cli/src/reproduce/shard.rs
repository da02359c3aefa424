//! Shares of the runs for several processes, and arrays of tasks on SLURM.

use std::env;
use std::str::FromStr;

use anyhow::Context;

/// One of `count` shares, counted from 0; written `I/N`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(super) index: usize,
    pub(super) count: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once('/')
            .map(|(i, n)| (i.parse::<usize>(), n.parse::<usize>()));
        match numbers {
            Some((Ok(share), Ok(count))) if (1..=count).contains(&share) => Ok(Self {
                index: share - 1,
                count,
            }),
            _ => Err(format!("`{text}` is no share: write 1/4, 2/4, 3/4 or 4/4")),
        }
    }
}

impl Shard {
    /// That of a task of an array on SLURM; none elsewhere.
    pub(super) fn of_slurm() -> anyhow::Result<Option<Self>> {
        Self::of_task(|name| env::var(name).ok())
    }

    /// That of a task, which the variables of its environment tell.
    fn of_task(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Self>> {
        let number = |name: &str| {
            let text = variable(name);
            let parsed = text.as_deref().map(str::parse::<usize>).transpose();
            parsed.with_context(|| {
                format!(
                    "{name} is {:?}: it must be a number",
                    text.unwrap_or_default()
                )
            })
        };
        let Some(task) = number("SLURM_ARRAY_TASK_ID")? else {
            return Ok(None);
        };
        let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let count = number("SLURM_ARRAY_TASK_COUNT")?
            .context("SLURM_ARRAY_TASK_COUNT is not set: give --shard I/N")?;
        let index = task.saturating_sub(first) / step;
        match index < count {
            true => Ok(Some(Self { index, count })),
            false => {
                anyhow::bail!("task {task} is not one of {count} from {first} on: give --shard I/N")
            }
        }
    }
}

/// A script for `sbatch`: this command as an array of tasks, each of which takes its share.
pub(super) fn sbatch_script(tasks: usize) -> anyhow::Result<String> {
    let own = env::current_exe().context("the place of this program is not known")?;
    let mut words = vec![quoted(&own.display().to_string())];
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--slurm" {
            arguments.next();
        } else if !argument.starts_with("--slurm=") {
            words.push(quoted(&argument));
        }
    }
    let folder = env::current_dir().context("the current folder is not known")?;
    Ok(format!(
        "#!/bin/bash\n\
         #SBATCH --job-name=ohmgrad\n\
         #SBATCH --array=0-{}\n\
         #SBATCH --ntasks=1\n\
         #SBATCH --cpus-per-task=1\n\
         #SBATCH --requeue\n\
         #SBATCH --output=slurm-%A_%a.out\n\
         # Each task takes its share of the runs. One that is killed and requeued goes on from its checkpoints.\n\
         # When all have ended: {} collect ...\n\
         cd {}\n\
         {}\n",
        tasks - 1,
        words[0],
        quoted(&folder.display().to_string()),
        words.join(" ")
    ))
}

/// A word as a shell takes it literally.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_count_from_one() {
        assert_eq!("2/4".parse(), Ok(Shard { index: 1, count: 4 }));
        for text in ["0/4", "5/4", "1", "/", "a/b", "1/0", ""] {
            assert!(
                text.parse::<Shard>().unwrap_err().contains("is no share"),
                "{text}"
            );
        }
    }

    #[test]
    fn tasks_of_an_array_are_shares() {
        let shard = |variables: &'static [(&str, &str)]| {
            Shard::of_task(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(shard(&[]).unwrap(), None);
        let array = shard(&[
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ]);
        assert_eq!(array.unwrap(), Some(Shard { index: 2, count: 4 }));
        assert!(shard(&[("SLURM_ARRAY_TASK_ID", "x")]).is_err());
        assert!(shard(&[("SLURM_ARRAY_TASK_ID", "1")]).is_err());
        assert!(
            shard(&[
                ("SLURM_ARRAY_TASK_ID", "9"),
                ("SLURM_ARRAY_TASK_COUNT", "4")
            ])
            .is_err()
        );
    }

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(quoted("runs/a-b"), "runs/a-b");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
