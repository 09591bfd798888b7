//! The async runtime behind a log: the clients of the engines are async, and [`RemoteLog`](crate::RemoteLog) blocks.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc;

use futures_util::FutureExt;

use crate::log_error::{LogError, LogErrorKind};

/// A tokio runtime with one worker thread, owned by a log. Its tasks end with it.
#[derive(Debug)]
pub(crate) struct Runtime {
    /// None only while the runtime is dropped.
    runtime: Option<tokio::runtime::Runtime>,
}

impl Runtime {
    /// Starts the worker thread, with this name.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system refuses the thread.
    pub(crate) fn start(name: &str) -> Result<Runtime, LogError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .enable_all()
            .build()
            .map_err(|cause| {
                LogError::new(LogErrorKind::Unavailable, format!("the thread `{name}` cannot be started: {cause}"))
            })?;
        Ok(Runtime { runtime: Some(runtime) })
    }

    /// Runs a future on the worker thread, and blocks the calling thread until it has ended. The calling thread may be one of any async
    /// runtime: the call does not enter this runtime. Time limits are those of the future.
    ///
    /// # Errors
    ///
    /// Returns an error if the future panics. An append of which the future panics may have taken effect.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, LogError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.runtime.as_ref().expect("the runtime exists until it is dropped").spawn(async move {
            let outcome = AssertUnwindSafe(future).catch_unwind().await;
            // the receiver waits below for as long as the sender exists
            let _ = sender.send(outcome);
        });
        match receiver.recv() {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => Err(LogError::new(
                LogErrorKind::Unavailable,
                format!("the log's client panicked: {}", message_of(&*panic)),
            )),
            Err(_) => Err(LogError::new(LogErrorKind::Unavailable, "the log's async runtime has ended")),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // unlike dropping a runtime, this does not block, which would panic on a thread of an async runtime
            runtime.shutdown_background();
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_future_is_an_error_and_the_runtime_goes_on() {
        let runtime = Runtime::start("memimage-test").unwrap();
        let error = runtime.run::<()>(async { panic!("out of {}", "order") }).unwrap_err();
        assert!(error.is_unavailable());
        assert_eq!(error.to_string(), "the log's client panicked: out of order");
        assert_eq!(runtime.run(async { 7 }).unwrap(), 7);
    }

    #[test]
    fn a_thread_of_an_async_runtime_can_run_a_future_and_drop_the_runtime() {
        let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let value = other.block_on(async {
            let runtime = Runtime::start("memimage-test").unwrap();
            runtime.run(async {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                7
            })
        });
        assert_eq!(value.unwrap(), 7);
    }
}
