//! Builds each part from the configuration. The only place that names adapters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Plan, StartError, model};
use crate::act::ending::Patience;
use crate::classify::Classifier;
use crate::classify::combined::CombinedClassifier;
use crate::classify::opinion::SecondOpinion;
use crate::classify::outside::{self, OutsideReader};
use crate::classify::phrases::PhraseClassifier;
use crate::clock::Clock;
use crate::config::secrets::Secrets;
use crate::config::{Config, validate};
use crate::decide::Policy;
use crate::event::{Caps, HelpdeskName};
use crate::helpdesk::breaker;
use crate::helpdesk::budget::Budget;
use crate::helpdesk::http::MAX_PAUSE;
use crate::helpdesk::richpanel::{Richpanel, RichpanelSource};
use crate::helpdesk::{Helpdesk, WebhookSource};
use crate::ingress::{Health, Ingress, IngressMetrics};
use crate::metrics::Metrics;
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{Store, StoreError};
use crate::timer::outage::alert_key;
use crate::web::Admin;
use crate::worker::{Desk, LivePolicy, Second, Settings};

/// The phrase rules, when this configuration would work.
///
/// # Errors
/// What keeps it from working, in words for people.
pub(super) fn checked(plan: &Plan) -> Result<PhraseClassifier, Vec<String>> {
    let config = &plan.loaded.config;
    let mut found = validate::problems(config);
    found.extend(plan.secrets.problems.iter().cloned());
    if plan.secrets.tokens.is_empty() {
        found.push("no token for the helpdesk's calls: set [server] token_file or RICHPANEL_MW_TOKEN".into());
    }
    if plan.secrets.api_key.is_none() {
        found.push("no API key: set [richpanel] api_key_file or RICHPANEL_API_KEY".into());
    }
    if let Err(problems) = Policy::new(config, config.rollout.mode) {
        found.extend(problems);
    }
    // What is not set at all is among the values' problems already.
    if validate::problems(config).is_empty() {
        found.extend(second_opinion(config, &plan.secrets, &plan.clock).err());
    }
    match rules(config) {
        Ok(rules) if found.is_empty() => Ok(rules),
        Ok(_) => Err(found),
        Err(problem) => {
            found.push(problem);
            Err(found)
        }
    }
}

