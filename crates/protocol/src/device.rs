use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::{DeviceProof, Generation};

/// Clock difference tolerated in a generation 4 proof, in milliseconds.
const SKEW_MS: i64 = 120_000;
/// Clock difference tolerated from generation 3 peers, in milliseconds.
const SKEW_V3_MS: i64 = 600_000;

/// What a device signs, besides its id and the challenge (protocol §8.2).
#[derive(Debug, Clone, Copy)]
pub struct ProofTerms<'a> {
    /// `client.id` as sent.
    pub client_id: &'a str,
    /// `client.mode` as sent.
    pub client_mode: &'a str,
    /// `role` as sent, `operator` when omitted.
    pub role: &'a str,
    /// `scopes` exactly as sent, in that order.
    pub scopes: &'a [String],
    /// The credential member that counts, or empty.
    pub token: &'a str,
    /// `client.platform` as sent.
    pub platform: &'a str,
    /// `client.deviceFamily` as sent, or empty.
    pub device_family: &'a str,
}

impl ProofTerms<'_> {
    fn payload(&self, version: &str, id: &str, signed_at: i64, nonce: &str) -> String {
        let scopes = self.scopes.join(",");
        let Self { client_id, client_mode, role, token, .. } = self;
        let mut payload =
            format!("{version}|{id}|{client_id}|{client_mode}|{role}|{scopes}|{signed_at}|{token}");
        if version != "v1" {
            payload.push('|');
            payload.push_str(nonce);
        }
        if version == "v3" {
            for part in [self.platform, self.device_family] {
                payload.push('|');
                payload.push_str(&part.trim().to_ascii_lowercase());
            }
        }
        payload
    }
}

/// Why a device proof was refused (protocol §8.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The id is not the fingerprint of the key.
    #[error("device identity mismatch")]
    IdMismatch,
    /// Signed too long ago, or in the future.
    #[error("device signature expired")]
    Expired,
    /// No nonce where one is needed.
    #[error("device nonce required")]
    NonceMissing,
    /// The nonce of another socket, or an invented one.
    #[error("device nonce mismatch")]
    NonceMismatch,
    /// The signature does not cover what was sent.
    #[error("device signature invalid")]
    SignatureInvalid,
    /// Not an Ed25519 public key.
    #[error("device public key invalid")]
    PublicKeyInvalid,
}

impl DeviceError {
    /// The stable `details.code`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::IdMismatch => "DEVICE_AUTH_DEVICE_ID_MISMATCH",
            Self::Expired => "DEVICE_AUTH_SIGNATURE_EXPIRED",
            Self::NonceMissing => "DEVICE_AUTH_NONCE_REQUIRED",
            Self::NonceMismatch => "DEVICE_AUTH_NONCE_MISMATCH",
            Self::SignatureInvalid => "DEVICE_AUTH_SIGNATURE_INVALID",
            Self::PublicKeyInvalid => "DEVICE_AUTH_PUBLIC_KEY_INVALID",
        }
    }

    /// The stable `details.reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::IdMismatch => "device-id-mismatch",
            Self::Expired => "device-signature-stale",
            Self::NonceMissing => "device-nonce-missing",
            Self::NonceMismatch => "device-nonce-mismatch",
            Self::SignatureInvalid => "device-signature",
            Self::PublicKeyInvalid => "device-public-key",
        }
    }
}

/// Checks a proof in the order id, skew, nonce, signature, and returns the normalised public key
/// (base64url without padding).
///
/// The nonce is demanded on every connection, also local ones: stricter than the original, which
/// let generation 3 clients on loopback do without.
pub fn verify_proof(
    proof: &DeviceProof,
    terms: &ProofTerms<'_>,
    nonce: &str,
    now_ms: i64,
    generation: Generation,
) -> Result<String, DeviceError> {
    let key = parse_public_key(&proof.public_key).ok_or(DeviceError::PublicKeyInvalid)?;
    if fingerprint(key.as_bytes()) != proof.id {
        return Err(DeviceError::IdMismatch);
    }
    let skew = if generation == Generation::V3 { SKEW_V3_MS } else { SKEW_MS };
    if now_ms.abs_diff(proof.signed_at) > skew.unsigned_abs() {
        return Err(DeviceError::Expired);
    }
    match proof.nonce.as_deref() {
        None | Some("") => return Err(DeviceError::NonceMissing),
        Some(given) if given != nonce => return Err(DeviceError::NonceMismatch),
        Some(_) => {}
    }
    let signature = decode(&proof.signature)
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .ok_or(DeviceError::SignatureInvalid)?;
    let signed = |version| {
        let payload = terms.payload(version, &proof.id, proof.signed_at, nonce);
        key.verify_strict(payload.as_bytes(), &signature).is_ok()
    };
    if signed("v3") || signed("v2") {
        Ok(URL_SAFE_NO_PAD.encode(key.as_bytes()))
    } else {
        Err(DeviceError::SignatureInvalid)
    }
}

/// A device's own Ed25519 key.
pub struct DeviceIdentity {
    key: SigningKey,
}

impl DeviceIdentity {
    /// Builds the identity from a 32-byte secret seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(seed) }
    }

    /// Reads the private key as the original keeps it: PKCS #8 in PEM (protocol §20.1).
    pub fn from_pem(text: &str) -> Option<Self> {
        SigningKey::from_pkcs8_pem(text).ok().map(|key| Self { key })
    }

    /// The private and the public key in PEM, as the original keeps them.
    pub fn to_pem(&self) -> Option<(String, String)> {
        // Without the public half, which other libraries do not take.
        let private = KeypairBytes { secret_key: self.key.to_bytes(), public_key: None };
        let private = private.to_pkcs8_pem(LineEnding::LF).ok()?;
        let public = self.key.verifying_key().to_public_key_pem(LineEnding::LF).ok()?;
        Some((private.to_string(), public))
    }

    /// Lower-case hex SHA-256 of the raw public key.
    pub fn id(&self) -> String {
        fingerprint(self.key.verifying_key().as_bytes())
    }

    /// The raw public key, base64url without padding.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes())
    }

    /// The proof for one challenge, in payload version `v2`, which generations 3 and 4 accept.
    pub fn prove(&self, terms: &ProofTerms<'_>, nonce: &str, signed_at: i64) -> DeviceProof {
        let id = self.id();
        let payload = terms.payload("v2", &id, signed_at, nonce);
        DeviceProof {
            public_key: self.public_key(),
            signature: URL_SAFE_NO_PAD.encode(self.key.sign(payload.as_bytes()).to_bytes()),
            id,
            signed_at,
            nonce: Some(nonce.to_owned()),
        }
    }
}

fn fingerprint(key: &[u8]) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_public_key(text: &str) -> Option<VerifyingKey> {
    if text.contains("BEGIN PUBLIC KEY") {
        return VerifyingKey::from_public_key_pem(text).ok();
    }
    let bytes: [u8; 32] = decode(text)?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes).ok()
}

/// base64url or standard base64, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim().trim_end_matches('=');
    URL_SAFE_NO_PAD
        .decode(bare)
        .or_else(|_| STANDARD.decode(format!("{bare}{}", &"==="[..(4 - bare.len() % 4) % 4])))
        .ok()
}
