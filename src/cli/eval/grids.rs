//! Drawings with a row a class: what was taken for what, and how good each class is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::plots::{CLASSES_MAX, Plot, escaped, open, percent};
use crate::classify::model::measure::{ClassFigures, Confusion};

/// A cell of the heat map, and room for the names, in pixels.
const CELL: f64 = 21.0;
const NAMES: f64 = 172.0;
/// Characters of a name that fit there.
const NAME_CHARS: usize = 26;

fn name(class: &str) -> String {
    let short: String = class.chars().take(NAME_CHARS).collect();
    escaped(&short)
}

/// The classes that are drawn: all, or those with the most mistakes when there are too many to name.
fn drawn(confusion: &Confusion) -> Vec<usize> {
    let all: Vec<usize> = (0..confusion.classes.len()).collect();
    if all.len() <= CLASSES_MAX {
        return all;
    }
    let mut wrong: BTreeMap<usize, usize> = BTreeMap::new();
    for (row, counts) in confusion.counts.iter().enumerate() {
        for (column, count) in
            counts.iter().enumerate().filter(|(column, count)| *column != row && **count > 0)
        {
            *wrong.entry(row).or_default() += count;
            *wrong.entry(column).or_default() += count;
        }
    }
    let mut most: Vec<(usize, usize)> = wrong.into_iter().collect();
    most.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut kept: Vec<usize> = most.into_iter().take(CLASSES_MAX).map(|(place, _)| place).collect();
    kept.sort_unstable();
    kept
}

/// The confusion matrix as a heat map.
pub(super) fn confusion(confusion: &Confusion) -> Plot {
    let title = "What is taken for what?";
    let kept = drawn(confusion);
    let side = NAMES + kept.len() as f64 * CELL;
    let mut svg = open(side + 8.0, side + 8.0, title);
    for (place, class) in kept.iter().filter_map(|at| confusion.classes.get(*at)).enumerate() {
        let middle = NAMES + (place as f64 + 0.5) * CELL;
        let _ = writeln!(
            svg,
            "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\
             <text class=\"small\" transform=\"translate({:.1} {:.1}) rotate(-90)\">{name}</text>",
            NAMES - 6.0,
            middle + 4.0,
            middle + 4.0,
            NAMES - 6.0,
            name = name(class),
        );
    }
    for (y, row) in kept.iter().filter_map(|at| confusion.counts.get(*at).map(|row| (at, row))).enumerate() {
        let (own, counts) = row;
        let all: usize = counts.iter().sum();
        for (x, column) in kept.iter().enumerate() {
            let count = counts.get(*column).copied().unwrap_or_default();
            let share = count as f64 / all.max(1) as f64;
            let _ = write!(
                svg,
                "{}",
                cell(NAMES + x as f64 * CELL, NAMES + y as f64 * CELL, count, share, own == column)
            );
        }
        svg.push('\n');
    }
    let _ = write!(
        svg,
        "<text class=\"axis\" x=\"{:.1}\" y=\"14\" text-anchor=\"end\">read as →</text>\
         <text class=\"axis\" x=\"4\" y=\"{:.1}\">it is ↓</text></svg>",
        NAMES - 6.0,
        NAMES - 10.0
    );
    let shown = if kept.len() < confusion.classes.len() {
        format!(" Drawn are the {} intents with the most mistakes.", kept.len())
    } else {
        String::new()
    };
    Plot { title: title.into(), svg, reading: format!("{}{shown}", confusion_reading(confusion)) }
}

fn cell(x: f64, y: f64, count: usize, share: f64, own: bool) -> String {
    let class = if own { "hit" } else { "miss" };
    let strength = if count == 0 { 0.0 } else { 0.15 + 0.6 * share };
    let text = if count == 0 {
        String::new()
    } else {
        format!(
            "<text class=\"count\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{count}</text>",
            x + CELL / 2.0,
            y + CELL / 2.0 + 3.5
        )
    };
    format!(
        "<rect class=\"empty\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{0:.1}\" height=\"{0:.1}\"/>\
         <rect class=\"{class}\" fill-opacity=\"{strength:.2}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{0:.1}\" \
         height=\"{0:.1}\"/>{text}",
        CELL - 1.0
    )
}

fn confusion_reading(confusion: &Confusion) -> String {
    let Some(worst) = confusion.mistakes(1).into_iter().next() else {
        return "Nothing was taken for anything else.".into();
    };
    let place = confusion.classes.iter().position(|class| *class == worst.said);
    let all: usize = place.and_then(|place| confusion.counts.get(place)).map_or(0, |row| row.iter().sum());
    format!(
        "A row is what a message is, a column what it was read as; the most frequent mistake is {} read as {} ({} of \
         {all}).",
        escaped(&worst.said),
        escaped(&worst.read),
        worst.count
    )
}

/// Precision and recall of each class.
pub(super) fn classes(all: &[ClassFigures]) -> Plot {
    const ROW: f64 = 24.0;
    const BARS: f64 = 400.0;
    let title = "How good is it at each intent?";
    let mut kept: Vec<&ClassFigures> = all.iter().filter(|one| one.support > 0).collect();
    kept.sort_by(|a, b| a.f1.unwrap_or(0.0).total_cmp(&b.f1.unwrap_or(0.0)).then(a.class.cmp(&b.class)));
    let weakest: Vec<String> = kept
        .iter()
        .take(3)
        .map(|one| format!("{} ({})", escaped(&one.class), percent(one.f1.unwrap_or(0.0))))
        .collect();
    let left_out = kept.len().saturating_sub(CLASSES_MAX);
    kept.truncate(CLASSES_MAX);
    let height = 34.0 + kept.len() as f64 * ROW;
    let mut svg = open(NAMES + BARS + 130.0, height + 8.0, title);
    let _ = writeln!(
        svg,
        "<rect class=\"recall\" x=\"{NAMES}\" y=\"4\" width=\"12\" height=\"9\"/>\
         <text class=\"small\" x=\"{:.1}\" y=\"13\">recall: of those that are, found</text>\
         <rect class=\"precision\" x=\"{:.1}\" y=\"4\" width=\"12\" height=\"9\"/>\
         <text class=\"small\" x=\"{:.1}\" y=\"13\">precision: of those read as it, right</text>",
        NAMES + 18.0,
        NAMES + 216.0,
        NAMES + 234.0
    );
    for (place, one) in kept.iter().enumerate() {
        let y = 28.0 + place as f64 * ROW;
        let (recall, precision) = (one.recall.unwrap_or(0.0), one.precision.unwrap_or(0.0));
        let _ = writeln!(
            svg,
            "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"empty\" x=\"{NAMES}\" y=\"{y:.1}\" width=\"{BARS}\" height=\"18\"/>\
             <rect class=\"recall\" x=\"{NAMES}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"9\"/>\
             <rect class=\"precision\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{:.1}\" height=\"9\"/>\
             <text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{:.0} / {:.0} % of {}</text>",
            NAMES - 6.0,
            y + 13.0,
            name(&one.class),
            recall * BARS,
            y + 9.0,
            precision * BARS,
            NAMES + BARS + 6.0,
            y + 13.0,
            recall * 100.0,
            precision * 100.0,
            one.support
        );
    }
    svg.push_str("</svg>");
    let rest = if left_out > 0 { format!(" {left_out} better ones are left out.") } else { String::new() };
    let reading = if weakest.is_empty() {
        "There is nothing to count in the file.".to_owned()
    } else {
        format!("The weakest first: {} by F1.{rest}", weakest.join(", "))
    };
    Plot { title: title.into(), svg, reading }
}
