//! What the configuration says, without looking at anything but its words.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use crate::config::load::Loaded;
use crate::config::secrets::Secrets;
use crate::config::{Config, starter, validate};
use crate::daemon::outside;
use crate::decide::Policy;
use crate::event::Mode;
use crate::reply::lint::Use;
use crate::reply::{Ask, lint};

pub(super) fn check(findings: &mut Findings, loaded: &Loaded, secrets: &Secrets) {
    values(findings, &loaded.config);
    has_secrets(findings, secrets);
    match Policy::new(&loaded.config, loaded.config.rollout.mode) {
        Err(problems) => {
            for problem in problems {
                findings.problem("policy", problem, "correct this key");
            }
        }
        Ok(policy) => {
            findings.fine("policy", format!("{} intents fit together", policy.intents().count()));
            replies(findings, &loaded.config, &policy);
            teams(findings, &loaded.config, &policy);
        }
    }
    match outside::rules(&loaded.config) {
        Err(problem) => findings.problem("examples", problem, "correct the phrase"),
        Ok(rules) => findings.fine("examples", format!("the rules can read them ({})", rules.version())),
    }
    second_opinion(findings, loaded, secrets);
    rollout(findings, &loaded.config);
}

fn values(findings: &mut Findings, config: &Config) {
    let problems = validate::problems(config);
    if problems.is_empty() {
        findings.fine("values", "every value is within its bounds");
    }
    for problem in problems {
        findings.problem("values", problem, "correct this key");
    }
}

fn has_secrets(findings: &mut Findings, secrets: &Secrets) {
    for problem in &secrets.problems {
        findings.problem("secrets", problem.clone(), "correct the file or the key that names it");
    }
    if secrets.tokens.is_empty() {
        let todo = "set [server] token_file or RICHPANEL_MW_TOKEN; make one with `openssl rand -hex 32`";
        findings.problem("secrets", "no token for the helpdesk's calls", todo);
    } else {
        findings.fine("secrets", format!("{} tokens let calls in", secrets.tokens.len()));
    }
    match secrets.api_key {
        Some(_) => findings.fine("secrets", "there is an API key"),
        None => {
            findings.problem("secrets", "no API key", "set [richpanel] api_key_file or RICHPANEL_API_KEY");
        }
    }
}

/// Whether somebody outside reads along, in words that say what leaves the machine.
fn second_opinion(findings: &mut Findings, loaded: &Loaded, secrets: &Secrets) {
    let wanted = &loaded.config.second_opinion;
    if !wanted.enabled {
        return findings.fine("second opinion", "off: nobody outside is asked");
    }
    let url = wanted.base_url.as_deref().unwrap_or_default();
    let model = wanted.model.as_deref().unwrap_or_default();
    let calls = wanted.calls_per_day;
    findings.fine(
        "second opinion",
        format!("on: the masked text goes to {model} at {url}, at most {calls} times a day"),
    );
    if secrets.opinion_key.is_none() && url.starts_with("https://") {
        let todo =
            "set [second_opinion] api_key_file or RICHPANEL_MW_OPINION_KEY, if that endpoint wants a key";
        findings.warn("second opinion", "there is no key for it", todo);
    }
}

/// What each reply is used for, by the intents that lead to it.
fn uses(policy: &Policy) -> BTreeMap<String, Use> {
    let mut uses = BTreeMap::new();
    for ask in policy.intents().filter_map(|(intent, _)| policy.ask(intent).ok()) {
        let how = if matches!(ask, Ask::Facts(_)) { Use::Facts } else { Use::Fixed };
        uses.extend(policy.candidates(ask).map(|reply| (reply.name.clone(), how)));
    }
    uses
}

fn replies(findings: &mut Findings, config: &Config, policy: &Policy) {
    let uses = uses(policy);
    let mut remarks = 0;
    for (name, texts) in config.replies.0.iter().filter(|(_, texts)| texts.enabled) {
        let how = uses.get(name).copied().unwrap_or(Use::Unused);
        for remark in lint(name, texts, how) {
            remarks += 1;
            findings.warn("replies", remark, "correct the text, or remove it");
        }
    }
    let wanted = &config.gates.reply_languages;
    let unwanted = policy.replies.values().filter(|reply| reply.enabled && !wanted.contains(&reply.language));
    let starter = starter::replies();
    let own = |name: &str| config.replies.0.get(name).is_some_and(|own| starter.get(name) != Some(own));
    for reply in unwanted.filter(|reply| own(&reply.name)) {
        remarks += 1;
        findings.warn(
            "replies",
            format!(
                "replies.{}: it is in \"{}\", which [gates] reply_languages does not name; it is never sent",
                reply.name, reply.language
            ),
            "name the language there, or remove the text",
        );
    }
    if remarks == 0 {
        findings.fine("replies", format!("{} texts can be filled", config.replies.0.len()));
    }
}

fn teams(findings: &mut Findings, config: &Config, policy: &Policy) {
    let used: BTreeSet<&str> = policy
        .intents()
        .map(|(_, intent)| intent.team.as_str())
        .chain([config.routing.default.as_str()])
        .collect();
    let idle: Vec<&String> =
        config.routing.teams.keys().filter(|name| !used.contains(name.as_str())).collect();
    if idle.is_empty() {
        findings.fine("teams", format!("{} teams, each used by an intent", used.len()));
    }
    for name in idle {
        findings.warn(
            "teams",
            format!("no intent leads to the team {name}"),
            "name it in an [intents.…] team, or leave it: nothing is routed there",
        );
    }
}

