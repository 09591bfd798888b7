//! The state of Conduit as plain values, and the commands that change it, in groups.

use std::collections::{BTreeMap, BTreeSet};

use memimage::{Model, Personal, Shape, Subject, Timestamp};
use serde::{Deserialize, Serialize};

mod index;
mod refusal;
// the commands, in groups
pub mod articles;
pub mod comments;
pub mod social;
pub mod users;

pub use index::Index;
pub use refusal::Refusal;

use crate::text::{Bio, Body, Description, Email, Picture, Remark, Slug, Tag, Title, Username};

/// The number of the event that registered a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
pub struct UserId(pub u64);

/// The number of the event that published an article. A later article has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
pub struct ArticleId(pub u64);

/// The number of the event that added a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
pub struct CommentId(pub u64);

/// Everything that Conduit knows.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "conduit", rebuild = reindex, groups(users::Users, articles::Articles, comments::Comments, social::Social))]
pub struct Conduit {
    users: BTreeMap<UserId, User>,
    articles: BTreeMap<ArticleId, Article>,
    /// Whose personal data has still to be erased.
    leaving: BTreeMap<UserId, Subject>,
    #[model(derived)]
    #[serde(skip)]
    index: Index,
}

/// A user. What can be erased is [`Personal`]: no command decides by it, except for the index.
#[derive(Serialize, Deserialize, Shape)]
pub struct User {
    pub(crate) name: Username,
    pub(crate) email: Personal<Email>,
    pub(crate) password: Personal<PasswordHash>,
    pub(crate) bio: Option<Personal<Bio>>,
    pub(crate) image: Option<Personal<Picture>>,
    pub(crate) follows: BTreeSet<UserId>,
}

/// A password as argon2 hashes it, in the PHC format. The password itself never enters the model.
#[derive(Clone, Debug, Serialize, Deserialize, Shape)]
pub struct PasswordHash(pub String);

/// An article.
#[derive(Serialize, Deserialize, Shape)]
pub struct Article {
    pub(crate) slug: Slug,
    pub(crate) title: Title,
    pub(crate) description: Description,
    pub(crate) body: Body,
    pub(crate) tags: Vec<Tag>,
    pub(crate) author: UserId,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) favorited_by: BTreeSet<UserId>,
    pub(crate) comments: BTreeMap<CommentId, Comment>,
}

/// A comment on an article.
#[derive(Serialize, Deserialize, Shape)]
pub struct Comment {
    pub(crate) body: Remark,
    pub(crate) author: UserId,
    pub(crate) created: Timestamp,
}

/// What to do with a value that may be absent.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Shape)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is removed.
    Clear,
    /// It is set.
    Set(T),
}

impl<T> Change<T> {
    fn apply(self, value: &mut Option<T>) {
        match self {
            Change::Keep => {}
            Change::Clear => *value = None,
            Change::Set(new) => *value = Some(new),
        }
    }
}

// what queries read
impl Conduit {
    /// A user that exists.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// The user with this name.
    pub fn user_named(&self, name: &Username) -> Option<(UserId, &User)> {
        let id = self.index.users_by_name.get(name)?;
        self.users.get(id).map(|user| (*id, user))
    }

    /// The user with this email address.
    pub fn user_with_email(&self, email: &Email) -> Option<(UserId, &User)> {
        let id = self.index.users_by_email.get(&email.key())?;
        self.users.get(id).map(|user| (*id, user))
    }

    /// An article that exists.
    pub fn article(&self, id: ArticleId) -> Option<&Article> {
        self.articles.get(&id)
    }

    /// The article at this address.
    pub fn article_at(&self, slug: &Slug) -> Option<(ArticleId, &Article)> {
        let id = self.index.articles_by_slug.get(slug)?;
        self.articles.get(id).map(|article| (*id, article))
    }

    /// All articles.
    pub fn articles(&self) -> &BTreeMap<ArticleId, Article> {
        &self.articles
    }

    /// Whose personal data has still to be erased: a crash may have come between the deletion and the erasure.
    pub fn leaving(&self) -> &BTreeMap<UserId, Subject> {
        &self.leaving
    }

    /// The indexes.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Fills the indexes of a state that was loaded.
    fn reindex(&mut self) {
        let mut index = Index::default();
        for (id, user) in &self.users {
            index.add_user(*id, user);
        }
        for (id, article) in &self.articles {
            index.add_article(*id, article);
        }
        self.index = index;
    }
}
