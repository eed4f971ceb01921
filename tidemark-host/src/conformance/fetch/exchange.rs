//! Generated exchanges: any method, headers, status and bodies that fit each other, judged against what was asked for.

use http::{HeaderName, HeaderValue, Method};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;

use super::super::generate::for_all;
use super::super::{Failure, require};
use super::{Client, arrived, told};
use crate::{Body, Fetch, Host, Redirects};

/// The longest generated body, in bytes.
const MAX_BODY_BYTES: u64 = 1 << 20;

/// One exchange, in full.
#[derive(Clone, Debug)]
struct Exchange {
    method: &'static str,
    headers: Vec<Header>,
    upload: Upload,
    status: u16,
    reply_headers: Vec<Header>,
    download: Transfer,
    /// What the bodies consist of.
    seed: u64,
}

#[derive(Clone, Debug)]
enum Upload {
    None,
    Whole { bytes: u64 },
    Streamed { transfer: Transfer, said: bool },
}

/// A body that comes in chunks.
#[derive(Clone, Debug)]
struct Transfer {
    bytes: u64,
    chunk: u64,
    length_known: bool,
}

#[derive(Clone, Debug)]
struct Header {
    name: &'static str,
    value: String,
}

pub(super) async fn generated<H: Host, F: Fetch>(client: &Client<'_, H, F>) -> Result<(), Failure> {
    for_all(client.suite, exchanges(), async |exchange| judge(client, exchange).await).await
}

fn exchanges() -> impl Strategy<Value = Exchange> {
    let upload = prop_oneof![
        Just(Upload::None),
        lengths().prop_map(|bytes| Upload::Whole { bytes }),
        (transfers(), any::<bool>()).prop_map(|(transfer, said)| Upload::Streamed { transfer, said }),
    ];
    let with_body = select(vec!["POST", "PUT", "PATCH", "DELETE"]);
    let without = select(vec!["GET", "HEAD", "POST", "DELETE", "OPTIONS"]);
    let status = select(vec![200_u16, 201, 203, 400, 404, 418, 500, 503]);
    (with_body, without, headers(), upload, status, headers(), transfers(), any::<u64>()).prop_map(
        |(with_body, without, headers, upload, status, reply_headers, download, seed)| {
            let method = if matches!(upload, Upload::None) { without } else { with_body };
            Exchange { method, headers, upload, status, reply_headers, download, seed }
        },
    )
}

/// Around what buffers are sized.
fn lengths() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..100_u64, 8_000..8_400_u64, 65_500..65_600_u64, 0..=MAX_BODY_BYTES]
}

fn transfers() -> impl Strategy<Value = Transfer> {
    (lengths(), 1..=70_000_u64, any::<bool>()).prop_map(|(bytes, chunk, length_known)| {
        // Not more than a few hundred chunks.
        Transfer { bytes, chunk: chunk.max(bytes / 256), length_known }
    })
}

fn headers() -> impl Strategy<Value = Vec<Header>> {
    let name = select(vec!["x-test-a", "x-test-b", "x-test-c"]);
    // What stands for itself in a query too. A comma or semicolon must not split a value.
    let characters: Vec<char> = "abcXYZ0189,;:/-_.!*'()".chars().collect();
    let value = vec(select(characters), 0..20).prop_map(String::from_iter);
    vec((name, value).prop_map(|(name, value)| Header { name, value }), 0..5)
}

async fn judge<H: Host, F: Fetch>(client: &Client<'_, H, F>, exchange: Exchange) -> Result<(), Failure> {
    let Exchange { method, headers, upload, status, reply_headers, download, seed } = exchange;
    let Transfer { bytes, chunk, length_known } = download;
    let length = if length_known { "known" } else { "unknown" };
    let mut path =
        format!("/exchange?status={status}&seed={seed}&send={bytes}&chunk={chunk}&length={length}");
    for Header { name, value } in &reply_headers {
        path.push_str(&format!("&{name}={value}"));
    }
    let (body, uploaded) = match upload {
        Upload::None => (Body::Empty, 0),
        Upload::Whole { bytes } => (Body::Full(whole(seed, bytes)), bytes),
        Upload::Streamed { transfer: Transfer { bytes, chunk, .. }, said } => {
            (client.upload(seed, bytes, whole_number(chunk), said.then_some(bytes)), bytes)
        }
    };
    let name = Method::from_bytes(method.as_bytes()).map_err(|error| Failure::new(error.to_string()))?;
    let mut request = client.request(name, &path, body)?;
    for Header { name, value } in &headers {
        let value = HeaderValue::try_from(value).map_err(|error| Failure::new(error.to_string()))?;
        request.headers_mut().append(HeaderName::from_static(name), value);
    }

    let response = client.send(request, Redirects::Follow).await?;
    require(response.status() == status, || format!("status {} instead of {status}", response.status()))?;
    let came = told(response.headers(), "x-method")?;
    require(came == method, || format!("{method} came as {came}"))?;
    arrived(response.headers(), uploaded)?;
    let got: Vec<_> = values(&response, "x-got");
    let mut sent: Vec<_> = headers.iter().map(|header| (header.name, header)).collect();
    // Those of one name stay in order, the names need not.
    sent.sort_by_key(|(name, _)| *name);
    let mut got_by_name: Vec<_> = got.iter().map(String::as_str).collect();
    got_by_name.sort_by_key(|line| line.split('=').next());
    let sent: Vec<_> = sent.iter().map(|(name, header)| format!("{name}={}", header.value)).collect();
    require(got_by_name == sent, || format!("headers {sent:?} came as {got:?}"))?;
    for name in ["x-test-a", "x-test-b", "x-test-c"] {
        let of_name = reply_headers.iter().filter(|header| header.name == name);
        let expected: Vec<_> = of_name.map(|header| header.value.clone()).collect();
        let came = values(&response, name);
        require(came == expected, || format!("response headers {name}: {came:?} instead of {expected:?}"))?;
    }
    let length = client.read(response.into_body(), seed).await?;
    let expected = if method == "HEAD" { 0 } else { bytes };
    require(length == expected, || format!("a response of {length} bytes instead of {expected}"))
}

fn values(response: &http::Response<Body>, name: &str) -> Vec<String> {
    let values = response.headers().get_all(name).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

fn whole(seed: u64, bytes: u64) -> bytes::Bytes {
    super::pattern::bytes(seed, 0, whole_number(bytes))
}

/// At most [`MAX_BODY_BYTES`].
fn whole_number(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
