//! Addresses of the pages, relative to the page that shows them.

/// The address of a page with parameters. A parameter without a value is left out.
pub(crate) fn link(page: &str, parameters: &[(&str, &str)]) -> String {
    let given: Vec<_> = parameters.iter().filter(|(_, value)| !value.is_empty()).collect();
    let query = serde_urlencoded::to_string(&given).expect("pairs of texts can be encoded");
    if query.is_empty() { page.to_owned() } else { format!("{page}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn parameters_are_encoded() {
        assert_eq!(link("log", &[("name", "a&b=c \"ü\""), ("until", "")]), "log?name=a%26b%3Dc+%22%C3%BC%22");
        assert_eq!(link("log", &[("until", "")]), "log");
    }
}