pub(super) fn store(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Store>, StoreError> {
    let options = Options {
        path: config.store.path.clone(),
        max_pending: config.store.max_pending,
        min_free_bytes: config.store.min_free_mib.saturating_mul(1024 * 1024),
        longest_wait: longest_wait(config),
    };
    Ok(Arc::new(SqliteStore::open(&options, Arc::clone(clock))?))
}

/// The longest that anything is put off: a retry, a hold, a read-back, a lease, or the pause that a `Retry-After` asks
/// for.
fn longest_wait(config: &Config) -> Duration {
    let Config { workers, rollout, readback, .. } = config;
    let seconds = [
        workers.backoff_max_seconds,
        workers.lease_seconds,
        rollout.hold_seconds,
        rollout.hold_seconds_live_chat,
        readback.after_ms.iter().max().map_or(0, |ms| ms / 1_000),
    ];
    let longest = Duration::from_secs(seconds.into_iter().max().unwrap_or_default());
    longest.max(MAX_PAUSE).saturating_add(Duration::from_secs(60))
}

/// The setting that says that this state was worked on before.
const STARTED: &str = "daemon.first_start";

/// Whether a process that worked on this state may have made calls just now; from then on every start counts as one.
pub(super) fn restarted(store: &dyn Store, clock: &dyn Clock) -> Result<bool, StoreError> {
    if store.setting(STARTED)?.is_some() {
        return Ok(true);
    }
    store.set(STARTED, Some(env!("CARGO_PKG_VERSION")), "daemon", clock.now())?;
    Ok(false)
}

/// The Richpanel adapter on its budget. After a restart the window counts as full but for one call, whose answer then
/// tells the truth.
///
/// # Errors
/// [`StartError::Config`]: the address or the key cannot be used.
pub fn helpdesk(
    config: &Config,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
    restarted: bool,
) -> Result<Arc<dyn Helpdesk>, StartError> {
    let settings = &config.richpanel;
    let window = Duration::from_secs(u64::from(settings.window_seconds));
    let budget = Budget::new(settings.requests_per_window, window, Arc::clone(clock));
    if restarted {
        // A call for each worker and one for the timer can have been on its way.
        budget.after_restart(u32::try_from(config.workers.threads).unwrap_or(u32::MAX).saturating_add(1));
    }
    let key = secrets.api_key.clone().ok_or_else(|| StartError::Config(vec!["no API key".into()]))?;
    let adapter = Richpanel::new(settings, key, budget, Arc::clone(clock))
        .map_err(|error| StartError::Config(vec![format!("[richpanel] {error}")]))?;
    Ok(Arc::new(adapter.with_breaker(breaker(config))))
}

/// A helpdesk that was down when the last process ended is probed before anybody calls it.
pub(super) fn as_last_seen(store: &dyn Store, helpdesk: &dyn Helpdesk) -> Result<(), StoreError> {
    let key = alert_key(helpdesk.name());
    let down = store.alerts()?.into_iter().find(|alert| alert.key == key);
    if let (Some(alert), Some(breaker)) = (down, helpdesk.breaker()) {
        breaker.presume_down(alert.raised_at);
    }
    Ok(())
}

fn breaker(config: &Config) -> breaker::Settings {
    let crate::config::Breaker { failures, probe_first_seconds, probe_max_seconds } = config.breaker;
    breaker::Settings {
        failures: usize::try_from(failures).unwrap_or(usize::MAX),
        probe_first: Duration::from_secs(probe_first_seconds),
        probe_max: Duration::from_secs(probe_max_seconds),
    }
}

/// The phrase rules with the shop's own examples.
///
/// # Errors
/// The phrase that cannot be read.
pub fn rules(config: &Config) -> Result<PhraseClassifier, String> {
    let intents = &config.intents.0;
    let examples = intents
        .iter()
        .filter(|(_, settings)| !settings.examples.is_empty())
        .map(|(intent, settings)| (intent.clone(), settings.examples.clone()))
        .collect();
    let disabled: Vec<_> = intents
        .iter()
        .filter(|(_, settings)| settings.enabled == Some(false))
        .map(|(intent, _)| intent.clone())
        .collect();
    PhraseClassifier::new(&examples, &disabled).map_err(|error| format!("[intents] {error}"))
}

/// Rules and the model in force; what it is goes into the log.
pub(super) fn classifier(
    rules: PhraseClassifier,
    store: &dyn Store,
) -> Result<Arc<CombinedClassifier>, StartError> {
    let in_force = store.model(None)?;
    let kind = if in_force.is_some() { "" } else { ", the built-in starter" };
    let classifier =
        model::classifier(rules, in_force).map_err(|problem| StartError::Config(vec![problem]))?;
    log::info!("model: {}{kind}", classifier.model().version());
    Ok(Arc::new(classifier))
}

/// The outside model as a second reader; `None` when it is switched off.
///
/// # Errors
/// An address or a key that cannot be used, in words for people.
pub fn second_opinion(
    config: &Config,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn SecondOpinion>>, String> {
    let wanted = &config.second_opinion;
    if !wanted.enabled {
        return Ok(None);
    }
    let words = |error: &dyn std::fmt::Display| format!("[second_opinion] {error}");
    let settings = outside::Settings {
        base_url: wanted.base_url.clone().unwrap_or_default(),
        model: wanted.model.clone().unwrap_or_default(),
        key: secrets.opinion_key.clone(),
        timeout: Duration::from_secs(wanted.timeout_seconds),
        calls_per_day: wanted.calls_per_day,
        tokens_per_day: wanted.tokens_per_day,
        time_zone: jiff::tz::TimeZone::get(&config.shop.timezone).map_err(|error| words(&error))?,
    };
    let reader = OutsideReader::new(settings, Arc::clone(clock)).map_err(|error| words(&error))?;
    Ok(Some(Arc::new(reader)))
}

pub(super) fn desk(
    config: &Config,
    store: &Arc<dyn Store>,
    helpdesk: &Arc<dyn Helpdesk>,
    policy: &Arc<LivePolicy>,
    second: Option<Arc<dyn SecondOpinion>>,
    clock: &Arc<dyn Clock>,
    classifier: Arc<dyn Classifier>,
) -> Desk {
    if second.is_some() {
        let url = config.second_opinion.base_url.as_deref().unwrap_or_default();
        log::info!("second opinion: on; masked texts go to {url}");
    }
    let helpdesks: BTreeMap<HelpdeskName, Arc<dyn Helpdesk>> =
        [(helpdesk.name().clone(), Arc::clone(helpdesk))].into_iter().collect();
    Desk {
        store: Arc::clone(store),
        helpdesks,
        classifier,
        second: second.map(|reader| Second { reader, when: config.second_opinion.only_when }),
        policy: Arc::clone(policy),
        clock: Arc::clone(clock),
        settings: settings(config),
    }
}

fn settings(config: &Config) -> Settings {
    let Config { workers, limits, gates, richpanel, readback, .. } = config;
    Settings {
        lease: Duration::from_secs(workers.lease_seconds),
        patience: Patience {
            max_attempts: workers.max_attempts,
            first: Duration::from_secs(workers.backoff_first_seconds),
            longest: Duration::from_secs(workers.backoff_max_seconds),
            give_up_after: Duration::from_secs(workers.give_up_after_hours.saturating_mul(3_600)),
        },
        caps: Caps {
            per_ticket_day: limits.replies_per_ticket_per_day,
            per_customer_day: limits.replies_per_customer_per_day,
            per_hour: limits.replies_per_hour,
            bad: limits.stop_after_unconfirmed,
        },
        readback_ms: readback.after_ms.clone(),
        ticket_max_age: Duration::from_secs(gates.ticket_max_age_seconds),
        order_by_number: richpanel.order_lookup_by_number,
        one_call_trigger: richpanel.one_call_routing.then(|| richpanel.new_conversation_trigger.clone()),
    }
}

/// Both listeners, bound and not yet serving.
pub(super) struct Doors {
    pub(super) ingress: Ingress,
    pub(super) admin: Admin,
}

impl Doors {
    pub(super) fn bind(
        config: &Config,
        secrets: &Secrets,
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let words = |error: std::io::Error| StartError::Io(error.to_string());
        let metrics = Arc::new(Metrics::new());
        metrics.watch_queue(Arc::clone(store));
        let health = Health::new(Arc::clone(store), secrets.metrics_token.clone());
        let source: Arc<dyn WebhookSource> =
            Arc::new(RichpanelSource::new(&secrets.tokens, config.server.fields.clone()));
        let counted = Arc::new(IngressMetrics::register(&metrics));
        let ingress =
            Ingress::bind(&config.server, vec![source], Arc::clone(store), Arc::clone(clock), counted)
                .map_err(words)?
                .with_health(Arc::clone(&health));
        let admin = Admin::bind(&config.admin, health, metrics).map_err(words)?;
        Ok(Self { ingress, admin })
    }
}
