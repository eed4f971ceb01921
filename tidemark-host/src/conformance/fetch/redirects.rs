//! Redirects: followed as RFC 9110, 15.4 and the Fetch standard say, returned, refused.

use http::Method;
use http::header::LOCATION;

use super::super::net::fails_with;
use super::super::{Failure, pattern, require};
use super::{Client, arrived, told};
use crate::{Body, Capability, ErrorKind, Fetch, Host, Redirects};

/// The statuses that redirect, and whether a POST stays one (RFC 9110, 15.4.2 to 15.4.9).
const STATUSES: [(u16, bool); 5] = [(301, false), (302, false), (303, false), (307, true), (308, true)];

const BODY_BYTES: u64 = 1_000;

pub(super) async fn followed<H: Host, F: Fetch>(client: &Client<'_, H, F>) -> Result<(), Failure> {
    for (status, stays) in STATUSES {
        let body = Body::Full(pattern::bytes(3, 0, BODY_BYTES as usize));
        let path = format!("/redirect?status={status}&seed=3&count=3");
        let response = client.send(client.request(Method::POST, &path, body)?, Redirects::Follow).await?;
        require(response.status() == 200, || format!("{status}: not followed, {}", response.status()))?;
        let (method, expected) = (told(response.headers(), "x-method")?, if stays { "POST" } else { "GET" });
        require(method == expected, || format!("{status}: a POST became a {method}, expected a {expected}"))?;
        arrived(response.headers(), if stays { BODY_BYTES } else { 0 })?;
    }
    // More than any client follows (WHATWG Fetch, 4.4: twenty).
    let endless = client.request(Method::GET, "/redirect?status=302&count=1000", Body::Empty)?;
    let answer =
        client.suite.within("an endless redirect ends", client.fetch.fetch(endless, Redirects::Follow));
    match answer.await? {
        Err(_) => Ok(()),
        Ok(response) => Err(Failure::new(format!("a thousand redirects: {}", response.status()))),
    }
}

pub(super) async fn returned<H: Host, F: Fetch>(client: &Client<'_, H, F>) -> Result<(), Failure> {
    let is_declared = client.suite.host.capabilities().has(Capability::FetchRedirects);
    for (status, _) in STATUSES {
        let request = client.request(Method::GET, &format!("/redirect?status={status}"), Body::Empty)?;
        let answer = client.fetch.fetch(request, Redirects::Return);
        let answer = client.suite.within("a redirect is answered", answer).await?;
        if !is_declared {
            let unsupported = ErrorKind::Unsupported(Capability::FetchRedirects);
            fails_with("returning redirects", answer, &[unsupported])?;
            continue;
        }
        let response = answer?;
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let is_returned =
            response.status() == status && location.is_some_and(|to| to.starts_with("/exchange"));
        require(is_returned, || format!("{status}: the answer is {}, to {location:?}", response.status()))?;
    }
    Ok(())
}

pub(super) async fn refused<H: Host, F: Fetch>(client: &Client<'_, H, F>) -> Result<(), Failure> {
    for (status, _) in STATUSES {
        let request = client.request(Method::GET, &format!("/redirect?status={status}"), Body::Empty)?;
        let answer = client.fetch.fetch(request, Redirects::Refuse);
        let answer = client.suite.within("a redirect is answered", answer).await?;
        fails_with(&format!("a refused {status}"), answer, &[ErrorKind::Aborted, ErrorKind::Other])?;
    }
    let plain = client.request(Method::GET, "/exchange?status=200", Body::Empty)?;
    client.send(plain, Redirects::Refuse).await.map(drop)
}
