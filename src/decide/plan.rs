//! The decision: where the ticket stands, what is said, where it goes.

use super::gates::{Asked, figure};
use super::policy::Policy;
use super::steps::{Facts, Route, add_tags, intent_tag, planned, route, steps};
use super::{Context, Decision, Gate, Planned, TAG_PROCESSED, TAG_STOP};
use crate::classify::Verdict;
use crate::event::{Intent, Outcome, Timestamp, customer_hash};
use crate::reply::situation::{Situation, situation};
use crate::ticket::{Channel, Effect, Status};

/// Gates that hold a reply back without saying that it would be wrong.
const ROLLOUT_GATES: &[&str] = &["mode", "canary"];
/// Secondary intents that are tagged.
const ALSO_MAX: usize = 2;
const DELIVERED: &str = "delivered_not_received";

/// Where a ticket stands before anything is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// `mw-stop`: no write of any kind.
    Stop,
    /// The customer wrote nothing.
    Silent,
    /// Nobody expects anything.
    Closed,
    /// An agent, or the bot, answered the newest message.
    Answered,
    /// A machine wrote.
    Machine,
    /// A customer waits.
    Waiting,
}

/// Decides what becomes of a message. Pure: the same inputs give the same decision.
///
/// `ctx.order` is [`super::OrderFinding::NotNeeded`] unless [`Policy::needs_order`] said yes. The classifier's
/// version is left empty: [`Decision::classified_by`].
pub fn decide(ctx: &Context, verdict: &Verdict, policy: &Policy, now: Timestamp) -> Decision {
    let asked = Asked::new(ctx, verdict, policy, now);
    let gates = asked.report();
    let standing = standing(&asked);
    let (primary, confidence) = verdict.primary();
    let open = standing == Standing::Waiting;
    let passed = |ignored: &[&str]| {
        open && gates.iter().all(|gate| gate.passed || ignored.contains(&gate.gate.as_str()))
    };
    let send = passed(&[]) && asked.draft().is_some();
    let would_send = passed(ROLLOUT_GATES) && asked.draft().is_some();
    let intent = label(&asked, standing, primary);
    let also = also(&asked, &intent);
    let mut decision = Decision {
        confidence,
        also,
        mode: policy.mode,
        team: None,
        outcome: Outcome::Ignored,
        draft: asked.draft().cloned().map(|draft| dated(draft, &asked)),
        send,
        hold_ms: if send { hold_ms(&asked) } else { 0 },
        after: vec![],
        would: vec![],
        reason: String::new(),
        classifier: String::new(),
        message: ctx.message.clone(),
        customer: ctx.ticket.customer.count_key().filter(|key| !key.trim().is_empty()).map(customer_hash),
        why: why(verdict),
        intent,
        gates,
    };
    let written = policy.mode.writes();
    let steps = plan(&asked, standing, &mut decision, if written { send } else { would_send });
    if written {
        decision.after = steps;
    } else if !matches!(standing, Standing::Stop | Standing::Silent) {
        decision.outcome = Outcome::Observed;
        decision.would = steps;
        if would_send && let Some(draft) = &decision.draft {
            let reply = Effect::Reply { body: draft.text.clone() };
            decision.would.insert(0, planned(reply, format!("replies.{}", draft.template)));
        }
    }
    decision
}

impl Decision {
    /// The same decision with the classifier's version.
    #[must_use]
    pub fn classified_by(mut self, version: &str) -> Self {
        version.clone_into(&mut self.classifier);
        self
    }
}

fn standing(asked: &Asked<'_>) -> Standing {
    let ticket = &asked.ctx.ticket;
    if ticket.has_tag(TAG_STOP) {
        return Standing::Stop;
    }
    let Some(newest) = asked.ctx.message.as_ref().and_then(|_| ticket.newest_customer_message()) else {
        return Standing::Silent;
    };
    if ticket.status == Status::Closed {
        return Standing::Closed;
    }
    // A reply of ours that went out while the customer wrote again stands after that message and does not answer it.
    let to_an_older_one = asked.ctx.replies.answers.as_ref().is_some_and(|key| *key != newest.key());
    if ticket.agent_answered_after(newest) || (ticket.bot_answered_after(newest) && !to_an_older_one) {
        return Standing::Answered;
    }
    if asked.automatic.as_ref().is_some_and(|found| found.sure) && !urgent(asked) {
        return Standing::Machine;
    }
    Standing::Waiting
}

