//! What must be met: `accuracy>=0.85,traps=0,plain>=70%`.
//!
//! A report offers its figures by name ([`Figures`]); [`parse`] knows the names, [`judge`] compares. A figure that the
//! data cannot give meets nothing.

use std::collections::BTreeMap;

use serde::Serialize;

/// Figures by name; `None`: the data has nothing to count for it.
pub(super) type Figures = BTreeMap<&'static str, Option<f64>>;

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Requirement {
    name: String,
    sign: &'static str,
    wanted: f64,
    /// As it was written.
    words: String,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Judged {
    /// As it was written.
    pub(super) requirement: String,
    /// The figure.
    pub(super) value: Option<f64>,
    pub(super) met: bool,
}

/// Longer ones first, so that `>=` is not read as `>`.
const SIGNS: &[&str] = &[">=", "<=", "=", ">", "<"];

/// Reads comparisons; `names` are those that the report offers.
///
/// # Errors
/// In words, with the part that does not read.
pub(super) fn parse(text: &str, names: &[&str]) -> Result<Vec<Requirement>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let all: Vec<Requirement> = parts.map(|part| one(part, names)).collect::<Result<_, _>>()?;
    if all.is_empty() { Err("nothing is required; write for example traps=0".into()) } else { Ok(all) }
}

fn one(part: &str, names: &[&str]) -> Result<Requirement, String> {
    let at = part.find(['<', '>', '=']);
    let found = at.and_then(|at| {
        let (name, rest) = part.split_at(at);
        let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign))?;
        Some((name.trim(), *sign, rest.get(sign.len()..)?.trim()))
    });
    let Some((name, sign, wanted)) = found else {
        return Err(format!("\"{part}\" compares nothing; write for example traps=0 or accuracy>=0.85"));
    };
    if !names.contains(&name) {
        return Err(format!("\"{name}\" is no figure of this report; there are {}", names.join(", ")));
    }
    let (number, scale) = wanted.strip_suffix('%').map_or((wanted, 1.0), |number| (number.trim(), 100.0));
    let number: f64 = number
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| format!("\"{wanted}\" in \"{part}\" is no number; write 0.85 or 85%"))?;
    Ok(Requirement { name: name.to_owned(), sign, wanted: number / scale, words: part.to_owned() })
}

/// Compares each with its figure.
pub(super) fn judge(requirements: &[Requirement], figures: &Figures) -> Vec<Judged> {
    let judged = requirements.iter().map(|one| {
        let value = figures.get(one.name.as_str()).copied().flatten();
        let met = value.is_some_and(|value| match one.sign {
            ">=" => value >= one.wanted,
            "<=" => value <= one.wanted,
            ">" => value > one.wanted,
            "<" => value < one.wanted,
            _ => (value - one.wanted).abs() < 1e-9,
        });
        Judged { requirement: one.words.clone(), value, met }
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["accuracy", "traps", "plain"];

    #[test]
    fn each_sign_compares_and_a_figure_that_is_missing_meets_nothing() {
        let figures = Figures::from([("accuracy", Some(0.85)), ("traps", Some(1.0)), ("plain", None)]);
        for (text, met) in [
            ("accuracy>=0.85", true),
            ("accuracy >= 85%", true),
            ("accuracy>0.85", false),
            ("accuracy<=0.85", true),
            ("accuracy<0.85", false),
            ("traps=0", false),
            ("traps=1", true),
            ("plain>=0", false),
            ("plain<=1", false),
        ] {
            let judged = judge(&parse(text, NAMES).unwrap(), &figures);
            assert_eq!((judged.len(), judged[0].met), (1, met), "{text}");
        }
        let both = judge(&parse("accuracy>=0.9, traps=1,", NAMES).unwrap(), &figures);
        assert_eq!(both.iter().map(|one| one.met).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn what_does_not_read_is_said() {
        for (text, wanted) in [
            ("", "nothing is required"),
            ("traps", "\"traps\" compares nothing"),
            ("trap=0", "\"trap\" is no figure of this report; there are accuracy, traps, plain"),
            ("accuracy>=good", "\"good\" in \"accuracy>=good\" is no number"),
            ("accuracy==1", "is no number"),
            ("accuracy>=nan", "is no number"),
        ] {
            let error = parse(text, NAMES).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
