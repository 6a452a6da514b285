use serde_json::json;

use super::{MAIN, TestStore, assistant, begin, fields, finish, message, user};
use crate::{BeginRun, Begun, FinishRun, MediaRecord, Partial, Role, RunStatus};

fn partial(text: &str) -> Partial {
    Partial { text: text.into(), thinking: Some("hmm".into()) }
}

fn picture() -> MediaRecord {
    MediaRecord {
        id: "pic".into(),
        session_key: MAIN.into(),
        mime: "image/png".into(),
        kind: "image".into(),
        name: Some("cat.png".into()),
        size: 1234,
        created_ms: 1_000,
    }
}

async fn start(store: &TestStore, run_id: &str) {
    let begun = store.begin_run(begin(run_id, &format!("ask {run_id}"))).await.unwrap();
    assert!(matches!(begun, Begun::Started { .. }), "{begun:?}");
}

#[tokio::test]
async fn a_run_from_question_to_answer() {
    let store = TestStore::new();
    let run = BeginRun { media: vec![picture()], ..begin("r1", "look") };
    let Begun::Started { message, session } = store.begin_run(run).await.unwrap() else { panic!() };
    assert_eq!((message.seq, message.run_id.as_deref()), (1, Some("r1")));
    assert_eq!(store.session(MAIN).await.unwrap(), Some(session));
    assert_eq!(store.media("pic").await.unwrap(), Some(picture()));
    assert_eq!(store.run("r1").await.unwrap().unwrap().status, RunStatus::Running);

    store.journal("r1", partial("let me")).await.unwrap();
    let tool = message_of_tool();
    let middle = store.append_run_messages("r1", vec![assistant("calling"), tool]).await.unwrap();
    assert_eq!(middle.iter().map(|message| message.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(store.count("SELECT count(*) FROM partials").await, 0);

    store.journal("r1", partial("a cat")).await.unwrap();
    let end = FinishRun {
        session_fields: fields(json!({ "totalTokens": 12, "abortedLastRun": null })),
        ..finish("r1", vec![assistant("a cat")])
    };
    let stored = store.finish_run(end).await.unwrap().messages;
    assert_eq!((stored[0].seq, stored[0].run_id.as_deref()), (4, Some("r1")));
    assert_eq!(store.texts(MAIN).await, ["look", "calling", "tool says", "a cat"]);
    let session = store.session(MAIN).await.unwrap().unwrap();
    assert_eq!((session.fields, session.updated_ms), (fields(json!({ "totalTokens": 12 })), 3_000));
    let record = store.run("r1").await.unwrap().unwrap();
    assert_eq!((record.status, record.ended_ms), (RunStatus::Ok, Some(3_000)));
    assert_eq!(
        (record.stop_reason.as_deref(), record.result),
        (Some("stop"), Some(json!({ "status": "ok" })))
    );
    assert_eq!(store.count("SELECT count(*) FROM partials").await, 0);
}

fn message_of_tool() -> crate::NewMessage {
    message(Role::ToolResult, "tool says", 1_500)
}

#[tokio::test]
async fn a_run_id_starts_once_even_after_a_restart() {
    let store = TestStore::new();
    start(&store, "r1").await;
    assert!(matches!(store.begin_run(begin("r1", "ask r1")).await.unwrap(), Begun::InFlight));
    let other = BeginRun { body_hash: [8; 32], ..begin("r1", "something else") };
    assert!(matches!(store.begin_run(other).await.unwrap(), Begun::Conflict));
    let elsewhere = BeginRun { session_key: "agent:main:x".into(), ..begin("r1", "ask r1") };
    assert!(matches!(store.begin_run(elsewhere).await.unwrap(), Begun::Conflict));
    store.finish_run(finish("r1", vec![assistant("answer")])).await.unwrap();

    let (store, recovery) = store.reopen().await;
    assert!(recovery.interrupted.is_empty());
    let Begun::Finished(record) = store.begin_run(begin("r1", "ask r1")).await.unwrap() else {
        panic!()
    };
    assert_eq!((record.status, record.body_hash), (RunStatus::Ok, [7; 32]));
    assert_eq!(store.texts(MAIN).await, ["ask r1", "answer"]);
    assert!(store.session("agent:main:x").await.unwrap().is_none());
}

#[tokio::test]
async fn concurrent_repetitions_start_one_run() {
    let store = TestStore::new();
    let tries = (0..16).map(|_| {
        let store = store.store.clone();
        async move { store.begin_run(begin("r1", "once")).await.unwrap() }
    });
    let begun = tries.collect::<tokio::task::JoinSet<_>>().join_all().await;
    let started = begun.iter().filter(|begun| matches!(begun, Begun::Started { .. })).count();
    let in_flight = begun.iter().filter(|begun| matches!(begun, Begun::InFlight)).count();
    assert_eq!((started, in_flight), (1, 15));
    assert_eq!(store.texts(MAIN).await, ["once"]);
}

#[tokio::test]
async fn a_run_that_cannot_start_leaves_nothing() {
    let store = TestStore::new();
    let run = BeginRun { media: vec![picture(), picture()], ..begin("r1", "twice the same file") };
    assert_eq!(store.begin_run(run).await.unwrap_err().code(), "STORE_DUPLICATE");
    assert!(store.session(MAIN).await.unwrap().is_none());
    assert!(store.run("r1").await.unwrap().is_none());
    start(&store, "r1").await;
}

#[tokio::test]
async fn an_ended_or_unknown_run_takes_nothing_more() {
    let store = TestStore::new();
    start(&store, "r1").await;
    store.finish_run(finish("r1", vec![assistant("answer")])).await.unwrap();
    for (run_id, code) in [("r1", "RUN_ENDED"), ("r2", "RUN_UNKNOWN")] {
        assert_eq!(
            store.finish_run(finish(run_id, vec![user("x")])).await.unwrap_err().code(),
            code
        );
        assert_eq!(store.journal(run_id, partial("x")).await.unwrap_err().code(), code);
        assert_eq!(
            store.append_run_messages(run_id, vec![user("x")]).await.unwrap_err().code(),
            code
        );
    }
    assert_eq!(store.texts(MAIN).await, ["ask r1", "answer"]);
}

#[tokio::test]
async fn a_restart_turns_kept_text_into_a_message_once() {
    let store = TestStore::new();
    start(&store, "silent").await;
    start(&store, "talking").await;
    store.journal("talking", partial("Once upon")).await.unwrap();
    store.journal("talking", partial("Once upon a time")).await.unwrap();

    let (store, recovery) = store.reopen().await;
    let ids: Vec<_> = recovery.interrupted.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(ids, ["silent", "talking"]);
    assert!(recovery.interrupted[0].message.is_none());
    let kept = recovery.interrupted[1].message.as_ref().unwrap();
    assert_eq!(
        (kept.seq, kept.role, kept.run_id.as_deref()),
        (3, Role::Assistant, Some("talking"))
    );
    assert_eq!(kept.meta, fields(json!({ "interrupted": true, "runId": "talking" })));
    let body: serde_json::Value = serde_json::from_str(kept.body.get()).unwrap();
    assert_eq!(
        body,
        json!({
            "role": "assistant",
            "content": [{ "type": "text", "text": "Once upon a time" }],
            "provider": "clawdbot",
            "model": "gateway-injected",
            "stopReason": "aborted",
            "timestamp": kept.ts_ms,
        })
    );

    let (store, recovery) = store.reopen().await;
    assert!(recovery.interrupted.is_empty());
    assert_eq!(store.texts(MAIN).await, ["ask silent", "ask talking", "Once upon a time"]);
    for run in ["silent", "talking"] {
        assert_eq!(store.run(run).await.unwrap().unwrap().status, RunStatus::Interrupted);
    }
    let again = store.begin_run(begin("silent", "ask silent")).await.unwrap();
    assert!(matches!(again, Begun::Finished(run) if run.status == RunStatus::Interrupted));
}

#[tokio::test]
async fn a_run_that_outlives_a_reset_ends_in_its_own_transcript() {
    let store = TestStore::new();
    start(&store, "r1").await;
    store.reset_session(MAIN, message(Role::System, "Reset", 2_000), 2_000).await.unwrap();
    let end = FinishRun {
        session_fields: fields(json!({ "totalTokens": 12 })),
        ..finish("r1", vec![assistant("late")])
    };
    assert_eq!(store.finish_run(end).await.unwrap().messages[0].seq, 2);
    assert_eq!(store.texts(MAIN).await, ["Reset"]);
    assert!(store.session(MAIN).await.unwrap().unwrap().fields.is_empty());
}

#[tokio::test]
async fn a_run_that_ends_without_a_word_keeps_what_was_written() {
    let store = TestStore::new();
    store.begin_run(begin("r-1", "q")).await.unwrap();
    let partial = Partial { text: "half".into(), thinking: None };
    store.journal("r-1", partial).await.unwrap();
    let rows = store.finish_run(finish("r-1", Vec::new())).await.unwrap().messages;
    assert_eq!((rows.len(), &rows[0].meta["interrupted"]), (1, &json!(true)));
    assert_eq!(store.texts(MAIN).await, ["q", "half"]);
}
