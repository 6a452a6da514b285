//! Memory and processor time of other processes, from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Allows as many open files as the system permits; children inherit it.
pub(crate) fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Without it only the row with many connections fails, and says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// How many files a process may have open.
pub(crate) fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Memory of a process in KiB, shared pages counted in parts.
pub(crate) fn pss_kib(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    Ok(digits.with_context(|| format!("{path} does not say Pss"))?.parse()?)
}

/// Processor time of a process, ended threads included; counted in ticks of 10 ms.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = Stat::read(pid)?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(stat.ticks as f64 / per_second as f64))
}

/// Processor time of each thread in nanoseconds.
pub(crate) fn thread_times(pid: u32) -> anyhow::Result<HashMap<String, u64>> {
    let mut times = HashMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?;
        // A thread may end while it is being looked at.
        let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
        let nanos = text.split_whitespace().next().and_then(|digits| digits.parse().ok());
        times.insert(task.file_name().to_string_lossy().into_owned(), nanos.unwrap_or(0));
    }
    Ok(times)
}

/// A process and everything it started.
pub(crate) fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse() else { continue };
        if let Ok(stat) = Stat::read(pid) {
            parents.push((pid, stat.parent));
        }
    }
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    Ok(family)
}

struct Stat {
    parent: u32,
    ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> anyhow::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Self::parse(&text).with_context(|| format!("/proc/{pid}/stat is not as expected"))
    }

    /// The name is in parentheses and may hold anything; the state follows it.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self { parent: number(1)?.try_into().ok()?, ticks: number(11)? + number(12)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_do_not_shift_the_fields() {
        let stat = Stat::parse("7 (a) b) S 3 7 7 0 -1 0 0 0 0 0 40 2 0 0 20 0").unwrap();
        assert_eq!((stat.parent, stat.ticks), (3, 42));
    }

    #[test]
    fn this_process_uses_memory_and_time() {
        let pid = std::process::id();
        assert!(pss_kib(pid).unwrap() > 100);
        assert!(thread_times(pid).unwrap().values().sum::<u64>() > 0);
        assert_eq!(tree(pid).unwrap().first(), Some(&pid));
    }
}
