//! The budget for guessing secrets: one per address, whatever door is tried. WebSocket, HTTP and
//! hooks draw on the same one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use clawdbot_config::RateLimitConfig;
use clawdbot_protocol::RpcError;
use serde_json::json;

use crate::access::{Caller, OriginKind};

/// Wait for a guess that finds too many others being looked at.
const CROWDED: Duration = Duration::from_secs(1);
/// Addresses remembered at once; the oldest idle one makes room.
const MAX_ADDRESSES: usize = 4096;
/// A native client on this machine waits instead of being locked out.
const LOCAL_DELAY: Duration = Duration::from_millis(250);
const LOCAL_DELAY_MAX: Duration = Duration::from_secs(5);

/// All guesses that are remembered.
#[derive(Default)]
pub(crate) struct Budget {
    limits: ArcSwap<RateLimitConfig>,
    guesses: Mutex<HashMap<Guesser, Guesses>>,
}

/// Who guesses. Programs on this machine have a budget of their own, so that neither a page nor a
/// stranger behind a tunnel can lock out or slow down the owner.
type Guesser = (IpAddr, Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Anybody,
    NativeLocal,
}

#[derive(Clone, Copy)]
struct Guesses {
    failures: u32,
    /// Guesses that are being looked at right now.
    pending: u32,
    since: Instant,
    locked_until: Option<Instant>,
}

impl Guesses {
    fn new(now: Instant) -> Self {
        Self { failures: 0, pending: 0, since: now, locked_until: None }
    }

    /// Whether one more guess may be looked at. Many honest clients that come back at once are
    /// asked to wait a moment; only wrong guesses lock out.
    fn check(&mut self, limits: &RateLimitConfig, now: Instant) -> Result<(), RpcError> {
        if let Some(until) = self.locked_until.filter(|until| *until > now) {
            return Err(rate_limited(until - now));
        }
        if self.failures >= limits.max_attempts {
            let lockout = Duration::from_millis(limits.lockout_ms);
            self.locked_until = Some(now + lockout);
            return Err(rate_limited(lockout));
        }
        if self.failures + self.pending >= limits.max_attempts {
            return Err(rate_limited(CROWDED));
        }
        Ok(())
    }
}

/// A reserved guess. Dropped without [`Guess::was_right`] it counts as wrong.
pub(crate) struct Guess<'a> {
    budget: &'a Budget,
    who: Guesser,
    right: bool,
}

impl Guess<'_> {
    /// Gives this guess back. Earlier wrong ones stay: whoever knows one secret must not be able
    /// to guess another one without end.
    pub(crate) fn was_right(mut self) {
        self.right = true;
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        let mut guesses = self.budget.lock();
        let entry = self.budget.entry(&mut guesses, self.who, Instant::now());
        entry.pending = entry.pending.saturating_sub(1);
        if !self.right {
            entry.failures += 1;
        }
        if entry.pending == 0 && entry.failures == 0 {
            guesses.remove(&self.who);
        }
    }
}

impl Budget {
    /// Puts other limits (`gateway.auth.rateLimit`) in force; what was counted stays counted.
    pub(crate) fn set_limits(&self, limits: &RateLimitConfig) {
        self.limits.store(limits.clone().into());
    }

    /// Reserves one guess for `caller`, or says how long to wait. Unless configured otherwise
    /// native clients on this machine are slowed down instead.
    pub(crate) async fn reserve(&self, caller: &Caller) -> Result<Guess<'_>, RpcError> {
        let kind = if is_native_local(caller) { Kind::NativeLocal } else { Kind::Anybody };
        self.take((canonical(caller.ip), kind)).await
    }

    /// The same without favours: a hook is called by a program, and a tunnel makes anybody local.
    pub(crate) async fn reserve_for_hook(&self, caller: &Caller) -> Result<Guess<'_>, RpcError> {
        self.take((canonical(caller.ip), Kind::Anybody)).await
    }

    async fn take(&self, who: Guesser) -> Result<Guess<'_>, RpcError> {
        let limits = self.limits.load_full();
        let wait = {
            let mut guesses = self.lock();
            let now = Instant::now();
            let entry = self.entry(&mut guesses, who, now);
            let wait = if who.1 == Kind::NativeLocal && limits.exempt_loopback {
                local_delay(entry.failures)
            } else {
                entry.check(&limits, now)?;
                Duration::ZERO
            };
            entry.pending += 1;
            wait
        };
        let guess = Guess { budget: self, who, right: false };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(guess)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Guesser, Guesses>> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry<'m>(
        &self,
        guesses: &'m mut HashMap<Guesser, Guesses>,
        who: Guesser,
        now: Instant,
    ) -> &'m mut Guesses {
        if guesses.len() >= MAX_ADDRESSES && !guesses.contains_key(&who) {
            let idle = guesses
                .iter()
                .filter(|(_, g)| g.locked_until.is_none_or(|until| until <= now))
                .min_by_key(|(_, g)| g.since)
                .map(|(who, _)| *who);
            if let Some(idle) = idle {
                guesses.remove(&idle);
            }
        }
        let window = Duration::from_millis(self.limits.load().window_ms);
        let entry = guesses.entry(who).or_insert(Guesses::new(now));
        let expired = match entry.locked_until {
            Some(until) => until <= now,
            None => now - entry.since > window,
        };
        if expired {
            *entry = Guesses { pending: entry.pending, ..Guesses::new(now) };
        }
        entry
    }
}

/// One key per caller: IPv4 as such, IPv6 by its /64.
fn canonical(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

fn is_native_local(caller: &Caller) -> bool {
    caller.direct_local && caller.origin == OriginKind::Absent
}

fn local_delay(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        n => LOCAL_DELAY.saturating_mul(1 << (n - 1).min(8)).min(LOCAL_DELAY_MAX),
    }
}

