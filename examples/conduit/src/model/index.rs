//! The indexes, which the other fields determine. Commands keep them up to date; no snapshot contains them.

use std::collections::{BTreeMap, BTreeSet};

use memimage::Shape;
use serde::{Deserialize, Serialize};

use super::{Article, ArticleId, User, UserId};
use crate::text::{Email, Slug, Tag, Username};

/// Where users and articles are found by other things than their id.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
pub struct Index {
    pub(crate) users_by_name: BTreeMap<Username, UserId>,
    /// By [`Email::key`]. An email that was erased has no entry.
    pub(crate) users_by_email: BTreeMap<String, UserId>,
    pub(crate) articles_by_slug: BTreeMap<Slug, ArticleId>,
    pub(crate) articles_by_author: BTreeMap<UserId, BTreeSet<ArticleId>>,
    pub(crate) articles_by_tag: BTreeMap<Tag, BTreeSet<ArticleId>>,
    /// The favourites of each user.
    pub(crate) favorites: BTreeMap<UserId, BTreeSet<ArticleId>>,
}

impl Index {
    pub(super) fn add_user(&mut self, id: UserId, user: &User) {
        self.users_by_name.insert(user.name.clone(), id);
        if let Some(email) = user.email.get() {
            self.users_by_email.insert(email.key(), id);
        }
    }

    pub(super) fn remove_user(&mut self, user: &User) {
        self.users_by_name.remove(&user.name);
        if let Some(email) = user.email.get().map(Email::key) {
            self.users_by_email.remove(&email);
        }
    }

    pub(super) fn add_article(&mut self, id: ArticleId, article: &Article) {
        self.articles_by_slug.insert(article.slug.clone(), id);
        add(&mut self.articles_by_author, &article.author, id);
        for tag in &article.tags {
            add(&mut self.articles_by_tag, tag, id);
        }
        for user in &article.favorited_by {
            add(&mut self.favorites, user, id);
        }
    }

    pub(super) fn remove_article(&mut self, id: ArticleId, article: &Article) {
        self.articles_by_slug.remove(&article.slug);
        remove(&mut self.articles_by_author, &article.author, id);
        for tag in &article.tags {
            remove(&mut self.articles_by_tag, tag, id);
        }
        for user in &article.favorited_by {
            remove(&mut self.favorites, user, id);
        }
    }

    pub(super) fn add_favorite(&mut self, user: UserId, article: ArticleId) {
        add(&mut self.favorites, &user, article);
    }

    pub(super) fn remove_favorite(&mut self, user: UserId, article: ArticleId) {
        remove(&mut self.favorites, &user, article);
    }
}

fn add<K: Ord + Clone>(index: &mut BTreeMap<K, BTreeSet<ArticleId>>, key: &K, id: ArticleId) {
    index.entry(key.clone()).or_default().insert(id);
}

/// An entry without articles is removed, because a rebuilt index has none.
fn remove<K: Ord>(index: &mut BTreeMap<K, BTreeSet<ArticleId>>, key: &K, id: ArticleId) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}
