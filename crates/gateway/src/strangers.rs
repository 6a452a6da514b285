//! Connections that have not proven anything yet. There is room for a few per address and for a
//! limited number in all; whoever has been silent longest makes room for who comes next, so that a
//! flood drowns itself and an honest client, which proves itself at once, always gets in (DOS-02).

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Strangers of one address.
const MAX_PER_ADDRESS: usize = 128;
/// Strangers in all.
const MAX_TOTAL: usize = 1024;

/// Everybody who has not proven anything yet.
#[derive(Clone, Default)]
pub(crate) struct Strangers {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// By address, in order of arrival.
    waiting: HashMap<IpAddr, VecDeque<(u64, CancellationToken)>>,
    total: usize,
    next: u64,
}

/// One connection's place among the strangers; given up when dropped.
pub(crate) struct Stranger {
    strangers: Strangers,
    ip: IpAddr,
    id: u64,
    evicted: CancellationToken,
    admitted: AtomicBool,
}

impl Strangers {
    /// Takes a newcomer in; a proxy brings many clients and only counts in all.
    pub(crate) fn arrive(&self, ip: IpAddr, is_proxy: bool) -> Stranger {
        let ip = ip.to_canonical();
        let evicted = CancellationToken::new();
        let mut inner = self.lock();
        let id = inner.next;
        inner.next += 1;
        let here = inner.waiting.get(&ip).map_or(0, VecDeque::len);
        if here >= MAX_PER_ADDRESS && !is_proxy {
            inner.evict(ip);
        } else if inner.total >= MAX_TOTAL {
            let crowded = inner.waiting.iter().max_by_key(|(_, queue)| queue.len());
            let crowded = crowded.map(|(ip, _)| *ip);
            if let Some(ip) = crowded {
                inner.evict(ip);
            }
        }
        inner.waiting.entry(ip).or_default().push_back((id, evicted.clone()));
        inner.total += 1;
        drop(inner);
        let admitted = AtomicBool::new(false);
        Stranger { strangers: self.clone(), ip, id, evicted, admitted }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn evict(&mut self, ip: IpAddr) {
        let oldest = self.waiting.get(&ip).and_then(|queue| queue.front()).cloned();
        if let Some((id, evicted)) = oldest {
            evicted.cancel();
            self.remove(ip, id);
        }
    }

    fn remove(&mut self, ip: IpAddr, id: u64) {
        let Some(queue) = self.waiting.get_mut(&ip) else { return };
        let before = queue.len();
        queue.retain(|(waiting, _)| *waiting != id);
        self.total -= before - queue.len();
        if queue.is_empty() {
            self.waiting.remove(&ip);
        }
    }
}

impl Stranger {
    /// It has proven itself and is counted no longer.
    pub(crate) fn admit(&self) {
        self.admitted.store(true, Ordering::Release);
        self.leave();
    }

    /// Resolves when it has to make room.
    pub(crate) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// Whether it has proven itself.
    pub(crate) fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Acquire)
    }

    fn leave(&self) {
        self.strangers.lock().remove(self.ip, self.id);
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [203, 0, 113, last].into()
    }

    fn stays(stranger: &Stranger) -> bool {
        !stranger.evicted.is_cancelled()
    }

    #[test]
    fn the_longest_silent_of_an_address_makes_room_dos_02() {
        let strangers = Strangers::default();
        let other = strangers.arrive(ip(2), false);
        let flood: Vec<_> = (0..5_000).map(|_| strangers.arrive(ip(1), false)).collect();
        assert!(stays(&other));
        let left = flood.iter().filter(|stranger| stays(stranger)).count();
        assert_eq!(left, MAX_PER_ADDRESS);
        assert!(stays(&flood[4_999]));
        drop(flood);
        assert_eq!(strangers.lock().total, 1);
    }

    #[test]
    fn the_crowded_address_makes_room_for_all_dos_02() {
        let strangers = Strangers::default();
        let quiet = strangers.arrive(ip(0), false);
        let crowd: Vec<_> =
            (0..2_000).map(|n| strangers.arrive(ip(1 + (n % 20) as u8), true)).collect();
        assert_eq!(strangers.lock().total, MAX_TOTAL);
        assert!(stays(&quiet));
        drop(crowd);
    }

    #[test]
    fn whoever_is_admitted_is_never_evicted() {
        let strangers = Strangers::default();
        let client = strangers.arrive(ip(1), false);
        client.admit();
        let flood: Vec<_> = (0..5_000).map(|_| strangers.arrive(ip(1), false)).collect();
        assert!(stays(&client) && client.is_admitted());
        drop(flood);
        drop(client);
        assert!(strangers.lock().waiting.is_empty());
    }
}
