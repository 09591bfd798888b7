//! Conduit, the blogging platform of the RealWorld project, as an application without a database: its state is one memory image.

pub mod http;
pub mod mailer;
pub mod model;
pub mod password;
pub mod secret;
pub mod serve;
pub mod store;
pub mod text;
pub mod token;
pub mod trends;
pub mod view;
