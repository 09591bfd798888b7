//! The store in one image, or in a follower of it. There is no mapping: queries read the model, and commands are its methods.

use std::time::Duration;

use memimage::{Command, CommandError, ErrorKind, Follower, Image, Metadata, Personal, Projection, Timestamp};

use super::{AccountChange, ArticleEdit, Call, Failure, NewArticle, NewUser, Store};
use crate::model::articles::{ArticleChange, ConduitDeleteArticle, ConduitEdit, ConduitPublish};
use crate::model::comments::{ConduitComment, ConduitDeleteComment};
use crate::model::social::{ConduitFavorite, ConduitFollow, ConduitUnfavorite, ConduitUnfollow};
use crate::model::users::{ConduitDeleteUser, ConduitForget, ConduitRegister, ConduitUpdateUser, UserChange};
use crate::model::{Change, CommentId, Conduit, PasswordHash, Refusal, UserId};
use crate::text::{Email, Remark, Slug, Username};
use crate::trends::Trends;
use crate::view::{Account, ArticlePage, ArticleView, CommentView, Filter, Paging, Profile};
use std::sync::Arc;

/// The image, or a copy of it that follows, and the projection.
#[derive(Clone)]
pub struct ImageStore {
    model: Source,
    trends: Arc<Projection<Trends>>,
}

#[derive(Clone)]
enum Source {
    Owner(Image<Conduit>),
    Follower(Arc<Follower<Conduit>>),
}

impl ImageStore {
    /// The store of the process that owns the image.
    pub fn owner(image: Image<Conduit>, trends: Arc<Projection<Trends>>) -> ImageStore {
        ImageStore { model: Source::Owner(image), trends }
    }

    /// The store of a process that only reads.
    pub fn follower(follower: Arc<Follower<Conduit>>, trends: Arc<Projection<Trends>>) -> ImageStore {
        ImageStore { model: Source::Follower(follower), trends }
    }

    async fn read<R>(&self, query: impl FnOnce(&Conduit) -> R + Send) -> Result<R, Failure> {
        let answer = match &self.model {
            Source::Owner(image) => image.query_async(query).await,
            Source::Follower(follower) => follower.query(query),
        };
        answer.map_err(broken)
    }

    fn image(&self) -> Result<&Image<Conduit>, Failure> {
        match &self.model {
            Source::Owner(image) => Ok(image),
            Source::Follower(_) => Err(Failure::ReadOnly),
        }
    }

    /// Executes a command, once if the request has a key. `who` keeps the keys of the users apart.
    async fn execute<C>(&self, call: &Call, who: Option<UserId>, command: C) -> Result<C::Output, Failure>
    where
        C: Command<Conduit, Error = CommandError<Refusal>>,
    {
        let who = who.map_or_else(|| "guest".to_owned(), |UserId(id)| format!("user {id}"));
        let image = self.image()?.with(Metadata::actor(&who).correlation(&call.request));
        let answer = match &call.key {
            None => image.execute_async(command).await,
            Some(key) => image.once(format!("{who}/{key}")).execute_async(command).await,
        };
        answer.map_err(|error| match error {
            CommandError::Refused(refusal) => Failure::Refused(refusal),
            CommandError::Image(error) if error.kind() == ErrorKind::RequestKeyReused => Failure::KeyReused,
            CommandError::Image(error) => broken(error),
        })
    }
}

fn broken(error: memimage::Error) -> Failure {
    Failure::Broken(error.to_string())
}

/// A command that has nothing to change was done.
fn done(answer: Result<(), Failure>) -> Result<(), Failure> {
    match answer {
        Err(Failure::Refused(Refusal::Already)) => Ok(()),
        other => other,
    }
}

impl Store for ImageStore {
    async fn register(&self, call: &Call, user: NewUser) -> Result<(UserId, Account), Failure> {
        let NewUser { name, email, password, subject } = user;
        let command = ConduitRegister {
            name,
            email: Personal::new(subject.as_str(), email),
            password: Personal::new(subject.as_str(), password),
        };
        let id = self.execute(call, None, command).await?;
        let account = self.account(id).await?;
        Ok((id, account.ok_or(Refusal::NotAUser)?))
    }

