//! After a restore: what customers wrote before it may have been answered by what the backup does not know of.

use crate::event::Timestamp;
use crate::ticket::Ticket;

/// Whether everything the customer waits with was written after the last restore. A message without a time counts as
/// older; so does one that follows, unanswered, upon an older one: both are classified together, and the older one
/// may have an answer that the helpdesk does not show.
///
/// # Errors
/// Why it may have been answered already.
pub(super) fn newer_than_restore(ticket: &Ticket, restored_at: Option<Timestamp>) -> Result<String, String> {
    let Some(restored) = restored_at else { return Ok("no backup was restored".into()) };
    let told = restored.strftime("%Y-%m-%d %H:%M:%S");
    let waiting = ticket.unanswered().iter().filter(|message| message.author.may_be_customer());
    for message in waiting.chain(ticket.newest_customer_message()) {
        let at = message.at.ok_or_else(|| {
            format!("a backup was restored at {told}, and the message has no time: it may have been answered before")
        })?;
        if at <= restored {
            return Err(format!(
                "written {}, before the backup was restored at {told}: it may have been answered already",
                at.strftime("%Y-%m-%d %H:%M:%S")
            ));
        }
    }
    Ok(format!("written after the backup was restored at {told}"))
}
