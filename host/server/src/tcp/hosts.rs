//! The names by which a server may be asked. A page of somebody else's whose name leads here (DNS
//! rebinding) asks by that name, and is refused by it.

use std::net::SocketAddr;

use axum::http::{HeaderMap, Uri, header};

/// The names by which a server may be asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// As they stand in the header: `name`, or `name:port`, in lower case.
    exact: Vec<String>,
    /// Names that may have any port.
    any_port: Vec<String>,
}

impl Hosts {
    /// Those of the addresses that are listened at, and those that are named.
    pub(crate) fn new(addresses: &[SocketAddr], named: &[String], default_port: u16) -> Self {
        let mut hosts = Self::default();
        for address in addresses {
            let mut names = Vec::new();
            if address.ip().is_loopback() {
                names.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
            }
            if !address.ip().is_unspecified() {
                names.push(match address {
                    SocketAddr::V4(address) => address.ip().to_string(),
                    SocketAddr::V6(address) => format!("[{}]", address.ip()),
                });
            }
            for name in names {
                if address.port() == default_port {
                    hosts.exact.push(name.clone());
                }
                hosts.exact.push(format!("{name}:{}", address.port()));
            }
        }
        for name in named {
            let name = name.to_ascii_lowercase();
            match has_port(&name) {
                true => hosts.exact.push(name),
                false => hosts.any_port.push(name),
            }
        }
        hosts
    }

    fn allow(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if self.exact.contains(&host) || self.any_port.contains(&host) {
            return true;
        }
        match host.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => {
                port.bytes().all(|it| it.is_ascii_digit())
                    && self.any_port.iter().any(|it| it == name)
            }
            _ => false,
        }
    }

    /// The one name that a request asks by, if it may; else what it asks by instead.
    pub(crate) fn check<'a>(
        &self,
        uri: &'a Uri,
        headers: &'a HeaderMap,
    ) -> Result<&'a str, String> {
        let mut named = headers.get_all(header::HOST).iter();
        let host = match (named.next(), named.next()) {
            (Some(host), None) => host.to_str().unwrap_or_default(),
            (None, _) => return Err("no host name".to_owned()),
            _ => return Err("several host names".to_owned()),
        };
        // As a proxy is asked, it stands in the first line, too.
        let in_line = uri.authority().map(|it| it.as_str());
        for name in [Some(host), in_line].into_iter().flatten() {
            if !self.allow(name) {
                let name: String = name.chars().take(100).collect();
                return Err(format!("the host name `{name}`"));
            }
        }
        Ok(host)
    }
}

/// Whether a name ends with a port; an IPv6 address stands in brackets.
fn has_port(name: &str) -> bool {
    match name.rsplit_once(':') {
        Some((_, port)) => !port.ends_with(']'),
        None => false,
    }
}

/// Whether a page of another site asks, as browsers say it: by `Origin`, which has to be the very host
/// that is asked, and by `Sec-Fetch-Site`.
pub(crate) fn is_cross_site(host: &str, headers: &HeaderMap) -> bool {
    let other_origin = |origin: &str| {
        let authority = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        !authority.is_some_and(|it| it.eq_ignore_ascii_case(host))
    };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let mut sites = headers.get_all("sec-fetch-site").iter();
    origins.any(|it| it.to_str().map_or(true, other_origin))
        || sites.any(|it| !matches!(it.as_bytes(), b"same-origin" | b"none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(hosts: &Hosts, uri: &str, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        hosts.check(&uri.parse().unwrap(), &map).is_ok()
    }

    #[test]
    fn only_names_that_are_allowed_may_be_asked_by() {
        let addresses = ["127.0.0.1:80", "127.0.0.1:8080", "192.0.2.1:443"];
        let addresses = addresses.map(|it| it.parse().unwrap());
        let named = ["keyway.example", "Other.example:9", "[2001:db8::1]"].map(str::to_owned);
        let hosts = Hosts::new(&addresses, &named, 80);
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.0.2.1:443",
            "keyway.example",
            "Keyway.Example:1",
            "other.example:9",
            "[2001:db8::1]",
            "[2001:db8::1]:8",
        ] {
            assert!(asked(&hosts, "/", &[("host", host)]), "{host}");
        }
        for host in [
            "",
            "evil",
            "evil:8080",
            "localhost:81",
            "localhost.:8080",
            "localhost.",
            "192.0.2.1",
            "me@localhost:8080",
            "localhost:8080@evil",
            "localhost:08080",
            "localhost:+8080",
            "localhost:",
            "keyway.example:",
            "keyway.example:+1",
            "keyway.example:65536",
            "keyway.example.evil",
            "evil.keyway.example",
            "other.example",
            "2001:db8::1",
            "127.1:8080",
            "2130706433:8080",
            "0.0.0.0:8080",
            "localhost:8080, evil",
        ] {
            assert!(!asked(&hosts, "/", &[("host", host)]), "{host}");
        }
        let good = ("host", "localhost:8080");
        assert!(!asked(&hosts, "/", &[]));
        assert!(!asked(&hosts, "/", &[good, good]));
        assert!(!asked(&hosts, "http://evil/", &[good]));
        assert!(!asked(
            &hosts,
            "http://localhost:8080/",
            &[("host", "evil")]
        ));
        assert!(asked(&hosts, "http://localhost:8080/", &[good]));
    }

    #[test]
    fn a_page_may_ask_only_where_it_comes_from() {
        for (name, value, cross) in [
            ("origin", "http://localhost:8080", false),
            ("origin", "https://LOCALHOST:8080", false),
            ("origin", "http://localhost:8081", true),
            ("origin", "http://localhost", true),
            ("origin", "null", true),
            ("origin", "", true),
            ("origin", "ftp://localhost:8080", true),
            ("origin", "http://localhost:8080.evil", true),
            ("sec-fetch-site", "same-origin", false),
            ("sec-fetch-site", "none", false),
            ("sec-fetch-site", "same-site", true),
            ("sec-fetch-site", "cross-site", true),
            ("sec-fetch-site", "", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(name, value.parse().unwrap());
            let found = is_cross_site("localhost:8080", &headers);
            assert_eq!(found, cross, "{name}: {value}");
        }
        assert!(!is_cross_site("localhost", &HeaderMap::new()));
    }
}
