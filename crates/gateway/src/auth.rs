//! The shared secret and the budget for guessing it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use clawdbot_protocol::{ClientInfo, ConnectAuth, RpcError};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::access::{Caller, OriginKind};

/// Wrong guesses allowed per address and window.
const MAX_FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
const LOCKOUT: Duration = Duration::from_secs(300);
/// Wait for a guess that finds too many others being looked at.
const CROWDED: Duration = Duration::from_secs(1);
/// Addresses remembered at once; the oldest idle one makes room.
const MAX_ADDRESSES: usize = 4096;
/// A native client on this machine waits instead of being locked out.
const LOCAL_DELAY: Duration = Duration::from_millis(250);
const LOCAL_DELAY_MAX: Duration = Duration::from_secs(5);

/// `gateway.auth.mode` as far as this gateway honours it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// A shared token (default).
    Token,
    /// A shared password.
    Password,
    /// No shared secret.
    None,
}

impl AuthMode {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::None => "none",
        }
    }
}

/// Checks shared secrets. Holds only their digests.
pub(crate) struct Auth {
    secret: ArcSwap<SharedSecret>,
    guesses: Mutex<HashMap<Guesser, Guesses>>,
}

/// What clients have to present.
#[derive(PartialEq, Eq)]
struct SharedSecret {
    mode: AuthMode,
    digest: Option<[u8; 32]>,
}

impl SharedSecret {
    fn new(mode: AuthMode, secret: Option<&str>) -> Self {
        Self { mode, digest: secret.map(|secret| Sha256::digest(secret).into()) }
    }
}

/// Who guesses: an address, and whether through a browser. A page that guesses on this machine
/// must not lock out or slow down the owner's own programs.
type Guesser = (IpAddr, bool);

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
    fn check(&mut self, now: Instant) -> Result<(), RpcError> {
        if let Some(until) = self.locked_until.filter(|until| *until > now) {
            return Err(rate_limited(until - now));
        }
        if self.failures >= MAX_FAILURES {
            self.locked_until = Some(now + LOCKOUT);
            return Err(rate_limited(LOCKOUT));
        }
        if self.failures + self.pending >= MAX_FAILURES {
            return Err(rate_limited(CROWDED));
        }
        Ok(())
    }
}

/// A reserved guess. Dropped without [`Guess::was_right`] it counts as wrong.
pub(crate) struct Guess<'a> {
    auth: &'a Auth,
    who: Guesser,
    right: bool,
}

impl Guess<'_> {
    /// Gives the budget back.
    pub(crate) fn was_right(mut self) {
        self.right = true;
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        let mut guesses = self.auth.lock();
        let entry = entry(&mut guesses, self.who, Instant::now());
        entry.pending = entry.pending.saturating_sub(1);
        entry.failures = if self.right { 0 } else { entry.failures + 1 };
        if entry.pending == 0 && entry.failures == 0 {
            guesses.remove(&self.who);
        }
    }
}

/// What the shared-secret check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretCheck {
    /// The secret is right, or none is needed.
    Right,
    /// Nothing was presented.
    Missing,
    /// Something else was presented: perhaps a device token.
    Wrong,
}

impl Auth {
    pub(crate) fn new(mode: AuthMode, secret: Option<&str>) -> Self {
        let secret = ArcSwap::from_pointee(SharedSecret::new(mode, secret));
        Self { secret, guesses: Mutex::default() }
    }

    /// Puts another secret in force. Says whether it differs from the one before.
    pub(crate) fn replace(&self, mode: AuthMode, secret: Option<&str>) -> bool {
        let new = Arc::new(SharedSecret::new(mode, secret));
        *self.secret.swap(new.clone()) != *new
    }

    pub(crate) fn mode(&self) -> AuthMode {
        self.secret.load().mode
    }

    /// Compares fixed-size digests, so that neither length nor prefix shows in the timing.
    pub(crate) fn matches(&self, candidate: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(candidate).into();
        self.secret.load().digest.is_some_and(|known| known.ct_eq(&given).into())
    }

    /// Checks the members of `connect.auth`; either member may carry either secret.
    pub(crate) fn check(&self, auth: Option<&ConnectAuth>) -> SecretCheck {
        if self.mode() == AuthMode::None {
            return SecretCheck::Right;
        }
        let presented: Vec<&str> = auth
            .into_iter()
            .flat_map(|auth| [&auth.token, &auth.password, &auth.device_token])
            .filter_map(|member| member.as_deref())
            .filter(|member| !member.is_empty())
            .collect();
        if presented.is_empty() {
            SecretCheck::Missing
        } else if presented.iter().any(|candidate| self.matches(candidate)) {
            SecretCheck::Right
        } else {
            SecretCheck::Wrong
        }
    }

