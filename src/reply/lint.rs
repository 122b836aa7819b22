//! What `check` says about a text that parses and would still not work, or not well.

use super::render::{Reply, translation};
use super::values::{ENGLISH_VARIABLES, FIXED_VARIABLES, PARCEL_VARIABLES, WORDED_VARIABLES};
use super::wording::WORDINGS;
use crate::config::ReplyTexts;

/// How a text is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// By the order's situation; the ending of the name says which.
    Facts,
    /// By its very name.
    Fixed,
    /// By no intent.
    Unused,
}

/// Every remark on one reply, in plain words: mistakes of the parser first, then variables that nothing fills.
pub fn lint(name: &str, texts: &ReplyTexts, used: Use) -> Vec<String> {
    let reply = match Reply::compile(name, texts) {
        Ok(reply) => reply,
        Err(errors) => return errors,
    };
    let situation = name.strip_suffix(&translation("", &reply.language)).unwrap_or(name);
    let mut remarks = Vec::new();
    for (form, template) in [("email", &reply.email), ("chat", &reply.chat)] {
        for variable in template.variables() {
            if let Some(why) = unfilled(situation, variable, used) {
                remarks.push(format!(
                    "replies.{name}.{form}: nothing fills {{{variable}}} {why}; it is never sent"
                ));
            }
            if let Some(known) = unworded(variable, &reply.language) {
                remarks.push(format!(
                    "replies.{name}.{form}: {{{variable}}} is worded in {known} only, the text is in \"{}\"; it is \
                     never sent",
                    reply.language
                ));
            }
        }
        if used == Use::Facts && !template.uses("order_name") {
            remarks.push(format!(
                "replies.{name}.{form}: does not say which order it is about ({{order_name}})"
            ));
        }
    }
    if used == Use::Unused {
        let meant = name.rsplit_once('_').map(|(_, end)| end).filter(|end| end.len() == 2);
        remarks.push(match meant.filter(|code| *code != reply.language) {
            Some(code) => {
                format!("replies.{name}: no intent uses it; a text in \"{code}\" needs language = \"{code}\"")
            }
            None => format!("replies.{name}: no intent uses it"),
        });
    }
    remarks
}

/// The languages that a variable has words in, when the text's is not among them.
fn unworded(variable: &str, language: &str) -> Option<String> {
    if ENGLISH_VARIABLES.contains(&variable) {
        return (language != "en").then(|| "English".to_owned());
    }
    let known = WORDINGS.iter().map(|wording| wording.language);
    let lacking = WORDED_VARIABLES.contains(&variable) && known.clone().all(|known| known != language);
    lacking.then(|| known.collect::<Vec<_>>().join(", "))
}

fn unfilled(name: &str, variable: &str, used: Use) -> Option<&'static str> {
    if used == Use::Fixed {
        return (!FIXED_VARIABLES.contains(&variable)).then_some("in a text that reads no order out");
    }
    if name.ends_with("_not_shipped") {
        return PARCEL_VARIABLES.contains(&variable).then_some("before there is a parcel");
    }
    (variable == "estimate").then_some("once there is a parcel")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::starter_translations::translations;

    #[test]
    fn the_starter_texts_have_nothing_to_remark_on() {
        for (name, texts) in crate::config::starter::replies() {
            assert_eq!(lint(&name, &texts, Use::Facts), Vec::<String>::new());
            for texts in translations(&name) {
                assert_eq!(lint(&name, &texts, Use::Facts), Vec::<String>::new(), "{}", texts.language);
            }
        }
    }

    #[test]
    fn variables_that_nothing_fills_are_named() {
        let texts = |email: &str, language: &str| ReplyTexts {
            email: email.into(),
            chat: "{order_name}".into(),
            close: false,
            enabled: true,
            language: language.into(),
        };
        for (name, email, language, used, said) in [
            ("a_not_shipped", "{order_name} {carrier}", "en", Use::Facts, "before there is a parcel"),
            ("a_shipped", "{order_name} {estimate}", "en", Use::Facts, "once there is a parcel"),
            ("help", "{tracking_url}", "en", Use::Fixed, "reads no order out"),
            ("a_not_shipped", "{order_name} {estimate}", "sv", Use::Facts, "in en, de, es, fr, nl, pt only"),
            ("a_not_shipped_de", "{order_name} {carrier}", "de", Use::Facts, "before there is a parcel"),
            ("a_shipped", "{order_name} {items}", "de", Use::Facts, "in English only"),
            ("a_shipped", "hello", "en", Use::Facts, "which order"),
            ("a_shipped", "{oder_name}", "en", Use::Facts, "did you mean {order_name}"),
            ("old", "hello", "en", Use::Unused, "no intent uses it"),
            ("a_shipped_de", "hello", "en", Use::Unused, "needs language = \"de\""),
        ] {
            let remarks = lint(name, &texts(email, language), used);
            assert!(remarks.iter().any(|remark| remark.contains(said)), "{email}: {remarks:?}");
        }
    }
}
