//! Who this gateway is, as a device: an Ed25519 key made once. It never leaves the database, which
//! only its owner can read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawdbot_protocol::{DeviceIdentity, GatewayIdentity, RpcError};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::devices::new_token;
use crate::error::store_error;
use crate::shared::Shared;

const KIND: &str = "gateway-identity";
const ID: &str = "self";

/// The gateway's identity, read or made when somebody first asks.
#[derive(Default)]
pub(crate) struct OwnIdentity {
    known: OnceCell<Known>,
}

/// What may be told of it.
pub(crate) struct Known {
    pub(crate) public: GatewayIdentity,
    pub(crate) created_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    /// 32 bytes, base64url.
    seed: String,
    created_at_ms: i64,
}

impl OwnIdentity {
    /// The identity; on disk before it is told.
    pub(crate) async fn get(&self, shared: &Shared) -> Result<&Known, RpcError> {
        self.known.get_or_try_init(|| read_or_make(shared)).await
    }
}

async fn read_or_make(shared: &Shared) -> Result<Known, RpcError> {
    let stored = shared.store.get_doc(KIND, ID).await.map_err(store_error)?;
    if let Some(stored) = stored {
        let known = serde_json::from_value(stored).ok().and_then(|stored| known(&stored));
        return known
            .ok_or_else(|| RpcError::unavailable("the gateway's stored identity cannot be read"));
    }
    let made = Stored { seed: new_token(), created_at_ms: shared.now_ms() };
    let body = serde_json::to_value(&made)
        .map_err(|error| RpcError::unavailable(format!("cannot store an identity: {error}")))?;
    shared.store.put_doc(KIND, ID, &body).await.map_err(store_error)?;
    known(&made).ok_or_else(|| RpcError::unavailable("cannot make an identity"))
}

fn known(stored: &Stored) -> Option<Known> {
    let seed: [u8; 32] = URL_SAFE_NO_PAD.decode(&stored.seed).ok()?.try_into().ok()?;
    let identity = DeviceIdentity::from_seed(&seed);
    Some(Known {
        public: GatewayIdentity { device_id: identity.id(), public_key: identity.public_key() },
        created_at_ms: stored.created_at_ms,
    })
}
