//! Bodies: odd types, broken JSON, forms, XML, and those without a ticket.

use super::*;

#[test]
fn an_odd_content_type_is_looked_at_all_the_same() {
    let world = World::live();
    for content_type in
        ["text/plain", "image/png", "application/json; charset=latin-9", "\u{e9}", "", "nonsense"]
    {
        let ticket = ticket(&world);
        assert_eq!(ask(&world, typed(content_type, &body(&ticket))).event().0, "accepted", "{content_type}");
        is_routed(&world, &ticket);
    }
    let ticket = ticket(&world);
    assert_eq!(ask(&world, post(&token(), &body(&ticket))).event().0, "accepted", "none at all");
    is_routed(&world, &ticket);
    assert!(kept(&world).iter().all(|call| !call.salvaged), "odd is not broken");
    goes_on(&world);
}

#[test]
fn without_a_ticket_id_an_odd_type_is_415_the_others_422_and_every_byte_is_kept() {
    let world = World::live();
    let bytes: String = (0..=255_u8).map(char::from).collect();
    let (no_id, odd) = ((422, "no-ticket-id"), (415, "unsupported-content-type"));
    let calls = [
        ("application/json", "{\"hello\": 1}", no_id),
        ("application/json", "{\"ticket_id\": \"{{ticket.id}}\"}", no_id),
        ("application/json", "{\"ticket_id\": \"\"}", no_id),
        ("application/json", "", no_id),
        ("application/x-www-form-urlencoded", "a=b&c=d", no_id),
        ("application/xml", "<call><hello/></call>", no_id),
        ("image/png", bytes.as_str(), odd),
        ("text/plain", "where is my order", odd),
    ];
    for (content_type, body, (status, code)) in calls {
        let mut client = Client::to(world.addr());
        client.send(typed(content_type, body));
        let reply = client.reply();
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{content_type} {body}");
        // The body was read to its end: the connection goes on.
        client.send(typed(content_type, body));
        assert_eq!(client.reply().status, status);
    }
    assert_eq!(world.events(), []);
    assert_eq!(world.reader().intake().unwrap().1, 16);
    let expected: Vec<_> = calls
        .iter()
        .flat_map(|call| [call, call])
        .map(|(content_type, body, _)| Kept {
            ticket: None,
            result: "kept".into(),
            salvaged: false,
            content_type: Some((*content_type).to_owned()),
            body: body.as_bytes().to_vec(),
        })
        .collect();
    assert_eq!(kept(&world), expected);
    assert_eq!(ended(&world, "richpanel", "unusable"), 16.0, "what an alert looks at");
    goes_on(&world);
    assert_eq!(world.reader().intake().unwrap().1, 16);
}

#[test]
fn json_broken_by_the_customers_own_words_is_salvaged_flagged_and_routed() {
    let world = World::live();
    let id = "<CAF+=x_\"7\"@mail.example.com>";
    let message_id = ticket_called(&world, id);
    let of = |text: &str, ticket: &str| {
        format!("{{\"ticket_id\": \"{ticket}\", \"channel\": \"email\", \"message\": \"{text}\"}}")
    };
    let broken: Vec<(String, String)> = [
        "she said \"return it\" twice",
        "first line\nsecond line\r\n\tthird",
        "a back\\slash \\q and an end \\",
        "\", \"ticket_id\": \"forged",
        "{\"ticket_id\": \"forged\"}",
        "half a body",
    ]
    .into_iter()
    .map(|text| {
        let ticket = ticket(&world);
        let body = of(text, &ticket);
        let body = if text == "half a body" { body[..body.len() - 9].to_owned() } else { body };
        (ticket, body)
    })
    .chain([(message_id.clone(), of("plain", &message_id))])
    .collect();
    for (number, (ticket, body)) in broken.iter().enumerate() {
        assert!(
            number == 3 || serde_json::from_str::<serde_json::Value>(body).is_err(),
            "{body} is not broken"
        );
        assert_eq!(ask(&world, good(body)).event().0, "accepted", "{body}");
        is_routed(&world, ticket);
    }
    let kept = kept(&world);
    assert_eq!(kept.len(), broken.len());
    for (call, (ticket, body)) in kept.iter().zip(&broken) {
        assert_eq!((call.ticket.as_ref(), call.salvaged), (Some(ticket), true), "{body}");
        assert_eq!(call.body, body.as_bytes(), "as it came");
    }
    let salvaged = figure(&world, "mw_ingress_salvaged_total{source=\"richpanel\"}");
    assert_eq!(salvaged, 7.0);
    assert_eq!(world.event("forged"), None);
    goes_on(&world);
}

