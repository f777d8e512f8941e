//! Encrypted connections, with libpq's meaning of `sslmode`.

use crate::config::url::{PostgresTarget, SslMode};
use crate::error::{Error, ErrorKind, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The connector for a target: `prefer` and `require` encrypt and check nothing, `verify-ca` checks who signed the
/// certificate, `verify-full` also whose it is.
pub(super) fn connector(target: &PostgresTarget) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: rustls::Error| {
        Error::new(ErrorKind::Backend, format!("cannot set up encryption: {error}")).with_source(error)
    };
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(failed)?;
    // libpq: with a root certificate given, `require` means `verify-ca`.
    let mode = match target.sslmode {
        SslMode::Require if target.sslrootcert.is_some() => SslMode::VerifyCa,
        mode => mode,
    };
    let config = if mode >= SslMode::VerifyCa {
        let trusted = trusted(target)?;
        let roots = Arc::new(roots(&trusted)?);
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build().map_err(|error| {
            Error::new(ErrorKind::Configuration, format!("cannot use the root certificates: {error}"))
                .with_source(error)
        })?;
        let verifier = Verifier::Authority { inner, trusted, any_name: mode == SslMode::VerifyCa };
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier::None(provider))).with_no_client_auth()
    };
    Ok(MakeRustlsConnect::new(config))
}

/// The certificates to trust: those of the file that the URL names, or the system's.
fn trusted(target: &PostgresTarget) -> Result<Vec<CertificateDer<'static>>> {
    match &target.sslrootcert {
        Some(path) => {
            let read = |error: rustls::pki_types::pem::Error| {
                Error::new(ErrorKind::Configuration, format!("cannot read the root certificates: {error}"))
                    .with_source(error)
                    .at(path, None)
            };
            CertificateDer::pem_file_iter(path).map_err(read)?.collect::<std::result::Result<_, _>>().map_err(read)
        }
        None => Ok(rustls_native_certs::load_native_certs().certs),
    }
}

fn roots(trusted: &[CertificateDer<'static>]) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(trusted.iter().cloned());
    if added == 0 {
        return Err(Error::new(ErrorKind::Configuration, "there are no root certificates to check the server against")
            .with_hint("give them with sslrootcert=FILE in the database URL"));
    }
    Ok(roots)
}

/// What is checked of a server's certificate.
#[derive(Debug)]
enum Verifier {
    /// Nothing.
    None(Arc<CryptoProvider>),
    /// That an authority signed it, and perhaps that it names this server.
    Authority { inner: Arc<WebPkiServerVerifier>, trusted: Vec<CertificateDer<'static>>, any_name: bool },
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Self::Authority { inner, trusted, any_name } = self else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if *any_name => Ok(ServerCertVerified::assertion()),
            // As `openssl req -x509` makes a certificate that signs itself, it says that it is an authority, and webpki
            // takes no authority for a server. One that is itself among those to trust is trusted, as in libpq; that it
            // is not expired webpki has found by now.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_))) if trusted.contains(certificate) => {
                if !any_name {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        match self {
            Self::None(provider) => rustls::crypto::verify_tls12_signature(
                message,
                certificate,
                signature,
                &provider.signature_verification_algorithms,
            ),
            Self::Authority { inner, .. } => inner.verify_tls12_signature(message, certificate, signature),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        match self {
            Self::None(provider) => rustls::crypto::verify_tls13_signature(
                message,
                certificate,
                signature,
                &provider.signature_verification_algorithms,
            ),
            Self::Authority { inner, .. } => inner.verify_tls13_signature(message, certificate, signature),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match self {
            Self::None(provider) => provider.signature_verification_algorithms.supported_schemes(),
            Self::Authority { inner, .. } => inner.supported_verify_schemes(),
        }
    }
}
