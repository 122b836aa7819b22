//! From configuration to [`Policy`]: the starter pack with the file merged over it, and everything wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::{IntentPolicy, Policy};
use crate::config::starter_translations::translations;
use crate::config::{Config, IntentSettings, MayAnswer, ReplyTexts, Team, starter};
use crate::event::{Intent, Mode};
use crate::reply::render::translation;
use crate::reply::{Ask, Calendar, Reply, values::FIXED_VARIABLES};

/// The intents' priority that facts may answer (intents, the table: P4).
const FACTS_PRIORITY: u8 = 4;

pub(super) fn policy(config: &Config, mode: Mode) -> Result<Policy, Vec<String>> {
    let mut errors = Vec::new();
    let calendar = Calendar::new(&config.shop).map_err(|wrong| errors.extend(wrong)).ok();
    let teams = teams(config, &mut errors);
    let intents = intents(config, &teams, &mut errors);
    let replies = replies(config, &mut errors);
    figures(config, &mut errors);
    let Some(calendar) = calendar else { return Err(errors) };
    let policy = Policy {
        mode,
        canary_percent: config.rollout.canary_percent,
        hold_ms: config.rollout.hold_seconds.saturating_mul(1000),
        hold_live_chat_ms: config.rollout.hold_seconds_live_chat.saturating_mul(1000),
        gates: config.gates.clone(),
        limits: config.limits.clone(),
        automation: config.automation.clone(),
        reroute_assigned: config.routing.reroute_assigned,
        attach_order: config.richpanel.attach_order,
        custom_fields: config.richpanel.custom_fields.clone(),
        calendar,
        replies,
        restored_at: None,
        writer: match config.richpanel.bot_agent_id.as_deref().map(str::trim) {
            Some(id) if !id.is_empty() => Ok(()),
            _ => Err("richpanel.bot_agent_id is not set: there is no agent to write as".to_owned()),
        },
        intents,
        teams,
        default_team: config.routing.default.clone(),
    };
    answers(&policy, config, &mut errors);
    if errors.is_empty() { Ok(policy) } else { Err(errors) }
}

fn teams(config: &Config, errors: &mut Vec<String>) -> BTreeMap<String, Team> {
    let mut teams = starter::teams();
    teams.extend(config.routing.teams.clone());
    let mut tags = BTreeSet::new();
    for (name, team) in &teams {
        if team.tag.trim().is_empty() || team.tag.trim() != team.tag {
            errors
                .push(format!("routing.teams.{name}.tag: \"{}\" is empty or has spaces around it", team.tag));
        }
        if team.tag.starts_with("mw-") {
            errors.push(format!(
                "routing.teams.{name}.tag: \"{}\": tags in mw- are the daemon's own",
                team.tag
            ));
        }
        if !tags.insert(&team.tag) {
            errors.push(format!("routing.teams.{name}.tag: \"{}\" is another team's tag too", team.tag));
        }
    }
    if !teams.contains_key(&config.routing.default) {
        errors.push(format!("routing.default: there is no team \"{}\"", config.routing.default));
    }
    teams
}

fn intents(
    config: &Config,
    teams: &BTreeMap<String, Team>,
    errors: &mut Vec<String>,
) -> BTreeMap<Intent, IntentPolicy> {
    let mut intents: BTreeMap<Intent, IntentPolicy> = starter::INTENTS
        .iter()
        .map(|known| {
            let policy = IntentPolicy {
                priority: known.priority,
                team: known.team.to_owned(),
                may_answer: known.may_answer,
                reply: known.reply.map(str::to_owned),
                reply_confidence: None,
            };
            (Intent::from(known.name), policy)
        })
        .collect();
    for (name, settings) in &config.intents.0 {
        if settings.enabled == Some(false) {
            intents.remove(name);
            continue;
        }
        match merged(name, intents.get(name), settings) {
            Ok(policy) => {
                intents.insert(name.clone(), policy);
            }
            Err(error) => errors.push(error),
        }
    }
    for (name, policy) in &intents {
        if !teams.contains_key(&policy.team) {
            errors.push(format!("intents.{name}.team: there is no team \"{}\"", policy.team));
        }
        if policy.priority > 7 {
            errors.push(format!("intents.{name}.priority: {} is not between 0 and 7", policy.priority));
        }
        if let Some(value) = policy.reply_confidence.filter(|value| !(0.5..=1.0).contains(value)) {
            errors.push(format!("intents.{name}.reply_confidence: {value} is not between 0.5 and 1"));
        }
        errors.extend(forbidden(name, policy));
    }
    intents
}

fn merged(
    name: &Intent,
    known: Option<&IntentPolicy>,
    settings: &IntentSettings,
) -> Result<IntentPolicy, String> {
    let needs = |what: &str| {
        format!("intents.{name}: is not in the starter pack and needs a {what} (or is its name misspelt?)")
    };
    let team = settings.team.clone().or_else(|| known.map(|known| known.team.clone()));
    Ok(IntentPolicy {
        priority: settings.priority.or(known.map(|known| known.priority)).ok_or_else(|| needs("priority"))?,
        team: team.ok_or_else(|| needs("team"))?,
        may_answer: settings.may_answer.or(known.map(|known| known.may_answer)).unwrap_or(MayAnswer::Never),
        reply: settings.reply.clone().or_else(|| known.and_then(|known| known.reply.clone())),
        reply_confidence: settings.reply_confidence,
    })
}

