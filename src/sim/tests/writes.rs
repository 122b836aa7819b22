//! Writes that work, and writes that only look as if they did (richpanel-api §3).

use serde_json::json;

use super::*;

fn status(sim: &SimHandle, id: &str) -> String {
    sim.ticket(id).unwrap()["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_close_works_only_in_the_words_the_api_takes() {
    let sim = start();
    let ava = written(&sim);
    let path = at(&ava.ticket_id, "");
    let rows = [
        (json!({"status": "CLOSED", "state": "closed"}), 400),
        (json!({"ticket": {"status": "closed"}}), 400),
        (json!({"ticket": {"status": "resolved"}}), 400),
        (json!({"ticket": {"status": "RESOLVED"}}), 400),
        (json!({"ticket": {"status": "SOLVED"}}), 400),
        (json!({"ticket": {"state": "closed"}}), 200),
        (json!({"ticket": {"state": "resolved"}}), 200),
        (json!({"ticket": {"no_such_key": 1, "team_id": "x"}}), 200),
    ];
    for (body, expected) in rows {
        assert_eq!(put(&sim, &path, &body).status, expected, "{body}");
        assert_eq!(status(&sim, &ava.ticket_id), "OPEN", "{body}");
    }
    assert_eq!(applied(&sim, &ava.ticket_id), []);
    let closed = put(&sim, &path, &json!({"ticket": {"status": "CLOSED", "state": "closed"}}));
    assert_eq!(closed.json()["ticket"]["status"], "CLOSED");
    assert!(closed.json()["ticket"]["comments"].is_array());
    assert_eq!(applied(&sim, &ava.ticket_id), [EffectKind::Closed]);
}

#[test]
fn closing_by_status_alone_is_a_setting() {
    let sim = start_with(|options| options.settings.status_alone_closes = false);
    let ava = written(&sim);
    let body = json!({"ticket": {"status": "CLOSED"}});
    assert_eq!(put(&sim, &at(&ava.ticket_id, ""), &body).status, 200);
    assert_eq!(status(&sim, &ava.ticket_id), "OPEN");
    sim.configure(|settings| settings.status_alone_closes = true);
    put(&sim, &at(&ava.ticket_id, ""), &body);
    assert_eq!(status(&sim, &ava.ticket_id), "CLOSED");
}

#[test]
fn a_write_to_an_unencoded_id_is_answered_200_and_writes_nothing() {
    let sim = start();
    let ava = written(&sim);
    let bare = "/tickets/%3CCAf+1=2@mail.example.com%3E";
    assert_eq!(put(&sim, bare, &json!({"ticket": {"status": "CLOSED", "state": "closed"}})).status, 200);
    let tags = put(&sim, &format!("{bare}/add-tags"), &json!({"tags": ["mw-processed"]}));
    assert_eq!(tags.status, 200);
    let send = json!({"body": "Hello", "author_id": BOT_AGENT_ID});
    assert_eq!(put(&sim, &format!("{bare}/send-message"), &send).status, 200);
    assert_eq!(applied(&sim, &ava.ticket_id), []);
    assert_eq!(sim.untouched(), [ava.ticket_id]);
}

#[test]
fn a_reply_is_delivered_only_with_a_real_agent_as_its_author_and_does_not_close() {
    let sim = start();
    let ava = written(&sim);
    let path = at(&ava.ticket_id, "/send-message");
    assert_eq!(put(&sim, &path, &json!({"body": "One", "author_id": "nobody"})).status, 200);
    assert_eq!(put(&sim, &path, &json!({"body": "Two"})).status, 200);
    assert_eq!(put(&sim, &path, &json!({"author_id": BOT_AGENT_ID})).status, 400);
    assert!(sim.replies_per_message().is_empty());
    assert_eq!(put(&sim, &path, &json!({"body": "Three", "author_id": BOT_AGENT_ID})).status, 200);
    let delivered: Vec<_> = sim.effects_on(&ava.ticket_id).iter().map(|effect| effect.delivered).collect();
    assert_eq!(delivered, [false, true, false, false, true]);
    let key = (ava.ticket_id.clone(), ava.message_id.clone());
    assert_eq!(sim.replies_per_message().get(&key), Some(&1));
    assert_eq!(status(&sim, &ava.ticket_id), "OPEN");
    assert!(sim.duplicated().is_empty());
    put(&sim, &path, &json!({"body": "Four", "author_id": BOT_AGENT_ID}));
    assert_eq!(sim.duplicated(), [(key, 2)]);
}

#[test]
fn a_comment_by_put_reaches_a_chat_but_never_an_inbox_and_a_note_reaches_nobody() {
    let sim = start();
    let mail = written(&sim);
    let talk = sim.customer_writes(chat("Where is it?")).unwrap();
    let comment = json!({"ticket": {"comment":
        {"body": "On its way", "sender_type": "operator", "public": true, "author_id": BOT_AGENT_ID}}});
    let note =
        json!({"ticket": {"comment": {"body": "look here", "sender_type": "operator", "public": false}}});
    for id in [&mail.ticket_id, &talk.ticket_id] {
        assert_eq!(put(&sim, &at(id, ""), &comment).status, 200);
        assert_eq!(put(&sim, &at(id, ""), &note).status, 200);
        assert_eq!(applied(&sim, id), [EffectKind::Comment, EffectKind::Note]);
        let last = sim.ticket(id).unwrap()["comments"][2].clone();
        assert_eq!((&last["public"], &last["is_operator"]), (&json!(false), &json!(true)));
    }
    let reached: Vec<_> = sim.replies_per_message().into_keys().map(|(ticket, _)| ticket).collect();
    assert_eq!(reached, [talk.ticket_id]);
}

#[test]
fn send_message_is_proven_for_email_only_and_delivers_a_chat_when_the_tenant_does() {
    let sim = start();
    let talk = sim.customer_writes(chat("Where is it?")).unwrap();
    let send =
        || put(&sim, &at(&talk.ticket_id, "/send-message"), &json!({"body": "x", "author_id": BOT_AGENT_ID}));
    assert_eq!(send().status, 200);
    assert!(sim.replies_per_message().is_empty());
    sim.configure(|settings| settings.send_message_delivers_chat = true);
    send();
    assert_eq!(sim.replies_per_message().len(), 1);
}

#[test]
fn tags_add_up_repeat_harmlessly_and_are_read_back_by_name() {
    let sim = start();
    let ava = written(&sim);
    let path = at(&ava.ticket_id, "/add-tags");
    let tags = json!({"tags": ["mw-processed", "route-email-support"]});
    let answer = put(&sim, &path, &tags).json();
    assert_eq!(answer["ticket"]["tags"], tags["tags"]);
    put(&sim, &path, &tags);
    assert_eq!(applied(&sim, &ava.ticket_id), [EffectKind::TagsAdded]);
    assert!(sim.untouched().is_empty());
    put(&sim, &at(&ava.ticket_id, "/remove-tags"), &json!({"tags": ["route-email-support", "other"]}));
    assert_eq!(sim.tag_names(&ava.ticket_id), ["mw-processed"]);
    assert_eq!(sim.effects_on(&ava.ticket_id).last().unwrap().tags, ["route-email-support"]);
    sim.configure(|settings| settings.tags_answer_shows_tags = false);
    assert!(put(&sim, &path, &tags).json()["ticket"].get("tags").is_none());
    assert_eq!(put(&sim, &at("nothing", "/add-tags"), &tags).status, 404);
    assert_eq!(put(&sim, &path, &json!({})).status, 400);
}

#[test]
fn a_tag_an_agent_sets_shows_as_a_uuid_that_the_tag_list_resolves() {
    let sim = start();
    let ava = written(&sim);
    sim.agent_tags(&ava.ticket_id, "mw-stop").unwrap();
    let shown = sim.ticket(&ava.ticket_id).unwrap()["tags"][0].as_str().unwrap().to_owned();
    assert_eq!(shown.len(), 36);
    let list = get(&sim, "/tags?per_page=100").json();
    let tag = list["tag"].as_array().unwrap().iter().find(|tag| tag["id"] == shown.as_str()).unwrap().clone();
    assert_eq!(tag["name"], "mw-stop");
    assert_eq!(sim.tag_names(&ava.ticket_id), ["mw-stop"]);
    put(&sim, &at(&ava.ticket_id, "/add-tags"), &json!({"tags": ["x"]}));
    assert_eq!(sim.writes_while_tagged("mw-stop").len(), 1);
    sim.agent_untags(&ava.ticket_id, "mw-stop").unwrap();
    assert_eq!(sim.tag_names(&ava.ticket_id), ["x"]);
}

#[test]
fn priority_assignee_fields_and_tags_of_a_put_are_taken_or_dropped() {
    let sim = start();
    let ava = written(&sim);
    let path = at(&ava.ticket_id, "");
    assert_eq!(put(&sim, &path, &json!({"ticket": {"priority": "URGENT"}})).status, 400);
    let mia = "agent-7f20b9d4";
    let body = json!({"ticket": {"priority": "HIGH", "assignee_id": mia, "customFields": {"a": 1},
        "tags": ["only"], "team_id": "t"}});
    let shown = put(&sim, &path, &body).json()["ticket"].clone();
    assert_eq!((&shown["priority"], &shown["assignee_id"]), (&json!("HIGH"), &json!(mia)));
    assert_eq!((&shown["customFields"], &shown["tags"]), (&json!({"a": 1}), &json!(["only"])));
    assert!(shown.get("team_id").is_none());
    put(&sim, &path, &json!({"ticket": {"assignee_id": "agent-unknown"}}));
    assert_eq!(sim.ticket(&ava.ticket_id).unwrap()["assignee_id"], mia);
    sim.configure(|settings| settings.put_team_id = true);
    assert_eq!(put(&sim, &path, &json!({"ticket": {"team_id": "t"}})).json()["ticket"]["team_id"], "t");
    let by: Vec<_> =
        sim.effects_on(&ava.ticket_id).iter().filter_map(|effect| effect.applied_by_request).collect();
    assert_eq!(by, [2, 2, 2, 2, 4], "one request, several effects");
}

#[test]
fn an_order_is_attached_when_it_exists() {
    let sim = start();
    let ava = written(&sim);
    let order = people::order(people::OrderState::Delivered, 7, "ava@example.com", MORNING_MS);
    let id = order["orderId"].as_str().unwrap().to_owned();
    let taken = post(&sim, "/order/demoshop", &json!({"orders": [order]}));
    assert!(taken.json().is_string());
    let attach =
        |order: &str| put(&sim, &at(&ava.ticket_id, &format!("/attach-order/demoshop/{order}")), &json!({}));
    assert_eq!(attach("404").status, 404);
    assert!(attach(&id).json()["message"].is_string());
    assert_eq!(applied(&sim, &ava.ticket_id), [EffectKind::OrderAttached]);
}

#[test]
fn a_ticket_can_be_made_and_a_deleted_one_is_404() {
    let sim = start();
    let made = post(
        &sim,
        "/tickets",
        &json!({"ticket": {"subject": "Probe", "tags": ["probe"],
        "comment": {"body": "hi", "sender_type": "customer"},
        "via": {"channel": "email", "source": {"from": {"address": "ben@example.com"}}}}}),
    );
    let id = made.json()["ticket"]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("api-demoshop-"));
    assert_eq!(made.json()["ticket"]["customer_profile"]["email"], "ben@example.com");
    assert_eq!(
        kinds(&sim, &id),
        [EffectKind::TicketCreated, EffectKind::CustomerMessage, EffectKind::TagsAdded]
    );
    sim.run(Verb::DeleteTicket { ticket: Some(id.clone()) }).unwrap();
    assert_eq!(get(&sim, &at(&id, "")).status, 404);
    assert_eq!(put(&sim, &at(&id, ""), &json!({"ticket": {"priority": "HIGH"}})).status, 404);
}

#[test]
fn a_body_that_is_not_json_is_400() {
    let sim = start();
    let ava = written(&sim);
    assert_eq!(ask(&sim, "PUT", &at(&ava.ticket_id, ""), "{oops").unwrap().status, 400);
}
