//! The machine this gateway runs on, and its own process.

use std::path::Path;

use clawdbot_protocol::ProcessMemory;
use sysinfo::{Disks, ProcessRefreshKind, ProcessesToUpdate, System};

/// This system in Node's words, as the wire has it.
pub(crate) fn platform() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    }
}

/// This processor in Node's words.
pub(crate) fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Memory of the machine: all of it, and what can be used. Blocking.
pub(crate) fn memory() -> (u64, u64) {
    let Ok(mut system) = System::new() else {
        return (0, 0);
    };
    system.refresh_memory();
    (system.total_memory(), system.available_memory())
}

/// Memory of this process. Blocking.
pub(crate) fn process_memory() -> ProcessMemory {
    let (Ok(mut system), Ok(own)) = (System::new(), sysinfo::get_current_pid()) else {
        return ProcessMemory { rss_bytes: 0 };
    };
    let what = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), true, what);
    ProcessMemory { rss_bytes: system.process(own).map_or(0, sysinfo::Process::memory) }
}

/// Version of the system's kernel.
pub(crate) fn release() -> String {
    System::kernel_version().unwrap_or_default()
}

/// The system for people.
pub(crate) fn os_label() -> String {
    System::long_os_version().unwrap_or_else(|_| format!("{} {}", platform(), release()))
}

/// Size and free space of the disk that holds `path`. Blocking.
pub(crate) fn disk(path: &Path) -> Option<(u64, u64)> {
    let disks = Disks::new_with_refreshed_list().ok()?;
    let holds = disks.iter().filter(|disk| path.starts_with(disk.mount_point()));
    let nearest = holds.max_by_key(|disk| disk.mount_point().as_os_str().len())?;
    Some((nearest.total_space(), nearest.available_space()))
}
