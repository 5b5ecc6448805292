use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

use crate::proxy::{Proxies, plain_agent, without_password};

/// A host may send on to another so many times.
const MOST_REDIRECTS: usize = 5;

/// What an address answers, after being sent on from one to the next.
///
/// A connection or a first byte may take 20 seconds at most, the content as long as `timeout`.
pub(crate) fn get(
    address: &str,
    proxies: &Proxies,
    timeout: Duration,
) -> Result<Response<Body>, String> {
    let mut address: Uri = address.parse().map_err(|e| format!("expected an address: {e}"))?;
    for _ in 0..=MOST_REDIRECTS {
        let proxy = proxies.of(&address);
        let agent = agent(&address, proxy, timeout)?;
        let response = agent.get(&address).call().map_err(|error| explain(&error, proxy))?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        let location = response.headers().get("location").and_then(|place| place.to_str().ok());
        address = location
            .and_then(|place| follow(&address, place))
            .ok_or_else(|| format!("sent on with status {} to nowhere", response.status()))?;
    }
    Err(format!("sent on more than {MOST_REDIRECTS} times, last to {address}"))
}

/// Where a host sends on to: a whole address, or a path on the same host.
fn follow(from: &Uri, location: &str) -> Option<Uri> {
    let origin = format!("{}://{}", from.scheme()?, from.authority()?);
    let whole = match location {
        place if place.contains("://") => place.to_owned(),
        place if place.starts_with("//") => format!("{}:{place}", from.scheme()?),
        place if place.starts_with('/') => origin + place,
        place => {
            let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{origin}{folder}/{place}")
        }
    };
    whole.split('#').next()?.parse().ok()
}

/// The client for an address: for `http` direct or by plain GETs to a proxy, for `https` direct or
/// through a tunnel.
fn agent(address: &Uri, proxy: Option<&str>, timeout: Duration) -> Result<Agent, String> {
    let short = Some(timeout.min(Duration::from_secs(20)));
    let config = Agent::config_builder()
        .timeout_connect(short)
        .timeout_recv_response(short)
        .timeout_recv_body(Some(timeout))
        .max_redirects(0)
        .max_redirects_will_error(false);
    match (address.scheme_str(), proxy) {
        (Some("http"), None) => Ok(config.proxy(None).build().into()),
        (Some("http"), Some(proxy)) => plain_agent(proxy, config.proxy(None).build()),
        (Some("https"), proxy) => https_agent(address, proxy, |proxy| config.proxy(proxy).build()),
        _ => Err(format!("expected an http address, found {address}")),
    }
}

#[cfg(feature = "https")]
fn https_agent(
    _: &Uri,
    proxy: Option<&str>,
    config: impl FnOnce(Option<ureq::Proxy>) -> Config,
) -> Result<Agent, String> {
    use ureq::ProxyProtocol::{Http, Https};
    let tunnel = proxy.map(|proxy| crate::proxy::parse(proxy, "https", &[Http, Https]));
    let tunnel = tunnel.transpose()?;
    Ok(config(tunnel).into())
}

#[cfg(not(feature = "https"))]
fn https_agent(
    address: &Uri,
    _: Option<&str>,
    _: impl FnOnce(Option<ureq::Proxy>) -> Config,
) -> Result<Agent, String> {
    Err(format!(
        "the file is at {address}, and this program has no HTTPS; build longhand-mnist with its \
         `https` feature, or place the file by hand"
    ))
}

/// What went wrong, and with which proxy.
fn explain(error: &ureq::Error, proxy: Option<&str>) -> String {
    let Some(proxy) = proxy.map(without_password) else { return error.to_string() };
    match error {
        ureq::Error::StatusCode(407) => format!(
            "{error}: the proxy {proxy} asks for a name and a password; put them into its address, \
             http://name:password@{proxy}"
        ),
        _ => format!("{error} (through the proxy {proxy})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_whole_or_parts() {
        let from: Uri = "http://host:80/a/b?c".parse().unwrap();
        for (location, expected) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "http://other/x"),
            ("/x/y", "http://host:80/x/y"),
            ("x", "http://host:80/a/x"),
            ("/x#part", "http://host:80/x"),
        ] {
            assert_eq!(follow(&from, location).unwrap().to_string(), expected);
        }
    }
}
