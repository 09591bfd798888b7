//! The twin over PostgreSQL, for the comparison: the same operations, with tables, queries, and the mapping between rows and values.
//! It has neither requests that are executed once, nor mails, nor history, nor erasure from backups.

mod rows;

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Executor, Postgres, QueryBuilder, Row, Transaction};

use rows::{SUMMARY, comment, now, number, profile, summary, viewer_number};

use super::{AccountChange, ArticleEdit, Call, Failure, NewArticle, NewUser, Store};
use crate::model::{PasswordHash, Refusal, UserId};
use crate::text::{Email, Remark, Slug, Tag, Username};
use crate::view::{Account, ArticlePage, ArticleView, CommentView, Filter, Paging, Profile};

/// The number of connections: eight for each of the two cores on which the comparison was made.
const CONNECTIONS: u32 = 16;

/// A pool of connections.
#[derive(Clone)]
pub struct PostgresStore(PgPool);

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Failure {
        let constraint = error.as_database_error().and_then(|error| error.constraint());
        match constraint {
            Some("users_name_key") => Failure::Refused(Refusal::UsernameTaken),
            Some("users_email_key_key") => Failure::Refused(Refusal::EmailTaken),
            _ => Failure::Broken(error.to_string()),
        }
    }
}

impl PostgresStore {
    /// Connects, and creates the tables.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot be reached.
    pub async fn open(url: &str) -> Result<PostgresStore, sqlx::Error> {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect(url).await?;
        (&pool).execute(include_str!("schema.sql")).await?;
        Ok(PostgresStore(pool))
    }

    async fn user_id(&self, name: &Username) -> Result<Option<i64>, Failure> {
        Ok(sqlx::query_scalar("SELECT id FROM users WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(&self.0)
            .await?)
    }

    async fn must_exist(&self, user: UserId) -> Result<(), Failure> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT id FROM users WHERE id = $1").bind(number(user)).fetch_optional(&self.0).await?;
        found.map(drop).ok_or(Failure::Refused(Refusal::NotAUser))
    }

    async fn article_id(&self, slug: &Slug) -> Result<i64, Failure> {
        let id = sqlx::query_scalar("SELECT id FROM articles WHERE slug = $1").bind(slug.as_str());
        id.fetch_optional(&self.0).await?.ok_or(Failure::Refused(Refusal::NoArticle))
    }

    async fn view(
        &self,
        viewer: Option<UserId>,
        condition: &'static str,
        value: Value<'_>,
    ) -> Result<Option<ArticleView>, Failure> {
        let mut query = QueryBuilder::<Postgres>::new(SUMMARY);
        query.push(", a.body FROM articles a JOIN users u ON u.id = a.author WHERE ").push(condition);
        let query = query.build().bind(viewer_number(viewer));
        let query = match value {
            Value::Id(id) => query.bind(id),
            Value::Slug(slug) => query.bind(slug),
        };
        let Some(row) = query.fetch_optional(&self.0).await? else { return Ok(None) };
        Ok(Some(ArticleView { body: row.try_get("body").map_err(Failure::from)?, ..summary(&row)? }))
    }

    async fn by_id(&self, viewer: UserId, id: i64) -> Result<ArticleView, Failure> {
        self.view(Some(viewer), "a.id = $2", Value::Id(id)).await?.ok_or(Failure::Refused(Refusal::NoArticle))
    }

