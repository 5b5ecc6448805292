//! Which addresses are asked for through a proxy, and how a proxy is asked for them.
//!
//! For an `http` address a client sends the proxy the whole address in a plain GET (RFC 9112,
//! section 3.2.2). Tunnels by CONNECT are for `https`: many a proxy allows them to port 443 only.
//! ureq knows only tunnels, so the request it makes is changed on its way out.

use std::env;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};
use ureq::{Agent, ProxyProtocol};

/// The proxies of downloads, each as `http://name:password@host:port`; name, password and port may
/// be left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy for `http` addresses.
    pub http: Option<String>,
    /// The proxy for `https` addresses.
    pub https: Option<String>,
    /// Hosts that are asked without a proxy, each with all that are below it; `*` means all hosts.
    pub except: Vec<String>,
}

impl Proxies {
    /// The proxies that the environment names: `http_proxy` and `https_proxy`, or else `all_proxy`,
    /// and the exceptions in `no_proxy`, separated by commas. All of them also in capitals.
    ///
    /// Where only `https_proxy` is set, it serves for `http` addresses, too.
    pub fn from_env() -> Proxies {
        Proxies::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Proxies {
        let either = |name: &str| {
            let values = [variable(name), variable(&name.to_uppercase())];
            values.into_iter().flatten().find(|value| !value.trim().is_empty())
        };
        let [http, https, all] = ["http_proxy", "https_proxy", "all_proxy"].map(either);
        let except = either("no_proxy").unwrap_or_default();
        let except = except.split([',', ' ']).filter(|host| !host.is_empty());
        Proxies {
            http: http.or_else(|| all.clone()).or_else(|| https.clone()),
            https: https.or(all),
            except: except.map(str::to_owned).collect(),
        }
    }

    /// The proxy for an address.
    pub(crate) fn of(&self, address: &Uri) -> Option<&str> {
        let https = address.scheme_str() == Some("https");
        let proxy = if https { &self.https } else { &self.http };
        let host = address.host()?.to_lowercase();
        let port = address.port_u16().unwrap_or(if https { 443 } else { 80 });
        let excepted = self.except.iter().any(|except| is_below(&host, port, except));
        proxy.as_deref().filter(|_| !excepted)
    }
}

/// Whether a host is the one of an exception, or below it.
fn is_below(host: &str, port: u16, except: &str) -> bool {
    let except = except.to_lowercase();
    let (except, only) = match except.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') => (name, digits.parse().ok()),
        _ => (&*except, None),
    };
    let name = except.trim_start_matches('*').trim_start_matches('.');
    let above = host.strip_suffix(name);
    only.is_none_or(|only: u16| only == port)
        && above.is_some_and(|above| name.is_empty() || above.is_empty() || above.ends_with('.'))
}

/// Proxies without their passwords.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host =
            |proxy: &Option<String>| proxy.as_deref().map(without_password).map(str::to_owned);
        f.debug_struct("Proxies")
            .field("http", &host(&self.http))
            .field("https", &host(&self.https))
            .field("except", &self.except)
            .finish()
    }
}

/// Host and port of a proxy's address.
pub(crate) fn without_password(proxy: &str) -> &str {
    let host = proxy.rsplit_once('@').map_or(proxy, |(_, host)| host);
    host.rsplit_once("://").map_or(host, |(_, host)| host).trim_end_matches('/')
}

/// A proxy by its address, if it can be used. `scheme` is that of the addresses it serves.
pub(crate) fn parse(
    proxy: &str,
    scheme: &str,
    usable: &[ProxyProtocol],
) -> Result<ureq::Proxy, String> {
    let expected = "expected a proxy such as http://host:port, found";
    let parsed = ureq::Proxy::new(proxy)
        .map_err(|error| format!("{expected} `{}`: {error}", without_password(proxy)))?;
    if usable.contains(&parsed.protocol()) {
        return Ok(parsed);
    }
    Err(format!("{expected} one for {}; set {scheme}_proxy to another", parsed.protocol()))
}

/// A client that sends all it asks for to a proxy, in a plain GET.
pub(crate) fn plain_agent(proxy: &str, config: Config) -> Result<Agent, String> {
    let proxy = parse(proxy, "http", &[ProxyProtocol::Http])?;
    let authorization = proxy.username().map(|name| {
        let both = format!("{name}:{}", proxy.password().unwrap_or_default());
        format!("Proxy-Authorization: Basic {}\r\n", BASE64_STANDARD.encode(both))
    });
    let route = Route { proxy: proxy.uri().clone(), authorization };
    let resolver = route.clone();
    Ok(Agent::with_parts(config, DefaultConnector::new().chain(route), resolver))
}