#[test]
fn a_call_that_is_no_text_at_all_is_read_as_far_as_it_goes() {
    let world = World::live();
    let ticket = ticket(&world);
    let mut bytes = format!("\u{feff}{{\"ticket_id\": \"{ticket}\", \"message\": \"caf").into_bytes();
    bytes.extend_from_slice(b"\xe9 \xff\xfe\"}");
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: mw\r\n{}{JSON}Content-Length: {}\r\n\r\n",
        token(),
        bytes.len()
    );
    let request = [head.as_bytes(), &bytes].concat();
    assert_eq!(ask(&world, request).event().0, "accepted");
    assert_eq!(kept(&world)[0].body, bytes);
    is_routed(&world, &ticket);
    goes_on(&world);
}

/// The newest call of a ticket, as it was read.
fn fields(world: &World, ticket: &str) -> serde_json::Value {
    let sql = "select fields from events where ticket_id = ?1 order by id desc limit 1";
    let text: String = open(world).query_row(sql, [ticket], |row| row.get(0)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn json_a_form_and_xml_say_the_same_and_extra_fields_are_kept() {
    let world = World::live();
    let id = |number: u32| ticket_called(&world, &format!("<CA+b=c.{number}&d@mail.example.com>"));
    let (json, form, xml) = (id(1), id(2), id(3));
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let message = "Return & refund, \"please\"";
    let calls = [
        (
            &json,
            "application/json",
            serde_json::json!({
                "ticket_id": json, "channel": "email", "message": message, "trigger": "t",
                "vip": "gold", "order": { "id": 7 }
            })
            .to_string(),
        ),
        (
            &form,
            "application/x-www-form-urlencoded",
            format!(
                "ticket_id={}&channel=email&message={}&trigger=t&vip=gold&order.id=7",
                encoded(&form),
                encoded(message)
            ),
        ),
        (
            &xml,
            "text/xml; charset=utf-8",
            format!(
                "<?xml version=\"1.0\"?>\n<call><ticket_id>{}</ticket_id><channel>email</channel>\
                 <message>{}</message><trigger>t</trigger><vip><![CDATA[gold]]></vip>\
                 <order><id>7</id></order></call>\n",
                escaped(&xml),
                escaped(message)
            ),
        ),
    ];
    for (ticket, content_type, body) in &calls {
        assert_eq!(ask(&world, typed(content_type, body)).event().0, "accepted", "{content_type}");
        is_routed(&world, ticket);
        let fields = fields(&world, ticket);
        assert_eq!(fields["message"], message, "{content_type}: {fields}");
        assert_eq!(fields["trigger"], "t", "{content_type}: {fields}");
        assert_eq!(fields["extra"], serde_json::json!({ "vip": "gold", "order.id": "7" }), "{content_type}");
    }
    assert!(kept(&world).iter().all(|call| !call.salvaged));
    goes_on(&world);
}

#[test]
fn xml_with_a_bare_message_id_and_a_form_with_a_bare_plus_find_their_tickets() {
    let world = World::live();
    let (xml, form) =
        (ticket_called(&world, "<CA.1@mail.example.com>"), ticket_called(&world, "<CA+2@x.example>"));
    let calls = [
        (
            &xml,
            "application/xml",
            format!("<call><ticket_id>{xml}</ticket_id><message>a & b < c</message></call>"),
        ),
        (&form, "application/x-www-form-urlencoded", format!("ticket_id={form}&message=100% sure")),
    ];
    for (ticket, content_type, body) in calls {
        assert_eq!(ask(&world, typed(content_type, &body)).event().0, "accepted", "{body}");
        is_routed(&world, ticket);
    }
    goes_on(&world);
}
