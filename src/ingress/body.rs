//! Reads a body, within bounds on size and time.

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Incoming};
use tokio::time::timeout;

use super::answer::Answer;
use super::limits::Limits;
use super::metrics::Ended;

/// The whole body, or the answer that ends the connection: 413, 408, or 400 for bad chunks.
///
/// A declared length over the limit is refused before a byte is read.
pub(crate) async fn read(body: Incoming, limits: &Limits) -> Result<Vec<u8>, (Ended, Answer)> {
    if body.size_hint().lower() > limits.body_bytes_max as u64 {
        return Err(too_large(limits.body_bytes_max));
    }
    match timeout(limits.body_timeout, collect(body, limits.body_bytes_max)).await {
        Ok(result) => result,
        Err(_) => Err(too_slow(limits)),
    }
}

async fn collect(mut body: Incoming, bytes_max: usize) -> Result<Vec<u8>, (Ended, Answer)> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(bytes_max);
    let mut bytes = Vec::with_capacity(declared.min(bytes_max));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| malformed())?;
        // Trailers are read and forgotten.
        let data: Bytes = frame.into_data().unwrap_or_default();
        if bytes.len() + data.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn too_large(bytes_max: usize) -> (Ended, Answer) {
    let message = format!("the body may have {bytes_max} bytes at most; send less of the message");
    let answer = Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "too-large", &message);
    (Ended::TooLarge, answer.closing())
}

fn too_slow(limits: &Limits) -> (Ended, Answer) {
    let message =
        format!("the body was not here within {} s; send it again", limits.body_timeout.as_secs_f64());
    (Ended::SlowBody, Answer::error(StatusCode::REQUEST_TIMEOUT, "slow-body", &message).closing())
}

fn malformed() -> (Ended, Answer) {
    let message = "the body ends early or its chunks are broken; send it again";
    (Ended::Malformed, Answer::error(StatusCode::BAD_REQUEST, "bad-body", message).closing())
}
