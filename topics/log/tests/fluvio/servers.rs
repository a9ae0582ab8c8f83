//! Clusters for tests: one of a test's own, whose processes it may kill, or one that runs.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fluvio::metadata::customspu::CustomSpuSpec;
use fluvio::metadata::partition::PartitionSpec;
use fluvio::metadata::spu::SpuSpec;
use fluvio::{Fluvio, FluvioClusterConfig};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The folder that holds `fluvio-run`.
const BIN_VARIABLE: &str = "BOXOFFICE_TEST_FLUVIO_BIN";
/// The public address of a controller that runs.
const RUNNING_VARIABLE: &str = "BOXOFFICE_TEST_FLUVIO";
/// How long anything of a server may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first data server's number; the others follow.
const FIRST_SPU: i32 = 5001;

/// A cluster. Its processes end with it.
pub(crate) struct Cluster {
    /// The public address of the controller.
    pub(crate) endpoint: String,
    own: Option<Servers>,
}

struct Servers {
    run: PathBuf,
    dir: TempDir,
    sc_private: u16,
    sc: Option<Child>,
    spus: Vec<Spu>,
}

struct Spu {
    id: i32,
    public: u16,
    private: u16,
    process: Option<Child>,
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests learns what was not tested")]
fn skip(what: &str) {
    eprintln!("SKIPPED: no Fluvio cluster. Set {what}.");
}

impl Cluster {
    /// One that runs already, or one of its own; `None` when there is neither.
    pub(crate) async fn any() -> Option<Self> {
        if let Ok(endpoint) = std::env::var(RUNNING_VARIABLE) {
            return Some(Self { endpoint, own: None });
        }
        let own = Self::start(1).await;
        if own.is_none() {
            skip(&format!("{RUNNING_VARIABLE} to the address of a controller that runs"));
        }
        own
    }

    /// One whose processes the test may kill; `None` without the programs.
    pub(crate) async fn own() -> Option<Self> {
        Self::start(1).await
    }

    /// One of its own with several data servers.
    pub(crate) async fn start(spus: usize) -> Option<Self> {
        let Ok(bin) = std::env::var(BIN_VARIABLE) else {
            skip(&format!("{BIN_VARIABLE} to the folder that holds fluvio-run"));
            return None;
        };
        let run = PathBuf::from(bin).join("fluvio-run");
        let dir = tempfile::tempdir().unwrap();
        let ports = free_ports(2 + 2 * spus);
        let spu = |(index, ports): (usize, &[u16])| Spu {
            id: FIRST_SPU + index as i32,
            public: ports[0],
            private: ports[1],
            process: None,
        };
        let servers = Servers {
            run,
            dir,
            sc_private: ports[1],
            sc: None,
            spus: ports[2..].chunks(2).enumerate().map(spu).collect(),
        };
        let endpoint = format!("127.0.0.1:{}", ports[0]);
        let mut cluster = Self { endpoint, own: Some(servers) };
        cluster.start_controller().await;
        for index in 0..spus {
            cluster.register(index).await;
            cluster.start_data(index);
        }
        cluster.wait_until_online().await;
        Some(cluster)
    }

    fn servers(&mut self) -> &mut Servers {
        self.own.as_mut().expect("a cluster of its own")
    }

    pub(crate) async fn start_controller(&mut self) {
        let endpoint = self.endpoint.clone();
        let servers = self.servers();
        let metadata = servers.dir.path().join("metadata");
        std::fs::create_dir_all(&metadata).unwrap();
        let private = format!("127.0.0.1:{}", servers.sc_private);
        let mut command = Command::new(&servers.run);
        command.arg("sc").arg("--local").arg(metadata);
        command.args(["--bind-public", &endpoint, "--bind-private", &private]);
        servers.sc = Some(spawn(command, servers.dir.path().join("sc.out")));
        self.client().await;
    }

    pub(crate) fn kill_controller(&mut self) {
        end(&mut self.servers().sc);
    }