/// Answers that no configuration can allow.
fn forbidden(name: &Intent, policy: &IntentPolicy) -> Option<String> {
    let starter = starter::INTENTS.iter().find(|known| known.name == name.as_str());
    if policy.may_answer == MayAnswer::Never {
        return None;
    }
    if policy.priority == 0 {
        return Some(format!("intents.{name}.may_answer: an intent of priority 0 is never answered"));
    }
    if starter.is_some_and(|known| known.may_answer == MayAnswer::Never) {
        return Some(format!("intents.{name}.may_answer: {name} is never answered, only routed"));
    }
    let facts = policy.may_answer == MayAnswer::Facts;
    let factual = starter.is_none_or(|known| known.may_answer == MayAnswer::Facts);
    (facts && (policy.priority != FACTS_PRIORITY || !factual)).then(|| {
        format!(
            "intents.{name}.may_answer: facts may only answer order_status, shipping_delay and a shop's own \
             intents, all of priority {FACTS_PRIORITY}; {name} has priority {}",
            policy.priority
        )
    })
}

/// The shop's texts over those of the starter pack. A starter text that the shop left as it is stands in the other
/// languages too; one that it wrote anew does not, or they would say something else.
fn replies(config: &Config, errors: &mut Vec<String>) -> BTreeMap<String, Reply> {
    let starter = starter::replies();
    let untouched = |name: &str| config.replies.0.get(name).is_none_or(|own| starter.get(name) == Some(own));
    let mut texts: BTreeMap<String, ReplyTexts> = BTreeMap::new();
    for name in starter.keys().filter(|name| untouched(name)) {
        texts.extend(translations(name).map(|texts| (translation(name, &texts.language), texts)));
    }
    texts.extend(starter);
    texts.extend(config.replies.0.clone());
    texts
        .iter()
        .filter_map(|(name, texts)| {
            let reply = Reply::compile(name, texts).map_err(|wrong| errors.extend(wrong)).ok()?;
            Some((name.clone(), reply))
        })
        .collect()
}

/// Intents whose answer has no text, and texts that ask for what they cannot have.
fn answers(policy: &Policy, config: &Config, errors: &mut Vec<String>) {
    let written = |name: &str| policy.replies.contains_key(name) || config.replies.0.contains_key(name);
    for (name, _) in policy.intents() {
        let Ok(ask) = policy.ask(name) else { continue };
        match ask {
            Ask::Facts(prefix) => {
                let any = ["_shipped", "_out_for_delivery", "_not_shipped"];
                if !any.iter().any(|suffix| written(&format!("{prefix}{suffix}"))) {
                    errors.push(format!(
                        "intents.{name}.reply: there is no text [replies.{prefix}_shipped], \
                         [replies.{prefix}_out_for_delivery] or [replies.{prefix}_not_shipped]"
                    ));
                }
            }
            Ask::Fixed(reply) => {
                if !written(reply) {
                    errors.push(format!("intents.{name}.reply: there is no text [replies.{reply}]"));
                }
                if let Some(text) = policy.replies.get(reply) {
                    let used = text.email.variables().into_iter().chain(text.chat.variables());
                    let strange: BTreeSet<&str> =
                        used.filter(|variable| !FIXED_VARIABLES.contains(variable)).collect();
                    errors.extend(strange.into_iter().map(|variable| {
                        format!("replies.{reply}: {{{variable}}} is not for the text of {name}, which reads no order out")
                    }));
                }
            }
        }
    }
}

fn figures(config: &Config, errors: &mut Vec<String>) {
    let gates = &config.gates;
    for (key, value) in [
        ("route_confidence", gates.route_confidence),
        ("reply_confidence", gates.reply_confidence),
        ("also_confidence", gates.also_confidence),
    ] {
        if !(0.0..=1.0).contains(&value) {
            errors.push(format!("gates.{key}: {value} is not between 0 and 1"));
        }
    }
    if gates.reply_languages.is_empty() {
        errors.push(
            "gates.reply_languages: is empty; name at least one, or set rollout.mode to \"route\" to answer nothing"
                .to_owned(),
        );
    }
    for code in &gates.reply_languages {
        if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
            errors.push(format!("gates.reply_languages: \"{code}\" is no language code such as \"en\""));
        }
    }
    if !(1..=60).contains(&gates.tracking_stall_days) {
        errors.push(format!(
            "gates.tracking_stall_days: {} is not between 1 and 60",
            gates.tracking_stall_days
        ));
    }
    let percent = config.rollout.canary_percent;
    if !(0.0..=100.0).contains(&percent) {
        errors.push(format!("rollout.canary_percent: {percent} is not between 0 and 100"));
    }
}
