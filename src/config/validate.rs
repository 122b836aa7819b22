//! What is well-formed but would not work: bounds and contradictions, each in words that say what to do.

use super::Config;

/// Every problem found; empty when the daemon may start.
pub fn problems(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let mut bound = |holds: bool, words: &str| found.extend((!holds).then(|| words.to_owned()));
    machinery(config, &mut bound);
    policy(config, &mut bound);
    second_opinion(config, &mut bound);
    found
}

fn machinery(config: &Config, bound: &mut dyn FnMut(bool, &str)) {
    let Config { server, store, richpanel, breaker, workers, reconcile, readback, .. } = config;
    bound(
        (1..=1000).contains(&richpanel.requests_per_window),
        "[richpanel] requests_per_window must be 1 to 1000",
    );
    bound((1..=3600).contains(&richpanel.window_seconds), "[richpanel] window_seconds must be 1 to 3600");
    bound((1..=60).contains(&richpanel.timeout_seconds), "[richpanel] timeout_seconds must be 1 to 60");
    bound(
        richpanel.base_url.starts_with("https://") || is_loopback(&richpanel.base_url),
        "[richpanel] base_url must be https:// (http:// only for this machine)",
    );
    bound((2..=50).contains(&breaker.failures), "[breaker] failures must be 2 to 50");
    bound((1..=60).contains(&breaker.probe_first_seconds), "[breaker] probe_first_seconds must be 1 to 60");
    bound((1..=600).contains(&breaker.probe_max_seconds), "[breaker] probe_max_seconds must be 1 to 600");
    bound(
        breaker.probe_max_seconds >= breaker.probe_first_seconds,
        "[breaker] probe_max_seconds must not be shorter than probe_first_seconds",
    );
    bound((1..=64).contains(&workers.threads), "[workers] threads must be 1 to 64");
    bound((1..=100).contains(&workers.max_attempts), "[workers] max_attempts must be 1 to 100");
    bound(
        workers.lease_seconds >= 30,
        "[workers] lease_seconds must be at least 30: an event takes several calls",
    );
    bound(
        workers.backoff_first_seconds >= 1 && workers.backoff_max_seconds >= workers.backoff_first_seconds,
        "[workers] backoff_first_seconds must be at least 1 and not above backoff_max_seconds",
    );
    bound((1..=720).contains(&workers.give_up_after_hours), "[workers] give_up_after_hours must be 1 to 720");
    bound((24..=720).contains(&store.dedup_hours), "[store] dedup_hours must be 24 to 720");
    bound(store.retention_days >= 1, "[store] retention_days must be at least 1");
    bound(
        u64::from(store.retention_days) * 24 >= u64::from(store.dedup_hours),
        "[store] retention_days must not be shorter than dedup_hours",
    );
    // The channel takes its room at the start; a timer cannot be set for the end of time.
    bound((1..=1_000_000).contains(&store.max_pending), "[store] max_pending must be 1 to 1000000");
    for (name, seconds) in [
        ("head_timeout_seconds", server.head_timeout_seconds),
        ("body_timeout_seconds", server.body_timeout_seconds),
    ] {
        bound((1..=3600).contains(&seconds), &format!("[server] {name} must be 1 to 3600"));
    }
    bound(server.max_connections >= 1, "[server] max_connections must be at least 1");
    bound(server.max_body_bytes >= 1024, "[server] max_body_bytes must be at least 1024");
    bound(!server.fields.ticket_id.is_empty(), "[server.fields] ticket_id must not be empty");
    bound(
        reconcile.max_calls >= 1 && reconcile.number_gap >= 1,
        "[reconcile] max_calls and number_gap must be at least 1",
    );
    bound(
        !readback.after_ms.is_empty() && readback.after_ms.is_sorted() && readback.after_ms.len() <= 10,
        "[readback] after_ms must hold 1 to 10 waits, shortest first",
    );
}

fn policy(config: &Config, bound: &mut dyn FnMut(bool, &str)) {
    let Config { rollout, gates, limits, shop, .. } = config;
    bound((0.0..=100.0).contains(&rollout.canary_percent), "[rollout] canary_percent must be 0 to 100");
    for (name, value) in
        [("route_confidence", gates.route_confidence), ("reply_confidence", gates.reply_confidence)]
    {
        bound((0.0..=1.0).contains(&value), &format!("[gates] {name} must be 0 to 1"));
    }
    bound(limits.stop_after_unconfirmed <= 5, "[limits] stop_after_unconfirmed must be 0 to 5");
    bound(limits.max_reply_age_hours >= 1, "[limits] max_reply_age_hours must be at least 1");
    bound((0..=23).contains(&shop.cutoff_hour), "[shop] cutoff_hour must be 0 to 23");
    bound(
        jiff::tz::TimeZone::get(&shop.timezone).is_ok(),
        &format!("[shop] timezone \"{}\" is not an IANA name such as America/New_York", shop.timezone),
    );
    bound(
        shop.shipping.iter().all(|method| method.min_days <= method.max_days),
        "[[shop.shipping]] min_days must not be above max_days",
    );
    bound(
        config.routing.teams.contains_key(&config.routing.default),
        &format!("[routing] default \"{}\" is not a team; add [routing.teams.{0}]", config.routing.default),
    );
    bound(
        config
            .routing
            .teams
            .values()
            .all(|team| team.tag.starts_with("route-") && team.tag.len() > "route-".len()),
        "[routing.teams] every tag must begin with route-",
    );
}

