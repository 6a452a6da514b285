//! Signature vectors, three of them from connections a real gateway accepted.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use clawdbot_protocol::{
    DeviceError, DeviceIdentity, DeviceProof, Generation, ProofTerms, verify_proof,
};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("fixtures/device-signature-vectors.json")).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

struct Case {
    proof: DeviceProof,
    inputs: Value,
    scopes: Vec<String>,
}

impl Case {
    fn terms(&self) -> ProofTerms<'_> {
        ProofTerms {
            client_id: text(&self.inputs, "clientId"),
            client_mode: text(&self.inputs, "clientMode"),
            role: text(&self.inputs, "role"),
            scopes: &self.scopes,
            token: text(&self.inputs, "token"),
            platform: text(&self.inputs, "platform"),
            device_family: text(&self.inputs, "deviceFamily"),
        }
    }

    fn verify(&self, terms: &ProofTerms<'_>, nonce: &str, now: i64) -> Result<String, DeviceError> {
        verify_proof(&self.proof, terms, nonce, now, Generation::V4)
    }
}

fn cases() -> Vec<Case> {
    let all = vectors();
    all["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|vector| vector["version"] != "v1")
        .map(|vector| {
            let inputs = vector["inputs"].clone();
            let identity = &all["identities"][text(vector, "identity")];
            Case {
                proof: DeviceProof {
                    id: text(&inputs, "deviceId").into(),
                    public_key: text(identity, "publicKeyBase64Url").into(),
                    signature: text(vector, "signatureBase64Url").into(),
                    signed_at: inputs["signedAtMs"].as_i64().unwrap(),
                    nonce: Some(text(&inputs, "nonce").into()),
                },
                scopes: serde_json::from_value(inputs["scopes"].clone()).unwrap(),
                inputs,
            }
        })
        .collect()
}

#[test]
fn recorded_signatures_verify() {
    let cases = cases();
    assert!(cases.len() >= 3);
    for case in &cases {
        let nonce = text(&case.inputs, "nonce");
        case.verify(&case.terms(), nonce, case.proof.signed_at + 1000).unwrap();
    }
}

#[test]
fn pem_and_padded_keys_are_the_same_key() {
    let all = vectors();
    for case in &mut cases() {
        let identity = &all["identities"]
            .as_object()
            .unwrap()
            .values()
            .find(|identity| identity["deviceId"] == case.proof.id.as_str())
            .unwrap();
        for key in [text(identity, "publicKeyPemSpki"), &format!("{}=", case.proof.public_key)] {
            case.proof.public_key = key.into();
            let nonce = text(&case.inputs, "nonce");
            case.verify(&case.terms(), nonce, case.proof.signed_at).unwrap();
        }
    }
}

#[test]
fn any_altered_member_breaks_the_signature_dev_03() {
    for case in cases() {
        let nonce = text(&case.inputs, "nonce");
        let now = case.proof.signed_at;
        let none: [String; 1] = ["operator.none".into()];
        let good = case.terms();
        let altered = [
            ProofTerms { client_id: "altered", ..good },
            ProofTerms { client_mode: "altered", ..good },
            ProofTerms { role: "altered", ..good },
            ProofTerms { scopes: &none, ..good },
            ProofTerms { token: "stolen", ..good },
        ];
        for terms in altered {
            assert_eq!(case.verify(&terms, nonce, now), Err(DeviceError::SignatureInvalid));
        }
    }
}

#[test]
fn stale_foreign_and_missing_nonces_are_refused_dev_02() {
    let mut case = cases().remove(0);
    let (nonce, at) = (text(&case.inputs, "nonce").to_owned(), case.proof.signed_at);
    let scopes = case.scopes.clone();
    let inputs = case.inputs.clone();
    let terms = Case { proof: case.proof.clone(), inputs, scopes };
    let terms = terms.terms();
    assert_eq!(case.verify(&terms, "other", at), Err(DeviceError::NonceMismatch));
    for skew in [86_400_000, -86_400_000, 120_001] {
        assert_eq!(case.verify(&terms, &nonce, at + skew), Err(DeviceError::Expired));
    }
    case.proof.nonce = None;
    assert_eq!(case.verify(&terms, &nonce, at), Err(DeviceError::NonceMissing));
}

#[test]
fn an_id_that_is_not_the_keys_fingerprint_is_refused_dev_01() {
    let mut case = cases().remove(0);
    case.proof.id = "0".repeat(64);
    let at = case.proof.signed_at;
    let nonce = text(&case.inputs, "nonce").to_owned();
    assert_eq!(case.verify(&case.terms(), &nonce, at), Err(DeviceError::IdMismatch));
}

#[test]
fn our_own_proof_is_accepted_by_our_own_check() {
    let identity = DeviceIdentity::from_seed(&[7; 32]);
    let scopes = ["operator.read".to_owned()];
    let terms = ProofTerms {
        client_id: "gateway-client",
        client_mode: "ui",
        role: "operator",
        scopes: &scopes,
        token: "t",
        platform: "linux",
        device_family: "",
    };
    let proof = identity.prove(&terms, "n", 1_000);
    assert_eq!(proof.id, identity.id());
    verify_proof(&proof, &terms, "n", 1_500, Generation::V3).unwrap();
}