    /// Reserves one guess for `caller`, or says how long to wait. Native clients on this machine
    /// are slowed down instead.
    pub(crate) async fn reserve(&self, caller: &Caller) -> Result<Guess<'_>, RpcError> {
        let who = guesser(caller);
        let wait = {
            let mut guesses = self.lock();
            let now = Instant::now();
            let entry = entry(&mut guesses, who, now);
            if is_native_local(caller) {
                local_delay(entry.failures)
            } else {
                entry.check(now)?;
                Duration::ZERO
            }
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        entry(&mut self.lock(), who, Instant::now()).pending += 1;
        Ok(Guess { auth: self, who, right: false })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Guesser, Guesses>> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The refusal for a missing or wrong secret (protocol §7.9).
    pub(crate) fn refusal(
        &self,
        check: SecretCheck,
        client: &ClientInfo,
        caller: &Caller,
        has_device: bool,
    ) -> RpcError {
        let kind = if self.mode() == AuthMode::Password { "password" } else { "token" };
        let hint = if client.id.ends_with("control-ui") || client.is_webchat() {
            "open the dashboard URL and paste the token in Control UI settings"
        } else if client.id == "cli" && caller.ip.is_loopback() {
            "use this gateway's gateway.auth.token or pair the device"
        } else if client.id == "cli" {
            "set gateway.remote.token to match gateway.auth.token"
        } else {
            "provide gateway auth token"
        };
        let (state, retry, next) = match check {
            SecretCheck::Missing => ("missing", false, "update_auth_configuration"),
            _ if has_device => ("mismatch", true, "retry_with_device_token"),
            _ => ("mismatch", false, "update_auth_credentials"),
        };
        RpcError::invalid(format!("unauthorized: gateway {kind} {state} ({hint})")).with_details(
            json!({
                "code": format!("AUTH_{}_{}", kind.to_uppercase(), state.to_uppercase()),
                "authReason": format!("{kind}_{state}"),
                "canRetryWithDeviceToken": retry,
                "recommendedNextStep": next,
            }),
        )
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

fn guesser(caller: &Caller) -> Guesser {
    (canonical(caller.ip), caller.origin != OriginKind::Absent)
}

fn is_native_local(caller: &Caller) -> bool {
    caller.direct_local && caller.origin == OriginKind::Absent
}

fn entry(guesses: &mut HashMap<Guesser, Guesses>, who: Guesser, now: Instant) -> &mut Guesses {
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
    let entry = guesses.entry(who).or_insert(Guesses::new(now));
    let expired = match entry.locked_until {
        Some(until) => until <= now,
        None => now - entry.since > WINDOW,
    };
    if expired {
        *entry = Guesses::new(now);
    }
    entry
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
            origin: OriginKind::Absent,
            direct_local: false,
            in_process: false,
        }
    }

    fn presented(token: &str) -> ConnectAuth {
        ConnectAuth { token: Some(token.into()), ..ConnectAuth::default() }
    }

    #[test]
    fn only_the_exact_secret_is_right_ws_02() {
        let auth = Auth::new(AuthMode::Token, Some("correct-horse"));
        assert_eq!(auth.check(Some(&presented("correct-horse"))), SecretCheck::Right);
        for wrong in ["correct-hors", "correct-horse ", "Correct-horse"] {
            assert_eq!(auth.check(Some(&presented(wrong))), SecretCheck::Wrong);
        }
        assert_eq!(auth.check(Some(&presented(""))), SecretCheck::Missing);
        assert_eq!(auth.check(None), SecretCheck::Missing);
        let unset = Auth::new(AuthMode::Token, None);
        assert_eq!(unset.check(Some(&presented("anything"))), SecretCheck::Wrong);
    }

    #[tokio::test(start_paused = true)]
    async fn the_guess_budget_is_ten_a_minute_rl_01() {
        let auth = Auth::new(AuthMode::Token, Some("x"));
        for _ in 0..MAX_FAILURES {
            drop(auth.reserve(&remote()).await.unwrap());
        }
        let refusal = auth.reserve(&remote()).await.map(|_| ()).unwrap_err();
        assert_eq!(refusal.detail_code(), Some("AUTH_RATE_LIMITED"));
        assert_eq!(refusal.retry_after_ms, Some(300_000));
        let other = Caller { ip: [203, 0, 113, 10].into(), ..remote() };
        auth.reserve(&other).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_on_this_machine_is_locked_out_like_anybody_else_rl_01() {
        let auth = Auth::new(AuthMode::Token, Some("x"));
        let page = Caller {
            ip: [127, 0, 0, 1].into(),
            direct_local: true,
            origin: OriginKind::Same,
            in_process: false,
        };
        for _ in 0..MAX_FAILURES {
            drop(auth.reserve(&page).await.unwrap());
        }
        assert!(auth.reserve(&page).await.is_err());
        let native = Caller { origin: OriginKind::Absent, ..page };
        let begun = tokio::time::Instant::now();
        auth.reserve(&native).await.unwrap();
        assert!(begun.elapsed().is_zero(), "the owner's own program is not slowed down");
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_gives_the_budget_back() {
        let auth = Auth::new(AuthMode::Token, Some("x"));
        for _ in 0..50 {
            auth.reserve(&remote()).await.unwrap().was_right();
        }
        assert!(auth.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn honest_clients_that_come_back_together_only_wait_a_moment() {
        let auth = Auth::new(AuthMode::Token, Some("x"));
        let mut looked_at = Vec::new();
        for _ in 0..MAX_FAILURES {
            looked_at.push(auth.reserve(&remote()).await.unwrap());
        }
        let crowded = auth.reserve(&remote()).await.map(|_| ()).unwrap_err();
        assert_eq!(crowded.retry_after_ms, Some(1_000));
        looked_at.drain(..).for_each(Guess::was_right);
        auth.reserve(&remote()).await.unwrap().was_right();
    }

    #[tokio::test(start_paused = true)]
    async fn local_native_clients_wait_but_are_never_locked_out() {
        let auth = Auth::new(AuthMode::Token, Some("x"));
        let local = Caller { ip: [127, 0, 0, 1].into(), direct_local: true, ..remote() };
        let begun = tokio::time::Instant::now();
        for _ in 0..20 {
            drop(auth.reserve(&local).await.unwrap());
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
}
