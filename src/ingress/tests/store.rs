//! What the store says is what the caller hears.

use super::*;

#[test]
fn nobody_hears_200_before_the_store_has_said_so() {
    let door = Door::open();
    door.store.hold();
    let mut client = door.connect();
    client.send(post(GOOD));
    door.store.wait_for(1);
    client.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(client.stream.peek(&mut [0]).is_err(), "not a byte yet");
    client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    door.store.release_all();
    assert_eq!(client.reply().status, 200);
}

#[test]
fn a_call_that_joined_a_waiting_event_is_a_duplicate() {
    let door = Door::open();
    assert_eq!(door.ask(post(GOOD)).body, r#"{"status":"accepted","event_id":1}"#);
    assert_eq!(door.ask(post(GOOD)).body, r#"{"status":"duplicate","event_id":1}"#);
    assert_eq!(door.figure(r#"mw_events_deduplicated_total{key="ticket"}"#), Some(1.0));
    assert_eq!(door.figure(r#"mw_ingress_requests_total{source="richpanel",result="accepted"}"#), Some(1.0));
    assert_eq!(door.figure("mw_ingress_ack_duration_seconds_count"), Some(2.0));
    let last = door.figure(r#"mw_ingress_last_event_timestamp_seconds{source="richpanel"}"#).unwrap();
    assert!(last > 1.7e9, "{last} is not a Unix time");
}

#[test]
fn a_chat_waits_in_the_lane_for_chats() {
    let door = Door::open();
    door.ask(post(r#"{"ticket_id":"T1","channel":"live_chat"}"#));
    assert_eq!(door.store.kept()[0].lane, Lane::LiveChat);
}

#[test]
fn a_store_that_cannot_keep_a_call_is_503_without_its_reasons() {
    let door = Door::open();
    let secret = "/var/lib/secret/path";
    for (error, code) in [
        (StoreError::Busy, "busy"),
        (StoreError::DiskFull, "disk-full"),
        (StoreError::Unknown(secret.into()), "store-failed"),
        (StoreError::Broken(secret.into()), "store-failed"),
    ] {
        door.store.refuse(Some(error));
        let mut client = door.connect();
        client.send(post(GOOD));
        let reply = client.reply();
        assert_eq!((reply.status, reply.code().as_str()), (503, code));
        assert!(reply.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
        assert!(!reply.body.contains(secret));
        door.store.refuse(None);
        client.send(post(&format!(r#"{{"ticket_id":"after {code}"}}"#)));
        assert!(client.try_reply().is_none_or(|reply| reply.status == 200));
    }
    assert_eq!(door.ask(post(r#"{"ticket_id":"later"}"#)).status, 200);
}

#[test]
fn a_call_without_ticket_that_cannot_be_kept_is_503_not_422() {
    let door = Door::open();
    door.store.refuse(Some(StoreError::Busy));
    assert_eq!(door.ask(post("{}")).status, 503);
}

#[test]
fn a_store_that_drops_or_never_gives_its_answer_is_503() {
    let door = Door::open();
    door.store.drop_answers();
    assert_eq!(door.ask(post(GOOD)).code(), "store-failed");
    let slow = Door::with(
        Limits { store_timeout: Duration::from_millis(100), ..quick() },
        Arc::new(SystemClock::new()),
    );
    slow.store.hold();
    let reply = slow.ask(post(GOOD));
    assert_eq!((reply.status, reply.code().as_str()), (503, "busy"));
}

#[test]
fn a_caller_that_hangs_up_while_waiting_has_its_event_kept() {
    let door = Door::open();
    door.store.hold();
    let mut client = door.connect();
    client.send(post(GOOD));
    door.store.wait_for(1);
    drop(client);
    door.store.release_all();
    assert_eq!(door.ask(post(GOOD)).body, r#"{"status":"duplicate","event_id":1}"#);
}
