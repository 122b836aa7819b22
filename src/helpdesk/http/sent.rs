//! Whether a request can have left the machine: a thin layer over ureq's connections that notes the first byte.
//!
//! ureq connects completely (name, TCP, proxy, TLS handshake) before it writes the request, and writes it through
//! [`Transport::transmit_output`] of the outermost connection, on the thread that made the call. The mark is set
//! *before* the bytes are handed on: a mark that is missing proves that nothing was sent. The mark belongs to the
//! thread; the tests of `http` fail should a later ureq write from another one.

use std::cell::Cell;

use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};

thread_local! {
    static SENT: Cell<bool> = const { Cell::new(false) };
}

/// Runs one call on this thread; the second value says whether any byte of it was handed to a connection.
pub(super) fn watch<T>(call: impl FnOnce() -> T) -> (T, bool) {
    SENT.set(false);
    let result = call();
    (result, SENT.get())
}

/// An agent whose connections are watched.
pub(super) fn agent(config: ureq::config::Config) -> ureq::Agent {
    let connector = Connector::<()>::chain(DefaultConnector::default(), Watch);
    ureq::Agent::with_parts(config, connector, DefaultResolver::default())
}

#[derive(Debug)]
struct Watch;

impl<In: Transport> Connector<In> for Watch {
    type Out = Watched<In>;

    fn connect(
        &self,
        _details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(Watched))
    }
}

#[derive(Debug)]
struct Watched<T>(T);

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        SENT.set(true);
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
