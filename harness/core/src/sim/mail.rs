//! Messages on their way: each arrives when its link has carried it, or is lost.

use crate::balance::{Command, Link, Sample, Status};
use crate::scenario;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A message.
pub(super) enum Post {
    /// A telegram, at its last byte.
    Bytes(Vec<u8>),
    /// What the dongle makes of it.
    Sample(Sample),
    /// What a charger says.
    Status(Status),
    /// Somebody noticed that a link works or does not.
    Link {
        /// Which.
        what: Link,
        /// It works.
        up: bool,
    },
    /// What the balancer wants.
    Command(Command),
}

/// Everything on its way.
pub(super) struct Mail {
    seed: u64,
    sent: u64,
    /// When, in which order, and the place in `posts`.
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    posts: Vec<Option<Post>>,
    free: Vec<usize>,
    buffers: Vec<Vec<u8>>,
}

impl Mail {
    pub(super) fn new(seed: u64) -> Mail {
        Mail {
            seed,
            sent: 0,
            queue: BinaryHeap::new(),
            posts: Vec::new(),
            free: Vec::new(),
            buffers: Vec::new(),
        }
    }

    /// When the next message arrives.
    pub(super) fn due(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse((t_ms, ..))| *t_ms)
    }

    /// A message that arrives at `t_ms`.
    pub(super) fn post(&mut self, t_ms: u64, post: Post) {
        let at = self.free.pop().unwrap_or_else(|| {
            self.posts.push(None);
            self.posts.len() - 1
        });
        self.posts[at] = Some(post);
        self.sent += 1;
        self.queue.push(Reverse((t_ms, self.sent, at)));
    }

    /// A message over a link, which takes its time and may lose it.
    pub(super) fn send(&mut self, t_ms: u64, link: &scenario::Link, post: Post) {
        if link.loss_ppm > 0 && self.draw(1) * 1e6 < f64::from(link.loss_ppm) {
            self.sent += 1;
            return;
        }
        let jitter = if link.jitter_ms > 0 { (self.draw(2) * link.jitter_ms as f64) as u64 } else { 0 };
        self.post(t_ms + link.delay_ms + jitter, post);
    }

    /// The next message that has arrived by `t_ms`.
    pub(super) fn take(&mut self, t_ms: u64) -> Option<Post> {
        let &Reverse((due, _, at)) = self.queue.peek()?;
        if due > t_ms {
            return None;
        }
        self.queue.pop();
        self.free.push(at);
        self.posts[at].take()
    }

    /// An empty buffer for a telegram.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    /// The buffer of a telegram that was heard.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.buffers.push(buffer);
    }

    /// A number from 0 to 1 that the seed and the number of the message decide.
    fn draw(&self, what: u64) -> f64 {
        let mut trace = super::Trace::default();
        trace.words(&[self.seed, self.sent, what]);
        (trace.value() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
