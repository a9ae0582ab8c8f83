//! A load tool that costs little beside the server that it measures: each connection sends its
//! requests in turn and waits for each answer, over and over, in one thread.
//!
//! It reads just enough HTTP to find the end of an answer, and stops at one that is neither 200 nor
//! 409.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Room for every answer that is measured.
const BUFFER_BYTES: usize = 16 * 1024;
/// A minute: longer than any server here lets a client wait.
const LATENCY_MICROS_MAX: u64 = 60_000_000;
/// Connections begin and end a little apart, and buckets keep three digits.
const CLOSED_LOOP_TOLERANCE: f64 = 0.1;

/// What one round measured.
#[derive(Debug)]
pub struct Measured {
    /// Requests that were answered.
    pub requests: u64,
    /// How many of them with 409: decided, and refused.
    pub refused: u64,
    /// How long the round took.
    pub elapsed: Duration,
    /// Microseconds from the first byte sent to the last byte received.
    pub latencies: Histogram<u64>,
}

impl Measured {
    /// Requests in each second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// Adds another round of the same thing.
    ///
    /// # Panics
    /// Never: every round counts in the same buckets.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.elapsed += other.elapsed;
        self.latencies.add(&other.latencies).expect("the same buckets");
    }
}

/// The bounds are given: a histogram that grows by itself does not grow for a saturating record,
/// and files a slow answer as the fastest one there is.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, 3).expect("the bounds are in order")
}

/// Each connection always waits for exactly one answer, so all latencies together are the time of
/// all connections. Anything else means that the tool measures wrongly.
fn check_closed_loop(measured: &Measured, connections: usize) -> io::Result<()> {
    let waited = measured.latencies.mean() * measured.latencies.len() as f64 / 1e6;
    let available = measured.elapsed.as_secs_f64() * connections as f64;
    if (waited / available - 1.0).abs() <= CLOSED_LOOP_TOLERANCE {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "latencies add up to {waited:.1} s, and {connections} connections had {available:.1} s"
    )))
}

/// A whole `POST` request of JSON.
#[must_use]
pub fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sends each connection's requests in turn, over and over for this long.
///
/// # Errors
/// When a connection fails, an answer is neither 200 nor 409, or the latencies do not add up.
pub async fn run(
    port: u16,
    requests: &[Arc<[Vec<u8>]>],
    duration: Duration,
) -> io::Result<Measured> {
    let mut streams = Vec::with_capacity(requests.len());
    for _ in requests {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let started = Instant::now();
    let mut connections = JoinSet::new();
    for (stream, requests) in streams.into_iter().zip(requests) {
        connections.spawn(run_connection(stream, Arc::clone(requests), started + duration));
    }
    let (mut latencies, mut refused) = (histogram(), 0);
    while let Some(connection) = connections.join_next().await {
        let (of_connection, refused_there) = connection.map_err(io::Error::other)??;
        latencies.add(of_connection).map_err(io::Error::other)?;
        refused += refused_there;
    }
    let requests_count = latencies.len();
    let measured =
        Measured { requests: requests_count, refused, elapsed: started.elapsed(), latencies };
    check_closed_loop(&measured, requests.len())?;
    Ok(measured)
}

/// Returns the latencies, and how many requests were refused.
async fn run_connection(
    mut stream: TcpStream,
    requests: Arc<[Vec<u8>]>,
    end: Instant,
) -> io::Result<(Histogram<u64>, u64)> {
    let (mut latencies, mut refused) = (histogram(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut started = Instant::now();
    for request in requests.iter().cycle() {
        if started >= end {
            break;
        }
        stream.write_all(request).await?;
        refused += u64::from(read_answer(&mut stream, &mut buffer).await? == Answer::Refused);
        let now = Instant::now();
        let micros = now.duration_since(started).as_micros();
        latencies.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX));
        started = now;
    }
    Ok((latencies, refused))
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Granted,
    Refused,
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Answer> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if let Some((answer, length)) = answer_of(&buffer[..filled])?
            && length <= filled
        {
            return Ok(answer);
        }
    }
}

/// The answer that begins here and its bytes; `None` while its headers are not complete.
fn answer_of(bytes: &[u8]) -> io::Result<Option<(Answer, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let unexpected = || io::Error::other(String::from_utf8_lossy(bytes).into_owned());
    let head = std::str::from_utf8(&bytes[..end]).map_err(io::Error::other)?;
    let answer = match head.get(..12) {
        Some("HTTP/1.1 200") => Answer::Granted,
        Some("HTTP/1.1 409") => Answer::Refused,
        _ => return Err(unexpected()),
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Ok(Some((answer, end + 4 + length.ok_or_else(unexpected)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(latencies: Histogram<u64>) -> Measured {
        let requests = latencies.len();
        Measured { requests, refused: 0, elapsed: Duration::from_secs(1), latencies }
    }

    #[test]
    fn a_slow_answer_is_not_counted_as_a_fast_one() {
        let mut latencies = histogram();
        for _ in 0..200 {
            latencies.saturating_record(5_000);
        }
        let median = latencies.value_at_quantile(0.5);
        assert!((5_000..5_010).contains(&median), "{median}");
        assert!(check_closed_loop(&measured(latencies), 1).is_ok());
    }

    #[test]
    fn latencies_that_do_not_add_up_are_refused() {
        // It grows by itself, so it takes 5,000 for 2.
        let mut latencies = Histogram::new(3).unwrap();
        for _ in 0..200 {
            latencies.saturating_record(5_000);
        }
        assert!(check_closed_loop(&measured(latencies), 1).is_err());
    }

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(answer_of(answer).unwrap(), Some((Answer::Granted, answer.len())));
        assert_eq!(answer_of(&answer[..20]).unwrap(), None);
        let refused = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(answer_of(refused).unwrap(), Some((Answer::Refused, refused.len())));
        assert!(answer_of(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").is_err());
        assert!(answer_of(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
