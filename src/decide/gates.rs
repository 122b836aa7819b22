//! The gates: each asked, none skipped, each with the figures it went by. A reply needs all of them.
//!
//! A gate that another one made moot says "not asked: …" and does not count as blocking, so that a support lead sees
//! exactly what stands in the way. That opens nothing: without an order or a text there is no draft to send.

use super::automatic::{Automatic, automatic};
use super::canary::canary_position;
use super::policy::Policy;
use super::restored::newer_than_restore;
use super::{Context, GATES, Gate, OrderFinding, TAG_HOLD, TAG_STOP};
use crate::classify::Verdict;
use crate::config::MayAnswer;
use crate::event::{Mode, Timestamp};
use crate::reply::{Ask, Draft, Material, NoReply, render};
use crate::ticket::{Author, Channel, Message, Order, Status};

/// Everything the gates look at, worked out once.
pub(super) struct Asked<'a> {
    pub(super) ctx: &'a Context,
    pub(super) verdict: &'a Verdict,
    pub(super) policy: &'a Policy,
    pub(super) now: Timestamp,
    pub(super) automatic: Option<Automatic>,
    newest: Option<&'a Message>,
    pub(super) ask: Result<Ask<'a>, String>,
    /// Whether the reply reads from an order.
    pub(super) needs_order: bool,
    /// `None`: there is nothing to write from.
    pub(super) written: Option<Result<Draft, NoReply>>,
}

pub(super) type Judged = Result<String, String>;

/// Asked before an order is looked for; mode and canary do not count there.
const WITHOUT_ORDER: &[&str] = &[
    "mw-stop",
    "mw-hold",
    "ticket-open",
    "no-agent-since",
    "not-answered-already",
    "not-automatic",
    "authors-known",
    "message-age",
    "restored",
    "channel",
    "intent-allowed",
    "urgent-net",
    "several-intents",
    "confidence",
    "agreement",
    "caution",
    "language",
    "cap-ticket",
    "cap-customer",
    "cap-hour",
    "brake-unconfirmed",
];

/// Whether every gate passes that needs no order, mode and canary aside.
pub(super) fn passes_without_order(
    ctx: &Context,
    verdict: &Verdict,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    let asked = Asked::without_draft(ctx, verdict, policy, now);
    !asked.early_no()
}

impl<'a> Asked<'a> {
    fn without_draft(ctx: &'a Context, verdict: &'a Verdict, policy: &'a Policy, now: Timestamp) -> Self {
        let ask = policy.ask(&verdict.primary().0);
        let needs_order = ask.as_ref().is_ok_and(|ask| policy.ask_needs_order(*ask));
        Self {
            automatic: automatic(&ctx.ticket, &ctx.new_text.text),
            newest: ctx.message.as_ref().and_then(|_| ctx.ticket.newest_customer_message()),
            ctx,
            verdict,
            policy,
            now,
            ask,
            needs_order,
            written: None,
        }
    }

    pub(super) fn new(ctx: &'a Context, verdict: &'a Verdict, policy: &'a Policy, now: Timestamp) -> Self {
        let mut asked = Self::without_draft(ctx, verdict, policy, now);
        let order = asked.certain_order();
        asked.written = match &asked.ask {
            Ok(ask) if order.is_some() || !asked.needs_order => {
                Some(render(&policy.replies, *ask, &asked.material()))
            }
            _ => None,
        };
        asked
    }

