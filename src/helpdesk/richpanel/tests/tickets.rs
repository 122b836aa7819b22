//! Tickets in the shapes a live tenant gives them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::wire::{self, Known};
use crate::event::{TicketId, Timestamp};
use crate::ticket::{Author, Channel, Status, Ticket};

const TAG: &str = "009a8844-4c94-4546-be2f-de68be9d8c34";

fn read(object: &Value) -> Ticket {
    let known = Known {
        bot_agent_id: Some("agent-bot"),
        tag_name: &|id| (id == TAG).then(|| "VIP".to_owned()),
        is_agent: &|id| id == "agent-known",
        read_at: Timestamp::UNIX_EPOCH,
    };
    let asked = TicketId::from("asked");
    wire::ticket(object, Some(&asked), &known).unwrap()
}

fn with_comments(comments: &Value) -> Vec<(String, Author)> {
    let object = json!({"id": "t", "status": "OPEN", "comments": comments,
        "customer_profile": {"id": "cust-1", "email": "ava@example.com"}});
    let messages = read(&object).messages.into_iter();
    messages
        .map(|message| (message.id.map(|id| id.to_string()).unwrap_or_default(), message.author))
        .collect()
}

#[test]
fn a_ticket_is_read_as_the_vendor_writes_it() {
    let object = json!({
        "id":"api-demoshop-3f0c6d1e","conversation_no":1401,"app_client_id":"demoshop",
        "created_at":"2026-02-09T00:29:02.114Z","updated_at":"2026-02-09T00:31:40.556Z",
        "assignee_id":"unassigned","priority":"LOW","recipient":"support@example.com","status":"OPEN",
        "subject":"Where is my order?",
        "via":{"channel":"email","source":{"from":{"address":"ava@example.com"},"to":{"address":"support@example.com"}}},
        "comments":[
            {"id":"c-1","type":"Comment","author_id":"cust-1","is_operator":false,"body":"<p>Where is #10001?</p>",
             "plain_body":"Where is #10001?","attachments":[{}],"created_at":"2026-02-09T00:29:02.114Z"},
            {"id":"c-2","type":"Comment","author_id":"agent-bot","is_operator":true,"plain_body":"On its way",
             "created_at":"2026-02-09T00:31:38.000Z"},
            {"id":"c-3","type":"Comment","is_operator":true,
             "body":"{\"actionName\":\"HTTP_TARGET_TRIGGERED_TO_COVERSATION\"}","created_at":"2026-02-09T00:31:39.000Z"}],
        "tags":["mw-processed", TAG],
        "customer_profile":{"email":"ava@example.com","firstName":"Ava","lastName":"Doe"},"customFields":{}});
    let ticket = read(&object);
    assert_eq!((ticket.id.as_str(), ticket.number), ("api-demoshop-3f0c6d1e", Some(1401)));
    assert_eq!((ticket.status, ticket.channel), (Status::Open, Channel::Email));
    assert_eq!(ticket.tags, ["mw-processed", "VIP"]);
    assert_eq!((ticket.assignee, ticket.client_id.as_deref()), (None, Some("demoshop")));
    assert_eq!(ticket.customer.name.as_deref(), Some("Ava Doe"));
    let authors: Vec<_> = ticket.messages.iter().map(|message| &message.author).collect();
    assert_eq!(authors, [&Author::Customer, &Author::Bot, &Author::System]);
    assert_eq!(ticket.messages[0].attachments, 1);
    assert_eq!(ticket.created_at.unwrap().as_millisecond(), 1_770_596_942_114);
}

#[test]
fn anything_may_be_missing_or_null_or_of_another_type() {
    let bare = read(&json!({}));
    assert_eq!((bare.id.as_str(), bare.channel, bare.tags.len()), ("asked", Channel::Unknown, 0));
    assert_eq!(bare.status, Status::Other(String::new()));
    let odd = read(
        &json!({"id": 77, "status": [], "subject": null, "via": "email", "tags": null, "comments": {},
        "conversation_no": "12", "assignee_id": {}, "customer_profile": [], "created_at": 5.5, "priority": false}),
    );
    assert_eq!((odd.id.as_str(), odd.number), ("77", Some(12)));
    assert!(odd.messages.is_empty() && odd.subject.is_empty() && odd.priority.is_none());
    let comments =
        json!([null, "text", {}, {"id": null, "is_operator": "true", "attachments": 3, "created_at": []}]);
    assert_eq!(with_comments(&comments).len(), 2);
}

