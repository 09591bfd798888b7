//! Conversion of names: serde's `rename_all`, and type names from method names.

/// A rule of serde's `rename_all`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RenameRule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl RenameRule {
    pub(crate) fn parse(rule: &str) -> Option<RenameRule> {
        Some(match rule {
            "lowercase" => RenameRule::Lower,
            "UPPERCASE" => RenameRule::Upper,
            "PascalCase" => RenameRule::Pascal,
            "camelCase" => RenameRule::Camel,
            "snake_case" => RenameRule::Snake,
            "SCREAMING_SNAKE_CASE" => RenameRule::ScreamingSnake,
            "kebab-case" => RenameRule::Kebab,
            "SCREAMING-KEBAB-CASE" => RenameRule::ScreamingKebab,
            _ => return None,
        })
    }

    /// Converts the name of a variant.
    pub(crate) fn variant(self, variant: &str) -> String {
        match self {
            RenameRule::Pascal => variant.to_owned(),
            RenameRule::Lower => variant.to_ascii_lowercase(),
            RenameRule::Upper => variant.to_ascii_uppercase(),
            RenameRule::Camel => lower_first(variant),
            RenameRule::Snake => snake(variant),
            RenameRule::ScreamingSnake => snake(variant).to_ascii_uppercase(),
            RenameRule::Kebab => snake(variant).replace('_', "-"),
            RenameRule::ScreamingKebab => snake(variant).to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// Converts the name of a field.
    pub(crate) fn field(self, field: &str) -> String {
        match self {
            RenameRule::Lower | RenameRule::Snake => field.to_owned(),
            RenameRule::Upper | RenameRule::ScreamingSnake => field.to_ascii_uppercase(),
            RenameRule::Pascal => pascal(field),
            RenameRule::Camel => lower_first(&pascal(field)),
            RenameRule::Kebab => field.replace('_', "-"),
            RenameRule::ScreamingKebab => field.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

/// `open_account` → `OpenAccount`.
pub(crate) fn pascal(snake: &str) -> String {
    let mut name = String::with_capacity(snake.len());
    for word in snake.split('_') {
        let mut chars = word.chars();
        name.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(chars.as_str());
    }
    name
}

fn snake(pascal: &str) -> String {
    let mut name = String::with_capacity(pascal.len() + 4);
    for (at, char) in pascal.char_indices() {
        if at > 0 && char.is_uppercase() {
            name.push('_');
        }
        name.push(char.to_ascii_lowercase());
    }
    name
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars.as_str().chars()).collect()
}

/// The name without `r#`.
pub(crate) fn unraw(ident: &syn::Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_serdes() {
        let cases = [
            ("lowercase", "veryLong", "verylong", "very_long", "very_long"),
            ("UPPERCASE", "VeryLong", "VERYLONG", "very_long", "VERY_LONG"),
            ("PascalCase", "VeryLong", "VeryLong", "very_long", "VeryLong"),
            ("camelCase", "VeryLong", "veryLong", "very_long", "veryLong"),
            ("snake_case", "VeryLong", "very_long", "very_long", "very_long"),
            ("SCREAMING_SNAKE_CASE", "VeryLong", "VERY_LONG", "very_long", "VERY_LONG"),
            ("kebab-case", "VeryLong", "very-long", "very_long", "very-long"),
            ("SCREAMING-KEBAB-CASE", "VeryLong", "VERY-LONG", "very_long", "VERY-LONG"),
        ];
        for (rule, variant, renamed_variant, field, renamed_field) in cases {
            let rule = RenameRule::parse(rule).expect("serde has the rule");
            assert_eq!((rule.variant(variant).as_str(), rule.field(field).as_str()), (renamed_variant, renamed_field));
        }
    }
}