    /// The order, when it is certain.
    pub(super) fn certain_order(&self) -> Option<&'a Order> {
        match &self.ctx.order {
            OrderFinding::Certain { order, .. } => Some(order),
            _ => None,
        }
    }

    /// Whether the primary intent is answered from facts.
    pub(super) const fn factual(&self) -> bool {
        matches!(self.ask, Ok(Ask::Facts(_)))
    }

    pub(super) fn material(&self) -> Material<'a> {
        Material {
            customer: &self.ctx.ticket.customer,
            ticket_read_at: self.ctx.ticket.read_at,
            order: self.certain_order(),
            calendar: &self.policy.calendar,
            chat: self.ctx.ticket.channel.is_chat(),
            language: &self.ctx.new_text.language.code,
            stall_days: self.policy.gates.tracking_stall_days,
            now: self.now,
        }
    }

    /// The draft, when one could be written.
    pub(super) fn draft(&self) -> Option<&Draft> {
        self.written.as_ref().and_then(|written| written.as_ref().ok())
    }

    /// Every gate in order.
    pub(super) fn report(&self) -> Vec<Gate> {
        let mut report: Vec<Gate> = Vec::with_capacity(GATES.len());
        // Caps stand after the order in the list and are asked before it is looked for.
        let early = self.early_no();
        for name in GATES {
            let blocked = early || report.iter().any(|gate| !gate.passed);
            let judged = self.judge(name, blocked);
            let passed = judged.is_ok();
            let (Ok(reason) | Err(reason)) = judged;
            report.push(Gate { gate: (*name).to_owned(), passed, reason });
        }
        report
    }

    /// Whether a gate that needs no order said no, so that none was looked for.
    fn early_no(&self) -> bool {
        WITHOUT_ORDER.iter().any(|gate| self.judge(gate, false).is_err())
    }

    /// One gate; `blocked` when one that is asked before it said no already.
    fn judge(&self, gate: &str, blocked: bool) -> Judged {
        match gate {
            "mw-stop" => self.absent(TAG_STOP),
            "mw-hold" => self.absent(TAG_HOLD),
            "ticket-open" => self.ticket_open(),
            "no-agent-since" => self.no_agent_since(),
            "not-answered-already" => self.not_answered_already(),
            "not-automatic" => self
                .automatic
                .as_ref()
                .map_or_else(|| Ok("written by a person".into()), |found| Err(found.why.clone())),
            "authors-known" => self.authors_known(),
            "message-age" => self.message_age(),
            "restored" => newer_than_restore(&self.ctx.ticket, self.policy.restored_at),
            "mode" => self.mode(),
            "canary" => self.canary(),
            "channel" => self.channel(),
            "intent-allowed" => self.intent_allowed(),
            "urgent-net" => self.urgent_net(),
            "several-intents" => self.several_intents(),
            "confidence" => self.confidence(),
            "agreement" => self.agreement(),
            "caution" => self.caution(),
            "language" => self.language(),
            "order-certain" => self.order_certain(blocked),
            "facts-complete" => self.facts_complete(),
            "facts-fresh" => self.facts_fresh(),
            "cap-ticket" => self.cap_ticket(),
            "cap-customer" => self.cap_customer(),
            "cap-hour" => self.cap_hour(),
            "brake-unconfirmed" => self.brake_unconfirmed(),
            "bot-agent" => self.policy.writer.clone().map(|()| "there is an agent to write as".into()),
            unknown => Err(format!("nobody knows how to ask the gate {unknown}")),
        }
    }

    fn absent(&self, tag: &str) -> Judged {
        if self.ctx.ticket.has_tag(tag) {
            Err(format!("the ticket carries {tag}"))
        } else {
            Ok(format!("the ticket does not carry {tag}"))
        }
    }

    fn ticket_open(&self) -> Judged {
        match &self.ctx.ticket.status {
            Status::Open => Ok("the ticket is open".into()),
            Status::Closed => Err("the ticket is closed".into()),
            Status::Snoozed => Err("somebody put the ticket aside".into()),
            Status::Other(word) => Err(format!("the ticket's status \"{word}\" is not one we know")),
        }
    }

    fn newest(&self) -> Result<&'a Message, String> {
        self.newest.ok_or_else(|| "the customer wrote nothing".to_owned())
    }

    fn no_agent_since(&self) -> Judged {
        if self.newest.is_some_and(|message| self.ctx.ticket.agent_answered_after(message)) {
            Err("an agent answered after the customer's newest message".into())
        } else {
            Ok("no agent answered since".into())
        }
    }

    fn not_answered_already(&self) -> Judged {
        if self.newest.is_some_and(|message| self.ctx.ticket.bot_answered_after(message)) {
            Err("the bot answered this message already".into())
        } else {
            Ok("the bot has not answered this message".into())
        }
    }

    fn authors_known(&self) -> Judged {
        let unknown =
            self.ctx.ticket.messages.iter().filter(|message| message.author == Author::Unknown).count();
        match unknown {
            0 => Ok("who wrote each message is known".into()),
            count => Err(format!(
                "the helpdesk does not say who wrote {count} of the messages: an agent may have answered already"
            )),
        }
    }

    fn message_age(&self) -> Judged {
        let at = self.newest()?.at.ok_or("the message has no time, so its age is unknown")?;
        let max_hours = self.policy.limits.max_reply_age_hours;
        let seconds = self.now.duration_since(at).as_secs();
        let age = format!("{}:{:02} h", seconds.abs() / 3600, seconds.abs() / 60 % 60);
        if seconds.abs() > i64::from(max_hours) * 3600 {
            let side = if seconds < 0 { "ahead of our clock" } else { "old" };
            Err(format!("the message is {age} {side}, the limit is {max_hours} h"))
        } else {
            Ok(format!("the message is {age} old, the limit is {max_hours} h"))
        }
    }

    fn mode(&self) -> Judged {
        match self.policy.mode {
            Mode::Live => Ok("mode live answers".into()),
            Mode::Canary => Ok("mode canary answers a share of the customers".into()),
            other => Err(format!("mode {other} answers nobody")),
        }
    }

    fn canary(&self) -> Judged {
        if self.policy.mode != Mode::Canary {
            return Ok(format!("not asked: mode {} has no share", self.policy.mode));
        }
        let customer =
            self.customer_key().ok_or("not in the canary: nothing tells this customer from others")?;
        let (position, percent) = (canary_position(customer), self.policy.canary_percent);
        if position < percent {
            Ok(format!("the customer stands at {position:.4}, below the share of {percent} %"))
        } else {
            Err(format!("the customer stands at {position:.4}, not below the share of {percent} %"))
        }
    }

    pub(super) fn customer_key(&self) -> Option<&'a str> {
        self.ctx.ticket.customer.count_key().map(str::trim).filter(|key| !key.is_empty())
    }

    fn channel(&self) -> Judged {
        match &self.ctx.ticket.channel {
            channel @ (Channel::Email | Channel::LiveChat | Channel::Social(_)) => {
                Ok(format!("{} is a channel that is answered", channel.as_str()))
            }
            Channel::PublicComment(word) => Err(format!("{word} is public: routed, never answered")),
            Channel::Phone => Err("a call is not answered in writing".into()),
            Channel::Unknown => Err("the channel is unknown".into()),
        }
    }

    fn intent_allowed(&self) -> Judged {
        let intent = self.verdict.primary().0;
        match self.ask.as_ref().map_err(Clone::clone)? {
            Ask::Facts(_) => Ok(format!("{intent} may be answered from facts")),
            Ask::Fixed(reply) => Ok(format!("{intent} may be answered by the text {reply}")),
        }
    }

    fn urgent_net(&self) -> Judged {
        if self.verdict.urgent.is_empty() {
            return Ok("nothing urgent was caught".into());
        }
        let names: Vec<&str> = self.verdict.urgent.iter().map(crate::event::Intent::as_str).collect();
        Err(format!("the net caught {}", names.join(", ")))
    }

    fn several_intents(&self) -> Judged {
        let floor = self.policy.gates.also_confidence;
        let primary = self.verdict.primary().0;
        let same_answer = |other| {
            let (Some(a), Some(b)) = (self.policy.intent(&primary), self.policy.intent(other)) else {
                return false;
            };
            a.may_answer == MayAnswer::Facts && b.may_answer == MayAnswer::Facts && a.reply == b.reply
        };
        let against: Vec<String> = self
            .verdict
            .ranked
            .iter()
            .skip(1)
            // Written so that a confidence that is no number counts.
            .filter(|other| !matches!(other.confidence.partial_cmp(&floor), Some(std::cmp::Ordering::Less)))
            .filter(|other| other.intent != primary && other.intent.as_str() != "thanks")
            .filter(|other| !same_answer(&other.intent))
            .map(|other| format!("{} ({})", other.intent, figure(other.confidence)))
            .collect();
        if against.is_empty() {
            Ok(format!("nothing else is asked at {floor} or more that needs a person"))
        } else {
            Err(format!("also asked, at {floor} or more: {}", against.join(", ")))
        }
    }

    fn caution(&self) -> Judged {
        let mut cautions = self.verdict.cautions.clone();
        cautions.extend(self.doubts());
        if self.ctx.new_text.truncated {
            cautions.push("the message is too long to be read to its end".into());
        }
        if self.knows_tracking() {
            cautions.push("the customer already knows the tracking number".into());
        }
        if cautions.is_empty() { Ok("nothing speaks against it".into()) } else { Err(cautions.join("; ")) }
    }

    fn knows_tracking(&self) -> bool {
        let fold = |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).collect() };
        let text = fold(&self.ctx.new_text.text).to_lowercase();
        let order = self.certain_order();
        let numbers = order.iter().flat_map(|order| &order.shipments).flat_map(|parcel| &parcel.tracking);
        numbers
            .filter_map(|tracking| tracking.number.as_deref())
            .map(|number| fold(number).to_lowercase())
            .any(|number| number.len() >= 8 && text.contains(&number))
    }
}

/// A confidence with up to three decimals, never rounded up across a threshold.
pub(super) fn figure(confidence: f64) -> f64 {
    (confidence * 1000.0 + 1e-6).floor() / 1000.0
}
