//! The texts of Conduit, as types of their own. A constructor checks the rules; decoding does not, so the rules may become stricter,
//! and old events still replay.

use memimage::Shape;
use serde::{Deserialize, Serialize};

/// A field of a request breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct Invalid {
    /// The field's name in the API.
    pub field: &'static str,
    /// What is wrong with it, as the API says it.
    pub message: String,
}

impl Invalid {
    /// A field that is missing, null or blank.
    pub fn blank(field: &'static str) -> Invalid {
        Invalid { field, message: "can't be blank".to_owned() }
    }

    /// A field of another type or form.
    pub fn malformed(field: &'static str) -> Invalid {
        Invalid { field, message: "is invalid".to_owned() }
    }

    fn too_long(field: &'static str, characters: usize) -> Invalid {
        Invalid { field, message: format!("is too long (the maximum is {characters} characters)") }
    }
}

/// The text if it is neither blank nor longer than this many characters.
fn checked(field: &'static str, text: String, characters: usize) -> Result<String, Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::blank(field));
    }
    if text.chars().count() > characters {
        return Err(Invalid::too_long(field, characters));
    }
    Ok(text)
}

/// A type for a text that is not blank and has a maximal length.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $field:literal, $characters:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
        pub struct $name(String);

        impl $name {
            /// The field's name in the API.
            pub const FIELD: &'static str = $field;

            /// Checks the rules for the text.
            ///
            /// # Errors
            ///
            /// Returns an error if the text is blank or too long.
            pub fn new(text: impl Into<String>) -> Result<$name, Invalid> {
                checked($field, text.into(), $characters).map($name)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text.
            pub fn into_string(self) -> String {
                self.0
            }
        }
    };
}

text!(
    /// The name by which others see a user.
    Username, "username", 64
);
text!(
    /// A title of an article.
    Title, "title", 300
);
text!(
    /// What an article is about, in a sentence.
    Description, "description", 2_000
);
text!(
    /// The text of an article, in Markdown.
    Body, "body", 200_000
);
text!(
    /// The text of a comment.
    Remark, "body", 20_000
);
text!(
    /// A tag of an article.
    Tag, "tagList", 100
);
text!(
    /// What a user says about itself.
    Bio, "bio", 5_000
);
text!(
    /// The address of a user's picture.
    Picture, "image", 5_000
);

/// An email address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
pub struct Email(String);

impl Email {
    /// The field's name in the API.
    pub const FIELD: &'static str = "email";

    /// Checks the rules for an address. Whether mails arrive there, only a mail can tell.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is blank, too long, or has no `@` between two other characters.
    pub fn new(text: impl Into<String>) -> Result<Email, Invalid> {
        let text = checked(Email::FIELD, text.into(), 254)?;
        match text.split_once('@') {
            Some((user, host)) if !user.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace) => {
                Ok(Email(text))
            }
            _ => Err(Invalid::malformed(Email::FIELD)),
        }
    }

    /// The address as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which addresses are compared.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// The part of an article's address that comes from its title. Two articles may ask for the same slug: then one of them gets a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
pub struct Slug(String);

impl Slug {
    /// The slug that a title asks for: its letters and digits in lower case, with hyphens between the words.
    pub fn of(title: &Title) -> Slug {
        let lower = title.as_str().to_lowercase();
        let words: Vec<&str> =
            lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        // "feed" is an address of its own
        Slug(if words.is_empty() || words == ["feed"] {
            format!("article-{}", words.concat())
        } else {
            words.join("-")
        })
    }

    /// The slug in an address, which may belong to no article.
    pub fn from_address(text: impl Into<String>) -> Slug {
        Slug(text.into())
    }

    /// This slug if it is free, or else with the lowest number from 2 with which it is.
    pub fn unique(&self, is_taken: impl Fn(&Slug) -> bool) -> Slug {
        if !is_taken(self) {
            return self.clone();
        }
        let numbered = (2_u64..).map(|number| Slug(format!("{}-{number}", self.0)));
        numbered.into_iter().find(|slug| !is_taken(slug)).expect("there are more numbers than articles")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Bio, Email, Invalid, Slug, Title, Username};

    #[test]
    fn a_blank_text_is_refused() {
        for text in ["", " ", "\t\n"] {
            assert_eq!(Username::new(text), Err(Invalid::blank("username")));
        }
        assert_eq!(Bio::new("x".repeat(5_001)).unwrap_err().message, "is too long (the maximum is 5000 characters)");
        assert_eq!(Bio::new("é".repeat(5_000)).map(|bio| bio.into_string().len()), Ok(10_000));
    }

    #[test]
    fn an_email_has_two_parts() {
        for text in ["ada", "@", "ada@", "@example.org", "ada @example.org"] {
            assert_eq!(Email::new(text), Err(Invalid::malformed("email")), "{text}");
        }
        assert_eq!(Email::new("Ada@Example.org").unwrap().key(), "ada@example.org");
    }

    #[test]
    fn a_slug_is_made_of_the_words_of_the_title() {
        let slug = |title: &str| Slug::of(&Title::new(title).unwrap());
        assert_eq!(slug("How to train your Dragon!").as_str(), "how-to-train-your-dragon");
        assert_eq!(slug("  Über  alles? ").as_str(), "über-alles");
        assert_eq!(slug("!!!").as_str(), "article-");
        assert_eq!(slug("Feed").as_str(), "article-feed");
        let taken = [slug("a"), slug("a 2")];
        assert_eq!(slug("a").unique(|slug| taken.contains(slug)).as_str(), "a-3");
        assert_eq!(slug("b").unique(|slug| taken.contains(slug)).as_str(), "b");
    }
}
