//! The figures for people: what must never happen first, then how good the rest is.

use super::public::{self, Figure, Round, Worth};
use super::require::Judged;
use super::shop::{Answers, Report, Shown, Tally};
use crate::classify::model::measure::{ClassFigures, Mistake};
use crate::cli::print::{Screen, Table, Tone, clean, count, heading, paint, pair};

/// Messages of one kind that are listed; `--json` has them all.
const LISTED_MAX: usize = 30;
/// Intents of a public set that are listed.
const WORST_SHOWN: usize = 15;

/// `88.4 %`, or a dash where there is nothing to count.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".into(), |share| format!("{:.1} %", share * 100.0))
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}"))
}

/// `88.4 % (61 of 69)`.
fn tally(tally: Tally) -> String {
    if tally.of == 0 {
        return "none in the file".into();
    }
    format!("{} ({} of {})", percent(tally.share), tally.count, tally.of)
}

/// A count that must be zero.
fn must_be_zero(tally: Tally) -> String {
    if tally.of == 0 {
        return "none in the file".into();
    }
    let tone = if tally.count == 0 { Tone::Good } else { Tone::Bad };
    paint(tone, &format!("{} of {}", tally.count, tally.of))
}

/// `eval --data`.
pub(super) fn shop(report: &Report, screen: Screen) -> String {
    let mut text = pair("data", &format!("{} ({})", clean(&report.data), count(report.messages, "message")));
    text.push_str(&pair("classifier", &clean(&report.classifier)));
    if let Some(words) = report.flattered() {
        text.push_str(&pair("learned from", &paint(Tone::Warn, &words)));
    }
    text.push_str(&unknown(report));
    text.push_str(&answered(&report.answers, screen));
    text.push_str(&understood(report));
    text.push_str(&classes("intents", "intent", &report.by_intent, screen));
    text.push_str(&mistakes(&report.mistakes, screen));
    text.push_str(&listed("urgent messages that call nobody", &report.urgent.missed, screen));
    text.push_str(&listed("TRAPS that would be answered", &report.answers.traps_answered, screen));
    text.push_str(&listed("strangers that would be answered", &report.answers.strangers_answered, screen));
    text.push_str(&listed(
        "others that facts do not answer and that would be answered",
        &report.answers.others_answered,
        screen,
    ));
    text.push_str(&requirements(&report.requirements, screen));
    text
}

fn unknown(report: &Report) -> String {
    if report.unknown_intents.is_empty() {
        return String::new();
    }
    let names: Vec<String> =
        report.unknown_intents.iter().map(|(name, count)| format!("{} ({count})", clean(name))).collect();
    let all: usize = report.unknown_intents.values().sum();
    let words = format!(
        "{} of an intent that this configuration does not have, left out of the accuracy: {}",
        count(all, "message"),
        names.join(", ")
    );
    pair("unknown intents", &paint(Tone::Warn, &words))
}

fn answered(answers: &Answers, screen: Screen) -> String {
    let mut text = heading("would be answered");
    text.push_str(&pair("TRAPS", &must_be_zero(answers.traps)));
    text.push_str(&pair("strangers", &must_be_zero(answers.strangers)));
    text.push_str(&pair("other wrong", &must_be_zero(answers.others)));
    text.push_str(&pair("plain questions", &tally(answers.plain)));
    if !answers.plain_stopped_by.is_empty() {
        let mut gates: Vec<(&String, &usize)> = answers.plain_stopped_by.iter().collect();
        gates.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let mut table = Table::new(&["plain questions stopped by", "messages"]);
        for (gate, count) in gates {
            table.row(vec![(Tone::Plain, gate.clone()), (Tone::Plain, count.to_string())]);
        }
        text.push_str(&table.render(screen));
    }
    text
}

