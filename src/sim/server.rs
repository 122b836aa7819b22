//! The listener: reads a request, asks the limit and the faults, has the world apply it, and
//! answers, or breaks off, as the fault says.

use std::collections::BTreeMap;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::api::Call;
use super::control;
use super::errors::{Answer, ErrorShape};
use super::faults::{Action, names_endpoint};
use super::limit::Admission;
use super::route::Route;
use super::shared::Shared;
use super::wire::{BrokenOff, Pieces, ResetSwitch, Wire};
use super::world::World;

/// The largest request body, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A body above the 4 MiB that a careful client reads, in bytes.
const HUGE_BYTES: usize = 5 * 1024 * 1024;

type Answered = Result<Response<Pieces>, BrokenOff>;

/// Accepts until `stop` says true.
pub(super) async fn listen(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&shared)))),
            Err(error) => {
                log::warn!("sim: accept failed: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let reset = ResetSwitch::default();
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Wire::new(stream, reset.clone()));
    let service = service_fn(move |request| answer(request, Arc::clone(&shared), reset.clone()));
    let served = http1::Builder::new().timer(TokioTimer::new()).serve_connection(io, service).await;
    if let Err(error) = served {
        log::debug!("sim: connection ended: {error}");
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>, reset: ResetSwitch) -> Answered {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return Ok(respond(&Answer::error(413, ErrorShape::Gateway, "Request too long"), None));
    };
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let path = head.uri.path();
    if let Some(route) = path.strip_prefix("/_sim/") {
        return Ok(respond(&control::answer(&shared, head.method.as_str(), route, &body), None));
    }
    let Some(route) = path.strip_prefix("/v1/") else {
        return Ok(respond(&Answer::forbidden(), None));
    };
    let mut call = Call {
        seq: 0,
        method: head.method.as_str().to_owned(),
        route: Route::of(route),
        query: form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect::<BTreeMap<_, _>>(),
        body,
        base_url: shared.base_url.clone(),
        as_of_ms: None,
    };
    let key = head.headers.get("x-richpanel-key").and_then(|key| key.to_str().ok());
    match shared.with(|world| world.admit(&mut call, key)) {
        Entry::Refused(answer, admission) => Ok(respond(
            &answer,
            admission.map(|admission| (admission, shared.look(|world| world.window.limit().requests))),
        )),
        Entry::Admitted { admission, limit, action } => {
            carry_out(&shared, call, action, (admission, limit), &reset).await
        }
    }
}

/// What the door says.
enum Entry {
    Refused(Answer, Option<Admission>),
    Admitted { admission: Admission, limit: u32, action: Option<Action> },
}

impl World {
    /// Key, log, rate limit, route, fault: in this order.
    fn admit(&mut self, call: &mut Call, key: Option<&str>) -> Entry {
        if self.key_revoked || key != Some(self.options.api_key.as_str()) {
            self.log.unauthorized();
            return Entry::Refused(Answer::unauthorized(), None);
        }
        let now_ms = self.now_ms();
        let limit = self.window.limit();
        let ticket = call.route.ticket().map(|ticket| ticket.id.clone());
        call.seq = self.log.arrive(now_ms, limit.window_ms, call.endpoint(), ticket.clone());
        let admission = self.window.admit(now_ms);
        if !admission.allowed {
            self.log.throttled();
            return self.refuse(call, Answer::too_many(admission.retry_after_s), admission);
        }
        if self.forbids(call) {
            return self.refuse(call, Answer::forbidden(), admission);
        }
        let age_ms = ticket.and_then(|id| self.tickets.get(&id)).map(|ticket| now_ms - ticket.created_at_ms);
        let action = self.faults.next(&call.seen(), age_ms);
        if let Some(action) = &action {
            self.log.faulted(call.seq, action.name());
        }
        if matches!(action, Some(Action::RevokeKey)) {
            self.key_revoked = true;
        }
        Entry::Admitted { admission, limit: limit.requests, action }
    }

    fn refuse(&mut self, call: &Call, answer: Answer, admission: Admission) -> Entry {
        self.log.answered(call.seq, answer.status, answer.retry_after_s);
        Entry::Refused(answer, Some(admission))
    }

    fn forbids(&self, call: &Call) -> bool {
        let list = self.settings.list_forbidden && call.method == "GET" && call.route == Route::Tickets;
        let named = |want: &String| names_endpoint(want, &call.method, call.route.pattern());
        list || self.settings.forbidden_routes.iter().any(named)
    }
}

