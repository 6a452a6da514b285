//! An entry of `devices/paired.json` as the device registry stores it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawdbot_protocol::Role;
use serde_json::{Map, Value, json};

use crate::digest::digest;

/// Kind of the documents of the device registry.
pub(super) const KIND: &str = "device";
/// Shortest token taken over; the original's have 32 characters.
const MIN_TOKEN: usize = 16;

/// The document for one entry; `None` when its key does not belong to its id, or it has no role
/// that is known.
pub(super) fn stored(id: &str, entry: &Value) -> Option<Value> {
    let text = |name: &str| entry[name].as_str().filter(|text| is_short(text));
    let key = URL_SAFE_NO_PAD.decode(text("publicKey")?).ok()?;
    if key.len() != 32 || digest(&key) != id || text("deviceId") != Some(id) {
        return None;
    }
    let time = |name: &str| entry[name].as_i64().unwrap_or(0).max(0);
    let roles = roles(entry);
    let tokens: Map<String, Value> = roles
        .iter()
        .filter_map(|role| {
            Some((role.as_str().to_owned(), token(&entry["tokens"][role.as_str()])?))
        })
        .collect();
    let mut device = json!({
        "deviceId": id,
        "publicKey": URL_SAFE_NO_PAD.encode(&key),
        "platform": text("platform").unwrap_or("unknown"),
        "clientId": text("clientId").unwrap_or("unknown"),
        "clientMode": text("clientMode").unwrap_or("unknown"),
        "roles": roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
        "scopes": scopes(&entry["scopes"]),
        "tokens": tokens,
        "createdAtMs": time("createdAtMs"),
        "approvedAtMs": time("approvedAtMs"),
        "lastSeenAtMs": time("approvedAtMs"),
    });
    if let Some(name) = text("displayName") {
        device["displayName"] = json!(name);
    }
    (!roles.is_empty()).then_some(device)
}

fn roles(entry: &Value) -> Vec<Role> {
    let listed = entry["roles"].as_array().cloned().unwrap_or_default();
    let named = |role: Role| {
        let name = json!(role.as_str());
        listed.contains(&name) || entry["role"] == name
    };
    [Role::Operator, Role::Node].into_iter().filter(|role| named(*role)).collect()
}

fn token(entry: &Value) -> Option<Value> {
    let token = entry["token"].as_str().filter(|text| is_short(text) && text.len() >= MIN_TOKEN)?;
    let mut stored = json!({
        "digest": digest(token),
        "scopes": scopes(&entry["scopes"]),
        "createdAtMs": entry["createdAtMs"].as_i64().unwrap_or(0),
    });
    if let Some(revoked) = entry["revokedAtMs"].as_i64() {
        stored["revokedAtMs"] = json!(revoked);
    }
    Some(stored)
}

fn scopes(list: &Value) -> Vec<&str> {
    let names = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    names.filter(|name| is_short(name)).take(32).collect()
}

fn is_short(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4a67330b803d5c88757afb9328615344a89c49839a07f1f76887ad62d06a1f57";

    /// The recorded entry, with the token of a real one.
    fn recorded() -> Value {
        json!({
            "deviceId": ID,
            "publicKey": "TLWr9q15-_WrvMr8wmnYXNJlHtS4hbWGnyQa7fCluik",
            "platform": "linux", "clientId": "clawdbot-control-ui", "clientMode": "webchat",
            "role": "operator", "roles": ["operator"], "scopes": ["operator.read"],
            "remoteIp": "127.0.0.1",
            "tokens": {"operator": {"token": "0123456789abcdef0123456789abcdef", "role": "operator",
                "scopes": ["operator.read"], "createdAtMs": 1_795_168_390_718_i64}},
            "createdAtMs": 1_795_168_390_718_i64, "approvedAtMs": 1_795_168_390_718_i64,
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut entry = recorded();
        *entry.pointer_mut(pointer).unwrap() = value;
        entry
    }

    #[test]
    fn the_recorded_entry_becomes_a_device() {
        let device = stored(ID, &recorded()).unwrap();
        assert_eq!(device["roles"], json!(["operator"]));
        let token = &device["tokens"]["operator"];
        assert_eq!(token["digest"], digest("0123456789abcdef0123456789abcdef"));
        assert!(token.get("token").is_none(), "the clear text is not kept");
        assert!(device.get("displayName").is_none() && device.get("remoteIp").is_none());
    }

    #[test]
    fn an_entry_that_does_not_prove_itself_is_refused_dev_01() {
        let other = "0000330b803d5c88757afb9328615344a89c49839a07f1f76887ad62d06a1f57";
        assert!(stored(other, &recorded()).is_none());
        assert!(stored(other, &with("/deviceId", json!(other))).is_none());
        for (pointer, value) in [
            ("/publicKey", json!("AAAA")),
            ("/publicKey", json!(5)),
            ("/deviceId", json!("x")),
            ("", json!([])),
        ] {
            assert!(stored(ID, &with(pointer, value)).is_none(), "{pointer}");
        }
        let mut unknown = with("/role", json!("admin"));
        unknown["roles"] = json!(["admin", 5]);
        assert!(stored(ID, &unknown).is_none());
    }

    #[test]
    fn a_token_that_could_be_guessed_is_left_out() {
        for token in [json!("short"), json!(""), json!("x".repeat(300)), json!(null)] {
            let device = stored(ID, &with("/tokens/operator/token", token)).unwrap();
            assert_eq!(device["tokens"], json!({}));
        }
        let revoked = json!({"token": "0123456789abcdef", "scopes": [], "revokedAtMs": 5});
        let device = stored(ID, &with("/tokens/operator", revoked)).unwrap();
        assert_eq!(device["tokens"]["operator"]["revokedAtMs"], 5);
    }
}
