use std::marker::PhantomData;
use std::sync::OnceLock;

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::RpcError;

/// Validates JSON against the schema of `T` and words refusals as the protocol does (§3.5):
/// `invalid chat.send params: must have required property 'message'`.
///
/// The schema is compiled on first use, so that a method nobody calls costs nothing.
pub struct Checker<T> {
    validator: OnceLock<Option<Validator>>,
    shape: PhantomData<fn() -> T>,
}

impl<T> Checker<T> {
    /// A checker that has not compiled its schema yet.
    pub const fn new() -> Self {
        Self { validator: OnceLock::new(), shape: PhantomData }
    }
}

impl<T> Default for Checker<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: JsonSchema + DeserializeOwned> Checker<T> {
    /// Parses `text` as the params of `method`.
    pub fn params(&self, method: &str, text: &str) -> Result<T, RpcError> {
        let what = format!("{method} params");
        let value: Value = serde_json::from_str(text)
            .map_err(|error| RpcError::invalid(format!("invalid {what}: {error}")))?;
        if self.issues(&value).is_some() {
            return Err(self.explain(&what, &value));
        }
        T::deserialize(value).map_err(|error| RpcError::invalid(format!("invalid {what}: {error}")))
    }

    /// The refusal for a value that is not a `T`.
    pub fn explain(&self, what: &str, value: &Value) -> RpcError {
        let issues = self.issues(value).unwrap_or_else(|| "does not match the schema".to_owned());
        RpcError::invalid(format!("invalid {what}: {issues}"))
    }

    fn issues(&self, value: &Value) -> Option<String> {
        let validator = self
            .validator
            .get_or_init(|| jsonschema::validator_for(schemars::schema_for!(T).as_value()).ok())
            .as_ref()?;
        let issues: Vec<String> = validator.iter_errors(value).take(8).map(|e| item(&e)).collect();
        (!issues.is_empty()).then(|| issues.join("; "))
    }
}

fn item(error: &jsonschema::ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let rule = match error.kind() {
        Kind::Required { property } => {
            format!("must have required property '{}'", property.as_str().unwrap_or_default())
        }
        Kind::Type { kind: TypeKind::Single(kind) } => format!("must be {kind}"),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => kinds
            .iter()
            .map(|kind| kind.to_string())
            .find(|kind| kind != "null")
            .map_or_else(|| "must be null".to_owned(), |kind| format!("must be {kind}")),
        Kind::Minimum { limit } => format!("must be >= {limit}"),
        Kind::Maximum { limit } => format!("must be <= {limit}"),
        Kind::MinLength { limit } => format!("must not have fewer than {limit} characters"),
        Kind::MaxLength { limit } => format!("must not have more than {limit} characters"),
        Kind::MinItems { limit } => format!("must not have fewer than {limit} items"),
        Kind::MaxItems { limit } => format!("must not have more than {limit} items"),
        Kind::Enum { .. } | Kind::Constant { .. } => {
            "must be equal to one of the allowed values".to_owned()
        }
        Kind::Pattern { .. } => "must match the expected pattern".to_owned(),
        _ => "must match a schema in anyOf".to_owned(),
    };
    match error.instance_path().as_str() {
        "" => rule,
        pointer => format!("at {pointer}: {rule}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChatHistoryParams, ChatSendParams};

    #[test]
    fn refusals_are_worded_as_recorded() {
        let send = Checker::<ChatSendParams>::new();
        assert_eq!(
            send.params("chat.send", r#"{"sessionKey":"main"}"#).unwrap_err().message,
            "invalid chat.send params: must have required property 'message'; \
             must have required property 'idempotencyKey'"
        );
        let history = Checker::<ChatHistoryParams>::new();
        assert_eq!(
            history.params("chat.history", r#"{"sessionKey":"m","limit":0}"#).unwrap_err().message,
            "invalid chat.history params: at /limit: must be >= 1"
        );
    }

    #[test]
    fn unknown_members_are_ignored_and_nulls_mean_absent() {
        let history = Checker::<ChatHistoryParams>::new();
        let params = history
            .params("chat.history", r#"{"sessionKey":"m","limit":null,"fromTheFuture":[1]}"#)
            .unwrap();
        assert_eq!(params.limit, None);
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let error = Checker::<ChatSendParams>::new().params("chat.send", &text).unwrap_err();
        assert!(error.message.starts_with("invalid chat.send params:"), "{}", error.message);
    }
}