/// Applies the call, or not, and answers as the fault has it.
async fn carry_out(
    shared: &Arc<Shared>,
    mut call: Call,
    action: Option<Action>,
    limit: (Admission, u32),
    reset: &ResetSwitch,
) -> Answered {
    let seq = call.seq;
    let apply = |call: &Call| shared.with(|world| world.apply(call));
    let break_off = || {
        reset.set();
        Err(BrokenOff)
    };
    let answer = match action {
        None => apply(&call),
        Some(Action::ResetBefore) => return break_off(),
        Some(Action::ApplyThenReset) => {
            apply(&call);
            return break_off();
        }
        Some(Action::ApplyThenHang { ms }) => {
            let until_ms = shared.clock.in_ms(ms);
            apply(&call);
            shared.clock.sleep_until_ms(until_ms).await;
            return break_off();
        }
        Some(Action::ApplyThenHalfBody) => {
            let answer = apply(&call);
            shared.with(|world| world.log.answered(seq, answer.status, answer.retry_after_s));
            return Ok(half(&answer, limit));
        }
        Some(Action::Slow { ms }) => {
            let until_ms = shared.clock.in_ms(ms);
            let answer = apply(&call);
            shared.clock.sleep_until_ms(until_ms).await;
            answer
        }
        Some(Action::ApplyLate { ms }) => {
            tokio::spawn(apply_late(Arc::clone(shared), call, shared.clock.in_ms(ms)));
            Answer::gateway_timeout()
        }
        Some(Action::Lag { ms }) => {
            call.as_of_ms = Some(shared.clock.now_ms() - ms);
            apply(&call)
        }
        Some(action) => bent(shared, &call, &action),
    };
    shared.with(|world| world.log.answered(seq, answer.status, answer.retry_after_s));
    Ok(respond(&answer, Some(limit)))
}

/// Faults that only change what is answered, and whether the call is applied before.
fn bent(shared: &Arc<Shared>, call: &Call, action: &Action) -> Answer {
    let apply = || shared.with(|world| world.apply(call));
    match *action {
        Action::ApplyThenBadGateway => {
            apply();
            Answer::error(502, ErrorShape::Gateway, "Bad gateway")
        }
        Action::ApplyThenGatewayTimeout => {
            apply();
            Answer::gateway_timeout()
        }
        Action::NotApplied => shared.look(|world| world.pretend(call)),
        Action::OkWithError { shape } => Answer::error(200, shape, "Something went wrong"),
        Action::Status { status, shape, applied } => {
            if applied {
                apply();
            }
            Answer::error(status, shape, "Something went wrong")
        }
        Action::TooMany { retry_after_s } => Answer::too_many(retry_after_s),
        Action::NotFoundWhileNew { .. } => Answer::not_found("Ticket"),
        Action::Forbidden => Answer::forbidden(),
        Action::RevokeKey => Answer::unauthorized(),
        Action::Garbage => {
            apply();
            Answer { status: 200, body: "<html>\u{0}]] not json {".into(), retry_after_s: None }
        }
        Action::Huge => {
            apply();
            let filler = "x".repeat(HUGE_BYTES);
            Answer { status: 200, body: format!("{{\"filler\":\"{filler}\"}}"), retry_after_s: None }
        }
        _ => apply(),
    }
}

async fn apply_late(shared: Arc<Shared>, call: Call, due_at_ms: i64) {
    shared.clock.sleep_until_ms(due_at_ms).await;
    shared.with(|world| world.apply(&call));
}

impl World {
    /// A 200 that shows the ticket as it is, as if the write had worked.
    fn pretend(&self, call: &Call) -> Answer {
        let ticket = call.route.ticket().and_then(|named| self.tickets.get(&named.id));
        Answer::ok(&ticket.map_or_else(|| serde_json::json!({}), |ticket| self.show(ticket)))
    }
}

fn respond(answer: &Answer, limit: Option<(Admission, u32)>) -> Response<Pieces> {
    with_headers(answer, limit, Pieces::whole(answer.body.clone()))
}

fn half(answer: &Answer, limit: (Admission, u32)) -> Response<Pieces> {
    with_headers(answer, Some(limit), Pieces::half(&answer.body))
}

fn with_headers(answer: &Answer, limit: Option<(Admission, u32)>, body: Pieces) -> Response<Pieces> {
    let mut response = Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, answer.body.len().into());
    if let Some((admission, requests)) = limit {
        headers.insert("x-ratelimit-limit", requests.into());
        headers.insert("x-ratelimit-remaining", admission.remaining.into());
    }
    if let Some(seconds) = answer.retry_after_s {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
