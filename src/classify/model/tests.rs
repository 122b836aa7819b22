//! Training and reading on small data.