    async fn page(
        &self,
        viewer: Option<UserId>,
        paging: Paging,
        conditions: impl Fn(&mut QueryBuilder<Postgres>),
    ) -> Result<ArticlePage, Failure> {
        let mut count = QueryBuilder::<Postgres>::new("SELECT count(*) FROM articles a WHERE TRUE");
        conditions(&mut count);
        let count: i64 = count.build_query_scalar().fetch_one(&self.0).await?;
        // the builder counts parameters from 1, and the summary's parameter is the first
        let mut part = QueryBuilder::<Postgres>::new(SUMMARY.replace("$1", &viewer_number(viewer).to_string()));
        part.push(" FROM articles a JOIN users u ON u.id = a.author WHERE TRUE");
        conditions(&mut part);
        let clamp = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        part.push(" ORDER BY a.id DESC OFFSET ")
            .push_bind(clamp(paging.offset))
            .push(" LIMIT ")
            .push_bind(clamp(paging.limit));
        let rows = part.build().fetch_all(&self.0).await?;
        let articles = rows.iter().map(summary).collect::<Result<_, _>>()?;
        Ok(ArticlePage { articles, articles_count: count.cast_unsigned() })
    }

    /// The slug that is asked for, with a number behind it if it is taken. The unique index refuses a slug that another transaction
    /// took meanwhile; then the request is tried again.
    async fn free_slug(transaction: &mut Transaction<'_, Postgres>, asked: &Slug) -> Result<String, sqlx::Error> {
        let pattern = format!("{}-%", asked.as_str().replace(['%', '_', '\\'], "_"));
        let taken: Vec<String> = sqlx::query_scalar("SELECT slug FROM articles WHERE slug = $1 OR slug LIKE $2")
            .bind(asked.as_str())
            .bind(pattern)
            .fetch_all(&mut **transaction)
            .await?;
        Ok(asked.unique(|slug| taken.iter().any(|taken| taken == slug.as_str())).as_str().to_owned())
    }

    async fn set_tags(
        transaction: &mut Transaction<'_, Postgres>,
        article: i64,
        tags: &[Tag],
    ) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM article_tags WHERE article = $1").bind(article).execute(&mut **transaction).await?;
        let mut tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
        let mut seen = std::collections::BTreeSet::new();
        tags.retain(|tag| seen.insert(*tag));
        if !tags.is_empty() {
            let mut insert = QueryBuilder::<Postgres>::new("INSERT INTO article_tags (article, position, tag) ");
            insert.push_values(tags.iter().enumerate(), |mut row, (position, tag)| {
                row.push_bind(article).push_bind(i32::try_from(position).unwrap_or(i32::MAX)).push_bind(*tag);
            });
            insert.build().execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// The id of an article that belongs to the user.
    async fn own_article(
        transaction: &mut Transaction<'_, Postgres>,
        user: UserId,
        slug: &Slug,
    ) -> Result<i64, Failure> {
        let row: Option<(i64, i64)> = sqlx::query_as("SELECT id, author FROM articles WHERE slug = $1 FOR UPDATE")
            .bind(slug.as_str())
            .fetch_optional(&mut **transaction)
            .await?;
        let (id, author) = row.ok_or(Refusal::NoArticle)?;
        if author == number(user) { Ok(id) } else { Err(Failure::Refused(Refusal::NotTheirArticle)) }
    }

    async fn try_publish(&self, user: UserId, article: &NewArticle) -> Result<i64, Failure> {
        let mut transaction = self.0.begin().await?;
        let slug = PostgresStore::free_slug(&mut transaction, &Slug::of(&article.title)).await?;
        let now = now();
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO articles (slug, title, description, body, author, created, updated)
             VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id",
        )
        .bind(slug)
        .bind(article.title.as_str())
        .bind(article.description.as_str())
        .bind(article.body.as_str())
        .bind(number(user))
        .bind(now)
        .fetch_one(&mut *transaction)
        .await?;
        PostgresStore::set_tags(&mut transaction, id, &article.tags).await?;
        transaction.commit().await?;
        Ok(id)
    }

