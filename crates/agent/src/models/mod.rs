//! Implementations of [`crate::Model`].

mod demo;
mod genai;
mod http;
pub(crate) mod known;

pub use demo::Demo;

pub(crate) use genai::{Connection, Remote};
pub(crate) use http::Http;
pub use http::http_client;
pub use known::{ProviderChoice, provider_choices};
