//! Row: applied, answer lost (reset, hang, 502, half a body, gateway time-out). None twice, every one confirmed or
//! with a person.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use richpanel_mw::sim::{Action, ErrorShape, Fault, Matcher, Sim, SimHandle};

use super::*;

/// What becomes of one send.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Fate {
    /// Applied, and the answer never seen.
    Lost,
    /// Not applied, and nobody can tell.
    NeverArrived,
    /// Nothing happens to it: the control.
    Unharmed,
}

/// The fates of `lost` + `others` sends in a drawn order, with their faults set.
pub(super) fn set_fates(sim: &SimHandle, seed: u64, lost: u64, others: u64) -> Vec<(u64, Fate)> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut fates: Vec<Fate> = (0..lost).map(|_| Fate::Lost).collect();
    fates.extend((0..others).map(|n| if n % 2 == 0 { Fate::NeverArrived } else { Fate::Unharmed }));
    rng.shuffle(&mut fates);
    let fates: Vec<(u64, Fate)> = (0..).zip(fates).collect();
    for (n, fate) in &fates {
        let action = match fate {
            Fate::Unharmed => continue,
            Fate::Lost => match rng.u8(..100) {
                // Few: each one keeps a worker for a whole time-out.
                0..5 => Action::ApplyThenHang { ms: 60_000 },
                5..30 => Action::ApplyThenReset,
                30..55 => Action::ApplyThenBadGateway,
                55..80 => Action::ApplyThenHalfBody,
                _ => Action::ApplyThenGatewayTimeout,
            },
            Fate::NeverArrived => match rng.u8(..3) {
                0 => Action::ResetBefore,
                1 => Action::OkWithError { shape: ErrorShape::Errors },
                _ => Action::Status { status: 503, shape: ErrorShape::Gateway, applied: false },
            },
        };
        sim.set_fault(Fault::once(Matcher::endpoint(SEND).on(&id(*n)), action));
    }
    fates
}

/// The row with this many lost answers and as many others.
pub(super) fn answers_lost(lost: u64, others: u64, patience: Duration) {
    let world = fast("richpanel.timeout_seconds = 2");
    let fates = set_fates(&world.sim, seed(), lost, others);
    for (n, _) in &fates {
        world.writes(question(*n));
    }
    all_ended(&world, patience);
    world.settled();
    let fired: u32 = world.sim.faults().iter().map(|fault| fault.fired).sum();
    let harmed = fates.iter().filter(|(_, fate)| *fate != Fate::Unharmed).count();
    assert_eq!(fired as usize, harmed, "every fault fired");
    let (outcomes, replies) = (outcomes(&world), applied(&world, EffectKind::Reply));
    let mut ends: BTreeMap<(Fate, &str), usize> = BTreeMap::new();
    for (n, fate) in &fates {
        let (ticket, outcome) = (id(*n), outcomes[&id(*n)].as_str());
        let sent = replies.get(&ticket).copied().unwrap_or_default();
        assert!(sent <= 1, "{ticket} ({fate:?}) was answered {sent} times");
        *ends.entry((*fate, if outcome == "answered" { "answered" } else { "needs-human" })).or_default() +=
            1;
        match outcome {
            "answered" => {
                assert_eq!((sent, world.status(&ticket).as_str()), (1, "CLOSED"), "{ticket} {fate:?}");
            }
            "needs-human" => is_with_a_person(&world, &ticket),
            other => panic!("{ticket} ({fate:?}) ended as {other}"),
        }
        assert_eq!(sent, usize::from(*fate != Fate::NeverArrived), "{ticket} {fate:?} {outcome}");
    }
    println!("{ends:?}");
    // Seen on the ticket within a second: none of what arrived needed a person.
    let expected = |fate, outcome| ends.get(&(fate, outcome)).copied().unwrap_or_default() as u64;
    assert_eq!(expected(Fate::Lost, "answered"), lost, "{ends:?}");
    assert_eq!(expected(Fate::NeverArrived, "needs-human"), others.div_ceil(2), "{ends:?}");
}

#[test]
fn of_a_hundred_lost_answers_each_is_confirmed_and_none_sent_again() {
    answers_lost(100, 20, Duration::from_secs(30));
}

/// What a client does that takes an error for a no.
fn send_until_told_yes(sim: &SimHandle, ticket: &str) -> u32 {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_millis(500)))
        .build()
        .new_agent();
    let url =
        format!("{}/tickets/{}/send-message", sim.base_url(), utf8_percent_encode(ticket, NON_ALPHANUMERIC));
    let body = serde_json::json!({ "body": "On its way.", "author_id": richpanel_mw::sim::BOT_AGENT_ID });
    for tries in 1..=5 {
        let sent = agent
            .put(&url)
            .header("x-richpanel-key", "sim-key")
            .header("content-type", "application/json")
            .send(body.to_string());
        let read = sent.map(|mut answer| (answer.status().as_u16(), answer.body_mut().read_to_string()));
        if matches!(read, Ok((200, Ok(text))) if !text.contains("error")) {
            return tries;
        }
    }
    panic!("{ticket}: five times in vain")
}

#[test]
fn without_the_read_back_the_oracle_shows_a_duplicate_for_every_lost_answer() {
    let sim = Sim::start(roomy()).unwrap();
    let fates = set_fates(&sim, seed(), 100, 20);
    for (n, fate) in &fates {
        sim.customer_writes(question(*n)).unwrap();
        let tries = send_until_told_yes(&sim, &id(*n));
        assert_eq!(tries, if *fate == Fate::Unharmed { 1 } else { 2 });
    }
    let mut twice: Vec<String> = sim.duplicated().into_iter().map(|((ticket, _), _)| ticket).collect();
    let lost = fates.iter().filter(|(_, fate)| *fate == Fate::Lost);
    let mut lost: Vec<String> = lost.map(|(n, _)| id(*n)).collect();
    twice.sort();
    lost.sort();
    assert_eq!(twice, lost, "exactly those whose answer was lost, and no other");
}