    /// Starts a data server on the data that it had.
    pub(crate) fn start_data(&mut self, index: usize) {
        let servers = self.servers();
        let (dir, sc) = (servers.dir.path(), format!("127.0.0.1:{}", servers.sc_private));
        let spu = &mut servers.spus[index];
        let id = spu.id.to_string();
        let (public, private) =
            (format!("127.0.0.1:{}", spu.public), format!("127.0.0.1:{}", spu.private));
        let mut command = Command::new(&servers.run);
        command.args(["spu", "-i", &id, "-p", &public, "-v", &private, "--sc-addr", &sc]);
        command.arg("--log-base-dir").arg(dir.join("spu"));
        command.env("FLUVIO_METRIC_SPU", dir.join(format!("{id}.sock")));
        spu.process = Some(spawn(command, dir.join(format!("{id}.out"))));
    }

    /// Ends a data server as kill -9 does.
    pub(crate) fn kill_data(&mut self, index: usize) {
        end(&mut self.servers().spus[index].process);
    }

    /// Stops a data server in the middle of what it does, or lets it go on.
    pub(crate) fn signal_data(&mut self, signal: Signal) {
        let process = self.servers().spus[0].process.as_ref().expect("it runs");
        kill_process(Pid::from_child(process), signal).unwrap();
    }

    /// Where a data server keeps its partitions.
    pub(crate) fn data_dir(&mut self, index: usize) -> PathBuf {
        let servers = self.servers();
        servers.dir.path().join(format!("spu/spu-logs-{}", servers.spus[index].id))
    }

    /// A plain client of the cluster.
    pub(crate) async fn client(&self) -> Fluvio {
        let config = FluvioClusterConfig::new(&self.endpoint);
        let connecting = async {
            loop {
                match Box::pin(Fluvio::connect_with_config(&config)).await {
                    Ok(client) => return client,
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, connecting).await.expect("the controller answers")
    }

    async fn register(&mut self, index: usize) {
        let spu = &self.servers().spus[index];
        let mut spec = CustomSpuSpec { id: spu.id, ..CustomSpuSpec::default() };
        spec.public_endpoint.port = spu.public;
        spec.public_endpoint.ingress = vec![Default::default()];
        spec.public_endpoint.ingress[0].ip = Some("127.0.0.1".to_owned());
        spec.private_endpoint.host = "127.0.0.1".to_owned();
        spec.private_endpoint.port = spu.private;
        let name = format!("custom-spu-{}", spu.id);
        let client = self.client().await;
        client.admin().await.create(name, false, spec).await.unwrap();
    }

    async fn wait_until_online(&mut self) {
        let wanted = self.servers().spus.len();
        let client = self.client().await;
        let admin = client.admin().await;
        let waiting = async {
            loop {
                let spus = admin.all::<SpuSpec>().await.unwrap();
                if spus.iter().filter(|spu| spu.status.is_online()).count() >= wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("data servers come online");
    }

    /// Waits until every partition of the cluster has a leader.
    pub(crate) async fn wait_for_leaders(&self) {
        let client = self.client().await;
        let admin = client.admin().await;
        let waiting = async {
            while !admin
                .all::<PartitionSpec>()
                .await
                .unwrap()
                .iter()
                .all(|it| it.status.is_online())
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("partitions have leaders");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(servers) = &mut self.own {
            servers.spus.iter_mut().for_each(|spu| end(&mut spu.process));
            end(&mut servers.sc);
        }
    }
}

fn spawn(mut command: Command, output: PathBuf) -> Child {
    let output = std::fs::File::create(output).unwrap();
    command.env("RUST_LOG", "warn").env("NO_COLOR", "1").stdin(Stdio::null());
    command.stdout(output.try_clone().unwrap()).stderr(output);
    command.spawn().expect("fluvio-run starts")
}

fn end(process: &mut Option<Child>) {
    if let Some(mut process) = process.take() {
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}
