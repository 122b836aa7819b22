//! The adapter's own calls against a scripted server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::super::Richpanel;
use crate::clock::{Clock, ManualClock};
use crate::config;
use crate::event::{TicketId, Timestamp};
use crate::helpdesk::budget::{Budget, Permit, Use};
use crate::helpdesk::testing::{Act, Responder, json};
use crate::helpdesk::{ApiError, Applied, Directory, Helpdesk as _};
use crate::ticket::{Channel, Effect, OrderRef, Status, Ticket};

struct Desk {
    desk: Richpanel,
    permit: Permit,
    clock: Arc<ManualClock>,
    server: Responder,
}

fn desk_with(script: Vec<Act>, change: impl FnOnce(&mut config::Richpanel)) -> Desk {
    let server = Responder::play(script);
    let clock = Arc::new(ManualClock::at("2026-02-09T12:00:00Z".parse().unwrap()));
    let budget = Budget::new(50, Duration::from_secs(30), Arc::<ManualClock>::clone(&clock));
    let permit = budget.try_reserve(Use::Reply, 20).unwrap();
    let mut settings = config::Richpanel {
        base_url: format!("{}/v1", server.url),
        bot_agent_id: Some("agent-bot".into()),
        timeout_seconds: 2,
        ..config::Richpanel::default()
    };
    change(&mut settings);
    let desk = Richpanel::new(&settings, SecretString::from("k"), budget, Arc::<ManualClock>::clone(&clock))
        .unwrap();
    Desk { desk, permit, clock, server }
}

fn desk(script: Vec<Act>) -> Desk {
    desk_with(script, |_| {})
}

impl Desk {
    fn apply(&mut self, channel: Channel, effect: &Effect) -> Result<Applied, ApiError> {
        let ticket = Ticket { channel, ..ticket("<a+b@mail.example>") };
        self.desk.apply(&mut self.permit, &ticket, effect)
    }

    fn read(&mut self) -> Result<Ticket, ApiError> {
        self.desk.ticket(&mut self.permit, &TicketId::from("t-1"))
    }

