//! Why a command is refused.

use memimage::Shape;
use serde::{Deserialize, Serialize};

/// A command breaks a rule. Checks refuse, so nothing is recorded, and the rules may change at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Shape, thiserror::Error)]
pub enum Refusal {
    /// Another user has this name.
    #[error("the username is taken")]
    UsernameTaken,
    /// Another user has this email address.
    #[error("the email address is taken")]
    EmailTaken,
    /// The user who asks was deleted.
    #[error("the user who asks does not exist")]
    NotAUser,
    /// There is no such user.
    #[error("there is no such user")]
    NoProfile,
    /// There is no such article.
    #[error("there is no such article")]
    NoArticle,
    /// There is no such comment on this article.
    #[error("there is no such comment")]
    NoComment,
    /// The article belongs to another user.
    #[error("the article belongs to another user")]
    NotTheirArticle,
    /// The comment belongs to another user.
    #[error("the comment belongs to another user")]
    NotTheirComment,
    /// It is so already: nothing needs to be recorded.
    #[error("it is so already")]
    Already,
}
