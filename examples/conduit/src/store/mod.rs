//! What the handlers need of a store: the image, or PostgreSQL for the comparison.

use std::future::Future;

use crate::model::{PasswordHash, Refusal, UserId};
use crate::text::{Bio, Body, Description, Email, Picture, Remark, Slug, Tag, Title, Username};
use crate::view::{Account, ArticlePage, ArticleView, CommentView, Filter, Paging, Profile};

pub mod image;
#[cfg(feature = "postgres")]
pub mod postgres;

/// A store. Whatever it answers is durable.
pub trait Store: Clone + Send + Sync + 'static {
    /// Registers a user.
    fn register(&self, call: &Call, user: NewUser) -> impl Future<Output = Result<(UserId, Account), Failure>> + Send;
    /// Who has this email address, and the password's hash.
    fn credentials(
        &self,
        email: &Email,
    ) -> impl Future<Output = Result<Option<(UserId, PasswordHash)>, Failure>> + Send;
    /// A user as the user itself sees it.
    fn account(&self, user: UserId) -> impl Future<Output = Result<Option<Account>, Failure>> + Send;
    /// Changes a user.
    fn update_user(
        &self,
        call: &Call,
        user: UserId,
        change: AccountChange,
    ) -> impl Future<Output = Result<Account, Failure>> + Send;
    /// Deletes a user with all that is the user's, and erases the personal data.
    fn delete_user(&self, call: &Call, user: UserId) -> impl Future<Output = Result<(), Failure>> + Send;
    /// A user as others see it.
    fn profile(
        &self,
        viewer: Option<UserId>,
        name: &Username,
    ) -> impl Future<Output = Result<Option<Profile>, Failure>> + Send;
    /// Follows a user, or no longer.
    fn follow(
        &self,
        call: &Call,
        user: UserId,
        name: &Username,
        follow: bool,
    ) -> impl Future<Output = Result<Profile, Failure>> + Send;
    /// The articles that match.
    fn list(
        &self,
        viewer: Option<UserId>,
        filter: &Filter,
        paging: Paging,
    ) -> impl Future<Output = Result<ArticlePage, Failure>> + Send;
    /// The articles of those whom the user follows.
    fn feed(&self, user: UserId, paging: Paging) -> impl Future<Output = Result<ArticlePage, Failure>> + Send;
    /// An article.
    fn article(
        &self,
        viewer: Option<UserId>,
        slug: &Slug,
    ) -> impl Future<Output = Result<Option<ArticleView>, Failure>> + Send;
    /// Publishes an article.
    fn publish(
        &self,
        call: &Call,
        user: UserId,
        article: NewArticle,
    ) -> impl Future<Output = Result<ArticleView, Failure>> + Send;
    /// Changes an article.
    fn edit(
        &self,
        call: &Call,
        user: UserId,
        slug: &Slug,
        change: ArticleEdit,
    ) -> impl Future<Output = Result<ArticleView, Failure>> + Send;
    /// Deletes an article.
    fn delete_article(
        &self,
        call: &Call,
        user: UserId,
        slug: &Slug,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
    /// The comments on an article, the oldest first. `None` without the article.
    fn comments(
        &self,
        viewer: Option<UserId>,
        slug: &Slug,
    ) -> impl Future<Output = Result<Option<Vec<CommentView>>, Failure>> + Send;
    /// Adds a comment.
    fn comment(
        &self,
        call: &Call,
        user: UserId,
        slug: &Slug,
        body: Remark,
    ) -> impl Future<Output = Result<CommentView, Failure>> + Send;
    /// Deletes a comment.
    fn delete_comment(
        &self,
        call: &Call,
        user: UserId,
        slug: &Slug,
        comment: u64,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Likes an article, or no longer.
    fn favorite(
        &self,
        call: &Call,
        user: UserId,
        slug: &Slug,
        favorite: bool,
    ) -> impl Future<Output = Result<ArticleView, Failure>> + Send;
    /// The tags of all articles, the most used first.
    fn tags(&self) -> impl Future<Output = Result<Vec<String>, Failure>> + Send;
    /// The tags of the articles that were published in the last days, with their number.
    fn trends(&self, days: u64) -> impl Future<Output = Result<Vec<(String, u64)>, Failure>> + Send;
    /// Whether the store works.
    fn health(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A request, as it is recorded with its event.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The id of the request, which the log lines of the request have too.
    pub request: String,
    /// The key by which the client repeats the request.
    pub key: Option<String>,
}

/// A user who registers.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The name.
    pub name: Username,
    /// The address.
    pub email: Email,
    /// The hash of the password.
    pub password: PasswordHash,
    /// The subject of the user's personal data: a random id.
    pub subject: String,
}

/// What changes about a user.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// The new name, if it changes.
    pub name: Option<Username>,
    /// The new address, if it changes.
    pub email: Option<Email>,
    /// The new hash of the password, if it changes.
    pub password: Option<PasswordHash>,
    /// The new biography, if it changes; it may be removed.
    pub bio: Option<Option<Bio>>,
    /// The new picture, if it changes; it may be removed.
    pub image: Option<Option<Picture>>,
}

/// A new article.
#[derive(Clone, Debug)]
pub struct NewArticle {
    /// The title.
    pub title: Title,
    /// What it is about.
    pub description: Description,
    /// The text.
    pub body: Body,
    /// The tags.
    pub tags: Vec<Tag>,
}

/// What changes about an article.
#[derive(Clone, Debug, Default)]
pub struct ArticleEdit {
    /// The new title, if it changes.
    pub title: Option<Title>,
    /// The new description, if it changes.
    pub description: Option<Description>,
    /// The new text, if it changes.
    pub body: Option<Body>,
    /// The new tags, if they change.
    pub tags: Option<Vec<Tag>>,
}

/// Why a store did not do what it was asked to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key of the request belongs to another request.
    #[error("the key of the request belongs to another request")]
    KeyReused,
    /// This process follows the image of another one, and only reads.
    #[error("this server only reads")]
    ReadOnly,
    /// The store does not work.
    #[error("{0}")]
    Broken(String),
}
