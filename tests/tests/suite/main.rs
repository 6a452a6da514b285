//! The gateway over its real socket: what it says on the wire and what it leaves on the disk.
//! Every test names the protocol section or the security case it stands for.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod chat;
mod compaction;
mod config;
mod conformance;
mod crash;
mod cron;
mod devices;
mod exec;
mod files;
mod flood;
mod frames;
mod handshake;
mod heartbeat;
mod hooks;
mod idempotency;
mod import;
mod limits;
mod local;
mod nodes;
mod pages;
mod pairing;
mod panics;
mod proxies;
mod publish;
mod recordings;
mod reliability;
mod scopes;
mod sessions;
mod setup_codes;
mod skills;
mod startup;
mod stock_clients;
mod surroundings;
mod tailnet;
mod traces;
mod tunnel;
mod web;
