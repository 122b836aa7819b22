//! Stopping: what runs may end, what comes is told to come back.

use super::*;

#[test]
fn a_stop_lets_a_running_call_end_and_then_closes_the_door() {
    let mut door = Door::open();
    door.store.hold();
    let mut client = door.connect();
    client.send(post(GOOD));
    door.store.wait_for(1);
    door.begin_stop();
    let reply = door.ask(post(GOOD));
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (503, "stopping", true));
    assert!(reply.header("retry-after").is_some());
    door.store.release_all();
    let reply = client.reply();
    assert_eq!(reply.status, 200);
    assert!(client.is_closed());
    drop(client);
    door.wait_closed();
    assert!(TcpStream::connect(door.addr).is_err(), "nobody listens any more");
}

#[test]
fn a_call_on_an_open_connection_during_a_stop_gets_503() {
    let mut door = Door::with(Limits { head_timeout: PATIENCE, ..quick() }, Arc::new(SystemClock::new()));
    let mut open = door.connect();
    // Half a head: the connection is taken in and not idle.
    open.send("POST /richpanel/inbound HTTP/1.1\r\n");
    door.store.hold();
    let mut running = door.connect();
    running.send(post(GOOD));
    door.store.wait_for(1);
    door.begin_stop();
    assert_eq!(door.ask(post(GOOD)).status, 503, "the stop is under way");
    open.send(format!("Host: mw\r\n{TOKEN}Content-Length: 2\r\n\r\n{{}}"));
    let reply = open.reply();
    assert_eq!((reply.status, reply.code().as_str(), reply.closes()), (503, "stopping", true));
    door.store.release_all();
    assert_eq!(running.reply().status, 200);
    drop((open, running));
    door.wait_closed();
    assert_eq!(door.store.kept().len(), 1);
}

#[test]
fn a_stop_does_not_wait_for_ever_for_a_store_that_never_answers() {
    let limits = Limits { drain_timeout: Duration::from_millis(200), ..quick() };
    let mut door = Door::with(limits, Arc::new(SystemClock::new()));
    door.store.hold();
    let mut client = door.connect();
    client.send(post(GOOD));
    door.store.wait_for(1);
    door.begin_stop();
    door.wait_closed();
    assert!(client.try_reply().is_none(), "cut off without a 200");
}

#[test]
fn an_idle_connection_does_not_hold_up_a_stop() {
    let mut door = Door::with(
        Limits { head_timeout: PATIENCE, drain_timeout: PATIENCE, ..quick() },
        Arc::new(SystemClock::new()),
    );
    let mut client = door.connect();
    client.send(post(GOOD));
    assert_eq!(client.reply().status, 200);
    door.begin_stop();
    assert!(client.is_closed());
    door.wait_closed();
}

#[test]
fn a_stop_whose_sender_is_gone_is_a_stop() {
    let mut door = Door::open();
    let (other, _) = watch::channel(false);
    drop(std::mem::replace(&mut door.stop, other));
    door.wait_closed();
}
