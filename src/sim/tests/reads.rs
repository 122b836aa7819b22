//! Reading: routes, shapes of tickets, lists (richpanel-api §1 and §2).

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

#[test]
fn without_the_right_key_everything_is_401_and_unknown_routes_are_403() {
    let sim = start();
    let url = format!("{}/teams", sim.base_url());
    assert_eq!(try_call("GET", &url, None, "").unwrap().status, 401);
    assert_eq!(try_call("GET", &url, Some("wrong"), "").unwrap().status, 401);
    for path in ["/conversations", "/messages", "/tickets/1/comments", "/webhooks"] {
        assert_eq!(get(&sim, path).status, 403, "{path}");
    }
    assert_eq!(ask(&sim, "DELETE", "/tickets/1", "").unwrap().status, 403);
    assert_eq!(sim.counts().unauthorized, 2);
}

#[test]
fn a_ticket_is_read_by_its_encoded_id_and_by_its_number() {
    let sim = start();
    let ava = written(&sim);
    let ticket = get(&sim, &at(&ava.ticket_id, "")).json();
    assert_eq!(ticket["ticket"]["id"], "<CAf+1=2@mail.example.com>");
    assert_eq!(ticket["ticket"]["status"], "OPEN");
    assert_eq!(ticket["ticket"]["assignee_id"], "unassigned");
    assert_eq!(ticket["ticket"]["created_at"], "2026-02-09T00:29:02.114Z");
    assert_eq!(ticket["ticket"]["via"]["source"]["from"]["address"], "ava@example.com");
    assert_eq!(ticket["ticket"]["comments"][0]["plain_body"], "Where is it?");
    assert_eq!(ticket["ticket"]["comments"][0]["body"], "<p>Where is it?</p>");
    assert_eq!(ticket["ticket"]["comments"][0]["is_operator"], false);
    let by_number = format!("/tickets/number/{}", ava.conversation_no);
    assert_eq!(get(&sim, &by_number).json(), ticket);
    assert_eq!(put(&sim, &by_number, &json!({"ticket": {"status": "CLOSED"}})).status, 404);
    assert_eq!(get(&sim, &at("nothing", "")).status, 404);
    assert_eq!(applied(&sim, &ava.ticket_id), []);
}

#[test]
fn an_imported_ticket_is_not_found_by_its_number() {
    let sim = start();
    let old = sim.customer_writes(NewMessage { imported: true, ..email("old") }).unwrap();
    assert_eq!(get(&sim, &format!("/tickets/number/{}", old.conversation_no)).status, 404);
    assert_eq!(get(&sim, &at(&old.ticket_id, "")).status, 200);
}

