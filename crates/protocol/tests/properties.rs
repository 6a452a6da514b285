//! What holds for every input, not only for the recorded ones.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use clawdbot_protocol::{
    DeviceError, DeviceIdentity, DeviceProof, Event, Generation, Incoming, KeyRules, Outcome,
    ProofTerms, Response, RpcError, SessionKey, StateVersion, event_json, verify_proof,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NOW: i64 = 1_800_000_000_000;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[\\x00-\\x1f\"\\\\\u{2028}]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("\\PC{0,6}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_request_is_read_as_it_was_written(
        id in "\\PC{1,20}", method in "\\PC{1,20}", params in any_json(), extra in any_json(),
    ) {
        let frame = json!({"more": extra, "type": "req", "method": method, "params": params, "id": id});
        let text = frame.to_string();
        let Incoming::Request(request) = Incoming::parse(&text) else {
            return Err(TestCaseError::fail(text));
        };
        prop_assert_eq!(&*request.id, id);
        prop_assert_eq!(&*request.method, method);
        let read: Value = request.params.map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap());
        prop_assert_eq!(read, params);
    }

    #[test]
    fn anything_else_is_answered_under_its_own_id(
        id in any_json(), kind in any_json(), method in any_json(),
    ) {
        let text = json!({"type": kind, "id": id, "method": method}).to_string();
        match Incoming::parse(&text) {
            Incoming::Request(request) => prop_assert_eq!(&json!(request.id), &id),
            Incoming::BadFrame { id: answered, error } => {
                let own = if kind == "req" { id } else { json!("invalid") };
                prop_assert_eq!(answered, own);
                prop_assert!(error.message.starts_with("invalid request frame: "), "{}", error.message);
            }
            Incoming::NotJson => return Err(TestCaseError::fail(text)),
        }
    }

    #[test]
    fn no_text_stops_the_reader(text in "\\PC{0,200}", json_like in "[\\[\\]{}:,\"0-9a-z\\\\ ]{0,80}") {
        let _ = Incoming::parse(&text);
        let _ = Incoming::parse(&json_like);
    }

    #[test]
    fn a_response_is_one_frame_with_the_callers_id(id in any_json(), message in "\\PC{0,40}", ok in any::<bool>()) {
        let payload = serde_json::value::to_raw_value(&json!({"m": message})).unwrap();
        let outcome = if ok { Outcome::Ok(payload) } else { Outcome::Err(RpcError::invalid(message.clone()), None) };
        let text = Response::new(&id, &outcome).to_json();
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!((&read["type"], &read["id"], &read["ok"]), (&json!("res"), &id, &json!(ok)));
        let place = if ok { "/payload/m" } else { "/error/message" };
        prop_assert_eq!(read.pointer(place), Some(&json!(message)));
    }

    #[test]
    fn an_event_keeps_its_payload_whatever_that_holds(
        payload in any_json(), seq in prop::option::of(any::<u64>()), versions in any::<(u64, u64)>(),
    ) {
        let state = StateVersion { presence: versions.0, health: versions.1 };
        let text = event_json("chat", &payload.to_string(), seq, Some(state));
        let read: Event = serde_json::from_str(&text).unwrap();
        prop_assert_eq!((read.event.as_str(), read.seq, read.payload), ("chat", seq, payload));
        let frame: Map<String, Value> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::from_value::<StateVersion>(frame["stateVersion"].clone()).unwrap(), state);
    }
}

/// Raw keys that are mostly nearly right.
fn raw_key() -> impl Strategy<Value = String> {
    let part = prop_oneof!["[a-zA-Z0-9_.-]{0,8}", "\\PC{0,4}", Just("..".to_owned())];
    prop_oneof![
        "\\PC{0,40}",
        vec(part.clone(), 1..5).prop_map(|parts| parts.join(":")),
        vec(part, 1..4).prop_map(|parts| format!("agent:{}", parts.join(":"))),
        ("[a-z0-9_-]{1,8}", "[\\\\/\\x00-\\x1f.]{0,3}")
            .prop_map(|(agent, odd)| format!("agent:{agent}:a{odd}b")),
    ]
}

