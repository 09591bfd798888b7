//! What the API shows, by the names that it uses, whatever store it comes from.

use serde::Serialize;

use crate::model::{Article, ArticleId, Comment, CommentId, Conduit, User, UserId};
use crate::text::{Slug, Tag, Username};

/// A user as the user itself sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The address.
    pub email: String,
    /// The name.
    pub username: String,
    /// What the user says about itself.
    pub bio: Option<String>,
    /// The address of the picture.
    pub image: Option<String>,
}

/// A user as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The name.
    pub username: String,
    /// What the user says about itself.
    pub bio: Option<String>,
    /// The address of the picture.
    pub image: Option<String>,
    /// Whether the one who asks follows the user.
    pub following: bool,
}

/// An article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArticleView {
    /// Its address.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Its text. A list of articles has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Its tags, in the order of the author.
    pub tag_list: Vec<String>,
    /// When it was published.
    pub created_at: Time,
    /// When it was changed.
    pub updated_at: Time,
    /// Whether the one who asks likes it.
    pub favorited: bool,
    /// How many users like it.
    pub favorites_count: u64,
    /// Who wrote it.
    pub author: Profile,
}

/// A part of a list of articles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArticlePage {
    /// The articles of this part, the newest first.
    pub articles: Vec<ArticleView>,
    /// The number of articles in the whole list.
    pub articles_count: u64,
}

/// A comment on an article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommentView {
    /// Its id.
    pub id: u64,
    /// When it was added.
    pub created_at: Time,
    /// As the API has it: comments do not change.
    pub updated_at: Time,
    /// Its text.
    pub body: String,
    /// Who wrote it.
    pub author: Profile,
}

/// A time, shown as ISO 8601 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Microseconds since 1970.
    pub micros: i64,
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = jiff::Timestamp::from_microsecond(self.micros).map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
    }
}

impl From<memimage::Timestamp> for Time {
    fn from(time: memimage::Timestamp) -> Time {
        Time { micros: i64::try_from(time.as_micros()).unwrap_or(i64::MAX) }
    }
}

/// Which articles a list has.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those with this tag.
    pub tag: Option<String>,
    /// Those of this user.
    pub author: Option<String>,
    /// Those that this user likes.
    pub favorited: Option<String>,
}

/// Which part of a list is shown.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// How many articles come before the part.
    pub offset: u64,
    /// How many articles the part has at most.
    pub limit: u64,
}

// how the model is shown
impl Conduit {
    /// A user as itself sees it.
    pub fn account(&self, id: UserId) -> Option<Account> {
        let user = self.user(id)?;
        Some(Account {
            email: user.email.get()?.as_str().to_owned(),
            username: user.name.as_str().to_owned(),
            bio: bio(user),
            image: image(user),
        })
    }

    /// A user as another one sees it, who may be nobody.
    pub fn profile(&self, viewer: Option<UserId>, id: UserId) -> Option<Profile> {
        let user = self.user(id)?;
        Some(Profile {
            username: user.name.as_str().to_owned(),
            bio: bio(user),
            image: image(user),
            following: viewer.and_then(|viewer| self.user(viewer)).is_some_and(|viewer| viewer.follows.contains(&id)),
        })
    }

    /// An article with its text.
    pub fn article_view(&self, viewer: Option<UserId>, id: ArticleId) -> Option<ArticleView> {
        let article = self.article(id)?;
        let summary = self.summary(viewer, article)?;
        Some(ArticleView { body: Some(article.body.as_str().to_owned()), ..summary })
    }

    fn summary(&self, viewer: Option<UserId>, article: &Article) -> Option<ArticleView> {
        Some(ArticleView {
            slug: article.slug.as_str().to_owned(),
            title: article.title.as_str().to_owned(),
            description: article.description.as_str().to_owned(),
            body: None,
            tag_list: article.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            created_at: article.created.into(),
            updated_at: article.updated.into(),
            favorited: viewer.is_some_and(|viewer| article.favorited_by.contains(&viewer)),
            favorites_count: article.favorited_by.len() as u64,
            author: self.profile(viewer, article.author)?,
        })
    }

