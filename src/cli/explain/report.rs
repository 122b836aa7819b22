//! A decision for people; `show` prints with it too.

use super::answer::Answer;
use crate::classify::{Explanation, Spoken};
use crate::cli::events::percent;
use crate::cli::print::{Screen, Table, Tone, clean, clean_lines, cut, heading, paint, pair};
use crate::decide::{Decision, Gate};
use crate::reply::Draft;

/// Characters of the new text that are shown.
const TEXT_CHARS_MAX: usize = 600;

/// Everything about one message.
pub(super) fn page(answer: &Answer, screen: Screen) -> String {
    let decision = &answer.decision;
    let mut text = understood(decision);
    text.push_str(&pair("new text", &cut(&answer.new_text, TEXT_CHARS_MAX)));
    text.push_str(&pair(
        "order number",
        answer.order_number.as_deref().map_or("none".into(), clean).as_str(),
    ));
    if let Some(said) = &answer.second_opinion {
        text.push_str(&pair("second opinion", &clean(said)));
    }
    text.push_str(&pair("reason", &clean(&decision.reason)));
    if let Some(explanation) = &answer.explanation {
        text.push_str(&background(explanation, screen));
    }
    text.push_str(&gates(&decision.gates, screen));
    text.push_str(&reply(decision.draft.as_ref(), decision.send, screen));
    text
}

/// What was understood and where it goes.
pub(in crate::cli) fn understood(decision: &Decision) -> String {
    let names = |intents: &[crate::event::Intent]| {
        intents.iter().map(|intent| clean(intent.as_str())).collect::<Vec<_>>().join(", ")
    };
    let intent =
        format!("{} {}", paint(Tone::Strong, &clean(decision.intent.as_str())), percent(decision.confidence));
    let mut text = pair("intent", &intent);
    if !decision.also.is_empty() {
        text.push_str(&pair("also", &names(&decision.also)));
    }
    let mut title = "spoke for it";
    for why in &decision.why {
        text.push_str(&pair(title, &cut(why, 120)));
        title = "";
    }
    let route = decision.team.as_deref().map_or_else(|| "nobody: nothing is routed".to_owned(), clean);
    text.push_str(&pair("route", &route));
    text
}

/// What the trained model knows of such messages.
fn background(explanation: &Explanation, screen: Screen) -> String {
    let words = |spoken: &[Spoken]| {
        let words: Vec<String> =
            spoken.iter().map(|one| format!("{} ({:+.2})", clean(&one.words), one.weight)).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    let mut text = pair("words for it", &words(&explanation.spoken_for));
    text.push_str(&pair("words against", &words(&explanation.spoken_against)));
    if explanation.nearest.is_empty() {
        return text;
    }
    let mut table = Table::new(&["alike", "intent", "example"]);
    for near in &explanation.nearest {
        table.row(vec![
            (Tone::Plain, format!("{:.2}", near.likeness)),
            (Tone::Plain, clean(&near.intent)),
            (Tone::Plain, cut(&near.text, 100)),
        ]);
    }
    format!("{text}{}{}", heading("nearest examples"), table.render(screen))
}

/// Every gate with its verdict.
pub(in crate::cli) fn gates(gates: &[Gate], screen: Screen) -> String {
    let mut table = Table::new(&["gate", "verdict", "why"]);
    for gate in gates {
        let (tone, verdict) = match (gate.passed, gate.reason.starts_with("not asked")) {
            (false, _) => (Tone::Bad, "stops"),
            (true, true) => (Tone::Dim, "-"),
            (true, false) => (Tone::Good, "passes"),
        };
        table.row(vec![
            (Tone::Plain, gate.gate.clone()),
            (tone, verdict.into()),
            (Tone::Plain, cut(&gate.reason, 200)),
        ]);
    }
    format!("{}{}", heading("gates"), table.render(screen))
}

/// The reply line by line, with the source of every fact in it.
pub(in crate::cli) fn reply(draft: Option<&Draft>, sent: bool, screen: Screen) -> String {
    let Some(draft) = draft else { return format!("{}none\n", heading("reply")) };
    let title = if sent { "reply" } else { "reply as it would be, stopped by the gates" };
    let close = if draft.close { ", then the ticket is closed" } else { "" };
    let mut text = heading(&format!("{title} ({}{close})", clean(&draft.template)));
    for line in clean_lines(&draft.text) {
        text.push_str(format!("  | {line}").trim_end());
        text.push('\n');
    }
    let mut table = Table::new(&["fact", "value", "source"]);
    for fact in &draft.facts {
        table.row(vec![
            (Tone::Plain, fact.name.clone()),
            (Tone::Plain, cut(&fact.value, 80)),
            (Tone::Dim, clean(&fact.source)),
        ]);
    }
    text.push_str(&heading("facts"));
    text.push_str(&table.render(screen));
    text
}
