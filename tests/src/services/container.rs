//! PostgreSQL in a container.
//!
//! A local image is used as it is; a registry is asked only for an image that is not there.

use testcontainers::core::IntoContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use super::{PASSWORD, START_TIMEOUT, ServiceError, USER, free_port, guard};
use crate::guard::Guard;

const IMAGE_VARIABLE: &str = "BOXOFFICE_TEST_POSTGRES_IMAGE";
const IMAGE_DEFAULT: &str = "boxoffice-test/postgres:15";

/// Seconds after which a stopped server is killed.
const STOP_TIMEOUT_SECONDS: i32 = 20;

#[derive(Debug)]
pub(super) struct Container {
    port: u16,
    container: ContainerAsync<GenericImage>,
    /// Removes the container when the process dies: a static is never dropped.
    _guard: Guard,
}

pub(super) fn image_from_environment() -> Option<String> {
    std::env::var(IMAGE_VARIABLE).ok().filter(|image| !image.is_empty())
}

impl Container {
    pub(super) async fn start() -> Result<Self, ServiceError> {
        let image = image_from_environment().unwrap_or_else(|| IMAGE_DEFAULT.to_owned());
        let (name, tag) = image.rsplit_once(':').unwrap_or((&image, "latest"));
        // Docker gives another port after a restart unless it is asked for one.
        let port = free_port();
        let container = GenericImage::new(name, tag)
            .with_env_var("POSTGRES_USER", USER)
            .with_env_var("POSTGRES_PASSWORD", PASSWORD)
            .with_cmd(["postgres", "-c", "fsync=off", "-c", "max_connections=200"])
            .with_mapped_port(port, 5432.tcp())
            .with_startup_timeout(START_TIMEOUT)
            .start()
            .await?;
        let mut guard = guard()?;
        guard.adopt_container(container.id()).map_err(ServiceError::io("guard the container"))?;
        Ok(Self { port, container, _guard: guard })
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) async fn stop(&self) -> Result<(), ServiceError> {
        Ok(self.container.stop_with_timeout(Some(STOP_TIMEOUT_SECONDS)).await?)
    }

    pub(super) async fn kill(&self) -> Result<(), ServiceError> {
        Ok(self.container.stop_with_timeout(Some(0)).await?)
    }

    pub(super) async fn start_again(&self) -> Result<(), ServiceError> {
        Ok(self.container.start().await?)
    }
}
