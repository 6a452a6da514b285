//! The program that runs a gateway: what people type, what they see, what is on the disk afterwards.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says why")]

mod doctor;
mod home;
mod moving;
mod nearby;
mod refusals;
mod run;
mod service;
mod setting_up;
mod views;
