//! The plumbing of both listeners: binding, accepting within limits, stopping.
//!
//! Order: [`Listener::bind`] at start, where a wrong address must be an error a person can act on;
//! [`Listener::serve`] until the stop. What may go wrong in between is `accept`: an error of one connection is passed
//! over, any other (no more open files, no memory) is logged once and accepting rests for a moment, because the
//! same error would come back at once.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::address::{self, AddressKey};
use super::answer::{self, Answer};
use super::connection::{self, Handler, Life, stopped};
use super::limits::Limits;
use super::seats::{Seat, Seats};

/// Connections that are being told that there is no place; more are dropped without a word.
const TURNED_AWAY_MAX: usize = 64;

/// Connections that the kernel keeps until they are accepted.
const WAITING_MAX: i32 = 1024;

/// A bound socket that nobody is served on yet.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: std::net::TcpListener,
    addr: SocketAddr,
    limits: Arc<Limits>,
    seats: Arc<Seats>,
}

/// The tasks of a running listener.
#[derive(Default)]
struct Tasks {
    served: JoinSet<()>,
    turned_away: JoinSet<()>,
}

impl Listener {
    /// Binds `addr`, which `key` of the configuration names. Port 0 takes any free port: [`Listener::addr`].
    ///
    /// # Errors
    /// Why the address cannot be listened on, and what to do about it.
    pub(crate) fn bind(addr: SocketAddr, key: &str, limits: Limits) -> io::Result<Self> {
        let explain = |error: io::Error| io::Error::new(error.kind(), explain(addr, key, &error));
        let socket = std::net::TcpListener::bind(addr).map_err(explain)?;
        // std asks for 128; a burst beyond that would wait a second for its second SYN. The kernel caps it
        // (net.core.somaxconn, 4096), and an older cap is no reason not to start.
        let _ = rustix::net::listen(&socket, WAITING_MAX);
        socket.set_nonblocking(true)?;
        let addr = socket.local_addr()?;
        let seats = Seats::new(limits.connections_max, limits.connections_per_address_max);
        Ok(Self { socket, addr, limits: Arc::new(limits), seats })
    }

    /// Where it listens.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The count of connections, for the shares of those behind a proxy.
    pub(crate) fn seats(&self) -> Arc<Seats> {
        Arc::clone(&self.seats)
    }

