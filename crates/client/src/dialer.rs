//! Where bytes go.

use std::fmt;
use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream, encrypted or not.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens byte streams to one place, for example into an ssh tunnel. Clones are handles to the same.
#[derive(Clone)]
pub struct Dialer(Arc<dyn Fn() -> Opening + Send + Sync>);

type Opening = BoxFuture<'static, io::Result<Box<dyn Stream>>>;

impl Dialer {
    /// A dialer that opens each stream with `open`.
    pub fn new<F, S>(open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: Stream + 'static,
    {
        Self(Arc::new(move || {
            let opening = open();
            Box::pin(async move { Ok(Box::new(opening.await?) as Box<dyn Stream>) })
        }))
    }

    /// Opens one stream.
    ///
    /// # Errors
    /// Whatever keeps the place from being reached.
    pub async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        (self.0)().await
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}