#[test]
fn an_unknown_channel_is_mail_only_with_evidence() {
    let channel = |object: Value| read(&object).channel;
    assert_eq!(channel(json!({"id": "453347427_name_186779"})), Channel::Unknown);
    assert_eq!(channel(json!({"id": "x", "via": {"channel": "carrier_pigeon"}})), Channel::Unknown);
    assert_eq!(channel(json!({"id": "<abc@mail.example>"})), Channel::Email);
    let source =
        json!({"id": "x", "via": {"channel": null, "source": {"to": {"address": "support@example.com"}}}});
    assert_eq!(channel(source), Channel::Email);
    let phone =
        json!({"id": "x", "via": {"source": {"from": {"address": "+1555"}, "to": {"address": "+1666"}}}});
    assert_eq!(channel(phone), Channel::Unknown);
    assert_eq!(channel(json!({"id": "<a@b>", "via": {"channel": "messenger"}})), Channel::LiveChat);
}

#[test]
fn comments_are_put_in_time_order_and_those_without_a_time_keep_their_place() {
    let comments = json!([
        {"id": "late", "is_operator": false, "created_at": "2026-01-03T00:00:00Z"},
        {"id": "undated", "is_operator": false},
        {"id": "early", "is_operator": false, "created_at": "2026-01-01T00:00:00Z"},
        {"id": "twin-1", "is_operator": false, "created_at": "2026-01-02T00:00:00Z"},
        {"id": "twin-2", "is_operator": false, "created_at": "2026-01-02T00:00:00Z"},
    ]);
    let ids: Vec<_> = with_comments(&comments).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["early", "undated", "twin-1", "twin-2", "late"]);
}

#[test]
fn authors_are_told_apart_with_and_without_the_operator_flag() {
    let agent = |id: &str| Author::Agent(Some(id.to_owned()));
    for (comment, author) in [
        (json!({"is_operator": true, "author_id": "a"}), agent("a")),
        (json!({"isOperator": true, "author_id": "a"}), agent("a")),
        (json!({"is_operator": true}), Author::Agent(None)),
        (json!({"isOperator": false, "author_id": "x"}), Author::Customer),
        (json!({"is_operator": true, "author_id": "agent-bot"}), Author::Bot),
        (json!({"author_id": "agent-bot"}), Author::Bot),
        (json!({"author_id": "cust-1"}), Author::Customer),
        (json!({"via": {"source": {"from": {"address": "AVA@example.com"}}}}), Author::Customer),
        (json!({"author_id": "agent-known"}), agent("agent-known")),
        (json!({"author_id": "nobody-knows"}), Author::Unknown),
        (json!({"plain_body": "no author at all"}), Author::Unknown),
    ] {
        assert_eq!(with_comments(&json!([comment]))[0].1, author, "{comment}");
    }
}

#[test]
fn an_author_known_from_another_comment_of_the_ticket_is_known_without_a_flag() {
    let comments = json!([
        {"id": "1", "author_id": "p", "is_operator": false}, {"id": "2", "author_id": "q", "is_operator": true},
        {"id": "3", "author_id": "p"}, {"id": "4", "author_id": "q"}]);
    let authors: Vec<_> = with_comments(&comments).into_iter().map(|(_, author)| author).collect();
    assert_eq!(authors[2..], [Author::Customer, Author::Agent(Some("q".into()))]);
}

#[test]
fn echoes_and_recordings_are_nobodys_words() {
    for comment in [
        json!({"is_operator": true, "body": "{\"actionName\":\"HTTP_TARGET_TRIGGERED_TO_COVERSATION\", \"x\":1}"}),
        json!({"is_operator": true, "plain_body": "  { \"actionName\": \"OTHER\"}"}),
        json!({"body": "<p>{&quot;actionName&quot;:&quot;X&quot;}</p>"}),
        json!({"author_id": "cust-1", "body": "{\"actionName\":1}"}),
        json!({"is_operator": false, "body": "{\"actionName\":1}"}),
        json!({"is_operator": true, "author_id": "agent-bot", "body": "{\"actionName\":1}"}),
    ] {
        assert_eq!(with_comments(&json!([comment]))[0].1, Author::System, "{comment}");
    }
}

