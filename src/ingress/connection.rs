//! One connection, from its first byte to the moment its socket may be closed.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::timeout;

use super::answer::Reply;
use super::head_guard::HeadGuard;
use super::limits::{HEAD_BYTES_MAX, HEADERS_MAX, Limits};

/// What a listener does with requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn answer(
        self: Arc<Self>,
        arrival: Arrival,
        request: Request<Incoming>,
    ) -> impl Future<Output = Reply> + Send;

    /// A connection was turned away before a request was read: because of a stop, or for want of a place.
    fn turned_away(&self, _stopping: bool) {}
}

/// What is known of a request besides itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// The process is stopping: nothing new is begun.
    pub(crate) stopping: bool,
}

/// How far the listener is on its way to its end; each connection holds a copy.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// A stop was asked for: requests that begin now are turned away.
    pub(crate) stop: watch::Receiver<bool>,
    /// No request is in work any more, or their time is up: connections end.
    pub(crate) close: watch::Receiver<bool>,
    /// Requests in work.
    pub(crate) in_work: watch::Sender<usize>,
}

/// Counts one request as in work while it lives.
struct InWork(watch::Sender<usize>);

impl InWork {
    fn begin(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Bytes read and thrown away after the last answer.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Serves a connection to its end: the caller's, a stop's, or that of its age.
pub(crate) async fn serve<IO, H>(io: IO, peer: SocketAddr, handler: Arc<H>, limits: &Limits, life: Life)
where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Handler,
{
    let Life { stop, mut close, in_work } = life;
    let service = service_fn(move |request| {
        let in_work = InWork::begin(&in_work);
        let arrival = Arrival { peer, stopping: *stop.borrow() };
        let reply = Arc::clone(&handler).answer(arrival, request);
        Box::pin(async move {
            let reply = reply.await;
            drop(in_work);
            Ok::<_, Infallible>(reply)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        // A caller that closes its sending side after the request still wants the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(HeadGuard::new(io)), service);
    let mut ending = pin!(async {
        tokio::select! {
            () = stopped(&mut close) => {}
            () = tokio::time::sleep(limits.connection_age_max) => {}
        }
    });
    let ended = tokio::select! {
        result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(result),
        () = &mut ending => None,
    };
    if ended.is_none() {
        Pin::new(&mut connection).graceful_shutdown();
        // Long enough for a request that has just begun; after a stop the listener's own, shorter patience counts. An
        // error here is the caller's doing, and a time-out too: the socket closes either way.
        let patience = limits.head_timeout + limits.body_timeout + limits.store_timeout;
        let _ = timeout(patience, poll_fn(|cx| connection.poll_without_shutdown(cx))).await;
    } else if let Some(Err(error)) = ended {
        log::debug!("connection ended early: {error}");
    }
    linger(connection.into_parts().io.into_inner().into_inner(), limits).await;
}

/// Completes when a stop was asked for, or when nobody is left to ask.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Sends `bytes` on a connection that is not served, and closes it.
pub(crate) async fn turn_away<IO>(mut io: IO, bytes: Vec<u8>, limits: &Limits)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let send = poll_fn(|cx| Pin::new(&mut io).poll_write(cx, &bytes));
    if let Ok(Ok(_)) = timeout(limits.linger_timeout, send).await {
        linger(io, limits).await;
    }
}

/// Closes the sending side and reads on for a moment. Closing a socket with unread bytes resets it, and a reset can
/// destroy an answer on its way (RFC 9112 section 9.6).
async fn linger<IO: AsyncRead + AsyncWrite + Unpin>(mut io: IO, limits: &Limits) {
    let rest = async {
        poll_fn(|cx| Pin::new(&mut io).poll_shutdown(cx)).await?;
        let mut space = vec![0; 8 * 1024];
        let mut left = LINGER_BYTES_MAX;
        while left > 0 {
            let mut read = ReadBuf::new(&mut space);
            poll_fn(|cx| Pin::new(&mut io).poll_read(cx, &mut read)).await?;
            if read.filled().is_empty() {
                break;
            }
            left = left.saturating_sub(read.filled().len());
        }
        std::io::Result::Ok(())
    };
    let _ = timeout(limits.linger_timeout, rest).await;
}
