//! Registration, changes and deletion of users.

use std::collections::BTreeSet;

use memimage::{Context, Personal, Shape};
use serde::{Deserialize, Serialize};

use super::{Change, Conduit, PasswordHash, Refusal, User, UserId};
use crate::text::{Bio, Email, Picture, Username};

/// What changes about a user.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Shape)]
pub struct UserChange {
    /// The new name, if it changes.
    pub name: Option<Username>,
    /// The new email address, if it changes.
    pub email: Option<Personal<Email>>,
    /// The new password, if it changes.
    pub password: Option<Personal<PasswordHash>>,
    /// What becomes of the biography.
    pub bio: Change<Personal<Bio>>,
    /// What becomes of the picture.
    pub image: Change<Personal<Picture>>,
}

#[memimage::commands(group = Users, lock)]
impl Conduit {
    /// Registers a user.
    #[command(check = can_register)]
    pub fn register(
        &mut self,
        name: Username,
        email: Personal<Email>,
        password: Personal<PasswordHash>,
        ctx: &Context,
    ) -> UserId {
        let id = UserId(ctx.seq().get());
        let user = User { name, email, password, bio: None, image: None, follows: BTreeSet::new() };
        self.index.add_user(id, &user);
        self.users.insert(id, user);
        id
    }

    fn can_register(&self, name: &Username, email: &Personal<Email>) -> Result<(), Refusal> {
        self.is_free(None, Some(name), Some(email))
    }

    /// Changes a user's name, email address, password, biography or picture.
    #[command(check = can_update_user)]
    pub fn update_user(&mut self, user: UserId, change: UserChange) {
        let Some(user_before) = self.users.get_mut(&user) else { return };
        self.index.remove_user(user_before);
        if let Some(name) = change.name {
            user_before.name = name;
        }
        if let Some(email) = change.email {
            user_before.email = email;
        }
        if let Some(password) = change.password {
            user_before.password = password;
        }
        change.bio.apply(&mut user_before.bio);
        change.image.apply(&mut user_before.image);
        self.index.add_user(user, user_before);
    }

    fn can_update_user(&self, user: UserId, change: &UserChange) -> Result<(), Refusal> {
        self.is_user(user)?;
        self.is_free(Some(user), change.name.as_ref(), change.email.as_ref())
    }

    /// Deletes a user with all articles, comments and favourites. The personal data waits for its erasure.
    #[command(check = can_delete_user)]
    pub fn delete_user(&mut self, user: UserId) {
        let Some(deleted) = self.users.remove(&user) else { return };
        self.index.remove_user(&deleted);
        for follower in self.users.values_mut() {
            follower.follows.remove(&user);
        }
        let own: Vec<_> = self.index.articles_by_author.get(&user).into_iter().flatten().copied().collect();
        for id in own {
            self.remove_article(id);
        }
        for id in self.index.favorites.remove(&user).into_iter().flatten() {
            if let Some(article) = self.articles.get_mut(&id) {
                article.favorited_by.remove(&user);
            }
        }
        for article in self.articles.values_mut() {
            article.comments.retain(|_, comment| comment.author != user);
        }
        self.leaving.insert(user, deleted.email.subject().clone());
    }

    fn can_delete_user(&self, user: UserId) -> Result<(), Refusal> {
        self.is_user(user)
    }

    /// Records that the personal data of a deleted user was erased.
    #[command(check = can_forget)]
    pub fn forget(&mut self, user: UserId) {
        self.leaving.remove(&user);
    }

    fn can_forget(&self, user: UserId) -> Result<(), Refusal> {
        if self.leaving.contains_key(&user) { Ok(()) } else { Err(Refusal::Already) }
    }
}

impl Conduit {
    /// Whether the one who asks still exists.
    pub(super) fn is_user(&self, user: UserId) -> Result<(), Refusal> {
        if self.users.contains_key(&user) { Ok(()) } else { Err(Refusal::NotAUser) }
    }

    /// Whether no user but this one has the name or the email address.
    fn is_free(
        &self,
        user: Option<UserId>,
        name: Option<&Username>,
        email: Option<&Personal<Email>>,
    ) -> Result<(), Refusal> {
        let is_other = |id: &UserId| Some(*id) != user;
        if name.and_then(|name| self.index.users_by_name.get(name)).is_some_and(is_other) {
            return Err(Refusal::UsernameTaken);
        }
        let email = email.and_then(Personal::get).map(Email::key);
        if email.and_then(|email| self.index.users_by_email.get(&email)).is_some_and(is_other) {
            return Err(Refusal::EmailTaken);
        }
        Ok(())
    }
}
