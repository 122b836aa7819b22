//! The shapes in which the helpdesk says that something went wrong (richpanel-api §1),
//! and the answer that a handler gives.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One of the error body shapes; any of them can come with any status, also with 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// `{"error":{"message":…}}`
    #[default]
    Error,
    /// `{"errors":{"message":…}}`
    Errors,
    /// A validator list, bare.
    Validator,
    /// A validator list under `error`.
    ValidatorInError,
    /// A validator list under `errors`.
    ValidatorInErrors,
    /// A validator list under `message`.
    ValidatorInMessage,
    /// `{"message":…}`, as the gateway says it.
    Gateway,
}

impl ErrorShape {
    /// Every shape, for tests that try them all.
    pub const ALL: [Self; 7] = [
        Self::Error,
        Self::Errors,
        Self::Validator,
        Self::ValidatorInError,
        Self::ValidatorInErrors,
        Self::ValidatorInMessage,
        Self::Gateway,
    ];

    /// The body in this shape, saying `message`.
    #[must_use]
    pub fn body(self, message: &str) -> Value {
        let list = json!([{"value": "", "msg": message, "param": "ticket", "location": "body"}]);
        match self {
            Self::Error => json!({"error": {"message": message}}),
            Self::Errors => json!({"errors": {"message": message}}),
            Self::Validator => list,
            Self::ValidatorInError => json!({"error": list}),
            Self::ValidatorInErrors => json!({"errors": list}),
            Self::ValidatorInMessage => json!({"message": list}),
            Self::Gateway => json!({"message": message}),
        }
    }
}

/// What a request is answered with, before any fault bends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body as it goes out.
    pub body: String,
    /// `Retry-After` in whole seconds.
    pub retry_after_s: Option<u64>,
}

impl Answer {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string(), retry_after_s: None }
    }

    /// 200 with JSON.
    #[must_use]
    pub fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    /// An error in one of the shapes.
    #[must_use]
    pub fn error(status: u16, shape: ErrorShape, message: &str) -> Self {
        Self::json(status, &shape.body(message))
    }

    /// 404 for a ticket, an order or a customer that is not there.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::error(404, ErrorShape::Error, &format!("{what} not found"))
    }

    /// 400 with the validator's list.
    #[must_use]
    pub fn invalid(message: &str) -> Self {
        Self::error(400, ErrorShape::ValidatorInMessage, message)
    }

    /// 403: a route the gateway does not know, or one this key may not use.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::error(403, ErrorShape::Gateway, "Forbidden")
    }

    /// 401: no key, or a wrong one.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::error(401, ErrorShape::Gateway, "Unauthorized")
    }

    /// 429 with `Retry-After`.
    #[must_use]
    pub fn too_many(retry_after_s: u64) -> Self {
        let mut answer = Self::error(429, ErrorShape::Gateway, "Too many requests");
        answer.retry_after_s = Some(retry_after_s);
        answer
    }

    /// 504 of an overloaded gateway: the backend may or may not have done it.
    #[must_use]
    pub fn gateway_timeout() -> Self {
        Self::error(504, ErrorShape::Gateway, "Endpoint request timed out")
    }
}