    async fn try_edit(&self, user: UserId, slug: &Slug, edit: &ArticleEdit) -> Result<i64, Failure> {
        let mut transaction = self.0.begin().await?;
        let id = PostgresStore::own_article(&mut transaction, user, slug).await?;
        if let Some(title) = &edit.title {
            let asked = Slug::of(title);
            let new = if asked == *slug {
                slug.as_str().to_owned()
            } else {
                PostgresStore::free_slug(&mut transaction, &asked).await?
            };
            let update = sqlx::query("UPDATE articles SET title = $2, slug = $3 WHERE id = $1");
            update.bind(id).bind(title.as_str()).bind(new).execute(&mut *transaction).await?;
        }
        sqlx::query(
            "UPDATE articles SET description = coalesce($2, description), body = coalesce($3, body),
             updated = greatest($4, updated + 1000) WHERE id = $1",
        )
        .bind(id)
        .bind(edit.description.as_ref().map(|description| description.as_str()))
        .bind(edit.body.as_ref().map(|body| body.as_str()))
        .bind(now())
        .execute(&mut *transaction)
        .await?;
        if let Some(tags) = &edit.tags {
            PostgresStore::set_tags(&mut transaction, id, tags).await?;
        }
        transaction.commit().await?;
        Ok(id)
    }
}

/// How an article is found.
enum Value<'a> {
    Id(i64),
    Slug(&'a str),
}

/// Whether another transaction took the slug meanwhile.
fn is_taken(failure: &Failure) -> bool {
    matches!(failure, Failure::Broken(cause) if cause.contains("articles_slug_key"))
}

