//! Rules and model read together.
