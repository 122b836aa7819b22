//! Sending what the rules fired: one attempt, a timeout, no retry (richpanel-api §4).

use std::sync::Arc;
use std::time::Duration;

use ureq::http;

use super::shared::Shared;
use super::targets::Outgoing;

/// Characters of an answer that are kept.
const ANSWER_KEPT_MAX: usize = 500;

/// Sends one call and records what came of it.
pub(super) async fn send(shared: Arc<Shared>, call: Outgoing) {
    shared.clock.sleep_until_ms(call.due_at_ms).await;
    let Ok(permit) = Arc::clone(&shared.calls).acquire_owned().await else { return };
    let seq = call.seq;
    let outcome = tokio::task::spawn_blocking(move || post(&call)).await;
    drop(permit);
    let outcome = outcome.unwrap_or_else(|error| Err(error.to_string()));
    shared.with(|world| {
        let Some(record) = world.firings.iter_mut().rev().find(|record| record.seq == seq) else { return };
        record.done = true;
        match outcome {
            Ok((status, answer)) => {
                record.status = Some(status);
                record.answer = Some(answer);
            }
            Err(error) => record.error = Some(error),
        }
    });
}

fn post(call: &Outgoing) -> Result<(u16, String), String> {
    let target = &call.target;
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_millis(target.timeout_ms)))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(0)
        .proxy(None)
        .build()
        .new_agent();
    let mut request = http::Request::builder()
        .method(target.method.as_str())
        .uri(target.url.as_str())
        .header("content-type", target.body_kind.content_type());
    for (name, value) in &target.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    let request = request.body(call.body.clone()).map_err(|error| error.to_string())?;
    let mut response = agent.run(request).map_err(|error| error.to_string())?;
    let answer = response.body_mut().read_to_string().unwrap_or_default();
    Ok((response.status().as_u16(), answer.chars().take(ANSWER_KEPT_MAX).collect()))
}