/// The way to a proxy.
#[derive(Clone)]
struct Route {
    proxy: Uri,
    /// The line of the request that names the user.
    authorization: Option<String>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({:?})", self.proxy.host())
    }
}

/// Whatever host is asked for, the connection is to the proxy.
impl Resolver for Route {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        DefaultResolver::default().resolve(&self.proxy, config, timeout)
    }
}

impl<T: Transport> Connector<T> for Route {
    type Out = AbsoluteForm<T>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<T>,
    ) -> Result<Option<AbsoluteForm<T>>, ureq::Error> {
        let host = details.uri.host().unwrap_or_default();
        let port = details.uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(chained.map(|inner| AbsoluteForm {
            inner,
            origin: format!("http://{host}{port}"),
            authorization: self.authorization.clone(),
            sent: false,
        }))
    }
}

/// A connection on which the first line of the request gets the whole address.
#[derive(Debug)]
struct AbsoluteForm<T> {
    inner: T,
    /// What the address begins with, up to its path.
    origin: String,
    authorization: Option<String>,
    sent: bool,
}

impl<T> AbsoluteForm<T> {
    /// The request with its address complete, and with what the proxy asks for.
    fn complete(&self, request: &[u8]) -> Option<Vec<u8>> {
        let path = request.iter().position(|&byte| byte == b' ')? + 1;
        let line = request.windows(2).position(|end| end == b"\r\n")? + 2;
        let authorization = self.authorization.as_deref().unwrap_or_default();
        let (origin, authorization) = (self.origin.as_bytes(), authorization.as_bytes());
        Some(
            [&request[..path], origin, &request[path..line], authorization, &request[line..]]
                .concat(),
        )
    }
}

impl<T: Transport> Transport for AbsoluteForm<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if self.sent {
            return self.inner.transmit_output(amount, timeout);
        }
        self.sent = true;
        let request = self.inner.buffers().output()[..amount].to_vec();
        let complete = self.complete(&request).unwrap_or(request);
        let output = self.inner.buffers().output();
        let Some(output) = output.get_mut(..complete.len()) else {
            return Err(ureq::Error::BadUri("the address is too long".to_owned()));
        };
        output.copy_from_slice(&complete);
        self.inner.transmit_output(complete.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        false // each connection is for one request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_variables(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], address: &str, expected: Option<&str>) {
        assert_eq!(proxies(variables).of(&address.parse().unwrap()), expected, "{address}");
    }

    #[test]
    fn the_environment_names_proxies() {
        let (http, https) = ("http://host/file", "https://host/file");
        check(&[], http, None);
        check(&[("http_proxy", ""), ("HTTP_PROXY", " ")], http, None);
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "HTTPS_PROXY"] {
            check(&[(name, "p:1")], http, Some("p:1"));
        }
        let both = [("ALL_PROXY", "a:1"), ("http_proxy", "h:1"), ("HTTPS_PROXY", "s:1")];
        check(&both, http, Some("h:1"));
        check(&both, https, Some("s:1"));
        check(&both[..2], https, Some("a:1"));
        check(&[("HTTP_PROXY", "h:1")], https, None);
    }

    #[test]
    fn exceptions_are_hosts_and_those_below_them() {
        for (no_proxy, excepted) in [
            ("host.org", true),
            ("HOST.org", true),
            ("a,b, host.org", true),
            ("org", true),
            (".org", true),
            ("*.org", true),
            ("*", true),
            ("host.org:80", true),
            ("host.org:81", false),
            ("ost.org", false),
            ("host.org.uk", false),
            ("www.host.org", false),
            ("", false),
            ("10.0.0.1,::1", false),
        ] {
            let variables = [("http_proxy", "p:1"), ("NO_PROXY", no_proxy)];
            check(&variables, "http://host.org/file", Some("p:1").filter(|_| !excepted));
        }
        check(&[("http_proxy", "p:1"), ("no_proxy", "127.0.0.1")], "http://127.0.0.1:8/f", None);
    }

    #[test]
    fn passwords_are_not_shown() {
        let proxies = proxies(&[("http_proxy", "http://me:s3cret@host:80/")]);
        assert!(!format!("{proxies:?}").contains("s3cret"));
        assert!(format!("{proxies:?}").contains("\"host:80\""));
    }
}
