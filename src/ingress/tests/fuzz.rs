//! Bytes of any kind: the door answers or closes, and the next good call is answered.

use proptest::prelude::*;

use super::*;

/// Pieces that make a parser go further than random bytes do.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "POST /richpanel/inbound HTTP/1.1\r\n",
        "GET /livez HTTP/1.0\r\n",
        "Host: mw\r\n",
        TOKEN,
        "Content-Length: 18\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Upgrade: h2c\r\nConnection: upgrade\r\n",
        "Connection: close\r\n",
        "\r\n",
        "\n",
        "\r\n\r\n",
        "12\r\n",
        "0\r\n\r\n",
        "PANIC",
        GOOD,
    ]);
    prop_oneof![
        4 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

#[test]
fn no_bytes_whatever_keep_the_door_from_answering_the_next_call() {
    let door = Door::with(
        Limits { connections_per_address_max: 0, bad_tokens_per_minute: u32::MAX, ..quick() },
        Arc::new(SystemClock::new()),
    );
    let requests = prop::collection::vec(piece(), 0..12);
    proptest!(ProptestConfig::with_cases(300), |(pieces in requests, hang_up in any::<bool>())| {
        let mut client = door.connect();
        for bytes in &pieces {
            client.try_send(bytes);
        }
        client.close_sending();
        if !hang_up {
            while let Some(reply) = client.try_reply() {
                prop_assert!((100..=599).contains(&reply.status));
            }
        }
        drop(client);
        prop_assert_eq!(door.ask(post(GOOD)).status, 200);
    });
}
