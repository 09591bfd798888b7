//! Articles: they are published, edited and deleted by their authors.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use memimage::{Context, Shape, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Article, ArticleId, Conduit, Refusal, UserId};
use crate::text::{Body, Description, Slug, Tag, Title};

/// What changes about an article.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Shape)]
pub struct ArticleChange {
    /// The new title, and the slug that it asks for.
    pub title: Option<(Title, Slug)>,
    /// The new description, if it changes.
    pub description: Option<Description>,
    /// The new text, if it changes.
    pub body: Option<Body>,
    /// The new tags, if they change.
    pub tags: Option<Vec<Tag>>,
}

// A slug is an argument, so that the rule that makes it of a title may change: see the upcaster.
#[memimage::commands(group = Articles, lock)]
impl Conduit {
    /// Publishes an article at the slug that it asks for, with a number behind it if the slug is taken.
    #[command(version = 2, history(PublishV1), check = can_publish)]
    #[expect(clippy::too_many_arguments, reason = "each is a field of the event")]
    pub fn publish(
        &mut self,
        author: UserId,
        slug: Slug,
        title: Title,
        description: Description,
        body: Body,
        tags: Vec<Tag>,
        ctx: &Context,
    ) -> ArticleId {
        let id = ArticleId(ctx.seq().get());
        let article = Article {
            slug: slug.unique(|slug| self.index.articles_by_slug.contains_key(slug)),
            title,
            description,
            body,
            tags: without_repetitions(tags),
            author,
            created: ctx.time(),
            updated: ctx.time(),
            favorited_by: BTreeSet::new(),
            comments: BTreeMap::new(),
        };
        self.index.add_article(id, &article);
        self.articles.insert(id, article);
        id
    }

    fn can_publish(&self, author: UserId) -> Result<(), Refusal> {
        self.is_user(author)
    }

    /// Changes an article. It is named by its slug, as the request names it: a retry of a request that changed the slug finds its
    /// first answer and not a missing article.
    #[command(version = 2, history(EditV1), check = can_edit)]
    pub fn edit(&mut self, user: UserId, slug: Slug, change: ArticleChange, ctx: &Context) -> Option<ArticleId> {
        let _ = user; // the check has compared it with the author
        let id = self.index.articles_by_slug.get(&slug).copied()?;
        let mut article = self.articles.remove(&id)?;
        self.index.remove_article(id, &article);
        if let Some((title, asked)) = change.title {
            article.title = title;
            if asked != article.slug {
                article.slug = asked.unique(|slug| self.index.articles_by_slug.contains_key(slug));
            }
        }
        if let Some(description) = change.description {
            article.description = description;
        }
        if let Some(body) = change.body {
            article.body = body;
        }
        if let Some(tags) = change.tags {
            article.tags = without_repetitions(tags);
        }
        article.updated = ctx.time().max(next_millisecond(article.updated));
        self.index.add_article(id, &article);
        self.articles.insert(id, article);
        Some(id)
    }

    fn can_edit(&self, user: UserId, slug: &Slug) -> Result<(), Refusal> {
        self.is_their_article(user, slug)
    }

    /// Deletes an article, with its comments.
    #[command(check = can_delete_article)]
    pub fn delete_article(&mut self, user: UserId, slug: Slug) {
        let _ = user; // the check has compared it with the author
        if let Some(id) = self.index.articles_by_slug.get(&slug).copied() {
            self.remove_article(id);
        }
    }

    fn can_delete_article(&self, user: UserId, slug: &Slug) -> Result<(), Refusal> {
        self.is_their_article(user, slug)
    }
}

impl Conduit {
    pub(super) fn is_article(&self, slug: &Slug) -> Result<&Article, Refusal> {
        self.article_at(slug).map(|(_, article)| article).ok_or(Refusal::NoArticle)
    }

    fn is_their_article(&self, user: UserId, slug: &Slug) -> Result<(), Refusal> {
        self.is_user(user)?;
        if self.is_article(slug)?.author == user { Ok(()) } else { Err(Refusal::NotTheirArticle) }
    }

    /// The article that a body changes. A body finds it missing only on replay, after an earlier event became void.
    pub(super) fn article_mut(&mut self, slug: &Slug) -> Option<&mut Article> {
        self.articles.get_mut(self.index.articles_by_slug.get(slug)?)
    }

    pub(super) fn remove_article(&mut self, id: ArticleId) {
        if let Some(article) = self.articles.remove(&id) {
            self.index.remove_article(id, &article);
        }
    }
}

/// The tags in their order, each once.
fn without_repetitions(mut tags: Vec<Tag>) -> Vec<Tag> {
    let mut seen = BTreeSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    tags
}

/// The API shows milliseconds, so that is the least by which a later change is later.
fn next_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_micros() + Duration::from_millis(1).as_micros() as u64)
}

/// Version 1 had no slug: the command made it of the title.
#[derive(Deserialize, Shape)]
struct PublishV1 {
    author: UserId,
    title: Title,
    description: Description,
    body: Body,
    tags: Vec<Tag>,
}

#[memimage::upcast]
fn publish_1_to_2(old: PublishV1) -> ConduitPublish {
    let PublishV1 { author, title, description, body, tags } = old;
    ConduitPublish { author, slug: slug_of_version_1(&title), title, description, body, tags }
}

/// Version 1 had no slug here either.
#[derive(Deserialize, Shape)]
struct EditV1 {
    user: UserId,
    slug: Slug,
    change: ArticleChangeV1,
}

#[derive(Deserialize, Shape)]
struct ArticleChangeV1 {
    title: Option<Title>,
    description: Option<Description>,
    body: Option<Body>,
    tags: Option<Vec<Tag>>,
}

#[memimage::upcast]
fn edit_1_to_2(old: EditV1) -> ConduitEdit {
    let ArticleChangeV1 { title, description, body, tags } = old.change;
    let title = title.map(|title| (title.clone(), slug_of_version_1(&title)));
    ConduitEdit { user: old.user, slug: old.slug, change: ArticleChange { title, description, body, tags } }
}

/// The rule of version 1, which stays as it is, whatever becomes of [`Slug::of`].
fn slug_of_version_1(title: &Title) -> Slug {
    let letters = title
        .as_str()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' });
    Slug::from_address(letters.collect::<String>())
}
