//! The last look before a reply goes out (design, Effects): whatever changed since the decision stops it.

use super::policy::Policy;
use super::restored::newer_than_restore;
use super::{Decision, TAG_HOLD, TAG_STOP, canary_position};
use crate::event::{Mode, Timestamp};
use crate::ticket::{Status, Ticket};

/// Whether the reply of `before` may still go out, given the ticket as read again and the policy in force now.
///
/// `before` may come from the journal: nothing else of the decision's inputs is needed. After an error the event is
/// decided anew; the decision's steps, which assume the reply, must not be carried out.
///
/// # Errors
/// What is in the way, in plain words.
pub fn recheck(before: &Decision, ticket: &Ticket, policy: &Policy, now: Timestamp) -> Result<(), String> {
    let draft = before.draft.as_ref().filter(|_| before.send).ok_or("no reply was decided")?;
    if !matches!(policy.mode, Mode::Canary | Mode::Live) {
        return Err(format!("the mode is {} now", policy.mode));
    }
    let customer = ticket.customer.count_key().unwrap_or_default();
    if policy.mode == Mode::Canary && canary_position(customer) >= policy.canary_percent {
        return Err("the customer is not in the canary now".into());
    }
    policy.writer.clone()?;
    for tag in [TAG_STOP, TAG_HOLD] {
        if ticket.has_tag(tag) {
            return Err(format!("the ticket carries {tag} now"));
        }
    }
    if ticket.status != Status::Open {
        return Err("the ticket is no longer open".into());
    }
    let newest = ticket.newest_customer_message().ok_or("the customer's message is gone")?;
    if before.message.as_ref() != Some(&newest.key()) {
        return Err("the customer wrote again".into());
    }
    newer_than_restore(ticket, policy.restored_at)?;
    if ticket.agent_answered_after(newest) {
        return Err("an agent answered in the meantime".into());
    }
    if ticket.bot_answered_after(newest) {
        return Err("the bot answered in the meantime".into());
    }
    let max = policy.gates.ticket_max_age_seconds;
    let age = now.duration_since(ticket.read_at).as_secs();
    if age.unsigned_abs() > max {
        return Err(format!("the ticket was read {age} s ago, the limit is {max} s"));
    }
    if draft.good_until.is_some_and(|until| now >= until) {
        return Err("the facts are too old by now".into());
    }
    Ok(())
}