    /// Serves until `stop` says so, then lets running requests end and turns others away.
    ///
    /// # Errors
    /// When the runtime cannot take the socket over.
    pub(crate) async fn serve<H: Handler>(
        self,
        handler: Arc<H>,
        mut stop: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let socket = TcpListener::from_std(self.socket.try_clone()?)?;
        let (close, closing) = watch::channel(false);
        let life = Life { stop: stop.clone(), close: closing, in_work: watch::Sender::new(0) };
        let mut tasks = Tasks::default();
        let mut failing = false;
        loop {
            tokio::select! {
                () = stopped(&mut stop) => break,
                Some(ended) = tasks.served.join_next() => note(ended),
                Some(ended) = tasks.turned_away.join_next() => note(ended),
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        failing = false;
                        self.admit(stream, peer, &handler, &life, &mut tasks);
                    }
                    Err(error) => self.rest_after(&error, &mut failing).await,
                },
            }
        }
        let deadline = tokio::time::sleep(self.limits.drain_timeout);
        tokio::select! {
            () = self.drain(&socket, handler.as_ref(), &mut tasks, &close, &life) => {}
            () = deadline => log::warn!("calls were still in work on {} when their time was up", self.addr),
        }
        tasks.served.shutdown().await;
        // Whoever was told to come back has been told within moments.
        let told = async { while tasks.turned_away.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_millis(50), told).await;
        Ok(())
    }

    fn admit<H: Handler>(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        handler: &Arc<H>,
        life: &Life,
        tasks: &mut Tasks,
    ) {
        let Some(seat) = self.seat(peer) else {
            handler.turned_away(false);
            self.turn_away(stream, answer::too_many_connections(), tasks);
            return;
        };
        // Answers are small and wanted now. A socket that cannot take the option can still be served.
        let _ = stream.set_nodelay(true);
        let (handler, life, limits) = (Arc::clone(handler), life.clone(), Arc::clone(&self.limits));
        tasks.served.spawn(async move {
            let _seat = seat;
            connection::serve(stream, peer, handler, &limits, life).await;
        });
    }

    fn seat(&self, peer: SocketAddr) -> Option<Seat> {
        let proxy = address::is_in(peer.ip(), &self.limits.trusted_proxies);
        self.seats.for_connection((!proxy).then(|| AddressKey::from(peer.ip())))
    }

    fn turn_away(&self, stream: TcpStream, why: Answer, tasks: &mut Tasks) {
        if tasks.turned_away.len() < TURNED_AWAY_MAX {
            let limits = Arc::clone(&self.limits);
            tasks.turned_away.spawn(async move {
                connection::turn_away(stream, why.into_bytes(), &limits).await;
            });
        }
    }

    async fn rest_after(&self, error: &io::Error, failing: &mut bool) {
        if is_one_connections(error) {
            return;
        }
        if !*failing {
            log::error!("no connection can be accepted on {}: {error}; trying on", self.addr);
        }
        *failing = true;
        tokio::time::sleep(self.limits.accept_pause).await;
    }

    /// Lets requests in work end while others are turned away, then ends the connections.
    async fn drain<H: Handler>(
        &self,
        socket: &TcpListener,
        handler: &H,
        tasks: &mut Tasks,
        close: &watch::Sender<bool>,
        life: &Life,
    ) {
        let mut in_work = life.in_work.subscribe();
        let mut failing = true;
        loop {
            let closing = *close.borrow();
            tokio::select! {
                // A connection that came just before the stop is taken before "nothing is in work" is believed.
                biased;
                accepted = socket.accept() => match accepted {
                    Ok((stream, _)) => {
                        handler.turned_away(true);
                        self.turn_away(stream, answer::stopping(), tasks);
                    }
                    Err(error) => self.rest_after(&error, &mut failing).await,
                },
                Some(ended) = tasks.turned_away.join_next() => note(ended),
                _ = in_work.wait_for(|count| *count == 0), if !closing => {
                    close.send_replace(true);
                }
                ended = tasks.served.join_next() => match ended {
                    Some(ended) => note(ended),
                    None => break,
                },
            }
        }
    }
}

/// A panic while serving one connection costs that connection only.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        log::error!("a connection's task panicked; the connection is closed, others are not affected");
    }
}

/// Errors that belong to the connection that was being accepted: the next one may well succeed.
fn is_one_connections(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
            | ErrorKind::WouldBlock
    )
}

fn explain(addr: SocketAddr, key: &str, error: &io::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => "another program uses this port; stop it or choose another port",
        ErrorKind::PermissionDenied => {
            "ports below 1024 need a privilege; choose a higher one and let a reverse proxy forward to it"
        }
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address; use one of its own, 127.0.0.1 or 0.0.0.0"
        }
        _ => "choose another address",
    };
    format!("cannot listen on {addr} ({error}): {advice}, in `{key}` of the configuration")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_open_files_rests_and_a_caller_that_hung_up_does_not() {
        let no_files = io::Error::from_raw_os_error(24);
        assert!(!is_one_connections(&no_files));
        assert!(is_one_connections(&io::Error::from_raw_os_error(103)), "ECONNABORTED");
    }

    #[test]
    fn a_port_in_use_is_named_and_the_error_says_what_to_do() {
        let first = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), "server.listen", Limits::default());
        let taken = first.as_ref().unwrap().addr();
        let error = Listener::bind(taken, "server.listen", Limits::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&taken.to_string()) && text.contains("server.listen"), "{text}");
        assert!(text.contains("another program"), "{text}");
    }
}