impl Store for PostgresStore {
    async fn register(&self, _: &Call, user: NewUser) -> Result<(UserId, Account), Failure> {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO users (name, email, email_key, password) VALUES ($1, $2, $3, $4) RETURNING id",
        )
        .bind(user.name.as_str())
        .bind(user.email.as_str())
        .bind(user.email.key())
        .bind(&user.password.0)
        .fetch_one(&self.0)
        .await?;
        let id = UserId(id.cast_unsigned());
        let account = self.account(id).await?.ok_or(Refusal::NotAUser)?;
        Ok((id, account))
    }

    async fn credentials(&self, email: &Email) -> Result<Option<(UserId, PasswordHash)>, Failure> {
        let row: Option<(i64, String)> = sqlx::query_as("SELECT id, password FROM users WHERE email_key = $1")
            .bind(email.key())
            .fetch_optional(&self.0)
            .await?;
        Ok(row.map(|(id, password)| (UserId(id.cast_unsigned()), PasswordHash(password))))
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>, Failure> {
        let row: Option<(String, String, Option<String>, Option<String>)> =
            sqlx::query_as("SELECT email, name, bio, image FROM users WHERE id = $1")
                .bind(number(user))
                .fetch_optional(&self.0)
                .await?;
        Ok(row.map(|(email, username, bio, image)| Account { email, username, bio, image }))
    }

    async fn update_user(&self, _: &Call, user: UserId, change: AccountChange) -> Result<Account, Failure> {
        let AccountChange { name, email, password, bio, image } = change;
        sqlx::query(
            "UPDATE users SET name = coalesce($2, name), email = coalesce($3, email), email_key = coalesce($4, email_key),
             password = coalesce($5, password), bio = CASE WHEN $6 THEN $7 ELSE bio END,
             image = CASE WHEN $8 THEN $9 ELSE image END WHERE id = $1",
        )
        .bind(number(user))
        .bind(name.map(Username::into_string))
        .bind(email.as_ref().map(|email| email.as_str().to_owned()))
        .bind(email.as_ref().map(Email::key))
        .bind(password.map(|password| password.0))
        .bind(bio.is_some())
        .bind(bio.flatten().map(|bio| bio.into_string()))
        .bind(image.is_some())
        .bind(image.flatten().map(|image| image.into_string()))
        .execute(&self.0)
        .await?;
        self.account(user).await?.ok_or(Failure::Refused(Refusal::NotAUser))
    }

    async fn delete_user(&self, _: &Call, user: UserId) -> Result<(), Failure> {
        let done = sqlx::query("DELETE FROM users WHERE id = $1").bind(number(user)).execute(&self.0).await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(Failure::Refused(Refusal::NotAUser)) }
    }

    async fn profile(&self, viewer: Option<UserId>, name: &Username) -> Result<Option<Profile>, Failure> {
        let row = sqlx::query(
            "SELECT u.name, u.bio, u.image,
             EXISTS (SELECT 1 FROM follows w WHERE w.follower = $1 AND w.followed = u.id) AS following
             FROM users u WHERE u.name = $2",
        )
        .bind(viewer_number(viewer))
        .bind(name.as_str())
        .fetch_optional(&self.0)
        .await?;
        Ok(row.as_ref().map(profile).transpose()?)
    }

    async fn follow(&self, _: &Call, user: UserId, name: &Username, follow: bool) -> Result<Profile, Failure> {
        self.must_exist(user).await?;
        let followed = self.user_id(name).await?.ok_or(Refusal::NoProfile)?;
        let query = if follow {
            sqlx::query("INSERT INTO follows (follower, followed) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        } else {
            sqlx::query("DELETE FROM follows WHERE follower = $1 AND followed = $2")
        };
        query.bind(number(user)).bind(followed).execute(&self.0).await?;
        self.profile(Some(user), name).await?.ok_or(Failure::Refused(Refusal::NoProfile))
    }

    async fn list(&self, viewer: Option<UserId>, filter: &Filter, paging: Paging) -> Result<ArticlePage, Failure> {
        self.page(viewer, paging, |query| {
            if let Some(tag) = &filter.tag {
                query
                    .push(" AND a.id IN (SELECT t.article FROM article_tags t WHERE t.tag = ")
                    .push_bind(tag.clone())
                    .push(")");
            }
            if let Some(author) = &filter.author {
                query.push(" AND a.author = (SELECT id FROM users WHERE name = ").push_bind(author.clone()).push(")");
            }
            if let Some(user) = &filter.favorited {
                query.push(
                    " AND a.id IN (SELECT f.article FROM favorites f JOIN users l ON l.id = f.user_id WHERE l.name = ",
                );
                query.push_bind(user.clone()).push(")");
            }
        })
        .await
    }

    async fn feed(&self, user: UserId, paging: Paging) -> Result<ArticlePage, Failure> {
        self.must_exist(user).await?;
        self.page(Some(user), paging, |query| {
            query
                .push(" AND a.author IN (SELECT followed FROM follows WHERE follower = ")
                .push_bind(number(user))
                .push(")");
        })
        .await
    }

    async fn article(&self, viewer: Option<UserId>, slug: &Slug) -> Result<Option<ArticleView>, Failure> {
        self.view(viewer, "a.slug = $2", Value::Slug(slug.as_str())).await
    }

    async fn publish(&self, _: &Call, user: UserId, article: NewArticle) -> Result<ArticleView, Failure> {
        self.must_exist(user).await?;
        loop {
            match self.try_publish(user, &article).await {
                Err(failure) if is_taken(&failure) => {}
                other => return self.by_id(user, other?).await,
            }
        }
    }

    async fn edit(&self, _: &Call, user: UserId, slug: &Slug, edit: ArticleEdit) -> Result<ArticleView, Failure> {
        self.must_exist(user).await?;
        loop {
            match self.try_edit(user, slug, &edit).await {
                Err(failure) if is_taken(&failure) => {}
                other => return self.by_id(user, other?).await,
            }
        }
    }

    async fn delete_article(&self, _: &Call, user: UserId, slug: &Slug) -> Result<(), Failure> {
        self.must_exist(user).await?;
        let mut transaction = self.0.begin().await?;
        let id = PostgresStore::own_article(&mut transaction, user, slug).await?;
        sqlx::query("DELETE FROM articles WHERE id = $1").bind(id).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn comments(&self, viewer: Option<UserId>, slug: &Slug) -> Result<Option<Vec<CommentView>>, Failure> {
        let article = match self.article_id(slug).await {
            Err(Failure::Refused(Refusal::NoArticle)) => return Ok(None),
            other => other?,
        };
        let rows = sqlx::query(
            "SELECT c.id, c.created, c.body, u.name, u.bio, u.image,
             EXISTS (SELECT 1 FROM follows w WHERE w.follower = $1 AND w.followed = u.id) AS following
             FROM comments c JOIN users u ON u.id = c.author WHERE c.article = $2 ORDER BY c.id",
        )
        .bind(viewer_number(viewer))
        .bind(article)
        .fetch_all(&self.0)
        .await?;
        Ok(Some(rows.iter().map(comment).collect::<Result<_, _>>()?))
    }

    async fn comment(&self, _: &Call, user: UserId, slug: &Slug, body: Remark) -> Result<CommentView, Failure> {
        self.must_exist(user).await?;
        let article = self.article_id(slug).await?;
        let row = sqlx::query(
            "WITH c AS (INSERT INTO comments (article, author, body, created) VALUES ($1, $2, $3, $4) RETURNING *)
             SELECT c.id, c.created, c.body, u.name, u.bio, u.image,
             EXISTS (SELECT 1 FROM follows w WHERE w.follower = u.id AND w.followed = u.id) AS following
             FROM c JOIN users u ON u.id = c.author",
        )
        .bind(article)
        .bind(number(user))
        .bind(body.as_str())
        .bind(now())
        .fetch_one(&self.0)
        .await?;
        Ok(comment(&row)?)
    }

    async fn delete_comment(&self, _: &Call, user: UserId, slug: &Slug, id: u64) -> Result<(), Failure> {
        self.must_exist(user).await?;
        let article = self.article_id(slug).await?;
        let author: Option<i64> = sqlx::query_scalar("SELECT author FROM comments WHERE id = $1 AND article = $2")
            .bind(id.cast_signed())
            .bind(article)
            .fetch_optional(&self.0)
            .await?;
        if author.ok_or(Refusal::NoComment)? != number(user) {
            return Err(Failure::Refused(Refusal::NotTheirComment));
        }
        sqlx::query("DELETE FROM comments WHERE id = $1").bind(id.cast_signed()).execute(&self.0).await?;
        Ok(())
    }

    async fn favorite(&self, _: &Call, user: UserId, slug: &Slug, favorite: bool) -> Result<ArticleView, Failure> {
        self.must_exist(user).await?;
        let article = self.article_id(slug).await?;
        let query = if favorite {
            sqlx::query("INSERT INTO favorites (article, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        } else {
            sqlx::query("DELETE FROM favorites WHERE article = $1 AND user_id = $2")
        };
        query.bind(article).bind(number(user)).execute(&self.0).await?;
        self.by_id(user, article).await
    }

    async fn tags(&self) -> Result<Vec<String>, Failure> {
        let tags = sqlx::query_scalar("SELECT tag FROM article_tags GROUP BY tag ORDER BY count(*) DESC, tag");
        Ok(tags.fetch_all(&self.0).await?)
    }

    async fn trends(&self, days: u64) -> Result<Vec<(String, u64)>, Failure> {
        let day = 24 * 60 * 60 * 1_000_000;
        let since = (now() / day - i64::try_from(days).unwrap_or(i64::MAX / day)).saturating_mul(day);
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT t.tag, count(*) FROM article_tags t JOIN articles a ON a.id = t.article WHERE a.created >= $1
             GROUP BY t.tag ORDER BY count(*) DESC, t.tag",
        )
        .bind(since)
        .fetch_all(&self.0)
        .await?;
        Ok(rows.into_iter().map(|(tag, used)| (tag, used.cast_unsigned())).collect())
    }

    async fn health(&self) -> Result<(), Failure> {
        sqlx::query("SELECT 1").execute(&self.0).await?;
        Ok(())
    }
}
