//! What needs a machine of its own: root, `strace`, time. Left out of a plain run, see `.config/nextest.toml`.

mod power;
