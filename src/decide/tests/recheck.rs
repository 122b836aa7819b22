//! Whatever changes between the decision and the send stops the reply.

use super::*;
use crate::decide::recheck;

type Change = fn(&mut Case);

#[test]
fn the_same_ticket_passes() {
    let case = base();
    assert_eq!(recheck(&case.decide(), &case.ctx.ticket, &case.policy(), case.now), Ok(()));
}

#[test]
fn whatever_changed_stops_the_reply() {
    let rows: &[(&str, Change)] = &[
        ("mw-stop", |case| case.ctx.ticket.tags.push("mw-stop".into())),
        ("mw-hold", |case| case.ctx.ticket.tags.push("mw-hold".into())),
        ("no longer open", |case| case.ctx.ticket.status = Status::Closed),
        ("no longer open", |case| case.ctx.ticket.status = Status::Snoozed),
        ("wrote again", |case| {
            case.ctx.ticket.messages.push(message("c-2", Author::Customer, "cancel it"));
        }),
        ("is gone", |case| case.ctx.ticket.messages.clear()),
        ("an agent answered", |case| {
            case.ctx.ticket.messages.push(message("a", Author::Agent(None), "Hello"));
        }),
        ("the bot answered", |case| case.ctx.ticket.messages.push(message("b", Author::Bot, "Hello"))),
        ("the ticket was read 8 s ago", |case| case.now = at("2026-02-11T12:00:06Z")),
        ("too old by now", |case| {
            case.now = at("2026-02-11T12:04:30Z");
            case.ctx.ticket.read_at = case.now;
        }),
        ("the mode is shadow", |case| case.mode = Mode::Shadow),
        ("not in the canary", |case| case.mode = Mode::Canary),
        ("before the backup was restored", |case| case.restored_at = Some(case.now)),
        ("the mode is route", |case| case.mode = Mode::Route),
        ("bot_agent_id", |case| case.config.richpanel.bot_agent_id = None),
    ];
    for (words, change) in rows {
        let decision = base().decide();
        let mut case = base();
        change(&mut case);
        let said = recheck(&decision, &case.ctx.ticket, &case.policy(), case.now).unwrap_err();
        assert!(said.contains(words), "{said:?} lacks {words:?}");
    }
}

#[test]
fn what_was_never_to_be_sent_is_not_sent() {
    let mut case = base();
    case.verdict.cautions.push("a condition".into());
    assert!(recheck(&case.decide(), &case.ctx.ticket, &case.policy(), case.now).is_err());
}
