//! Subscriptions: the durable events of an image, first those on disk, then each new one.

// each module uses only the modules above it
mod signal;
mod files;
mod position;
mod subscription;
mod stream;
mod journal;

pub use files::SubscriptionInfo;
pub use signal::StopHandle;
pub use stream::SubscriptionStream;
pub use subscription::Subscription;

pub(crate) use files::SubscriptionHold;
