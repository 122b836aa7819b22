//! The report as one file for a browser: no script, nothing fetched, every word of a customer escaped.

use std::fmt::Write as _;

use super::grids;
use super::plots::{self, Plot, escaped};
use super::require::Judged;
use super::show::percent;
use super::{public, shop};

const STYLE: &str = include_str!("report.css");
/// Messages of one kind that are listed.
const LISTED_MAX: usize = 200;

/// A figure beside its name; `Some(good)` colours it.
struct Fact {
    name: &'static str,
    value: String,
    good: Option<bool>,
}

fn fact(name: &'static str, value: String) -> Fact {
    Fact { name, value, good: None }
}

struct Page<'a> {
    title: &'a str,
    about: String,
    facts: Vec<Fact>,
    requirements: &'a [Judged],
    plots: Vec<Plot>,
    lists: Vec<(&'static str, &'a [shop::Shown])>,
}

/// `eval --data`.
pub(super) fn shop(report: &shop::Report) -> String {
    let share = |tally: shop::Tally| match tally.of {
        0 => "none in the file".to_owned(),
        of => format!("{} ({} of {of})", percent(tally.share), tally.count),
    };
    let zero = |name, tally: shop::Tally| match tally.of {
        0 => fact(name, "none in the file".into()),
        of => Fact { name, value: format!("{} of {of}", tally.count), good: Some(tally.count == 0) },
    };
    let shop::Report { answers, accuracy, urgent, latency_ms, .. } = report;
    let ms = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.1} ms"));
    let mut facts = vec![
        zero("traps answered", answers.traps),
        zero("strangers answered", answers.strangers),
        zero("other wrong answers", answers.others),
        fact("plain questions answered", share(answers.plain)),
        fact("accuracy", share(accuracy.all)),
        fact("accuracy, English", share(accuracy.english)),
        fact("accuracy, other languages", share(accuracy.other_languages)),
        fact("P0 caught", share(urgent.recall)),
        fact("P0 false alarms", share(urgent.false_alarms)),
        fact("strangers read as other", share(report.strangers_kept_out)),
        fact("latency, median", ms(latency_ms.median)),
        fact("latency, 95 % under", ms(latency_ms.p95)),
        fact("latency, longest", ms(latency_ms.max)),
    ];
    if let Some(value) = report.flattered() {
        facts.push(Fact { name: "learned from", value, good: Some(false) });
    }
    if !report.unknown_intents.is_empty() {
        let names: Vec<String> =
            report.unknown_intents.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        let value = format!("left out: {}", names.join(", "));
        facts.push(Fact { name: "unknown intents", value, good: Some(false) });
    }
    render(&Page {
        title: "How good are its decisions?",
        about: format!("{} messages of {}, classifier {}", report.messages, report.data, report.classifier),
        facts,
        requirements: &report.requirements,
        plots: vec![
            plots::reliability(&report.calibration.bins, report.calibration.error),
            plots::risk(&report.risk_coverage.points, report.risk_coverage.area, None),
            grids::classes(&report.by_intent),
            grids::confusion(&report.confusion),
        ],
        lists: vec![
            ("Traps that would be answered", &answers.traps_answered),
            ("Strangers that would be answered", &answers.strangers_answered),
            ("Others that facts do not answer and that would be answered", &answers.others_answered),
            ("Urgent messages that call nobody", &urgent.missed),
        ],
    })
}

/// `eval --train --test`.
pub(super) fn public(report: &public::Report) -> String {
    let share = |figure: Option<public::Figure>| match figure {
        None => "-".to_owned(),
        Some(figure) if report.rounds.len() == 1 => percent(Some(figure.mean)),
        Some(figure) => format!("{} ± {:.1}", percent(Some(figure.mean)), figure.spread * 100.0),
    };
    let auroc = report.worth.auroc.map_or_else(|| "-".into(), |auroc| format!("{:.4}", auroc.mean));
    let promise = percent(Some(report.target));
    let facts = vec![
        fact("accuracy", share(report.accuracy)),
        fact("strangers told apart (AUROC)", auroc),
        fact("answered from the chosen threshold on", share(report.worth.coverage)),
        fact("of those right", format!("{} ({promise} promised)", share(report.worth.precision))),
        fact("calibration error", share(report.calibration_error)),
        fact("trainings", report.rounds.len().to_string()),
        fact("embedding", report.embedding.clone().unwrap_or_else(|| "none: n-grams alone".into())),
    ];
    let chosen = report.rounds.first().and_then(|round| round.gate.threshold.as_ref());
    render(&Page {
        title: "How good is the model on this set?",
        about: format!(
            "trained on {} ({} intents), measured on {} ({} messages and {} strangers)",
            report.train, report.classes, report.test, report.test_messages, report.strangers
        ),
        facts,
        requirements: &report.requirements,
        plots: vec![
            plots::reliability(&report.bins, report.calibration_error.map(|figure| figure.mean)),
            plots::risk(&report.points, report.area, chosen.and_then(|carried| carried.test.coverage)),
            grids::classes(&report.by_intent),
            grids::confusion(&report.confusion),
        ],
        lists: vec![],
    })
}

fn render(page: &Page<'_>) -> String {
    let title = escaped(page.title);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{}</p>\n<dl>\n",
        escaped(&page.about)
    );
    for fact in &page.facts {
        let class = match fact.good {
            None => "",
            Some(true) => " class=\"good\"",
            Some(false) => " class=\"bad\"",
        };
        let _ = writeln!(html, "<div><dt>{}</dt><dd{class}>{}</dd></div>", fact.name, escaped(&fact.value));
    }
    html.push_str("</dl>\n");
    html.push_str(&requirements(page.requirements));
    for plot in &page.plots {
        let _ = writeln!(
            html,
            "<figure>\n<h2>{}</h2>\n{}\n<figcaption>{}</figcaption>\n</figure>",
            escaped(&plot.title),
            plot.svg,
            plot.reading
        );
    }
    for (title, shown) in page.lists.iter().filter(|(_, shown)| !shown.is_empty()) {
        html.push_str(&list(title, shown));
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn requirements(requirements: &[Judged]) -> String {
    if requirements.is_empty() {
        return String::new();
    }
    let mut html =
        "<h2>What was required</h2>\n<table>\n<tr><th>required</th><th>measured</th><th></th></tr>\n"
            .to_owned();
    for one in requirements {
        let value = one.value.map_or_else(|| "nothing to count".into(), |value| format!("{value:.4}"));
        let (class, word) = if one.met { ("good", "met") } else { ("bad", "not met") };
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td>{value}</td><td class=\"{class}\">{word}</td></tr>",
            escaped(&one.requirement)
        );
    }
    format!("{html}</table>\n")
}

fn list(title: &str, shown: &[shop::Shown]) -> String {
    let mut html = format!(
        "<h2>{title} ({})</h2>\n<table>\n\
         <tr><th>line</th><th>it is</th><th>read as</th><th>sure</th><th>text</th></tr>\n",
        shown.len()
    );
    for one in shown.iter().take(LISTED_MAX) {
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            one.line,
            escaped(&one.said),
            escaped(&one.read),
            percent(Some(one.confidence)),
            escaped(&one.text)
        );
    }
    html.push_str("</table>\n");
    let more = shown.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        let _ = writeln!(html, "<p>and {more} more</p>");
    }
    html
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
