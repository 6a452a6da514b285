//! The program that runs a gateway: what people type, what they see, what is on the disk afterwards.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod home;
mod refusals;
mod run;
