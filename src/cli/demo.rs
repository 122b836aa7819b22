//! Placeholder: `demo` is not a command yet.
