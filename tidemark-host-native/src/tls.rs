//! TLS for fetch and sockets: whom this host trusts.
//!
//! Certificates are judged by the platform (`rustls-platform-verifier`), as its other programs do: an administrator's
//! own authority is trusted and a withdrawn one is not, without a new release of the application. The configuration may
//! add authorities.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tidemark_host::{ErrorKind, HostError};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

/// What the host's connections share. The platform's certificates are read when the first connection needs them, not
/// when the host is made, and not on the event loop: that takes milliseconds.
#[derive(Debug)]
pub(crate) struct Tls {
    extra_roots: Vec<Vec<u8>>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    /// `extra_roots` are authorities to trust besides the platform's, X.509 in DER.
    pub(crate) fn new(extra_roots: Vec<Vec<u8>>) -> Self {
        Self { extra_roots, config: OnceCell::new() }
    }

    /// The configuration of a client without ALPN.
    ///
    /// # Errors
    /// `InvalidInput` if an extra root is no certificate; the platform's, if it has no certificates.
    pub(crate) async fn client_config(&self) -> Result<Arc<ClientConfig>, HostError> {
        let load = || async {
            let extra_roots = self.extra_roots.clone();
            spawn_blocking(move || load(extra_roots))
                .await
                .map_err(|error| failed(ErrorKind::Other, error))?
        };
        self.config.get_or_try_init(load).await.cloned()
    }
}

fn load(extra_roots: Vec<Vec<u8>>) -> Result<Arc<ClientConfig>, HostError> {
    let roots: Vec<_> = extra_roots.into_iter().map(CertificateDer::from).collect();
    let mut valid = RootCertStore::empty();
    for root in &roots {
        valid.add(root.clone()).map_err(|error| failed(ErrorKind::InvalidInput, error))?;
    }
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))
        .map_err(|error| failed(ErrorKind::Other, error))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(ErrorKind::Other, error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn failed(kind: ErrorKind, error: impl std::error::Error + Send + Sync + 'static) -> HostError {
    HostError::new(kind, "loading the certificates to trust").with_source(error)
}
