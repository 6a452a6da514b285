//! How a run ends: what is stored, and who is told.

use clawdbot_agent::{AssistantMessage, Block, Message, RunEnd, RunError, StopReason, Usage};
use clawdbot_protocol::RpcError;
use clawdbot_store::{FinishRun, Finished, NewMessage, Role, RunStatus, Stored};
use serde_json::{Map, Value, json};
use tracing::error;

use super::{Failure, RunTask};
use crate::error::store_error;
use crate::run_events::{RunEvents, Stream};
use crate::runs::Ended;
use crate::transcript;

/// Ends a run that came to nothing: it is recorded, and everybody who waits for it is told.
pub(crate) async fn bury(events: &mut RunEvents, cause: &str) -> Ended {
    let shared = events.shared.clone();
    error!(run = %events.run_id, cause, "the run came to nothing");
    let ended = Ended::failed(cause, shared.now_ms());
    let finish = FinishRun {
        run_id: events.run_id.clone(),
        status: ended.status,
        stop_reason: ended.stop_reason.clone(),
        error: ended.error.clone(),
        result: Some(ended.summary()),
        messages: Vec::new(),
        session_fields: Map::new(),
        now_ms: ended.ended_ms,
    };
    if let Err(cause) = shared.store.finish_run(finish).await {
        error!(run = %events.run_id, error = %cause, "the end was not recorded");
    }
    let data = json!({"phase": "error", "error": ended.error, "endedAt": ended.ended_ms});
    events.agent(Stream::All("lifecycle"), &data);
    let mut members = Map::new();
    members.insert("errorMessage".into(), json!(ended.error));
    members.insert("errorKind".into(), json!("unknown"));
    events.chat("error", &members);
    ended
}

