//! A small HTTP server on the loopback address: answers by path, and remembers who asked for what.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a path is answered with.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// HTTP's number.
    pub status: u16,
    /// Name and value of each header; the length is told by itself.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Bytes at the body's end that are told and never sent.
    pub withheld: usize,
}

/// A request that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its path.
    pub path: String,
    /// Its `Authorization`.
    pub authorization: Option<String>,
}

/// A server that ends with the process.
pub struct Server {
    address: SocketAddr,
    replies: Arc<Mutex<BTreeMap<String, Reply>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// A server that knows no path yet.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            replies: Arc::default(),
            requests: Arc::default(),
        };
        let (replies, requests) = (server.replies.clone(), server.requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that leaves early is none of the server's business.
                let _ = answer(stream, &replies, &requests);
            }
        });
        server
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers a path from now on.
    pub fn reply(&self, path: &str, reply: Reply) {
        let mut replies = self.replies.lock().expect("replies");
        replies.insert(path.to_owned(), reply);
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().expect("requests"))
    }
}

fn answer(
    mut stream: TcpStream,
    replies: &Mutex<BTreeMap<String, Reply>>,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut authorization = None;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            authorization = Some(value.trim().to_owned());
        }
    }
    let found = replies.lock().expect("replies").get(&path).cloned();
    requests.lock().expect("requests").push(Request {
        path,
        authorization,
    });
    let reply = found.unwrap_or(Reply {
        status: 404,
        ..Reply::default()
    });
    let length = reply.body.len() + reply.withheld;
    write!(
        stream,
        "HTTP/1.1 {} -\r\ncontent-length: {length}\r\nconnection: close\r\n",
        reply.status
    )?;
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(&reply.body)
}
