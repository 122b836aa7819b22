//! Automation rules that fire HTTP Targets (richpanel-api §4).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;

use super::*;

/// A receiver that keeps what it is sent and answers with one status, or not at all.
struct Receiver {
    addr: SocketAddr,
    got: mpsc::Receiver<String>,
}

impl Receiver {
    fn answering(status: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (send, got) = mpsc::channel();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read_request(&mut stream) else { return };
                match status {
                    Some(status) => {
                        let answer = format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
                        );
                        stream.write_all(answer.as_bytes()).unwrap();
                    }
                    None => held.push(stream),
                }
                if send.send(request).is_err() {
                    return;
                }
            }
        });
        Self { addr, got }
    }

    fn next(&self) -> String {
        self.got.recv_timeout(PATIENCE).unwrap()
    }

    fn target(&self) -> Target {
        Target { url: format!("http://{}/richpanel/inbound", self.addr), ..Target::default() }
    }
}

fn read_request(stream: &mut std::net::TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).ok()?;
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        if count == 0 {
            return None;
        }
    }
}

#[test]
fn a_message_fires_its_rule_once_with_headers_and_leaves_a_comment_on_the_ticket() {
    let sim = start();
    let receiver = Receiver::answering(Some(200));
    let mut target = receiver.target();
    target.headers.insert("X-Middleware-Token".into(), "secret".into());
    sim.set_targets(vec![target]);
    let ava = written(&sim);
    let request = receiver.next();
    assert!(request.starts_with("POST /richpanel/inbound HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("x-middleware-token: secret"));
    assert!(request.to_lowercase().contains("content-type: application/json"));
    assert!(request.ends_with(r#"{"ticket_id":"<CAf+1=2@mail.example.com>","message":"Where is it?"}"#));
    assert!(sim.wait_for_firings(PATIENCE));
    let firings = sim.firings();
    assert_eq!((firings.len(), firings[0].status, firings[0].acknowledged()), (1, Some(200), true));
    assert_eq!((&firings[0].ticket_id, &firings[0].message_id), (&ava.ticket_id, &ava.message_id));
    let comment = sim.ticket(&ava.ticket_id).unwrap()["comments"][1].clone();
    assert_eq!(comment["is_operator"], true);
    assert!(
        comment["body"]
            .as_str()
            .unwrap()
            .starts_with(r#"{"actionName":"HTTP_TARGET_TRIGGERED_TO_COVERSATION""#)
    );
    assert!(comment.get("author_id").is_none());
}

#[test]
fn form_and_xml_bodies_go_out_raw_or_escaped() {
    let sim = start();
    let receiver = Receiver::answering(Some(200));
    let form = Target {
        body_kind: BodyKind::Form,
        body: "ticket_id={{ticket.id}}&subject={{ticket.subject}}".into(),
        escaped: true,
        ..receiver.target()
    };
    sim.set_targets(vec![form]);
    written(&sim);
    let request = receiver.next();
    assert!(request.contains("application/x-www-form-urlencoded"));
    assert!(
        request.ends_with("ticket_id=%3CCAf%2B1%3D2%40mail.example.com%3E&subject=My+order"),
        "{request}"
    );
    let xml = Target {
        body_kind: BodyKind::Xml,
        body: "<t><id>{{ticket.id}}</id><m>{{ticket.lastMessage.text}}</m></t>".into(),
        ..receiver.target()
    };
    sim.set_targets(vec![xml]);
    sim.customer_writes(NewMessage { id: Some("<x@mail.example.com>".into()), ..email("a < b\n\"c\"") })
        .unwrap();
    let request = receiver.next();
    assert!(request.contains("application/xml"));
    assert!(request.ends_with("<t><id><x@mail.example.com></id><m>a < b\n\"c\"</m></t>"), "{request}");
}

#[test]
fn planned_calls_are_lost_doubled_and_delayed_exactly() {
    let sim = start();
    let receiver = Receiver::answering(Some(200));
    sim.set_targets(vec![receiver.target()]);
    sim.plan_shots(vec![Shot::Lost, Shot::Twice, Shot::Delayed { ms: 60_000 }]);
    let lost = sim.customer_writes(email("lost")).unwrap();
    assert!(sim.wait_for_firings(PATIENCE));
    assert!(!sim.firings()[0].acknowledged());
    assert!(kinds(&sim, &lost.ticket_id).contains(&EffectKind::TargetComment));
    sim.customer_writes(email("twice")).unwrap();
    assert!(receiver.next().contains("twice") && receiver.next().contains("twice"));
    sim.customer_writes(email("delayed")).unwrap();
    assert!(sim.wait_until(PATIENCE, |sim| sim.firings().iter().filter(|record| record.done).count() == 3));
    assert!(receiver.got.try_recv().is_err(), "nothing moves before the clock does");
    sim.advance_clock(60_000);
    assert!(receiver.next().contains("delayed"));
    assert!(sim.wait_for_firings(PATIENCE));
    assert_eq!(sim.firings().iter().filter(|record| record.acknowledged()).count(), 3);
}

#[test]
fn an_answer_other_than_200_and_no_answer_at_all_are_recorded_and_not_repeated() {
    let sim = start();
    let busy = Receiver::answering(Some(503));
    let silent = Receiver::answering(None);
    let gone = Target { name: "gone".into(), url: "http://127.0.0.1:9/".into(), ..Target::default() };
    sim.set_targets(vec![busy.target(), Target { timeout_ms: 50, ..silent.target() }, gone]);
    sim.customer_writes(email("hello")).unwrap();
    assert!(sim.wait_for_firings(PATIENCE));
    let firings = sim.firings();
    assert_eq!(firings.len(), 3, "one attempt each");
    assert_eq!((firings[0].status, firings[0].acknowledged()), (Some(503), false));
    assert!(firings[1].status.is_none() && firings[1].error.is_some());
    assert!(firings[2].error.is_some());
}

#[test]
fn rules_look_at_the_channel_and_two_that_fit_call_twice() {
    let sim = start();
    let receiver = Receiver::answering(Some(200));
    let on = |name: &str, channels: &[&str]| Target {
        name: name.into(),
        channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
        ..receiver.target()
    };
    sim.set_targets(vec![
        on("mail", &["email"]),
        on("chat", &["messenger"]),
        on("none", &[""]),
        on("all", &[]),
    ]);
    sim.customer_writes(email("a")).unwrap();
    sim.customer_writes(chat("b")).unwrap();
    sim.customer_writes(NewMessage { channel_hidden: true, ..email("c") }).unwrap();
    sim.customer_writes(NewMessage { quiet: true, ..email("d") }).unwrap();
    assert!(sim.wait_for_firings(PATIENCE));
    let names: Vec<_> = sim.firings().into_iter().map(|record| record.target).collect();
    assert_eq!(names, ["mail", "all", "chat", "all", "none", "all"]);
}
