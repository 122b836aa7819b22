//! Row: applied five minutes late. The answer is a gateway time-out, the reply appears between two read-backs or after
//! the last one. Scaled: the read-backs come at 100, 300, 600 and 1,000 ms instead of up to 10 minutes.

use richpanel_mw::sim::{Action, Fault, Matcher};

use super::*;

/// Between the read-backs; before the first, and with a wide berth of the last.
const IN_TIME_MS: [u64; 4] = [20, 200, 450, 700];
/// Long after a person took over.
const TOO_LATE_MS: u64 = 6_000;

/// `each` tickets for each delay.
pub(super) fn applied_late(each: u64, patience: Duration) {
    let world = fast("");
    let mut delays = vec![];
    for (kind, ms) in (0..).zip(IN_TIME_MS.into_iter().chain([TOO_LATE_MS])) {
        for n in 0..each {
            let n = kind * each + n;
            world.sim.set_fault(Fault::once(Matcher::endpoint(SEND).on(&id(n)), Action::ApplyLate { ms }));
            delays.push((n, ms));
        }
    }
    for (n, _) in &delays {
        world.writes(question(*n));
    }
    all_ended(&world, patience);
    let early = outcomes(&world);
    let arrived = |world: &World| applied(world, EffectKind::Reply).len() == delays.len();
    world.until("the last of them was applied after all", arrived);
    // The helpdesk calls once more for each: by now the reply is there, and the message known.
    let before = ended(&world);
    for (n, _) in &delays {
        assert_eq!(world.call(&id(*n)).0, 200);
    }
    world.until("the second calls ended", |world| ended(world) == before + delays.len());
    world.settled();
    let replies = applied(&world, EffectKind::Reply);
    for (n, ms) in delays {
        let ticket = id(n);
        assert_eq!(replies[&ticket], 1, "{ticket}, {ms} ms late, was answered {} times", replies[&ticket]);
        if ms == TOO_LATE_MS {
            assert_eq!(early[&ticket], "needs-human", "{ticket}");
            is_with_a_person(&world, &ticket);
        } else {
            // Where the machine is slow, a look in time may still come too late; then it is a person's.
            assert!(["answered", "needs-human"].contains(&early[&ticket].as_str()), "{}", early[&ticket]);
        }
    }
    let confirmed = early.values().filter(|outcome| *outcome == "answered").count();
    println!("{confirmed} confirmed, {} with a person", early.len() - confirmed);
    assert!(confirmed > 0, "none was confirmed");
}

#[test]
fn a_reply_applied_between_two_looks_is_confirmed_and_one_after_the_last_is_never_doubled() {
    applied_late(8, Duration::from_secs(20));
}