fn rollout(findings: &mut Findings, config: &Config) {
    let mode = config.rollout.mode;
    let answers = matches!(mode, Mode::Canary | Mode::Live);
    let no_agent = config.richpanel.bot_agent_id.as_ref().is_none_or(|id| id.trim().is_empty());
    match (answers, no_agent) {
        (true, true) => findings.problem(
            "rollout",
            format!("mode {mode}, but nobody to write as: no reply will be sent"),
            "set [richpanel] bot_agent_id (`check --online` lists the agents)",
        ),
        (false, true) => findings.warn(
            "rollout",
            format!("mode {mode}; there is nobody to write as yet"),
            "set [richpanel] bot_agent_id before canary or live",
        ),
        (_, false) => findings.fine("rollout", format!("mode {mode}")),
    }
    if mode == Mode::Canary && config.rollout.canary_percent <= 0.0 {
        findings.warn("rollout", "mode canary with 0 %: nobody is answered", "set [rollout] canary_percent");
    }
    for (key, cap) in [
        ("replies_per_hour", config.limits.replies_per_hour),
        ("replies_per_ticket_per_day", config.limits.replies_per_ticket_per_day),
        ("replies_per_customer_per_day", config.limits.replies_per_customer_per_day),
    ] {
        if cap == 0 {
            let todo = format!("set [limits] {key} to 1 or more, or use `mode route`, which says so");
            findings.warn("limits", format!("[limits] {key} = 0: nobody is ever answered"), &todo);
        }
    }
    if config.shop.name == crate::config::Shop::default().name {
        let todo =
            "set [shop] name, timezone, cutoff_hour and holidays: replies are signed and dated by them";
        findings.warn("shop", format!("replies are signed \"{}\"", config.shop.name), todo);
    }
    if !config.server.listen.ip().is_loopback() {
        findings.warn(
            "listener",
            format!("calls come in on {} without TLS", config.server.listen),
            "put a TLS proxy in front and listen on 127.0.0.1, or make sure that one is there",
        );
    }
    if !config.admin.listen.ip().is_loopback() {
        let found = format!("the pages are on {}, open to the network", config.admin.listen);
        findings.warn("listener", found, "set [admin] listen to 127.0.0.1 and use an SSH tunnel or a proxy");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use crate::config::load::parse;
    use std::path::Path;

    fn found(text: &str) -> Vec<(Verdict, String)> {
        let loaded = Loaded { config: parse(text, Path::new("x")).unwrap(), path: "x".into() };
        let secrets = Secrets {
            tokens: vec!["0123456789abcdef".into()],
            api_key: Some("key".into()),
            ..Secrets::default()
        };
        let mut findings = Findings::default();
        check(&mut findings, &loaded, &secrets);
        findings.0.into_iter().map(|one| (one.verdict, format!("{} {}", one.found, one.do_this))).collect()
    }

    #[test]
    fn the_defaults_have_no_problem_and_say_what_is_left_to_do() {
        let found = found("");
        assert!(found.iter().all(|(verdict, _)| *verdict != Verdict::Problem), "{found:?}");
        assert!(found.iter().any(|(_, words)| words.contains("bot_agent_id")), "{found:?}");
    }

    #[test]
    fn each_mistake_is_found() {
        for (text, verdict, words) in [
            ("[rollout]\nmode = \"live\"", Verdict::Problem, "nobody to write as"),
            ("[workers]\nthreads = 0", Verdict::Problem, "threads"),
            ("[intents.order_status]\nteam = \"nobody\"", Verdict::Problem, "nobody"),
            (
                "[routing.teams.idle]\ntag = \"route-idle\"",
                Verdict::Warning,
                "no intent leads to the team idle",
            ),
            ("[replies.old]\nemail = \"x\"\nchat = \"x\"", Verdict::Warning, "no intent uses it"),
            ("[server]\nlisten = \"0.0.0.0:8080\"", Verdict::Warning, "without TLS"),
            ("[admin]\nlisten = \"0.0.0.0:8081\"", Verdict::Warning, "SSH tunnel"),
            (
                "[limits]\nreplies_per_hour = 0",
                Verdict::Warning,
                "replies_per_hour = 0: nobody is ever answered",
            ),
            ("[rollout]\nmode = \"canary\"", Verdict::Warning, "0 %"),
            ("", Verdict::Ok, "off: nobody outside is asked"),
            (
                "[second_opinion]\nenabled = true\nmodel = \"m\"\nbase_url = \"https://api.example.com/v1\"",
                Verdict::Warning,
                "no key for it",
            ),
        ] {
            let found = found(text);
            let hit = found.iter().any(|(one, said)| *one == verdict && said.contains(words));
            assert!(hit, "{text}: {found:?}");
        }
    }

    #[test]
    fn a_text_in_a_language_that_is_not_answered_is_named_and_those_of_the_starter_pack_are_not() {
        let german = "[gates]\nreply_languages = [\"de\"]\n";
        let italian = "[replies.order_status_shipped_it]\nlanguage = \"it\"\nemail = \"{order_name}\"\nchat = \"{order_name}\"";
        let unsaid = |text: &str| {
            let said =
                found(text).into_iter().filter(|(_, said)| said.contains("reply_languages does not name"));
            said.map(|(_, said)| said).collect::<Vec<_>>()
        };
        assert_eq!(unsaid(german), Vec::<String>::new());
        let said = unsaid(&format!("{german}{italian}"));
        assert!(said.len() == 1 && said[0].contains("order_status_shipped_it"), "{said:?}");
    }

    #[test]
    fn without_secrets_it_would_not_work() {
        let loaded = Loaded { config: Config::default(), path: "x".into() };
        let mut findings = Findings::default();
        check(&mut findings, &loaded, &Secrets::default());
        assert_eq!(findings.count(Verdict::Problem), 2);
    }
}
