//! A decision as the journal keeps it.

use super::Stop;
use crate::decide::Decision;
use crate::store::{Plan, ReplyPlan, StepPlan};

/// Flattens a decision into rows; the whole of it is kept as JSON beside them.
///
/// # Errors
/// [`Stop::Journal`] when it cannot be written as JSON; never expected.
pub fn plan_of(decision: &Decision) -> Result<Plan, Stop> {
    let json = |error: serde_json::Error| Stop::Journal(error.to_string());
    let reply = match (&decision.draft, &decision.message) {
        (Some(draft), Some(message)) if decision.send => Some(ReplyPlan {
            template: draft.template.clone(),
            body: draft.text.clone(),
            message: message.clone(),
            customer: decision.customer.clone(),
        }),
        _ => None,
    };
    let steps = decision.after.iter().map(|step| {
        let body = serde_json::to_string(&step.effect).map_err(json)?;
        Ok(StepPlan { kind: step.effect.kind().into(), body, rule: step.rule.clone() })
    });
    Ok(Plan {
        intent: decision.intent.clone(),
        confidence: decision.confidence,
        mode: decision.mode,
        team: decision.team.clone(),
        outcome: decision.outcome,
        reason: decision.reason.clone(),
        classifier: decision.classifier.clone(),
        detail: serde_json::to_string(decision).map_err(json)?,
        reply,
        steps: steps.collect::<Result<_, Stop>>()?,
    })
}
