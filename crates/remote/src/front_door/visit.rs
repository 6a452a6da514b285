//! One connection to a front door: requests and answers are passed on, and then bytes.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{Either, Empty, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HeaderValue, UPGRADE, X_CONTENT_TYPE_OPTIONS};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::names::{self, Refusal};
use super::{FarEnd, Pages};

/// How long a connection waits for a tunnel that is coming back.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause between two looks at a target that cannot be reached.
const LOOK: Duration = Duration::from_millis(100);

type Answer = Response<Either<Incoming, Full<Bytes>>>;
type Question = Request<Either<Incoming, Empty<Bytes>>>;

/// What one visitor has opened so far.
struct Visit {
    pages: Pages,
    target: watch::Receiver<Option<FarEnd>>,
    far: Option<Far>,
    /// Both ends of a socket, once the far end agreed to it.
    switched: Option<(OnUpgrade, OnUpgrade, Far)>,
}

/// A connection to the far end.
struct Far {
    sender: SendRequest<Either<Incoming, Empty<Bytes>>>,
    end: FarEnd,
    _driver: AbortOnDropHandle<()>,
}

/// Serves one visitor until either side ends it.
pub(super) async fn serve(
    visitor: TcpStream,
    target: watch::Receiver<Option<FarEnd>>,
    pages: Pages,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    visitor.set_nodelay(true)?;
    let visit = Arc::new(Mutex::new(Visit { pages, target, far: None, switched: None }));
    let answering = visit.clone();
    let service = service_fn(move |request| {
        let visit = answering.clone();
        async move { Ok::<_, Infallible>(visit.lock().await.answer(request).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(visitor), service)
        .with_upgrades()
        .await?;
    let switched = visit.lock().await.switched.take();
    if let Some((visitor, far, _connection)) = switched {
        let (visitor, far) = tokio::try_join!(visitor, far)?;
        let (mut visitor, mut far) = (TokioIo::new(visitor), TokioIo::new(far));
        tokio::io::copy_bidirectional(&mut visitor, &mut far).await?;
    }
    Ok(())
}

impl Visit {
    async fn answer(&mut self, mut request: Request<Incoming>) -> Answer {
        if let Err(refusal) = names::judge(&request) {
            tracing::warn!(reason = %refusal, "the front door refuses a request");
            return say(refusal.status(), refusal.to_string());
        }
        if let Some(page) = self.page(&request).await {
            return page.map(|bytes| Either::Right(Full::new(bytes)));
        }
        let visitor = hyper::upgrade::on(&mut request);
        match self.pass(request).await {
            Ok((mut response, far)) => {
                names::tame(response.headers_mut());
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    let other = hyper::upgrade::on(&mut response);
                    self.switched = Some((visitor, other, far));
                } else {
                    self.far = Some(far);
                }
                response.map(Either::Left)
            }
            Err(error) => match error.downcast_ref::<Refusal>() {
                Some(refusal) => say(refusal.status(), refusal.to_string()),
                None => say(
                    StatusCode::BAD_GATEWAY,
                    format!(
                        "The remote gateway cannot be reached: {error}. Look at the connection in Clawdbot, then try again."
                    ),
                ),
            },
        }
    }

    /// The door's own page for a request, if it asks for one.
    async fn page(&mut self, request: &Request<Incoming>) -> Option<Response<Bytes>> {
        if !request.method().is_safe() || request.headers().contains_key(UPGRADE) {
            return None;
        }
        let path = request.uri().path();
        let pages = self.pages;
        // What is no page at all waits for no gateway.
        pages(path, "")?;
        let named = tokio::time::timeout(PATIENCE, self.target.wait_for(Option::is_some)).await;
        let name = named.ok()?.ok()?.as_ref()?.name.clone();
        pages(path, &name)
    }

    /// Sends a request, and again if the far end went away before it got there. One that asks for
    /// nothing to be done is also sent again when nobody knows: a tunnel that breaks takes what was
    /// just given to it along.
    async fn pass(
        &mut self,
        request: Request<Incoming>,
    ) -> Result<(Response<Incoming>, Far), Box<dyn std::error::Error + Send + Sync>> {
        let deadline = Instant::now() + PATIENCE;
        let (head, body) = request.into_parts();
        let repeatable = head.method.is_safe() && body.is_end_stream();
        let repeat = || repeatable.then(|| Request::from_parts(head.clone(), Empty::new()));
        let mut request: Question = Request::from_parts(head.clone(), Either::Left(body));
        loop {
            let mut far = match self.far.take() {
                Some(far) if !self.target.has_changed()? && !far.sender.is_closed() => far,
                _ => self.dial(deadline).await?,
            };
            if !names::is_about(&request, &far.end) {
                return Err(Refusal::Gateway.into());
            }
            names::rename(&mut request, &far.end);
            // What is not ready gives the request back.
            let _ = far.sender.ready().await;
            let mut failed = match far.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, far)),
                Err(failed) => failed,
            };
            let unsent = failed.take_message().or_else(|| Some(repeat()?.map(Either::Right)));
            match unsent.filter(|_| Instant::now() < deadline) {
                Some(unsent) => request = unsent,
                None => return Err(failed.into_error().into()),
            }
            self.look().await;
        }
    }

    /// Dials whatever is the target, until it answers or the patience ends.
    async fn dial(&mut self, deadline: Instant) -> io::Result<Far> {
        let mut last = io::Error::from(io::ErrorKind::NotConnected);
        while Instant::now() < deadline {
            let end = self.target.borrow_and_update().clone();
            if let Some(end) = end {
                match tokio::time::timeout_at(deadline, end.open()).await {
                    Ok(Ok(far)) => return Ok(far),
                    Ok(Err(error)) => last = error,
                    Err(_) => break,
                }
            }
            self.look().await;
        }
        Err(last)
    }

    /// Waits until there may be something new about the target.
    async fn look(&mut self) {
        let _ = tokio::time::timeout(LOOK, self.target.changed()).await;
    }
}

impl FarEnd {
    async fn open(&self) -> io::Result<Far> {
        let stream = self.dialer.dial().await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "the far end of the front door ended");
            }
        });
        Ok(Far { sender, end: self.clone(), _driver: AbortOnDropHandle::new(driver) })
    }
}

fn say(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Either::Right(Full::new(Bytes::from(text + "\n"))));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
