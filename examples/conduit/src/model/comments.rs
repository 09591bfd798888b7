//! Comments on articles.

use memimage::Context;

use super::{Comment, CommentId, Conduit, Refusal, UserId};
use crate::text::{Remark, Slug};

#[memimage::commands(group = Comments, lock)]
impl Conduit {
    /// Adds a comment to an article.
    #[command(check = can_comment)]
    pub fn comment(&mut self, user: UserId, slug: Slug, body: Remark, ctx: &Context) -> CommentId {
        let id = CommentId(ctx.seq().get());
        if let Some(article) = self.article_mut(&slug) {
            article.comments.insert(id, Comment { body, author: user, created: ctx.time() });
        }
        id
    }

    fn can_comment(&self, user: UserId, slug: &Slug) -> Result<(), Refusal> {
        self.is_user(user)?;
        self.is_article(slug).map(drop)
    }

    /// Deletes a comment.
    #[command(check = can_delete_comment)]
    pub fn delete_comment(&mut self, user: UserId, slug: Slug, comment: CommentId) {
        let _ = user; // the check has compared it with the author
        if let Some(article) = self.article_mut(&slug) {
            article.comments.remove(&comment);
        }
    }

    fn can_delete_comment(&self, user: UserId, slug: &Slug, comment: CommentId) -> Result<(), Refusal> {
        self.is_user(user)?;
        let comment = self.is_article(slug)?.comments.get(&comment).ok_or(Refusal::NoComment)?;
        if comment.author == user { Ok(()) } else { Err(Refusal::NotTheirComment) }
    }
}