#[test]
fn a_recording_is_the_customers_call_without_words_of_theirs() {
    let comment = json!({"type": "VoiceComment", "is_operator": false, "author_id": "cust-1", "plain_body": "cancel it"});
    let seen = &read(&json!({"id": "t-1", "comments": [comment]})).messages[0];
    assert_eq!((&seen.author, seen.plain.as_str(), &seen.html), (&Author::Customer, "", &None));
}

#[test]
fn private_notes_are_not_public() {
    let public = |comment: Value| {
        read(&json!({"id": "t", "status": "OPEN", "comments": [comment]})).messages[0].public
    };
    assert!(
        public(json!({"id": "c"})) && public(json!({"public": true})) && public(json!({"isPrivate": false}))
    );
    for comment in [
        json!({"public": false}),
        json!({"isPrivate": true}),
        json!({"is_private": "true"}),
        json!({"internal": true}),
        json!({"type": "PrivateNote"}),
    ] {
        assert!(!public(comment.clone()), "{comment}");
    }
}

#[test]
fn tags_come_as_names_ids_objects_or_not_at_all() {
    let tags = |value: Value| read(&json!({"id": "t", "tags": value})).tags;
    let unknown = "11111111-2222-3333-4444-555555555555";
    assert_eq!(
        tags(json!(["a", TAG, unknown, {"name": "b"}, {"id": TAG}, null, "a"])),
        ["a", "VIP", unknown, "b"]
    );
    assert_eq!(tags(json!(null)), [""; 0]);
}

#[test]
fn the_shops_own_address_is_not_the_customers() {
    let object = |from: &str| {
        json!({"id": "t", "recipient": "support@example.com",
            "via": {"channel": "email", "source": {"from": {"address": from}}}})
    };
    assert_eq!(read(&object("ava@example.com")).customer.email.as_deref(), Some("ava@example.com"));
    assert_eq!(read(&object("Support@example.com")).customer.email, None);
}

#[test]
fn the_ticket_is_found_wrapped_and_bare_and_not_in_anything_else() {
    let found = |body: Value| wire::ticket_object(&body).is_some();
    assert!(found(json!({"ticket": {"id": "t"}})) && found(json!({"ticket": [{"id": "t"}]})));
    assert!(found(json!({"id": "t", "status": "OPEN"})));
    for body in [
        json!({}),
        json!(null),
        json!({"ticket": null}),
        json!({"id": "x"}),
        json!("ok"),
        json!({"ticket": {}}),
    ] {
        assert!(!found(body.clone()), "{body}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let keys =
        "id|status|tags|comments|via|channel|source|from|address|created_at|is_operator|author_id|body|name";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(keys, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_reading_a_ticket_panic(object in any_json()) {
        read(&object);
        wire::ticket_object(&object);
    }
}

#[test]
fn who_began_a_ticket_by_mail_is_known_without_a_flag() {
    let ticket = |from: &str, first_at: &str| {
        let object = json!({
            "id": "<a@mail.example>", "status": "OPEN", "created_at": "2026-02-09T00:29:02.114Z",
            "recipient": "support@shop.example",
            "via": {"channel": "email", "source": {"from": {"address": from}}},
            "comments": [
                {"id": "c-2", "author_id": "p", "plain_body": "hello?", "created_at": "2026-02-09T09:00:00.000Z"},
                {"id": "c-1", "author_id": "p", "plain_body": "where is it", "created_at": first_at},
                {"id": "c-3", "author_id": "q", "plain_body": "on its way", "created_at": "2026-02-09T10:00:00.000Z"}]
        });
        read(&object).messages.into_iter().map(|message| message.author).collect::<Vec<_>>()
    };
    let began = "2026-02-09T00:29:02.114Z";
    assert_eq!(ticket("ava@example.com", began), [Author::Customer, Author::Customer, Author::Unknown]);
    assert_eq!(ticket("support@shop.example", began), [Author::Unknown, Author::Unknown, Author::Unknown]);
    let later = "2026-02-09T00:30:00.000Z";
    assert_eq!(ticket("ava@example.com", later), [Author::Unknown, Author::Unknown, Author::Unknown]);
}
