//! Ids in the shapes the helpdesk has (richpanel-api §2): opaque, unlike each other, and some
//! of them hostile to URLs. All of them come from a seeded generator.

use fastrand::Rng;

/// A UUID of version 4 made from the generator.
#[must_use]
pub(super) fn uuid(rng: &mut Rng) -> String {
    let bits = rng.u128(..);
    let bits = (bits & !(0xf000 << 64) & !(0xc000 << 48)) | (0x4000 << 64) | (0x8000 << 48);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// The id of a new ticket: for e-mail mostly a raw Message-ID with `<`, `>`, `+` and `@`;
/// for other channels `453347427_name_186779`; sometimes `api-<client>-<uuid>`.
#[must_use]
pub(super) fn ticket(rng: &mut Rng, channel: &str, app_client_id: &str, first_name: &str) -> String {
    if rng.u8(..4) == 0 {
        return api_ticket(rng, app_client_id);
    }
    if channel.starts_with("email") {
        return format!("<CA{:x}+{:x}={:x}@mail.example.com>", rng.u64(..), rng.u32(..), rng.u32(..));
    }
    let name: String = first_name.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{}_{}_{}", rng.u32(100_000_000..999_999_999), name.to_lowercase(), rng.u32(100_000..999_999))
}

/// The id of a ticket made through the API.
#[must_use]
pub(super) fn api_ticket(rng: &mut Rng, app_client_id: &str) -> String {
    format!("api-{app_client_id}-{}", uuid(rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_in_all_three_shapes() {
        let ids = |seed| {
            let mut rng = Rng::with_seed(seed);
            let mut all: Vec<_> = (0..20).map(|_| ticket(&mut rng, "email", "demoshop", "Ava")).collect();
            all.extend((0..20).map(|_| ticket(&mut rng, "messenger", "demoshop", "Ava")));
            all
        };
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7), ids(8));
        assert!(ids(7).iter().any(|id| id.starts_with("<CA") && id.contains('+') && id.ends_with('>')));
        assert!(ids(7).iter().any(|id| id.starts_with("api-demoshop-")));
        assert!(ids(7).iter().any(|id| id.contains("_ava_")));
    }

    #[test]
    fn a_uuid_looks_like_one() {
        let id = uuid(&mut Rng::with_seed(1));
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }
}