fn second_opinion(config: &Config, bound: &mut dyn FnMut(bool, &str)) {
    let opinion = &config.second_opinion;
    bound((1..=30).contains(&opinion.timeout_seconds), "[second_opinion] timeout_seconds must be 1 to 30");
    bound(
        opinion.calls_per_day >= 1,
        "[second_opinion] calls_per_day must be at least 1; enabled = false switches it off",
    );
    if !opinion.enabled {
        return;
    }
    // A worker asks twice at most while it holds an event.
    bound(
        config.workers.lease_seconds >= opinion.timeout_seconds.saturating_mul(2).saturating_add(20),
        "[second_opinion] timeout_seconds is too long: [workers] lease_seconds must be twice as long and 20 more",
    );
    let set = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.trim().is_empty());
    bound(set(&opinion.model), "[second_opinion] model is not set: name the model as its endpoint knows it");
    let url = opinion.base_url.as_deref().unwrap_or_default();
    bound(
        url.starts_with("https://") || is_loopback(url),
        "[second_opinion] base_url must be the https:// address before /chat/completions (http:// only for this machine)",
    );
}

fn is_loopback(url: &str) -> bool {
    ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .filter_map(|host| url.strip_prefix(host))
        .any(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::parse;
    use std::path::Path;

    #[test]
    fn the_defaults_have_no_problem() {
        assert_eq!(problems(&Config::default()), Vec::<String>::new());
    }

    #[test]
    fn each_wrong_value_is_named() {
        for (text, words) in [
            ("[richpanel]\nbase_url = \"http://api.example.com/v1\"", "https://"),
            ("[richpanel]\nbase_url = \"http://localhost.example.com/v1\"", "https://"),
            ("[richpanel]\nrequests_per_window = 0", "requests_per_window"),
            ("[breaker]\nfailures = 1", "failures"),
            ("[breaker]\nprobe_first_seconds = 30\nprobe_max_seconds = 20", "probe_max_seconds"),
            ("[breaker]\nprobe_first_seconds = 0", "probe_first_seconds must be"),
            ("[breaker]\nprobe_max_seconds = 601", "probe_max_seconds"),
            ("[limits]\nstop_after_unconfirmed = 6", "stop_after_unconfirmed"),
            ("[workers]\nlease_seconds = 1", "lease_seconds"),
            ("[store]\nretention_days = 1", "dedup_hours"),
            ("[store]\nmax_pending = 9223372036854775807", "max_pending"),
            ("[server]\nhead_timeout_seconds = 9223372036854775807", "head_timeout_seconds"),
            ("[server]\nbody_timeout_seconds = 0", "body_timeout_seconds"),
            ("[shop]\ntimezone = \"Mars/Olympus\"", "Mars/Olympus"),
            ("[routing]\ndefault = \"nobody\"", "nobody"),
            ("[routing.teams.vip]\ntag = \"vip\"", "route-"),
            ("[rollout]\ncanary_percent = 101.0", "canary_percent"),
            ("[second_opinion]\ntimeout_seconds = 31", "timeout_seconds"),
            ("[second_opinion]\ncalls_per_day = 0", "enabled = false"),
            (
                "[second_opinion]\nenabled = true\nbase_url = \"https://api.example.com/v1\"",
                "model is not set",
            ),
            ("[second_opinion]\nenabled = true\nmodel = \"m\"", "base_url"),
            (
                "[workers]\nlease_seconds = 30\n[second_opinion]\nenabled = true\nmodel = \"m\"\ntimeout_seconds = 6\n\
                 base_url = \"https://api.example.com\"",
                "lease_seconds",
            ),
            (
                "[second_opinion]\nenabled = true\nmodel = \"m\"\nbase_url = \"http://api.example.com/v1\"",
                "https://",
            ),
            ("[readback]\nafter_ms = [10, 5]", "after_ms"),
        ] {
            let found = problems(&parse(text, Path::new("x")).unwrap());
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].contains(words), "{found:?}");
        }
    }
}
