//! A client's text message.
#![no_main]

use clawdbot_protocol::{
    ChatSendParams, Checker, Incoming, KeyRules, Outcome, Response, SessionKey,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static SEND: Checker<ChatSendParams> = Checker::new();

fuzz_target!(|text: &str| {
    match Incoming::parse(text) {
        Incoming::Request(request) => {
            let whole: Value = serde_json::from_str(text).expect("a request is JSON");
            assert_eq!(whole["id"], *request.id);
            assert_eq!(whole["method"], *request.method);
            let params = request.params.map_or("{}", |params| params.get());
            if let Ok(send) = SEND.params("chat.send", params) {
                key(&send.session_key);
            }
        }
        Incoming::BadFrame { id, error } => {
            let outcome = Outcome::Err(error, None);
            let answer = Response::new(&id, &outcome).to_json();
            let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
            assert_eq!(answer["id"], id);
        }
        Incoming::NotJson => {}
    }
});

fn key(raw: &str) {
    let rules = KeyRules::default();
    if let Ok(key) = SessionKey::resolve(raw, &rules) {
        assert_eq!(SessionKey::resolve(key.as_str(), &rules).as_ref(), Ok(&key));
        assert!(!key.as_str().split(['/', ':']).any(|part| part == ".."));
    }
}