    /// The comments on an article, the oldest first. `None` without the article.
    pub fn comments(&self, viewer: Option<UserId>, slug: &Slug) -> Option<Vec<CommentView>> {
        let (_, article) = self.article_at(slug)?;
        Some(article.comments.iter().filter_map(|(id, comment)| self.comment_view(viewer, *id, comment)).collect())
    }

    /// One comment on an article.
    pub fn comment_on(&self, viewer: Option<UserId>, slug: &Slug, id: CommentId) -> Option<CommentView> {
        self.comment_view(viewer, id, self.article_at(slug)?.1.comments.get(&id)?)
    }

    fn comment_view(&self, viewer: Option<UserId>, id: CommentId, comment: &Comment) -> Option<CommentView> {
        Some(CommentView {
            id: id.0,
            created_at: comment.created.into(),
            updated_at: comment.created.into(),
            body: comment.body.as_str().to_owned(),
            author: self.profile(viewer, comment.author)?,
        })
    }

    /// The articles that match, the newest first.
    pub fn list(&self, viewer: Option<UserId>, filter: &Filter, paging: Paging) -> ArticlePage {
        let index = self.index();
        let user =
            |name: &String| Username::new(name.clone()).ok().and_then(|name| self.user_named(&name)).map(|(id, _)| id);
        let tag =
            filter.tag.as_ref().map(|tag| Tag::new(tag.clone()).ok().and_then(|tag| index.articles_by_tag.get(&tag)));
        let author = filter.author.as_ref().map(|name| user(name).and_then(|id| index.articles_by_author.get(&id)));
        let liked = filter.favorited.as_ref().map(|name| user(name).and_then(|id| index.favorites.get(&id)));
        // the sets of the indexes that all articles of the list are in; a filter that matches nothing has none
        let mut sets = Vec::new();
        for set in [tag, author, liked].into_iter().flatten() {
            match set {
                Some(set) => sets.push(set),
                None => return ArticlePage { articles: Vec::new(), articles_count: 0 },
            }
        }
        sets.sort_by_key(|set| set.len());
        match sets.split_first() {
            None => self.page(viewer, self.articles().len(), self.articles().keys().rev().copied(), paging),
            Some((smallest, [])) => self.page(viewer, smallest.len(), smallest.iter().rev().copied(), paging),
            Some((smallest, others)) => {
                let matching: Vec<ArticleId> =
                    smallest.iter().rev().copied().filter(|id| others.iter().all(|set| set.contains(id))).collect();
                self.page(viewer, matching.len(), matching.into_iter(), paging)
            }
        }
    }

    /// The articles of those whom the user follows, the newest first.
    pub fn feed(&self, user: UserId, paging: Paging) -> ArticlePage {
        let authors = self.user(user).into_iter().flat_map(|user| &user.follows);
        let mut ids: Vec<ArticleId> =
            authors.filter_map(|author| self.index().articles_by_author.get(author)).flatten().copied().collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        self.page(Some(user), ids.len(), ids.into_iter(), paging)
    }

    fn page(
        &self,
        viewer: Option<UserId>,
        count: usize,
        ids: impl Iterator<Item = ArticleId>,
        paging: Paging,
    ) -> ArticlePage {
        let part = ids.skip(saturating(paging.offset)).take(saturating(paging.limit));
        let articles = part.filter_map(|id| self.summary(viewer, self.article(id)?)).collect();
        ArticlePage { articles, articles_count: count as u64 }
    }

    /// The tags of all articles, the most used first.
    pub fn tags(&self) -> Vec<String> {
        let mut tags: Vec<_> =
            self.index().articles_by_tag.iter().map(|(tag, ids)| (ids.len(), tag.as_str())).collect();
        tags.sort_by(|(used_a, a), (used_b, b)| used_b.cmp(used_a).then(a.cmp(b)));
        tags.into_iter().map(|(_, tag)| tag.to_owned()).collect()
    }
}

fn bio(user: &User) -> Option<String> {
    Some(user.bio.as_ref()?.get()?.as_str().to_owned())
}

fn image(user: &User) -> Option<String> {
    Some(user.image.as_ref()?.get()?.as_str().to_owned())
}

fn saturating(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