fn understood(report: &Report) -> String {
    let Report { accuracy, urgent, calibration, risk_coverage, latency_ms, .. } = report;
    let mut text = heading("understood");
    text.push_str(&pair("accuracy", &tally(accuracy.all)));
    if accuracy.other_languages.of > 0 {
        text.push_str(&pair("  English", &tally(accuracy.english)));
        text.push_str(&pair("  others", &tally(accuracy.other_languages)));
        for (language, one) in accuracy.by_language.iter().filter(|(code, _)| *code != "en") {
            text.push_str(&pair(&format!("    {}", clean(language)), &tally(*one)));
        }
    }
    text.push_str(&pair("P0 caught", &tally(urgent.recall)));
    text.push_str(&pair("P0 false", &tally(urgent.false_alarms)));
    if urgent.look_alikes.of > 0 {
        text.push_str(&pair("  look-alikes", &tally(urgent.look_alikes)));
    }
    if report.strangers_kept_out.of > 0 {
        text.push_str(&pair("strangers", &format!("{} read as other", tally(report.strangers_kept_out))));
    }
    let off = format!("{} between confidence and truth (mean)", percent(calibration.error));
    text.push_str(&pair("calibration", &off));
    let area = format!("{} wrong, mean over every coverage", percent(risk_coverage.area));
    text.push_str(&pair("risk-coverage", &area));
    let ms = |value| figure(value, 1);
    let latency = format!(
        "median {} ms, 95 % under {} ms, longest {} ms",
        ms(latency_ms.median),
        ms(latency_ms.p95),
        ms(latency_ms.max)
    );
    text.push_str(&pair("latency", &latency));
    text
}

/// A table of classes.
pub(super) fn classes(title: &str, what: &'static str, classes: &[ClassFigures], screen: Screen) -> String {
    let mut table = Table::new(&[what, "messages", "read as", "precision", "recall", "F1"]);
    for one in classes {
        let tone = if one.recall.is_some_and(|recall| recall < 0.7) { Tone::Warn } else { Tone::Plain };
        table.row(vec![
            (Tone::Plain, clean(&one.class)),
            (Tone::Plain, one.support.to_string()),
            (Tone::Plain, one.read_as.to_string()),
            (Tone::Plain, percent(one.precision)),
            (tone, percent(one.recall)),
            (Tone::Plain, percent(one.f1)),
        ]);
    }
    format!("{}{}", heading(title), table.render(screen))
}

/// The most frequent mistakes.
pub(super) fn mistakes(mistakes: &[Mistake], screen: Screen) -> String {
    if mistakes.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["is", "was read as", "messages"]);
    for one in mistakes {
        table.row(vec![
            (Tone::Plain, clean(&one.said)),
            (Tone::Plain, clean(&one.read)),
            (Tone::Plain, one.count.to_string()),
        ]);
    }
    format!("{}{}", heading("most frequent mistakes"), table.render(screen))
}

fn listed(title: &str, shown: &[Shown], screen: Screen) -> String {
    if shown.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["line", "is", "read as", "sure", "text"]);
    for one in shown.iter().take(LISTED_MAX) {
        table.row(vec![
            (Tone::Plain, one.line.to_string()),
            (Tone::Plain, clean(&one.said)),
            (Tone::Plain, clean(&one.read)),
            (Tone::Plain, percent(Some(one.confidence))),
            (Tone::Plain, clean(&one.text)),
        ]);
    }
    let more = shown.len().saturating_sub(LISTED_MAX);
    let rest = if more > 0 { format!("and {more} more (--json lists all)\n") } else { String::new() };
    format!("{}{}{rest}", heading(title), table.render(screen))
}

/// What had to be met.
pub(super) fn requirements(requirements: &[Judged], screen: Screen) -> String {
    if requirements.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["required", "measured", "verdict"]);
    for one in requirements {
        let (tone, word) = if one.met { (Tone::Good, "met") } else { (Tone::Bad, "NOT MET") };
        let value =
            one.value.map_or_else(|| "nothing to count in the file".into(), |value| format!("{value:.4}"));
        table.row(vec![(Tone::Plain, clean(&one.requirement)), (Tone::Plain, value), (tone, word.into())]);
    }
    format!("{}{}", heading("requirements"), table.render(screen))
}

/// `93.7 % ± 0.4`.
fn spread(figure: Option<Figure>) -> String {
    figure.map_or_else(
        || "-".into(),
        |figure| format!("{} ± {:.1}", percent(Some(figure.mean)), figure.spread * 100.0),
    )
}

