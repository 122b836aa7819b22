//! Gathers what a decision needs, with as few calls as possible: the ticket (one call), and only where a reply is
//! in reach the order link and the order (two more). Caps and earlier replies come from the store.

use crate::decide::{Context, OrderFinding, match_order};
use crate::event::{MessageKey, ReplyCounts, Timestamp, customer_hash};
use crate::helpdesk::budget::Permit;
use crate::helpdesk::{ApiError, Call, Helpdesk};
use crate::store::{Seen, Store, StoreError};
use crate::text::{NewText, OrderMention, Part, new_text, order_mention_with_subject};
use crate::ticket::{Author, Channel, Customer, Message, Order, OrderRef, Status, Ticket};

/// What the customer newly wrote on this ticket, quotes and signatures gone. Where an agent answered already, what the
/// answer was to: it still tells what the ticket is about.
fn unanswered_text(ticket: &Ticket) -> NewText {
    let mut waiting: Vec<&Message> =
        ticket.unanswered().iter().filter(|message| message.author.may_be_customer()).collect();
    if waiting.is_empty() {
        waiting.extend(ticket.newest_customer_message());
    }
    let parts: Vec<Part<'_>> = waiting
        .into_iter()
        .map(|message| Part {
            plain: Some(message.plain.as_str()).filter(|plain| !plain.trim().is_empty()),
            html: message.html.as_deref(),
        })
        .collect();
    new_text(&parts)
}

/// The customer as caps count them: a hash, nothing to read.
pub fn counted_as(ticket: &Ticket) -> Option<String> {
    ticket.customer.count_key().map(customer_hash)
}

/// What the store keeps of a read. `first_as_text` takes key 2 in its second form as well, so that a call that was
/// routed from its own text and this read are known to be the same message.
pub fn seen(ticket: &Ticket, first_as_text: bool) -> Seen {
    let newest = ticket.newest_customer_message();
    let only = ticket.messages.iter().filter(|message| message.author.may_be_customer()).count() == 1;
    Seen {
        number: ticket.number,
        message: newest.map(Message::key),
        also: newest.filter(|_| only && first_as_text).map(|message| text_key(&message.plain)),
        message_at: newest.and_then(|message| message.at),
        channel: ticket.channel.as_str().to_owned(),
        open: ticket.status != Status::Closed,
        updated_at: ticket.updated_at,
        customer: counted_as(ticket),
    }
}

/// Key 2 from the words alone, however they are spaced.
pub fn text_key(text: &str) -> MessageKey {
    MessageKey::of(None, &text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The decision's context, without an order yet.
///
/// # Errors
/// [`StoreError`] when the reply counts cannot be read.
pub fn of_ticket(
    ticket: Ticket,
    store: &dyn Store,
    helpdesk: &dyn Helpdesk,
    now: Timestamp,
) -> Result<Context, StoreError> {
    let customer = counted_as(&ticket);
    let replies = store.reply_counts(helpdesk.name(), &ticket.id, customer.as_deref(), now)?;
    Ok(Context { replies, ..of_unknown_customer(ticket) })
}

/// The same where nothing is known of earlier replies: for looking at a message without a file of state.
pub fn of_unknown_customer(ticket: Ticket) -> Context {
    Context {
        new_text: unanswered_text(&ticket),
        message: ticket.newest_customer_message().map(Message::key),
        order: OrderFinding::NotNeeded,
        replies: ReplyCounts::default(),
        ticket,
    }
}

/// A ticket as far as its own call tells: for routing a new conversation without reading it.
pub fn ticket_from_call(call: &Call, now: Timestamp) -> Option<Ticket> {
    let text = call.message.as_deref().filter(|text| !text.trim().is_empty() && !call.salvaged)?;
    let key = text_key(text);
    Some(Ticket {
        id: call.ticket_id.clone(),
        number: None,
        status: Status::Open,
        subject: call.subject.clone().unwrap_or_default(),
        channel: call.channel.clone().unwrap_or(Channel::Unknown),
        tags: vec![],
        assignee: None,
        priority: None,
        customer: Customer { email: call.customer_email.clone(), ..Customer::default() },
        client_id: None,
        messages: vec![Message {
            id: Some(key.as_str().into()),
            author: Author::Customer,
            plain: text.to_owned(),
            html: None,
            public: true,
            at: Some(now),
            attachments: 0,
            auto_submitted: false,
        }],
        created_at: None,
        updated_at: None,
        read_at: now,
    })
}

/// Looks for the order that the message is about. Two calls at most (three when it is looked up by its number).
///
/// # Errors
/// [`ApiError`] where trying again may help; an order that this key may not read is an uncertain one.
pub fn find_order(
    helpdesk: &dyn Helpdesk,
    permit: &mut Permit,
    context: &Context,
    by_number: bool,
) -> Result<OrderFinding, ApiError> {
    let mention = order_mention_with_subject(&context.new_text.text, &context.ticket.subject);
    let found = linked(helpdesk, permit, &context.ticket).and_then(|linked| {
        let looked_up = match (&linked, &mention, &context.ticket.client_id) {
            (None, OrderMention::One(number), Some(client)) if by_number => {
                let at = OrderRef { client_id: client.clone(), order_id: number.clone() };
                // Found under the customer's number, kept under its own id: that is what can be attached.
                helpdesk
                    .order(permit, &at)?
                    .map(|order| (OrderRef { order_id: order.id.clone(), ..at }, order))
            }
            _ => None,
        };
        Ok((linked, looked_up))
    });
    match found {
        Ok((linked, looked_up)) => {
            Ok(match_order(&mention, linked, looked_up, context.ticket.customer.email.as_deref()))
        }
        Err(
            error @ (ApiError::Forbidden(_)
            | ApiError::Rejected { .. }
            | ApiError::NotFound
            | ApiError::Malformed(_)),
        ) => Ok(OrderFinding::Uncertain(format!("the order cannot be read: {error}"))),
        Err(error) => Err(error),
    }
}

fn linked(
    helpdesk: &dyn Helpdesk,
    permit: &mut Permit,
    ticket: &Ticket,
) -> Result<Option<(OrderRef, Order)>, ApiError> {
    let Some(at) = helpdesk.linked_order(permit, ticket)? else { return Ok(None) };
    Ok(helpdesk.order(permit, &at)?.map(|order| (at, order)))
}