impl RunTask<'_> {
    /// Stores how the run ended, then tells everybody.
    pub(super) async fn settle(&mut self, result: Result<RunEnd, Failure>) -> Ended {
        let ended_ms = self.shared.now_ms();
        let (status, stop_reason, error) = match &result {
            Ok(end) => (RunStatus::Ok, stop_word(end.stop_reason), None),
            Err(Failure::Run(RunError::Cancelled)) => {
                (RunStatus::Aborted, self.live.why().to_owned(), None)
            }
            Err(Failure::Run(error)) => {
                (RunStatus::Error, "error".to_owned(), Some(error.to_string()))
            }
            Err(Failure::Setup(error)) => {
                (RunStatus::Error, "error".to_owned(), Some(error.clone()))
            }
        };
        let mut ended = Ended {
            status,
            started_ms: self.started_ms,
            ended_ms,
            stop_reason: Some(stop_reason),
            session_id: self.events.session_id.clone(),
            error,
            text: self.whole_text(),
            provider: self.provider.clone(),
            model: self.model.clone(),
            usage: self.usage,
        };
        let rows = match self.store_end(&ended).await {
            Ok(finished) => {
                if let Some(session) = finished.session {
                    self.session = session;
                }
                self.tell_progress();
                finished.messages
            }
            Err(error) => {
                ended.status = RunStatus::Error;
                ended.error = Some(error.message);
                Vec::new()
            }
        };
        if let Some(told) = self.told.take() {
            told.settle(ended.status == RunStatus::Ok).await;
        }
        let detail = match &result {
            Err(Failure::Run(RunError::Model(error))) => Some(error),
            _ => None,
        };
        self.tell_end(&ended, &rows, detail);
        ended
    }

    async fn store_end(&mut self, ended: &Ended) -> Result<Finished, RpcError> {
        let mut messages: Vec<NewMessage> = self.held.take().into_iter().collect();
        if ended.status != RunStatus::Ok {
            messages.extend(self.unfinished_row(ended)?);
        }
        let finish = FinishRun {
            run_id: self.events.run_id.clone(),
            status: ended.status,
            stop_reason: ended.stop_reason.clone(),
            error: ended.error.clone(),
            result: Some(ended.summary()),
            messages,
            session_fields: self.session_fields(ended),
            now_ms: ended.ended_ms,
        };
        self.shared.store.finish_run(finish).await.map_err(store_error)
    }

    /// What a stopped or failed run leaves in the transcript.
    fn unfinished_row(&self, ended: &Ended) -> Result<Option<NewMessage>, RpcError> {
        let aborted = ended.status == RunStatus::Aborted;
        if aborted && self.text.is_empty() {
            return Ok(None);
        }
        let content = match self.text.as_str() {
            "" => Vec::new(),
            text => vec![Block::text(text)],
        };
        let answer = Message::Assistant(AssistantMessage {
            content,
            api: String::new(),
            provider: if aborted { "clawdbot".into() } else { self.provider.clone() },
            model: if aborted { "gateway-injected".into() } else { self.model.clone() },
            usage: Usage::default(),
            stop_reason: if aborted { StopReason::Stop } else { StopReason::Error },
            error_message: ended.error.clone(),
            response_id: None,
        });
        let run_id = &self.events.run_id;
        let mut members = Map::new();
        if aborted {
            let origin = ended.stop_reason.as_deref().unwrap_or("rpc");
            let abort = json!({"aborted": true, "origin": origin, "runId": run_id});
            members.insert("openclawAbort".into(), abort);
        }
        let mut row = transcript::new_row_with(&answer, ended.ended_ms, Some(run_id), members)?;
        row.idempotency_key = Some(format!("{run_id}:assistant"));
        row.role = Role::Assistant;
        Ok(Some(row))
    }

    fn session_fields(&self, ended: &Ended) -> Map<String, Value> {
        let status = match ended.status {
            RunStatus::Ok => "done",
            RunStatus::Aborted if ended.stop_reason.as_deref() == Some("timeout") => "timeout",
            RunStatus::Aborted => "killed",
            _ => "failed",
        };
        let Value::Object(mut fields) = json!({
            "status": status,
            "abortedLastRun": ended.status == RunStatus::Aborted,
            "lastRunId": self.events.run_id,
            "lastRunError": ended.error,
            "startedAt": ended.started_ms,
            "endedAt": ended.ended_ms,
            "runtimeMs": ended.ended_ms - ended.started_ms,
        }) else {
            return Map::new();
        };
        if ended.usage.total_tokens > 0 {
            let usage = &ended.usage;
            fields.insert("inputTokens".into(), json!(usage.input));
            fields.insert("outputTokens".into(), json!(usage.output));
            fields.insert("totalTokens".into(), json!(self.context));
            fields.insert("totalTokensFresh".into(), json!(true));
            fields.insert("estimatedCostUsd".into(), json!(usage.cost.total));
        }
        fields
    }

    fn tell_end(
        &mut self,
        ended: &Ended,
        rows: &[Stored],
        detail: Option<&clawdbot_agent::ModelError>,
    ) {
        let mut members = Map::new();
        members.insert("stopReason".into(), json!(ended.stop_reason));
        if !ended.text.is_empty() {
            members.insert("message".into(), self.events.message(&ended.text));
        }
        let times = json!({"startedAt": ended.started_ms, "endedAt": ended.ended_ms});
        match ended.status {
            RunStatus::Ok => {
                self.tell_rows(rows);
                self.tell_success(ended, &times);
                members.insert("usage".into(), json!(ended.usage));
                self.events.chat("final", &members);
            }
            RunStatus::Aborted => {
                self.events.seq += 1;
                self.events.chat("aborted", &members);
                self.events.seq -= 1;
                let data = json!({"phase": "end", "status": "cancelled", "aborted": true,
                    "stopReason": ended.stop_reason});
                self.events.agent(Stream::All("lifecycle"), &merged(data, &times));
                self.tell_rows(rows);
            }
            _ => {
                let data = json!({"phase": "error", "error": ended.error});
                self.tell_rows(rows);
                self.events.agent(Stream::All("lifecycle"), &merged(data, &times));
                members.insert("errorMessage".into(), json!(ended.error));
                members
                    .insert("errorKind".into(), json!(detail.map_or("unknown", |e| e.wire_kind())));
                if let Some(error) = detail {
                    members.insert(
                        "errorDetail".into(),
                        json!({"provider": error.provider, "model": error.model,
                            "httpStatus": error.http_status, "code": error.code()}),
                    );
                }
                self.events.chat("error", &members);
            }
        }
        let phase = if ended.status == RunStatus::Error { "error" } else { "end" };
        self.events.session_phase(&self.session, phase);
    }

    fn tell_rows(&self, rows: &[Stored]) {
        for row in rows {
            self.events.row(&self.session, row);
        }
    }

    fn tell_success(&mut self, ended: &Ended, times: &Value) {
        let finishing = json!({"phase": "finishing", "stopReason": ended.stop_reason,
            "aborted": false, "endedAt": ended.ended_ms});
        self.events.agent(Stream::Newer("lifecycle"), &finishing);
        let disposition = if ended.text.is_empty() { "silent" } else { "visible" };
        let end = json!({"phase": "end", "stopReason": ended.stop_reason, "aborted": false,
            "terminalReply": {"disposition": disposition, "text": ended.text},
            "executionSettled": true});
        self.events.agent(Stream::All("lifecycle"), &merged(end, times));
    }
}

fn merged(mut data: Value, more: &Value) -> Value {
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more.clone());
    }
    data
}

fn stop_word(reason: StopReason) -> String {
    match serde_json::to_value(reason) {
        Ok(Value::String(word)) => word,
        _ => "stop".to_owned(),
    }
}
