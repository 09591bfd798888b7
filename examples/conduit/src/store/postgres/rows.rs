//! The mapping between rows and what the API shows.

#![expect(clippy::disallowed_methods, reason = "the twin has no commands")]

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::model::UserId;
use crate::view::{ArticleView, CommentView, Profile, Time};

/// What is selected of an article, for the viewer `$1`.
pub(super) const SUMMARY: &str = "SELECT a.id, a.slug, a.title, a.description, a.created, a.updated,
    ARRAY(SELECT t.tag FROM article_tags t WHERE t.article = a.id ORDER BY t.position) AS tags,
    (SELECT count(*) FROM favorites f WHERE f.article = a.id) AS likes,
    EXISTS (SELECT 1 FROM favorites f WHERE f.article = a.id AND f.user_id = $1) AS liked,
    u.name, u.bio, u.image,
    EXISTS (SELECT 1 FROM follows w WHERE w.follower = $1 AND w.followed = u.id) AS following";

pub(super) fn number(user: UserId) -> i64 {
    user.0.cast_signed()
}

/// The viewer as a parameter: no user has the id 0.
pub(super) fn viewer_number(viewer: Option<UserId>) -> i64 {
    viewer.map_or(0, number)
}

pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

pub(super) fn profile(row: &PgRow) -> Result<Profile, sqlx::Error> {
    Ok(Profile {
        username: row.try_get("name")?,
        bio: row.try_get("bio")?,
        image: row.try_get("image")?,
        following: row.try_get("following")?,
    })
}

pub(super) fn summary(row: &PgRow) -> Result<ArticleView, sqlx::Error> {
    Ok(ArticleView {
        slug: row.try_get("slug")?,
        title: row.try_get("title")?,
        description: row.try_get("description")?,
        body: None,
        tag_list: row.try_get("tags")?,
        created_at: Time { micros: row.try_get("created")? },
        updated_at: Time { micros: row.try_get("updated")? },
        favorited: row.try_get("liked")?,
        favorites_count: row.try_get::<i64, _>("likes")?.cast_unsigned(),
        author: profile(row)?,
    })
}

pub(super) fn comment(row: &PgRow) -> Result<CommentView, sqlx::Error> {
    let created = Time { micros: row.try_get("created")? };
    Ok(CommentView {
        id: row.try_get::<i64, _>("id")?.cast_unsigned(),
        created_at: created,
        updated_at: created,
        body: row.try_get("body")?,
        author: profile(row)?,
    })
}
