//! Which model reads, and whether the configuration has moved away from it since it was trained.

use std::collections::BTreeSet;

use super::Findings;
use crate::classify::model::{Description, Model, examples};
use crate::cli::print::clean;
use crate::cli::train::configured;
use crate::config::Config;
use crate::daemon::{model, outside};

const TRAIN: &str = "richpanel-mw train";

/// Looks at the model in force in the file of state, or at the built-in one.
pub(super) fn check(findings: &mut Findings, config: &Config) {
    let kept = outside::model_in_force(config);
    let built_in = kept.is_none();
    let model = match kept.map(model::fitting) {
        Some(Err(why)) => {
            let found = format!("the one in force cannot be used: {why}; the built-in starter reads");
            return findings.warn("model", found, TRAIN);
        }
        Some(Ok(model)) => model,
        None => match model::starter() {
            Ok(model) => model,
            Err(why) => return findings.problem("model", why, "install the program again"),
        },
    };
    findings.fine("model", standing(&model, built_in));
    for found in moved_away(model.description(), config) {
        findings.warn("model", found, TRAIN);
    }
}

fn standing(model: &Model, built_in: bool) -> String {
    let kind = if built_in { "the built-in starter, " } else { "" };
    let accuracy = model.description().figures.accuracy * 100.0;
    format!("{kind}{}: {accuracy:.1} % of held-out messages read right", model.version())
}

/// What the configuration says now that the model did not learn.
fn moved_away(trained: &Description, config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    if examples::configured(&configured(config)) != trained.configured {
        found.push(
            "the examples under [intents] are not those that it learned: the rules use them at once, the model \
             after its next training"
                .to_owned(),
        );
    }
    let off: BTreeSet<&str> = config
        .intents
        .0
        .iter()
        .filter(|(_, settings)| settings.enabled == Some(false))
        .map(|(intent, _)| intent.as_str())
        .collect();
    let still: Vec<String> = trained
        .classes
        .iter()
        .filter(|class| off.contains(class.as_str()))
        .map(|class| clean(class))
        .collect();
    if !still.is_empty() {
        found.push(format!("it still knows {}, which is switched off", still.join(", ")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IntentSettings;

    #[test]
    fn a_configuration_that_moved_away_is_told_to_train() {
        let starter = model::starter().unwrap();
        let mut config = Config::default();
        assert_eq!(moved_away(starter.description(), &config), Vec::<String>::new());
        let examples = vec!["is my box on the train".to_owned()];
        config
            .intents
            .0
            .insert("order_status".into(), IntentSettings { examples, ..IntentSettings::default() });
        let off = IntentSettings { enabled: Some(false), ..IntentSettings::default() };
        config.intents.0.insert("partnership".into(), off);
        let found = moved_away(starter.description(), &config);
        assert!(
            found.len() == 2 && found[0].contains("at once") && found[1].contains("partnership"),
            "{found:?}"
        );
    }
}
