//! A run reduced to what matters about its order.

use serde_json::Value;

/// `(event, stream or state, phase)`.
pub type Step = (String, String, String);

/// Reduces one event frame; `None` for responses and for events that are no part of a run.
pub fn of_event(frame: &Value) -> Option<Step> {
    let event = frame["event"].as_str()?;
    if frame["type"] != "event" {
        return None;
    }
    let payload = &frame["payload"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match event {
        "agent" => Some((event.into(), text(&payload["stream"]), text(&payload["data"]["phase"]))),
        "chat" => Some((event.into(), text(&payload["state"]), text(&payload["phase"]))),
        "session.message" => Some((event.into(), text(&payload["message"]["role"]), String::new())),
        _ => None,
    }
}

/// Reduces the recorded trace `text` (JSON lines) to the events of its run. Repeated deltas count
/// once. Left out is what this gateway leaves out: `status` and `run_status`, `item`, the second
/// `model` phase that takes the model back, and what belongs to falling back to other models.
pub fn of_recording(text: &str) -> Vec<Step> {
    let frames = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let steps: Vec<Step> = frames
        .filter(|line| line["dir"] == "in")
        .filter_map(|line| of_event(&line["frame"]))
        .filter(|(_, kind, phase)| {
            !matches!(kind.as_str(), "status" | "run_status" | "item") && phase != "fallback_step"
        })
        .collect();
    let mut model_seen = false;
    merge(steps.into_iter().filter(|(_, _, phase)| {
        let again = phase == "model" && model_seen;
        model_seen |= phase == "model";
        !again
    }))
}

/// Repeated `assistant`/`delta` pairs count once.
pub fn merge(steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut merged: Vec<Step> = Vec::new();
    for step in steps {
        let talk = matches!(step.1.as_str(), "assistant" | "delta") && step.0 != "session.message";
        if !(talk && merged.contains(&step)) {
            merged.push(step);
        }
    }
    merged
}
