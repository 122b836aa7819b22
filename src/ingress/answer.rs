//! What a caller is told: a status, a short code, and plain words on what to do. Never an internal text.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

/// The response type of both listeners.
pub(crate) type Reply = Response<Full<Bytes>>;

/// An answer before it is bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    close: bool,
}

impl Answer {
    /// `{"error":code,"message":message}`. Both are words of ours.
    pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "error": code, "message": message }).to_string();
        Self { status, content_type: "application/json", body, headers: vec![], close: false }
    }

    /// 200 with an event: `accepted` or `duplicate`.
    pub(crate) fn event(status: &str, event: i64) -> Self {
        let body = format!(r#"{{"status":"{status}","event_id":{event}}}"#);
        Self { status: StatusCode::OK, content_type: "application/json", body, headers: vec![], close: false }
    }

    /// 200 with a text.
    pub(crate) fn text(content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, content_type, body: body.into(), headers: vec![], close: false }
    }

    /// Adds `Retry-After` in whole seconds, at least one.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// Adds `Allow`.
    pub(crate) fn allow(self, methods: &'static str) -> Self {
        self.header(header::ALLOW, HeaderValue::from_static(methods))
    }

    /// Ends the connection after this answer.
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Ends the connection after this answer when `yes`.
    pub(crate) fn closing_if(mut self, yes: bool) -> Self {
        self.close |= yes;
        self
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// As hyper sends it.
    pub(crate) fn into_reply(mut self) -> Reply {
        self.add_common_headers();
        let mut reply = Response::new(Full::new(Bytes::from(self.body)));
        *reply.status_mut() = self.status;
        reply.headers_mut().extend(self.headers);
        reply
    }

    /// As it goes out on a connection that hyper never saw.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.add_common_headers();
        let mut bytes = format!("HTTP/1.1 {}\r\n", self.status).into_bytes();
        let length = (header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        for (name, value) in self.headers.iter().chain([&length]) {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_bytes());
        bytes
    }

    fn add_common_headers(&mut self) {
        let add = [
            (header::CONTENT_TYPE, self.content_type),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        for (name, value) in add {
            self.headers.push((name, HeaderValue::from_static(value)));
        }
        if self.close {
            self.headers.push((header::CONNECTION, HeaderValue::from_static("close")));
        }
    }
}

/// 401: one answer for a missing and for a wrong token.
pub(crate) fn unauthorized() -> Answer {
    Answer::error(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "the token is missing or wrong; `richpanel-mw http-target` prints the header to send",
    )
}

/// 404.
pub(crate) fn not_found() -> Answer {
    Answer::error(
        StatusCode::NOT_FOUND,
        "not-found",
        "there is nothing at this path; `richpanel-mw http-target` prints the one to call",
    )
}

/// 405.
pub(crate) fn wrong_method(allowed: &'static str) -> Answer {
    let message = format!("this path takes {allowed}");
    Answer::error(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", &message).allow(allowed)
}

/// 503 for the moment: `code` says why.
pub(crate) fn unavailable(code: &str, message: &str, wait: Duration) -> Answer {
    Answer::error(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(wait)
}

/// 503 while the process stops.
pub(crate) fn stopping() -> Answer {
    unavailable("stopping", "the service is restarting; send this again", Duration::from_secs(5)).closing()
}

/// 503 when every place is taken, or the caller's share of them.
pub(crate) fn too_many_connections() -> Answer {
    let message = "too many connections are open; close some or send this again in a moment";
    unavailable("too-many-connections", message, Duration::from_secs(1)).closing()
}