#[test]
fn tickets_come_in_eight_key_sets_with_two_names_for_the_operator_flag_or_none() {
    let sim = start();
    let mut key_sets = BTreeSet::new();
    let mut flags = BTreeSet::new();
    for shape in 0..8 {
        let ticket = sim.customer_writes(NewMessage { shape: Some(shape), ..email("first") }).unwrap();
        sim.advance_clock(1_000);
        sim.agent_replies(&ticket.ticket_id, "second").unwrap();
        let shown = sim.ticket(&ticket.ticket_id).unwrap();
        key_sets.insert(shown.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
        let times: Vec<_> = shown["comments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|comment| comment["created_at"].to_string())
            .collect();
        assert_eq!(times.is_sorted(), shape != 2 && shape != 4, "shape {shape}");
        let first = &shown["comments"].as_array().unwrap()[0];
        flags.insert((first.get("is_operator").is_some(), first.get("isOperator").is_some()));
        assert_eq!(shown["tags"].is_null(), shape == 1 || shape == 5);
    }
    assert_eq!(key_sets.len(), 6);
    assert_eq!(flags.len(), 3);
}

#[test]
fn a_message_of_html_alone_has_no_plain_body_and_a_hidden_channel_is_not_shown() {
    let sim = start();
    let html = NewMessage { html: Some("<div>Hi</div>".into()), channel_hidden: true, ..chat("") };
    let ticket = sim.customer_writes(html).unwrap();
    let shown = sim.ticket(&ticket.ticket_id).unwrap();
    assert!(shown.get("via").is_none());
    assert!(shown["comments"][0].get("plain_body").is_none());
    assert_eq!(shown["comments"][0]["body"], "<div>Hi</div>");
}

#[test]
fn an_automatic_answer_says_so_in_its_metadata_and_a_call_is_a_voice_comment() {
    let sim = start();
    let away = sim.customer_writes(NewMessage { auto_submitted: true, ..email("I am away") }).unwrap();
    let shown = sim.ticket(&away.ticket_id).unwrap();
    assert_eq!(shown["comments"][0]["metadata"]["headers"]["Auto-Submitted"], "auto-replied");
    let call = sim.customer_writes(NewMessage { voice: true, ..email("ring") }).unwrap();
    assert_eq!(sim.ticket(&call.ticket_id).unwrap()["comments"][0]["type"], "VoiceComment");
    assert_eq!(sim.effects_on(&call.ticket_id).last().unwrap().last_customer_message_id, None);
}

#[test]
fn conversation_numbers_run_on_with_gaps() {
    let sim = start();
    let numbers: Vec<_> =
        (0..100).map(|_| sim.customer_writes(email("hello")).unwrap().conversation_no).collect();
    assert!(numbers.is_sorted());
    let last = numbers.last().unwrap() - numbers[0];
    assert!(last > 99 && last < 160, "{last}");
}

#[test]
fn lists_have_singular_keys_pages_and_absolute_links() {
    let sim = start();
    assert_eq!(get(&sim, "/teams").json()["team"].as_array().unwrap().len(), 5);
    assert_eq!(get(&sim, "/users").json()["user"][1]["name"], "undefined");
    assert_eq!(get(&sim, "/channel").json()["channels"][0]["type"], "email");
    assert_eq!(get(&sim, &format!("/users/{BOT_AGENT_ID}")).json()["user"][0]["role"], "AGENT");
    let page = get(&sim, "/tags?page=2&per_page=1").json();
    assert_eq!(page["tag"][0]["name"], "mw-stop");
    assert_eq!(page["count"], 3);
    assert_eq!(page["next_page"], format!("{}/tags?page=3&per_page=1", sim.base_url()));
    assert_eq!(page["previous_page"], format!("{}/tags?page=1&per_page=1", sim.base_url()));
    assert_eq!(get(&sim, "/tags?page=3&per_page=1").json()["next_page"], json!(null));
    assert_eq!(get(&sim, "/tags?page=9&per_page=100").json()["tag"], json!([]));
}

#[test]
fn the_ticket_list_filters_sorts_comes_without_comments_and_may_be_forbidden() {
    let sim = start();
    let first = sim.customer_writes(email("one")).unwrap();
    sim.advance_clock(5_000);
    let second = sim.customer_writes(email("two")).unwrap();
    sim.agent_closes(&first.ticket_id).unwrap();
    let ids = |path: &str| -> Vec<String> {
        let list = get(&sim, path).json();
        list["ticket"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("/tickets?status=OPEN&per_page=100"), std::slice::from_ref(&second.ticket_id));
    assert_eq!(ids("/tickets?order=ASC").len(), 2);
    assert_eq!(ids(&format!("/tickets?updated_after={}", MORNING_MS + 5_000)).len(), 0);
    assert!(get(&sim, "/tickets").json()["ticket"][0].get("comments").is_none());
    sim.configure(|settings| settings.list_gap_every = 2);
    assert_eq!(ids("/tickets").len(), 1);
    sim.configure(|settings| settings.list_forbidden = true);
    assert_eq!(get(&sim, "/tickets?per_page=100").status, 403);
    assert_eq!(get(&sim, &at(&second.ticket_id, "")).status, 200);
}

#[test]
fn the_order_link_is_empty_until_an_order_is_linked_and_can_be_wrapped_or_missing() {
    let sim = start();
    let ava = written(&sim);
    let link = at(&ava.ticket_id, "").replace("/tickets/", "/order/");
    assert_eq!(get(&sim, &link).json(), json!({}));
    sim.configure(|settings| settings.order_link_none_is_404 = true);
    assert_eq!(get(&sim, &link).status, 404);
    let order = people::order(people::OrderState::Shipped, 10_001, "ava@example.com", MORNING_MS);
    let id = order["orderId"].as_str().unwrap().to_owned();
    sim.add_order(order.clone()).unwrap();
    sim.link_order(&ava.ticket_id, &id).unwrap();
    assert_eq!(get(&sim, &link).json(), json!({"orderId": id, "appClientId": "demoshop"}));
    assert_eq!(get(&sim, &format!("/order/demoshop/{id}")).json(), order);
    assert_eq!(get(&sim, "/order/demoshop/10001").json(), order);
    assert_eq!(get(&sim, "/order/othershop/10001").status, 404);
    sim.configure(|settings| (settings.order_link_wrapped, settings.order_wrapped) = (true, true));
    assert_eq!(get(&sim, &link).json()["order"]["orderId"], id);
    assert_eq!(get(&sim, &format!("/order/demoshop/{id}")).json()["order"], order);
}

#[test]
fn customers_and_their_tickets_are_found_by_address_and_number() {
    let sim = start();
    let message = NewMessage { phone: "+15550100001".into(), ..email("hi") };
    sim.customer_writes(message).unwrap();
    assert_eq!(get(&sim, "/customers/email/ava%40example.com").json()["customer"]["firstName"], "Ava");
    assert_eq!(get(&sim, "/customers/phone/%2B15550100001").json()["customer"]["email"], "ava@example.com");
    assert_eq!(get(&sim, "/customers/email/no%40example.com").status, 404);
    assert_eq!(get(&sim, "/tickets/email/ava%40example.com").json()["ticket"].as_array().unwrap().len(), 1);
    let made =
        post(&sim, "/customers", &json!({"customer": {"email": "ben@example.com", "firstName": "Ben"}}));
    assert_eq!(made.json()["customer"]["uid"], "ben@example.com");
}

#[test]
fn so_many_of_a_hundred_tickets_hide_their_channel() {
    let sim = start_with(|options| options.settings.channel_missing_percent = 40);
    for _ in 0..100 {
        sim.customer_writes(email("hello")).unwrap();
    }
    let hidden = sim.snapshot().iter().filter(|ticket| ticket["via"].get("channel").is_none()).count();
    assert!((25..55).contains(&hidden), "{hidden}");
}
