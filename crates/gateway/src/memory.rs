//! Memory that only a start needs: of what is in memory of the program's own file and its
//! libraries, most was read once, to find and to relocate symbols.

use std::time::Duration;

/// A start is over by then; so is the closing of a window.
const CALM: Duration = Duration::from_secs(3);

/// Waits a few seconds, then gives back what can be read again from a file when it is needed.
/// On systems other than Linux it does nothing: they count such memory differently.
pub async fn give_back_when_calm() {
    tokio::time::sleep(CALM).await;
    #[cfg(target_os = "linux")]
    match tokio::task::spawn_blocking(linux::give_back).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "no memory was given back"),
        Err(error) => tracing::debug!(%error, "no memory was given back"),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::c_void;
    use std::ptr;

    use procfs::ProcResult;
    use procfs::process::{MMPermissions, MMapPath, MemoryMap, Process};
    use rustix::mm::{Advice, madvise};

    pub(super) fn give_back() -> ProcResult<()> {
        for map in Process::myself()?.smaps()? {
            if is_as_in_its_file(&map) {
                drop_pages(map.address);
            }
        }
        Ok(())
    }

    /// Nothing in it was or can be changed: a page that is dropped comes back as it was.
    fn is_as_in_its_file(map: &MemoryMap) -> bool {
        let changed = map.extension.map.get("Anonymous");
        matches!(map.pathname, MMapPath::Path(_))
            && map.perms.contains(MMPermissions::PRIVATE)
            && !map.perms.contains(MMPermissions::WRITE)
            && changed == Some(&0)
    }

    #[expect(unsafe_code, reason = "the system is told about memory by its address")]
    fn drop_pages((start, end): (u64, u64)) {
        let (Ok(address), Ok(size)) = (usize::try_from(start), usize::try_from(end - start)) else {
            return;
        };
        let address: *mut c_void = ptr::with_exposed_provenance_mut(address);
        // SAFETY: the pages are read-only and equal to those of the file they are from, so whoever
        // reads them next gets the same bytes; one that was unmapped meanwhile is refused.
        let dropped = unsafe { madvise(address, size, Advice::LinuxDontNeed) };
        if let Err(error) = dropped {
            tracing::debug!(%error, "a piece of memory was not given back");
        }
    }

    #[cfg(test)]
    mod tests {
        use super::give_back;

        fn resident_of_files() -> u64 {
            let status = procfs::process::Process::myself().unwrap().status().unwrap();
            status.rssfile.unwrap()
        }

        #[test]
        fn what_a_start_has_read_is_given_back() {
            let before = resident_of_files();
            give_back().unwrap();
            assert!(resident_of_files() < before);
        }
    }
}
