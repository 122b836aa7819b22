//! Placeholder until the adapter branch lands.
/// The call budget.
#[derive(Debug)]
pub struct Budget;
/// Reserved calls.
#[derive(Debug)]
pub struct Permit;
