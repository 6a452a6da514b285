//! How much a page may have before it that it has not read. A web view takes whatever it is given and
//! keeps it, so only the page itself can tell.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// What is unread at most, in places; a frame takes one, and one more for each [`PLACE`] bytes.
const PLACES: u32 = 512;
const PLACE: usize = 16 * 1024;
/// What one frame takes at most. The page tells of what it has read in portions (64 frames or 256 Ki
/// characters), which have to fit beside it.
const MOST: u32 = PLACES / 2;

/// The room before one page.
pub(super) struct Room {
    free: Semaphore,
    /// What each unread frame takes, the oldest first.
    unread: Mutex<VecDeque<u32>>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { free: Semaphore::new(PLACES as usize), unread: Mutex::default() }
    }

    /// Waits until there is room for a frame of so many bytes, and takes it.
    pub(super) async fn take(&self, bytes: usize) {
        let places = u32::try_from(1 + bytes / PLACE).unwrap_or(MOST).min(MOST);
        // It is never closed.
        if let Ok(taken) = self.free.acquire_many(places).await {
            taken.forget();
        }
        self.unread().push_back(places);
    }

    /// The page has read so many frames. Saying more than there were makes no more room.
    pub(super) fn read(&self, frames: usize) {
        let mut unread = self.unread();
        let frames = frames.min(unread.len());
        let places: u32 = unread.drain(..frames).sum();
        self.free.add_permits(places as usize);
    }

    fn unread(&self) -> MutexGuard<'_, VecDeque<u32>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