/// Whether anything of priority 0 is in the message.
fn urgent(asked: &Asked<'_>) -> bool {
    let floor = asked.policy.gates.also_confidence;
    let ranked = &asked.verdict.ranked;
    !asked.verdict.urgent.is_empty()
        || ranked.iter().enumerate().any(|(position, one)| {
            asked.policy.is_urgent(&one.intent) && (position == 0 || one.confidence >= floor)
        })
}

/// The primary intent as it is tagged and routed: a machine's words are `other`, and who asks where a delivered
/// order is has not received it (intents, "Delivered is not the end").
fn label(asked: &Asked<'_>, standing: Standing, primary: Intent) -> Intent {
    if standing == Standing::Machine {
        return Intent::from("other");
    }
    let delivered = Intent::from(DELIVERED);
    let says_delivered = asked.factual()
        && asked.certain_order().is_some_and(|order| {
            let stall_days = asked.policy.gates.tracking_stall_days;
            situation(order, &asked.policy.calendar, stall_days, asked.now) == Situation::Delivered
        });
    if says_delivered && asked.policy.intent(&delivered).is_some() { delivered } else { primary }
}

/// Up to two more intents: what the net caught first, then by rank.
fn also(asked: &Asked<'_>, intent: &Intent) -> Vec<Intent> {
    let floor = asked.policy.gates.also_confidence;
    let ranked = &asked.verdict.ranked;
    let strong = ranked
        .iter()
        .enumerate()
        .filter(|(position, one)| *position == 0 || one.confidence >= floor)
        .map(|(_, one)| &one.intent);
    let mut also: Vec<Intent> = Vec::new();
    for other in asked.verdict.urgent.iter().chain(strong) {
        if other != intent && !also.contains(other) && also.len() < ALSO_MAX {
            also.push(other.clone());
        }
    }
    also
}

/// Fills in outcome, team and reason, and gives the steps.
fn plan(asked: &Asked<'_>, standing: Standing, decision: &mut Decision, answered: bool) -> Vec<Planned> {
    let ticket = &asked.ctx.ticket;
    match standing {
        Standing::Stop | Standing::Silent => {
            decision.outcome = Outcome::Ignored;
            decision.also.clear();
            decision.reason = match standing {
                Standing::Stop => format!("left alone: the ticket carries {TAG_STOP}"),
                _ => "left alone: the customer wrote nothing".to_owned(),
            };
            vec![]
        }
        Standing::Closed => {
            seen(decision, "the ticket is closed");
            add_tags(ticket, vec![TAG_PROCESSED.to_owned()], "closed: mark as seen".into())
                .into_iter()
                .collect()
        }
        Standing::Answered => {
            seen(decision, "the newest message is answered already");
            let mut tags = vec![TAG_PROCESSED.to_owned()];
            // Without words of its own the message says nothing new about what was asked.
            if !asked.ctx.new_text.text.trim().is_empty() || !has_intent_tag(asked) {
                tags.push(intent_tag(&decision.intent));
            }
            add_tags(ticket, tags, "answered already: mark as seen".into()).into_iter().collect()
        }
        Standing::Machine => plan_machine(asked, decision),
        Standing::Waiting => plan_waiting(asked, decision, answered),
    }
}

fn seen(decision: &mut Decision, why: &str) {
    decision.outcome = Outcome::Seen;
    decision.reason = format!("marked as seen: {why}");
}

fn has_intent_tag(asked: &Asked<'_>) -> bool {
    asked.ctx.ticket.tags.iter().any(|tag| tag.starts_with("mw-intent-"))
}

