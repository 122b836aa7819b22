//! Whose call it is: the peer, or what a trusted proxy says of it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// The address; IPv4 in its own form, also on a socket for both.
    pub(crate) address: IpAddr,
    /// On this machine, and not merely passed on by a proxy on this machine.
    pub(crate) local: bool,
    /// The connection belongs to a proxy: it is not one caller's.
    pub(crate) proxied: bool,
}

impl Client {
    /// The peer; where it is a trusted proxy, the right-most address of `X-Forwarded-For` that is not one.
    ///
    /// A proxy on loopback that is not in `trusted` makes nobody local: its forwarding headers give it away.
    pub(crate) fn of(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = peer.ip().to_canonical();
        if !is_in(peer, trusted) {
            let forwarded = headers.contains_key(FORWARDED_FOR) || headers.contains_key("forwarded");
            return Self { address: peer, local: peer.is_loopback() && !forwarded, proxied: false };
        }
        let address = forwarded_client(headers, trusted).unwrap_or(peer);
        let named = headers.contains_key(FORWARDED_FOR) || headers.contains_key("forwarded");
        Self { address, local: !named && peer.is_loopback(), proxied: true }
    }
}

/// Whether the address lies in one of the networks.
pub(crate) fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

fn forwarded_client(headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let mut nearest = None;
    for value in headers.get_all(FORWARDED_FOR).into_iter().rev() {
        for entry in value.to_str().ok()?.rsplit(',') {
            // What stands left of an entry nobody can read was not written by a proxy of ours.
            let Some(address) = read_address(entry.trim()) else { return nearest };
            nearest = Some(address);
            if !is_in(address, trusted) {
                return nearest;
            }
        }
    }
    nearest
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn read_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let read = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    read.ok().map(|address| address.to_canonical())
}

/// What callers are counted by: an IPv4 address, or the /64 of an IPv6 one, which a single host can fill at will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AddressKey(IpAddr);

impl From<IpAddr> for AddressKey {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => {
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
            }
            other => other,
        })
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> Client {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        Client::of(peer.parse().unwrap(), &headers, &trusted)
    }

    #[test]
    fn a_stranger_cannot_choose_its_own_address() {
        let seen = client("192.0.2.7:5000", &["10.0.0.1"], &["10.0.0.0/8"]);
        assert_eq!(seen.address, "192.0.2.7".parse::<IpAddr>().unwrap());
        assert!(!seen.proxied && !seen.local);
    }

    #[test]
    fn behind_trusted_proxies_the_right_most_untrusted_address_counts() {
        let seen = client("10.0.0.2:5000", &["6.6.6.6, 192.0.2.9", "10.0.0.3"], &["10.0.0.0/8"]);
        assert_eq!(seen.address, "192.0.2.9".parse::<IpAddr>().unwrap());
        let all_ours = client("10.0.0.2:5000", &["10.0.0.4, 10.0.0.3"], &["10.0.0.0/8"]);
        assert_eq!(all_ours.address, "10.0.0.4".parse::<IpAddr>().unwrap());
        let unreadable = client("10.0.0.2:5000", &["1.2.3.4, unknown"], &["10.0.0.0/8"]);
        assert_eq!(unreadable.address, "10.0.0.2".parse::<IpAddr>().unwrap());
        let port = client("10.0.0.2:5000", &["[2001:db8::1]:99"], &["10.0.0.0/8"]);
        assert_eq!(port.address, "2001:db8::1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn a_proxy_on_this_machine_makes_nobody_local() {
        assert!(client("127.0.0.1:5000", &[], &[]).local);
        assert!(client("[::ffff:127.0.0.1]:5000", &[], &[]).local);
        assert!(!client("127.0.0.1:5000", &["192.0.2.9"], &[]).local);
        assert!(!client("127.0.0.1:5000", &["192.0.2.9"], &["127.0.0.1/32"]).local);
        assert!(!client("127.0.0.1:5000", &["127.0.0.1"], &["127.0.0.1/32"]).local);
    }

    #[test]
    fn an_ipv6_host_is_counted_by_its_network() {
        let key = |text: &str| AddressKey::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("::1"), key("::2"));
    }
}
