//! What is written to the ticket besides the reply: tags above all (contract, Tags), in one call and last.

use super::gates::Asked;
use super::policy::Policy;
use super::{OrderFinding, Planned, TAG_APPLIED, TAG_LOW, TAG_NEEDS_HUMAN, TAG_PROCESSED, TAG_REPLIED};
use crate::event::Intent;
use crate::ticket::{Author, Effect, Ticket};

/// Where a ticket goes.
pub(super) struct Route {
    /// The team that has it in the end.
    pub(super) team: String,
    /// False: another route tag of ours was there and stays, because an agent has touched the ticket.
    pub(super) ours: bool,
    add: Vec<String>,
    remove: Vec<String>,
}

/// Chooses the route tag: the team's, unless another one of ours is there and an agent wrote to the customer since
/// the ticket began. A tag carries no time, so any public word of an agent counts as a touch; an assignment does not.
pub(super) fn route(ticket: &Ticket, policy: &Policy, team: &str) -> Route {
    let wanted = policy.team(team).map(|team| team.tag.as_str()).unwrap_or_default();
    let present: Vec<&str> =
        ticket.tags.iter().map(String::as_str).filter(|tag| policy.team_of_tag(tag).is_some()).collect();
    let touched =
        ticket.messages.iter().any(|message| message.public && matches!(message.author, Author::Agent(_)));
    let kept = present.iter().find(|tag| **tag != wanted).filter(|_| touched && !present.contains(&wanted));
    if let Some(kept) = kept {
        let team = policy.team_of_tag(kept).unwrap_or(team).to_owned();
        return Route { team, ours: false, add: vec![], remove: vec![] };
    }
    let others = present.iter().filter(|tag| **tag != wanted && !touched);
    Route {
        team: team.to_owned(),
        ours: true,
        add: vec![wanted.to_owned()],
        remove: others.map(|tag| (*tag).to_owned()).collect(),
    }
}

/// What is known when steps are planned.
pub(super) struct Facts<'a> {
    pub(super) intent: &'a Intent,
    pub(super) also: &'a [Intent],
    pub(super) route: Option<&'a Route>,
    pub(super) low: bool,
    pub(super) needs_human: bool,
    pub(super) answered: bool,
    pub(super) reason: &'a str,
}

/// Every step after the reply, in order: order, fields, close, priority, assignee, note, tags.
pub(super) fn steps(asked: &Asked<'_>, facts: &Facts<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    if facts.answered {
        steps.extend(after_answer(asked));
    }
    steps.extend(for_people(asked, facts));
    let mut tags = vec![TAG_PROCESSED.to_owned()];
    if let Some(route) = facts.route {
        if !route.remove.is_empty() {
            let rule = format!("route {} → {}: swaps the earlier route", facts.intent, route.team);
            steps.push(planned(Effect::RemoveTags { tags: route.remove.clone() }, rule));
        }
        tags.extend(route.add.iter().cloned());
        tags.push(TAG_APPLIED.to_owned());
    }
    tags.push(intent_tag(facts.intent));
    tags.extend(facts.also.iter().map(|also| format!("mw-also-{}", also.tag_part())));
    for (set, tag) in
        [(facts.low, TAG_LOW), (facts.needs_human, TAG_NEEDS_HUMAN), (facts.answered, TAG_REPLIED)]
    {
        if set {
            tags.push(tag.to_owned());
        }
    }
    let rule = match facts.route {
        Some(route) if route.ours => format!("route {} → {}", facts.intent, route.team),
        Some(route) => format!("route {}: stays with {}, an agent has written", facts.intent, route.team),
        None => "mark as seen".to_owned(),
    };
    steps.extend(add_tags(&asked.ctx.ticket, tags, rule));
    steps
}

/// The tag of a primary intent.
pub(super) fn intent_tag(intent: &Intent) -> String {
    format!("mw-intent-{}", intent.tag_part())
}

/// One step for all tags that are not there yet; none when all are.
pub(super) fn add_tags(ticket: &Ticket, tags: Vec<String>, rule: String) -> Option<Planned> {
    let mut missing: Vec<String> = Vec::new();
    for tag in tags {
        if !tag.is_empty() && !ticket.has_tag(&tag) && !missing.contains(&tag) {
            missing.push(tag);
        }
    }
    (!missing.is_empty()).then(|| planned(Effect::AddTags { tags: missing }, rule))
}

pub(super) const fn planned(effect: Effect, rule: String) -> Planned {
    Planned { effect, rule }
}

fn after_answer(asked: &Asked<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    let policy = asked.policy;
    if let OrderFinding::Certain { linked: false, at, .. } = &asked.ctx.order
        && policy.attach_order
        && asked.needs_order()
    {
        let effect = Effect::AttachOrder { order: at.clone() };
        steps.push(planned(
            effect,
            "richpanel.attach_order: answered from an order found by its number".into(),
        ));
    }
    if !policy.custom_fields.is_empty() {
        let effect = Effect::CustomFields { fields: policy.custom_fields.clone() };
        steps.push(planned(effect, "richpanel.custom_fields: answered".into()));
    }
    if let Some(draft) = asked.draft().filter(|draft| draft.close) {
        steps.push(planned(Effect::Close, format!("replies.{}.close", draft.template)));
    }
    steps
}

fn for_people(asked: &Asked<'_>, facts: &Facts<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    let (ticket, policy) = (&asked.ctx.ticket, asked.policy);
    let level = &policy.automation.urgent_priority;
    let raised = ticket.priority.as_deref().is_some_and(|now| now.eq_ignore_ascii_case(level));
    if facts.needs_human && policy.automation.raise_priority && !raised {
        let effect = Effect::Priority { level: level.clone() };
        steps.push(planned(effect, "automation.raise_priority: urgent".into()));
    }
    let team = facts.route.filter(|route| route.ours).map(|route| route.team.as_str());
    let agent = team.and_then(|team| policy.team(team)).and_then(|team| team.assignee_id.as_deref());
    if let Some(agent) = agent
        && ticket.assignee.as_deref() != Some(agent)
        && (ticket.assignee.is_none() || policy.reroute_assigned)
    {
        let rule = format!("routing.teams.{}.assignee_id", team.unwrap_or_default());
        steps.push(planned(Effect::Assign { agent_id: agent.to_owned() }, rule));
    }
    if facts.needs_human && policy.automation.notes && !ticket.has_tag(TAG_NEEDS_HUMAN) {
        let body = format!("richpanel-mw: a person must look at this ticket. {}", facts.reason);
        steps.push(planned(Effect::Note { body }, "automation.notes: a person must look".into()));
    }
    steps
}