fn rules() -> impl Strategy<Value = KeyRules> {
    ("[a-z0-9][a-z0-9_-]{0,6}", "[a-z]{1,6}", any::<bool>()).prop_map(
        |(default_agent, main_key, global_scope)| KeyRules {
            default_agent,
            main_key,
            global_scope,
        },
    )
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn a_resolved_key_is_canonical_and_never_a_path(raw in raw_key(), rules in rules()) {
        let Ok(key) = SessionKey::resolve(&raw, &rules) else { return Ok(()) };
        let text = key.as_str();
        prop_assert_eq!(&SessionKey::resolve(text, &rules).unwrap(), &key, "not idempotent");
        prop_assert!(text == "global" || text == "unknown" || text.starts_with("agent:"), "{}", text);
        prop_assert!(!text.contains(['\\', '\0', '\n']), "{:?}", text);
        prop_assert!(!text.split(['/', ':']).any(|part| part == ".."), "{:?}", text);
        let agent = key.agent(&rules);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        prop_assert!(!agent.is_empty() && agent.chars().all(plain), "{:?}", agent);
    }

    #[test]
    fn blanks_around_a_key_and_the_case_of_its_agent_do_not_matter(agent in "[a-z0-9][a-z0-9_-]{0,9}", rest in "[a-zA-Z0-9+_-]{1,12}") {
        let rules = KeyRules::default();
        let key = SessionKey::resolve(&format!("agent:{agent}:{rest}"), &rules).unwrap();
        let shouted = format!("  agent:{}:{rest}\t", agent.to_ascii_uppercase());
        prop_assert_eq!(SessionKey::resolve(&shouted, &rules).unwrap(), key);
    }
}

/// What one device says about itself.
#[derive(Debug, Clone)]
struct Said {
    parts: [String; 6],
    scopes: Vec<String>,
}

impl Said {
    fn terms(&self) -> ProofTerms<'_> {
        let [client_id, client_mode, role, token, platform, device_family] = &self.parts;
        ProofTerms {
            client_id,
            client_mode,
            role,
            scopes: &self.scopes,
            token,
            platform,
            device_family,
        }
    }
}

fn said() -> impl Strategy<Value = Said> {
    (vec("[a-zA-Z0-9. -]{0,8}", 6), vec("[a-z.]{1,10}", 0..4))
        .prop_map(|(parts, scopes)| Said { parts: parts.try_into().unwrap(), scopes })
}

fn verify(proof: &DeviceProof, said: &Said, nonce: &str, now: i64) -> Result<String, DeviceError> {
    verify_proof(proof, &said.terms(), nonce, now, Generation::V4)
}

proptest! {
    // A signature takes a while without optimisation.
    #![proptest_config(config(24))]

    #[test]
    fn a_proof_holds_for_what_was_signed_and_nothing_else(
        seed in any::<[u8; 32]>(), said in said(), nonce in "[a-z0-9-]{1,16}",
        skew in -120_000_i64..=120_000, changed in 0_usize..4,
    ) {
        let device = DeviceIdentity::from_seed(&seed);
        let proof = device.prove(&said.terms(), &nonce, NOW + skew);
        let key = verify(&proof, &said, &nonce, NOW).unwrap();
        prop_assert_eq!(&key, &proof.public_key);

        // Platform and family are no part of this payload version; everything else is.
        let mut other = said.clone();
        other.parts[changed].push('x');
        prop_assert_eq!(verify(&proof, &other, &nonce, NOW), Err(DeviceError::SignatureInvalid));
        let mut wider = said.clone();
        wider.scopes.push("operator.admin".into());
        prop_assert_eq!(verify(&proof, &wider, &nonce, NOW), Err(DeviceError::SignatureInvalid));
        prop_assert_eq!(verify(&proof, &said, "another", NOW), Err(DeviceError::NonceMismatch));
        prop_assert_eq!(verify(&proof, &said, &nonce, NOW + skew + 120_001), Err(DeviceError::Expired));
        prop_assert_eq!(verify(&proof, &said, &nonce, NOW + skew - 120_001), Err(DeviceError::Expired));
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn an_invented_proof_is_refused_whatever_it_holds(
        id in "\\PC{0,70}", public_key in "\\PC{0,60}", signature in "[A-Za-z0-9_=+/-]{0,90}",
        signed_at in any::<i64>(), now in any::<i64>(), nonce in prop::option::of("\\PC{0,8}"), said in said(),
    ) {
        let proof = DeviceProof { id, public_key, signature, signed_at, nonce };
        prop_assert!(verify(&proof, &said, "n", now).is_err());
    }
}
