//! The gateway over its real socket: what it says on the wire and what it leaves on the disk.
//! Every test names the protocol section or the security case it stands for.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chat;
mod config;
mod conformance;
mod crash;
mod cron;
mod devices;
mod exec;
mod files;
mod frames;
mod handshake;
mod heartbeat;
mod idempotency;
mod limits;
mod local;
mod nodes;
mod pairing;
mod recordings;
mod scopes;
mod sessions;
mod setup_codes;
mod skills;
mod startup;
mod stock_clients;
mod surroundings;
mod traces;
mod web;