    /// The last request's first line and its JSON body.
    fn last(&self) -> (String, Value) {
        let request = self.server.asked().pop().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

fn ticket(id: &str) -> Ticket {
    Ticket {
        id: TicketId::from(id),
        number: None,
        status: Status::Open,
        subject: String::new(),
        channel: Channel::Email,
        tags: vec![],
        assignee: None,
        priority: None,
        customer: crate::ticket::Customer::default(),
        client_id: None,
        messages: vec![],
        created_at: None,
        updated_at: None,
        read_at: Timestamp::UNIX_EPOCH,
    }
}

fn reply() -> Effect {
    Effect::Reply { body: "Hello\n\nit is on its way".into() }
}

const TICKET: &str = r#"{"ticket":{"id":"t-1","status":"OPEN","comments":[],"tags":["a"]}}"#;

#[test]
fn each_effect_is_the_call_that_is_known_to_work() {
    let path = "PUT /v1/tickets/%3Ca%2Bb%40mail.example%3E";
    let order = OrderRef { client_id: "demo/shop".into(), order_id: "#1".into() };
    let fields: BTreeMap<String, String> = [("tier".to_owned(), "gold".to_owned())].into();
    let cases: Vec<(Channel, Effect, &str, Value)> = vec![
        (
            Channel::Email,
            reply(),
            "/send-message",
            serde_json::json!({"body": "Hello\n\nit is on its way", "author_id": "agent-bot"}),
        ),
        (
            Channel::LiveChat,
            reply(),
            "",
            serde_json::json!({"ticket": {"comment": {"public": true,
            "body": "Hello\n\nit is on its way", "sender_type": "operator", "author_id": "agent-bot"}}}),
        ),
        (
            Channel::Email,
            Effect::Note { body: "n".into() },
            "",
            serde_json::json!({"ticket": {"comment":
            {"public": false, "body": "n", "sender_type": "operator", "author_id": "agent-bot"}}}),
        ),
        (
            Channel::Email,
            Effect::AddTags { tags: vec!["a".into()] },
            "/add-tags",
            serde_json::json!({"tags": ["a"]}),
        ),
        (
            Channel::Email,
            Effect::RemoveTags { tags: vec!["a".into()] },
            "/remove-tags",
            serde_json::json!({"tags": ["a"]}),
        ),
        (
            Channel::Email,
            Effect::Close,
            "",
            serde_json::json!({"ticket": {"status": "CLOSED", "state": "closed"}}),
        ),
        (
            Channel::Email,
            Effect::Priority { level: "HIGH".into() },
            "",
            serde_json::json!({"ticket": {"priority": "HIGH"}}),
        ),
        (
            Channel::Email,
            Effect::Assign { agent_id: "x".into() },
            "",
            serde_json::json!({"ticket": {"assignee_id": "x"}}),
        ),
        (
            Channel::Email,
            Effect::CustomFields { fields },
            "",
            serde_json::json!({"ticket": {"customFields": {"tier": "gold"}}}),
        ),
        (Channel::Email, Effect::AttachOrder { order }, "/attach-order/demo%2Fshop/%231", Value::Null),
    ];
    let mut desk = desk(vec![json(200, "{}"); cases.len()]);
    for (channel, effect, tail, body) in cases {
        let applied = desk.apply(channel, &effect).unwrap();
        assert_eq!((applied.status, applied.ticket), (200, None));
        assert_eq!(desk.last(), (format!("{path}{tail} HTTP/1.1"), body), "{}", effect.kind());
    }
}

#[test]
fn a_close_is_believed_only_when_the_answer_shows_it() {
    let id = r#""id":"<a+b@mail.example>""#;
    let mut desk = desk(vec![
        json(200, &format!(r#"{{"ticket":{{{id},"status":"CLOSED","comments":[{{"id":"c"}}]}}}}"#)),
        json(200, &format!(r#"{{"ticket":{{{id},"status":"OPEN","comments":[]}}}}"#)),
        json(200, "{}"),
        json(200, r#"{"ticket":{"id":"another","status":"OPEN","comments":[]}}"#),
    ]);
    let closed = desk.apply(Channel::Email, &Effect::Close).unwrap().ticket.unwrap();
    assert_eq!((closed.status, closed.messages.len()), (Status::Closed, 1));
    assert!(matches!(desk.apply(Channel::Email, &Effect::Close), Err(ApiError::Ambiguous(_))));
    assert_eq!(desk.apply(Channel::Email, &Effect::Close).unwrap().ticket, None);
    assert_eq!(
        desk.apply(Channel::Email, &Effect::Close).unwrap().ticket,
        None,
        "another ticket proves nothing"
    );
}

#[test]
fn added_tags_are_read_from_the_answer_where_it_shows_them() {
    let effect = Effect::AddTags { tags: vec!["a".into()] };
    let mut desk = desk(vec![
        json(200, r#"{"tags":["a","b"]}"#),
        json(200, r#"{"ticket":{"tags":["a"]}}"#),
        json(200, r#"{"message":"Tags added"}"#),
    ]);
    let mut tags = || desk.apply(Channel::Email, &effect).unwrap().tags;
    assert_eq!(tags(), Some(vec!["a".into(), "b".into()]));
    assert_eq!(tags(), Some(vec!["a".into()]));
    assert_eq!(tags(), None);
}

#[test]
fn a_reply_is_in_doubt_after_anything_that_does_not_prove_it_unsent() {
    let script = vec![
        Act::Reset,
        json(500, "{}"),
        json(504, r#"{"message":"Endpoint request timed out"}"#),
        json(200, r#"{"error":{"message":"x"}}"#),
        json(200, "{\"ticket\":"),
        json(409, "{}"),
        Act::Answer(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()),
    ];
    let count = script.len();
    let mut desk = desk(script);
    for at in 0..count {
        assert!(matches!(desk.apply(Channel::Email, &reply()), Err(ApiError::Ambiguous(_))), "act {at}");
    }
}

#[test]
fn a_reply_without_an_agent_to_write_as_is_refused_before_it_is_sent() {
    let mut desk = desk_with(vec![], |settings| settings.bot_agent_id = Some("  ".into()));
    assert!(desk.desk.can_write().unwrap_err().contains("bot_agent_id"));
    assert!(matches!(desk.apply(Channel::Email, &reply()), Err(ApiError::Rejected { status: 0, .. })));
    assert_eq!(desk.permit.used(), 0);
}

#[test]
fn after_a_401_no_write_goes_out_until_a_read_succeeds() {
    let mut desk = desk(vec![json(401, "{}"), json(401, "{}"), json(200, TICKET), json(200, "{}")]);
    assert!(matches!(desk.apply(Channel::Email, &Effect::Close), Err(ApiError::Unauthorized(_))));
    assert!(desk.desk.can_write().unwrap_err().contains("401"));
    assert!(matches!(desk.apply(Channel::Email, &reply()), Err(ApiError::Unauthorized(_))));
    assert_eq!(desk.permit.used(), 1, "the refused write cost no call");
    assert!(matches!(desk.read(), Err(ApiError::Unauthorized(_))));
    desk.read().unwrap();
    assert_eq!(desk.desk.can_write(), Ok(()));
    desk.apply(Channel::Email, &reply()).unwrap();
}

#[test]
fn a_refused_route_is_left_alone_for_a_quarter_of_an_hour() {
    let mut desk = desk(vec![json(403, "{}"), json(200, TICKET), json(200, r#"{"ticket":[]}"#)]);
    let since = Timestamp::UNIX_EPOCH;
    for _ in 0..2 {
        let error = desk.desk.changed_tickets(&mut desk.permit, since, 1).unwrap_err();
        assert!(matches!(error, ApiError::Forbidden(_)));
    }
    assert_eq!((desk.permit.used(), desk.desk.closed_routes()), (1, vec!["GET /tickets".to_owned()]));
    desk.read().unwrap();
    desk.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(desk.desk.changed_tickets(&mut desk.permit, since, 1).unwrap().tickets, []);
}

#[test]
fn one_ticket_that_answers_403_does_not_close_a_route_that_works() {
    let refused = || json(403, "{}");
    let mut desk =
        desk(vec![json(200, TICKET), refused(), json(200, TICKET), refused(), refused(), refused()]);
    desk.read().unwrap();
    assert!(matches!(desk.read(), Err(ApiError::Forbidden(_))));
    desk.read().unwrap();
    for _ in 0..3 {
        assert!(matches!(desk.read(), Err(ApiError::Forbidden(_))));
    }
    assert_eq!(desk.desk.closed_routes(), ["GET /tickets/{id}"]);
}

#[test]
fn the_linked_order_may_be_there_wrapped_missing_or_404() {
    let mut desk = desk(vec![
        json(200, r#"{"orderId":"1","appClientId":"shop"}"#),
        json(200, r#"{"order":{"orderId":"1","appClientId":"shop"}}"#),
        json(200, "{}"),
        json(404, r#"{"message":"Not found"}"#),
        json(200, r#"{"error":{"message":"order not found"}}"#),
        json(200, ""),
    ]);
    let mut linked = || desk.desk.linked_order(&mut desk.permit, &ticket("t-1")).unwrap();
    let order = Some(OrderRef { client_id: "shop".into(), order_id: "1".into() });
    assert_eq!((linked(), linked()), (order.clone(), order));
    for _ in 0..4 {
        assert_eq!(linked(), None);
    }
}

#[test]
fn an_order_is_asked_for_once_while_the_copy_is_fresh() {
    let body = r#"{"orderId":"1","orderName":"N1","status":"processing"}"#;
    let mut desk = desk(vec![json(200, body), json(200, body), json(404, "{}")]);
    let order = |id: &str| OrderRef { client_id: "shop".into(), order_id: id.into() };
    let first = desk.desk.order(&mut desk.permit, &order("1")).unwrap().unwrap();
    desk.clock.advance(Duration::from_secs(30));
    assert_eq!(desk.desk.order(&mut desk.permit, &order("1")).unwrap(), Some(first.clone()));
    assert_eq!(desk.permit.used(), 1);
    desk.clock.advance(Duration::from_secs(30));
    let second = desk.desk.order(&mut desk.permit, &order("1")).unwrap().unwrap();
    assert_eq!(second.read_at.duration_since(first.read_at).as_secs(), 60);
    assert_eq!(desk.desk.order(&mut desk.permit, &order("2")).unwrap(), None);
}

#[test]
fn changed_tickets_are_asked_for_newest_first_and_may_lack_comments() {
    let next = r#"{"ticket":[{"id":"a","status":"OPEN"},{"status":"OPEN"}],"next_page":"https://elsewhere.example/x"}"#;
    let mut desk =
        desk(vec![json(200, next), json(200, r#"{"ticket":[],"next_page":null}"#), json(200, "{}")]);
    let since = Timestamp::from_millisecond(1_770_000_000_000).unwrap();
    let page = desk.desk.changed_tickets(&mut desk.permit, since, 1).unwrap();
    assert_eq!((page.tickets.len(), page.more), (1, true));
    let query = "page=1&per_page=100&sortKey=updatedAt&order=DESC&updated_after=1770000000000";
    assert_eq!(desk.last().0, format!("GET /v1/tickets?{query} HTTP/1.1"));
    assert!(!desk.desk.changed_tickets(&mut desk.permit, since, 2).unwrap().more);
    let error = desk.desk.changed_tickets(&mut desk.permit, since, 3).unwrap_err();
    assert!(matches!(error, ApiError::Malformed(_)));
}

#[test]
fn directories_are_paged_through_kept_and_used_to_name_tags() {
    let id = "009a8844-4c94-4546-be2f-de68be9d8c34";
    let tagged = format!(r#"{{"ticket":{{"id":"t-1","status":"OPEN","tags":["{id}"]}}}}"#);
    let unknown = "11111111-2222-3333-4444-555555555555";
    let odd = format!(r#"{{"ticket":{{"id":"t-1","status":"OPEN","tags":["{unknown}"]}}}}"#);
    let mut desk = desk(vec![
        json(200, &tagged),
        json(200, r#"{"tag":[],"next_page":"x"}"#),
        json(200, &format!(r#"{{"tag":[{{"id":"{id}","name":"VIP"}}],"next_page":null}}"#)),
        json(200, &odd),
        json(200, r#"{"tag":[],"next_page":null}"#),
        json(200, &odd),
        json(200, &format!(r#"{{"tag":[{{"id":"{id}","name":"VIP"}}],"next_page":null}}"#)),
        json(200, "{}"),
        json(200, r#"{"user":[{"id":"u","name":"undefined","email":"u@shop.example"},{"name":"no id"}]}"#),
        json(200, r#"{"channels":[{"id":"c","type":"email","business_brand_name":"Demo"}]}"#),
    ]);
    assert_eq!(desk.read().unwrap().tags, ["VIP"], "an id is looked up before it is passed over");
    assert!(desk.server.asked()[1].starts_with("GET /v1/tags?page=1&per_page=100 "));
    assert_eq!(desk.read().unwrap().tags, [unknown]);
    let asked = desk.server.asked().len();
    assert_eq!(desk.read().unwrap().tags, [unknown]);
    assert_eq!(desk.server.asked().len(), asked + 1, "a name that no list has is asked for once");
    desk.desk.list(&mut desk.permit, Directory::Tags).unwrap();
    desk.apply(Channel::Email, &Effect::RemoveTags { tags: vec!["VIP".into()] }).unwrap();
    assert_eq!(desk.last().1, serde_json::json!({"tags": ["VIP", id]}), "taken off by name and by id");
    let users = desk.desk.directory(&mut desk.permit, Directory::Users).unwrap();
    assert_eq!((users.len(), users[0].name.as_str()), (1, "u@shop.example"));
    let channels = desk.desk.directory(&mut desk.permit, Directory::Channels).unwrap();
    assert_eq!(channels[0].name, "Demo");
}

#[test]
fn a_ticket_that_is_not_there_or_not_readable_is_told_apart() {
    let mut desk = desk(vec![
        json(404, r#"{"message":"Not found"}"#),
        json(200, r#"{"error":{"message":"Ticket not found"}}"#),
        json(200, "{}"),
        json(200, "<html>"),
        json(502, "<html>"),
        json(200, r#"{"ticket":{"id":"x","conversation_no":5,"status":"OPEN"}}"#),
    ]);
    assert_eq!(desk.read(), Err(ApiError::NotFound));
    assert_eq!(desk.read(), Err(ApiError::NotFound));
    assert!(matches!(desk.read(), Err(ApiError::Malformed(_))));
    assert!(matches!(desk.read(), Err(ApiError::Malformed(_))));
    assert!(matches!(desk.read(), Err(ApiError::Unavailable(_))));
    assert_eq!(desk.desk.ticket_by_number(&mut desk.permit, 5).unwrap().number, Some(5));
    assert_eq!(desk.last().0, "GET /v1/tickets/number/5 HTTP/1.1");
    assert_eq!(desk.clock.now(), "2026-02-09T12:00:00Z".parse().unwrap());
}

#[test]
fn the_journals_line_holds_no_words_of_anybody() {
    let body = r#"{"ticket":{"id":"<a+b@mail.example>","status":"OPEN","subject":"my secret","comments":[{"body":"x"}]},
        "message":"sent to ava@example.com"}"#;
    let mut desk = desk(vec![json(200, body)]);
    let line = desk.apply(Channel::Email, &reply()).unwrap().answer;
    assert!(!line.contains("secret") && !line.contains('@'), "{line}");
    assert!(
        line.starts_with("200 ") && line.contains("comments[1]") && line.contains("status=OPEN"),
        "{line}"
    );
    assert!(line.chars().count() <= 200);
}
