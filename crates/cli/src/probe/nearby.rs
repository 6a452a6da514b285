//! Gateways that announce themselves on this network by multicast DNS. Anybody on it can announce
//! anything: names are only shown, what is said beside name, address and port is not even read, and no
//! secret and no device key goes to such an address (TS-04, TS-05).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use if_addrs::{IfAddr, Interface};
use mdns_sd::{ServiceDaemon, ServiceEvent};

use crate::text;

/// What gateways call themselves, by their generations (configuration reference, §12).
const TYPES: [&str; 3] =
    ["_openclaw-gw._tcp.local.", "_clawdbot-gw._tcp.local.", "_moltbot-gw._tcp.local."];
/// How long to listen.
pub(super) const WINDOW: Duration = Duration::from_secs(2);
/// How many are asked and shown.
const MAX: usize = 32;
/// Characters of a name.
const MAX_NAME: usize = 64;
const LOOK: Duration = Duration::from_millis(20);

/// What was announced, by address: one name for each.
#[derive(Debug, Default)]
pub(super) struct Nearby {
    found: BTreeMap<(Ipv4Addr, u16), String>,
    /// Whether there were more.
    pub(super) overflowed: bool,
}

impl Nearby {
    /// Listens for at most `window`, and not longer than until there is no more room.
    ///
    /// # Errors
    /// When this network cannot be listened to.
    pub(super) fn search(window: Duration) -> Result<Self, mdns_sd::Error> {
        let networks = if_addrs::get_if_addrs().unwrap_or_default();
        let daemon = ServiceDaemon::new()?;
        let mut events = Vec::new();
        for kind in TYPES {
            events.push((kind, daemon.browse(kind)?));
        }
        let mut nearby = Self::default();
        let deadline = Instant::now() + window;
        while Instant::now() < deadline && !nearby.overflowed {
            for (kind, events) in &events {
                for event in events.try_iter().take(MAX) {
                    if let ServiceEvent::ServiceResolved(service) = event {
                        let name = service.fullname.strip_suffix(kind).unwrap_or(&service.fullname);
                        let addresses = service.get_addresses_v4();
                        let near = addresses.into_iter().filter(|ip| is_near(*ip, &networks));
                        nearby.note(name.trim_end_matches('.'), near, service.port);
                    }
                }
            }
            std::thread::sleep(LOOK);
        }
        let _ = daemon.shutdown();
        Ok(nearby)
    }

    fn note(&mut self, name: &str, addresses: impl Iterator<Item = Ipv4Addr>, port: u16) {
        for address in addresses.filter(|_| port != 0) {
            if self.found.len() >= MAX && !self.found.contains_key(&(address, port)) {
                self.overflowed = true;
                return;
            }
            self.found.entry((address, port)).or_insert_with(|| text::short(name, MAX_NAME));
        }
    }

    /// Names and addresses.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (String, String)> {
        self.found.into_iter().map(|((ip, port), name)| (name, format!("ws://{ip}:{port}")))
    }
}

/// Whether the address is in a network that this computer is part of. An announcement is no reason to
/// call anybody further away, or what listens on loopback only.
fn is_near(ip: Ipv4Addr, networks: &[Interface]) -> bool {
    networks.iter().filter(|interface| !interface.is_loopback()).any(|interface| {
        match &interface.addr {
            IfAddr::V4(own) => {
                let mask = own.netmask.to_bits();
                mask != 0 && own.ip.to_bits() & mask == ip.to_bits() & mask
            }
            IfAddr::V6(_) => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_announcements_is_bounded_and_clean_ts_05() {
        let mut nearby = Nearby::default();
        let name = format!("<b>\u{1b}]0;x\u{7}\u{202e}{}", "n".repeat(10_000));
        for number in 0..5_000_u32 {
            let ip = Ipv4Addr::from_bits(0xc0a8_0000 + number);
            nearby.note(&name, std::iter::once(ip), 18789);
        }
        nearby.note("no port", std::iter::once(Ipv4Addr::LOCALHOST), 0);
        assert!(nearby.overflowed);
        let entries: Vec<_> = nearby.into_entries().collect();
        assert_eq!(entries.len(), MAX);
        assert_eq!(entries[0].1, "ws://192.168.0.0:18789");
        for (name, _) in entries {
            assert!(name.chars().count() <= MAX_NAME + 1 && !name.chars().any(text::acts));
        }
    }

    #[test]
    fn nobody_far_away_is_called_ts_04() {
        let interface = |ip: [u8; 4], mask: [u8; 4]| Interface {
            name: "e".to_owned(),
            addr: IfAddr::V4(if_addrs::Ifv4Addr {
                ip: ip.into(),
                netmask: mask.into(),
                prefixlen: 24,
                broadcast: None,
            }),
            index: None,
            oper_status: if_addrs::IfOperStatus::Up,
            is_p2p: false,
        };
        let networks = [
            interface([127, 0, 0, 1], [255, 0, 0, 0]),
            interface([192, 168, 7, 2], [255, 255, 255, 0]),
        ];
        assert!(is_near(Ipv4Addr::new(192, 168, 7, 99), &networks));
        for far in [[192, 168, 8, 1], [1, 1, 1, 1], [127, 0, 0, 1], [169, 254, 169, 254]] {
            assert!(!is_near(far.into(), &networks), "{far:?}");
        }
    }
}