fn rate_limited(wait: Duration) -> RpcError {
    RpcError::invalid("unauthorized: too many failed authentication attempts (retry later)")
        .with_details(json!({
            "code": "AUTH_RATE_LIMITED",
            "authReason": "rate_limited",
            "recommendedNextStep": "wait_then_retry",
        }))
        .retry_after(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote() -> Caller {
        Caller {
            ip: [203, 0, 113, 9].into(),
            direct_local: false,
            in_process: false,
            ..Caller::in_process()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_guess_budget_is_ten_a_minute_rl_01() {
        let budget = Budget::default();
        for _ in 0..10 {
            drop(budget.reserve(&remote()).await.unwrap());
        }
        let refusal = budget.reserve(&remote()).await.map(|_| ()).unwrap_err();
        assert_eq!(refusal.detail_code(), Some("AUTH_RATE_LIMITED"));
        assert_eq!(refusal.retry_after_ms, Some(300_000));
        let other = Caller { ip: [203, 0, 113, 10].into(), ..remote() };
        budget.reserve(&other).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_on_this_machine_is_locked_out_like_anybody_else_rl_01() {
        let budget = Budget::default();
        let page = Caller { origin: OriginKind::Same, in_process: false, ..Caller::in_process() };
        for _ in 0..10 {
            drop(budget.reserve(&page).await.unwrap());
        }
        assert!(budget.reserve(&page).await.is_err());
        let native = Caller { origin: OriginKind::Absent, ..page.clone() };
        let begun = tokio::time::Instant::now();
        budget.reserve(&native).await.unwrap();
        assert!(begun.elapsed().is_zero(), "the owner's own program is not slowed down");
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_costs_nothing() {
        let budget = Budget::default();
        for _ in 0..50 {
            budget.reserve(&remote()).await.unwrap().was_right();
        }
        assert!(budget.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_guess_does_not_pay_for_wrong_ones_rl_01_rl_04() {
        let budget = Budget::default();
        for _ in 0..10 {
            drop(budget.reserve(&remote()).await.unwrap());
            // In between with a secret that is known.
            let known = budget.reserve_for_hook(&remote()).await;
            known.into_iter().for_each(Guess::was_right);
        }
        let refusal = budget.reserve(&remote()).await.map(|_| ()).unwrap_err();
        assert!(refusal.retry_after_ms > Some(1_000), "locked out");
    }

    #[tokio::test(start_paused = true)]
    async fn honest_clients_that_come_back_together_only_wait_a_moment() {
        let budget = Budget::default();
        let mut looked_at = Vec::new();
        for _ in 0..10 {
            looked_at.push(budget.reserve(&remote()).await.unwrap());
        }
        let crowded = budget.reserve(&remote()).await.map(|_| ()).unwrap_err();
        assert_eq!(crowded.retry_after_ms, Some(1_000));
        looked_at.drain(..).for_each(Guess::was_right);
        budget.reserve(&remote()).await.unwrap().was_right();
    }

    #[tokio::test(start_paused = true)]
    async fn local_native_clients_wait_but_are_never_locked_out() {
        let budget = Budget::default();
        let local = Caller { ip: [127, 0, 0, 1].into(), direct_local: true, ..remote() };
        let begun = tokio::time::Instant::now();
        for _ in 0..20 {
            drop(budget.reserve(&local).await.unwrap());
        }
        assert!(begun.elapsed() > Duration::from_secs(60));
    }

    #[test]
    fn one_budget_per_ipv6_network_rl_03() {
        let a: IpAddr = "2001:db8::1".parse().unwrap();
        let b: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        assert_eq!(canonical(a), canonical(b));
        assert_eq!(canonical("::ffff:1.2.3.4".parse().unwrap()), IpAddr::from([1, 2, 3, 4]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_and_a_page_draw_on_the_budget_of_their_address_hook_04() {
        let budget = Budget::default();
        let page = Caller { origin: OriginKind::Allowed, ..remote() };
        for n in 0..10 {
            match n % 3 {
                0 => drop(budget.reserve(&remote()).await.unwrap()),
                1 => drop(budget.reserve(&page).await.unwrap()),
                _ => drop(budget.reserve_for_hook(&remote()).await.unwrap()),
            }
        }
        assert!(budget.reserve(&remote()).await.is_err());
        assert!(budget.reserve(&page).await.is_err());
        assert!(budget.reserve_for_hook(&remote()).await.is_err());
        // Through a tunnel everybody is local; that must cost the owner nothing.
        let local = Caller { in_process: false, ..Caller::in_process() };
        for _ in 0..10 {
            drop(budget.reserve_for_hook(&local).await.unwrap());
        }
        assert!(budget.reserve_for_hook(&local).await.is_err());
        let begun = tokio::time::Instant::now();
        budget.reserve(&local).await.unwrap().was_right();
        assert!(begun.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn the_configured_limits_hold_at_once() {
        let budget = Budget::default();
        let limits = RateLimitConfig { max_attempts: 2, lockout_ms: 7_000, ..Default::default() };
        budget.set_limits(&RateLimitConfig { exempt_loopback: false, ..limits });
        let local = Caller { in_process: false, ..Caller::in_process() };
        for caller in [remote(), local] {
            for _ in 0..2 {
                drop(budget.reserve(&caller).await.unwrap());
            }
            let refusal = budget.reserve(&caller).await.map(|_| ()).unwrap_err();
            assert_eq!(refusal.retry_after_ms, Some(7_000));
        }
    }
}
