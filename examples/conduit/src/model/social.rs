//! Who follows whom, and who likes which article.

use super::{ArticleId, Conduit, Refusal, UserId};

#[memimage::commands(group = Social, lock)]
impl Conduit {
    /// Follows another user.
    #[command(check = can_follow)]
    pub fn follow(&mut self, user: UserId, followed: UserId) {
        if let Some(follower) = self.users.get_mut(&user) {
            follower.follows.insert(followed);
        }
    }

    fn can_follow(&self, user: UserId, followed: UserId) -> Result<(), Refusal> {
        if self.is_following(user, followed)? { Err(Refusal::Already) } else { Ok(()) }
    }

    /// Follows another user no longer.
    #[command(check = can_unfollow)]
    pub fn unfollow(&mut self, user: UserId, followed: UserId) {
        if let Some(follower) = self.users.get_mut(&user) {
            follower.follows.remove(&followed);
        }
    }

    fn can_unfollow(&self, user: UserId, followed: UserId) -> Result<(), Refusal> {
        if self.is_following(user, followed)? { Ok(()) } else { Err(Refusal::Already) }
    }

    /// Adds an article to a user's favourites.
    #[command(check = can_favorite)]
    pub fn favorite(&mut self, user: UserId, article: ArticleId) {
        if let Some(liked) = self.articles.get_mut(&article) {
            liked.favorited_by.insert(user);
            self.index.add_favorite(user, article);
        }
    }

    fn can_favorite(&self, user: UserId, article: ArticleId) -> Result<(), Refusal> {
        if self.is_favorite(user, article)? { Err(Refusal::Already) } else { Ok(()) }
    }

    /// Removes an article from a user's favourites.
    #[command(check = can_unfavorite)]
    pub fn unfavorite(&mut self, user: UserId, article: ArticleId) {
        if let Some(liked) = self.articles.get_mut(&article) {
            liked.favorited_by.remove(&user);
            self.index.remove_favorite(user, article);
        }
    }

    fn can_unfavorite(&self, user: UserId, article: ArticleId) -> Result<(), Refusal> {
        if self.is_favorite(user, article)? { Ok(()) } else { Err(Refusal::Already) }
    }
}

impl Conduit {
    fn is_following(&self, user: UserId, followed: UserId) -> Result<bool, Refusal> {
        let follower = self.user(user).ok_or(Refusal::NotAUser)?;
        self.user(followed).ok_or(Refusal::NoProfile)?;
        Ok(follower.follows.contains(&followed))
    }

    fn is_favorite(&self, user: UserId, article: ArticleId) -> Result<bool, Refusal> {
        self.is_user(user)?;
        Ok(self.article(article).ok_or(Refusal::NoArticle)?.favorited_by.contains(&user))
    }
}
