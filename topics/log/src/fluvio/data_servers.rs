//! The data servers (SPUs) of a cluster: each is made known to the controller once, under a number,
//! before it first starts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use fluvio::FluvioAdmin;
use fluvio::metadata::customspu::CustomSpuSpec;
use fluvio::metadata::spu::SpuSpec;

use super::config::FluvioConfig;
use super::connect::within;
use super::topics::{ADMIN_TIMEOUT, admin, away};
use crate::LogError;

/// Where a server listens: `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// The text names no host and port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not host:port")]
pub struct HostPortInvalid(String);

impl FromStr for HostPort {
    type Err = HostPortInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || HostPortInvalid(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().map_err(|_| invalid())?;
        if host.is_empty() {
            return Err(invalid());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A data server as the controller knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataServer {
    /// Its number, which it is started with.
    pub id: i32,
    /// Where clients reach it.
    pub public: HostPort,
    /// Where other data servers reach it.
    pub private: HostPort,
}

impl DataServer {
    fn of(spec: SpuSpec) -> Self {
        let host = spec.public_endpoint.host_string();
        let public = HostPort { host, port: spec.public_endpoint.port };
        let private =
            HostPort { host: spec.private_endpoint.host, port: spec.private_endpoint.port };
        Self { id: spec.id, public, private }
    }

    fn spec(&self) -> CustomSpuSpec {
        let mut spec = CustomSpuSpec { id: self.id, ..CustomSpuSpec::default() };
        spec.public_endpoint.port = self.public.port;
        spec.public_endpoint.ingress = vec![Default::default()];
        spec.public_endpoint.ingress[0].hostname = Some(self.public.host.clone());
        spec.private_endpoint.host.clone_from(&self.private.host);
        spec.private_endpoint.port = self.private.port;
        spec
    }
}

/// Makes a data server known to the controller, unless it is already, and says whether it was not.
///
/// # Errors
/// [`LogError::Away`] when the cluster does not answer; [`LogError::Mismatch`] when it knows another
/// server by this number: clients would go on looking for that one.
pub async fn register(config: &FluvioConfig, server: &DataServer) -> Result<bool, LogError> {
    let (_client, admin) = admin(config).await?;
    if let Some(known) = find(&admin, server.id).await? {
        if known == *server {
            return Ok(false);
        }
        let DataServer { id, public, private } = known;
        let reason = format!("the cluster knows {id} as a server at {public} and {private}");
        return Err(LogError::Mismatch(Arc::from(reason)));
    }
    let name = format!("custom-spu-{}", server.id);
    let creating = admin.create(name, false, server.spec());
    within(ADMIN_TIMEOUT, "register a data server", creating).await.map_err(away)?;
    Ok(true)
}

async fn find(admin: &FluvioAdmin, id: i32) -> Result<Option<DataServer>, LogError> {
    let all = within(ADMIN_TIMEOUT, "list data servers", admin.all::<SpuSpec>()).await;
    let mut servers = all.map_err(away)?.into_iter().map(|server| DataServer::of(server.spec));
    Ok(servers.find(|server| server.id == id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        let parsed: HostPort = "spu:9010".parse().unwrap();
        assert_eq!(parsed, HostPort { host: "spu".to_owned(), port: 9010 });
        assert_eq!(parsed.to_string(), "spu:9010");
        for wrong in ["", "spu", "spu:", ":9010", "spu:65536", "spu:x"] {
            assert!(wrong.parse::<HostPort>().is_err(), "{wrong}");
        }
    }
}
