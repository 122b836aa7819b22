//! Drawings in SVG, each with one sentence on what it says. Colours are the page's, by class name, so that light and
//! dark both work; every label passes [`escaped`].

use std::fmt::Write as _;

use crate::classify::model::calibration::Bin;
use crate::classify::model::measure::Point;
use crate::cli::print::clean;

/// A drawing and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) svg: String,
    pub(super) reading: String,
}

/// Classes that a drawing can name legibly.
pub(super) const CLASSES_MAX: usize = 40;
/// Bars with fewer messages prove little.
const BIN_MIN: usize = 20;
/// The square or oblong that a diagram is drawn in, in pixels: left, top, width, height.
const LEFT: f64 = 64.0;
const TOP: f64 = 16.0;
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 320.0;

/// Text for HTML: nothing of it is markup, nothing moves a cursor.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

pub(super) fn open(width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {width:.0} {height:.0}\" style=\"max-width:{width:.0}px\" role=\"img\" aria-label=\"{0}\">\
         <title>{0}</title>\n",
        escaped(title)
    )
}

/// A diagram's frame: both axes from 0, `y_max` above, labels in percent.
fn frame(title: &str, x: &str, y: &str, y_max: f64) -> String {
    let mut svg = open(LEFT + WIDTH + 32.0, TOP + HEIGHT + 56.0, title);
    for step in 0..=5 {
        let share = f64::from(step) / 5.0;
        let (at_x, at_y) = (LEFT + share * WIDTH, TOP + HEIGHT - share * HEIGHT);
        let (bottom, right) = (TOP + HEIGHT, LEFT + WIDTH);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at_y:.1}\" x2=\"{right}\" y2=\"{at_y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <text x=\"{at_x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0} %</text>",
            LEFT - 8.0,
            at_y + 4.0,
            axis_label(share * y_max),
            bottom + 20.0,
            share * 100.0,
        );
    }
    let _ = writeln!(
        svg,
        "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text class=\"axis\" transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        LEFT + WIDTH / 2.0,
        TOP + HEIGHT + 46.0,
        escaped(x),
        TOP + HEIGHT / 2.0,
        escaped(y),
    );
    svg
}

fn axis_label(share: f64) -> String {
    let percent = share * 100.0;
    if (percent - percent.round()).abs() < 1e-6 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

/// How far confidence can be believed.
pub(super) fn reliability(bins: &[Bin], error: Option<f64>) -> Plot {
    let title = "Can its confidence be believed?";
    let mut svg = frame(title, "confidence it gives", "share that is right", 1.0);
    let step = WIDTH / bins.len().max(1) as f64;
    for (place, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        let (x, height) = (LEFT + place as f64 * step, bin.right * HEIGHT);
        let thin = if bin.count < BIN_MIN { " thin" } else { "" };
        let _ = writeln!(
            svg,
            "<rect class=\"bar{thin}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"small\">{}</text>\
             <circle class=\"mark\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/>",
            x + 3.0,
            TOP + HEIGHT - height,
            step - 6.0,
            x + step / 2.0,
            TOP + HEIGHT - 6.0,
            bin.count,
            LEFT + bin.confidence * WIDTH,
            TOP + HEIGHT - bin.right * HEIGHT,
        );
    }
    let _ = write!(
        svg,
        "<line class=\"ideal\" x1=\"{LEFT}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{TOP}\"/></svg>",
        TOP + HEIGHT,
        LEFT + WIDTH
    );
    Plot { title: title.into(), svg, reading: reliability_reading(bins, error) }
}

fn reliability_reading(bins: &[Bin], error: Option<f64>) -> String {
    let Some(error) = error else { return "There is nothing to count in the file.".into() };
    let far = |bin: &&Bin| (bin.confidence - bin.right).abs();
    let worst = bins.iter().filter(|bin| bin.count >= BIN_MIN).max_by(|a, b| far(a).total_cmp(&far(b)));
    let worst = worst.map_or_else(String::new, |bin| {
        let side = if bin.right < bin.confidence { "too sure" } else { "too modest" };
        format!(
            "; it is most {side} where it says {} and is right in {} of {} messages",
            percent(bin.confidence),
            percent(bin.right),
            bin.count
        )
    });
    format!(
        "On the dashed line confidence is the truth; on average they are {:.1} points apart{worst} (the figure in \
         a bar is its messages, a pale bar has too few to judge).",
        error * 100.0
    )
}

/// What is wrong among the answered, the most certain first. `mark`: the coverage that was chosen.
pub(super) fn risk(points: &[Point], area: Option<f64>, mark: Option<f64>) -> Plot {
    let title = "How often is it wrong, the less sure it may be?";
    let highest = points.iter().map(|point| point.error).fold(0.0, f64::max);
    let tidy = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0].into_iter().find(|top| highest <= *top);
    let y_max = tidy.unwrap_or(1.0);
    let mut svg =
        frame(title, "share of the messages, the most certain first", "share of those that is wrong", y_max);
    let at = |coverage: f64, error: f64| (LEFT + coverage * WIDTH, TOP + HEIGHT - error / y_max * HEIGHT);
    let line: Vec<String> = points
        .iter()
        .map(|point| at(point.coverage, point.error))
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = writeln!(svg, "<polyline class=\"curve\" points=\"{}\"/>", line.join(" "));
    if let Some(coverage) = mark {
        let (x, _) = at(coverage, 0.0);
        let _ = writeln!(
            svg,
            "<line class=\"ideal\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">chosen threshold</text>",
            TOP + HEIGHT,
            x - 6.0,
            TOP + 14.0,
        );
    }
    svg.push_str("</svg>");
    Plot { title: title.into(), svg, reading: risk_reading(points, area) }
}

fn risk_reading(points: &[Point], area: Option<f64>) -> String {
    let (Some(last), Some(area)) = (points.last(), area) else {
        return "There is nothing to count in the file.".into();
    };
    let half = points.iter().find(|point| point.coverage >= 0.5).unwrap_or(last);
    format!(
        "Of the {:.0} % that it is most certain of, {} are wrong; of all messages, {} (mean over the curve: {}).",
        half.coverage * 100.0,
        percent(half.error),
        percent(last.error),
        percent(area)
    )
}