    async fn credentials(&self, email: &Email) -> Result<Option<(UserId, PasswordHash)>, Failure> {
        self.read(|conduit| {
            let (id, user) = conduit.user_with_email(email)?;
            Some((id, user.password.get()?.clone()))
        })
        .await
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, Failure> {
        self.read(|conduit| conduit.account(user)).await
    }

    async fn update_user(&self, call: &Call, user: UserId, change: AccountChange) -> Result<Account, Failure> {
        let subject = self.read(|conduit| conduit.user(user).map(|user| user.email.subject().clone())).await?;
        let subject = subject.ok_or(Refusal::NotAUser)?;
        let AccountChange { name, email, password, bio, image } = change;
        let change = UserChange {
            name,
            email: email.map(|email| Personal::new(subject.clone(), email)),
            password: password.map(|password| Personal::new(subject.clone(), password)),
            bio: change_to(bio, |bio| Personal::new(subject.clone(), bio)),
            image: change_to(image, |image| Personal::new(subject.clone(), image)),
        };
        self.execute(call, Some(user), ConduitUpdateUser { user, change }).await?;
        self.account(user).await?.ok_or(Failure::Refused(Refusal::NotAUser))
    }

    async fn delete_user(&self, call: &Call, user: UserId) -> Result<(), Failure> {
        self.execute(call, Some(user), ConduitDeleteUser { user }).await?;
        let image = self.image()?.clone();
        tokio::task::spawn_blocking(move || erase_departed(&image))
            .await
            .map_err(|error| Failure::Broken(error.to_string()))?
    }

    async fn profile(&self, viewer: Option<UserId>, name: &Username) -> Result<Option<Profile>, Failure> {
        self.read(|conduit| conduit.user_named(name).and_then(|(id, _)| conduit.profile(viewer, id))).await
    }

    async fn follow(&self, call: &Call, user: UserId, name: &Username, follow: bool) -> Result<Profile, Failure> {
        let followed =
            self.read(|conduit| conduit.user_named(name).map(|(id, _)| id)).await?.ok_or(Refusal::NoProfile)?;
        done(if follow {
            self.execute(call, Some(user), ConduitFollow { user, followed }).await
        } else {
            self.execute(call, Some(user), ConduitUnfollow { user, followed }).await
        })?;
        self.read(|conduit| conduit.profile(Some(user), followed)).await?.ok_or(Failure::Refused(Refusal::NoProfile))
    }

    async fn list(&self, viewer: Option<UserId>, filter: &Filter, paging: Paging) -> Result<ArticlePage, Failure> {
        self.read(|conduit| conduit.list(viewer, filter, paging)).await
    }

    async fn feed(&self, user: UserId, paging: Paging) -> Result<ArticlePage, Failure> {
        self.read(|conduit| conduit.feed(user, paging)).await
    }

    async fn article(&self, viewer: Option<UserId>, slug: &Slug) -> Result<Option<ArticleView>, Failure> {
        self.read(|conduit| conduit.article_at(slug).and_then(|(id, _)| conduit.article_view(viewer, id))).await
    }

    async fn publish(&self, call: &Call, user: UserId, article: NewArticle) -> Result<ArticleView, Failure> {
        let NewArticle { title, description, body, tags } = article;
        let command = ConduitPublish { author: user, slug: Slug::of(&title), title, description, body, tags };
        let id = self.execute(call, Some(user), command).await?;
        self.read(|conduit| conduit.article_view(Some(user), id)).await?.ok_or(Failure::Refused(Refusal::NoArticle))
    }

    async fn edit(&self, call: &Call, user: UserId, slug: &Slug, edit: ArticleEdit) -> Result<ArticleView, Failure> {
        let ArticleEdit { title, description, body, tags } = edit;
        let title = title.map(|title| (title.clone(), Slug::of(&title)));
        let change = ArticleChange { title, description, body, tags };
        let id = self.execute(call, Some(user), ConduitEdit { user, slug: slug.clone(), change }).await?;
        let article = self.read(|conduit| conduit.article_view(Some(user), id?)).await?;
        article.ok_or(Failure::Refused(Refusal::NoArticle))
    }

    async fn delete_article(&self, call: &Call, user: UserId, slug: &Slug) -> Result<(), Failure> {
        self.execute(call, Some(user), ConduitDeleteArticle { user, slug: slug.clone() }).await
    }

    async fn comments(&self, viewer: Option<UserId>, slug: &Slug) -> Result<Option<Vec<CommentView>>, Failure> {
        self.read(|conduit| conduit.comments(viewer, slug)).await
    }

    async fn comment(&self, call: &Call, user: UserId, slug: &Slug, body: Remark) -> Result<CommentView, Failure> {
        let id = self.execute(call, Some(user), ConduitComment { user, slug: slug.clone(), body }).await?;
        let comment = self.read(|conduit| conduit.comment_on(Some(user), slug, id)).await?;
        comment.ok_or(Failure::Refused(Refusal::NoComment))
    }

    async fn delete_comment(&self, call: &Call, user: UserId, slug: &Slug, comment: u64) -> Result<(), Failure> {
        let command = ConduitDeleteComment { user, slug: slug.clone(), comment: CommentId(comment) };
        self.execute(call, Some(user), command).await
    }

    async fn favorite(&self, call: &Call, user: UserId, slug: &Slug, favorite: bool) -> Result<ArticleView, Failure> {
        let article =
            self.read(|conduit| conduit.article_at(slug).map(|(id, _)| id)).await?.ok_or(Refusal::NoArticle)?;
        done(if favorite {
            self.execute(call, Some(user), ConduitFavorite { user, article }).await
        } else {
            self.execute(call, Some(user), ConduitUnfavorite { user, article }).await
        })?;
        self.read(|conduit| conduit.article_view(Some(user), article))
            .await?
            .ok_or(Failure::Refused(Refusal::NoArticle))
    }

    async fn tags(&self) -> Result<Vec<String>, Failure> {
        self.read(Conduit::tags).await
    }

    async fn trends(&self, days: u64) -> Result<Vec<(String, u64)>, Failure> {
        #[expect(clippy::disallowed_methods, reason = "a query may ask for the time")]
        let now = jiff::Timestamp::now().as_microsecond().unsigned_abs();
        let since = Timestamp::from_micros(now.saturating_sub(Duration::from_hours(24).as_micros() as u64 * days));
        self.trends.query(|trends| trends.since(since)).map_err(broken)
    }

    async fn health(&self) -> Result<(), Failure> {
        self.read(|_| ()).await
    }
}

/// What becomes of a value that may be absent.
fn change_to<T, U>(change: Option<Option<T>>, personal: impl FnOnce(T) -> U) -> Change<U> {
    match change {
        None => Change::Keep,
        Some(None) => Change::Clear,
        Some(Some(value)) => Change::Set(personal(value)),
    }
}

/// Erases the personal data of the users who were deleted. A crash may come after the deletion, or after the erasure: whatever is
/// left to do is in the model, and an erasure may be repeated. So this is called after each deletion and at each start.
///
/// # Errors
///
/// Returns an error if a key cannot be destroyed or the image does not take the command.
pub fn erase_departed(image: &Image<Conduit>) -> Result<(), Failure> {
    let departed = image.query(|conduit| conduit.leaving().clone()).map_err(broken)?;
    for (user, subject) in departed {
        image.admin().erase(subject).map_err(broken)?;
        match image.submit(ConduitForget { user }).map_err(broken)?.wait() {
            Ok(()) | Err(CommandError::Refused(_)) => {}
            Err(CommandError::Image(error)) => return Err(broken(error)),
        }
    }
    Ok(())
}
