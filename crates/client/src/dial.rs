//! From an address to an open WebSocket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use clawdbot_protocol::MAX_FRAME;
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::{Error, UrlError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::address::Address;
use crate::dialer::Stream;
use crate::error::{ConnectError, NotAGateway, Stage};
use crate::options::ConnectOptions;
use crate::pin::{Pin, Pinned};

/// A WebSocket over any byte stream.
pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// The one deadline of a connection attempt, and whom to blame when it passes.
pub(crate) struct Attempt<'a> {
    pub(crate) address: &'a Address,
    pub(crate) deadline: Instant,
    pub(crate) options: &'a ConnectOptions,
}

impl Attempt<'_> {
    /// Waits for one stage, at most until the deadline.
    pub(crate) async fn stage<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let done = tokio::time::timeout_at(self.deadline, work).await.unwrap_or_else(|_| {
            Err(ConnectError::Timeout {
                host: self.address.name(),
                stage,
                after: self.options.timeout,
            })
        })?;
        if let Some(stages) = &self.options.stages {
            let _ = stages.try_send((stage, Instant::now()));
        }
        Ok(done)
    }

    pub(crate) fn not_a_gateway(&self, reason: NotAGateway) -> ConnectError {
        ConnectError::NotAGateway { host: self.address.name(), reason }
    }

    /// Dials and upgrades.
    pub(crate) async fn dial(&self) -> Result<Socket, ConnectError> {
        let io = self.stream().await?;
        self.stage(Stage::Upgrade, self.upgrade(io)).await
    }

    /// Opens the byte stream: into the tunnel if there is one, else to the address.
    pub(crate) async fn stream(&self) -> Result<Box<dyn Stream>, ConnectError> {
        if let Some(dialer) = &self.options.dialer {
            let dialled = async { dialer.dial().await.map_err(|source| self.unreachable(source)) };
            return self.stage(Stage::Dial, dialled).await;
        }
        let found = self.stage(Stage::Name, self.addresses()).await?;
        let tcp = self.stage(Stage::Dial, self.tcp(&found)).await?;
        if self.address.tls {
            self.stage(Stage::Tls, self.tls(tcp)).await
        } else {
            Ok(Box::new(tcp))
        }
    }

    fn unreachable(&self, source: io::Error) -> ConnectError {
        ConnectError::Unreachable { host: self.address.name(), source }
    }

    /// Looks the name up; what may not be dialled is refused.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, ConnectError> {
        let found: Vec<SocketAddr> =
            tokio::net::lookup_host((self.address.host.as_str(), self.address.port))
                .await
                .map_err(|source| self.unreachable(source))?
                .collect();
        for address in &found {
            self.address.allows(address.ip())?;
        }
        Ok(found)
    }

    async fn tcp(&self, found: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
        let unreachable = |source| self.unreachable(source);
        let tcp = TcpStream::connect(found).await.map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        Ok(tcp)
    }

    async fn tls(&self, tcp: TcpStream) -> Result<Box<dyn Stream>, ConnectError> {
        let failed = |source| ConnectError::Tls { host: self.address.name(), source };
        let config = tls_config(self.options.pin).map_err(io::Error::other).map_err(failed)?;
        let name = ServerName::try_from(self.address.host.clone())
            .map_err(io::Error::other)
            .map_err(failed)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        Ok(Box::new(connector.connect(name, tcp).await.map_err(failed)?))
    }

    async fn upgrade(&self, io: Box<dyn Stream>) -> Result<Socket, ConnectError> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let request = self
            .address
            .uri
            .clone()
            .into_client_request()
            .map_err(|_| crate::address::AddressError::Malformed)?;
        match tokio_tungstenite::client_async_with_config(request, io, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(response)) => {
                let status = response.status();
                let reason = if status.is_redirection() {
                    NotAGateway::Redirect(status.as_u16())
                } else if matches!(status.as_u16(), 502..=504) {
                    NotAGateway::NoneBehind(status.as_u16())
                } else if status.as_u16() == 508 {
                    NotAGateway::Circle
                } else {
                    NotAGateway::Status(status.as_u16())
                };
                Err(self.not_a_gateway(reason))
            }
            Err(Error::Url(UrlError::UnsupportedUrlScheme)) => {
                Err(crate::address::AddressError::Malformed.into())
            }
            Err(Error::Io(source)) => {
                Err(ConnectError::Unreachable { host: self.address.name(), source })
            }
            Err(_) => Err(self.not_a_gateway(NotAGateway::NotWebSocket)),
        }
    }
}

/// The system's own idea of which certificates are good, unless one is pinned.
fn tls_config(pin: Option<Pin>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match pin {
        Some(pin) => Arc::new(Pinned { pin, provider: provider.clone() }),
        None => Arc::new(rustls_platform_verifier::Verifier::new(provider.clone())?),
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}
