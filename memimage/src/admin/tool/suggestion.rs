//! Suggestions for names that are probably mistakes in writing.

/// How alike two names are at least, from 0 to 1, for one to be suggested in place of the other: the measure and the limit of clap.
const ALIKE: f64 = 0.7;
/// The maximum number of names in a message.
const MAX_LISTED: usize = 20;

/// The help for a name that is not among those that are known: the most similar one, or all of them.
pub(crate) fn help<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    let alike = known.iter().map(|other| (strsim::jaro(name, other), *other)).filter(|(alike, _)| *alike > ALIKE);
    match alike.max_by(|(left, _), (right, _)| left.total_cmp(right)) {
        Some((_, other)) => format!("did you mean `{other}`? It has {}", list(&known)),
        None if known.is_empty() => "it has none".to_owned(),
        None => format!("it has {}", list(&known)),
    }
}

fn list(known: &[&str]) -> String {
    let more = known.len().saturating_sub(MAX_LISTED);
    let listed = known[..known.len() - more].join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_suggested() {
        let help = |name| help(name, ["deposit", "withdraw", "withhold"]);
        assert_eq!(help("withdrawal"), "did you mean `withdraw`? It has deposit, withdraw, withhold");
        assert_eq!(help("xyz"), "it has deposit, withdraw, withhold");
        assert_eq!(super::help("deposit", []), "it has none");
    }

    #[test]
    fn a_long_list_is_cut() {
        let known: Vec<String> = (0..30).map(|number| format!("name{number}")).collect();
        let help = help("xyz", known.iter().map(String::as_str));
        assert!(help.ends_with(", name19 and 10 more"), "{help}");
    }
}