/// `eval --train --test`.
pub(super) fn public(report: &public::Report, screen: Screen) -> String {
    let one = report.rounds.len() == 1;
    let share = |figure: Option<Figure>| {
        if one { percent(figure.map(|figure| figure.mean)) } else { spread(figure) }
    };
    let mut text =
        pair("trained on", &format!("{} ({})", clean(&report.train), count(report.classes, "intent")));
    text.push_str(&pair(
        "measured on",
        &format!("{} ({})", clean(&report.test), count(report.test_messages, "message")),
    ));
    text.push_str(&pair("embedding", report.embedding.as_deref().unwrap_or("none: n-grams alone")));
    if !report.unknown_intents.is_empty() {
        let names: Vec<String> = report.unknown_intents.iter().map(|name| clean(name)).collect();
        let words = format!("never learned, so always wrong: {}", names.join(", "));
        text.push_str(&pair("unknown intents", &paint(Tone::Warn, &words)));
    }
    text.push_str(&heading(if one { "figures" } else { "figures, mean and spread over the draws" }));
    text.push_str(&pair("accuracy", &share(report.accuracy)));
    text.push_str(&worth(report, &share));
    text.push_str(&pair("calibration", &format!("{} off", share(report.calibration_error))));
    text.push_str(&rounds(&report.rounds, screen));
    text.push_str(&mistakes(&report.mistakes, screen));
    let mut worst = report.by_intent.clone();
    worst.sort_by(|a, b| a.f1.unwrap_or(0.0).total_cmp(&b.f1.unwrap_or(0.0)).then(a.class.cmp(&b.class)));
    worst.truncate(WORST_SHOWN);
    text.push_str(&classes("weakest intents (--json lists all)", "intent", &worst, screen));
    text.push_str(&requirements(&report.requirements, screen));
    text
}

/// What the scores tell, familiarity first, and what the threshold promises.
fn worth(report: &public::Report, share: &dyn Fn(Option<Figure>) -> String) -> String {
    let mut text = String::new();
    let Worth { auroc, coverage, precision } = &report.worth;
    let plain = &report.by_probability;
    if let (Some(auroc), Some(other)) = (auroc, plain.auroc) {
        let strangers = count(report.strangers, "message");
        let words = format!("AUROC {:.4} against {strangers}; by probability {:.4}", auroc.mean, other.mean);
        text.push_str(&pair("strangers", &words));
    }
    if coverage.is_some() {
        let promise = format!("{} promised", percent(Some(report.target)));
        let words = format!("{} answered, {} of them right ({promise})", share(*coverage), share(*precision));
        text.push_str(&pair("threshold", &words));
        let words = format!("{} answered, {} of them right", share(plain.coverage), share(plain.precision));
        text.push_str(&pair("  probability", &words));
    }
    if report.stranger_weight > 1.0 {
        let (weight, counted) = (report.stranger_weight, percent(report.strangers_counted));
        let words =
            format!("each of the validation set counts as {weight:.2}, so that they make {counted} of it");
        text.push_str(&pair("  strangers", &words));
    }
    if let (Some(counted), Some(asked)) = (report.strangers_counted, report.strangers_in_test)
        && counted + 1e-9 < asked
    {
        let words = format!(
            "the threshold was chosen among {} strangers and asked among {}: its promise holds where they are as rare",
            percent(Some(counted)),
            percent(Some(asked))
        );
        text.push_str(&pair("", &paint(Tone::Warn, &words)));
    }
    text
}

fn rounds(rounds: &[Round], screen: Screen) -> String {
    let mut table = Table::new(&["draw", "examples", "accuracy", "AUROC", "from score", "answered", "right"]);
    for round in rounds {
        let proven = round.gate.threshold.as_ref();
        table.row(vec![
            (Tone::Plain, round.seed.map_or_else(|| "all".into(), |seed| seed.to_string())),
            (Tone::Plain, round.examples.to_string()),
            (Tone::Plain, percent(round.accuracy)),
            (Tone::Plain, figure(round.gate.auroc, 4)),
            (Tone::Plain, figure(proven.map(|carried| carried.chosen.at), 4)),
            (Tone::Plain, percent(proven.and_then(|carried| carried.test.coverage))),
            (Tone::Plain, percent(proven.and_then(|carried| carried.test.precision))),
        ]);
    }
    let mut refused = rounds.iter().filter_map(|round| round.gate.refused.as_ref());
    let why = refused.next().map_or_else(String::new, |why| pair("no threshold", &clean(why)));
    format!("{}{}{why}", heading("trainings"), table.render(screen))
}
