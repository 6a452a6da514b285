//! The gateway over its real socket: what it says on the wire and what it leaves on the disk.
//! Every test names the protocol section or the security case it stands for.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chat;
mod conformance;
mod crash;
mod devices;
mod files;
mod frames;
mod handshake;
mod idempotency;
mod limits;
mod local;
mod recordings;
mod scopes;
mod skills;
mod startup;
mod stock_clients;
mod surroundings;
mod traces;
mod web;
