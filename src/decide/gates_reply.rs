//! The gates about the reply itself: its language, its facts, how many went out.

use std::time::Duration;

use super::OrderFinding;
use super::gates::{Asked, Judged};
use crate::clock::{after, minute};
use crate::event::Timestamp;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Words up to which a text of undetermined language may pass as English.
const UNDETERMINED_WORDS_MAX: usize = 8;

impl Asked<'_> {
    /// The message's language must be the text's. Where it could not be told, only a text of at most 8 words in
    /// plain ASCII letters passes, and only for an English reply: "order status 1001?" is common, and what is not
    /// English in it lowers the classifier's confidence.
    pub(super) fn language(&self) -> Judged {
        let Ok(ask) = &self.ask else { return Ok("not asked: nothing would be said".into()) };
        let code = self.ctx.new_text.language.code.trim().to_lowercase();
        let text_languages: Vec<&str> = match self.draft() {
            Some(draft) => vec![draft.language.as_str()],
            None => self.policy.candidates(*ask).map(|reply| reply.language.as_str()).collect(),
        };
        if text_languages.is_empty() {
            return Ok("not asked: there is no text".into());
        }
        let wanted = &self.policy.gates.reply_languages;
        let unwanted = |code: &str| !wanted.iter().any(|language| language == code);
        if text_languages.contains(&code.as_str()) {
            if unwanted(&code) {
                return Err(format!(
                    "the message is in \"{code}\", which [gates] reply_languages does not name"
                ));
            }
            return Ok(format!("message and reply are both in \"{code}\""));
        }
        let text = &self.ctx.new_text.text;
        let words = text.split_whitespace().count();
        let plain = text.chars().all(|c| !c.is_alphabetic() || c.is_ascii());
        if code == "und"
            && words <= UNDETERMINED_WORDS_MAX
            && plain
            && text_languages.contains(&"en")
            && !unwanted("en")
        {
            return Ok(format!(
                "too short to tell the language ({words} words, plain letters); taken as English"
            ));
        }
        Err(format!("the message is in \"{code}\", the reply in \"{}\"", text_languages.join("\", \"")))
    }

    pub(super) fn order_certain(&self, blocked: bool) -> Judged {
        if self.ask.is_err() {
            return Ok("not asked: nothing would be said".into());
        }
        if !self.needs_order {
            return Ok("not asked: the text reads nothing from an order".into());
        }
        match &self.ctx.order {
            OrderFinding::Certain { order, how, .. } => {
                Ok(format!("{}: {how}", order.name.as_deref().unwrap_or(&order.id)))
            }
            OrderFinding::Uncertain(why) => Err(why.clone()),
            OrderFinding::None => {
                Err("no order is linked to the ticket, and none was found by a number in the message".into())
            }
            OrderFinding::NotNeeded if blocked => {
                Ok("not asked: a gate before it said no, so the order was not looked up".into())
            }
            OrderFinding::NotNeeded => Err("the order was not looked up".into()),
        }
    }

    pub(super) fn facts_complete(&self) -> Judged {
        match &self.written {
            None if self.ask.is_err() => Ok("not asked: nothing would be said".into()),
            None => Ok("not asked: it is not certain which order is meant".into()),
            Some(Ok(draft)) => Ok(format!("{}: all {} facts are there", draft.template, draft.facts.len())),
            Some(Err(no_reply)) => Err(no_reply.to_string()),
        }
    }

    pub(super) fn facts_fresh(&self) -> Judged {
        if !self.needs_order {
            return Ok("not asked: nothing is read from an order".into());
        }
        let Some(order) = self.certain_order() else {
            return Ok("not asked: it is not certain which order is meant".into());
        };
        let max = self.policy.gates.order_max_age_seconds;
        let age_ms = self.now.duration_since(order.read_at).as_millis().unsigned_abs();
        let age = age_ms / 1000;
        // The same bound as the last look before the send, so that no reply passes here to be stopped there.
        if age_ms >= u128::from(max) * 1000 {
            Err(format!("the order was read {age} s ago, the limit is {max} s"))
        } else {
            Ok(format!("the order was read {age} s ago, the limit is {max} s"))
        }
    }

    pub(super) fn cap_ticket(&self) -> Judged {
        let (replies, max) = (&self.ctx.replies, self.policy.limits.replies_per_ticket_per_day);
        self.below(replies.ticket_day, max, "on this ticket in the last 24 h", replies.ticket_oldest, DAY)
    }

    pub(super) fn cap_customer(&self) -> Judged {
        self.customer_key().ok_or("nothing tells this customer from others, so replies cannot be counted")?;
        let (replies, max) = (&self.ctx.replies, self.policy.limits.replies_per_customer_per_day);
        self.below(
            replies.customer_day,
            max,
            "to this customer in the last 24 h",
            replies.customer_oldest,
            DAY,
        )
    }

    pub(super) fn cap_hour(&self) -> Judged {
        let (replies, max) = (&self.ctx.replies, self.policy.limits.replies_per_hour);
        self.below(replies.hour, max, "in the last hour", replies.hour_oldest, HOUR)
    }

    /// Too many of the last replies ended badly: nothing is said until a person lets it go on.
    pub(super) fn brake_unconfirmed(&self) -> Judged {
        let (replies, max) = (&self.ctx.replies, self.policy.limits.stop_after_unconfirmed);
        let ended = format!("{} of the last replies were not seen on their ticket or refused", replies.bad);
        if max == 0 {
            return Ok("not asked: stop_after_unconfirmed is 0".into());
        }
        match replies.stopped_at {
            Some(at) => Err(format!(
                "replying is stopped since {}: too many replies were not seen on their ticket or refused; \
                 a person lets it go on by setting the mode again",
                minute(at, self.now)
            )),
            None if replies.bad >= max => Err(format!("{ended}, the limit is {max}")),
            None => Ok(format!("{ended}, the limit is {max}")),
        }
    }

    /// A cap, and when it gives way: when the oldest reply counted leaves the window.
    fn below(
        &self,
        count: u32,
        max: u32,
        where_: &str,
        oldest: Option<Timestamp>,
        window: Duration,
    ) -> Judged {
        let replies = if count == 1 { "reply" } else { "replies" };
        let said = format!("{count} {replies} {where_}, the limit is {max}");
        match oldest {
            _ if count < max => Ok(said),
            Some(oldest) if max > 0 => {
                Err(format!("{said}; none before {}", minute(after(oldest, window), self.now)))
            }
            _ => Err(said),
        }
    }
}