fn plan_machine(asked: &Asked<'_>, decision: &mut Decision) -> Vec<Planned> {
    let why = asked.automatic.as_ref().map(|found| found.why.clone()).unwrap_or_default();
    let routed = asked.ctx.ticket.tags.iter().any(|tag| asked.policy.team_of_tag(tag).is_some());
    let default = (!routed).then(|| route(&asked.ctx.ticket, asked.policy, &asked.policy.default_team));
    decision.also.clear();
    decision.outcome = if routed { Outcome::Seen } else { Outcome::Routed };
    decision.team = default.as_ref().map(|route| route.team.clone());
    decision.reason = format!("written by a machine: {why}");
    let facts = Facts {
        intent: &decision.intent,
        also: &[],
        route: default.as_ref(),
        low: false,
        needs_human: false,
        answered: false,
        reason: &decision.reason,
    };
    steps(asked, &facts)
}

fn plan_waiting(asked: &Asked<'_>, decision: &mut Decision, answered: bool) -> Vec<Planned> {
    let policy = asked.policy;
    // Written so that a confidence that is no number counts as low.
    let sure = decision.confidence >= policy.gates.route_confidence;
    let own_team = policy.intent(&decision.intent).filter(|_| sure).map(|intent| intent.team.as_str());
    let route = route(&asked.ctx.ticket, policy, own_team.unwrap_or(&policy.default_team));
    let needs_human = urgent(asked);
    decision.team = Some(route.team.clone());
    decision.outcome = if answered {
        Outcome::Answered
    } else if needs_human {
        Outcome::NeedsHuman
    } else {
        Outcome::Routed
    };
    decision.reason = reason(decision, &route, answered, needs_human, sure);
    let facts = Facts {
        intent: &decision.intent,
        also: &decision.also,
        route: Some(&route),
        low: !sure,
        needs_human,
        answered,
        reason: &decision.reason,
    };
    steps(asked, &facts)
}

fn reason(decision: &Decision, route: &Route, answered: bool, needs_human: bool, sure: bool) -> String {
    let intent = format!("{} ({})", decision.intent, figure(decision.confidence));
    if answered {
        let text = decision.draft.as_ref().map(|draft| draft.template.as_str()).unwrap_or_default();
        return format!("{intent}: answered with {text}, {}", route.team);
    }
    let head = if needs_human {
        format!("{intent}: urgent, to a person of {}", route.team)
    } else if sure {
        format!("{intent}: to {}", route.team)
    } else {
        format!("{intent}: not sure enough, to {}", route.team)
    };
    let stays = if route.ours { "" } else { ", which has it already" };
    // One that never answers needs no excuse.
    let block = first_block(&decision.gates).filter(|gate| gate.gate != "intent-allowed");
    let block = block.map_or_else(String::new, |gate| format!("; no reply: {}: {}", gate.gate, gate.reason));
    format!("{head}{stays}{block}")
}

fn first_block(gates: &[Gate]) -> Option<&Gate> {
    gates.iter().find(|gate| !gate.passed)
}

fn hold_ms(asked: &Asked<'_>) -> u64 {
    match asked.ctx.ticket.channel {
        Channel::LiveChat => asked.policy.hold_live_chat_ms,
        _ => asked.policy.hold_ms,
    }
}

/// The draft with the time from which it must not go out any more: its order's age may grow by the hold, no more.
fn dated(mut draft: crate::reply::Draft, asked: &Asked<'_>) -> crate::reply::Draft {
    if let Some(order) = asked.certain_order().filter(|_| asked.needs_order) {
        let seconds = asked.policy.gates.order_max_age_seconds.saturating_add(hold_ms(asked).div_ceil(1000));
        let stale_at = crate::clock::after(order.read_at, std::time::Duration::from_secs(seconds));
        draft.good_until = Some(draft.good_until.map_or(stale_at, |until| until.min(stale_at)));
    }
    draft
}

/// The words that spoke for the primary intent, strongest first.
fn why(verdict: &Verdict) -> Vec<String> {
    let evidence = verdict.ranked.first().map(|top| top.why.as_slice()).unwrap_or_default();
    evidence
        .iter()
        .filter(|one| one.weight > 0.0)
        .map(|one| format!("{} ({})", one.words, one.rule))
        .collect()
}
