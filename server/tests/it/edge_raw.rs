//! Bytes on a socket, for what no well-behaved client sends.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::Server;

/// Longer than every limit that the tests set.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// One connection to the server.
pub struct RawConnection {
    stream: TcpStream,
}

impl RawConnection {
    pub async fn open(server: &Server) -> Self {
        let address = server.url.strip_prefix("http://").unwrap();
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
        }
    }

    /// From one of this machine's own addresses, with a buffer of its own size for what comes.
    pub async fn open_from(server: &Server, source: Ipv4Addr, receive_buffer: Option<u32>) -> Self {
        let address: SocketAddr = server.url.strip_prefix("http://").unwrap().parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((source, 0))).unwrap();
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        Self {
            stream: socket.connect(address).await.unwrap(),
        }
    }

    /// Sends as much as the server takes; it may hang up meanwhile.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Sends a byte now and then, and reads nothing; how long until the server hung up.
    pub async fn drip_until_dropped(&mut self) -> Duration {
        let started = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        while started.elapsed() < PATIENCE {
            ticks.tick().await;
            if !self.send(b"a").await {
                return started.elapsed();
            }
        }
        panic!("a slow client was waited for without end");
    }

    /// Everything until the server hangs up, spread over at least so long.
    pub async fn read_slowly(&mut self, at_least: Duration) -> String {
        const STEPS: u32 = 60;
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut ticks = tokio::time::interval(at_least / STEPS);
        for _ in 0..STEPS {
            ticks.tick().await;
            let count = self.stream.read(&mut buffer).await.unwrap();
            bytes.extend_from_slice(&buffer[..count]);
        }
        format!("{}{}", String::from_utf8_lossy(&bytes), self.read_to_end().await)
    }

    /// The head of one answer and what came with it; none if the server hangs up instead.
    pub async fn read_answer(&mut self) -> Option<String> {
        let mut text = String::new();
        let reading = async {
            let mut buffer = [0; 4096];
            while !text.contains("\r\n\r\n") {
                // A reset is an end as well.
                let count = self.stream.read(&mut buffer).await.unwrap_or(0);
                if count == 0 {
                    return None;
                }
                text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
            Some(text)
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("an answer or an end in time")
    }

    /// Everything until the server hangs up, or fails the test.
    pub async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut bytes)).await;
        // A reset after the answer is an end as well.
        let _ = read.expect("the server hangs up in time");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What has come once `mark` is in it.
    pub async fn read_until(&mut self, mark: &str) -> String {
        let mut text = String::new();
        let reading = async {
            let mut buffer = [0; 4096];
            while !text.contains(mark) {
                let count = self.stream.read(&mut buffer).await.unwrap();
                assert_ne!(count, 0, "the server hung up after: {text}");
                text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("an answer in time");
        text
    }
}

/// The answer to one request whose connection ends with it.
pub async fn send_once(server: &Server, request: &str) -> String {
    let mut connection = RawConnection::open(server).await;
    connection.send(request.as_bytes()).await;
    connection.read_to_end().await
}

/// The status in the first line of an answer.
pub fn status_of(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1);
    word.and_then(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("no status line in {answer:?}"))
}
